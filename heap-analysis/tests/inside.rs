//! Values inside blocks, arenas, regions, keys, values behind `dyn`.

mod support;

use heap_analysis::config::Config;
use heap_analysis::find::Subject;
use heap_analysis::heap::{Role, CONTAINS};
use heap_analysis::ledger::Class;
use heap_analysis::{Analysis, Heap, Lens, NodeId};
use heap_snapshot::read::{Snapshot, NO_PARENT};
use heap_snapshot::record::*;
use support::{Random, Text};

const HEADER: u64 = 16;

/// A snapshot that is put together: a root, and what it is told to add.
struct Made {
    snapshot: Snapshot,
    end: u64,
    place: u64,
}

impl Made {
    fn new() -> Made {
        let snapshot = Text::parse("root r").snapshot();
        Made { snapshot, end: 0x20_0000, place: 0x7fff_0000_0000 }
    }

    fn ty(&mut self, desc: TypeDesc) -> u32 {
        self.snapshot.types.push(desc);
        self.snapshot.types.len() as u32 - 1
    }

    /// A type of which every byte is payload.
    fn leaf(&mut self, name: &str, size: u64) -> u32 {
        let base = Split { payload: size, ..Split::default() };
        let (align, kind) = (8, TypeKind::LEAF.0);
        self.ty(TypeDesc { name: name.into(), size, align, kind, base, fixed: true, ..TypeDesc::default() })
    }

    fn unknown(&mut self, name: &str, size: u64) -> u32 {
        let base = Split { untyped: size, ..Split::default() };
        self.ty(TypeDesc { name: name.into(), size, align: 1, base, ..TypeDesc::default() })
    }

    fn block(&mut self, size: u64) -> u64 {
        let addr = self.end;
        self.end += size + 64;
        let (requested, usable) = (size, size + 8);
        self.snapshot.blocks.push(LiveBlock {
            addr,
            requested,
            usable,
            align_log2: 3,
            epoch: 1,
            is_tool: false,
        });
        self.snapshot.allocator.as_mut().unwrap().live += usable;
        self.snapshot.footer.as_mut().unwrap().blocks += 1;
        addr
    }

    fn node(&mut self, parent: u32, edge: EdgeKind, desc: NodeTypeDesc, addr: u64, len: (u64, u64)) -> u64 {
        self.snapshot.node_types.push(desc);
        self.place += 8;
        let nodes = &mut self.snapshot.nodes;
        nodes.parent.push(parent);
        nodes.edge.push(edge);
        nodes.label.push(LabelIdx(0));
        nodes.place.push(self.place);
        nodes.ty.push(NodeTypeIdx(self.snapshot.node_types.len() as u32 - 1));
        nodes.addr.push(addr);
        nodes.len.push(len.0);
        nodes.cap.push(len.1);
        nodes.addr.len() as u64 - 1
    }

    fn content(&mut self, node: u64, split: Split) {
        self.snapshot.contents.push(Content { node, variant: None, split });
    }

    /// A chunk of `cap` bytes of which `len` are used, with a header at its end.
    fn chunk(&mut self, len: u64, cap: u64) -> (u64, u64) {
        let addr = self.block(cap + HEADER);
        let elem = self.unknown("byte", 1);
        let desc = NodeTypeDesc {
            container: "Bump".into(),
            layout: Layout::CHUNK.0,
            elem,
            is_slice: true,
            header: HEADER,
        };
        let node = self.node(0, EdgeKind::OWN, desc, addr, (len, cap));
        self.content(node, Split { untyped: len, ..Split::default() });
        (node, addr)
    }

    fn boxed(&mut self, parent: u64, elem: u32, place: u64) -> (u64, u64) {
        let addr = self.block(self.snapshot.types[elem as usize].size);
        let layout = Layout::VALUE.0;
        let desc = NodeTypeDesc { container: "Box".into(), layout, elem, is_slice: false, header: 0 };
        let node = self.node(parent as u32, EdgeKind::OWN, desc, addr, (1, 1));
        self.snapshot.nodes.place[node as usize] = place;
        (node, addr)
    }

    /// What a reference led to.
    fn inside(&mut self, elem: u32, addr: u64, len: Option<u64>) -> u64 {
        let desc = NodeTypeDesc {
            container: "&".into(),
            layout: Layout::INSIDE.0,
            elem,
            is_slice: len.is_some(),
            header: 0,
        };
        let len = len.unwrap_or(1);
        self.node(NO_PARENT, EdgeKind::BORROW, desc, addr, (len, len))
    }

