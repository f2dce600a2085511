//! One small file with every kind of record, the same bytes each time.

use heap_snapshot::frame::FrameKind;
use heap_snapshot::record::*;
use heap_snapshot::write::Writer;

pub(crate) fn split(seed: u64) -> Split {
    Split { payload: seed, padding: 0, dead: seed / 2, overhead: 16, spare: 0, untyped: u64::MAX - seed }
}

pub(crate) fn block(n: u64) -> LiveBlock {
    LiveBlock {
        addr: 0x7f00_0000_0000 + n * 64,
        requested: 40 + n % 8,
        usable: 48,
        align_log2: 3,
        epoch: (n % 3) as u32,
        is_tool: n % 7 == 0,
    }
}

pub(crate) fn node(n: u64) -> Node {
    Node {
        parent: n.checked_sub(1 + n % 2),
        edge: if n % 5 == 0 { EdgeKind::SHARE } else { EdgeKind::OWN },
        label: LabelIdx(n as u32 % 2),
        place: block(n / 2).addr + 8,
        ty: NodeTypeIdx(n as u32 % 2),
        addr: block(n).addr,
        len_cap: (n % 2 == 1).then_some((n, 2 * n)),
    }
}

pub(crate) fn edge(n: u64) -> Edge {
    Edge {
        from: n % 10,
        kind: if n % 2 == 0 { EdgeKind::BORROW } else { EdgeKind::SHARE },
        label: LabelIdx(1),
        place: block(n).addr + 16,
        target: if n % 2 == 0 { Target::Addr(block(n / 3).addr) } else { Target::Node(n % 10) },
        ty: (n % 3 == 0).then_some(TypeIdx(0)),
    }
}

pub(crate) fn pointer(n: u64) -> Pointer {
    Pointer { place: block(n).addr + 8, target: block(n / 2).addr + n % 40 }
}

pub(crate) fn region() -> Region {
    Region { from: 0x1000, to: 0x3000, kind: RegionKind::STATIC.0, name: "demo".into() }
}

pub(crate) fn size_class() -> SizeClass {
    SizeClass { size: 48, slab_size: 12288, slab_blocks: 256, slabs: 2, blocks: 300, ..SizeClass::default() }
}

pub(crate) fn types() -> Vec<TypeDesc> {
    vec![TypeDesc {
        name: "demo::Kind".into(),
        size: 24,
        align: 8,
        kind: TypeKind::ENUM.0,
        variants: vec![VariantDesc {
            name: "Some".into(),
            tuple_size: 16,
            split: split(3),
            fields: vec![FieldDesc { name: "0".into(), times: 1, ..FieldDesc::default() }],
        }],
        discriminant: 8,
        source: Some(Source {
            package: "demo".into(),
            version: "1.0.0".into(),
            file: "lib.rs".into(),
            line: 7,
        }),
        ..TypeDesc::default()
    }]
}

