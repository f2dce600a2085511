//! Roots and owners: alone, in all and shared.

use crate::analysis::Analysis;
use crate::find::Subject;
use crate::heap::{NodeId, Part};
use crate::lens::Lens;
use crate::path::place_at;
use crate::reach::{reach, NodeSet};
use crate::retained::{sizes_of, sizes_with_parts};
use serde::Serialize;
use std::cmp::Reverse;

/// Sizes of an owner, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Sizes {
    /// Its own blocks.
    pub shallow: u64,
    /// Alone: retained. A lower bound of what dropping the owner frees.
    pub alone: u64,
    /// In all: everything reachable from it.
    pub in_all: u64,
    /// In all less alone.
    pub shared: u64,
    /// Nodes reachable from it, itself included.
    pub nodes: u64,
}

/// A root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RootRow {
    /// Position among the roots; [`crate::find::Subject::Root`] takes it.
    pub index: usize,
    /// Name as it was registered.
    pub name: String,
    /// Displayed name of the value's type.
    pub type_name: String,
    /// Its node; for a name, the node it names or lies in.
    pub node: NodeId,
    /// Address of the value.
    pub addr: u64,
    /// Size of the value.
    pub size: u64,
    /// How it was registered: `argument`, `scope`, `static`, `arc`, `task`.
    pub origin: String,
    /// Where a task was tagged: file and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The root of which it is a part: `mbcx` for `mbcx.body`.
    pub part_of: Option<String>,
    /// What else the place is called, where the root is a name for a place that
    /// another root's value or a block already owned holds.
    pub name_for: Option<String>,
    /// Sizes of the root by itself. Of a name for a value inside a larger node:
    /// what that value holds; its own bytes are the node's.
    pub sizes: Sizes,
    /// Sizes of the root and its parts taken as one owner, where it has parts.
    pub with_parts: Option<Sizes>,
}

/// A shared block with more handles than the walk met, or with a count that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OutsideOwner {
    /// The block's node.
    pub node: NodeId,
    /// Displayed name of its type.
    pub type_name: String,
    /// `strong` or `weak`.
    pub handles: &'static str,
    /// The block's own count cannot be read: there may be such owners or none.
    pub is_maybe: bool,
    /// Handles by the block's own count; 0 where that cannot be read.
    pub counted: u64,
    /// Handles the walk met.
    pub met: u64,
    /// Handles that the walk did not see, where that is known.
    pub gap: u64,
    /// Bytes that hang below the block.
    pub retained: u64,
}

/// What an owner (a root, a node, or all nodes of a type) owns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Owns {
    /// What was asked about.
    pub name: String,
    /// `root`, `node` or `type`.
    pub kind: &'static str,
    /// Which edges were followed.
    pub lens: Lens,
    /// Nodes that were taken together as the owner.
    pub owner_nodes: u64,
    /// Sizes of the owner by itself.
    pub sizes: Sizes,
    /// Names of the parts, for a root that has any.
    pub parts: Vec<String>,
    /// Sizes with the parts, for a root that has any.
    pub with_parts: Option<Sizes>,
    /// Blocks reachable from the owner (with its parts) that somebody outside the walk
    /// holds, or may hold, as well, largest first. They and what is below them are nobody's alone.
    pub outside: Vec<OutsideOwner>,
}

