//! Immediate dominators under a lens.
//!
//! Semi-NCA (Georgiadis, *Linear-Time Algorithms for Dominators and Related
//! Problems*, 2005; the form LLVM uses): semidominators by path compression over
//! a depth-first tree, then each node climbs from its parent to the first
//! ancestor that is no deeper than its semidominator. O(n log n) in practice
//! also on long chains, where the iterative algorithm of Cooper, Harvey and
//! Kennedy (petgraph's `simple_fast`, our second opinion in tests) degrades.
//! Nothing recurses: a list of ten million nodes is an ordinary heap.

use crate::dominator_tree::Above;
use crate::heap::{Heap, NodeId, NONE};
use crate::lens::Lens;
use crate::reach::entries;

/// The dominator tree, from a virtual root over all roots and all outside owners.
#[derive(Debug)]
pub struct Dominators {
    /// Nodes in depth-first order.
    order: Vec<u32>,
    /// By position in `order`: the position of the immediate dominator plus
    /// one; 0 for the virtual root. Always at most the own position.
    idom: Vec<u32>,
    /// By node: position in `order`, or `NONE` where nothing reaches it.
    position: Vec<u32>,
    /// Nodes the virtual root leads to.
    entries: Vec<NodeId>,
}

/// What dominates a node immediately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dominator {
    /// A node.
    Node(NodeId),
    /// The virtual root: several roots hold it, or somebody the walk did not see.
    Virtual,
    /// Nothing reaches it.
    Unreachable,
}

impl Dominators {
    /// The immediate dominator of `node`.
    pub fn of(&self, node: NodeId) -> Dominator {
        match self.position[node.index()] {
            NONE => Dominator::Unreachable,
            at => match self.idom[at as usize] {
                0 => Dominator::Virtual,
                above => Dominator::Node(NodeId(self.order[above as usize - 1])),
            },
        }
    }

    /// What stands above `node` in the dominator tree; `None` where nothing reaches it.
    pub fn above(&self, node: NodeId) -> Option<Above> {
        match self.of(node) {
            Dominator::Node(above) => Some(Above::Node(above)),
            Dominator::Virtual => Some(Above::Virtual),
            Dominator::Unreachable => None,
        }
    }

    /// Reachable nodes, each after its dominator, with their dominators.
    pub fn in_order(&self) -> impl DoubleEndedIterator<Item = (NodeId, Option<NodeId>)> + '_ {
        self.order.iter().zip(&self.idom).map(|(&node, &above)| {
            let above = (above > 0).then(|| NodeId(self.order[above as usize - 1]));
            (NodeId(node), above)
        })
    }

    /// Whether something reaches `node`.
    pub fn is_reachable(&self, node: NodeId) -> bool {
        self.position[node.index()] != NONE
    }

    /// The nodes that roots and outside owners hold directly.
    pub fn entries(&self) -> &[NodeId] {
        &self.entries
    }
}

/// The dominator tree of `heap` under `lens`.
pub fn dominators(heap: &Heap, lens: Lens) -> Dominators {
    let entries = entries(heap, lens);
    // Depth-first numbering; number 0 is the virtual root, `number - 1` a position in `order`.
    let mut number = vec![0_u32; heap.node_count()];
    let mut order = Vec::with_capacity(heap.node_count());
    let mut parent = vec![0_u32];
    let mut stack: Vec<(std::ops::Range<usize>, u32)> = Vec::new();
    for &entry in &entries {
        let mut visit = |node: u32, above: u32, stack: &mut Vec<(std::ops::Range<usize>, u32)>| {
            if number[node as usize] == 0 {
                order.push(node);
                parent.push(above);
                let own = order.len() as u32;
                number[node as usize] = own;
                stack.push((heap.out_range(NodeId(node)), own));
            }
        };
        visit(entry.0, 0, &mut stack);
        while let Some((edges, own)) = stack.last_mut() {
            let own = *own;
            match edges.find(|&at| heap.edge_end(at).1 & lens.bits() != 0) {
                Some(at) => visit(heap.edge_end(at).0, own, &mut stack),
                None => {
                    stack.pop();
                }
            }
        }
    }
    let is_entry = {
        let mut is_entry = vec![false; order.len() + 1];
        for entry in &entries {
            is_entry[number[entry.index()] as usize] = true;
        }
        is_entry
    };
    let count = order.len() + 1;
    let mut idom = parent.clone();
    let mut semi: Vec<u32> = (0..count as u32).collect();
    let mut label = semi.clone();
    let mut path = Vec::new();
    for own in (1..count).rev() {
        let mut best = parent[own];
        if is_entry[own] {
            best = 0;
        }
        for &at in heap.in_positions(NodeId(order[own - 1])) {
            let (from, bits) = heap.edge_begin(at as usize);
            let from = number[from as usize];
            if bits & lens.bits() != 0 && from != 0 {
                let through = eval(from, own as u32 + 1, &mut parent, &mut label, &semi, &mut path);
                best = best.min(semi[through as usize]);
            }
        }
        semi[own] = best;
    }
    for own in 1..count {
        let mut above = idom[own];
        while above > semi[own] {
            above = idom[above as usize];
        }
        idom[own] = above;
    }
    let position = number.iter().map(|&number| number.wrapping_sub(1)).collect();
    idom.remove(0);
    Dominators { order, idom, position, entries }
}

/// The node of least semidominator on the tree path to `node`, among those
/// already linked (numbers from `linked` on); compresses that path.
fn eval(
    node: u32,
    linked: u32,
    parent: &mut [u32],
    label: &mut [u32],
    semi: &[u32],
    path: &mut Vec<u32>,
) -> u32 {
    let mut top = node;
    while parent[top as usize] >= linked {
        path.push(top);
        top = parent[top as usize];
    }
    let mut above = top;
    while let Some(below) = path.pop() {
        let (from_above, own) = (label[above as usize], label[below as usize]);
        if semi[from_above as usize] < semi[own as usize] {
            label[below as usize] = from_above;
        }
        parent[below as usize] = parent[above as usize];
        above = below;
    }
    label[node as usize]
}
