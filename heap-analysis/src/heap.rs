//! A snapshot in dense columns, with the walk's claims joined with the allocator's blocks.
//!
//! Building it decides, in this order:
//!
//! 1. which block each node stands for (binary search; O(n log blocks));
//! 2. which nodes are the same: two claims of one block are one node, and a
//!    root that lies in a claimed block or in another root's value is a name for
//!    that node. The node that stands for the others is found by [`Heap::resolve`];
//! 3. which values inside blocks are nodes of their own (module `inside`);
//! 4. where every edge ends, addresses looked up among these values, in the
//!    block table and among the roots;
//! 5. which blocks have a *shell*: with weak handles a block is two nodes, the
//!    value and the bytes, since the bytes outlive the value;
//! 6. who has, or may have, an owner the walk did not see;
//! 7. the concrete types behind `dyn`, from the symbols of the program's file.
//!
//! Ids of nodes are those of the file; shells come after them. Nothing in a
//! snapshot is trusted: what points nowhere is dropped and counted.

mod inside;

use crate::keys::KeyAnswers;
use crate::lens::Lens;
use crate::stacks::Recorded;
use crate::symbols;
use heap_snapshot::layout;
use heap_snapshot::read::{Snapshot, NO_PARENT};
use heap_snapshot::record::{
    AllocatorFigures, Census, Content, DynValue, EdgeKind, Footer, Header, LabelDesc, LabelIdx, Layout,
    LiveBlock, NodeTypeDesc, Pointer, PointerScan, ProcessMemory, Root, Shared, ShownValue, SizeClass, Split,
    Target, TypeDesc, TypeIdx, TypeKind, Unreadable,
};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

/// A node of a [`Heap`]: a root, a block, the shell of a block, or a value inside one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As a position in a column.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An edge of a [`Heap`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Where it starts.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// Kind; [`HOLDS_SHELL`] and [`CONTAINS`] beside those of the file.
    pub kind: EdgeKind,
    /// Field or position.
    pub label: LabelIdx,
    /// Address of the handle.
    pub place: u64,
}

/// Kind of the edge to the shell of a block, from its value and from each weak
/// handle. Counted with [`Lens::SHARE`]. Files cannot hold it: their kinds end at 127.
pub const HOLDS_SHELL: EdgeKind = EdgeKind(200);

/// Kind of the edge from the node of a block to a value inside it, such as an
/// object in the chunk of an arena. Counted with [`Lens::OWN`]. Not in files.
pub const CONTAINS: EdgeKind = EdgeKind(201);

impl Edge {
    /// The lenses that count it.
    #[inline]
    pub(crate) fn lens_bits(&self) -> u8 {
        lens_bits(self.kind)
    }
}

fn lens_bits(kind: EdgeKind) -> u8 {
    match kind {
        HOLDS_SHELL => Lens::SHARE.bits(),
        CONTAINS => Lens::OWN.bits(),
        kind => Lens::of_kind(kind).map_or(0, Lens::bits),
    }
}

/// No block, no content, no node.
pub(crate) const NONE: u32 = u32::MAX;

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A root outside the heap, or in a block that nothing else claims.
    Root,
    /// A block of the table, or an estimate of one where there is no table.
    Block,
    /// Reached memory that is in no block: another allocator's, or freed during the walk.
    Foreign,
    /// A value inside a block, or outside the heap, with an identity of its own.
    Inside,
    /// Memory that no allocator gave, such as a memory map.
    Region,
    /// The bytes of a block whose value is another node.
    Shell,
    /// The bytes of a block whose value is gone.
    Pinned,
    /// The same as another node; see [`Heap::resolve`].
    Same,
    /// Its frame of the file was lost.
    Lost,
}

/// A root and the node it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootEntry {
    /// As the file has it.
    pub root: Root,
    /// The node: its own, or the one it names.
    pub node: NodeId,
    /// Whether it is a name for a place that something else holds.
    pub is_name: bool,
    /// Position of the root it is a part of.
    pub part_of: Option<usize>,
}

impl RootEntry {
    /// The part of its node that a name stands for; `None` where it is the whole node.
    pub(crate) fn part_of_node(&self, heap: &Heap) -> Option<Part> {
        if !self.is_name || self.root.size == 0 {
            return None;
        }
        let is_whole = match heap.role(self.node) {
            // Inside the value of another root, or at the place of one.
            Role::Root => heap
                .roots()
                .iter()
                .any(|other| !other.is_name && other.node == self.node && other.root.size == self.root.size),
            // A block of one value as large as this, or a value inside a block.
            _ => heap.node_type(self.node).is_none_or(|ty| {
                !ty.is_slice
                    && matches!(
                        Layout(ty.layout),
                        Layout::VALUE | Layout::COUNTED | Layout::INSIDE | Layout::ROOT
                    )
                    && heap.elem(self.node).is_none_or(|elem| elem.size <= self.root.size)
            }),
        };
        let places = self.root.addr..self.root.addr + self.root.size;
        (!is_whole).then_some(Part { node: self.node, places })
    }
}

/// A value inside a node: the edges that start from its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) node: NodeId,
    pub(crate) places: std::ops::Range<u64>,
}

impl Part {
    /// Positions of its edges. O(log edges): edges are sorted by place.
    pub(crate) fn edges(&self, heap: &Heap) -> std::ops::Range<usize> {
        let all = heap.out_range(self.node);
        let place = |at: &usize| heap.edge_place[*at];
        let find = |limit: u64| {
            let (mut low, mut high) = (all.start, all.end);
            while low < high {
                let middle = low + (high - low) / 2;
                match place(&middle) < limit {
                    true => low = middle + 1,
                    false => high = middle,
                }
            }
            low
        };
        find(self.places.start)..find(self.places.end)
    }
}

/// Owners that the walk did not see: a block with more handles than were met,
/// or one of which nobody can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outside {
    /// The value's node for strong handles, the shell for weak ones.
    pub node: NodeId,
    /// Whether the handles are weak.
    pub is_weak: bool,
    /// The block's own count cannot be read, so nobody knows whether there are such owners.
    pub is_maybe: bool,
    /// Handles by the block's own count; 0 where that cannot be read.
    pub counted: u64,
    /// Handles met.
    pub met: u64,
}

/// Things counted while the heap was built.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct BuildCounts {
    /// References to memory that is neither in a claimed block nor in a root.
    pub references_outside: u64,
    /// Nodes and edges that point to no node or type of the file.
    pub broken: u64,
    /// Blocks that overlap another one, or reach past the end of memory.
    pub overlapping_blocks: u64,
    /// Nodes whose frame of the file was lost.
    pub lost_nodes: u64,
    /// Values inside blocks that overlap others without lying in them.
    pub overlapping_values: u64,
}

/// Where in a node a reference ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Into {
    pub(crate) addr: u64,
    /// Bytes of what it refers to; `None` where that is not known.
    pub(crate) size: Option<u64>,
}

