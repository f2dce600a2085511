//! Adds up what a walk meets, for a report in memory.

use crate::types::Types;
use ahash::RandomState;
use heap_snapshot::layout::{value_count, Shape};
use heap_snapshot::live::LiveBlocks;
use heap_snapshot::record::{Content, LabelDesc, Layout, LiveBlock, NodeTypeDesc, Split, TypeDesc};
use heap_snapshot::write::Met;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

const POINTER: u8 = size_of::<usize>() as u8;

/// For handles that cannot be counted.
const UNKNOWN: u32 = u32::MAX;

/// Blocks of one node type.
#[derive(Clone, Copy)]
struct Sums {
    shape: Shape,
    layout: Layout,
    /// How one value divides, and whether every value does so.
    base: Split,
    is_fixed: bool,
    blocks: u64,
    usable: u64,
}

/// A way from the root to nodes: the fields and positions on it.
struct PathNode {
    parent: u32,
    label: u32,
    ty: u32,
    blocks: u64,
    usable: u64,
}

/// Ways to nodes, and the one of each node; only where somebody asks.
#[derive(Default)]
struct Paths {
    of_node: Vec<u32>,
    all: Vec<PathNode>,
    by_step: HashMap<(u32, u32, u32), u32>,
}

pub(crate) struct Tally {
    live: Option<&'static dyn LiveBlocks>,
    types: Vec<TypeDesc>,
    node_types: Vec<NodeTypeDesc>,
    labels: Vec<LabelDesc>,
    sums: Vec<Sums>,
    next_node: u64,
    paths: Option<Paths>,
    /// Blocks met, without the value that was asked about.
    pub(crate) blocks: u64,
    /// Their usable bytes.
    pub(crate) usable: u64,
    /// How their requested bytes divide.
    pub(crate) split: Split,
    pub(crate) rounding: u64,
    /// Off while the second walk of a report passes what is not outside.
    pub(crate) is_counting: bool,
    /// Handles of shared blocks that were not met yet, by address; [`UNKNOWN`]
    /// where nobody knows. What is not here has none.
    shared: HashMap<u64, u32, RandomState>,
    /// Nodes whose values are not in the sums: the root, and values inside blocks.
    uncounted: HashSet<u64>,
}

/// What the blocks of one type add up to.
pub(crate) struct TypeSum {
    pub(crate) name: String,
    pub(crate) blocks: u64,
    pub(crate) usable: u64,
}

impl Tally {
    pub(crate) fn new(live: Option<&'static dyn LiveBlocks>, with_paths: bool) -> Tally {
        Tally {
            live,
            types: Vec::new(),
            node_types: Vec::new(),
            labels: Vec::new(),
            sums: Vec::new(),
            next_node: 0,
            paths: with_paths.then(Paths::default),
            blocks: 0,
            usable: 0,
            split: Split::default(),
            rounding: 0,
            is_counting: true,
            shared: HashMap::with_hasher(RandomState::with_seeds(9, 10, 11, 12)),
            uncounted: HashSet::new(),
        }
    }

    pub(crate) fn news(&mut self, types: &mut Types) {
        self.types.append(&mut types.new_types);
        self.labels.append(&mut types.new_labels);
        for ty in &types.new_node_types {
            let elem = &self.types[ty.elem as usize];
            self.sums.push(Sums {
                shape: Shape::new(ty, &self.types, POINTER),
                layout: Layout(ty.layout),
                base: elem.base,
                is_fixed: elem.fixed,
                blocks: 0,
                usable: 0,
            });
        }
        self.node_types.append(&mut types.new_node_types);
    }

    /// Adds a block. `size` is that of its values, where only they know it.
    #[inline]
    pub(crate) fn met(&mut self, met: &Met, size: u64) -> u64 {
        let id = self.next_node;
        self.next_node += 1;
        let ty = met.site.ty().0 as usize;
        let (len, cap) = (met.len, met.len.wrapping_add(met.spare));
        let sums = &mut self.sums[ty];
        let shape = sums.shape;
        let is_counted = !matches!(sums.layout, Layout::ROOT | Layout::INSIDE | Layout::REGION);
        let mut usable = 0;
        if !is_counted {
            if id > 0 {
                self.uncounted.insert(id);
            }
        } else if self.is_counting {
            let block = match self.live {
                // Memory of another allocator is in nobody's sum.
                Some(live) => live.lookup(met.addr),
                None => {
                    let size = shape.estimate(len, cap).max(size);
                    Some(LiveBlock {
                        addr: met.addr,
                        requested: size,
                        usable: size,
                        align_log2: 0,
                        epoch: 0,
                        is_tool: false,
                    })
                }
            };
            if let Some(block) = block.filter(|block| !block.is_tool) {
                let mut values = Split::default();
                if sums.is_fixed {
                    values.add_times(&sums.base, value_count(&self.node_types[ty], len));
                    self.split.add_times(&values, 1);
                } else {
                    // What the values' own record will say; only the sum matters here.
                    values.untyped = size;
                }
                self.split.add_times(&shape.container(len, cap, block.requested, &values), 1);
                self.rounding += block.usable - block.requested;
                usable = block.usable;
                sums.blocks += 1;
                sums.usable += usable;
                self.blocks += 1;
                self.usable += usable;
            }
        }
        if let Some(paths) = &mut self.paths {
            let has_parent = met.parent != Met::NO_PARENT;
            let parent = if has_parent { paths.of_node[met.parent as usize] } else { u32::MAX };
            paths.add((parent, met.site.label().0, met.site.ty().0), usable, has_parent);
        }
        id
    }

