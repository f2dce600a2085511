//! Heaps written as text, and the slow way to every answer.
//!
//! Statements are separated by `;`:
//!
//! | text | meaning |
//! |---|---|
//! | `root r -> a:64, b` | a root that owns a block of 64 bytes and one of 16 |
//! | `a -> c:32` | `a` owns a new block; of a known one: a second claim |
//! | `a => s:48` | a strong handle; the first one makes the block (at least 16 bytes) |
//! | `a ~> b` | a reference |
//! | `a ..> s` | a weak handle |
//! | `a ?> x:32` | a block found by a raw scan |
//! | `name n = a` | a root that is a name for the value in `a` |
//! | `strong s +1`, `weak s +1` | handles that the walk did not meet |
//! | `unclaimed 64`, `tool 64`, `born 64` | blocks without a node |
//! | `pinned a:48` | (after `a` exists) a block that only a weak handle in `a` keeps |
//! | `lost 8` | the allocator counts 8 bytes more than the table |
//! | `unaccounted` | the allocator keeps no account |
//!
//! The type of a node is its name without digits, so `a1` and `a2` are of type `a`.

#![allow(dead_code)] // each test file uses its part

use heap_analysis::config::Config;
use heap_analysis::{Analysis, Heap, Lens, NodeId};
use heap_snapshot::frame::FrameKind;
use heap_snapshot::read::{self, Snapshot};
use heap_snapshot::record::*;
use heap_snapshot::write::Writer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A heap and the names of its nodes.
pub(crate) struct Named {
    pub(crate) analysis: Analysis,
    /// In the order of the text.
    pub(crate) names: Vec<(String, NodeId)>,
}

impl Named {
    pub(crate) fn node(&self, name: &str) -> NodeId {
        let found = self.names.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no node `{name}` in the text")).1
    }

    /// Name, shallow, alone and in all of each node, aligned.
    pub(crate) fn sizes(&self) -> String {
        let mut out = String::from("name     shallow  alone in-all\n");
        for (name, node) in &self.names {
            let detail = self.analysis.node(*node).unwrap();
            let sizes = detail.sizes;
            out += &format!("{name:<8} {:>7} {:>6} {:>6}\n", sizes.shallow, sizes.alone, sizes.in_all);
        }
        out
    }
}

#[derive(Default)]
pub(crate) struct Text {
    nodes: Vec<(Node, u64)>,
    names: Vec<(String, u64)>,
    addrs: BTreeMap<u64, u64>,
    types: Vec<TypeDesc>,
    node_types: Vec<NodeTypeDesc>,
    roots: Vec<Root>,
    edges: Vec<Edge>,
    shared: BTreeMap<u64, Shared>,
    blocks: Vec<LiveBlock>,
    places: BTreeMap<u64, u64>,
    lost: u64,
    is_unaccounted: bool,
    end: u64,
    pub(crate) is_tracked: bool,
}

const ROOT_SIZE: u64 = 4096;