/// The keys that the walk met, as columns. Which entries they stand for, [`keys`](crate::keys) finds out.
#[derive(Clone, Default, Debug)]
pub(crate) struct KeyColumns {
    pub(crate) from: Vec<u32>,
    pub(crate) place: Vec<u64>,
    pub(crate) label: Vec<LabelIdx>,
    /// The key's type; `NONE` where it is not told.
    pub(crate) ty: Vec<u32>,
    pub(crate) key: Vec<u64>,
}

/// A key that leads to an entry of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyLink {
    /// Position in the columns.
    pub(crate) at: u32,
    /// The table.
    pub(crate) to: NodeId,
    /// The entry in it.
    pub(crate) entry: Into,
}

/// A snapshot in dense columns. Made once, then read only; but edges of keys
/// come with a type config.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    pub(crate) header: Header,
    pub(crate) footer: Option<Footer>,
    pub(crate) allocator: Option<AllocatorFigures>,
    pub(crate) types: Vec<TypeDesc>,
    pub(crate) node_types: Vec<NodeTypeDesc>,
    pub(crate) labels: Vec<LabelDesc>,
    pub(crate) roots: Vec<RootEntry>,
    pub(crate) census: Vec<Census>,
    pub(crate) values: Vec<ShownValue>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) contents: Vec<Content>,
    /// Ascending, not overlapping where tracked.
    pub(crate) blocks: Vec<LiveBlock>,
    /// By block: the node that claims it.
    pub(crate) block_node: Vec<u32>,
    /// By node: the node that stands for it.
    same_as: Vec<u32>,
    role: Vec<Role>,
    node_ty: Vec<u32>,
    addr: Vec<u64>,
    len: Vec<u64>,
    cap: Vec<u64>,
    block: Vec<u32>,
    content: Vec<u32>,
    shallow: Vec<u64>,
    /// By value: its shell. By shell: its value.
    counterpart: HashMap<u32, u32>,
    /// By node, ascending.
    shared: Vec<(u32, Shared)>,
    outside: Vec<Outside>,
    /// Position of the block, and the value inside it; ascending.
    inside: Vec<(u32, u32)>,
    /// By position of the block: the bytes of the values inside it.
    inside_bytes: HashMap<u32, u64>,
    pub(crate) keys: KeyColumns,
    pub(crate) key_answers: KeyAnswers,
    /// By position of the edge, ascending: where references end.
    into: Vec<(u32, Into)>,
    /// Edges sorted by where they start.
    out_start: Vec<u32>,
    edge_from: Vec<u32>,
    edge_to: Vec<u32>,
    edge_kind: Vec<EdgeKind>,
    edge_lens: Vec<u8>,
    edge_label: Vec<LabelIdx>,
    edge_place: Vec<u64>,
    /// Positions of edges sorted by where they end.
    in_start: Vec<u32>,
    in_edge: Vec<u32>,
    /// Who allocated the blocks.
    pub(crate) stacks: Recorded,
    pub(crate) size_classes: Vec<SizeClass>,
    pub(crate) process_memory: Option<ProcessMemory>,
    pub(crate) pointers: Vec<Pointer>,
    pub(crate) pointer_scan: Option<PointerScan>,
    counts: BuildCounts,
    problems: Vec<String>,
}

impl Heap {
    /// From a snapshot that was not read from a damaged file.
    pub fn from_snapshot(snapshot: Snapshot) -> Heap {
        Heap::build(snapshot, Vec::new(), &mut |_| true).unwrap_or_default()
    }

    /// From a snapshot and the problems of its file. `progress` is told each
    /// phase and says whether to go on; `None` where it said no.
    pub fn build(
        snapshot: Snapshot,
        problems: Vec<String>,
        progress: &mut dyn FnMut(&'static str) -> bool,
    ) -> Option<Heap> {
        Builder::new(snapshot, problems).run(progress)
    }

    /// What the program wrote when the checkpoint began.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it wrote when it ended.
    pub fn footer(&self) -> Option<&Footer> {
        self.footer.as_ref()
    }

    /// What was wrong with the file, and what in it pointed nowhere.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Things counted while the heap was built.
    pub fn counts(&self) -> &BuildCounts {
        &self.counts
    }

    /// Nodes, those that stand for others and shells included; ids are below it.
    pub fn node_count(&self) -> usize {
        self.role.len()
    }

    /// Edges of all kinds.
    pub fn edge_count(&self) -> usize {
        self.edge_to.len()
    }

    /// All node ids, also those of nodes that are the same as another.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + Clone {
        (0..self.role.len() as u32).map(NodeId)
    }

    /// The node that stands for `node`: itself, unless it turned out to be the same as another.
    pub fn resolve(&self, node: NodeId) -> NodeId {
        NodeId(self.same_as[node.index()])
    }

    /// The roots in the order of the file.
    pub fn roots(&self) -> &[RootEntry] {
        &self.roots
    }

    /// Owners that the walk did not see.
    pub fn outside(&self) -> &[Outside] {
        &self.outside
    }

    /// What a node is.
    pub fn role(&self, node: NodeId) -> Role {
        self.role[node.index()]
    }

    /// Its type; `None` where the file does not have it.
    pub fn node_type(&self, node: NodeId) -> Option<&NodeTypeDesc> {
        self.node_types.get(self.node_ty[node.index()] as usize)
    }

    pub(crate) fn node_type_index(&self, node: NodeId) -> u32 {
        self.node_ty[node.index()]
    }

    /// Type of its value or of its elements.
    pub fn elem(&self, node: NodeId) -> Option<&TypeDesc> {
        self.types.get(self.node_type(node)?.elem as usize)
    }

    /// Address of its block, or of the value of a root.
    pub fn addr(&self, node: NodeId) -> u64 {
        match self.block(node) {
            Some(block) => block.addr,
            None => self.addr[node.index()],
        }
    }

    /// The address that the walk recorded for a node.
    pub(crate) fn recorded_addr(&self, node: NodeId) -> u64 {
        self.addr[node.index()]
    }

    /// Length in elements, or 1.
    pub fn len(&self, node: NodeId) -> u64 {
        self.len[node.index()]
    }

    /// Whether there is no node at all.
    pub fn is_empty(&self) -> bool {
        self.role.is_empty()
    }

    /// Capacity in elements, or 1.
    pub fn cap(&self, node: NodeId) -> u64 {
        self.cap[node.index()]
    }

    /// The block it stands for. A shell has its value's.
    pub fn block(&self, node: NodeId) -> Option<&LiveBlock> {
        self.blocks.get(self.block[node.index()] as usize)
    }

    /// Shallow size: usable bytes of its block, less the nodes inside it; of a
    /// value inside a block its own bytes. Adds up over all nodes.
    #[inline]
    pub fn shallow(&self, node: NodeId) -> u64 {
        self.shallow[node.index()]
    }

    /// The shell of a value, or the value of a shell.
    pub fn counterpart(&self, node: NodeId) -> Option<NodeId> {
        self.counterpart.get(&node.0).copied().map(NodeId)
    }

