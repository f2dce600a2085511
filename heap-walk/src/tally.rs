//! Adds up what a walk meets, for a report in memory.

use crate::shares::Shares;
use crate::types::Types;
use heap_snapshot::layout::{value_count, Shape};
use heap_snapshot::live::{LiveBlocks, Sizes};
use heap_snapshot::record::{
    Content, LabelDesc, LabelIdx, Layout, Node, NodeTypeDesc, NodeTypeIdx, Split, TypeDesc,
};
use std::collections::{HashMap, HashSet};

const POINTER: u8 = size_of::<usize>() as u8;

/// How the blocks of a node type divide.
struct Kind {
    shape: Shape,
    /// How one value divides, and whether every value does so.
    base: Split,
    is_fixed: bool,
    /// Only values know their size.
    is_dynamic: bool,
    /// The last blocks for which sums do not tell how they divide.
    alike: Alike,
}

/// Blocks that divide alike, which is told once for all.
#[derive(Default)]
struct Alike {
    len: u64,
    cap: u64,
    requested: u64,
    size: u64,
    split: Split,
    count: u64,
}

impl Kind {
    /// Number of values, and their bytes where only they know, of what waits with this `len`.
    fn len_and_size(&self, len: u64) -> (u64, u64) {
        match self.is_dynamic {
            true => (1, len),
            false => (len, 0),
        }
    }
}

/// The blocks of a node type, added up.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Sums {
    requested: u64,
    usable: u64,
    len: u64,
    cap: u64,
    blocks: u64,
    /// The blocks are memory of the heap, which nobody else claims.
    is_counted: bool,
    /// These sums tell what the container puts around the values.
    is_linear: bool,
    /// Both, and nobody asks for paths.
    is_all: bool,
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, block: &Waiting, sizes: Sizes) {
        self.blocks += 1;
        self.usable += sizes.usable;
        self.requested += sizes.requested;
        self.len = self.len.wrapping_add(block.len);
        self.cap = self.cap.wrapping_add(block.cap);
    }
}

/// Blocks whose sizes are asked for together, so that their records in the
/// table are on their way at the same time.
const ASKED: usize = 64;

/// A block that was met and whose sizes are still to be asked for.
#[derive(Clone, Copy, Default)]
struct Waiting {
    /// Of its values, or their bytes where only they know.
    len: u64,
    cap: u64,
    ty: u32,
}

/// Those, and how many they are.
struct Asked {
    count: usize,
    addrs: [u64; ASKED],
    blocks: [Waiting; ASKED],
    sizes: [Sizes; ASKED],
    /// Of each block, where somebody asks.
    paths: [u32; ASKED],
}

/// A way from the root to nodes: the fields and positions on it.
struct PathNode {
    parent: u32,
    label: u32,
    ty: u32,
    blocks: u64,
    usable: u64,
}

/// The last step to a node: from which node, by which label, to which type.
/// The parent of a root is no node.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) parent: u64,
    pub(crate) label: LabelIdx,
    pub(crate) ty: NodeTypeIdx,
}

impl Step {
    pub(crate) fn of(node: &Node) -> Step {
        Step { parent: node.parent.unwrap_or(u64::MAX), label: node.label, ty: node.ty }
    }
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
    kinds: Vec<Kind>,
    sums: Vec<Sums>,
    next_node: u64,
    asked: Asked,
    paths: Option<Paths>,
    /// What the sums do not tell: values that differ, containers that are not linear.
    split: Split,
    /// Off while the second walk of a report passes what is not outside.
    pub(crate) is_counting: bool,
    /// Handles of shared blocks.
    pub(crate) shares: Shares,
    /// Nodes whose values are not in the sums: the root, and values inside blocks.
    uncounted: HashSet<u64>,
}

