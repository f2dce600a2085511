//! What hangs below a node, and what a node is.

use crate::analysis::Analysis;
use crate::dominator_tree::Above;
use crate::dominators::Dominator;
use crate::heap::{Edge, NodeId, Role, RootEntry, HOLDS_SHELL, NONE};
use crate::owners::{OutsideOwner, Sizes};
use crate::path::{place, place_into};
use crate::type_table::{Lift, RowId};
use heap_snapshot::record::Split;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// A node as an entry of a tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TreeRow {
    /// The node.
    pub node: NodeId,
    /// Through which field or position its holder holds it: `basic_blocks`, `[17]`, `Some.0`.
    pub place: String,
    /// Kind of the edge: `own`, `share`, …
    pub edge: String,
    /// Where in the node a reference ends: `blocks[12]`; empty at the whole node.
    pub into: String,
    /// Displayed name of its type.
    pub type_name: String,
    /// Its row in the type table.
    pub row: Option<RowId>,
    /// Length and capacity in elements, for buffers and tables.
    pub len_cap: Option<(u64, u64)>,
    /// Active variant, where the node is one enum value.
    pub variant: Option<String>,
    /// Usable bytes of its block less the nodes inside it; bytes of a value inside a block.
    pub shallow: u64,
    /// Bytes outside the allocator, which are in nobody's sums: of a region.
    pub outside_bytes: u64,
    /// Retained bytes.
    pub retained: u64,
    /// Edges of the lens that leave it.
    pub children: u64,
    /// Whether the holder it is listed under is its immediate dominator: what
    /// it retains goes with that holder.
    pub is_dominated: bool,
    /// Edges of the lens that reach it.
    pub holders: u64,
    /// Parts of it that could not be entered.
    pub unreadable: u64,
}

/// The entries below a node.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Children {
    /// The largest by retained size, in that order.
    pub rows: Vec<TreeRow>,
    /// Entries left out.
    pub rest_count: u64,
    /// Shallow bytes of the entries left out.
    pub rest_shallow: u64,
    /// Retained bytes of the entries left out.
    pub rest_retained: u64,
}

impl Children {
    fn leave_out(&mut self, shallow: u64, retained: u64) {
        self.rest_count += 1;
        self.rest_shallow = self.rest_shallow.saturating_add(shallow);
        self.rest_retained = self.rest_retained.saturating_add(retained);
    }
}

/// A node in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeDetail {
    /// Itself as an entry; `place` and `edge` are those of its first holder.
    pub row: TreeRow,
    /// Shortest way from a root, as text: `gcx.interners.strings[17]`. Empty if nothing reaches it.
    pub path: String,
    /// Names of roots that are this node.
    pub roots: Vec<String>,
    /// Address of its block, or of the value of a root.
    pub addr: u64,
    /// Requested bytes of its block; 0 without one.
    pub requested: u64,
    /// Usable bytes of its block; 0 without one.
    pub usable: u64,
    /// Birth epoch of its block.
    pub epoch: Option<u32>,
    /// Alignment that was asked for.
    pub align: Option<u64>,
    /// The node of the block it is a value in, and the bytes from the block's beginning to it.
    pub inside: Option<(NodeId, u64)>,
    /// How its bytes divide; rounding is usable less requested.
    pub split: Split,
    /// Sizes; alone is retained.
    pub sizes: Sizes,
    /// Its immediate dominator; `None` where several roots or an outside owner hold it.
    pub dominator: Option<NodeId>,
    /// What holds it, through any kind of edge, owners first. At most 100.
    pub holders: Vec<Holder>,
    /// All that hold it.
    pub holder_count: u64,
    /// Those of them whose edge the lens follows: who keeps it alive.
    pub owner_count: u64,
    /// The references that leave it, by any kind of edge outside of the lens. At most 100.
    pub references: Vec<TreeRow>,
    /// Handles that the walk did not see.
    pub outside: Vec<OutsideOwner>,
    /// Values recorded on request: field and text.
    pub values: Vec<(String, String)>,
    /// Parts that could not be entered: field and reason.
    pub unreadable: Vec<(String, String)>,
}