/// Writes one snapshot with `nodes` nodes and as many edges and blocks.
pub(crate) fn write(writer: &mut Writer<Vec<u8>>, nodes: u64) {
    writer.header(&Header {
        program: "demo".into(),
        checkpoint: "end".into(),
        hit: 3,
        labels: vec![("size".into(), nodes.to_string())],
        pid: 7,
        unix_ms: 1_700_000_000_000,
        epoch: 2,
        pointer_size: 8,
        tracked: true,
    });
    writer.types(&types());
    writer.node_types(&[
        NodeTypeDesc {
            container: "Box".into(),
            layout: Layout::VALUE.0,
            elem: 0,
            is_slice: false,
            header: 0,
        },
        NodeTypeDesc {
            container: "Vec".into(),
            layout: Layout::BUFFER.0,
            elem: 0,
            is_slice: true,
            header: 0,
        },
    ]);
    writer.labels(&[
        LabelDesc::default(),
        LabelDesc {
            name: "kind".into(),
            variant: String::new(),
            place: Place::FIELD.0,
            ..LabelDesc::default()
        },
    ]);
    for n in 0..nodes {
        assert_eq!(writer.node(&node(n), node(n).parent.map_or(0, |parent| node(parent).addr)), n);
        writer.edge(&edge(n));
        writer.content(&Content { node: n, variant: (n % 2 == 0).then_some(0), split: split(n) });
    }
    writer.roots(&[Root {
        name: "demo".into(),
        node: 0,
        size: 24,
        origin: "task".into(),
        source: Some(Source { file: "main.rs".into(), line: 9, ..Source::default() }),
        ..Root::default()
    }]);
    writer.list(
        FrameKind::SHARED,
        &[Shared { node: 0, addr: 0, strong: 3, weak: 1, met: 2, weak_met: 1, uncounted: false }],
    );
    writer.list(FrameKind::OFFSETS, &[VariantOffsets { ty: 0, variant: 0, offsets: vec![8] }]);
    writer.list(FrameKind::CENSUS, &[Census { ty: 0, variant: 0, place: Place::ELEMENT.0, count: 5 }]);
    writer.list(FrameKind::VALUES, &[ShownValue { node: 1, place: 2, label: 1, text: "shown".into() }]);
    let unreadable = Unreadable { node: 1, place: 2, label: 0, ty: 0, reason: "locked".into() };
    writer.list(FrameKind::UNREADABLE, &[unreadable]);
    for n in 0..nodes {
        let stack = match n % 4 {
            0 => writer.stack(StackFrame { parent: 1.min(n as u32 / 4), address: 0x5000 + n }),
            1 => 0,
            _ => 1,
        };
        writer.block_of(&block(n), stack);
    }
    writer.stack(StackFrame::of_tag(1, 0));
    writer.list(FrameKind::TAGS, &["parse"]);
    for n in 0..nodes {
        writer.pointer(pointer(n));
    }
    writer.pointer_scan(&PointerScan { bytes: nodes, regions: vec![region()], ..PointerScan::default() });
    writer.list(FrameKind::SIZE_CLASSES, &[size_class()]);
    writer.process_memory(&ProcessMemory { allocator: 1, table: 5, anonymous: 2, files: 3, stacks: 4 });
    writer.stack_figures(&StackFigures { way: StackWay::FRAME_POINTERS.0, nodes, ..StackFigures::default() });
    writer.allocator(&AllocatorFigures { allocated: 100, live: 90, ..AllocatorFigures::default() });
    writer.footer(&Footer {
        nodes,
        quiescent: true,
        not_searched: 2,
        problems: vec!["none".into()],
        ..Footer::default()
    });
}

/// A file with a small snapshot.
pub(crate) fn small() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 7, 1);
    write(&mut writer, 40);
    writer.finish().expect("memory takes everything")
}

/// Asserts that a snapshot is what [`write`] wrote.
pub(crate) fn assert_whole(snapshot: &heap_snapshot::read::Snapshot, nodes: u64) {
    assert_eq!(snapshot.header.labels, [("size".to_owned(), nodes.to_string())]);
    assert_eq!((snapshot.header.hit, snapshot.header.epoch), (3, 2));
    let mut expected = types();
    expected[0].variants[0].fields[0].offset = Some(8);
    assert_eq!(snapshot.types, expected);
    assert_eq!((snapshot.node_types.len(), snapshot.labels.len()), (2, 2));
    assert_eq!(snapshot.nodes.count() as u64, nodes);
    for n in 0..nodes {
        let expected = Node { len_cap: node(n).len_cap.or(Some((1, 1))), ..node(n) };
        assert_eq!(snapshot.nodes.get(n as usize), expected);
        assert_eq!(snapshot.edges[n as usize], edge(n));
        let content = snapshot.contents[n as usize];
        assert_eq!((content.node, content.variant.is_some(), content.split), (n, n % 2 == 0, split(n)));
        assert_eq!(snapshot.blocks[n as usize], block(n));
    }
    assert_eq!(snapshot.roots[0].name, "demo");
    assert_eq!(snapshot.shared[0].met, 2);
    assert_eq!(snapshot.census[0].count, 5);
    assert_eq!(snapshot.values[0].text, "shown");
    assert_eq!(snapshot.unreadable[0].reason, "locked");
    assert_eq!(snapshot.allocator.map(|figures| figures.live), Some(90));
    assert_eq!(snapshot.footer.as_ref().map(|footer| footer.nodes), Some(nodes));
}
