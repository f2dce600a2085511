//! Types without a `Walk`: counted, added up, and told what to write.

use expect_test::{expect, Expect};
use heap_analysis::config::Config;
use heap_analysis::missing::{Missing, MissingRow};
use heap_analysis::{Analysis, Heap, Lens};
use heap_snapshot::frame::FrameKind;
use heap_snapshot::read;
use heap_snapshot::record::*;
use heap_snapshot::write::Writer;
use std::sync::Arc;

/// A snapshot that is made step by step.
#[derive(Default)]
struct Made {
    types: Vec<TypeDesc>,
    node_types: Vec<NodeTypeDesc>,
    nodes: Vec<Node>,
    roots: Vec<Root>,
    blocks: Vec<LiveBlock>,
    census: Vec<Census>,
    contents: Vec<Content>,
}

impl Made {
    fn ty(&mut self, name: &str, size: u64, kind: TypeKind, fields: Vec<FieldDesc>) -> u32 {
        let source = matches!(kind, TypeKind::STRUCT | TypeKind::ENUM).then(|| Source {
            package: "app".into(),
            version: "1.0.0".into(),
            file: "src/main.rs".into(),
            line: self.types.len() as u32 + 1,
        });
        let base = match kind {
            TypeKind::LEAF => Split { payload: size, ..Split::default() },
            TypeKind::UNKNOWN => Split { untyped: size, ..Split::default() },
            _ => Split::default(),
        };
        let fixed = kind == TypeKind::LEAF;
        let kind = kind.0;
        let name = name.into();
        self.types.push(TypeDesc {
            name,
            size,
            align: 8,
            kind,
            fields,
            base,
            fixed,
            source,
            ..TypeDesc::default()
        });
        self.types.len() as u32 - 1
    }

    fn node(&mut self, parent: Option<u64>, layout: Layout, elem: u32, size: u64, len: Option<u64>) -> u64 {
        let (container, edge) = match layout {
            Layout::ROOT => ("", EdgeKind::OWN),
            Layout::RAW => ("raw", EdgeKind::CLAIM_RAW),
            Layout::BUFFER => ("Vec", EdgeKind::OWN),
            _ => ("Box", EdgeKind::OWN),
        };
        let addr = 0x10_0000 + self.nodes.len() as u64 * 0x1000;
        let ty = NodeTypeIdx(self.node_types.len() as u32);
        self.node_types.push(NodeTypeDesc {
            container: container.into(),
            layout: layout.0,
            elem,
            is_slice: len.is_some(),
            header: 0,
        });
        let id = self.nodes.len() as u64;
        let len_cap = len.map(|len| (len, len));
        self.nodes.push(Node { parent, edge, label: LabelIdx(0), place: addr + 1, ty, addr, len_cap });
        if layout == Layout::ROOT {
            let name = format!("root{id}");
            self.roots.push(Root {
                name,
                node: id,
                addr,
                size,
                origin: "argument".into(),
                is_name: false,
                source: None,
            });
        } else {
            self.blocks.push(LiveBlock {
                addr,
                requested: size,
                usable: size,
                align_log2: 3,
                epoch: 0,
                is_tool: false,
            });
        }
        id
    }

    fn missing(&self, is_tracked: bool) -> Missing {
        let mut writer = Writer::new(Vec::new(), 1, 1);
        writer.header(&Header {
            program: "app".into(),
            epoch: 2,
            pointer_size: 8,
            tracked: is_tracked,
            ..Header::default()
        });
        writer.types(&self.types);
        writer.node_types(&self.node_types);
        writer.labels(&[LabelDesc::default()]);
        for node in &self.nodes {
            writer.node(node, 0);
        }
        self.contents.iter().for_each(|content| writer.content(content));
        writer.roots(&self.roots);
        writer.list(FrameKind::CENSUS, &self.census);
        if is_tracked {
            self.blocks.iter().for_each(|block| writer.block(block));
        }
        writer.footer(&Footer::default());
        let bytes = writer.finish().unwrap();
        let heap = Heap::from_snapshot(read::read(&bytes[..], |_| true).unwrap().snapshots.remove(0));
        Analysis::new(Arc::new(heap), Arc::new(Config::default()), Lens::default()).missing()
    }
}

fn field(name: &str, ty: u32, mode: &str) -> FieldDesc {
    FieldDesc { name: name.into(), offset: Some(0), ty, mode: mode.into(), times: 1 }
}