pub(crate) fn root_rows(analysis: &Analysis) -> Vec<RootRow> {
    let heap = &analysis.heap;
    let mut rows: Vec<RootRow> = heap
        .roots()
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let group = analysis.with_parts(index);
            let part = entry.part_of_node(heap);
            let own_type = heap.node_type(NodeId(entry.root.node as u32));
            RootRow {
                index,
                name: entry.root.name.clone(),
                type_name: own_type.map_or_else(
                    || analysis.table.node_name(heap, entry.node).to_owned(),
                    |ty| analysis.table.type_name(ty.elem).to_owned(),
                ),
                node: entry.node,
                addr: entry.root.addr,
                size: entry.root.size,
                origin: entry.root.origin.clone(),
                source: entry.root.source.as_ref().map(|source| format!("{}:{}", source.file, source.line)),
                part_of: entry.part_of.map(|of| heap.roots()[of].root.name.clone()),
                name_for: entry.is_name.then(|| {
                    let mut path = analysis.path_text(entry.node);
                    if part.is_some() {
                        path.push_str(&place_at(heap, entry.node, entry.root.addr, entry.root.size));
                    }
                    path
                }),
                sizes: match part {
                    Some(_) => analysis.group_sizes(&[index]),
                    None => analysis.node_sizes(entry.node),
                },
                with_parts: (group.len() > 1).then(|| analysis.group_sizes(&group)),
            }
        })
        .collect();
    let key = |row: &RootRow| (Reverse(row.with_parts.unwrap_or(row.sizes).in_all), row.name.clone());
    rows.sort_by_cached_key(key);
    // Parts right after what they are part of, also parts of parts.
    let mut sorted: Vec<RootRow> = Vec::with_capacity(rows.len());
    let (tops, mut parts): (Vec<RootRow>, Vec<RootRow>) =
        rows.into_iter().partition(|row| row.part_of.is_none());
    let mut stack: Vec<RootRow> = tops.into_iter().rev().collect();
    while let Some(row) = stack.pop() {
        let (own, others): (Vec<RootRow>, Vec<RootRow>) =
            parts.into_iter().partition(|part| part.part_of.as_ref() == Some(&row.name));
        parts = others;
        stack.extend(own.into_iter().rev());
        sorted.push(row);
    }
    sorted.append(&mut parts);
    sorted
}

impl Analysis {
    /// Positions of a root and of all its parts.
    fn with_parts(&self, root: usize) -> Vec<usize> {
        let roots = self.heap.roots();
        let is_part = |mut at: usize| {
            // Each step goes to a shorter name, so this ends.
            while at != root {
                match roots[at].part_of {
                    Some(above) => at = above,
                    None => return false,
                }
            }
            true
        };
        (0..roots.len()).filter(|&at| is_part(at)).collect()
    }

    /// What roots stand for: nodes, and values inside of nodes.
    fn group(&self, roots: &[usize]) -> (Vec<NodeId>, Vec<Part>) {
        let (mut nodes, mut parts) = (Vec::new(), Vec::new());
        for &root in roots {
            let entry = &self.heap.roots()[root];
            match entry.part_of_node(&self.heap) {
                Some(part) => parts.push(part),
                None => nodes.push(entry.node),
            }
        }
        (nodes, parts)
    }

    fn group_sizes(&self, roots: &[usize]) -> Sizes {
        let (nodes, parts) = self.group(roots);
        sizes_with_parts(&self.heap, self.lens, self.dominators(), &nodes, &parts)
    }

    /// Sizes of one node. O(n): a search.
    pub(crate) fn node_sizes(&self, node: NodeId) -> Sizes {
        let reached = reach(&self.heap, self.lens, [node]);
        let alone = match self.dominators().is_reachable(node) {
            true => self.retained(node),
            // What nothing else reaches is its own.
            false => sizes_of(&self.heap, self.lens, self.dominators(), &[node]).alone,
        };
        Sizes {
            shallow: self.heap.shallow(node),
            alone,
            in_all: reached.bytes,
            shared: reached.bytes.saturating_sub(alone),
            nodes: reached.count,
        }
    }

    /// The nodes that `subject` stands for: one, or all of a type.
    pub fn nodes(&self, subject: Subject) -> Vec<NodeId> {
        match subject {
            Subject::Root(root) => self.heap.roots().get(root).map(|entry| entry.node).into_iter().collect(),
            Subject::Node(node) if node.index() < self.heap.node_count() => vec![self.heap.resolve(node)],
            Subject::Node(_) => Vec::new(),
            Subject::Type(row) => self
                .heap
                .node_ids()
                .filter(|&node| self.heap.resolve(node) == node)
                .filter(|&node| self.table.row_of(&self.heap, node) == Some(row))
                .collect(),
        }
    }