/// An edge that reaches a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Holder {
    /// Where it starts.
    pub node: NodeId,
    /// Displayed name of the type there.
    pub type_name: String,
    /// Field or position there.
    pub place: String,
    /// Kind of the edge.
    pub edge: String,
    /// Where in the node a reference ends: `blocks[12]`; empty at the whole node.
    pub into: String,
    /// Whether the lens follows the edge: it keeps the node alive.
    pub is_owner: bool,
}

/// A tree over the nodes of a heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tree {
    /// Below a node is what its edges lead to, along the lens. What several
    /// nodes hold stands below each of them.
    #[default]
    Owned,
    /// Below a node is what would go with it. Every node stands in it once.
    Dominated,
}

/// The entries below a node, by type.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Merged {
    /// The types that retain most, in that order.
    pub rows: Vec<MergedRow>,
    /// Types left out.
    pub rest_types: u64,
    /// Entries of the types left out.
    pub rest_entries: u64,
    /// Shallow bytes of the types left out.
    pub rest_shallow: u64,
    /// Retained bytes of the types left out.
    pub rest_retained: u64,
}

/// Entries of one type below one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MergedRow {
    /// Row of the type in the type table.
    pub row: Option<RowId>,
    /// Displayed name of the type.
    pub type_name: String,
    /// The entry itself, where it is the only one of its type.
    pub only: Option<Box<TreeRow>>,
    /// How many.
    pub entries: u64,
    /// Those among them that go with the node above.
    pub dominated: u64,
    /// Their shallow bytes.
    pub shallow: u64,
    /// What they retain, each by itself.
    pub retained: u64,
}

/// Entries of lists that are not shortened by the caller.
const LIST_LIMIT: usize = 100;

/// An edge to an entry, and the edges through lifted nodes that lead to it.
#[derive(Clone, Copy)]
struct Entry {
    at: u32,
    /// Position in the list of lifted edges, or `NONE`.
    before: u32,
}

impl Analysis {
    fn is_tree_edge(&self, at: usize) -> bool {
        let edge = self.heap.edge_at(at);
        // A value's own shell is shown as part of the value.
        self.lens.follows(&edge)
            && !(edge.kind == HOLDS_SHELL && self.heap.counterpart(edge.from) == Some(edge.to))
    }

    /// Shallow bytes, those of the shell included.
    fn whole_shallow(&self, node: NodeId) -> u64 {
        let shell = match self.heap.role(node) {
            Role::Block => self.heap.counterpart(node),
            _ => None,
        };
        self.heap.shallow(node) + shell.map_or(0, |shell| self.heap.shallow(shell))
    }

    /// A node as an entry below `holder`, reached by `edge`.
    fn row(&self, node: NodeId, place: String, edge: String, holder: Option<NodeId>) -> TreeRow {
        let heap = &self.heap;
        let ty = heap.node_type(node);
        let has_length = ty.is_some_and(crate::type_table::has_length);
        let variant = heap
            .variant(node)
            .and_then(|variant| Some(heap.elem(node)?.variants.get(variant as usize)?.name.clone()));
        TreeRow {
            node,
            place,
            edge,
            into: String::new(),
            type_name: self.display_name(node),
            row: self.table.row_of(heap, node),
            len_cap: has_length.then(|| (heap.len(node), heap.cap(node))),
            variant,
            shallow: self.whole_shallow(node),
            outside_bytes: if heap.role(node) == Role::Region { heap.room(node) } else { 0 },
            retained: self.retained(node),
            children: heap.out_range(node).filter(|&at| self.is_tree_edge(at)).count() as u64,
            is_dominated: holder.is_some_and(|holder| self.dominators().of(node) == Dominator::Node(holder)),
            holders: heap
                .in_positions(node)
                .iter()
                .filter(|&&at| heap.edge_begin(at as usize).1 & self.lens.bits() != 0)
                .count() as u64,
            unreadable: heap.unreadable_in(node).len() as u64,
        }
    }

    /// A node in a few words: the name of its root, or of its type.
    pub fn label(&self, node: NodeId) -> String {
        let root = self.heap.roots().iter().find(|root| root.node == node && !root.is_name);
        root.map_or_else(|| self.display_name(node), |root| root.root.name.clone())
    }