    fn refer(&mut self, from: u64, addr: u64, ty: Option<u32>) {
        self.place += 8;
        self.snapshot.edges.push(Edge {
            from,
            kind: EdgeKind::BORROW,
            label: LabelIdx(0),
            place: self.place,
            target: Target::Addr(addr),
            ty: ty.map(TypeIdx),
        });
    }

    fn analyse(self, lens: Lens) -> Analysis {
        Analysis::new(Heap::from_snapshot(self.snapshot).into(), Config::default().into(), lens)
    }

    fn adds_up(self) -> Analysis {
        let analysis = self.analyse(Lens::default());
        adds_up(&analysis);
        assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
        analysis
    }
}

/// Shallow sizes are the claimed blocks' usable bytes, also by type, and both
/// ways to sum what bytes are agree.
fn adds_up(analysis: &Analysis) {
    let (heap, ledger) = (analysis.heap(), analysis.ledger());
    let shallow: u64 = heap.node_ids().map(|node| heap.shallow(node)).sum();
    let by_type: u64 = analysis.types().iter().map(|row| row.shallow).sum();
    assert_eq!(shallow, by_type);
    let parts = analysis.types().iter().map(|row| row.slack + row.payload + row.untyped).sum::<u64>();
    assert_eq!(parts, shallow, "{:#?}", analysis.types());
    assert_eq!(ledger.waterfall.total, ledger.population.bytes);
    assert_eq!(ledger.coverage.iter().map(|row| row.bytes).sum::<u64>(), ledger.population.bytes);
    assert_eq!(ledger.coverage.iter().map(|row| row.blocks).sum::<u64>(), ledger.population.blocks);
    assert_eq!(ledger.classes.iter().map(|row| row.bytes).sum::<u64>(), ledger.population.bytes);
    // Of the retained sizes on the top level.
    let top: u64 = analysis
        .dominators()
        .in_order()
        .filter(|(_, above)| above.is_none())
        .map(|(node, _)| analysis.node(node).unwrap().sizes.alone)
        .sum();
    assert_eq!(top, analysis.summary().reachable);
}

fn node(id: u64) -> NodeId {
    NodeId(id as u32)
}

/// An object in an arena: the arena owns its bytes and what it owns.
#[test]
fn a_value_in_a_chunk_is_a_node_of_its_own() {
    let mut made = Made::new();
    let (chunk, addr) = made.chunk(200, 256);
    let body = made.leaf("Body", 40);
    let big = made.leaf("Big", 100);
    let inside = made.inside(body, addr + 64, None);
    let (owned, _) = made.boxed(inside, big, addr + 72);
    made.refer(0, addr + 64, Some(body));
    made.refer(0, addr + 80, None);
    made.refer(0, addr + 8, None);
    let analysis = made.adds_up();
    let heap = analysis.heap();
    let (chunk, inside, owned) = (node(chunk), node(inside), node(owned));
    assert_eq!((heap.role(inside), heap.shallow(inside)), (Role::Inside, 40));
    assert_eq!(heap.shallow(chunk), 256 + HEADER + 8 - 40);
    assert_eq!(heap.split(inside), Split { payload: 40, ..Split::default() });
    let split = Split { untyped: 160, spare: 56, overhead: HEADER, ..Split::default() };
    assert_eq!(heap.split(chunk), split);
    // Both ends of references: at the value, in it, and in the chunk.
    let ends: Vec<NodeId> =
        heap.edges_from(node(0)).filter(|edge| edge.kind == EdgeKind::BORROW).map(|edge| edge.to).collect();
    assert_eq!(ends, [inside, inside, chunk]);
    assert_eq!(heap.holder_of(inside), Some(chunk));
    let sizes = |id| analysis.node(id).unwrap().sizes;
    assert_eq!(sizes(inside).alone, 40 + 108);
    assert_eq!(sizes(chunk).alone, 256 + HEADER + 8 + 108);
    assert_eq!(analysis.node(owned).unwrap().dominator, Some(inside));
    assert_eq!(analysis.path_text(owned), "r[+0x40]");
    let detail = analysis.node(inside).unwrap();
    assert_eq!((detail.inside, detail.row.type_name.as_str()), (Some((chunk, 64)), "Body"));
    assert_eq!(heap.node_at(addr + 65), Some(inside));
    assert_eq!(heap.node_at(addr + 1), Some(chunk));
    // Typed, and what is not known of the chunk.
    let covered = &analysis.ledger().coverage;
    assert_eq!((covered[0].name.as_str(), covered[1].name.as_str()), ("typed", "opaque"));
    assert_eq!(covered[1].bytes, 160);
    let row = analysis.types().iter().find(|row| row.name == "Body").unwrap();
    assert_eq!((row.count, row.inline_values, row.shallow, row.payload), (1, 0, 40, 40));
    let row = analysis.types().iter().find(|row| row.name == "Bump").unwrap();
    assert_eq!((row.count, row.spare, row.untyped), (1, 56, 160));
}