    /// What a root, a node or all nodes of a type own. O(n): some searches over
    /// the whole heap. `None` where there is no such root, node or type.
    pub fn owns(&self, subject: Subject) -> Option<Owns> {
        let heap = &self.heap;
        let nodes = self.nodes(subject);
        let (name, kind, group) = match subject {
            Subject::Root(root) => (heap.roots().get(root)?.root.name.clone(), "root", self.with_parts(root)),
            Subject::Node(_) => {
                let node = *nodes.first()?;
                (format!("#{} {}", node.0, self.table.node_name(heap, node)), "node", Vec::new())
            }
            Subject::Type(row) => (self.table.rows.get(row.0 as usize)?.name.clone(), "type", Vec::new()),
        };
        let sizes = match (subject, &nodes[..]) {
            (Subject::Root(root), _) if heap.roots()[root].part_of_node(heap).is_some() => {
                self.group_sizes(&[root])
            }
            (_, &[node]) => self.node_sizes(node),
            _ => sizes_of(heap, self.lens, self.dominators(), &nodes),
        };
        // What is reachable: from the nodes, or from all that the root and its parts stand for.
        let mut all = nodes.clone();
        if !group.is_empty() {
            let (own, inside) = self.group(&group);
            all = own;
            for part in &inside {
                let edges = part.edges(heap).filter(|&at| heap.edge_end(at).1 & self.lens.bits() != 0);
                all.extend(edges.map(|at| NodeId(heap.edge_end(at).0)));
            }
        }
        let parts: Vec<String> = match subject {
            Subject::Root(own) => group
                .iter()
                .filter(|&&root| root != own)
                .map(|&root| heap.roots()[root].root.name.clone())
                .collect(),
            _ => Vec::new(),
        };
        let reached = reach(heap, self.lens, all.iter().copied());
        Some(Owns {
            name,
            kind,
            lens: self.lens,
            owner_nodes: nodes.len() as u64,
            sizes,
            with_parts: (!parts.is_empty()).then(|| self.group_sizes(&group)),
            parts,
            outside: self.outside_owners(|node| reached.nodes.contains(node.0)),
        })
    }

    /// Shared blocks with handles that the walk did not see, largest first.
    pub(crate) fn outside_owners(&self, is_wanted: impl Fn(NodeId) -> bool) -> Vec<OutsideOwner> {
        let heap = &self.heap;
        let mut rows: Vec<OutsideOwner> = heap
            .outside()
            .iter()
            .filter(|outside| is_wanted(outside.node))
            .map(|outside| OutsideOwner {
                node: outside.node,
                type_name: self.table.node_name(heap, outside.node).to_owned(),
                handles: if outside.is_weak { "weak" } else { "strong" },
                is_maybe: outside.is_maybe,
                counted: outside.counted,
                met: outside.met,
                gap: outside.counted.saturating_sub(outside.met),
                retained: self.retained(outside.node),
            })
            .collect();
        rows.sort_by_key(|row| (row.is_maybe, Reverse(row.retained), row.node));
        rows
    }

    /// Sizes of any nodes taken as one owner. O(n).
    pub fn sizes_of(&self, nodes: &[NodeId]) -> Sizes {
        let mut known = NodeSet::new(&self.heap);
        let nodes: Vec<NodeId> = nodes
            .iter()
            .filter(|node| node.index() < self.heap.node_count())
            .map(|&node| self.heap.resolve(node))
            .filter(|node| known.insert(node.0))
            .collect();
        sizes_of(&self.heap, self.lens, self.dominators(), &nodes)
    }
}