    /// The handle counts of a shared block.
    pub fn shared(&self, node: NodeId) -> Option<&Shared> {
        let at = self.shared.binary_search_by_key(&node.0, |(node, _)| *node).ok()?;
        Some(&self.shared[at].1)
    }

    /// All shared blocks with their counts, ascending by node.
    pub(crate) fn shared_counts(&self) -> impl Iterator<Item = (NodeId, &Shared)> {
        self.shared.iter().map(|(node, shared)| (NodeId(*node), shared))
    }

    /// The parts of a node that could not be entered. O(log parts).
    pub(crate) fn unreadable_in(&self, node: NodeId) -> &[Unreadable] {
        let node = u64::from(node.0);
        let start = self.unreadable.partition_point(|part| part.node < node);
        let end = self.unreadable.partition_point(|part| part.node <= node);
        &self.unreadable[start..end]
    }

    /// Active variant, where the node is one enum value.
    pub fn variant(&self, node: NodeId) -> Option<u32> {
        self.contents.get(self.content[node.index()] as usize)?.variant
    }

    /// How the values in a node divide, without what the container puts around them.
    pub(crate) fn values_split(&self, node: NodeId) -> Split {
        let (Some(ty), Some(elem)) = (self.node_type(node), self.elem(node)) else { return Split::default() };
        if Layout(ty.layout) == Layout::RAW {
            return Split::default();
        }
        if let Some(content) = self.contents.get(self.content[node.index()] as usize) {
            return content.split;
        }
        let mut split = Split::default();
        split.add_times(&elem.base, layout::value_count(ty, self.len(node)));
        split
    }

    /// How the requested bytes of a node's block divide; rounding comes on top.
    /// Computed from what the walk described, never from the block's size, but
    /// for bytes that nothing describes. Zero for nodes without a block.
    pub fn split(&self, node: NodeId) -> Split {
        if self.role(node) == Role::Inside && self.shallow(node) > 0 {
            return self.values_split(node);
        }
        let Some(block) = self.block(node) else { return Split::default() };
        // Described by nodes of their own.
        let inside = self.inside_bytes.get(&self.block[node.index()]).copied().unwrap_or(0);
        let less = |mut split: Split| {
            split.untyped = split.untyped.wrapping_sub(inside);
            split
        };
        match self.role(node) {
            Role::Block | Role::Root => {}
            // The bytes are described once, by the value's node.
            Role::Shell | Role::Same | Role::Lost | Role::Foreign | Role::Inside | Role::Region => {
                return Split::default()
            }
            Role::Pinned => return less(Split { untyped: block.requested, ..Split::default() }),
        }
        let Some(ty) = self.node_type(node) else {
            return less(Split { untyped: block.requested, ..Split::default() });
        };
        let mut split = self.values_split(node);
        let shape = layout::Shape::new(ty, &self.types, self.header.pointer_size);
        split.add_times(&shape.container(self.len(node), self.cap(node), block.requested, &split), 1);
        less(split)
    }

    /// Positions of the edges that leave a node.
    #[inline]
    pub(crate) fn out_range(&self, node: NodeId) -> std::ops::Range<usize> {
        self.out_start[node.index()] as usize..self.out_start[node.index() + 1] as usize
    }

    /// Where the edge at a position ends, and the lenses that count it.
    #[inline]
    pub(crate) fn edge_end(&self, at: usize) -> (u32, u8) {
        (self.edge_to[at], self.edge_lens[at])
    }

    #[inline]
    pub(crate) fn edge_begin(&self, at: usize) -> (u32, u8) {
        (self.edge_from[at], self.edge_lens[at])
    }

    /// Positions of the edges that reach a node.
    #[inline]
    pub(crate) fn in_positions(&self, node: NodeId) -> &[u32] {
        &self.in_edge[self.in_start[node.index()] as usize..self.in_start[node.index() + 1] as usize]
    }

    pub(crate) fn edge_at(&self, at: usize) -> Edge {
        Edge {
            from: NodeId(self.edge_from[at]),
            to: NodeId(self.edge_to[at]),
            kind: self.edge_kind[at],
            label: self.edge_label[at],
            place: self.edge_place[at],
        }
    }

    /// Where in its target the edge at a position ends, if it is a reference. O(log references).
    pub(crate) fn edge_into(&self, at: usize) -> Option<Into> {
        let found = self.into.binary_search_by_key(&(at as u32), |(at, _)| *at).ok()?;
        Some(self.into[found].1)
    }

    /// The edges that leave a node, of all kinds, by place.
    pub fn edges_from(&self, node: NodeId) -> impl Iterator<Item = Edge> + '_ {
        self.out_range(node).map(|at| self.edge_at(at))
    }

    /// The edges that reach a node, of all kinds.
    pub fn edges_to(&self, node: NodeId) -> impl Iterator<Item = Edge> + '_ {
        self.in_positions(node).iter().map(|&at| self.edge_at(at as usize))
    }

    /// The label of an edge.
    pub fn label(&self, label: LabelIdx) -> Option<&LabelDesc> {
        self.labels.get(label.0 as usize)
    }

    /// The node whose value inside a block, whose block, or whose value for a root, holds `addr`.
    pub fn node_at(&self, addr: u64) -> Option<NodeId> {
        if let Some(block) = block_at(&self.blocks, addr) {
            let (inside, _) = self.inside_of(block);
            let is_around = |&&(_, node): &&(u32, u32)| {
                addr.wrapping_sub(self.addr[node as usize]) < self.shallow[node as usize]
            };
            if let Some(&(_, node)) = inside.iter().find(is_around) {
                return Some(NodeId(node));
            }
            let node = self.block_node[block];
            if node != NONE {
                return Some(NodeId(node));
            }
        }
        self.roots
            .iter()
            .find(|entry| addr.wrapping_sub(entry.root.addr) < entry.root.size)
            .map(|entry| entry.node)
    }

    /// Whether a block counts for the ledger: the program's, from before the checkpoint.
    pub(crate) fn is_population(&self, block: &LiveBlock) -> bool {
        !block.is_tool && block.epoch < self.header.epoch
    }

    /// Name of an edge's kind.
    pub fn edge_name(&self, kind: EdgeKind) -> String {
        match kind {
            HOLDS_SHELL => "weak (shell)".into(),
            CONTAINS => "contains".into(),
            kind => kind.name().map_or_else(|| format!("kind {}", kind.0), str::to_owned),
        }
    }
}

/// Position of the block that holds `addr`.
pub(crate) fn block_at(blocks: &[LiveBlock], addr: u64) -> Option<usize> {
    let at = blocks.partition_point(|block| block.addr <= addr).checked_sub(1)?;
    (addr - blocks[at].addr < blocks[at].usable.max(1)).then_some(at)
}

/// Where the edges of each of `count` nodes begin, when they are sorted by node; and where those of the last one end.
fn starts(count: usize, nodes: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut start = vec![0_u32; count + 1];
    for node in nodes {
        start[node as usize + 1] += 1;
    }
    for node in 0..count {
        start[node + 1] += start[node];
    }
    start
}

