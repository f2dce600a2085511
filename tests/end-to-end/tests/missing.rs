//! Types without a `Walk`, as `#[walk(missing = opaque)]` lets them through.

use end_to_end::{analyse, take};
use heap_analysis::missing::{How, MissingRow, Why};
use heap_walk::Walk;
use std::cell::RefCell;
use tracking_alloc::TrackingAlloc;

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

/// Nobody describes it: 24 bytes, and a block that holds another.
#[expect(clippy::redundant_allocation, reason = "two blocks")]
struct Silent(#[allow(dead_code)] Box<Box<u64>>, #[allow(dead_code)] [u64; 2]);

fn silent() -> Silent {
    Silent(Box::new(Box::new(1)), [2, 3])
}

#[derive(Walk)]
#[walk(missing = opaque)]
struct Entry {
    name: String,
    silent: Silent,
}

#[derive(Walk)]
#[walk(missing = opaque)]
struct State {
    entries: Vec<Entry>,
    many: Vec<Silent>,
    locked: RefCell<Option<Box<u8>>>,
    #[walk(opaque)]
    marked: Vec<u32>,
}

fn row<'a>(rows: &'a [MissingRow], path: &str) -> &'a MissingRow {
    rows.iter().find(|row| row.path == path).unwrap_or_else(|| panic!("no row {path}: {rows:#?}"))
}

/// Types without a `Walk` are listed with all that hangs from them.
fn main() {
    let state = State {
        entries: (0..5).map(|_| Entry { name: "a name".into(), silent: silent() }).collect(),
        many: (0..7).map(|_| silent()).collect(),
        locked: RefCell::new(Some(Box::new(1))),
        marked: vec![1; 100],
    };
    assert_eq!(state.entries[0].name.len() + state.many.len(), 13);
    assert!(state.locked.borrow().is_some());
    let analysis = analyse(take(&[("state", &state)]));
    assert!(analysis.ledger().closes);
    let missing = analysis.missing();
    assert!(missing.is_tracked);

    let one = row(&missing.missing, "missing::Silent");
    assert_eq!((one.why, one.size, one.values, one.is_lower_bound), (Why::Missing, 24, 5, false));
    assert_eq!((one.inline_bytes, one.blocks, one.block_bytes), (5 * 24, 10, 10 * 8));
    assert_eq!(one.bytes, 200);
    assert_eq!(one.advice.iter().map(|advice| advice.how).collect::<Vec<_>>(), [How::Derive]);
    assert_eq!(one.fields[0].field, "silent");

    let many = row(&missing.missing, "alloc::vec::Vec<missing::Silent>");
    assert_eq!((many.values, many.inline_bytes, many.blocks), (1, 24, 1 + 14));
    // 168 bytes take 192, and 14 blocks 8 each.
    assert_eq!(many.block_bytes, 192 + 14 * 8);
    assert_eq!(many.advice[0].path, "missing::Silent");
    assert_eq!(missing.missing.len(), 2, "{:#?}", missing.missing);

    let marked = row(&missing.opaque, "alloc::vec::Vec<u32>");
    assert_eq!((marked.why, marked.blocks, marked.block_bytes), (Why::OpaqueField, 1, 448));
    assert_eq!(marked.advice[0].how, How::Walkable);
    println!("1 passed, 0 failed");
}