    /// The row of a node's type in the type table.
    pub fn row_of(&self, node: NodeId) -> Option<RowId> {
        self.table.row_of(&self.heap, node)
    }

    /// A node as an entry of a tree, without a holder: its place is the name of
    /// its root, if it is one.
    pub fn tree_row(&self, node: NodeId) -> Option<TreeRow> {
        if node.index() >= self.heap.node_count() {
            return None;
        }
        let node = self.heap.resolve(node);
        let root = self.heap.roots().iter().find(|entry| entry.node == node);
        let (place, edge) = root.map_or(("", ""), |entry| (entry.root.name.as_str(), "root"));
        Some(self.row(node, place.into(), edge.into(), None))
    }

    /// What hangs directly below a node, along the lens: the `top` entries that
    /// retain most. Hidden and flattened types are replaced by what hangs below
    /// them. O(children), names only for the entries returned.
    pub fn children(&self, node: NodeId, top: usize) -> Children {
        self.owned(node, None, top)
    }

    /// What hangs below `above` in a tree: the `top` entries that retain most; of
    /// the type `only`, where that is given. O(children).
    pub fn below(&self, tree: Tree, above: Above, only: Option<Option<RowId>>, top: usize) -> Children {
        match (tree, above) {
            (Tree::Owned, Above::Node(node)) => self.owned(node, only, top),
            (Tree::Owned, Above::Virtual) => self.root_entries(only, top),
            (Tree::Dominated, above) => self.dominated_below(above, only, top),
        }
    }

    /// What hangs below `above` in a tree, by type: the `top` types that retain
    /// most together. O(children).
    pub fn below_by_type(&self, tree: Tree, above: Above, top: usize) -> Merged {
        let heap = &self.heap;
        let mut by_type: HashMap<Option<RowId>, MergedRow> = HashMap::new();
        // Of each type, where its first entry is: in the list of edges, or of roots.
        let mut first: HashMap<Option<RowId>, usize> = HashMap::new();
        let mut counted: HashSet<NodeId> = HashSet::new();
        let mut add = |at: usize, node: NodeId, is_dominated: bool| {
            let row = self.table.row_of(heap, node);
            first.entry(row).or_insert(at);
            let merged = by_type.entry(row).or_insert_with(|| MergedRow {
                row,
                type_name: self.table.node_name(heap, node).to_owned(),
                only: None,
                entries: 0,
                dominated: 0,
                shallow: 0,
                retained: 0,
            });
            merged.entries += 1;
            merged.dominated += u64::from(is_dominated);
            // An entry that is there twice has its bytes once.
            if counted.insert(node) {
                merged.shallow = merged.shallow.saturating_add(self.whole_shallow(node));
                merged.retained = merged.retained.saturating_add(self.retained(node));
            }
        };
        let (mut entries, mut lifted, mut roots) = (Vec::new(), Vec::new(), Vec::new());
        match (tree, above) {
            (Tree::Owned, Above::Node(node)) => {
                let node = heap.resolve(node);
                (entries, lifted) = self.entries_below(node);
                for (at, entry) in entries.iter().enumerate() {
                    let to = NodeId(heap.edge_end(entry.at as usize).0);
                    add(at, to, self.dominators().of(to) == Dominator::Node(node));
                }
            }
            (Tree::Owned, Above::Virtual) => {
                roots.extend(heap.roots().iter().filter(|root| !root.is_name));
                roots.iter().enumerate().for_each(|(at, root)| add(at, root.node, true));
            }
            (Tree::Dominated, above) => {
                let dominated = self.dominated();
                let positions = dominated.children(above);
                positions
                    .clone()
                    .zip(dominated.nodes(positions))
                    .for_each(|(at, node)| add(at as usize, node, true));
            }
        }
        let mut rows: Vec<MergedRow> = by_type.into_values().collect();
        rows.sort_by(|a, b| b.retained.cmp(&a.retained).then(a.type_name.cmp(&b.type_name)));
        let rest = rows.split_off(top.min(rows.len()));
        for row in rows.iter_mut().filter(|row| row.entries == 1) {
            let at = first[&row.row];
            row.only = Some(Box::new(match (tree, above) {
                (Tree::Owned, Above::Node(node)) => self.entry_row(heap.resolve(node), &entries[at], &lifted),
                (Tree::Owned, Above::Virtual) => self.root_row(roots[at]),
                (Tree::Dominated, above) => self.dominated_row(above, self.dominated().at(at as u32)),
            }));
        }
        let sum = |part: fn(&MergedRow) -> u64| rest.iter().map(part).fold(0, u64::saturating_add);
        Merged {
            rest_types: rest.len() as u64,
            rest_entries: sum(|row| row.entries),
            rest_shallow: sum(|row| row.shallow),
            rest_retained: sum(|row| row.retained),
            rows,
        }
    }