impl Text {
    pub(crate) fn parse(text: &str) -> Text {
        let mut out = Text { end: 0x10_0000, is_tracked: true, ..Text::default() };
        for statement in text.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            out.statement(statement);
        }
        out
    }

    fn statement(&mut self, statement: &str) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        match words[..] {
            ["root", name] => {
                self.root(name);
            }
            ["root", name, ..] => {
                self.root(name);
                self.statement(statement.strip_prefix("root ").unwrap());
            }
            ["name", name, "=", of] => {
                let id = self.id(of);
                let ty = &self.node_types[self.nodes[id as usize].0.ty.0 as usize];
                let offset = if Layout(ty.layout) == Layout::COUNTED { 16 } else { 0 };
                let size = self.types[ty.elem as usize].size;
                self.push_root(name, self.addrs[&id] + offset, size, true);
            }
            ["strong", of, more] => {
                let node = self.id(of);
                self.shared.get_mut(&node).unwrap().strong += more[1..].parse::<u64>().unwrap();
            }
            ["weak", of, more] => {
                let node = self.id(of);
                self.shared.get_mut(&node).unwrap().weak += more[1..].parse::<u64>().unwrap();
            }
            ["unclaimed", size] => drop(self.block(size.parse().unwrap(), 1, false)),
            ["born", size] => drop(self.block(size.parse().unwrap(), 2, false)),
            ["tool", size] => drop(self.block(size.parse().unwrap(), 1, true)),
            ["unaccounted"] => self.is_unaccounted = true,
            ["lost", size] => self.lost += size.parse::<u64>().unwrap(),
            ["pinned", ref what] => panic!("write `a pinned {what}`"),
            [from, "pinned", size] => {
                let from = self.id(from);
                let addr = self.block(size.parse().unwrap(), 1, false);
                let place = self.place(from);
                self.edges.push(Edge {
                    from,
                    kind: EdgeKind::WEAK,
                    label: LabelIdx(0),
                    place,
                    target: Target::Addr(addr + 15),
                    ty: None,
                });
            }
            [from, arrow, ..] => {
                let kind = match arrow {
                    "->" => EdgeKind::OWN,
                    "=>" => EdgeKind::SHARE,
                    "~>" => EdgeKind::BORROW,
                    "..>" => EdgeKind::WEAK,
                    "?>" => EdgeKind::CLAIM_RAW,
                    _ => panic!("no arrow: `{arrow}` in `{statement}`"),
                };
                let targets = statement.split_once(arrow).unwrap().1;
                for target in targets.split(',').map(str::trim) {
                    self.edge(from, kind, target);
                }
            }
            _ => panic!("cannot read `{statement}`"),
        }
    }

    fn id(&self, name: &str) -> u64 {
        let found = self.names.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("`{name}` is used before anything holds it")).1
    }

    fn block(&mut self, size: u64, epoch: u32, is_tool: bool) -> u64 {
        let addr = self.end;
        self.end += size + 16;
        self.blocks.push(LiveBlock { addr, requested: size, usable: size, align_log2: 3, epoch, is_tool });
        addr
    }

    fn ty(&mut self, name: &str, size: u64) -> u32 {
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let known = self.types.iter().position(|ty| ty.name == name && ty.size == size);
        known.unwrap_or_else(|| {
            self.types.push(TypeDesc {
                name: name.into(),
                size,
                align: 8,
                kind: TypeKind::LEAF.0,
                base: Split { payload: size, ..Split::default() },
                fixed: true,
                ..TypeDesc::default()
            });
            self.types.len() - 1
        }) as u32
    }

    fn node_ty(&mut self, desc: NodeTypeDesc) -> NodeTypeIdx {
        let known = self.node_types.iter().position(|ty| *ty == desc);
        NodeTypeIdx(known.unwrap_or_else(|| {
            self.node_types.push(desc);
            self.node_types.len() - 1
        }) as u32)
    }

    fn push_root(&mut self, name: &str, addr: u64, size: u64, is_name: bool) {
        let elem = self.ty(name, size);
        let layout = Layout::ROOT.0;
        let ty =
            self.node_ty(NodeTypeDesc { container: "root".into(), layout, elem, is_slice: false, header: 0 });
        let id = self.nodes.len() as u64;
        let node = Node {
            parent: None,
            edge: EdgeKind::OWN,
            label: LabelIdx(0),
            place: addr,
            ty,
            addr,
            len_cap: None,
        };
        self.nodes.push((node, 0));
        self.addrs.insert(id, addr);
        self.names.push((name.into(), id));
        self.roots.push(Root {
            name: name.into(),
            node: id,
            addr,
            size,
            origin: "argument".into(),
            is_name,
            source: None,
        });
    }

    fn root(&mut self, name: &str) {
        let addr = 0x7fff_0000_0000 + self.nodes.len() as u64 * 2 * ROOT_SIZE;
        self.push_root(name, addr, ROOT_SIZE, false);
    }

    /// A new place inside a node.
    fn place(&mut self, node: u64) -> u64 {
        let next = self.places.entry(node).or_default();
        *next += 1;
        self.addrs[&node] + *next
    }

    fn edge(&mut self, from: &str, kind: EdgeKind, target: &str) {
        let from = self.id(from);
        let (name, size) = target.split_once(':').unwrap_or((target, ""));
        let place = self.place(from);
        let is_strong = matches!(kind, EdgeKind::OWN | EdgeKind::SHARE | EdgeKind::CLAIM_RAW);
        let is_known = self.names.iter().any(|(known, _)| known == name);
        if is_strong && !is_known {
            let size: u64 = if size.is_empty() { 16 } else { size.parse().unwrap() };
            let addr = self.block(size, 1, false);
            let (layout, elem, container) = match kind {
                EdgeKind::SHARE => (Layout::COUNTED, self.ty(name, size - 16), "Rc"),
                EdgeKind::CLAIM_RAW => (Layout::RAW, self.ty(name, size), "raw"),
                _ => (Layout::VALUE, self.ty(name, size), "Box"),
            };
            let ty = self.node_ty(NodeTypeDesc {
                container: container.into(),
                layout: layout.0,
                elem,
                is_slice: false,
                header: 0,
            });
            let id = self.nodes.len() as u64;
            let inside = if kind == EdgeKind::SHARE { addr + 15 } else { addr };
            let node = Node {
                parent: Some(from),
                edge: kind,
                label: LabelIdx(0),
                place,
                ty,
                addr: inside,
                len_cap: None,
            };
            self.nodes.push((node, self.nodes[from as usize].0.addr));
            self.addrs.insert(id, addr);
            self.names.push((name.into(), id));
            if kind == EdgeKind::SHARE {
                self.shared.insert(
                    id,
                    Shared { node: id, addr: 0, strong: 1, weak: 0, met: 1, weak_met: 0, uncounted: false },
                );
            }
            return;
        }
        let to = self.id(name);
        match (kind, self.shared.get_mut(&to)) {
            (EdgeKind::SHARE, Some(shared)) => {
                shared.strong += 1;
                shared.met += 1;
            }
            (EdgeKind::WEAK, Some(shared)) => {
                shared.weak += 1;
                shared.weak_met += 1;
            }
            _ => {}
        }
        let target = match kind {
            EdgeKind::SHARE => Target::Node(to),
            _ => Target::Addr(self.addrs[&to]),
        };
        self.edges.push(Edge { from, kind, label: LabelIdx(0), place, target, ty: None });
    }

    /// The snapshot, written and read again.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut writer = Writer::new(Vec::new(), 1, 1);
        writer.header(&Header {
            program: "text".into(),
            checkpoint: "test".into(),
            hit: 1,
            epoch: 2,
            pointer_size: 8,
            tracked: self.is_tracked,
            ..Header::default()
        });
        writer.types(&self.types);
        writer.node_types(&self.node_types);
        writer.labels(&[LabelDesc::default()]);
        for (node, parent_addr) in &self.nodes {
            writer.node(node, *parent_addr);
        }
        writer.roots(&self.roots);
        self.edges.iter().for_each(|edge| writer.edge(edge));
        let shared: Vec<Shared> = self.shared.values().copied().collect();
        writer.list(FrameKind::SHARED, &shared);
        self.blocks.iter().for_each(|block| writer.block(block));
        let live: u64 = self.blocks.iter().filter(|block| !block.is_tool).map(|block| block.usable).sum();
        writer.allocator(&AllocatorFigures {
            live: live + self.lost,
            is_unaccounted: self.is_unaccounted,
            ..AllocatorFigures::default()
        });
        writer.footer(&Footer { quiescent: true, blocks: self.blocks.len() as u64, ..Footer::default() });
        let bytes = writer.finish().unwrap();
        read::read(&bytes[..], |_| true).unwrap().snapshots.remove(0)
    }

    pub(crate) fn analyse(&self, lens: Lens, config: Config) -> Named {
        let heap = Heap::from_snapshot(self.snapshot());
        let names = self.names.iter().map(|(name, id)| (name.clone(), NodeId(*id as u32))).collect();
        Named { analysis: Analysis::new(Arc::new(heap), Arc::new(config), lens), names }
    }
}

