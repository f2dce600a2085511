//! Counters that every request touches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heap_walk::Walk;
use http::StatusCode;

/// Durations are counted by powers of two of a microsecond.
const BUCKETS: usize = 32;

#[derive(Walk)]
#[walk(missing = opaque)]
pub(crate) struct Metrics {
    pub(crate) requests: AtomicU64,
    pub(crate) connections: AtomicU64,
    by_class: [AtomicU64; 5],
    durations: Box<[AtomicU64]>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Metrics {
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            by_class: Default::default(),
            durations: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn count(&self, status: StatusCode, took: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        let micros = took.as_micros().max(1).ilog2() as usize;
        self.durations[micros.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// Answers of each class, `1xx` to `5xx`.
    pub(crate) fn classes(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.by_class[class].load(Ordering::Relaxed))
    }
}
