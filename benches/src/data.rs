//! The data that is walked: an ordinary recursive enum over the containers that
//! programs hold most of their heap in.

use crate::random::Random;
use allocative::Allocative;
use get_size2::GetSize;
use heap_walk::Walk;
use std::collections::HashMap;
use std::sync::Arc;

/// 56 bytes: the shape of a syntax tree, a JSON value, a scene.
#[derive(Clone, Walk, GetSize, Allocative)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Node {
    Number(u64),
    Text(String),
    Numbers(Vec<u32>),
    Pair(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(HashMap<String, Node>),
    Shared(Arc<Payload>),
}

/// What several nodes share.
#[derive(Walk, GetSize, Allocative)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Payload {
    pub name: String,
    pub weights: [f32; 8],
    pub inner: Option<Node>,
}

/// Trees, about as many blocks as were asked for.
#[derive(Walk, GetSize, Allocative)]
pub struct Forest {
    /// The trees, some ten blocks each.
    pub trees: Vec<Node>,
}

/// An enum without anything behind it, of which there are many in one block.
#[derive(Clone, Copy, Walk)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Inline {
    Small(u8),
    Large(u64),
    Nothing,
}

/// Values of all variants, in random order.
pub fn inline(count: usize) -> Vec<Inline> {
    let mut random = Random::new(14);
    let value = |_| match random.below(3) {
        0 => Inline::Small(1),
        1 => Inline::Large(2),
        _ => Inline::Nothing,
    };
    (0..count).map(value).collect()
}

/// Levels below the top of a tree.
const DEPTH: u32 = 12;
/// Handles of each shared payload, on average.
const HANDLES: usize = 4;
/// Shared payloads from which a new handle is chosen: recent ones, as in programs.
const RECENT: usize = 1024;

struct Builder {
    random: Random,
    recent: Vec<Arc<Payload>>,
    blocks: usize,
}

impl Builder {
    fn text(&mut self) -> String {
        self.blocks += 1;
        let mut text = String::with_capacity(4 + self.random.below(36));
        text.push_str("name");
        text
    }

    fn shared(&mut self, depth: u32) -> Arc<Payload> {
        if self.recent.len() >= HANDLES && self.random.below(HANDLES) > 0 {
            let at = self.random.below(self.recent.len());
            return Arc::clone(&self.recent[at]);
        }
        self.blocks += 1;
        let inner = (depth > 0 && self.random.below(4) == 0).then(|| self.node(depth - 1));
        let payload = Arc::new(Payload { name: self.text(), weights: [0.0; 8], inner });
        if self.recent.len() < RECENT {
            self.recent.push(Arc::clone(&payload));
        } else {
            let at = self.random.below(RECENT);
            self.recent[at] = Arc::clone(&payload);
        }
        payload
    }

    fn node(&mut self, depth: u32) -> Node {
        let choice = if depth == 0 { self.random.below(50) } else { self.random.below(100) };
        match choice {
            0..8 => Node::Number(choice as u64),
            8..28 => Node::Text(self.text()),
            28..36 => {
                self.blocks += 1;
                let len = 1 + self.random.below(12);
                Node::Numbers(vec![7; len])
            }
            36..50 => Node::Shared(self.shared(depth.saturating_sub(1))),
            50..80 => {
                self.blocks += 2;
                Node::Pair(Box::new(self.node(depth - 1)), Box::new(self.node(depth - 1)))
            }
            80..95 => {
                self.blocks += 1;
                let len = 1 + self.random.below(3);
                let mut list = Vec::with_capacity(len + self.random.below(2));
                list.extend((0..len).map(|_| self.node(depth - 1)));
                Node::List(list)
            }
            _ => {
                self.blocks += 1;
                let len = 1 + self.random.below(5);
                Node::Map((0..len).map(|at| (format!("key {at}"), self.node(depth - 1))).collect())
            }
        }
    }
}

/// Builds a forest in the order in which it will be walked. Deterministic but
/// for the hash tables' order.
pub fn fresh(blocks: usize) -> Forest {
    let mut builder = Builder { random: Random::new(11), recent: Vec::new(), blocks: 1 };
    let mut trees = Vec::new();
    while builder.blocks < blocks {
        trees.push(builder.node(DEPTH));
    }
    Forest { trees }
}

/// Builds a forest on a heap as it looks after hours: its trees were dropped and
/// built again in random order, between blocks of other sizes that came and went
/// and strings that grew.
pub fn aged(blocks: usize) -> Forest {
    let mut random = Random::new(12);
    let mut other: Vec<Vec<u8>> =
        (0..blocks / 2).map(|_| Vec::with_capacity(16 + random.below(240))).collect();
    let mut forest = fresh(blocks);
    let mut builder = Builder { random: Random::new(13), recent: Vec::new(), blocks: 0 };
    let count = forest.trees.len();
    for _ in 0..2 * count {
        let at = random.below(count);
        // As many blocks as before, so that all ages have the same size.
        forest.trees[at] = Node::Number(0);
        forest.trees[at] = builder.node(DEPTH);
        for _ in 0..2 {
            let at = random.below(other.len());
            other[at] = Vec::with_capacity(16 + random.below(240));
            let at = random.below(other.len());
            other[at].reserve(16 + random.below(400));
        }
    }
    drop(other);
    forest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_has_the_size_that_the_figures_are_quoted_for() {
        assert_eq!(size_of::<Node>(), 56);
    }
}
