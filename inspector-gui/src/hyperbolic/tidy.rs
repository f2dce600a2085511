//! A subtree as a plain tree: depth to the right, every leaf on a line of its
//! own, every other node on the line of the first below it. (In the middle of
//! those below it, as in Reingold and Tilford's, the first node of a large tree
//! would have nothing but empty screen around it.)

use super::layout::{Layout, PlaceId};
use heap_analysis::Analysis;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Nodes that are drawn: the largest. What is left out is counted where it hangs.
pub const MAX_NODES: usize = 500;

/// A node of the plain tree.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Leaf {
    /// Where it is in the layout.
    pub place: PlaceId,
    /// Position of the node above it.
    pub above: Option<usize>,
    /// Levels below the first node.
    pub depth: usize,
    /// Its line, counted from above.
    pub row: usize,
    /// Nodes directly below it that are left out.
    pub rest_count: u64,
    /// Bytes that these retain.
    pub rest_bytes: u64,
}

/// The subtree at `top`: at most [`MAX_NODES`] nodes, the largest, each after the node above it.
pub fn tidy(layout: &mut Layout, analysis: &Analysis, top: PlaceId) -> Vec<Leaf> {
    // By size, then in the order in which they were met, so that it is always the same.
    let mut open = BinaryHeap::from([(layout.bytes(top), Reverse(top))]);
    let mut chosen: HashMap<PlaceId, Vec<PlaceId>> = HashMap::new();
    let mut above: HashMap<PlaceId, PlaceId> = HashMap::new();
    while let Some((_, Reverse(place))) = open.pop() {
        if chosen.len() == MAX_NODES {
            break;
        }
        chosen.insert(place, Vec::new());
        if let Some(above) = above.get(&place) {
            if let Some(below) = chosen.get_mut(above) {
                below.push(place);
            }
        }
        for child in layout.expand(analysis, place) {
            above.insert(child, place);
            open.push((layout.bytes(child), Reverse(child)));
        }
    }
    let mut leaves: Vec<Leaf> = Vec::with_capacity(chosen.len());
    let mut stack = vec![(top, None, 0)];
    let mut rows = 0;
    while let Some((place, above, depth)) = stack.pop() {
        let below = &chosen[&place];
        let at = leaves.len();
        let all = layout.expand(analysis, place);
        let rest: Vec<PlaceId> = all.filter(|child| !chosen.contains_key(child)).collect();
        leaves.push(Leaf {
            place,
            above,
            depth,
            row: rows,
            rest_count: rest.iter().map(|&place| layout.nodes(place)).sum(),
            rest_bytes: rest.iter().map(|&place| layout.bytes(place)).sum(),
        });
        if below.is_empty() {
            rows += 1;
        }
        stack.extend(below.iter().rev().map(|&child| (child, Some(at), depth + 1)));
    }
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperbolic::layout::tests::demo;

    #[test]
    fn nothing_overlaps_and_every_byte_is_there() {
        let analysis = demo(5000);
        let mut layout = Layout::new(&analysis, 0.9);
        let root = layout.root();
        let leaves = tidy(&mut layout, &analysis, root);
        assert_eq!(leaves.len(), MAX_NODES);
        for (at, leaf) in leaves.iter().enumerate() {
            let mut others = leaves[..at].iter().filter(|other| other.depth == leaf.depth);
            assert!(others.all(|other| other.row != leaf.row), "{leaf:?}");
            if let Some(above) = leaf.above {
                assert!(above < at && leaves[above].depth + 1 == leaf.depth);
            }
        }
        let own: u64 = leaves.iter().map(|leaf| layout.own_bytes(&analysis, leaf.place)).sum();
        let rest: u64 = leaves.iter().map(|leaf| leaf.rest_bytes).sum();
        assert_eq!(own + rest, analysis.dominated().total());
    }
}
