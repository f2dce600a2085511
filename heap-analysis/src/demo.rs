//! A made-up snapshot, always the same: for tests, benches and a first look at
//! a view without a program.
//!
//! It looks like a small compiler: a session with modules, whose bodies are
//! trees of an enum with uneven variants, tables shared by `Rc`, a map of names,
//! and a checker that borrows from the session. A few blocks are unclaimed, one is
//! kept by a weak handle alone, and one table has an owner outside of the walk.
//! The ledger closes.

use crate::fragmentation::size_class;
use heap_snapshot::frame::FrameKind;
use heap_snapshot::read::{self, Snapshot};
use heap_snapshot::record::{
    AllocatorFigures, BlockCount, Census, Content, Edge, EdgeKind, FieldDesc, Footer, Header, LabelDesc,
    LabelIdx, Layout, LiveBlock, Node, NodeTypeDesc, NodeTypeIdx, Place, Root, Shared, ShownValue, Source,
    Split, Target, TypeDesc, TypeIdx, TypeKind, VariantDesc,
};
use heap_snapshot::write::Writer;

/// A complete, quiescent snapshot of about `nodes` nodes.
pub fn snapshot(nodes: usize) -> Snapshot {
    let mut file = read::read(&file(nodes)[..], |_| true).expect("what was just written can be read");
    file.snapshots.remove(0)
}

/// The bytes of a file with [`snapshot`] in it.
pub fn file(nodes: usize) -> Vec<u8> {
    Demo::new().run(nodes.max(16))
}

// Positions in `types`.
const BYTE: u32 = 0;
const INT: u32 = 1;
const STRING: u32 = 2;
const EXPR: u32 = 3;
const CALL: u32 = 4;
const MODULE: u32 = 5;
const TABLE: u32 = 6;
const ENTRY: u32 = 7;
const SESSION: u32 = 8;
const CHECKER: u32 = 9;
const HANDLE: u32 = 10;
const VEC: u32 = 11;
const WORDS: u32 = 12;
const LONG: u32 = 13;
const MAP: u32 = 14;
const TEXT: u32 = 15;
const MODULE_REF: u32 = 16;
const TABLE_RC: u32 = 17;
const TABLE_WEAK: u32 = 18;
const MODULE_VEC: u32 = 19;
const INT_VEC: u32 = 20;
const TEXT_VEC: u32 = 21;

// Sizes in bytes.
const EXPR_SIZE: u64 = 72;
const CALL_SIZE: u64 = 40;
const MODULE_SIZE: u64 = 64;
const TABLE_SIZE: u64 = 32;
const ENTRY_SIZE: u64 = 24;

// Positions in `node_types`.
const ROOT_SESSION: u32 = 0;
const ROOT_CHECKER: u32 = 1;
const MODULES: u32 = 2;
const EXPRS: u32 = 3;
const BOX_CALL: u32 = 4;
const RC_TABLE: u32 = 5;
const INTS: u32 = 6;
const STRING_BUFFER: u32 = 7;
const NAMES: u32 = 8;
const BOX_STR: u32 = 9;
const ERRORS: u32 = 10;
const ROOT_MODULE: u32 = 11;

// Positions in `labels`.
const NO_LABEL: u32 = 0;
const L_MODULES: u32 = 1;
const L_NAMES: u32 = 2;
const L_TABLE: u32 = 3;
const L_NAME: u32 = 4;
const L_BODY: u32 = 5;
const L_PARENT: u32 = 6;
const L_CALL: u32 = 7;
const L_ARGS: u32 = 8;
const L_CALLEE: u32 = 9;
const L_ENTRIES: u32 = 10;
const L_VALUE: u32 = 11;
const L_ERRORS: u32 = 12;
const L_ELEMENT: u32 = 13;
const L_MODULE: u32 = 14;

/// The variants of an expression: name, payload and dead bytes.
const VARIANTS: [(&str, u64, u64); 3] = [("Int", 12, 60), ("Call", 16, 56), ("Words", 72, 0)];