/// Positions of edges sorted by their nodes, those of one node as they came.
fn sorted_by(start: &[u32], nodes: impl ExactSizeIterator<Item = u32>) -> Vec<u32> {
    let mut next = start.to_vec();
    let mut order = vec![0_u32; nodes.len()];
    for (at, node) in nodes.enumerate() {
        let slot = &mut next[node as usize];
        order[*slot as usize] = at as u32;
        *slot += 1;
    }
    order
}

/// An edge while the heap is built: 24 bytes.
struct Draft {
    from: u32,
    to: u32,
    label: LabelIdx,
    kind: EdgeKind,
    place: u64,
}

/// Edges while the heap is built.
#[derive(Default)]
struct Drafts {
    edges: Vec<Draft>,
    /// By position among `edges`, ascending: where references end.
    into: Vec<(u32, Into)>,
}

impl Drafts {
    fn push(&mut self, draft: Draft, into: Option<Into>) {
        self.into.extend(into.map(|into| (self.edges.len() as u32, into)));
        self.edges.push(draft);
    }
}

struct Builder {
    snapshot: Snapshot,
    heap: Heap,
    drafts: Drafts,
    /// Start, end and node of roots outside the heap, ascending.
    root_ranges: Vec<(u64, u64, u32)>,
    /// Begin, end and node of values inside blocks and outside the heap that are nodes; ascending.
    inside: Vec<(u64, u64, u32)>,
    /// Values that lie in roots' values, with the roots' nodes.
    in_roots: Vec<(u32, u32)>,
    /// Some value was walked twice, under two nodes that are the same.
    has_doubles: bool,
    /// By type: its size, where that is known of what references lead to.
    pointee_size: Vec<Option<u64>>,
}

/// How long resolving symbols may take: what is not resolved by then has no name.
const SYMBOLS_LIMIT: Duration = Duration::from_secs(5);

fn is_own(kind: EdgeKind) -> bool {
    matches!(kind, EdgeKind::OWN | EdgeKind::OWN_BY_HANDLE)
}

impl Builder {
    fn new(mut snapshot: Snapshot, problems: Vec<String>) -> Builder {
        use std::mem::take;
        let mut heap = Heap {
            header: take(&mut snapshot.header),
            footer: snapshot.footer.take(),
            allocator: snapshot.allocator.take(),
            types: take(&mut snapshot.types),
            node_types: take(&mut snapshot.node_types),
            labels: take(&mut snapshot.labels),
            census: take(&mut snapshot.census),
            contents: take(&mut snapshot.contents),
            stacks: Recorded::take(&mut snapshot),
            size_classes: take(&mut snapshot.size_classes),
            process_memory: snapshot.process_memory.take(),
            pointers: take(&mut snapshot.pointers),
            pointer_scan: snapshot.pointer_scan.take(),
            blocks: take(&mut snapshot.blocks),
            problems,
            ..Heap::default()
        };
        if heap.header.pointer_size == 0 {
            heap.header.pointer_size = 8;
        }
        // Ids and positions are 32 bits here; room is kept for shells.
        let count = snapshot.nodes.count();
        assert!(count < (NONE / 2) as usize, "a snapshot of more than two thousand million nodes");
        let nodes = &mut snapshot.nodes;
        heap.node_ty = take(&mut nodes.ty).into_iter().map(|ty| ty.0).collect();
        heap.addr = take(&mut nodes.addr);
        heap.len = take(&mut nodes.len);
        heap.cap = take(&mut nodes.cap);
        heap.same_as = (0..count as u32).collect();
        heap.block = vec![NONE; count];
        heap.content = vec![NONE; count];
        heap.shallow = vec![0; count];
        // A reference's type has no size of its own where only its name is known:
        // then a described type of that name tells.
        let is_described = |ty: &&TypeDesc| TypeKind(ty.kind) != TypeKind::UNKNOWN || ty.size > 0;
        let sizes: HashMap<&str, u64> =
            heap.types.iter().filter(is_described).map(|ty| (ty.name.as_str(), ty.size)).collect();
        let pointee_size = heap.types.iter().map(|ty| sizes.get(ty.name.as_str()).copied()).collect();
        Builder {
            snapshot,
            heap,
            drafts: Drafts::default(),
            root_ranges: Vec::new(),
            inside: Vec::new(),
            in_roots: Vec::new(),
            has_doubles: false,
            pointee_size,
        }
    }

