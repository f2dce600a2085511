//! The heap as a petgraph graph, so that its algorithms serve where speed does
//! not decide, and stand as a second opinion in tests where we have our own.

use crate::heap::{Heap, NodeId};
use crate::lens::Lens;
use crate::reach::entries;
use petgraph::visit::{
    GraphBase, GraphRef, IntoNeighbors, IntoNodeIdentifiers, NodeCount, NodeIndexable, VisitMap, Visitable,
};
use std::collections::HashSet;
use std::ops::Range;

/// The nodes and edges that a lens follows, below a virtual root that leads to
/// all roots and to what outside owners hold. Node ids are those of the heap;
/// the virtual root comes after them.
#[derive(Clone, Copy, Debug)]
pub struct LensGraph<'h> {
    heap: &'h Heap,
    lens: Lens,
    entries: &'h [NodeId],
}

impl<'h> LensGraph<'h> {
    /// The graph below `entries`, as [`LensGraph::entries_of`] gives them.
    pub fn new(heap: &'h Heap, lens: Lens, entries: &'h [NodeId]) -> LensGraph<'h> {
        LensGraph { heap, lens, entries }
    }

    /// Where the virtual root leads to.
    pub fn entries_of(heap: &Heap, lens: Lens) -> Vec<NodeId> {
        entries(heap, lens)
    }

    /// The virtual root.
    pub fn virtual_root(&self) -> NodeId {
        NodeId(self.heap.node_count() as u32)
    }
}

impl GraphBase for LensGraph<'_> {
    type NodeId = NodeId;
    /// Position of an edge in the heap; those of the virtual root have none of their own.
    type EdgeId = usize;
}

impl GraphRef for LensGraph<'_> {}

/// The nodes that edges lead to from one node.
#[derive(Clone, Debug)]
pub struct Neighbors<'h> {
    graph: LensGraph<'h>,
    edges: Range<usize>,
    entries: std::slice::Iter<'h, NodeId>,
}

impl Iterator for Neighbors<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        for at in self.edges.by_ref() {
            let (to, bits) = self.graph.heap.edge_end(at);
            if bits & self.graph.lens.bits() != 0 {
                return Some(NodeId(to));
            }
        }
        self.entries.next().copied()
    }
}

impl<'h> IntoNeighbors for LensGraph<'h> {
    type Neighbors = Neighbors<'h>;

    fn neighbors(self, node: NodeId) -> Neighbors<'h> {
        match node == self.virtual_root() {
            true => Neighbors { graph: self, edges: 0..0, entries: self.entries.iter() },
            false => Neighbors { graph: self, edges: self.heap.out_range(node), entries: [].iter() },
        }
    }
}

impl NodeCount for LensGraph<'_> {
    fn node_count(&self) -> usize {
        self.heap.node_count() + 1
    }
}

impl NodeIndexable for LensGraph<'_> {
    fn node_bound(&self) -> usize {
        self.heap.node_count() + 1
    }
    fn to_index(&self, node: NodeId) -> usize {
        node.index()
    }
    fn from_index(&self, index: usize) -> NodeId {
        NodeId(index as u32)
    }
}

impl IntoNodeIdentifiers for LensGraph<'_> {
    type NodeIdentifiers = std::iter::Map<Range<u32>, fn(u32) -> NodeId>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        (0..self.heap.node_count() as u32 + 1).map(NodeId)
    }
}

impl Visitable for LensGraph<'_> {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited::default()
    }

    fn reset_map(&self, map: &mut Visited) {
        map.0.clear();
    }
}

/// The nodes that an algorithm has visited.
#[derive(Clone, Default, Debug)]
pub struct Visited(HashSet<NodeId>);

impl VisitMap<NodeId> for Visited {
    fn visit(&mut self, node: NodeId) -> bool {
        self.0.insert(node)
    }

    fn is_visited(&self, node: &NodeId) -> bool {
        self.0.contains(node)
    }

    fn unvisit(&mut self, node: NodeId) -> bool {
        self.0.remove(&node)
    }
}