#[test]
fn a_value_in_a_typed_block_is_a_name_for_a_place_there() {
    let mut made = Made::new();
    let (owner_ty, part, small) = (made.leaf("Owner", 64), made.leaf("Part", 16), made.leaf("Small", 24));
    let (owner, addr) = made.boxed(0, owner_ty, 0x7fff_0000_0000);
    let inside = made.inside(part, addr + 16, None);
    // What it owns was met first through the reference, then through the owner.
    let (owned, _) = made.boxed(inside, small, addr + 16);
    let again = Edge {
        from: owner,
        kind: EdgeKind::OWN,
        label: LabelIdx(0),
        place: addr + 16,
        target: Target::Node(owned),
        ty: None,
    };
    made.snapshot.edges.push(again);
    made.refer(0, addr + 16, Some(part));
    let analysis = made.adds_up();
    let heap = analysis.heap();
    assert_eq!((heap.role(node(inside)), heap.resolve(node(inside))), (Role::Same, node(owner)));
    assert_eq!(heap.edges_to(node(owned)).count(), 1);
    assert_eq!(analysis.ledger().classes[Class::ClaimedTwice as usize].blocks, 0);
    assert!(!heap.node_ids().any(|id| heap.edges_from(id).any(|edge| edge.kind == CONTAINS)));
}

#[test]
fn nested_values_are_names_for_places_in_the_largest() {
    let mut made = Made::new();
    let (chunk, addr) = made.chunk(256, 256);
    let (outer, inner, first) = (made.leaf("Outer", 48), made.leaf("Inner", 16), made.leaf("First", 8));
    let inside = [
        made.inside(inner, addr + 32, None),
        made.inside(first, addr + 16, None),
        made.inside(outer, addr + 16, None),
    ];
    made.refer(0, addr + 36, None);
    let analysis = made.adds_up();
    let heap = analysis.heap();
    let resolved = inside.map(|id| heap.resolve(node(id)));
    assert_eq!(resolved, [node(inside[2]); 3]);
    assert_eq!(heap.shallow(node(chunk)), 256 + HEADER + 8 - 48);
    assert_eq!(heap.edges_from(node(chunk)).count(), 1);
}

/// Values partly in each other, past their block, or past what is used: an impl is wrong.
#[test]
fn values_that_cannot_be_are_told() {
    let mut made = Made::new();
    let (_, addr) = made.chunk(256, 256);
    let wide = made.leaf("Wide", 48);
    made.inside(wide, addr, None);
    made.inside(wide, addr + 40, None);
    let analysis = made.analyse(Lens::default());
    adds_up(&analysis);
    assert_eq!(analysis.heap().counts().overlapping_values, 1);
    assert!(analysis.summary().problems.iter().any(|text| text.contains("overlap others")));

    let mut made = Made::new();
    let (_, addr) = made.chunk(64, 64);
    let wide = made.leaf("Wide", 48);
    made.inside(wide, addr + 64, None);
    let analysis = made.analyse(Lens::default());
    assert!(!analysis.ledger().closes);
    let names: Vec<&str> = analysis.ledger().mismatches.iter().map(|row| row.type_name.as_str()).collect();
    assert!(names.contains(&"Wide"), "{names:?}");
}

#[test]
fn values_in_unclaimed_memory_and_outside_the_heap_hang_on_references() {
    let mut made = Made::new();
    let (value, text) = (made.leaf("Value", 32), made.leaf("u8", 1));
    let addr = made.block(100);
    let unclaimed = made.inside(value, addr + 8, None);
    let outside = made.inside(value, 0x5555_0000_0000, None);
    let slice = made.inside(text, addr + 64, Some(20));
    made.refer(0, addr + 8, Some(value));
    made.refer(outside, addr + 70, None);
    made.refer(0, 0x5555_0000_0010, None);
    let snapshot = made;
    let analysis = snapshot.analyse(Lens::default() | Lens::BORROW);
    let (heap, ledger) = (analysis.heap(), analysis.ledger());
    assert!(ledger.closes, "{:?}", ledger.verdict);
    let class = &ledger.classes[Class::Unclaimed as usize];
    assert_eq!((class.blocks, class.bytes), (1, 108));
    assert_eq!(ledger.waterfall.total, 108);
    assert_eq!((ledger.waterfall.payload, ledger.waterfall.untyped), (52, 48));
    let shallow = [unclaimed, outside, slice].map(|id| heap.shallow(node(id)));
    assert_eq!(shallow, [32, 0, 20]);
    assert_eq!(heap.split(node(outside)), Split::default());
    assert_eq!(analysis.node(node(0)).unwrap().sizes.in_all, 52);
    let row = analysis.tree_row(node(slice)).unwrap();
    assert_eq!((row.type_name.as_str(), row.len_cap), ("&[u8]", Some((20, 20))));
}