    /// The roots that are no names for something else.
    fn root_entries(&self, only: Option<Option<RowId>>, top: usize) -> Children {
        let mut roots: Vec<_> = self.heap.roots().iter().filter(|root| !root.is_name).collect();
        roots.retain(|root| only.is_none_or(|only| self.table.row_of(&self.heap, root.node) == only));
        roots.sort_by_key(|root| (Reverse(self.retained(root.node)), root.node));
        let rest = roots.split_off(top.min(roots.len()));
        let rows = roots.iter().map(|root| self.root_row(root)).collect();
        let mut children = Children { rows, ..Children::default() };
        for root in rest {
            children.leave_out(self.whole_shallow(root.node), self.retained(root.node));
        }
        children
    }

    fn root_row(&self, root: &RootEntry) -> TreeRow {
        self.row(root.node, root.root.name.clone(), "root".into(), None)
    }

    fn dominated_below(&self, above: Above, only: Option<Option<RowId>>, top: usize) -> Children {
        let (heap, dominated) = (&self.heap, self.dominated());
        let positions = dominated.children(above);
        let is_wanted = |node: &NodeId| only.is_none_or(|only| self.table.row_of(heap, *node) == only);
        let mut nodes = dominated.nodes(positions.clone()).filter(is_wanted);
        let rows: Vec<TreeRow> =
            nodes.by_ref().take(top).map(|node| self.dominated_row(above, node)).collect();
        let mut children = Children { rows, ..Children::default() };
        for node in nodes {
            children.leave_out(heap.shallow(node), self.retained(node));
        }
        children
    }

    /// A node as an entry of the dominator tree: its place is that of an edge
    /// from what dominates it, where there is one.
    pub fn dominated_row(&self, above: Above, node: NodeId) -> TreeRow {
        let heap = &self.heap;
        let children = self.dominated().children(Above::Node(node)).len() as u64;
        let edge = match above {
            Above::Virtual => None,
            Above::Node(above) => heap.in_positions(node).iter().map(|&at| at as usize).find(|&at| {
                let edge = heap.edge_at(at);
                edge.from == above && self.lens.follows(&edge)
            }),
        };
        let row = match (edge, above) {
            (Some(at), Above::Node(above)) => {
                let edge = heap.edge_at(at);
                self.row(node, trim(&place(heap, &edge)), heap.edge_name(edge.kind), Some(above))
            }
            _ => {
                let root = heap.roots().iter().find(|root| root.node == node && !root.is_name);
                let (place, kind) = match root {
                    Some(root) => (root.root.name.clone(), "root"),
                    None => (String::new(), "several ways"),
                };
                self.row(node, place, kind.into(), None)
            }
        };
        TreeRow { children, is_dominated: true, shallow: heap.shallow(node), ..row }
    }

