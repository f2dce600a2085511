//! Background tasks: one compacts the store, one listens to what happens.

use std::sync::{Arc, Weak};

use heap_walk::Walk;
use smol_str::SmolStr;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::cache::Pages;
use crate::state::{Config, Event, State};

/// Changes after which the store is compacted.
const ENOUGH: usize = 400;

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) enum Change {
    Put(SmolStr),
    /// Compacts, and answers when that is done.
    Flush(oneshot::Sender<usize>),
}

/// Last news of the compaction.
#[derive(Clone, Default, Walk)]
#[walk(missing = opaque)]
pub(crate) struct Status {
    pub(crate) runs: u64,
    pub(crate) forgotten: usize,
    pub(crate) last_changed: Vec<SmolStr>,
}

/// Who compacts. Only one may.
#[derive(Default, Walk)]
#[walk(missing = opaque)]
pub(crate) struct Lease {
    holder: String,
    runs: Vec<u64>,
}

pub(crate) async fn compact(state: Weak<State>, pages: Pages, mut changes: mpsc::Receiver<Change>) {
    let Some(lease) = state.upgrade().map(|state| Arc::clone(&state.lease)) else { return };
    let mut lease = lease.lock_owned().await;
    lease.holder = "the background task".to_owned();
    let mut changed: Vec<SmolStr> = Vec::new();
    while let Some(change) = changes.recv().await {
        let answer = match change {
            Change::Put(slug) => {
                changed.push(slug);
                None
            }
            Change::Flush(answer) => Some(answer),
        };
        if changed.len() < ENOUGH && answer.is_none() {
            continue;
        }
        let Some(state) = state.upgrade() else { return };
        let keep = state.config.load().revisions;
        let forgotten = state.store.compact(keep).await;
        lease.runs.push(changed.len() as u64);
        {
            let mut pages = pages.lock();
            for slug in &changed {
                pages.shift_remove(slug);
            }
        }
        state.config.rcu(|config| Config { generation: config.generation + 1, ..Config::clone(config) });
        let last_changed = changed.drain(..).rev().take(16).collect();
        state.status.send_modify(|status| {
            status.runs += 1;
            status.forgotten += forgotten;
            status.last_changed = last_changed;
        });
        if let Some(answer) = answer {
            // Nobody may be waiting any more.
            let _ = answer.send(forgotten);
        }
    }
}

/// Keeps the pages of changed documents out of the cache. Events that come too
/// fast are lost, and those pages go with the next compaction.
pub(crate) async fn audit(state: Weak<State>, mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event { slug, at }) => {
                let Some(state) = state.upgrade() else { return };
                if at.elapsed().as_secs() < 60 {
                    state.pages.forget(&slug);
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