/// A root in an arena is a value there: what was walked of it is its own.
#[test]
fn a_root_in_an_arena_is_a_value_there() {
    let mut made = Made::new();
    let (chunk, addr) = made.chunk(128, 128);
    let (value, small) = (made.leaf("Value", 32), made.leaf("Small", 8));
    let layout = Layout::ROOT.0;
    let desc = NodeTypeDesc { container: "root".into(), layout, elem: value, is_slice: false, header: 0 };
    let root = made.node(NO_PARENT, EdgeKind::OWN, desc, addr + 64, (1, 1));
    made.content(root, Split { payload: 32, ..Split::default() });
    made.snapshot.roots.push(Root {
        name: "q".into(),
        node: root,
        addr: addr + 64,
        size: 32,
        origin: "argument".into(),
        is_name: false,
        source: None,
    });
    let (owned, _) = made.boxed(root, small, addr + 64);
    let part = made.inside(small, addr + 72, None);
    let analysis = made.adds_up();
    let heap = analysis.heap();
    assert_eq!((heap.role(node(root)), heap.holder_of(node(root))), (Role::Inside, Some(node(chunk))));
    assert_eq!(heap.resolve(node(part)), node(root));
    assert_eq!(analysis.node(node(owned)).unwrap().dominator, Some(node(root)));
    let row = analysis.roots().iter().find(|row| row.name == "q").unwrap();
    assert_eq!((row.node, row.sizes.alone, row.sizes.in_all), (node(root), 32 + 16, 32 + 16));
    assert_eq!(row.name_for.as_deref(), Some("r[+0x40]"));
}

#[test]
fn references_say_where_they_end() {
    let mut made = Made::new();
    let block_data = made.leaf("BlockData", 24);
    let field = |name: &str, offset, ty, times| FieldDesc {
        name: name.into(),
        offset: Some(offset),
        ty,
        times,
        mode: String::new(),
    };
    let array = {
        let fields = vec![field("[]", 0, block_data, 4)];
        let base = Split { payload: 96, ..Split::default() };
        let (align, kind) = (8, TypeKind::STRUCT.0);
        let name = "[BlockData; 4]".into();
        made.ty(TypeDesc { name, size: 96, align, kind, fields, base, fixed: true, ..TypeDesc::default() })
    };
    let id = made.leaf("Id", 8);
    let body = {
        let fields = vec![field("id", 0, id, 1), field("blocks", 8, array, 1)];
        let base = Split { payload: 104, ..Split::default() };
        let (align, kind) = (8, TypeKind::STRUCT.0);
        let name = "Body".into();
        made.ty(TypeDesc { name, size: 104, align, kind, fields, base, fixed: true, ..TypeDesc::default() })
    };
    let (_, addr) = made.chunk(256, 256);
    let inside = made.inside(body, addr + 16, None);
    let (boxed, boxed_addr) = made.boxed(0, body, 0x7fff_0000_0000);
    let buffer_addr = made.block(24 * 20);
    let layout = Layout::BUFFER.0;
    let desc = NodeTypeDesc { container: "Vec".into(), layout, elem: block_data, is_slice: true, header: 0 };
    let buffer = made.node(0, EdgeKind::OWN, desc, buffer_addr, (20, 20));
    let unsized_ty = made.unknown("[BlockData]", 0);
    made.refer(0, addr + 16, Some(body));
    made.refer(0, addr + 16, Some(id));
    made.refer(0, addr + 24 + 24 * 3, Some(block_data));
    made.refer(0, boxed_addr + 8 + 24 * 2, Some(block_data));
    made.refer(0, boxed_addr + 8, Some(array));
    made.refer(0, buffer_addr + 24 * 12, Some(block_data));
    made.refer(0, buffer_addr, Some(block_data));
    made.refer(0, buffer_addr, Some(unsized_ty));
    made.refer(0, buffer_addr + 24 * 5, Some(unsized_ty));
    made.refer(0, addr + 4, None);
    let analysis = made.adds_up();
    let detail = analysis.node(node(0)).unwrap();
    let into: Vec<(u32, &str)> =
        detail.references.iter().map(|row| (row.node.0, row.into.as_str())).collect();
    let (inside, boxed, buffer) = (inside as u32, boxed as u32, buffer as u32);
    assert_eq!(
        into,
        [
            (inside, ""),
            (inside, "id"),
            (inside, "blocks[3]"),
            (boxed, "blocks[2]"),
            (boxed, "blocks"),
            (buffer, "[12]"),
            (buffer, "[0]"),
            (buffer, ""),
            (buffer, "[5..]"),
            (1, "[+0x4]"),
        ]
    );
    // From the other side.
    let holders = analysis.node(NodeId(inside)).unwrap().holders;
    assert!(holders.iter().any(|holder| holder.into == "blocks[3]"), "{holders:?}");
}

