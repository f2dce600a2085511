//! Waste, size classes and cliffs against the ledger and the blocks themselves.

mod support;

use heap_analysis::config::Config;
use heap_analysis::{demo, Analysis, Heap, Lens};
use std::sync::Arc;
use support::heap;

/// Kinds add up to the ledger's waterfall, classes to its population.
fn laws(analysis: &Analysis) {
    let found = analysis.fragmentation();
    let ledger = analysis.ledger();
    let water = &ledger.waterfall;
    assert_eq!(found.population, ledger.population);
    assert_eq!(found.kinds, [water.padding, water.dead, water.overhead, water.spare, water.rounding]);
    assert_eq!(found.slack, found.kinds.iter().sum::<u64>());
    assert_eq!(found.types.iter().map(|row| row.slack).sum::<u64>(), found.slack);
    let sum = |part: fn(&heap_analysis::fragmentation::ClassRow) -> u64| {
        found.classes.iter().map(part).sum::<u64>()
    };
    assert_eq!(
        (sum(|row| row.blocks), sum(|row| row.bytes)),
        (ledger.population.blocks, ledger.population.bytes)
    );
    assert_eq!(sum(|row| row.rounding), water.rounding);
    assert!(found.classes.is_sorted_by_key(|row| row.usable));
    for cliff in &found.cliffs {
        assert!(cliff.less > 0 && cliff.requested - cliff.less == cliff.below, "{cliff:?}");
        assert_eq!(cliff.saving, (cliff.usable - cliff.below) * cliff.blocks);
    }
    assert!(found.cliffs.is_sorted_by(|a, b| a.saving >= b.saving));
}

#[test]
fn the_demo_adds_up() {
    let heap = Arc::new(Heap::from_snapshot(demo::snapshot(5000)));
    let analysis = Analysis::new(heap, Arc::new(Config::default()), Lens::default());
    laws(&analysis);
    let found = analysis.fragmentation();
    assert!(found.is_spacing_known && !found.cliffs.is_empty());
    // Boxed calls of 40 bytes lie in blocks of 48: eight less and all are in 32.
    let call = found.cliffs.iter().find(|row| row.type_name.ends_with("Call")).expect("a cliff");
    assert_eq!((call.requested, call.usable, call.below, call.less), (40, 48, 32, 8));
    let count = analysis.types().iter().find(|row| Some(row.id) == call.row).unwrap().count;
    assert_eq!((call.blocks, call.saving), (count, 16 * count));
}

#[test]
fn classes_of_another_spacing_are_those_in_use() {
    // Blocks of 40 and 24 bytes are in no class of jemalloc's.
    let named = heap("root r -> a:40, b:24, c:24");
    laws(&named.analysis);
    let found = named.analysis.fragmentation();
    assert!(!found.is_spacing_known);
    assert_eq!(
        found.classes.iter().map(|row| (row.usable, row.blocks)).collect::<Vec<_>>(),
        [(24, 2), (40, 1)]
    );
    let cliffs: Vec<_> =
        found.cliffs.iter().map(|row| (row.usable, row.below, row.less, row.saving)).collect();
    assert_eq!(cliffs, [(40, 24, 16, 16)]);
}

#[test]
fn over_another_allocator_there_are_no_classes_and_that_is_said() {
    let named = heap("root r -> a:48, b:32, c:32; unaccounted");
    let (found, pages, memory) =
        (named.analysis.fragmentation(), named.analysis.pages(), named.analysis.memory());
    assert!(found.classes.is_empty() && found.cliffs.is_empty() && pages.classes.is_empty());
    assert!(found.problems[0].starts_with("no size classes, slabs and pages"), "{:?}", found.problems);
    assert_eq!(found.problems, pages.problems);
    assert!(memory.problems[0].contains("its levels are not known"), "{:?}", memory.problems);
    assert!(memory.level("allocated").is_none() && memory.level("live blocks").is_some());
}