/// What all blocks met add up to, without the value that was asked about.
pub(crate) struct Total {
    pub(crate) blocks: u64,
    pub(crate) usable: u64,
    /// How their requested bytes divide.
    pub(crate) split: Split,
    pub(crate) rounding: u64,
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
            kinds: Vec::new(),
            sums: Vec::new(),
            next_node: 0,
            asked: Asked {
                count: 0,
                addrs: [0; ASKED],
                blocks: [Waiting::default(); ASKED],
                sizes: [Sizes::NONE; ASKED],
                paths: [0; ASKED],
            },
            paths: with_paths.then(Paths::default),
            split: Split::default(),
            is_counting: true,
            shares: Shares::new(),
            uncounted: HashSet::new(),
        }
    }

    pub(crate) fn news(&mut self, types: &mut Types) {
        self.types.append(&mut types.new_types);
        self.labels.append(&mut types.new_labels);
        for ty in &types.new_node_types {
            let elem = &self.types[ty.elem as usize];
            let is_dynamic = types.is_dynamic(self.kinds.len());
            self.kinds.push(Kind {
                shape: Shape::new(ty, &self.types, POINTER),
                base: elem.base,
                is_fixed: elem.fixed,
                is_dynamic,
                alike: Alike { requested: u64::MAX, ..Alike::default() },
            });
            let layout = Layout(ty.layout);
            let is_counted = !matches!(layout, Layout::ROOT | Layout::INSIDE | Layout::REGION);
            let is_linear = matches!(layout, Layout::VALUE | Layout::BUFFER);
            self.sums.push(Sums {
                is_counted,
                is_linear,
                is_all: is_counted && is_linear && self.paths.is_none(),
                blocks: 0,
                usable: 0,
                requested: 0,
                len: 0,
                cap: 0,
            });
        }
        self.node_types.append(&mut types.new_node_types);
    }

    /// Whether steps are of any use.
    #[inline(always)]
    pub(crate) fn has_paths(&self) -> bool {
        self.paths.is_some()
    }

    /// Adds a block. `size` is that of its values, where only they know it.
    #[inline(always)]
    pub(crate) fn met(&mut self, step: Step, addr: u64, (len, cap): (u64, u64), size: u64) -> u64 {
        let id = self.next_node;
        self.next_node += 1;
        let path = if self.paths.is_some() { self.path(step) } else { 0 };
        if self.is_counting {
            if !self.has_room() {
                self.settle();
            }
            self.asked.paths[self.asked.count % ASKED] = path;
            let is_dynamic = self.kinds[step.ty.0 as usize].is_dynamic;
            self.put(step.ty.0, addr, (if is_dynamic { size } else { len }, cap));
        }
        id
    }

    /// Whether another block can wait; else those that do have to be settled first.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        self.asked.count < ASKED
    }

    /// Adds a block, for which there is room, where no paths are asked for and all is counted.
    #[inline(always)]
    pub(crate) fn put(&mut self, ty: u32, addr: u64, (len, cap): (u64, u64)) {
        let at = self.asked.count % ASKED;
        self.asked.addrs[at] = addr;
        self.asked.blocks[at] = Waiting { len, cap, ty };
        self.asked.count = at + 1;
    }

    /// Adds what is no block: the root, or a value inside a block.
    pub(crate) fn met_value(&mut self, step: Step) -> u64 {
        let id = self.next_node;
        self.next_node += 1;
        if self.paths.is_some() {
            self.path(step);
        }
        // The first node is the root.
        if id > 0 {
            self.uncounted.insert(id);
        }
        id
    }

    #[cold]
    fn path(&mut self, step: Step) -> u32 {
        let Some(paths) = &mut self.paths else { return 0 };
        let parent = paths.of_node.get(step.parent as usize).copied().unwrap_or(u32::MAX);
        paths.add((parent, step.label.0, step.ty.0))
    }

    /// Asks for the sizes of the blocks that wait for them. Called before
    /// anything is released, since what a lock protected may be freed then.
    #[inline(never)]
    pub(crate) fn settle(&mut self) {
        let Asked { count, addrs, blocks, sizes, .. } = &mut self.asked;
        let count = std::mem::take(count).min(ASKED);
        if let Some(live) = self.live {
            live.sizes(&addrs[..count], &mut sizes[..count]);
        } else {
            for (sizes, block) in sizes.iter_mut().zip(&blocks[..count]) {
                let kind = &self.kinds[block.ty as usize];
                let (len, size) = kind.len_and_size(block.len);
                let size = kind.shape.estimate(len, block.cap).max(size);
                *sizes = Sizes { requested: size, usable: size };
            }
        }
        for at in 0..count {
            let (sizes, block) = (self.asked.sizes[at], &self.asked.blocks[at]);
            let sums = &mut self.sums[block.ty as usize];
            if sums.is_all && sizes.usable != Sizes::NONE.usable {
                sums.add(block, sizes);
            } else {
                self.settle_apart(at);
            }
        }
    }

    /// Adds the block at this position up, and what sums do not tell of it.
    #[inline(never)]
    fn settle_apart(&mut self, at: usize) {
        let (sizes, block) = (self.asked.sizes[at], self.asked.blocks[at]);
        let Sizes { requested, usable } = sizes;
        let sums = &mut self.sums[block.ty as usize];
        // Memory of another allocator is in nobody's sum.
        if usable == Sizes::NONE.usable || !sums.is_counted {
            return;
        }
        sums.add(&block, sizes);
        let Waiting { len, cap, ty } = block;
        let (len, size) = self.kinds[ty as usize].len_and_size(len);
        if !self.sums[ty as usize].is_linear {
            let Kind { shape, base, is_fixed, alike, .. } = &mut self.kinds[ty as usize];
            if (alike.len, alike.cap, alike.requested, alike.size) != (len, cap, requested, size) {
                self.split.add_times(&alike.split, alike.count);
                let mut values = Split::default();
                let mut split = Split::default();
                if *is_fixed {
                    values.add_times(base, value_count(&self.node_types[ty as usize], len));
                    split = values;
                } else {
                    // What the values' own record will say; only the sum matters here.
                    values.untyped = size;
                }
                split.add_times(&shape.container(len, cap, requested, &values), 1);
                *alike = Alike { len, cap, requested, size, split, count: 0 };
            }
            alike.count += 1;
        }
        if let Some(paths) = &mut self.paths {
            let path = &mut paths.all[self.asked.paths[at] as usize];
            path.blocks += 1;
            path.usable += usable;
        }
    }

    /// All blocks met.
    pub(crate) fn total(&mut self) -> Total {
        self.settle();
        for Kind { alike, .. } in &mut self.kinds {
            self.split.add_times(&alike.split, std::mem::take(&mut alike.count));
        }
        let mut total = Total { blocks: 0, usable: 0, split: self.split, rounding: 0 };
        for ((sums, kind), ty) in self.sums.iter().zip(&self.kinds).zip(&self.node_types) {
            let Sums { blocks, usable, requested, len, cap, .. } = *sums;
            total.blocks += blocks;
            total.usable += usable;
            total.rounding += usable - requested;
            if sums.is_linear {
                let is_value = Layout(ty.layout) == Layout::VALUE && !ty.is_slice;
                let values = if is_value { blocks } else { len };
                let around = kind.shape.container(len, cap, requested, &Split::default());
                total.split.add_times(&around, 1);
                total.split.add_times(&kind.base, if kind.is_fixed { values } else { 0 });
            }
        }
        total
    }

    #[inline]
    pub(crate) fn content(&mut self, content: &Content) {
        // The first node is the root.
        if content.node == 0 || !self.uncounted.is_empty() && self.uncounted.contains(&content.node) {
            return;
        }
        self.split.add_times(&content.split, 1);
    }

    /// Adds values that divide so.
    pub(crate) fn add(&mut self, split: &Split, times: u64) {
        self.split.add_times(split, times);
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
    fn add(&mut self, step: (u32, u32, u32)) -> u32 {
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
        self.of_node.push(at);
        at
    }
}