#[test]
fn a_region_is_in_nobodys_sums() {
    let mut made = Made::new();
    let byte = made.unknown("byte", 1);
    let layout = Layout::REGION.0;
    let desc = NodeTypeDesc { container: "region".into(), layout, elem: byte, is_slice: true, header: 0 };
    let region = made.node(0, EdgeKind::OWN, desc, 0x6000_0000_0000, (4096, 8192));
    let value = made.leaf("Value", 32);
    let inside = made.inside(value, 0x6000_0000_0100, None);
    let small = made.leaf("Small", 16);
    made.boxed(inside, small, 0x6000_0000_0108);
    let analysis = made.adds_up();
    let heap = analysis.heap();
    assert_eq!((heap.role(node(region)), heap.shallow(node(region))), (Role::Region, 0));
    assert_eq!(heap.holder_of(node(inside)), Some(node(region)));
    let row = analysis.tree_row(node(region)).unwrap();
    assert_eq!((row.type_name.as_str(), row.outside_bytes, row.retained), ("region", 8192, 24));
    let summary = analysis.summary();
    assert_eq!((summary.regions, summary.region_bytes), (1, 8192));
    let beside = &analysis.ledger().beside;
    let row = beside.iter().find(|row| row.name == "memory outside the allocator").unwrap();
    assert_eq!((row.blocks, row.bytes), (1, 8192));
    assert_eq!(beside.iter().find(|row| row.name.contains("another allocator")).unwrap().blocks, 0);
}

#[test]
fn a_count_that_cannot_be_read_is_maybe_an_outside_owner() {
    let mut snapshot = Text::parse("root r -> a:16; a => s:48; s -> b:8; a => t:32; strong t +1").snapshot();
    let maybe = snapshot.shared[0].node as u32;
    snapshot.shared[0].strong = 0;
    snapshot.shared[0].uncounted = true;
    let analysis =
        Analysis::new(Heap::from_snapshot(snapshot).into(), Config::default().into(), Lens::default());
    adds_up(&analysis);
    let ledger = analysis.ledger();
    assert!(ledger.closes && ledger.moved.is_empty(), "{:?}", ledger.verdict);
    assert!(ledger.verdict.iter().any(|text| text.contains("1 shared blocks (48 B) are maybe held outside")));
    let held: Vec<(u64, u64)> = ledger.outside.iter().map(|row| (row.blocks, row.bytes)).collect();
    assert_eq!(held, [(1, 32), (1, 48)]);
    assert_eq!((analysis.summary().outside_owners, analysis.summary().maybe_outside), (1, 1));
    let owns = analysis.owns(analysis.find("r").unwrap()).unwrap();
    assert_eq!((owns.sizes.alone, owns.sizes.in_all), (16, 16 + 48 + 8 + 32));
    let [proven, unknown] = &owns.outside[..] else { panic!("{:?}", owns.outside) };
    assert_eq!((proven.is_maybe, proven.gap, unknown.is_maybe, unknown.gap), (false, 1, true, 0));
    assert_eq!((unknown.node, unknown.met, unknown.retained), (NodeId(maybe), 1, 56));
}

