//! What all requests share.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::BytesMut;
use crossbeam_queue::SegQueue;
use heap_walk::{TagFuture, Walk};
use http::{HeaderName, HeaderValue};
use once_cell::sync::OnceCell;
use serde_json::Value;
use smol_str::SmolStr;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch, Mutex as AsyncMutex, Semaphore};
use tokio::task::JoinHandle;
use url::Url;

use crate::cache::PageCache;
use crate::compaction::{self, Change, Lease, Status};
use crate::metrics::Metrics;
use crate::router::Router;
use crate::session::{Sessions, Visit};
use crate::store::Store;

/// Requests that are worked on at a time.
const AT_ONCE: usize = 64;
/// Requests the log remembers.
const LOGGED: usize = 1024;
const PAGES: usize = 256;

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct State {
    pub(crate) config: ArcSwap<Config>,
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) pages: PageCache,
    pub(crate) sessions: Sessions,
    pub(crate) metrics: Metrics,
    /// What `/schema` answers, made by the first who asks.
    pub(crate) schema: OnceCell<Value>,
    /// Read buffers of connections that were closed.
    pub(crate) buffers: SegQueue<BytesMut>,
    pub(crate) at_once: Arc<Semaphore>,
    pub(crate) changes: mpsc::Sender<Change>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) status: watch::Sender<Status>,
    /// Held by the task that compacts, for as long as it lives.
    pub(crate) lease: Arc<AsyncMutex<Lease>>,
    log: Mutex<VecDeque<Arc<Visit>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) runtime: Handle,
}

/// Replaced as a whole, read without a lock.
#[derive(Clone, Walk)]
#[walk(missing = opaque)]
pub(crate) struct Config {
    pub(crate) base: Url,
    pub(crate) generation: u64,
    pub(crate) revisions: usize,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Told to whoever listens.
#[derive(Clone, Walk)]
#[walk(missing = opaque)]
pub(crate) struct Event {
    pub(crate) slug: SmolStr,
    pub(crate) at: Instant,
}

impl State {
    /// With its background tasks running.
    pub(crate) fn new(runtime: Handle) -> Arc<State> {
        let (changes, to_compact) = mpsc::channel(128);
        let (events, to_audit) = broadcast::channel(64);
        let state = Arc::new(State {
            config: ArcSwap::from_pointee(Config::new()),
            router: Router::new(),
            store: Store::default(),
            pages: PageCache::new(PAGES),
            sessions: Sessions::new(),
            metrics: Metrics::new(),
            schema: OnceCell::new(),
            buffers: SegQueue::new(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            changes,
            events,
            status: watch::Sender::new(Status::default()),
            lease: Arc::default(),
            log: Mutex::default(),
            tasks: Mutex::default(),
            runtime,
        });
        // The tasks hold no strong handle: they end when the state is gone.
        let pages = Arc::clone(&state.pages.pages);
        state.spawn(compaction::compact(Arc::downgrade(&state), pages, to_compact).tagged("compact"));
        state.spawn(compaction::audit(Arc::downgrade(&state), to_audit).tagged("audit"));
        state
    }

    /// A background task, which is remembered.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.runtime.spawn(task);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Takes the background tasks, for somebody who waits for them or ends them.
    pub(crate) fn take_tasks(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn log(&self, visit: Arc<Visit>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOGGED {
            log.pop_front();
        }
        log.push_back(visit);
    }
}

impl Config {
    fn new() -> Config {
        let base = Url::parse("https://shelf.example/library/").expect("a URL");
        let headers = vec![
            (http::header::SERVER, HeaderValue::from_static("shelf")),
            (http::header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60")),
        ];
        Config { base, generation: 0, revisions: 3, headers }
    }
}
