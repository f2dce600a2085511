//! Who is logged in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use compact_str::CompactString;
use dashmap::DashMap;
use heap_walk::Walk;
use http::{HeaderMap, Uri};

/// Requests that a session remembers.
const RECENT: usize = 8;

/// By token.
pub(crate) type Sessions = DashMap<CompactString, Session>;

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Session {
    user: CompactString,
    opened: Instant,
    headers: HeaderMap,
    recent: VecDeque<Arc<Visit>>,
}

/// Also kept by the log, as long as it is recent there.
#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Visit {
    pub(crate) uri: Uri,
    pub(crate) at: Instant,
}

impl Session {
    pub(crate) fn new(user: CompactString, headers: HeaderMap) -> Self {
        Session { user, opened: Instant::now(), headers, recent: VecDeque::new() }
    }

    pub(crate) fn visit(&mut self, visit: Arc<Visit>) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(visit);
    }

    pub(crate) fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "user": self.user.as_str(),
            "agent": self.headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()),
            "age_ms": u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX),
            "last_ms": self.recent.back().map(|visit| visit.at.elapsed().as_millis() as u64),
            "recent": self.recent.iter().map(|visit| visit.uri.path()).collect::<Vec<_>>(),
        })
    }
}