    /// Edges to what hangs below a node along the lens, and those through lifted nodes.
    fn entries_below(&self, node: NodeId) -> (Vec<Entry>, Vec<Entry>) {
        let heap = &self.heap;
        let mut entries: Vec<Entry> = Vec::new();
        let mut lifted: Vec<Entry> = Vec::new();
        let mut stack: Vec<Entry> = Vec::new();
        let mut is_lifted: HashSet<NodeId> = HashSet::new();
        let below = |of: NodeId, before: u32, stack: &mut Vec<Entry>| {
            let edges = heap.out_range(of).rev().filter(|&at| self.is_tree_edge(at));
            stack.extend(edges.map(|at| Entry { at: at as u32, before }));
        };
        below(node, NONE, &mut stack);
        while let Some(entry) = stack.pop() {
            let to = NodeId(heap.edge_end(entry.at as usize).0);
            let is_replaced = match self.table.lift(heap, to) {
                Lift::No => false,
                Lift::Hidden => true,
                Lift::Flattened => {
                    heap.out_range(to).filter(|&at| self.is_tree_edge(at)).take(2).count() == 1
                }
            };
            // Hidden types may form cycles.
            if is_replaced && to != node && is_lifted.insert(to) {
                lifted.push(entry);
                below(to, lifted.len() as u32 - 1, &mut stack);
            } else {
                entries.push(entry);
            }
        }
        (entries, lifted)
    }

    fn owned(&self, node: NodeId, only: Option<Option<RowId>>, top: usize) -> Children {
        let heap = &self.heap;
        if node.index() >= heap.node_count() {
            return Children::default();
        }
        let node = heap.resolve(node);
        let (mut entries, lifted) = self.entries_below(node);
        let end = |entry: &Entry| NodeId(heap.edge_end(entry.at as usize).0);
        if let Some(only) = only {
            entries.retain(|entry| self.table.row_of(heap, end(entry)) == only);
        }
        let key = |entry: &Entry| {
            let to = end(entry);
            (Reverse(self.retained(to)), Reverse(self.whole_shallow(to)), entry.at)
        };
        if entries.len() > top && top > 0 {
            entries.select_nth_unstable_by_key(top - 1, key);
        }
        let rest = entries.split_off(top.min(entries.len()));
        entries.sort_unstable_by_key(key);
        let mut children = Children::default();
        // An entry that is there twice retains once.
        let mut counted: HashSet<NodeId> = HashSet::new();
        for entry in &rest {
            let to = end(entry);
            let retained = if counted.insert(to) { self.retained(to) } else { 0 };
            children.leave_out(self.whole_shallow(to), retained);
        }
        children.rows = entries.iter().map(|entry| self.entry_row(node, entry, &lifted)).collect();
        children
    }

    /// An entry below `node`, with the places of all edges that lead to it.
    fn entry_row(&self, node: NodeId, entry: &Entry, lifted: &[Entry]) -> TreeRow {
        let heap = &self.heap;
        let edge = heap.edge_at(entry.at as usize);
        let mut places = vec![place(heap, &edge)];
        let mut before = entry.before;
        while before != NONE {
            let entry = lifted[before as usize];
            places.push(place(heap, &heap.edge_at(entry.at as usize)));
            before = entry.before;
        }
        let text: String = places.into_iter().rev().collect();
        let row = self.row(edge.to, trim(&text), heap.edge_name(edge.kind), Some(node));
        TreeRow { into: self.end_text(entry.at as usize), ..row }
    }

    /// Who else holds a node along the lens: at most `limit` of them. O(limit).
    pub fn holders(&self, node: NodeId, limit: usize) -> Vec<Holder> {
        let heap = &self.heap;
        let edges = heap.in_positions(node).iter().map(|&at| (at as usize, heap.edge_at(at as usize)));
        let is_own_shell =
            |edge: &Edge| edge.kind == HOLDS_SHELL && heap.counterpart(node) == Some(edge.from);
        edges
            .filter(|(_, edge)| self.lens.follows(edge) && !is_own_shell(edge))
            .take(limit)
            .map(|(at, edge)| self.holder(at, &edge))
            .collect()
    }

    fn holder(&self, at: usize, edge: &Edge) -> Holder {
        Holder {
            node: edge.from,
            type_name: self.display_name(edge.from),
            place: trim(&place(&self.heap, edge)),
            edge: self.heap.edge_name(edge.kind),
            into: self.end_text(at),
            is_owner: self.lens.follows(edge),
        }
    }