    fn run(mut self, progress: &mut dyn FnMut(&'static str) -> bool) -> Option<Heap> {
        type Phase = fn(&mut Builder);
        let phases: [(&'static str, Phase); 8] = [
            ("joining nodes with blocks", Builder::blocks),
            ("finding values inside blocks", Builder::inside),
            ("placing roots", Builder::roots),
            ("connecting values inside blocks", Builder::hold_inside),
            ("naming values behind dyn", Builder::dyn_values),
            ("resolving edges", Builder::edges),
            ("finding outside owners", Builder::shared),
            ("sorting edges", Builder::adjacency),
        ];
        for (name, phase) in phases {
            if !progress(name) {
                return None;
            }
            phase(&mut self);
        }
        self.notes();
        Some(self.heap)
    }

    /// Which block each node stands for.
    fn blocks(&mut self) {
        let heap = &mut self.heap;
        let nodes = &self.snapshot.nodes;
        let count = heap.node_ty.len();
        // A node may have several records: of its parts, or of what a lock hid at first. They add up.
        let mut contents: Vec<Content> = Vec::with_capacity(heap.contents.len());
        for content in &heap.contents {
            let slot = usize::try_from(content.node).ok().and_then(|node| heap.content.get_mut(node));
            match slot {
                None => heap.counts.broken += 1,
                Some(slot) if *slot == NONE => {
                    *slot = contents.len() as u32;
                    contents.push(*content);
                }
                Some(slot) => {
                    let known = &mut contents[*slot as usize];
                    known.split.add_times(&content.split, 1);
                    known.variant = known.variant.or(content.variant);
                }
            }
        }
        heap.contents = contents;
        heap.role = (0..count)
            .map(|node| {
                let ty = heap.node_types.get(heap.node_ty[node] as usize);
                match (ty, nodes.parent[node]) {
                    (Some(ty), NO_PARENT) if Layout(ty.layout) == Layout::ROOT => Role::Root,
                    (Some(ty), _) if Layout(ty.layout) == Layout::INSIDE => Role::Inside,
                    // What no edge reaches and is no root stands for a node that was lost.
                    (_, NO_PARENT) => Role::Lost,
                    (Some(ty), _) if Layout(ty.layout) == Layout::REGION => Role::Region,
                    _ => Role::Block,
                }
            })
            .collect();
        for root in &self.snapshot.roots {
            let node = usize::try_from(root.node).unwrap_or(usize::MAX);
            if nodes.parent.get(node) == Some(&NO_PARENT) && heap.role[node] != Role::Inside {
                heap.role[node] = Role::Root;
            }
        }
        heap.counts.lost_nodes = heap.role.iter().filter(|role| **role == Role::Lost).count() as u64;
        if heap.header.tracked {
            if !heap.blocks.is_sorted_by_key(|block| block.addr) {
                heap.blocks.sort_by_key(|block| block.addr);
            }
            let before = heap.blocks.len();
            let mut end = 0;
            heap.blocks.retain(|block| {
                let is_apart = block.addr >= end && block.addr.checked_add(block.usable).is_some();
                if is_apart {
                    end = block.addr + block.usable;
                }
                is_apart
            });
            heap.counts.overlapping_blocks = (before - heap.blocks.len()) as u64;
            let blocks = &heap.blocks;
            let find = |roles: &mut [Role], found: &mut [u32], addrs: &[u64]| {
                for ((role, found), addr) in roles.iter_mut().zip(found).zip(addrs) {
                    if *role == Role::Block {
                        match block_at(blocks, *addr) {
                            Some(block) => *found = block as u32,
                            None => *role = Role::Foreign,
                        }
                    }
                }
            };
            // On two threads.
            let (role, other_role) = heap.role.split_at_mut(count / 2);
            let (block, other_block) = heap.block.split_at_mut(count / 2);
            let (addr, other_addr) = heap.addr.split_at(count / 2);
            thread::scope(|scope| {
                scope.spawn(|| find(role, block, addr));
                find(other_role, other_block, other_addr);
            });
        } else {
            self.estimates();
        }
        // Who stands for a block: the first that describes it, else the first raw claim.
        let (heap, nodes) = (&mut self.heap, &self.snapshot.nodes);
        heap.block_node = vec![NONE; heap.blocks.len()];
        for is_raw in [false, true] {
            for node in 0..count {
                let block = heap.block[node];
                if block == NONE || (nodes.edge[node] == EdgeKind::CLAIM_RAW) != is_raw {
                    continue;
                }
                let owner = &mut heap.block_node[block as usize];
                if *owner == NONE {
                    *owner = node as u32;
                    let block = &heap.blocks[block as usize];
                    // The tool's blocks are in nobody's totals.
                    heap.shallow[node] = if block.is_tool { 0 } else { block.usable };
                } else {
                    heap.same_as[node] = *owner;
                    heap.role[node] = Role::Same;
                    heap.block[node] = NONE;
                }
            }
        }
    }

    /// Without a table of blocks: one made from what the layouts say.
    fn estimates(&mut self) {
        let heap = &mut self.heap;
        heap.blocks.clear();
        let mut made = Vec::new();
        for node in 0..heap.node_ty.len() {
            let Some(ty) = heap.node_types.get(heap.node_ty[node] as usize) else { continue };
            if heap.role[node] != Role::Block {
                continue;
            }
            let shape = layout::Shape::new(ty, &heap.types, heap.header.pointer_size);
            let size = shape.estimate(heap.len[node], heap.cap[node]);
            let addr = match Layout(ty.layout) {
                // The walk gives the last byte before the value.
                Layout::COUNTED => heap.addr[node].wrapping_add(1).wrapping_sub(shape.value_offset()),
                _ => heap.addr[node],
            };
            if size > 0 {
                made.push((addr, size, node));
            }
        }
        made.sort_unstable();
        for (addr, size, node) in made {
            heap.block[node] = heap.blocks.len() as u32;
            heap.blocks.push(LiveBlock {
                addr,
                requested: size,
                usable: size,
                align_log2: 0,
                epoch: 0,
                is_tool: false,
            });
        }
    }

    /// Which roots are names for something else, and which blocks hold roots.
    fn roots(&mut self) {
        let count = self.heap.node_ty.len();
        let mut roots = std::mem::take(&mut self.snapshot.roots);
        let before = roots.len();
        roots.retain(|root| (root.node as usize) < count && root.addr.checked_add(root.size).is_some());
        self.heap.counts.broken += (before - roots.len()) as u64;
        // Largest first, so that a value comes after every value that holds it.
        let mut order: Vec<usize> = (0..roots.len()).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(roots[at].size), roots[at].is_name, at));
        let mut is_name = vec![false; roots.len()];
        let mut placed: Vec<usize> = Vec::new();
        for at in order {
            let root = &roots[at];
            let node = root.node as usize;
            let heap = &mut self.heap;
            let own = heap.same_as[node];
            if own != node as u32 || heap.role[node] != Role::Root {
                is_name[at] = true; // listed twice, or a block's node
                continue;
            }
            // A zero-sized value may point to where its neighbour begins.
            let block = if root.size > 0 || root.is_name { block_at(&heap.blocks, root.addr) } else { None };
            let claimed = block.map(|block| heap.block_node[block]).filter(|owner| *owner != NONE);
            let is_root_block = claimed.is_some_and(|owner| heap.role[owner as usize] == Role::Root);
            let end = root.addr + root.size;
            let in_value = self
                .inside
                .partition_point(|(from, _, _)| *from <= root.addr)
                .checked_sub(1)
                .map(|at| self.inside[at])
                .filter(|(_, to, _)| end <= *to && root.addr < *to)
                .map(|(_, _, inside)| inside);
            let holder = match claimed {
                _ if in_value.is_some() => in_value,
                Some(owner) if !is_root_block => Some(owner),
                _ => placed.iter().find_map(|&other| {
                    let other = &roots[other];
                    let offset = root.addr.wrapping_sub(other.addr);
                    let is_inside = offset <= other.size && root.size <= other.size - offset;
                    (is_inside && (root.size > 0 || root.is_name && offset < other.size.max(1)))
                        .then_some(other.node as u32)
                }),
            };
            if let Some(holder) = holder.filter(|holder| *holder != node as u32) {
                let holder = heap.same_as[holder as usize];
                heap.same_as[node] = holder;
                heap.role[node] = Role::Same;
                is_name[at] = true;
                // What the walk found out about the value, when it met it as a root.
                let (own, other) = (heap.content[node], heap.content[holder as usize]);
                let elem = |node: usize| heap.node_types.get(heap.node_ty[node] as usize).map(|ty| ty.elem);
                if other == NONE && elem(node) == elem(holder as usize) {
                    heap.content[holder as usize] = own;
                }
                continue;
            }
            placed.push(at);
            match (block, claimed) {
                (Some(block), None) if !heap.blocks[block].is_tool => {
                    // Nothing else claims the block: the tag does.
                    heap.block_node[block] = node as u32;
                    heap.block[node] = block as u32;
                    let inside = heap.inside_bytes.get(&(block as u32)).copied().unwrap_or(0);
                    heap.shallow[node] = heap.blocks[block].usable.saturating_sub(inside);
                }
                (Some(_), Some(owner)) => {
                    // A value inside a block that another root's tag claims.
                    heap.shallow[node] = root.size.min(heap.shallow[owner as usize]);
                    heap.shallow[owner as usize] -= heap.shallow[node];
                }
                _ => {}
            }
        }
        let by_name: HashMap<&str, usize> =
            roots.iter().enumerate().rev().map(|(at, root)| (root.name.as_str(), at)).collect();
        let part_of: Vec<Option<usize>> = roots
            .iter()
            .map(|root| {
                // The longest prefix that is a root's name.
                let mut name = root.name.as_str();
                while let Some((prefix, _)) = name.rsplit_once('.') {
                    if let Some(at) = by_name.get(prefix) {
                        return Some(*at);
                    }
                    name = prefix;
                }
                None
            })
            .collect();
        let heap = &mut self.heap;
        self.root_ranges = roots
            .iter()
            .filter(|root| heap.same_as[root.node as usize] == root.node as u32 && root.size > 0)
            .map(|root| (root.addr, root.addr + root.size, root.node as u32))
            .collect();
        self.root_ranges.sort_unstable();
        heap.roots = roots
            .into_iter()
            .zip(is_name)
            .zip(part_of)
            .map(|((root, is_name), part_of)| RootEntry {
                node: NodeId(heap.same_as[root.node as usize]),
                root,
                is_name,
                part_of,
            })
            .collect();
    }

