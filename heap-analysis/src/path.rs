//! Why a node is alive: ways from a root to it, with names a programmer knows.
//!
//! An edge carries the name of the innermost field it starts from and the
//! address of the handle. Where the handle lies in the values of its node, the
//! address also tells the element and the fields around it:
//! `interners.strings[17]`.

use crate::analysis::Analysis;
use crate::dominators::Dominator;
use crate::heap::{Edge, Heap, NodeId, Role, CONTAINS, NONE};
use crate::lens::Lens;
use heap_snapshot::layout::Shape;
use heap_snapshot::record::{EdgeKind, LabelIdx, Layout, Place, Split, TypeKind};
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt::Write as _;

/// A step on the way from a root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PathStep {
    /// The node that this step reaches.
    pub node: NodeId,
    /// Name of the root, or field or position the step goes through: `.strings`, `[17]`.
    pub place: String,
    /// Kind of the edge; `root` and `outside owner` for a first step.
    pub edge: String,
    /// Where in the node a reference ends: `.blocks[12]`; empty at the whole node.
    pub into: String,
    /// Displayed name of the node's type.
    pub type_name: String,
    /// Its shallow size.
    pub shallow: u64,
    /// Its retained size.
    pub retained: u64,
}

/// Of places that no edge starts from.
const NO_LABEL: LabelIdx = LabelIdx(u32::MAX);

/// Fields deeper than this are not named: no real type nests so.
const MAX_DEPTH: usize = 64;

/// The place an edge starts from, seen from its node: `.field`, `[17]`,
/// `[17].Variant.field`. Empty where the whole node is the handle.
pub(crate) fn place(heap: &Heap, edge: &Edge) -> String {
    let label = heap.label(edge.label);
    let (name, variant) = label.map_or(("", ""), |label| (label.name.as_str(), label.variant.as_str()));
    let label_place = label.map_or(Place::UNKNOWN, |label| Place(label.place));
    let mut path = Path { heap, text: String::new(), name, variant, named_end: None, until: 0 };
    path.node(edge, label_place);
    let Path { mut text, named_end, .. } = path;
    match named_end {
        // What follows is the inside of the handle.
        Some(end) => text.truncate(end),
        // The only field of `Some` says nothing.
        None if name.is_empty() || variant == "Some" => {}
        None => {
            if !variant.is_empty() {
                let _ = write!(text, ".{variant}");
            }
            push_field(&mut text, name);
        }
    }
    text
}

/// A value of `size` bytes at an address inside a node: `[17]`, `.field`.
pub(crate) fn place_at(heap: &Heap, node: NodeId, addr: u64, size: u64) -> String {
    let mut path = Path { heap, text: String::new(), name: "", variant: "", named_end: None, until: size };
    let (kind, label) = (EdgeKind::OWN, NO_LABEL);
    path.node(&Edge { from: node, to: node, kind, label, place: addr }, Place::UNKNOWN);
    path.text
}

/// Where in its target the edge at a position ends, if it is a reference:
/// `.blocks[12]`. Empty where it ends at the whole node.
pub(crate) fn place_into(heap: &Heap, at: usize) -> String {
    let Some(into) = heap.edge_into(at) else { return String::new() };
    let target = heap.edge_at(at).to;
    let size = into.size.filter(|size| *size > 0);
    let text = place_at(heap, target, into.addr, size.unwrap_or(u64::MAX));
    let is_first = text == "[0]" || text.is_empty();
    let values = heap.elem(target).map_or(0, |elem| elem.size.saturating_mul(heap.len(target).max(1)));
    match size {
        // All elements, or text from the beginning.
        None if is_first => String::new(),
        Some(size) if is_first && size >= values => String::new(),
        // Of a slice only the beginning is known.
        None if !text.starts_with("[+")
            && text.starts_with('[')
            && text.find(']') == Some(text.len() - 1) =>
        {
            text.replace(']', "..]")
        }
        _ => text,
    }
}

fn push_field(text: &mut String, name: &str) {
    if name.starts_with('[') {
        text.push_str(name);
    } else {
        let _ = write!(text, ".{name}");
    }
}

/// Where the values in a node begin.
pub(crate) fn values_start(heap: &Heap, node: NodeId) -> u64 {
    let block = heap.addr(node);
    let Some(ty) = heap.node_type(node) else { return block };
    let shape = || Shape::new(ty, &heap.types, heap.header().pointer_size);
    match Layout(ty.layout) {
        // A value that nothing else holds lies where the walk found it.
        _ if heap.role(node) == Role::Root => heap.recorded_addr(node),
        Layout::COUNTED => block.wrapping_add(shape().value_offset()),
        Layout::LIST_NODE | Layout::CHUNK => heap.recorded_addr(node),
        Layout::HEADED => {
            let align = heap.elem(node).map_or(1, |elem| elem.align.clamp(1, 1 << 32));
            block.wrapping_add(ty.header.checked_next_multiple_of(align).unwrap_or(0))
        }
        Layout::HASH_TABLE => {
            let requested = heap.block(node).map_or(0, |block| block.requested);
            let container = shape().container(heap.len(node), heap.cap(node), requested, &Split::default());
            block.wrapping_add(container.padding)
        }
        _ => block,
    }
}