fn types() -> Vec<TypeDesc> {
    let payload = |payload| Split { payload, ..Split::default() };
    let named = |name: &str, size, align, kind: TypeKind, fixed| TypeDesc {
        name: name.into(),
        size,
        align,
        kind: kind.0,
        base: payload(size),
        fixed,
        ..TypeDesc::default()
    };
    let leaf = |name: &str, size| named(name, size, size, TypeKind::LEAF, true);
    let handle = |name: &str, size| named(name, size, 8, TypeKind::UNKNOWN, false);
    let field = |name: &str, offset, ty| FieldDesc {
        name: name.into(),
        offset: Some(offset),
        ty,
        mode: String::new(),
        times: 1,
    };
    let structure = |name: &str, size, padding, line, fields| TypeDesc {
        name: name.into(),
        size,
        align: 8,
        kind: TypeKind::STRUCT.0,
        base: Split { payload: size - padding, padding, ..Split::default() },
        source: Some(Source {
            package: "demo".into(),
            version: "0.1.0".into(),
            file: "src/main.rs".into(),
            line,
        }),
        fields,
        ..TypeDesc::default()
    };
    let variant = |at: usize, tuple_size, ty| VariantDesc {
        name: VARIANTS[at].0.into(),
        tuple_size,
        split: Split { payload: VARIANTS[at].1, dead: VARIANTS[at].2, ..Split::default() },
        fields: vec![field("0", 8, ty)],
    };
    let mut types = vec![
        leaf("u8", 1),
        leaf("u32", 4),
        handle("alloc::string::String", 24),
        TypeDesc {
            variants: vec![variant(0, 4, INT), variant(1, 8, HANDLE), variant(2, 64, WORDS)],
            discriminant: 8,
            kind: TypeKind::ENUM.0,
            base: Split::default(),
            ..structure("demo::hir::Expr", EXPR_SIZE, 0, 12, Vec::new())
        },
        structure(
            "demo::hir::Call",
            CALL_SIZE,
            3,
            20,
            vec![
                field("args", 0, VEC),
                field("callee", 24, MODULE_REF),
                field("span", 32, INT),
                field("kind", 36, BYTE),
            ],
        ),
        structure(
            "demo::Module",
            MODULE_SIZE,
            0,
            31,
            vec![
                field("name", 0, STRING),
                field("body", 24, VEC),
                field("table", 48, TABLE_RC),
                field("parent", 56, TABLE_WEAK),
            ],
        ),
        structure(
            "demo::Table",
            TABLE_SIZE,
            0,
            40,
            vec![field("entries", 0, INT_VEC), field("hits", 24, LONG)],
        ),
        structure(
            "(u32, alloc::boxed::Box<str>)",
            ENTRY_SIZE,
            4,
            0,
            vec![field("0", 0, INT), field("1", 8, TEXT)],
        ),
        structure(
            "demo::Session",
            80,
            0,
            50,
            vec![field("modules", 0, MODULE_VEC), field("names", 24, MAP), field("table", 72, TABLE_RC)],
        ),
        structure(
            "demo::Checker",
            32,
            0,
            60,
            vec![field("module", 0, MODULE_REF), field("errors", 8, TEXT_VEC)],
        ),
        handle("alloc::boxed::Box<demo::hir::Call>", 8),
        handle("alloc::vec::Vec<demo::hir::Expr>", 24),
        TypeDesc {
            fields: vec![FieldDesc { times: 8, ..field("[]", 0, LONG) }],
            kind: TypeKind::STRUCT.0,
            fixed: true,
            ..leaf("[u64; 8]", 64)
        },
        leaf("u64", 8),
        handle("std::collections::HashMap<u32, alloc::boxed::Box<str>>", 48),
        handle("alloc::boxed::Box<str>", 16),
        handle("&demo::Module", 8),
        handle("alloc::rc::Rc<demo::Table>", 8),
        handle("alloc::rc::Weak<demo::Table>", 8),
        handle("alloc::vec::Vec<demo::Module>", 24),
        handle("alloc::vec::Vec<u32>", 24),
        handle("alloc::vec::Vec<alloc::boxed::Box<str>>", 24),
    ];
    types[WORDS as usize].align = 8;
    types[ENTRY as usize].source = None;
    types
}

fn node_types() -> Vec<NodeTypeDesc> {
    let ty = |container: &str, layout: Layout, elem, is_slice| NodeTypeDesc {
        container: container.into(),
        layout: layout.0,
        elem,
        is_slice,
        header: 0,
    };
    vec![
        ty("", Layout::ROOT, SESSION, false),
        ty("", Layout::ROOT, CHECKER, false),
        ty("Vec", Layout::BUFFER, MODULE, true),
        ty("Vec", Layout::BUFFER, EXPR, true),
        ty("Box", Layout::VALUE, CALL, false),
        ty("Rc", Layout::COUNTED, TABLE, false),
        ty("Vec", Layout::BUFFER, INT, true),
        ty("String", Layout::BUFFER, BYTE, true),
        ty("HashMap", Layout::HASH_TABLE, ENTRY, true),
        ty("Box", Layout::VALUE, BYTE, true),
        ty("Vec", Layout::BUFFER, TEXT, true),
        ty("", Layout::ROOT, MODULE, false),
    ]
}