    /// Nodes of a type, those that retain most first, at most `top`. O(n).
    pub fn nodes_of(&self, row: RowId, top: usize) -> Vec<TreeRow> {
        let mut nodes = self.nodes(crate::find::Subject::Type(row));
        nodes.retain(|&node| self.heap.role(node) != Role::Shell);
        nodes.sort_by_key(|&node| (Reverse(self.retained(node)), node));
        nodes.truncate(top);
        nodes.into_iter().filter_map(|node| self.tree_row(node)).collect()
    }

    fn reference_row(&self, at: usize) -> TreeRow {
        let edge = self.heap.edge_at(at);
        let name = self.heap.edge_name(edge.kind);
        let row = self.row(edge.to, trim(&place(&self.heap, &edge)), name, Some(edge.from));
        TreeRow { into: self.end_text(at), ..row }
    }

    fn end_text(&self, at: usize) -> String {
        let text = place_into(&self.heap, at);
        text.strip_prefix('.').map_or(text.clone(), str::to_owned)
    }

    /// A node in full. O(n): a search over the whole heap.
    pub fn node(&self, node: NodeId) -> Option<NodeDetail> {
        let heap = &self.heap;
        let mut row = self.tree_row(node)?;
        let node = row.node;
        if row.edge.is_empty() {
            let mut edges = heap.in_positions(node).iter().map(|&at| at as usize);
            if let Some(first) = edges.find(|&at| self.lens.follows(&heap.edge_at(at))) {
                row = self.reference_row(first);
            }
        }
        let block = heap.block(node);
        let is_own_shell =
            |edge: &Edge| edge.kind == HOLDS_SHELL && heap.counterpart(node) == Some(edge.from);
        let label = |label: u32| heap.labels.get(label as usize).map_or("", |label| label.name.as_str());
        let holders = || {
            let edges = heap.in_positions(node).iter().map(|&at| (at as usize, heap.edge_at(at as usize)));
            edges.filter(|(_, edge)| !is_own_shell(edge))
        };
        let owners = holders().filter(|(_, edge)| self.lens.follows(edge));
        let others = holders().filter(|(_, edge)| !self.lens.follows(edge));
        Some(NodeDetail {
            row,
            path: self.path_text(node),
            roots: heap
                .roots()
                .iter()
                .filter(|entry| entry.node == node)
                .map(|entry| entry.root.name.clone())
                .collect(),
            addr: heap.addr(node),
            requested: block.map_or(0, |block| block.requested),
            usable: block.map_or(0, |block| block.usable),
            epoch: block.filter(|_| heap.header().tracked).map(|block| block.epoch),
            align: block
                .filter(|_| heap.header().tracked)
                .map(|block| 1_u64.checked_shl(u32::from(block.align_log2)).unwrap_or(0)),
            inside: heap
                .holder_of(node)
                .map(|holder| (holder, heap.addr(node).wrapping_sub(heap.addr(holder)))),
            split: heap.split(node),
            sizes: self.node_sizes(node),
            dominator: match self.dominators().of(node) {
                Dominator::Node(above) => Some(above),
                _ => None,
            },
            holders: owners.chain(others).take(LIST_LIMIT).map(|(at, edge)| self.holder(at, &edge)).collect(),
            holder_count: holders().count() as u64,
            owner_count: holders().filter(|(_, edge)| self.lens.follows(edge)).count() as u64,
            references: heap
                .out_range(node)
                .filter(|&at| !self.lens.follows(&heap.edge_at(at)))
                .take(LIST_LIMIT)
                .map(|at| self.reference_row(at))
                .collect(),
            outside: self
                .outside_owners(|outside| outside == node || heap.counterpart(node) == Some(outside)),
            values: heap
                .values
                .iter()
                .filter(|value| value.node == u64::from(node.0))
                .map(|value| (label(value.label).to_owned(), value.text.clone()))
                .collect(),
            unreadable: heap
                .unreadable_in(node)
                .iter()
                .map(|part| (label(part.label).to_owned(), part.reason.clone()))
                .collect(),
        })
    }
}

/// A place without the dot that joins it to what is before.
fn trim(place: &str) -> String {
    let place = place.strip_prefix('.').unwrap_or(place);
    if place.is_empty() {
        "*".into()
    } else {
        place.into()
    }
}
