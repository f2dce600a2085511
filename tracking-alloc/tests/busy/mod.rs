//! Threads that are busy until a test is over.

use std::sync::atomic::{AtomicBool, Ordering};

/// Ends them when it goes, also where an assertion fails: their scope waits for them.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