fn labels() -> Vec<LabelDesc> {
    let field = |name: &str| LabelDesc { name: name.into(), place: Place::FIELD.0, ..LabelDesc::default() };
    let place = |place: Place| LabelDesc { place: place.0, ..LabelDesc::default() };
    vec![
        LabelDesc::default(),
        field("modules"),
        field("names"),
        field("table"),
        field("name"),
        field("body"),
        field("parent"),
        LabelDesc { variant: "Call".into(), ..field("0") },
        field("args"),
        field("callee"),
        field("entries"),
        place(Place::VALUE),
        field("errors"),
        place(Place::ELEMENT),
        field("module"),
    ]
}

/// Pseudo-random numbers (splitmix64), the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit.max(1)
    }
}

struct Demo {
    writer: Writer<Vec<u8>>,
    random: Random,
    blocks: Vec<LiveBlock>,
    end: u64,
    edges: Vec<Edge>,
    contents: Vec<Content>,
    census: [u64; 3],
    /// Shared tables: node, address, handles met, weak handles met.
    tables: Vec<(u64, u64, u64, u64)>,
}

/// Expressions to be made: node of the buffer, its address, elements, depth.
type Pending = (u64, u64, u64, u32);

impl Demo {
    fn new() -> Demo {
        Demo {
            writer: Writer::new(Vec::new(), 4242, 1),
            random: Random(7),
            blocks: Vec::new(),
            end: 0x7f00_0000_0000,
            edges: Vec::new(),
            contents: Vec::new(),
            census: [0; 3],
            tables: Vec::new(),
        }
    }

    fn block(&mut self, requested: u64, epoch: u32, is_tool: bool) -> u64 {
        let usable = size_class(requested);
        let addr = self.end.next_multiple_of(16);
        self.end = addr + usable;
        self.blocks.push(LiveBlock { addr, requested, usable, align_log2: 3, epoch, is_tool });
        addr
    }

    /// A node with a block of its own; returns its id and the block's address.
    fn node(
        &mut self,
        (parent, parent_addr): (u64, u64),
        label: u32,
        place: u64,
        ty: u32,
        requested: u64,
        len_cap: Option<(u64, u64)>,
    ) -> (u64, u64) {
        let block = self.block(requested, 1, false);
        let is_counted = ty == RC_TABLE;
        // Of a counted block the walk gives the last byte before the value.
        let addr = if is_counted { block + 15 } else { block };
        let node = Node {
            parent: Some(parent),
            edge: if is_counted { EdgeKind::SHARE } else { EdgeKind::OWN },
            label: LabelIdx(label),
            place,
            ty: NodeTypeIdx(ty),
            addr,
            len_cap,
        };
        (self.writer.node(&node, parent_addr), block)
    }

    fn root(&mut self, ty: u32, size: u64) -> (u64, u64) {
        let addr = 0x7ffc_0000_0000 + self.writer.next_node() * 4096;
        let node = Node {
            parent: None,
            edge: EdgeKind::OWN,
            label: LabelIdx(NO_LABEL),
            place: addr,
            ty: NodeTypeIdx(ty),
            addr,
            len_cap: None,
        };
        debug_assert!(size < 4096);
        (self.writer.node(&node, 0), addr)
    }

    fn edge(&mut self, from: u64, kind: EdgeKind, label: u32, place: u64, target: Target, ty: Option<u32>) {
        let (label, ty) = (LabelIdx(label), ty.map(TypeIdx));
        self.edges.push(Edge { from, kind, label, place, target, ty });
    }

    fn string(&mut self, parent: (u64, u64), label: u32, place: u64) {
        let len = 4 + self.random.below(28);
        let cap = len.next_power_of_two();
        self.node(parent, label, place, STRING_BUFFER, cap, Some((len, cap)));
    }

    /// A shared table: a new one, or another handle of one of the last made.
    fn table(&mut self, parent: (u64, u64), label: u32, place: u64) {
        if !self.tables.is_empty() && self.random.below(4) > 0 {
            let recent = self.tables.len() - 1 - self.random.below(self.tables.len().min(8) as u64) as usize;
            self.tables[recent].2 += 1;
            let target = Target::Node(self.tables[recent].0);
            self.edge(parent.0, EdgeKind::SHARE, label, place, target, None);
            return;
        }
        let (node, addr) = self.node(parent, label, place, RC_TABLE, 16 + TABLE_SIZE, None);
        self.tables.push((node, addr, 1, 0));
        let cap = 1 << (2 + self.random.below(5));
        let len = 1 + self.random.below(cap);
        self.node((node, addr + 15), L_ENTRIES, addr + 16, INTS, cap * 4, Some((len, cap)));
    }