    /// The concrete types of values behind `dyn`, from the symbols of the
    /// program's files. Their nodes get types of their own.
    fn dyn_values(&mut self) {
        let values = std::mem::take(&mut self.snapshot.dyn_values);
        if values.is_empty() {
            return;
        }
        let images = std::mem::take(&mut self.snapshot.images);
        let heap = &mut self.heap;
        let names = symbols::resolve(&images, &values, heap.header.unix_ms, SYMBOLS_LIMIT);
        let mut known: HashMap<(u32, String), u32> = HashMap::new();
        for (value, name) in values.iter().zip(names) {
            let node = usize::try_from(value.node).ok().and_then(|node| heap.same_as.get(node)).copied();
            let Some(node) = node else {
                heap.counts.broken += 1;
                continue;
            };
            let old = heap.node_ty[node as usize];
            let name = name.unwrap_or_else(|| symbols::vtable_text(&images, value));
            let ty = match known.get(&(old, name.clone())) {
                Some(ty) => *ty,
                None => {
                    let Some(ty) = heap.dyn_type(old, &name, value) else { continue };
                    known.insert((old, name), ty);
                    ty
                }
            };
            heap.node_ty[node as usize] = ty;
        }
    }

    /// Where every edge begins and ends.
    fn edges(&mut self) {
        let nodes = &self.snapshot.nodes;
        let count = self.heap.node_ty.len();
        self.drafts.edges.reserve(count + self.snapshot.edges.len());
        for node in 0..count {
            let parent = nodes.parent[node];
            if parent == NO_PARENT {
                continue;
            }
            if parent as usize >= count {
                self.heap.counts.broken += 1;
                continue;
            }
            let to = self.heap.same_as[node];
            let (kind, place) = (nodes.edge[node], nodes.place[node]);
            // Two records of one handle are one edge.
            let is_repeat = to != node as u32
                && place == nodes.place[to as usize]
                && is_own(kind)
                && is_own(nodes.edge[to as usize]);
            if !is_repeat {
                let from = self.heap.same_as[parent as usize];
                self.drafts.push(Draft { from, to, kind, label: nodes.label[node], place }, None);
            }
        }
        let held_unseen: HashSet<u64> = self
            .snapshot
            .shared
            .iter()
            .filter(|shared| shared.node == u64::MAX && shared.strong > 0)
            .map(|shared| shared.addr)
            .collect();
        let is_by_edges = |shared: &&Shared| shared.node != u64::MAX && shared.met == Shared::BY_EDGES;
        let shared_at: HashMap<u64, u32> = self
            .snapshot
            .shared
            .iter()
            .filter(is_by_edges)
            .filter_map(|shared| {
                let node = usize::try_from(shared.node).ok().filter(|node| *node < count)?;
                Some((self.heap.addr[node], self.heap.same_as[node]))
            })
            .collect();
        let has_names = self.has_doubles || self.heap.roots.iter().any(|entry| entry.is_name);
        let mut keys = KeyColumns::default();
        let mut repeats: HashSet<(u32, u64)> = HashSet::new();
        let mut weak: Vec<(u32, Draft)> = Vec::new();
        for edge in std::mem::take(&mut self.snapshot.edges) {
            let Some(&from) = usize::try_from(edge.from).ok().and_then(|from| self.heap.same_as.get(from))
            else {
                self.heap.counts.broken += 1;
                continue;
            };
            // Which entry a key stands for only its table knows: it leads nowhere here.
            if let Target::Key(key) = edge.target {
                keys.from.push(from);
                keys.place.push(edge.place);
                keys.label.push(edge.label);
                keys.ty.push(edge.ty.map_or(NONE, |ty| ty.0));
                keys.key.push(key);
                continue;
            }
            let is_reference =
                Lens::of_kind(edge.kind).is_some_and(|lens| [Lens::BORROW, Lens::RAW].contains(&lens));
            let into = match edge.target {
                Target::Addr(addr) if is_reference => Some(Into { addr, size: self.pointee_size(edge.ty) }),
                _ => None,
            };
            let draft = |to| Draft { from, to, kind: edge.kind, label: edge.label, place: edge.place };
            let target = match edge.target {
                Target::Node(to) => {
                    let to = usize::try_from(to).ok().and_then(|to| self.heap.same_as.get(to));
                    if to.is_none() {
                        self.heap.counts.broken += 1;
                    }
                    to.copied()
                }
                Target::Key(_) => None,
                Target::Addr(addr) => {
                    let is_share = edge.kind == EdgeKind::SHARE;
                    let shared = is_share.then(|| shared_at.get(&addr).copied()).flatten();
                    let mut target = shared.or_else(|| self.target(addr, edge.ty));
                    if target.is_none() && edge.kind == EdgeKind::WEAK && self.heap.header.tracked {
                        // The value is gone, the bytes are there; unless there are
                        // strong handles that were not met, and nobody claims the block.
                        target = block_at(&self.heap.blocks, addr)
                            .filter(|&block| {
                                self.heap.block_node[block] == NONE && !held_unseen.contains(&addr)
                            })
                            .map(|block| self.heap.push_pinned(block as u32, edge.ty));
                    }
                    if target.is_none() {
                        self.heap.counts.references_outside += 1;
                    }
                    target
                }
            };
            let Some(to) = target else { continue };
            // The same place met again is the same edge. A handle is met twice
            // only where a root turned out to lie in a block with an owner.
            if is_own(edge.kind) || has_names && [EdgeKind::SHARE, EdgeKind::WEAK].contains(&edge.kind) {
                let first = to as usize;
                let is_same = |kind| kind == edge.kind || is_own(kind) && is_own(edge.kind);
                let is_first =
                    first < count && nodes.place[first] == edge.place && is_same(nodes.edge[first]);
                if is_first || !repeats.insert((to, edge.place)) {
                    continue;
                }
            }
            if edge.kind == EdgeKind::WEAK && self.heap.role[to as usize] == Role::Pinned {
                self.drafts.push(Draft { kind: HOLDS_SHELL, ..draft(to) }, into);
            } else if edge.kind == EdgeKind::WEAK {
                weak.push((to, draft(to)));
            } else {
                self.drafts.push(draft(to), into);
            }
        }
        self.heap.keys = keys;
        // Shells: of values that have weak handles, met or not.
        let mut has_shell: Vec<u32> = self
            .snapshot
            .shared
            .iter()
            .filter(|shared| shared.weak > 0 || shared.weak_met > 0)
            .filter_map(|shared| self.heap.same_as.get(usize::try_from(shared.node).ok()?).copied())
            .chain(weak.iter().map(|(to, _)| *to))
            .filter(|&node| {
                let node = NodeId(node);
                self.heap.role(node) == Role::Block
                    && self.heap.node_type(node).is_some_and(|ty| Layout(ty.layout) == Layout::COUNTED)
            })
            .collect();
        has_shell.sort_unstable();
        has_shell.dedup();
        for value in has_shell {
            let shell = self.heap.push_node(Role::Shell, self.heap.node_ty[value as usize]);
            self.heap.addr[shell as usize] = self.heap.addr[value as usize];
            self.heap.block[shell as usize] = self.heap.block[value as usize];
            self.heap.shallow[shell as usize] = std::mem::take(&mut self.heap.shallow[value as usize]);
            self.heap.counterpart.insert(value, shell);
            self.heap.counterpart.insert(shell, value);
            let place = self.heap.addr[value as usize];
            let (kind, label) = (HOLDS_SHELL, LabelIdx(0));
            self.drafts.push(Draft { from: value, to: shell, kind, label, place }, None);
        }
        for (to, draft) in weak {
            if let Some(&shell) = self.heap.counterpart.get(&to) {
                self.drafts.push(Draft { to: shell, kind: HOLDS_SHELL, ..draft }, None);
            }
            self.drafts.push(draft, None);
        }
    }