struct Path<'h> {
    heap: &'h Heap,
    text: String,
    name: &'h str,
    variant: &'h str,
    /// End of the last part that is the edge's own label.
    named_end: Option<usize>,
    /// Values of this size are not looked into.
    until: u64,
}

impl Path<'_> {
    fn node(&mut self, edge: &Edge, label_place: Place) {
        let heap = self.heap;
        let Some(ty) = heap.node_type(edge.from) else { return };
        let Some(elem) = heap.elem(edge.from) else { return };
        let layout = Layout(ty.layout);
        let block = heap.addr(edge.from);
        let start = values_start(heap, edge.from);
        // What a raw scan found is of no type, and the chunk of an arena may
        // hold values of any.
        let is_bytes = layout == Layout::CHUNK && elem.size <= 1;
        if layout == Layout::RAW || is_bytes {
            if edge.kind == CONTAINS || edge.label == NO_LABEL {
                let _ = write!(self.text, "[+{:#x}]", edge.place.wrapping_sub(block));
            }
            return;
        }
        let offset = edge.place.wrapping_sub(start);
        let is_repeated = ty.is_slice || matches!(layout, Layout::BUFFER | Layout::HASH_TABLE);
        if layout == Layout::BTREE_NODE {
            // Keys and values lie in arrays whose order is the compiler's choice.
            self.text.push_str(match label_place {
                Place::KEY => "[key]",
                Place::VALUE => "[value]",
                _ => "[..]",
            });
            return;
        }
        let extent = if is_repeated { heap.cap(edge.from).max(heap.len(edge.from)) } else { 1 };
        // Hash tables have more buckets than capacity.
        let extent = if layout == Layout::HASH_TABLE { extent.saturating_mul(4) } else { extent };
        if elem.size == 0 || offset >= elem.size.saturating_mul(extent) {
            match label_place {
                Place::ELEMENT => self.text.push_str("[]"),
                Place::KEY => self.text.push_str("[key]"),
                Place::VALUE => self.text.push_str("[value]"),
                _ => {}
            }
            return;
        }
        if layout == Layout::HASH_TABLE {
            let is_map = !ty.container.ends_with("Set") && elem.fields.len() == 2;
            let part = elem.fields.iter().position(|field| self.covers(field, offset % elem.size));
            match part {
                Some(part) if is_map => {
                    let field = &elem.fields[part];
                    self.text.push_str(if part == 0 { "[key]" } else { "[value]" });
                    self.value(field.ty, offset % elem.size - field.offset.unwrap_or(0));
                }
                _ => {
                    self.text.push_str("[key]");
                    self.value(ty.elem, offset % elem.size);
                }
            }
            return;
        }
        if is_repeated {
            let _ = write!(self.text, "[{}]", offset / elem.size);
        }
        self.value(ty.elem, offset % elem.size);
    }

    fn covers(&self, field: &heap_snapshot::record::FieldDesc, offset: u64) -> bool {
        let size = self.heap.types.get(field.ty as usize).map_or(0, |ty| ty.size);
        field
            .offset
            .and_then(|start| offset.checked_sub(start))
            .is_some_and(|within| within < size.saturating_mul(field.times))
    }

    /// Names the fields around `offset` in a value.
    fn value(&mut self, mut ty: u32, mut offset: u64) {
        for _ in 0..MAX_DEPTH {
            let Some(desc) = self.heap.types.get(ty as usize) else { return };
            if offset == 0 && desc.size <= self.until {
                return;
            }
            let is_enum = TypeKind(desc.kind) == TypeKind::ENUM;
            let (variant, fields) = if is_enum {
                let named = desc.variants.iter().find(|variant| variant.name == self.variant);
                let covers = |variant: &&heap_snapshot::record::VariantDesc| {
                    variant.fields.iter().any(|field| self.covers(field, offset))
                };
                let Some(variant) = named.filter(covers).or_else(|| desc.variants.iter().find(covers)) else {
                    return;
                };
                (variant.name.as_str(), &variant.fields)
            } else {
                ("", &desc.fields)
            };
            let Some(field) = fields.iter().find(|field| self.covers(field, offset)) else { return };
            let size = self.heap.types.get(field.ty as usize).map_or(1, |ty| ty.size.max(1));
            let within = offset - field.offset.unwrap_or(0);
            if field.name == "[]" {
                let _ = write!(self.text, "[{}]", within / size);
            } else if variant != "Some" {
                if is_enum {
                    let _ = write!(self.text, ".{variant}");
                }
                push_field(&mut self.text, &field.name);
            }
            if !self.name.is_empty() && field.name == self.name && variant == self.variant {
                self.named_end = Some(self.text.len());
            }
            (ty, offset) = (field.ty, within % size);
        }
    }
}