    /// Notes a strong handle and how many there are, if that can be read.
    pub(crate) fn share(&mut self, addr: u64, strong: Option<usize>, is_counted: bool) {
        let Some(strong) = strong.map(|strong| u32::try_from(strong).unwrap_or(UNKNOWN - 1)) else {
            self.shared.insert(addr, UNKNOWN);
            return;
        };
        // A block with one handle is told by it, whole.
        let left = match self.shared.entry(addr) {
            Entry::Occupied(left) => left.into_mut(),
            Entry::Vacant(_) if strong <= 1 && is_counted => return,
            Entry::Vacant(left) => left.insert(strong),
        };
        if *left != UNKNOWN {
            *left = left.saturating_sub(u32::from(is_counted));
        }
    }

    /// Addresses of shared blocks that may have owners elsewhere.
    pub(crate) fn outside(&self) -> Vec<u64> {
        self.shared.iter().filter(|(_, left)| **left > 0).map(|(addr, _)| *addr).collect()
    }

    #[inline]
    pub(crate) fn content(&mut self, content: &Content) {
        // The first node is the root.
        if content.node == 0 || !self.uncounted.is_empty() && self.uncounted.contains(&content.node) {
            return;
        }
        self.split.add_times(&content.split, 1);
    }

    /// Bytes by node type, most first.
    pub(crate) fn types(&self) -> Vec<TypeSum> {
        let mut rows: Vec<TypeSum> = (0..self.sums.len())
            .filter(|&at| self.sums[at].blocks > 0)
            .map(|at| TypeSum {
                name: self.type_name(at),
                blocks: self.sums[at].blocks,
                usable: self.sums[at].usable,
            })
            .collect();
        rows.sort_by(|a, b| b.usable.cmp(&a.usable).then_with(|| a.name.cmp(&b.name)));
        rows
    }

    fn type_name(&self, at: usize) -> String {
        let ty = &self.node_types[at];
        let elem = &self.types[ty.elem as usize].name;
        match (ty.container.as_str(), ty.is_slice) {
            ("Box", true) => format!("Box<[{elem}]>"),
            ("Rc" | "Arc", true) => format!("{}<[{elem}]>", ty.container),
            (container, _) => format!("{container}<{elem}>"),
        }
    }

    /// Ways from the root with the blocks at their ends, most bytes first.
    pub(crate) fn paths(&self) -> Vec<TypeSum> {
        let Some(paths) = &self.paths else { return Vec::new() };
        let mut rows: Vec<TypeSum> = (0..paths.all.len())
            .filter(|&at| paths.all[at].blocks > 0)
            .map(|at| TypeSum {
                name: self.path_name(paths, at),
                blocks: paths.all[at].blocks,
                usable: paths.all[at].usable,
            })
            .collect();
        rows.sort_by(|a, b| b.usable.cmp(&a.usable).then_with(|| a.name.cmp(&b.name)));
        rows
    }

    fn path_name(&self, paths: &Paths, at: usize) -> String {
        use heap_snapshot::record::Place;
        let mut steps = Vec::new();
        let mut at = at as u32;
        while let Some(step) = paths.all.get(at as usize) {
            let label = &self.labels[step.label as usize];
            // A label is the innermost: of a field of an element, the field's.
            let holder =
                paths.all.get(step.parent as usize).map(|holder| &self.node_types[holder.ty as usize]);
            let element = if holder.is_some_and(|holder| holder.is_slice) { "[]" } else { "" };
            steps.push(match Place(label.place) {
                Place::FIELD if label.variant.is_empty() => format!("{element}.{}", label.name),
                Place::FIELD => format!("{element}.{}::{}", label.variant, label.name),
                Place::ELEMENT => "[]".into(),
                Place::KEY => "[key]".into(),
                Place::VALUE => "[value]".into(),
                _ => String::new(),
            });
            at = step.parent;
        }
        steps.reverse();
        steps.concat()
    }
}

impl Paths {
    /// Notes a node at the end of a way. A way that comes back to a field and
    /// type that it has passed is the way to there: otherwise those of recursive
    /// types would be as long as the data is deep.
    fn add(&mut self, step: (u32, u32, u32), usable: u64, is_block: bool) {
        let (parent, label, ty) = step;
        let mut ancestor = parent;
        let passed = loop {
            match self.all.get(ancestor as usize) {
                Some(path) if (path.label, path.ty) == (label, ty) => break Some(ancestor),
                Some(path) => ancestor = path.parent,
                None => break None,
            }
        };
        let next = self.all.len() as u32;
        let at = passed.unwrap_or_else(|| *self.by_step.entry(step).or_insert(next));
        if at == next {
            self.all.push(PathNode { parent, label, ty, blocks: 0, usable: 0 });
        }
        let path = &mut self.all[at as usize];
        path.blocks += u64::from(is_block);
        path.usable += usable;
        self.of_node.push(at);
    }
}