    /// Size of what references of a type lead to, where it is known.
    fn pointee_size(&self, ty: Option<TypeIdx>) -> Option<u64> {
        *self.pointee_size.get(ty?.0 as usize)?
    }

    /// The node at an address: of the value inside a block or of the block there, or of the root whose value is there.
    fn target(&self, addr: u64, ty: Option<TypeIdx>) -> Option<u32> {
        // A reference to a zero-sized value may point anywhere.
        if self.pointee_size(ty) == Some(0) {
            return None;
        }
        if let Some(node) = self.inside_at(addr) {
            return Some(node);
        }
        if let Some(block) = block_at(&self.heap.blocks, addr) {
            let node = self.heap.block_node[block];
            return (node != NONE).then_some(node);
        }
        let at = self.root_ranges.partition_point(|(start, _, _)| *start <= addr).checked_sub(1)?;
        let (_, end, node) = self.root_ranges[at];
        (addr < end).then_some(node)
    }

    /// Who has handles that the walk did not meet.
    fn shared(&mut self) {
        let mut counted = std::mem::take(&mut self.snapshot.shared);
        if counted.iter().any(|shared| [shared.met, shared.weak_met].contains(&Shared::BY_EDGES)) {
            self.count_handles(&mut counted);
        }
        let heap = &mut self.heap;
        for shared in counted {
            let node = match shared.node {
                // Only weak handles were met: the block is pinned, if it is there at all.
                u64::MAX => {
                    let block = block_at(&heap.blocks, shared.addr).map(|block| heap.block_node[block]);
                    let pinned = |node: &u32| *node != NONE && heap.role[*node as usize] == Role::Pinned;
                    if let Some(node) = block.filter(pinned) {
                        heap.shared.push((node, shared));
                    }
                    continue;
                }
                node => usize::try_from(node).ok().and_then(|node| heap.same_as.get(node)).copied(),
            };
            match node {
                Some(node) => heap.shared.push((node, shared)),
                None => heap.counts.broken += 1,
            }
        }
        heap.shared.sort_by_key(|(node, _)| *node);
        heap.shared.dedup_by_key(|(node, _)| *node);
        for &(node, shared) in &heap.shared {
            let node = NodeId(node);
            let is_pinned = heap.role(node) == Role::Pinned;
            let (counted, met, is_maybe) = (shared.strong, shared.met, shared.uncounted);
            if is_maybe || counted > met && !is_pinned {
                heap.outside.push(Outside { node, is_weak: false, is_maybe, counted, met });
            }
            if shared.weak > shared.weak_met {
                let shell = if is_pinned { Some(node) } else { heap.counterpart(node) };
                if let Some(node) = shell {
                    let (counted, met) = (shared.weak, shared.weak_met);
                    heap.outside.push(Outside { node, is_weak: true, is_maybe: false, counted, met });
                }
            }
        }
    }

    /// Counts the handles that lead to blocks, where the walk did not.
    fn count_handles(&self, counted: &mut [Shared]) {
        let heap = &self.heap;
        let node_of = |shared: &Shared| match shared.node {
            u64::MAX => block_at(&heap.blocks, shared.addr).map(|block| heap.block_node[block]),
            node => usize::try_from(node).ok().and_then(|node| heap.same_as.get(node)).copied(),
        };
        let mut met: HashMap<u32, (u64, u64)> = HashMap::with_capacity(counted.len());
        for shared in counted.iter() {
            met.extend(node_of(shared).map(|node| (node, (0, 0))));
        }
        for draft in &self.drafts.edges {
            // A value in an arena may have an owner besides, which only a table of blocks tells:
            // without one a handle too few is counted, so that *alone* stays a lower bound.
            let is_unsure = !heap.header.tracked && heap.role(NodeId(draft.from)) == Role::Inside;
            let is_pinned = heap.role(NodeId(draft.to)) == Role::Pinned;
            let Some((strong, weak)) = met.get_mut(&draft.to) else { continue };
            match draft.kind {
                EdgeKind::SHARE if !is_unsure => *strong += 1,
                EdgeKind::WEAK => *weak += 1,
                HOLDS_SHELL if is_pinned => *weak += 1,
                _ => {}
            }
        }
        for shared in counted {
            let (strong, weak) = node_of(shared).and_then(|node| met.get(&node)).copied().unwrap_or_default();
            for (told, met) in [(&mut shared.met, strong), (&mut shared.weak_met, weak)] {
                if *told == Shared::BY_EDGES {
                    *told = met;
                }
            }
        }
    }

    fn adjacency(&mut self) {
        let drafts = std::mem::take(&mut self.drafts);
        self.heap.set_edges(&drafts);
    }

