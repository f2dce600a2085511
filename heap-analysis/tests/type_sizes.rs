//! A snapshot completed by the compiler's account of layouts.

use heap_analysis::config::Config;
use heap_analysis::find::Subject;
use heap_analysis::type_sizes::{Completed, TypeSizes};
use heap_analysis::{demo, Analysis, Heap, Lens};
use heap_snapshot::read::Snapshot;
use heap_snapshot::record::TypeDesc;
use std::sync::Arc;

/// The made-up compiler; the second variant of `Expr` (a handle) was never met,
/// and there are types that nobody describes.
fn snapshot() -> Snapshot {
    let mut snapshot = demo::snapshot(300);
    let expr = snapshot.types.iter_mut().find(|ty| ty.name == "demo::hir::Expr").unwrap();
    expr.variants[1].fields[0].offset = None;
    let unknown =
        |name: &str, size, align| TypeDesc { name: name.into(), size, align, ..TypeDesc::default() };
    snapshot.types.push(unknown("lru::map::Lru<demo::Module>", 48, 8));
    snapshot.types.push(unknown("other::hir::Call", 40, 8));
    snapshot.types.push(unknown("lru::Node", 0, 1));
    snapshot.types.push(unknown("lru::State", 16, 8));
    snapshot
}

const EXPR: &str = "
print-type-size type: `hir::Expr`: 72 bytes, alignment: 8 bytes
print-type-size     discriminant: 8 bytes
print-type-size     variant `Words`: 64 bytes
print-type-size         field `.0`: 64 bytes
print-type-size     variant `Call`: 8 bytes
print-type-size         field `.0`: 8 bytes
print-type-size     variant `Int`: 4 bytes
print-type-size         field `.0`: 4 bytes
";

const FOREIGN: &str = "
print-type-size type: `lru::Lru<Module>`: 48 bytes, alignment: 8 bytes
print-type-size     field `.map`: 32 bytes
print-type-size     field `.limit`: 8 bytes
print-type-size     end padding: 8 bytes
print-type-size type: `lru::Node`: 24 bytes, alignment: 8 bytes
print-type-size     field `.next`: 8 bytes
print-type-size     field `.key`: 16 bytes
print-type-size type: `lru::State`: 16 bytes, alignment: 8 bytes
print-type-size     discriminant: 1 bytes
print-type-size     variant `Full`: 15 bytes
print-type-size         padding: 7 bytes
print-type-size         field `.0`: 8 bytes, alignment: 8 bytes
print-type-size     variant `Empty`: 0 bytes
";

fn complete(text: &str) -> (Heap, Completed) {
    let mut heap = Heap::from_snapshot(snapshot());
    let sizes = TypeSizes::parse(text);
    assert_eq!(sizes.problems, [""; 0]);
    let done = sizes.complete(&mut heap);
    (heap, done)
}

fn analyse(heap: Heap) -> Analysis {
    Analysis::new(Arc::new(heap), Arc::new(Config::default()), Lens::default())
}

#[test]
fn variants_that_were_never_met_get_their_offsets() {
    let (heap, done) = complete(EXPR);
    assert_eq!((done.printed, done.found, done.variants, done.ambiguous, done.differing), (1, 1, 1, 0, 0));
    let analysis = analyse(heap);
    let Ok(Subject::Type(row)) = analysis.find("demo::hir::Expr") else { panic!("no type") };
    let detail = analysis.type_detail(row).unwrap();
    assert!(detail.variants.iter().all(|variant| variant.fields[0].offset == Some(8)));
}

#[test]
fn types_that_nobody_describes_get_fields_and_no_sum_changes() {
    let before = analyse(Heap::from_snapshot(snapshot()));
    let (heap, done) = complete(&format!("{EXPR}{FOREIGN}"));
    assert_eq!((done.found, done.fields, done.sizes, done.ambiguous, done.differing), (4, 3, 1, 0, 0));
    let after = analyse(heap);
    assert_eq!(before.types(), after.types());
    assert_eq!(before.ledger(), after.ledger());
}

#[test]
fn what_could_be_something_else_is_counted_and_not_used() {
    // Of which of two crates, and of which of two modules.
    let call = "
print-type-size type: `hir::Call`: 40 bytes, alignment: 8 bytes
print-type-size     field `.args`: 24 bytes
print-type-size     field `.callee`: 8 bytes
print-type-size     field `.span`: 4 bytes
print-type-size     field `.kind`: 1 bytes
print-type-size     end padding: 3 bytes
";
    let (_, done) = complete(call);
    assert_eq!((done.found, done.ambiguous, done.differing), (0, 2, 0));
    let twice =
        FOREIGN.replace("lru::State", "lru::Lru<Module>").replace(": 16 bytes, align", ": 48 bytes, align");
    let (_, done) = complete(&twice);
    assert_eq!((done.ambiguous, done.fields), (1, 1), "only the node is sure");
}

#[test]
fn another_build_is_noticed() {
    for other in [
        EXPR.replace("72 bytes", "80 bytes"),
        EXPR.replace("`.0`: 8 bytes", "`.0`: 16 bytes"),
        EXPR.replace("`.0`: 64", "`.words`: 64"),
        EXPR.replace("discriminant: 8", "discriminant: 4"),
    ] {
        let (_, done) = complete(&other);
        assert_eq!((done.found, done.differing), (0, 1), "{other}");
    }
}

#[test]
fn nothing_in_the_output_is_trusted() {
    let huge = u64::MAX;
    let text = format!(
        "print-type-size padding: 1 bytes\n\
         print-type-size type: `lru::State`: 16 bytes, alignment: 8 bytes\n\
         print-type-size     field `.a`: {huge} bytes\n\
         print-type-size     padding: {huge} bytes\n\
         print-type-size     field `.b`: {huge} bytes\n\
         print-type-size     field `.c: 3 bytes\n\
         print-type-size type: `x: 16 bytes\n"
    );
    let sizes = TypeSizes::parse(&text);
    assert_eq!(sizes.problems.len(), 5);
    let mut heap = Heap::from_snapshot(snapshot());
    sizes.complete(&mut heap);
    analyse(heap);
}
