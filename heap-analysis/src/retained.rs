//! Retained sizes: what would go with a node.

use crate::dominators::Dominators;
use crate::heap::{Heap, NodeId, Part};
use crate::lens::Lens;
use crate::owners::Sizes;
use crate::reach::{reach, reach_without, Closed, NodeSet};

/// By node: the sum of the shallow sizes of its dominator subtree; 0 where
/// nothing reaches it. O(n).
pub fn retained_sizes(heap: &Heap, dominators: &Dominators) -> Vec<u64> {
    let mut retained = vec![0_u64; heap.node_count()];
    for (node, above) in dominators.in_order().rev() {
        let own = retained[node.index()].saturating_add(heap.shallow(node));
        retained[node.index()] = own;
        if let Some(above) = above {
            let above = &mut retained[above.index()];
            *above = above.saturating_add(own);
        }
    }
    retained
}

/// By node of `classes`: the bytes retained by all nodes of its class together,
/// none counted twice: a node counts unless another one of its class dominates
/// it. `class` gives a class below `count`, or none. O(n).
pub(crate) fn retained_by_class(
    heap: &Heap,
    dominators: &Dominators,
    retained: &[u64],
    count: usize,
    class: impl Fn(NodeId) -> Option<usize>,
) -> Vec<u64> {
    // Children of each node in the dominator tree, as lists through columns.
    const END: u32 = u32::MAX;
    let mut first = vec![END; heap.node_count()];
    let mut next = vec![END; heap.node_count()];
    let mut tops = Vec::new();
    for (node, above) in dominators.in_order() {
        match above {
            Some(above) => {
                next[node.index()] = first[above.index()];
                first[above.index()] = node.0;
            }
            None => tops.push(node.0),
        }
    }
    let mut sums = vec![0_u64; count];
    let mut open = vec![0_u32; count];
    for top in tops {
        // Enter a node, go through its children, leave it. `first` is consumed.
        let mut stack = vec![top];
        let enter = |node: u32, open: &mut [u32], sums: &mut [u64]| {
            if let Some(class) = class(NodeId(node)) {
                if open[class] == 0 {
                    sums[class] = sums[class].saturating_add(retained[node as usize]);
                }
                open[class] += 1;
            }
        };
        enter(top, &mut open, &mut sums);
        while let Some(&node) = stack.last() {
            let child = first[node as usize];
            if child != END {
                first[node as usize] = next[child as usize];
                enter(child, &mut open, &mut sums);
                stack.push(child);
            } else {
                if let Some(class) = class(NodeId(node)) {
                    open[class] -= 1;
                }
                stack.pop();
            }
        }
    }
    sums
}

/// Sizes of several nodes taken as one owner: alone is what nothing reaches
/// any more without them. O(n): two searches.
pub fn sizes_of(heap: &Heap, lens: Lens, dominators: &Dominators, owner: &[NodeId]) -> Sizes {
    sizes_with_parts(heap, lens, dominators, owner, &[])
}

/// As [`sizes_of`], where values inside of nodes belong to the owner as well:
/// without it they no longer hold what they hold. Their own bytes are those of
/// the node around them.
pub(crate) fn sizes_with_parts(
    heap: &Heap,
    lens: Lens,
    dominators: &Dominators,
    owner: &[NodeId],
    parts: &[Part],
) -> Sizes {
    let mut nodes = NodeSet::new(heap);
    let mut shallow = 0_u64;
    for node in owner {
        if nodes.insert(node.0) {
            shallow = shallow.saturating_add(heap.shallow(*node));
        }
    }
    let edges: Vec<_> = parts.iter().map(|part| (part.node, part.edges(heap))).collect();
    let held = edges
        .iter()
        .flat_map(|(_, edges)| edges.clone())
        .map(|at| heap.edge_end(at))
        .filter(|(_, bits)| bits & lens.bits() != 0)
        .map(|(to, _)| NodeId(to));
    let in_all = reach(heap, lens, owner.iter().copied().chain(held));
    let closed = Closed { nodes: Some(nodes), edges };
    let without = reach_without(heap, lens, dominators.entries().iter().copied(), &closed);
    // Not `reachable - without`: nodes that nothing else reaches may be part of the owner.
    let alone = heap
        .node_ids()
        .filter(|node| in_all.nodes.contains(node.0) && !without.nodes.contains(node.0))
        .fold(0_u64, |sum, node| sum.saturating_add(heap.shallow(node)));
    Sizes {
        shallow,
        alone,
        in_all: in_all.bytes,
        shared: in_all.bytes.saturating_sub(alone),
        nodes: in_all.count,
    }
}
