//! The dominator tree from above: what goes with a node, largest first.
//!
//! Every reachable node is in it once, so its bytes add up: what a node retains
//! is its own bytes and what its children retain. That makes it the tree to
//! draw. Siblings are a slice, sorted by retained size; a run of siblings is a
//! range of positions, whose bytes and ends are found without going through it.
//!
//! O(n log n) once; then a little over eight bytes a node.

use crate::dominators::Dominators;
use crate::heap::{Heap, NodeId};
use std::cmp::Reverse;
use std::ops::Range;

/// Positions between two sums that are kept.
const STRIDE: usize = 64;

/// A node of the tree: the virtual root, or a node of the heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Above {
    /// Over all roots and all outside owners.
    Virtual,
    /// A node.
    Node(NodeId),
}

/// The dominator tree from above.
#[derive(Debug)]
pub struct DominatorTree {
    /// By node, then the virtual root, then the end: where its children begin.
    start: Vec<u32>,
    /// Children of all, siblings by retained size, largest first.
    child: Vec<u32>,
    /// Retained bytes of all children before every [`STRIDE`]th position. Sums
    /// over chains may wrap; differences among siblings do not.
    sums: Vec<u64>,
    /// Shallow bytes of all nodes in the tree.
    total: u64,
}

/// The dominator tree of `heap`, with siblings by `retained`. O(n log n).
pub fn dominator_tree(heap: &Heap, dominators: &Dominators, retained: &[u64]) -> DominatorTree {
    let count = heap.node_count();
    let slot = |above: Option<NodeId>| above.map_or(count, NodeId::index);
    let mut start = vec![0_u32; count + 2];
    for (_, above) in dominators.in_order() {
        start[slot(above) + 1] += 1;
    }
    for at in 1..start.len() {
        start[at] += start[at - 1];
    }
    let mut child = vec![0_u32; start[count + 1] as usize];
    // Each slice is filled from its start, which thereby moves to its end, the
    // start of the next; afterwards everything is moved back by one.
    for (node, above) in dominators.in_order() {
        let next = &mut start[slot(above)];
        child[*next as usize] = node.0;
        *next += 1;
    }
    start.copy_within(0..count + 1, 1);
    start[0] = 0;
    for at in 0..=count {
        let siblings = &mut child[start[at] as usize..start[at + 1] as usize];
        if siblings.len() > 1 {
            siblings.sort_unstable_by_key(|&node| key(retained, node));
        }
    }
    let mut sums = Vec::with_capacity(child.len() / STRIDE + 1);
    let mut sum = 0_u64;
    for (at, &node) in child.iter().enumerate() {
        if at % STRIDE == 0 {
            sums.push(sum);
        }
        sum = sum.wrapping_add(retained[node as usize]);
    }
    let total = child.iter().map(|&node| heap.shallow(NodeId(node))).fold(0, u64::saturating_add);
    DominatorTree { start, child, sums, total }
}

/// Order of siblings.
fn key(retained: &[u64], node: u32) -> (Reverse<u64>, u32) {
    (Reverse(retained[node as usize]), node)
}

impl DominatorTree {
    /// Shallow bytes of all nodes in the tree: everything reachable.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Positions of the children of a node, largest first.
    pub fn children(&self, above: Above) -> Range<u32> {
        let at = match above {
            Above::Virtual => self.start.len() - 2,
            Above::Node(node) => node.index(),
        };
        self.start[at]..self.start[at + 1]
    }

    /// The node at a position.
    pub fn at(&self, position: u32) -> NodeId {
        NodeId(self.child[position as usize])
    }

    /// The nodes at some positions.
    pub fn nodes(&self, positions: Range<u32>) -> impl ExactSizeIterator<Item = NodeId> + '_ {
        self.child[positions.start as usize..positions.end as usize].iter().map(|&node| NodeId(node))
    }

    /// Position of a node among the children of what dominates it. O(log siblings).
    pub(crate) fn position(&self, dominators: &Dominators, retained: &[u64], node: NodeId) -> Option<u32> {
        let siblings = self.children(dominators.above(node)?);
        let nodes = &self.child[siblings.start as usize..siblings.end as usize];
        let at = nodes.binary_search_by_key(&key(retained, node.0), |&node| key(retained, node)).ok()?;
        Some(siblings.start + at as u32)
    }

    /// Bytes retained by siblings at some positions together. O(1).
    pub(crate) fn retained(&self, retained: &[u64], positions: Range<u32>) -> u64 {
        let before = |position: u32| {
            let kept = (position as usize / STRIDE).min(self.sums.len().saturating_sub(1));
            let rest = &self.child[kept * STRIDE..position as usize];
            let sum = self.sums.get(kept).copied().unwrap_or(0);
            rest.iter().fold(sum, |sum, &node| sum.wrapping_add(retained[node as usize]))
        };
        before(positions.end).wrapping_sub(before(positions.start))
    }
}
