//! What hangs below a node, and what a node is.

use crate::analysis::Analysis;
use crate::dominators::Dominator;
use crate::heap::{Edge, NodeId, Role, HOLDS_SHELL, NONE};
use crate::owners::{OutsideOwner, Sizes};
use crate::path::{place, place_into};
use crate::type_table::{Lift, RowId};
use heap_snapshot::record::Split;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::HashSet;

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
    /// What holds it, through any kind of edge. At most 100.
    pub holders: Vec<Holder>,
    /// All that hold it.
    pub holder_count: u64,
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
            retained: self.retained[node.index()],
            children: heap.out_range(node).filter(|&at| self.is_tree_edge(at)).count() as u64,
            is_dominated: holder.is_some_and(|holder| self.dominators.of(node) == Dominator::Node(holder)),
            holders: heap
                .in_positions(node)
                .iter()
                .filter(|&&at| heap.edge_begin(at as usize).1 & self.lens.bits() != 0)
                .count() as u64,
        }
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
        let heap = &self.heap;
        if node.index() >= heap.node_count() {
            return Children::default();
        }
        let node = heap.resolve(node);
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
        let end = |entry: &Entry| NodeId(heap.edge_end(entry.at as usize).0);
        let key = |entry: &Entry| {
            let to = end(entry);
            (Reverse(self.retained[to.index()]), Reverse(self.whole_shallow(to)), entry.at)
        };
        if entries.len() > top && top > 0 {
            entries.select_nth_unstable_by_key(top - 1, key);
        }
        let rest = entries.split_off(top.min(entries.len()));
        entries.sort_unstable_by_key(key);
        let mut children = Children {
            rest_count: rest.len() as u64,
            rest_shallow: rest
                .iter()
                .map(|entry| self.whole_shallow(end(entry)))
                .fold(0, u64::saturating_add),
            ..Children::default()
        };
        // An entry that is there twice retains once.
        let mut counted: HashSet<NodeId> = HashSet::new();
        for entry in &rest {
            if counted.insert(end(entry)) {
                let retained = self.retained[end(entry).index()];
                children.rest_retained = children.rest_retained.saturating_add(retained);
            }
        }
        for entry in entries {
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
            children.rows.push(TreeRow { into: self.end_text(entry.at as usize), ..row });
        }
        children
    }

    /// Nodes of a type, those that retain most first, at most `top`. O(n).
    pub fn nodes_of(&self, row: RowId, top: usize) -> Vec<TreeRow> {
        let mut nodes = self.nodes(crate::find::Subject::Type(row));
        nodes.retain(|&node| self.heap.role(node) != Role::Shell);
        nodes.sort_by_key(|&node| (Reverse(self.retained[node.index()]), node));
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
            dominator: match self.dominators.of(node) {
                Dominator::Node(above) => Some(above),
                _ => None,
            },
            holders: holders()
                .take(LIST_LIMIT)
                .map(|(at, edge)| Holder {
                    node: edge.from,
                    type_name: self.display_name(edge.from),
                    place: trim(&place(heap, &edge)),
                    edge: heap.edge_name(edge.kind),
                    into: self.end_text(at),
                })
                .collect(),
            holder_count: holders().count() as u64,
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
                .unreadable
                .iter()
                .filter(|part| part.node == u64::from(node.0))
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
