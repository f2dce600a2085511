//! A program over another allocator than jemalloc: what its snapshots know, and that they say what they don't.

use end_to_end::{analysis, done};
use heap_analysis::ledger::Class;
use heap_snapshot::live::ToolScope;
use heap_walk::Walk;
use std::alloc::System;
use std::collections::HashMap;
use std::hint::black_box;
use tracking_alloc::TrackingAlloc;

#[global_allocator]
static ALLOC: TrackingAlloc<System> = TrackingAlloc::over(System);

#[derive(Walk)]
struct Store {
    names: Vec<String>,
    rows: HashMap<u64, Box<[u64; 70]>>,
}

fn store() -> Store {
    let names: Vec<String> = (0..500).map(|at| format!("name {at}")).collect();
    Store { names, rows: (0..300).map(|at| (at, Box::new([at; 70]))).collect() }
}

/// Bytes that a store's blocks asked for.
fn requested(store: &Store) -> u64 {
    let names: usize = store.names.iter().map(String::capacity).sum();
    (store.names.capacity() * size_of::<String>() + names + store.rows.len() * size_of::<[u64; 70]>()) as u64
}

fn main() {
    println!("running over_system");
    let before = analysis(&[]);
    let of_others = before.ledger().population.blocks;
    done(before);
    let (store, lost) = (store(), black_box(vec![1_u8; 5000]));
    let analysis = analysis(&[("store", &store)]);
    let ledger = analysis.ledger();
    let class = |class: Class| ledger.classes.iter().find(|row| row.class == class).expect("all are there");
    // The names' buffer, the names, the map, its rows.
    assert_eq!(class(Class::ClaimedOnce).blocks, 1 + 500 + 1 + 300);
    assert_eq!(class(Class::Unclaimed).blocks, of_others + 1);
    assert!(ledger.unclaimed.iter().any(|row| row.most.0 == lost.len() as u64), "{:#?}", ledger.unclaimed);
    let listed: u64 = ledger.classes.iter().map(|row| row.bytes).sum();
    assert_eq!(listed, ledger.population.bytes);
    assert_eq!(ledger.waterfall.total, ledger.population.bytes, "blocks divide into their sizes");
    assert_eq!(ledger.mismatched.blocks, 0, "{:#?}", ledger.mismatches);
    let root = analysis.roots().first().expect("the store");
    // With the map's own buffer, and rounded up to 16 bytes.
    assert!(root.sizes.alone > requested(&store), "{root:?}");

    // What only jemalloc tells is not there, and each answer says so.
    assert!(!ledger.closes && ledger.allocator_live.is_none());
    let says = |text: &str| ledger.verdict.iter().any(|sentence| sentence.contains(text));
    assert!(says("keeps no account of its own"), "{:?}", ledger.verdict);
    let (pages, waste, memory) = (analysis.pages(), analysis.fragmentation(), analysis.memory());
    assert!(pages.classes.is_empty() && pages.types.is_empty());
    assert!(waste.classes.is_empty() && waste.cliffs.is_empty() && waste.slack > 0);
    for problems in [&pages.problems, &waste.problems] {
        assert!(
            problems.iter().any(|one| one.starts_with("no size classes, slabs and pages")),
            "{problems:?}"
        );
    }
    assert!(memory.problems.iter().any(|one| one.contains("its levels are not known")), "{memory:#?}");
    for (level, is_known) in [
        ("resident set", true),
        ("active", false),
        ("allocated", false),
        ("live blocks", true),
        ("payload", true),
    ] {
        assert_eq!(memory.level(level).is_some(), is_known, "{level}");
    }
    let _tool = ToolScope::enter();
    drop((pages, waste, memory));
    drop(analysis);
    black_box((&store.names[0], &store.rows, &lost));
    println!("1 passed, 0 failed");
}