    /// A buffer of expressions; its elements are made later.
    fn exprs(&mut self, parent: (u64, u64), label: u32, place: u64, depth: u32) -> Pending {
        let len = 1 + self.random.below(6);
        let cap = len.next_power_of_two().max(4);
        let (node, addr) = self.node(parent, label, place, EXPRS, cap * EXPR_SIZE, Some((len, cap)));
        (node, addr, len, depth)
    }

    /// The elements of buffers of expressions, depth first, until there are `limit` nodes.
    fn fill(&mut self, first: Pending, callee: u64, limit: u64) {
        let mut pending = vec![first];
        while let Some((node, addr, len, depth)) = pending.pop() {
            let mut split = Split::default();
            for at in 0..len {
                let place = addr + at * EXPR_SIZE;
                let is_call = depth < 12 && self.random.below(8) < 5 && self.writer.next_node() < limit;
                let variant = if is_call { 1 } else { usize::from(self.random.below(9) == 0) * 2 };
                self.census[variant] += 1;
                split.payload += VARIANTS[variant].1;
                split.dead += VARIANTS[variant].2;
                if is_call {
                    let (call, call_addr) =
                        self.node((node, addr), L_CALL, place + 8, BOX_CALL, CALL_SIZE, None);
                    let target = Target::Addr(callee);
                    self.edge(call, EdgeKind::BORROW, L_CALLEE, call_addr + 24, target, Some(MODULE));
                    let args = self.exprs((call, call_addr), L_ARGS, call_addr, depth + 1);
                    pending.push(args);
                }
            }
            self.contents.push(Content { node, variant: None, split });
        }
    }

    fn run(mut self, nodes: usize) -> Vec<u8> {
        let limit = nodes as u64;
        self.writer.header(&Header {
            program: "demo".into(),
            checkpoint: "after_check".into(),
            hit: 1,
            labels: vec![("crate".into(), "example".into())],
            pid: 4242,
            unix_ms: 1_767_225_600_000,
            epoch: 2,
            pointer_size: 8,
            tracked: true,
        });
        self.writer.types(&types());
        self.writer.node_types(&node_types());
        self.writer.labels(&labels());

        let session = self.root(ROOT_SESSION, 80);
        let modules = (limit / 300).max(2);
        let cap = modules.next_power_of_two();
        let (list, list_addr) =
            self.node(session, L_MODULES, session.1, MODULES, cap * MODULE_SIZE, Some((modules, cap)));
        let module = |at: u64| list_addr + at * MODULE_SIZE;
        for at in 0..modules {
            let place = module(at);
            self.string((list, list_addr), L_NAME, place);
            self.table((list, list_addr), L_TABLE, place + 48);
            if let Some((node, _, _, weak)) = self.tables.last_mut() {
                *weak += 1;
                let target = Target::Node(*node);
                self.edge(list, EdgeKind::WEAK, L_PARENT, place + 56, target, None);
            }
            let body = self.exprs((list, list_addr), L_BODY, place + 24, 0);
            let callee = module(self.random.below(modules));
            let share =
                self.writer.next_node() + (limit.saturating_sub(self.writer.next_node())) / (modules - at);
            self.fill(body, callee, share);
        }

        // A table of 2/3 full buckets.
        let buckets = (modules / 2).next_power_of_two().max(4);
        let entries = buckets * 2 / 3;
        let (names, names_addr) = self.node(
            session,
            L_NAMES,
            session.1 + 24,
            NAMES,
            (buckets * ENTRY_SIZE).next_multiple_of(16) + buckets + 16,
            Some((entries, buckets * 7 / 8)),
        );
        for at in 0..entries {
            let len = 3 + self.random.below(20);
            let place = names_addr + at * ENTRY_SIZE + 8;
            self.node((names, names_addr), L_VALUE, place, BOX_STR, len, Some((len, len)));
        }
        self.table(session, L_TABLE, session.1 + 72);

        let checker = self.root(ROOT_CHECKER, 32);
        self.edge(checker.0, EdgeKind::BORROW, L_MODULE, checker.1, Target::Addr(module(1)), Some(MODULE));
        let (errors, errors_addr) = self.node(checker, L_ERRORS, checker.1 + 8, ERRORS, 64, Some((3, 4)));
        for at in 0..3 {
            self.node((errors, errors_addr), L_ELEMENT, errors_addr + at * 16, BOX_STR, 40, Some((40, 40)));
        }
        // A part of the checker that is a name for a place in the session.
        let (part, _) = self.root(ROOT_MODULE, MODULE_SIZE);

        for at in 0..5 {
            self.block(100 + at * at, 1, false); // nobody claims these
        }
        let pinned = self.block(16 + TABLE_SIZE, 1, false);
        let pinned_target = Target::Addr(pinned + 15);
        self.edge(checker.0, EdgeKind::WEAK, NO_LABEL, checker.1 + 24, pinned_target, Some(TABLE));
        self.block(4096, 1, true);
        self.finish(session, checker, (part, module(1)))
    }