/// The heap that `text` describes, under the default lens.
pub(crate) fn heap(text: &str) -> Named {
    Text::parse(text).analyse(Lens::default(), Config::default())
}

/// The obvious way: everything reachable from `starts` without `closed`.
pub(crate) fn reachable(
    heap: &Heap,
    lens: Lens,
    starts: &BTreeSet<NodeId>,
    closed: &BTreeSet<NodeId>,
) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<NodeId> = starts.iter().copied().collect();
    while let Some(node) = pending.pop() {
        if !closed.contains(&node) && found.insert(node) {
            pending.extend(heap.edges_from(node).filter(|edge| lens.follows(edge)).map(|edge| edge.to));
        }
    }
    found
}

pub(crate) fn bytes(heap: &Heap, nodes: &BTreeSet<NodeId>) -> u64 {
    nodes.iter().map(|node| heap.shallow(*node)).sum()
}

/// Pseudo-random numbers, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A small graph with everything in it: cycles, outside owners, weak handles, names.
pub(crate) fn random_text(seed: u64) -> String {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text = String::from("root r; ");
    let mut known = vec!["r".to_owned()];
    let mut shared: Vec<String> = Vec::new();
    if random.below(2) == 0 {
        text += "root q; ";
        known.push("q".into());
    }
    for at in 0..random.below(14) + 2 {
        let from = known[random.below(known.len() as u64) as usize].clone();
        let size = 16 + 8 * random.below(20);
        if random.below(2) == 0 {
            text += &format!("{from} -> b{at}:{size}; ");
            known.push(format!("b{at}"));
        } else {
            text += &format!("{from} => s{at}:{size}; ");
            known.push(format!("s{at}"));
            shared.push(format!("s{at}"));
        }
    }
    if !shared.is_empty() {
        for _ in 0..random.below(12) {
            let from = &known[random.below(known.len() as u64) as usize];
            let to = &shared[random.below(shared.len() as u64) as usize];
            text += &match random.below(8) {
                0 => format!("{from} ..> {to}; "),
                1 => format!("strong {to} +1; "),
                2 => format!("weak {to} +1; "),
                _ => format!("{from} => {to}; "),
            };
        }
    }
    for _ in 0..random.below(4) {
        let from = &known[random.below(known.len() as u64) as usize];
        let to = &known[random.below(known.len() as u64) as usize];
        text += &format!("{from} ~> {to}; ");
    }
    if random.below(3) == 0 {
        if let Some(of) = known.iter().rev().find(|name| name.starts_with('b')) {
            text += &format!("name n = {of}; ");
        }
    }
    text
}
