//! What the derived impls put into a snapshot.

use std::io::{self, Write};
use std::mem::{offset_of, size_of};
use std::sync::{Arc, Mutex};

use heap_snapshot::read::{self, Snapshot};
use heap_snapshot::record::{EdgeKind, FieldDesc, TypeDesc, TypeKind};
use heap_walk::{Walk, Walker};

/// Has no `Walk`.
struct Foreign(Box<u32>);

/// Collects what is written, so that it can be read when the writer is gone.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn snapshot(value: &dyn Walk) -> Snapshot {
    let sink = Sink::default();
    // One snapshot at a time, and tests run side by side.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    heap_walk::snapshot(sink.clone(), &[("value", value)]).expect("writing to memory");
    let bytes = sink.0.lock().expect("no panic while writing").clone();
    let mut file = read::read(bytes.as_slice(), |_| true).expect("a snapshot");
    assert_eq!(file.problems.len(), 0, "{:?}", file.problems);
    file.snapshots.remove(0)
}

/// The description of the type whose path ends in `name`.
pub(super) fn described<'s>(snapshot: &'s Snapshot, name: &str) -> (u32, &'s TypeDesc) {
    let path = format!("::{name}");
    let at = snapshot.types.iter().position(|ty| ty.name.ends_with(&path));
    let at = at.unwrap_or_else(|| panic!("no type {path}"));
    (at as u32, &snapshot.types[at])
}

fn names(fields: &[FieldDesc]) -> Vec<(&str, &str)> {
    fields.iter().map(|field| (field.name.as_str(), field.mode.as_str())).collect()
}

/// Values of each variant of an enum, wherever they stand.
fn census(snapshot: &Snapshot, name: &str) -> Vec<u64> {
    let (ty, desc) = described(snapshot, name);
    let mut counts = vec![0; desc.variants.len()];
    for row in snapshot.census.iter().filter(|row| row.ty == ty) {
        counts[row.variant as usize] += row.count;
    }
    counts
}

/// Fields through which blocks are owned, as `name` or `Variant.name`.
pub(super) fn owning_fields(snapshot: &Snapshot) -> Vec<String> {
    let nodes = &snapshot.nodes;
    let mut fields: Vec<String> = (0..nodes.count())
        .filter(|&node| nodes.edge[node] == EdgeKind::OWN && nodes.parent[node] != read::NO_PARENT)
        .map(|node| {
            let label = &snapshot.labels[nodes.label[node].0 as usize];
            if label.variant.is_empty() {
                label.name.clone()
            } else {
                format!("{}.{}", label.variant, label.name)
            }
        })
        .collect();
    fields.sort();
    fields
}

#[derive(Walk)]
struct Modes {
    walked: Box<u32>,
    #[walk(skip)]
    skipped: Box<u32>,
    #[walk(opaque)]
    opaque: u64,
    #[walk(show)]
    r#type: u8,
    #[walk(with = walk_foreign)]
    with: Foreign,
}
const MODES_LINE: u32 = line!() - 11;

fn walk_foreign<'a>(foreign: &'a Foreign, walker: &mut Walker<'a>) {
    walker.field("inside", &foreign.0);
}