    fn finish(mut self, session: (u64, u64), checker: (u64, u64), part: (u64, u64)) -> Vec<u8> {
        let root = |name: &str, (node, addr), size, is_name| Root {
            name: name.into(),
            node,
            addr,
            size,
            origin: "argument".into(),
            is_name,
            source: None,
        };
        self.writer.roots(&[
            root("session", session, 80, false),
            root("checker", checker, 32, false),
            root("checker.module", part, MODULE_SIZE, true),
        ]);
        for edge in &self.edges {
            self.writer.edge(edge);
        }
        for content in &self.contents {
            self.writer.content(content);
        }
        let census: Vec<Census> = self
            .census
            .iter()
            .enumerate()
            .map(|(variant, &count)| Census {
                ty: EXPR,
                variant: variant as u32,
                place: Place::ELEMENT.0,
                count,
            })
            .collect();
        self.writer.list(FrameKind::CENSUS, &census);
        let shared: Vec<Shared> = self
            .tables
            .iter()
            .enumerate()
            .map(|(at, &(node, _, met, weak))| Shared {
                node,
                addr: 0,
                // Somebody else holds the second one.
                strong: met + u64::from(at == 1),
                weak,
                met,
                weak_met: weak,
                uncounted: false,
            })
            .collect();
        self.writer.list(FrameKind::SHARED, &shared);
        let shown =
            ShownValue { node: checker.0, place: checker.1, label: L_MODULE, text: "example::main".into() };
        self.writer.list(FrameKind::VALUES, &[shown]);
        let count = |is_tool: bool| {
            self.blocks.iter().filter(|block| block.is_tool == is_tool).fold(
                BlockCount::default(),
                |sum, block| BlockCount { blocks: sum.blocks + 1, bytes: sum.bytes + block.usable },
            )
        };
        let (tool, live) = (count(true), count(false));
        for block in &self.blocks {
            self.writer.block(block);
        }
        self.writer.allocator(&AllocatorFigures {
            allocated: live.bytes + tool.bytes,
            active: (live.bytes + tool.bytes).next_multiple_of(4096),
            mapped: (live.bytes + tool.bytes).next_multiple_of(1 << 21),
            live: live.bytes,
            tool: tool.bytes,
            ..AllocatorFigures::default()
        });
        let footer = Footer {
            nodes: self.writer.next_node(),
            edges: self.edges.len() as u64,
            blocks: self.blocks.len() as u64,
            quiescent: true,
            tool,
            walk_ns: 31 * self.writer.next_node(),
            ..Footer::default()
        };
        self.writer.footer(&footer);
        self.writer.finish().expect("a vector takes every byte")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, Analysis, Heap, Lens};
    use std::sync::Arc;

    #[test]
    fn the_ledger_of_the_demo_closes() {
        for nodes in [16, 1000, 20_000] {
            let heap = Heap::from_snapshot(snapshot(nodes));
            assert!(heap.problems().is_empty(), "{:?}", heap.problems());
            let analysis = Analysis::new(Arc::new(heap), Arc::new(Config::default()), Lens::default());
            let ledger = analysis.ledger();
            assert!(ledger.closes, "{nodes}: {:#?}", ledger.verdict);
            assert_eq!(ledger.waterfall.total, ledger.population.bytes);
            let classes: Vec<u64> = ledger.classes.iter().map(|row| row.blocks).collect();
            assert_eq!(classes[4..], [1, 5], "weak-pinned and unclaimed");
        }
        let count = snapshot(20_000).nodes.count();
        assert!((15_000..25_000).contains(&count), "{count}");
    }

    #[test]
    fn size_classes_are_jemallocs() {
        let classes: Vec<u64> =
            [1, 8, 9, 16, 17, 100, 128, 129, 161, 257, 4096, 5000, 32_769, 540_688].map(size_class).to_vec();
        assert_eq!(classes, [8, 8, 16, 16, 32, 112, 128, 160, 192, 320, 4096, 5120, 36_864, 544_768]);
    }
}