    /// What remains of the snapshot, and what was wrong in it, in sentences.
    fn notes(&mut self) {
        let count = self.heap.same_as.len() as u64;
        let heap = &mut self.heap;
        heap.values = std::mem::take(&mut self.snapshot.values);
        heap.values.retain(|value| value.node < count);
        heap.unreadable = std::mem::take(&mut self.snapshot.unreadable);
        for value in &mut heap.values {
            value.node = u64::from(heap.same_as[value.node as usize]);
        }
        for part in &mut heap.unreadable {
            let node = usize::try_from(part.node).ok().and_then(|node| heap.same_as.get(node));
            part.node = node.map_or(u64::MAX, |node| u64::from(*node));
        }
        heap.unreadable.sort_by_key(|part| part.node);
        let counts = heap.counts;
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                heap.problems.push(format!("{count} {what}"));
            }
        };
        note(counts.broken, "records point to nodes that are not in the file and are left out");
        note(counts.lost_nodes, "nodes were in damaged parts of the file and are left out");
        note(
            counts.overlapping_values,
            "values inside blocks overlap others and are taken for parts of them: an impl of `Walk` is wrong",
        );
        note(counts.overlapping_blocks, "blocks overlap others or leave memory and are left out");
        match &heap.footer {
            None => heap.problems.push(
                "the snapshot was cut off before its end: the program was stopped, or the disk was full"
                    .into(),
            ),
            Some(footer) => heap.problems.extend(footer.problems.iter().cloned()),
        }
    }
}

impl Heap {
    /// Puts the edges of keys in place of those that are there.
    pub(crate) fn set_key_links(&mut self, links: &[KeyLink], answers: KeyAnswers) {
        self.key_answers = answers;
        let others = 0..self.edge_count();
        let mut into = std::mem::take(&mut self.into).into_iter().peekable();
        let mut drafts = Drafts::default();
        drafts.edges.reserve(others.len() + links.len());
        for at in others {
            let into = into.next_if(|(of, _)| *of as usize == at).map(|(_, into)| into);
            let Edge { from, to, kind, label, place } = self.edge_at(at);
            if kind != EdgeKind::KEY {
                drafts.push(Draft { from: from.0, to: to.0, kind, label, place }, into);
            }
        }
        for link in links {
            let at = link.at as usize;
            let draft = Draft {
                from: self.keys.from[at],
                to: link.to.0,
                kind: EdgeKind::KEY,
                label: self.keys.label[at],
                place: self.keys.place[at],
            };
            drafts.push(draft, Some(link.entry));
        }
        self.set_edges(&drafts);
    }

    /// Edges sorted by where they begin (then by place), and by where they end. On two threads.
    fn set_edges(&mut self, drafts: &Drafts) {
        let Drafts { edges: drafts, into } = drafts;
        let count = self.role.len();
        assert!(drafts.len() < NONE as usize, "a snapshot of more than four thousand million edges");
        self.out_start = starts(count, drafts.iter().map(|draft| draft.from));
        let mut order = sorted_by(&self.out_start, drafts.iter().map(|draft| draft.from));
        for node in 0..count {
            let range = self.out_start[node] as usize..self.out_start[node + 1] as usize;
            let part = &mut order[range];
            if part.len() > 1 && !part.is_sorted_by_key(|&at| drafts[at as usize].place) {
                part.sort_by_key(|&at| drafts[at as usize].place);
            }
        }
        let sorted = || order.iter().map(|&at| &drafts[at as usize]);
        thread::scope(|scope| {
            let ends = scope.spawn(|| {
                let to: Vec<u32> = sorted().map(|draft| draft.to).collect();
                let start = starts(count, to.iter().copied());
                let edges = sorted_by(&start, to.iter().copied());
                (to, start, edges)
            });
            // Among the edges of a node they are sorted by place, those of one place as they came.
            let position = |at: u32| {
                let draft = &drafts[at as usize];
                let start = self.out_start[draft.from as usize] as usize;
                let part = &order[start..self.out_start[draft.from as usize + 1] as usize];
                let found =
                    part.binary_search_by_key(&(draft.place, at), |&at| (drafts[at as usize].place, at));
                found.map(|found| (start + found) as u32).ok()
            };
            self.into = into.iter().filter_map(|&(at, into)| Some((position(at)?, into))).collect();
            self.into.sort_unstable_by_key(|(at, _)| *at);
            self.edge_from = sorted().map(|draft| draft.from).collect();
            self.edge_kind = sorted().map(|draft| draft.kind).collect();
            self.edge_lens = sorted().map(|draft| lens_bits(draft.kind)).collect();
            self.edge_label = sorted().map(|draft| draft.label).collect();
            self.edge_place = sorted().map(|draft| draft.place).collect();
            (self.edge_to, self.in_start, self.in_edge) = ends.join().expect("sorting does not panic");
        });
    }

    fn push_node(&mut self, role: Role, node_ty: u32) -> u32 {
        let id = self.role.len() as u32;
        self.role.push(role);
        self.node_ty.push(node_ty);
        self.same_as.push(id);
        self.addr.push(0);
        self.len.push(1);
        self.cap.push(1);
        self.block.push(NONE);
        self.content.push(NONE);
        self.shallow.push(0);
        id
    }

    /// A node type like the one at `of`, for values of the concrete type `name`
    /// behind `dyn`. `None` where the walk knew the type.
    fn dyn_type(&mut self, of: u32, name: &str, value: &DynValue) -> Option<u32> {
        let old = self.node_types.get(of as usize)?.clone();
        let desc = if Layout(old.layout) == Layout::RAW {
            // Its element stays: the type through which it was found.
            NodeTypeDesc { container: format!("dyn = {name}"), ..old }
        } else {
            let elem = self.types.get(old.elem as usize)?.clone();
            if TypeKind(elem.kind) != TypeKind::UNKNOWN || elem.name.contains(" = ") {
                return None;
            }
            let concrete = match old.container.as_str() {
                "" | "root" | "&" => format!("{} = {name}", elem.name),
                container => format!("{container}<{} = {name}>", elem.name),
            };
            let base = Split { untyped: value.size, ..Split::default() };
            self.types.push(TypeDesc { name: concrete, size: value.size, base, ..elem });
            NodeTypeDesc { elem: self.types.len() as u32 - 1, ..old }
        };
        self.node_types.push(desc);
        Some(self.node_types.len() as u32 - 1)
    }

    /// A node for a block that only weak handles keep.
    fn push_pinned(&mut self, block: u32, ty: Option<TypeIdx>) -> u32 {
        let desc = NodeTypeDesc {
            container: "Weak".into(),
            layout: Layout::RAW.0,
            elem: ty.map_or(NONE, |ty| ty.0),
            is_slice: false,
            header: 0,
        };
        let known = self.node_types.iter().rposition(|known| *known == desc);
        let node_ty = known.unwrap_or_else(|| {
            self.node_types.push(desc);
            self.node_types.len() - 1
        });
        let node = self.push_node(Role::Pinned, node_ty as u32);
        let LiveBlock { addr, usable, is_tool, .. } = self.blocks[block as usize];
        self.addr[node as usize] = addr;
        self.block[node as usize] = block;
        let inside = self.inside_bytes.get(&block).copied().unwrap_or(0);
        self.shallow[node as usize] = if is_tool { 0 } else { usable.saturating_sub(inside) };
        self.block_node[block as usize] = node;
        node
    }
}