#[test]
fn keys_are_counted_and_lead_nowhere() {
    let mut made = Made::new();
    let local = made.leaf("Local", 4);
    let (_, addr) = made.chunk(64, 64);
    let table = LabelDesc { name: "at".into(), table: "Body::locals".into(), ..LabelDesc::default() };
    made.snapshot.labels.push(table);
    let label = LabelIdx(made.snapshot.labels.len() as u32 - 1);
    // The last one looks like an address.
    for (place, label, key) in
        [(1, label, 7), (2, label, 7), (3, label, addr), (4, LabelIdx(0), addr), (5, label, 9)]
    {
        let (from, kind) = (0, EdgeKind::KEY);
        let ty = Some(TypeIdx(local));
        made.snapshot.edges.push(Edge { from, kind, label, place, target: Target::Key(key), ty });
    }
    let elem = local;
    let layout = Layout::VALUE.0;
    let desc = NodeTypeDesc { container: "Box".into(), layout, elem, is_slice: false, header: 0 };
    let at = made.block(4);
    made.node(0, EdgeKind::OWN, desc, at, (1, 1));
    let analysis = made.adds_up();
    let keys = analysis.keys();
    let rows: Vec<_> =
        keys.iter().map(|row| (&*row.type_name, &*row.table, row.keys, row.distinct)).collect();
    assert_eq!(rows, [("Local", "Body::locals", 4, 3), ("Local", "", 1, 1)]);
    let heap = analysis.heap();
    assert!(!heap.node_ids().any(|id| heap.edges_from(id).any(|edge| edge.kind == EdgeKind::KEY)));
    assert_eq!(heap.counts().references_outside, 0);
    let Ok(Subject::Type(row)) = analysis.find("Local") else { panic!() };
    assert_eq!(analysis.type_detail(row).unwrap().keys, keys);
}

/// Nothing resolves here: the vtable's place stands for the type.
#[test]
fn values_behind_dyn_are_told_apart() {
    let mut made = Made::new();
    let handler = made.unknown("dyn service::Handler", 0);
    let walked = made.leaf("service::Known", 24);
    let mut nodes = Vec::new();
    for (at, size) in [24, 24, 40].into_iter().enumerate() {
        let addr = made.block(size);
        let layout = Layout::VALUE.0;
        let desc =
            NodeTypeDesc { container: "Box".into(), layout, elem: handler, is_slice: false, header: 0 };
        let id = made.node(0, EdgeKind::OWN, desc, addr, (1, 1));
        made.content(id, Split { untyped: size, ..Split::default() });
        nodes.push((id, size, if at < 2 { 0x40 } else { 0x80 }));
    }
    let raw_addr = made.block(16);
    let layout = Layout::RAW.0;
    let desc = NodeTypeDesc { container: "raw".into(), layout, elem: walked, is_slice: false, header: 0 };
    let raw = made.node(0, EdgeKind::CLAIM_RAW, desc, raw_addr, (1, 1));
    nodes.push((raw, 16, 0xc0));
    let (known, _) = made.boxed(0, walked, 0x7fff_0000_0800);
    nodes.push((known, 24, 0x100));
    made.snapshot.images.push(Image { path: "/no/such/service".into(), ..Image::default() });
    for &(node, size, vtable) in &nodes {
        made.snapshot.dyn_values.push(DynValue { node, size, image: 0, vtable, functions: vec![1] });
    }
    let analysis = made.adds_up();
    let name = |at: usize| analysis.tree_row(node(nodes[at].0)).unwrap().type_name;
    assert_eq!(name(0), "Box<dyn service::Handler = vtable at service+0x40>");
    assert_eq!((name(0), name(3)), (name(1), "dyn = vtable at service+0xc0".to_owned()));
    assert_eq!(
        (name(2), name(4)),
        ("Box<dyn service::Handler = vtable at service+0x80>".to_owned(), "service::Known".to_owned())
    );
    let row = analysis.types().iter().find(|row| row.name == name(0)).unwrap();
    assert_eq!((row.count, row.size, row.shallow, row.untyped), (2, 24, 64, 48));
    // Through which type a raw block was found stays known.
    assert_eq!(analysis.heap().elem(node(raw)).unwrap().name, "service::Known");
}

