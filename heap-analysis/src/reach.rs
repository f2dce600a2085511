//! Where a walk along the edges of a lens arrives.

use crate::heap::{Heap, NodeId};
use crate::lens::Lens;
use std::ops::Range;

/// A set of nodes.
#[derive(Clone, Debug)]
pub(crate) struct NodeSet(Vec<u64>);

impl NodeSet {
    pub(crate) fn new(heap: &Heap) -> NodeSet {
        NodeSet(vec![0; heap.node_count().div_ceil(64)])
    }

    #[inline]
    pub(crate) fn contains(&self, node: u32) -> bool {
        self.0[node as usize / 64] >> (node % 64) & 1 != 0
    }

    /// Adds a node; whether it was not in the set.
    #[inline]
    pub(crate) fn insert(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// What was reached.
pub(crate) struct Reached {
    pub(crate) nodes: NodeSet,
    pub(crate) count: u64,
    /// Sum of the shallow sizes.
    pub(crate) bytes: u64,
}

/// What a search does not pass.
#[derive(Default)]
pub(crate) struct Closed {
    /// Nodes that are not entered.
    pub(crate) nodes: Option<NodeSet>,
    /// Nodes of which some edges are not followed, with the positions of these.
    pub(crate) edges: Vec<(NodeId, Range<usize>)>,
}

impl Closed {
    fn has_node(&self, node: u32) -> bool {
        self.nodes.as_ref().is_some_and(|nodes| nodes.contains(node))
    }

    fn has_edge(&self, from: u32, at: usize) -> bool {
        self.edges.iter().any(|(node, edges)| node.0 == from && edges.contains(&at))
    }
}

/// Everything reachable from `starts`, themselves included. O(nodes + edges), no recursion.
pub(crate) fn reach(heap: &Heap, lens: Lens, starts: impl IntoIterator<Item = NodeId>) -> Reached {
    reach_without(heap, lens, starts, &Closed::default())
}

/// As [`reach`], without passing what is closed.
pub(crate) fn reach_without(
    heap: &Heap,
    lens: Lens,
    starts: impl IntoIterator<Item = NodeId>,
    closed: &Closed,
) -> Reached {
    let mut reached = Reached { nodes: NodeSet::new(heap), count: 0, bytes: 0 };
    let mut stack = Vec::new();
    for start in starts {
        reached.grow(heap, lens, start, closed, &mut stack);
    }
    reached
}

impl Reached {
    /// Adds what is reachable from `start`.
    fn grow(&mut self, heap: &Heap, lens: Lens, start: NodeId, closed: &Closed, stack: &mut Vec<u32>) {
        if !closed.has_node(start.0) && self.nodes.insert(start.0) {
            stack.push(start.0);
        }
        while let Some(node) = stack.pop() {
            self.count += 1;
            self.bytes = self.bytes.saturating_add(heap.shallow(NodeId(node)));
            for at in heap.out_range(NodeId(node)) {
                let (to, bits) = heap.edge_end(at);
                if bits & lens.bits() != 0
                    && !closed.has_edge(node, at)
                    && !closed.has_node(to)
                    && self.nodes.insert(to)
                {
                    stack.push(to);
                }
            }
        }
    }
}

/// Where the virtual root leads: roots that are no names for something else,
/// and what outside owners hold. A name that none of these reaches (its place
/// is held by itself alone, as in a cycle) is added, so that every root is reached.
pub(crate) fn entries(heap: &Heap, lens: Lens) -> Vec<NodeId> {
    let mut entries: Vec<NodeId> =
        heap.roots().iter().filter(|entry| !entry.is_name).map(|entry| entry.node).collect();
    entries.extend(heap.outside().iter().map(|outside| outside.node));
    if heap.roots().iter().any(|entry| entry.is_name) {
        let mut reached = reach(heap, lens, entries.iter().copied());
        let mut stack = Vec::new();
        for entry in heap.roots().iter().filter(|entry| entry.is_name) {
            if !reached.nodes.contains(entry.node.0) {
                entries.push(entry.node);
                reached.grow(heap, lens, entry.node, &Closed::default(), &mut stack);
            }
        }
    }
    entries.sort_unstable();
    entries.dedup();
    entries
}