/// A root `State` with two `Foreign` inside, a vector of entries that hold one
/// each, a cell with a `Slot`, an enum, and blocks that scans found.
fn app() -> Made {
    let mut made = Made::default();
    let word = made.ty("u64", 8, TypeKind::LEAF, Vec::new());
    let foreign = made.ty("lru::Lru<u64>", 40, TypeKind::UNKNOWN, Vec::new());
    let sender = made.ty("std::sync::mpsc::Sender<u64>", 16, TypeKind::UNKNOWN, Vec::new());
    made.types[sender as usize].fixed = true;
    let timer = made.ty("app::Timer", 24, TypeKind::UNKNOWN, Vec::new());
    made.ty("app::Slot", 24, TypeKind::STRUCT, vec![field("timer", timer, "missing")]);
    let cell = made.ty("core::cell::RefCell<app::Slot>", 32, TypeKind::UNKNOWN, Vec::new());
    let entry = made.ty(
        "app::Entry",
        56,
        TypeKind::STRUCT,
        vec![field("n", word, ""), field("lru", foreign, "missing"), field("marked", word, "opaque")],
    );
    let handler = made.ty("alloc::boxed::Box<dyn app::Handler>", 16, TypeKind::UNKNOWN, Vec::new());
    let dynamic = made.ty("dyn app::Handler", 0, TypeKind::UNKNOWN, Vec::new());
    let event = made.ty("app::Event", 48, TypeKind::ENUM, Vec::new());
    let variants = vec![
        VariantDesc { name: "Idle".into(), ..VariantDesc::default() },
        VariantDesc {
            name: "Hit".into(),
            fields: vec![field("0", foreign, "missing")],
            ..VariantDesc::default()
        },
    ];
    made.types[event as usize].variants = variants;
    made.ty("app::Unseen", 40, TypeKind::STRUCT, vec![field("lru", foreign, "missing")]);
    let state = made.ty(
        "app::State",
        400,
        TypeKind::STRUCT,
        vec![
            FieldDesc { times: 2, ..field("pair", foreign, "missing") },
            field("cell", cell, ""),
            field("sender", sender, ""),
            field("event", event, ""),
            field("handler", handler, "missing"),
        ],
    );
    let root = made.node(None, Layout::ROOT, state, 400, None);
    made.node(Some(root), Layout::BUFFER, entry, 3 * 56, Some(3));
    let raw = made.node(Some(root), Layout::RAW, foreign, 128, None);
    made.node(Some(raw), Layout::RAW, foreign, 64, None);
    made.node(Some(root), Layout::RAW, sender, 512, None);
    let boxed = made.node(Some(root), Layout::VALUE, dynamic, 72, None);
    let split = Split { untyped: 72, ..Split::default() };
    made.contents.push(Content { node: boxed, variant: None, split });
    let place = Place::FIELD.0;
    made.census = vec![
        Census { ty: event, variant: 1, place, count: 1 },
        Census { ty: event, variant: 1, place: Place::ELEMENT.0, count: 4 },
    ];
    made
}

fn check(rows: &[MissingRow], expected: Expect) {
    let mut out = String::new();
    for row in rows {
        out += &format!(
            "{}: {:?}, {} bytes: {}{} values of {} take {}, {} blocks {}\n",
            row.name,
            row.why,
            row.bytes,
            if row.is_lower_bound { "at least " } else { "" },
            row.values,
            row.size,
            row.inline_bytes,
            row.blocks,
            row.block_bytes
        );
        for field in &row.fields {
            let line = field.source.as_ref().map_or(0, |source| source.line);
            out += &format!("    {}.{} (line {line}): {:?}\n", field.holder, field.field, field.values);
        }
        for advice in &row.advice {
            out += &format!("    {:?}: {}\n", advice.how, advice.line);
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn types_come_worst_first_with_their_fields() {
    let missing = app().missing(true);
    assert!(missing.is_tracked);
    check(
        &missing.missing,
        expect![[r#"
        lru::Lru<u64>: Missing, 592 bytes: at least 10 values of 40 take 400, 2 blocks 192
            app::Entry.lru (line 7): Some(3)
            app::Event.Hit.0 (line 10): Some(5)
            app::State.pair (line 12): Some(1)
            app::Unseen.lru (line 11): None
            Remote: #[derive(heap_walk::Walk)] #[walk(remote = "lru::Lru<u64>")]
        dyn app::Handler: Dyn, 88 bytes: 1 values of 0 take 16, 1 blocks 72
            app::State.handler (line 12): Some(1)
            Supertrait: trait Handler: heap_walk::Walk
        app::Timer: Missing, 24 bytes: 1 values of 24 take 24, 0 blocks 0
            app::Slot.timer (line 5): Some(1)
            Derive: #[derive(heap_walk::Walk)]
    "#]],
    );
    check(
        &missing.opaque,
        expect![[r#"
        Sender<u64>: OpaqueType, 528 bytes: 1 values of 16 take 16, 1 blocks 512
        u64: OpaqueField, 24 bytes: 3 values of 8 take 24, 0 blocks 0
            app::Entry.marked (line 7): Some(3)
            Walkable: (no attribute)
    "#]],
    );
}

#[test]
fn without_an_allocator_only_bytes_inside_values_are_known() {
    let missing = app().missing(false);
    assert!(!missing.is_tracked);
    let lru = missing.missing.iter().find(|row| row.path.starts_with("lru")).unwrap();
    assert_eq!((lru.values, lru.inline_bytes, lru.is_lower_bound), (10, 400, true));
}

#[test]
fn types_that_hold_each_other_end() {
    let mut made = app();
    // A damaged file: a cell in itself, and a struct that holds its holder.
    made.types[5].name = "core::cell::RefCell<core::cell::RefCell<app::Slot>>".into();
    made.types[4].fields.push(field("entry", 6, ""));
    made.types[6].fields.push(field("slot", 4, ""));
    made.types[6].fields.push(field("far", 99, "missing"));
    made.missing(true);
}
