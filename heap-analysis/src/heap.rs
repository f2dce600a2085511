//! The heap.

use heap_snapshot::read::Snapshot;
use heap_snapshot::record::{EdgeKind, LabelIdx};
use serde::Serialize;

/// A node of a [`Heap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// An edge of a [`Heap`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Where it starts.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// Kind.
    pub kind: EdgeKind,
    /// Field or position.
    pub label: LabelIdx,
    /// Address of the handle.
    pub place: u64,
}

impl Edge {
    pub(crate) fn lens_bits(&self) -> u8 {
        crate::lens::Lens::of_kind(self.kind).map_or(0, |lens| lens.bits())
    }
}

/// A snapshot in dense columns, claims joined with blocks.
#[derive(Debug, Default)]
pub struct Heap {}

impl Heap {
    /// From a snapshot.
    pub fn from_snapshot(snapshot: Snapshot) -> Heap {
        Heap::build(snapshot, Vec::new(), &mut |_| true).unwrap_or_default()
    }

    /// From a snapshot and problems of its file; `None` where `progress` said to stop.
    pub fn build(
        _snapshot: Snapshot,
        _problems: Vec<String>,
        _progress: &mut dyn FnMut(&'static str) -> bool,
    ) -> Option<Heap> {
        Some(Heap {})
    }

    /// What was wrong with the file.
    pub fn problems(&self) -> &[String] {
        &[]
    }
}