#[test]
fn pinned_blocks_tell_their_handles() {
    let mut snapshot =
        Text::parse("root r -> a:64; root q -> b:64; a pinned 96; b pinned 32; unclaimed 8").snapshot();
    let weak = snapshot.edges.iter().position(|edge| edge.kind == EdgeKind::WEAK).unwrap();
    // A second handle of the first, and a count of one more that was not met.
    let edge = snapshot.edges[weak];
    snapshot.edges.push(Edge { from: 2, place: edge.place + 1, ..edge });
    let Target::Addr(addr) = edge.target else { panic!() };
    let (strong, met, uncounted) = (0, 0, false);
    snapshot.shared.push(Shared { node: u64::MAX, addr, strong, weak: 3, met, weak_met: 2, uncounted });
    let analysis =
        Analysis::new(Heap::from_snapshot(snapshot).into(), Config::default().into(), Lens::default());
    adds_up(&analysis);
    let ledger = analysis.ledger();
    let rows: Vec<(u64, u64, u64)> =
        ledger.pinned.iter().map(|row| (row.bytes, row.handles, row.met)).collect();
    assert_eq!((rows, ledger.pinning), (vec![(96, 3, 2), (32, 1, 1)], 4));
    assert!(
        ledger
            .verdict
            .iter()
            .any(|text| text.contains("2 blocks (128 B) hold no value any more: 4 weak handles")),
        "{:?}",
        ledger.verdict
    );
    // Somebody outside keeps the first one: it is nobody's alone.
    let owner = analysis.heap().outside().iter().find(|outside| outside.node == ledger.pinned[0].node);
    assert!(owner.is_some_and(|owner| owner.is_weak && owner.counted == 3));
    assert_eq!(analysis.node(node(0)).unwrap().sizes.alone, 64);
}

/// Arenas with values at random, each byte charged once.
#[test]
fn random_arenas_add_up() {
    for seed in 1..200_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut made = Made::new();
        let sizes = [8, 16, 24, 40, 64];
        let types: Vec<u32> = sizes.iter().map(|size| made.leaf(&format!("T{size}"), *size)).collect();
        let mut spaces: Vec<(u64, u64, bool)> = Vec::new();
        for _ in 0..random.below(4) + 1 {
            let cap = 64 + 8 * random.below(60);
            let len = cap - 8 * random.below(8);
            let (node, addr) = made.chunk(len, cap);
            assert!(node > 0);
            spaces.push((addr, len, true));
        }
        for _ in 0..random.below(3) {
            let size = 64 + 8 * random.below(40);
            let addr = made.block(size);
            if random.below(2) == 0 {
                let byte = made.unknown("byte", 1);
                let layout = Layout::RAW.0;
                let container = "raw".into();
                let desc = NodeTypeDesc { container, layout, elem: byte, is_slice: false, header: 0 };
                made.node(0, EdgeKind::CLAIM_RAW, desc, addr, (1, 1));
                spaces.push((addr, size, true));
            } else {
                spaces.push((addr, size, false));
            }
        }
        // Values one after the other, some of them with a part that is a reference's end too.
        let mut all = vec![0_u64];
        let (mut held, mut values) = (0, 0);
        for &(addr, len, is_claimed) in &spaces {
            let mut at = addr + 8 * random.below(3);
            while at < addr + len {
                let which = random.below(5) as usize;
                let size = sizes[which];
                if at + size > addr + len {
                    break;
                }
                let node = made.inside(types[which], at, None);
                if size > 8 && random.below(2) == 0 {
                    made.inside(types[0], at + 8 * random.below(size / 8), None);
                }
                if random.below(3) == 0 {
                    all.push(made.boxed(node, types[random.below(5) as usize], at).0);
                }
                all.push(node);
                values += size;
                held += if is_claimed { size } else { 0 };
                let from = all[random.below(all.len() as u64) as usize];
                made.refer(from, at + random.below(size), None);
                at += size + 8 * random.below(4);
            }
        }
        let analysis = made.analyse(Lens::default());
        let (heap, ledger) = (analysis.heap(), analysis.ledger());
        assert!(ledger.closes, "seed {seed}: {:?}", ledger.verdict);
        assert_eq!(ledger.waterfall.total, ledger.population.bytes, "seed {seed}");
        let in_role = |role| heap.node_ids().filter(move |&id| heap.role(id) == role);
        let inside: u64 = in_role(Role::Inside).map(|id| heap.shallow(id)).sum();
        assert_eq!(inside, values, "seed {seed}");
        // All nodes are the claimed blocks, and values where nobody claims the block.
        let shallow: u64 = heap.node_ids().map(|id| heap.shallow(id)).sum();
        let unclaimed = ledger.classes[Class::Unclaimed as usize].bytes;
        assert_eq!(shallow, ledger.population.bytes - unclaimed + values - held, "seed {seed}");
        for id in heap.node_ids() {
            for edge in heap.edges_from(id).filter(|edge| edge.kind == EdgeKind::BORROW) {
                assert_eq!(heap.role(edge.to), Role::Inside, "seed {seed}");
            }
        }
    }
}