fn modes() -> Modes {
    Modes { walked: Box::new(1), skipped: Box::new(2), opaque: 0, r#type: 42, with: Foreign(Box::new(3)) }
}

#[test]
fn a_struct_is_described_with_its_offsets_modes_and_source() {
    let snapshot = snapshot(&modes());
    let (_, desc) = described(&snapshot, "Modes");
    assert_eq!((desc.kind, desc.size), (TypeKind::STRUCT.0, size_of::<Modes>() as u64));
    assert_eq!(
        names(&desc.fields),
        [("walked", ""), ("skipped", "skip"), ("opaque", "opaque"), ("type", ""), ("with", "with")]
    );
    let offsets: Vec<_> = desc.fields.iter().map(|field| field.offset).collect();
    assert_eq!(
        offsets,
        [
            offset_of!(Modes, walked),
            offset_of!(Modes, skipped),
            offset_of!(Modes, opaque),
            offset_of!(Modes, r#type),
            offset_of!(Modes, with)
        ]
        .map(|offset| Some(offset as u64))
    );
    let source = desc.source.as_ref().expect("a derived type says where it is");
    assert_eq!(source.package, env!("CARGO_PKG_NAME"));
    assert_eq!(source.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((source.file.as_str(), source.line), (file!(), MODES_LINE));
}

#[test]
fn only_walked_fields_and_functions_own_and_only_show_shows() {
    let snapshot = snapshot(&modes());
    assert_eq!(owning_fields(&snapshot), ["inside", "walked"]);
    let shown: Vec<_> = snapshot.values.iter().map(|shown| shown.text.as_str()).collect();
    assert_eq!(shown, ["42"]);
}

#[derive(Walk)]
enum Kinds {
    Unit,
    Tuple(u8, Box<u32>),
    Named {
        #[walk(skip)]
        skipped: Box<u32>,
        r#in: Vec<u64>,
    },
    Never(Box<Kinds>, [u64; 4]),
}

fn kinds() -> Vec<Kinds> {
    let named = || Kinds::Named { skipped: Box::new(0), r#in: vec![1] };
    vec![Kinds::Unit, Kinds::Tuple(1, Box::new(2)), named(), named(), named()]
}

#[test]
fn variants_are_counted_and_their_fields_labelled() {
    let snapshot = snapshot(&kinds());
    assert_eq!(census(&snapshot, "Kinds"), [1, 1, 3, 0]);
    // The first is the list itself: its handle is the root, not a field.
    assert_eq!(owning_fields(&snapshot), ["", "Named.in", "Named.in", "Named.in", "Tuple.1"]);
}

#[test]
fn variants_are_described_and_the_offsets_of_those_met_are_known() {
    let kinds = kinds();
    let snapshot = snapshot(&kinds);
    let (_, desc) = described(&snapshot, "Kinds");
    assert_eq!(desc.kind, TypeKind::ENUM.0);
    let variants: Vec<_> = desc
        .variants
        .iter()
        .map(|variant| (variant.name.as_str(), variant.tuple_size as usize, names(&variant.fields)))
        .collect();
    assert_eq!(
        variants,
        [
            ("Unit", 0, vec![]),
            ("Tuple", size_of::<(u8, Box<u32>)>(), vec![("0", ""), ("1", "")]),
            ("Named", size_of::<(Box<u32>, Vec<u64>)>(), vec![("skipped", "skip"), ("in", "")]),
            ("Never", size_of::<(Box<Kinds>, [u64; 4])>(), vec![("0", ""), ("1", "")]),
        ]
    );
    let Kinds::Tuple(byte, pointer) = &kinds[1] else { panic!("not the tuple") };
    let start = std::ptr::from_ref(&kinds[1]) as u64;
    let expected = [std::ptr::from_ref(byte) as u64 - start, std::ptr::from_ref(pointer) as u64 - start];
    let offsets: Vec<_> = desc.variants[1].fields.iter().map(|field| field.offset).collect();
    assert_eq!(offsets, expected.map(Some));
    assert!(desc.variants[3].fields.iter().all(|field| field.offset.is_none()), "never met");
}

#[derive(Walk, Clone, Copy)]
#[repr(i16)]
enum CLike {
    A,
    B = 7,
    C {},
}

#[test]
fn variants_without_fields_are_counted() {
    let values = vec![CLike::B, CLike::A, CLike::B, CLike::C {}];
    assert_eq!(census(&snapshot(&values), "CLike"), [1, 2, 1]);
}

#[derive(Walk)]
#[repr(C)]
enum Ordered {
    A(u8, u64, u8),
    B { byte: u8 },
}

#[test]
fn an_ordered_enum_is_measured_in_the_order_of_its_fields() {
    let snapshot = snapshot(&vec![Ordered::A(1, 2, 3), Ordered::B { byte: 1 }]);
    let (_, desc) = described(&snapshot, "Ordered");
    let sizes: Vec<_> = desc.variants.iter().map(|variant| variant.tuple_size).collect();
    assert_eq!(sizes, [24, 1]);
    assert_eq!(desc.discriminant, 8);
    assert_eq!(census(&snapshot, "Ordered"), [1, 1]);
}

#[derive(Walk)]
struct List {
    value: u32,
    next: Option<Box<List>>,
}

#[test]
fn a_recursive_type_is_walked_to_its_end() {
    let mut list = None;
    for value in 0..100 {
        list = Some(Box::new(List { value, next: list }));
    }
    let snapshot = snapshot(&list);
    assert_eq!(snapshot.nodes.count(), 101, "the root and a block for each element");
}