/// Shortest way from an entry to `target`: positions of edges, and the node where it
/// starts. Roots are tried before what only outside owners hold. O(n).
pub(crate) fn shortest(
    heap: &Heap,
    lens: Lens,
    entries: &[NodeId],
    target: NodeId,
) -> Option<(NodeId, Vec<usize>)> {
    const ENTRY: u32 = NONE - 1;
    let mut via = vec![NONE; heap.node_count()];
    let mut queue = VecDeque::new();
    let roots = heap.roots().iter().filter(|entry| !entry.is_name).map(|entry| entry.node);
    for entry in roots.chain(entries.iter().copied()) {
        if via[entry.index()] == NONE {
            via[entry.index()] = ENTRY;
            queue.push_back(entry.0);
        }
    }
    while via[target.index()] == NONE {
        let node = queue.pop_front()?;
        for at in heap.out_range(NodeId(node)) {
            let (to, bits) = heap.edge_end(at);
            if bits & lens.bits() != 0 && via[to as usize] == NONE {
                via[to as usize] = at as u32;
                queue.push_back(to);
            }
        }
    }
    let mut edges = Vec::new();
    let mut node = target.0;
    while via[node as usize] != ENTRY {
        let at = via[node as usize] as usize;
        edges.push(at);
        node = heap.edge_begin(at).0;
    }
    edges.reverse();
    Some((NodeId(node), edges))
}

impl Analysis {
    /// The first step to an entry: the names of its roots, or that it is held from outside.
    fn entry_step(&self, node: NodeId) -> PathStep {
        let names: Vec<&str> = self
            .heap
            .roots()
            .iter()
            .filter(|entry| entry.node == node && !entry.is_name)
            .map(|entry| entry.root.name.as_str())
            .collect();
        let (place, edge) = match names[..] {
            [] => match self.heap.roots().iter().find(|entry| entry.node == node) {
                Some(entry) => (entry.root.name.clone(), "root"),
                None => ("(outside owner)".to_owned(), "outside owner"),
            },
            _ => (names.join(" = "), "root"),
        };
        self.step(node, place, edge.into(), String::new())
    }

    fn step(&self, node: NodeId, place: String, edge: String, into: String) -> PathStep {
        PathStep {
            node,
            place,
            edge,
            into,
            type_name: self.display_name(node),
            shallow: self.heap.shallow(node),
            retained: self.retained(node),
        }
    }

    /// Shortest way from a root or an outside owner to `node`; empty if nothing reaches it. O(n).
    pub fn path(&self, node: NodeId) -> Vec<PathStep> {
        let heap = &self.heap;
        if node.index() >= heap.node_count() {
            return Vec::new();
        }
        let found = shortest(heap, self.lens, self.dominators().entries(), heap.resolve(node));
        let Some((entry, edges)) = found else { return Vec::new() };
        let mut steps = vec![self.entry_step(entry)];
        for at in edges {
            let edge = heap.edge_at(at);
            let name = heap.edge_name(edge.kind);
            steps.push(self.step(edge.to, place(heap, &edge), name, place_into(heap, at)));
        }
        steps
    }

    /// The way to `node` as text: `gcx.interners.strings[17]`. Empty if nothing reaches it. O(n).
    pub fn path_text(&self, node: NodeId) -> String {
        self.path(node).into_iter().map(|step| step.place).collect()
    }

    /// Everything that `node` cannot live without: its dominators, outermost
    /// first, then itself. Empty if nothing reaches it. The places are those of
    /// edges from one to the next, where there are any. O(length).
    pub fn dominator_chain(&self, node: NodeId) -> Vec<PathStep> {
        let heap = &self.heap;
        if node.index() >= heap.node_count() {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let mut node = heap.resolve(node);
        loop {
            match self.dominators().of(node) {
                Dominator::Unreachable => return Vec::new(),
                Dominator::Virtual => break,
                Dominator::Node(above) => {
                    let edge = heap.in_positions(node).iter().map(|&at| at as usize).find(|&at| {
                        let edge = heap.edge_at(at);
                        edge.from == above && self.lens.follows(&edge)
                    });
                    let (place, kind, into) = match edge {
                        Some(at) => {
                            let edge = heap.edge_at(at);
                            (place(heap, &edge), heap.edge_name(edge.kind), place_into(heap, at))
                        }
                        None => ("(several ways)".to_owned(), String::new(), String::new()),
                    };
                    steps.push(self.step(node, place, kind, into));
                    node = above;
                }
            }
        }
        steps.push(if self.dominators().entries().binary_search(&node).is_ok() {
            self.entry_step(node)
        } else {
            self.step(node, "(several owners)".into(), String::new(), String::new())
        });
        steps.reverse();
        steps
    }

    /// Displayed name of a node's type; a shell says that it is one.
    pub(crate) fn display_name(&self, node: NodeId) -> String {
        let name = self.table.node_name(&self.heap, node);
        match self.heap.role(node) {
            Role::Shell => format!("shell of {name}"),
            _ => name.to_owned(),
        }
    }
}