/// A program that lies about values inside blocks, keys and vtables.
#[test]
fn hostile_values_inside_do_not_panic() {
    for seed in 1..400_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut made = Made::new();
        let types: Vec<u32> =
            [0, 8, 40, u64::MAX].iter().map(|size| made.leaf(&format!("T{size}"), *size)).collect();
        for ty in &types {
            let odd = [0, 4, 8, 32, u64::MAX][random.below(5) as usize];
            let (ty, times) = (*ty as usize, [0, 1, u64::MAX][random.below(3) as usize]);
            made.snapshot.types[ty].kind = TypeKind::STRUCT.0;
            made.snapshot.types[ty].fields = vec![FieldDesc {
                name: "f".into(),
                offset: Some(odd),
                ty: types[random.below(4) as usize],
                times,
                ..FieldDesc::default()
            }];
        }
        let (chunk, addr) = made.chunk(200, 256);
        let free = made.block(64);
        made.snapshot.images.push(Image { path: "/dev/zero".into(), ..Image::default() });
        made.snapshot.images.push(Image { path: "/etc/hostname".into(), ..Image::default() });
        let odd = |random: &mut Random| match random.below(7) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::from(u32::MAX),
            3 => random.below(20),
            4 => free + random.below(80),
            5 => addr + random.below(300),
            _ => random.below(u64::MAX),
        };
        for _ in 0..random.below(12) + 2 {
            let ty = types[random.below(4) as usize];
            let at = odd(&mut random);
            let number = odd(&mut random);
            match random.below(8) {
                0..=2 => drop(made.inside(ty, at, (number % 2 == 0).then_some(number))),
                3 => {
                    let layout = [Layout::REGION, Layout::INSIDE, Layout::CHUNK, Layout::RAW, Layout::ROOT];
                    let desc = NodeTypeDesc {
                        container: "odd".into(),
                        layout: layout[random.below(5) as usize].0,
                        elem: number as u32,
                        is_slice: number % 2 == 0,
                        header: odd(&mut random),
                    };
                    let parent = random.below(made.snapshot.nodes.count() as u64) as u32;
                    let kind = if number % 3 == 0 { EdgeKind::CLAIM_RAW } else { EdgeKind::OWN };
                    made.node(parent, kind, desc, at, (number, odd(&mut random)));
                }
                4 => {
                    let node = random.below(made.snapshot.nodes.count() as u64 + 2);
                    let functions = vec![at, number];
                    let image = random.below(3) as u32;
                    let value = DynValue { node, size: number, image, vtable: at, functions };
                    made.snapshot.dyn_values.push(value);
                }
                5 => made.snapshot.roots.push(Root {
                    name: "odd".into(),
                    node: random.below(made.snapshot.nodes.count() as u64 + 2),
                    addr: at,
                    size: number,
                    origin: "argument".into(),
                    is_name: number % 2 == 0,
                    source: None,
                }),
                6 => {
                    let target = if number % 2 == 0 { Target::Key(number) } else { Target::Addr(at) };
                    let kind = EdgeKind(random.below(12) as u8);
                    let (label, ty) = (LabelIdx(number as u32), Some(TypeIdx(ty)));
                    let from = random.below(made.snapshot.nodes.count() as u64 + 2);
                    made.snapshot.edges.push(Edge { from, kind, label, place: at, target, ty });
                }
                _ => {
                    let split = Split::from_parts([number, at, 0, 1, number, at]);
                    made.content(random.below(chunk + 4), split);
                }
            }
        }
        if seed % 5 == 0 {
            made.snapshot.header.tracked = false;
        }
        made.snapshot.header.unix_ms = u64::MAX;
        let config = ["T8::f", "T40::f.f", "*::f.f.f"]
            .map(|table| format!("[[key]]\nmatch = \"*\"\ntable = \"{}\"\nroot = \"odd\"\n", table));
        let config =
            Config::parse(&(config.concat() + "[[key]]\nmatch = \"*\"\nroot = \"odd\"\n"), "x").unwrap();
        let heap = Heap::from_snapshot(made.snapshot).into();
        let analysis = Analysis::new(heap, config.into(), Lens::default() | Lens::BORROW | Lens::KEY);
        analysis.dangling_keys(usize::MAX);
        analysis.summary();
        analysis.roots();
        analysis.ledger();
        analysis.groups();
        analysis.keys();
        for row in analysis.types() {
            analysis.type_detail(row.id);
            analysis.nodes_of(row.id, 3);
        }
        for id in analysis.heap().node_ids() {
            analysis.node(id);
            analysis.children(id, 5);
            analysis.dominator_chain(id);
            analysis.owns(Subject::Node(id));
            analysis.heap().node_at(analysis.heap().addr(id));
        }
    }
}
