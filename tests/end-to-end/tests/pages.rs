//! From the resident set down to payload, and from blocks to slabs, in a process
//! whose holes are known.

use end_to_end::{analysis, done, take};
use heap_analysis::memory::Source;
use heap_analysis::pages::slab_of;
use heap_analysis::Analysis;
use heap_snapshot::live::ToolScope;
use heap_walk::Walk;
use std::collections::BTreeMap;
use std::hint::black_box;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// A class that nothing else in this process uses.
#[derive(Walk)]
struct Rare {
    bytes: [u64; 70],
}

#[derive(Walk)]
struct Other {
    words: [u64; 66],
}

const CLASS: u64 = 640;
const MIB: u64 = 1 << 20;

/// Every level is the one above it less what is taken off, to the byte from *active* down.
fn check_levels(analysis: &Analysis) {
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
    let memory = analysis.memory();
    assert_eq!(memory.problems, [""; 0], "{memory:#?}");
    let names: Vec<&str> = memory.levels.iter().map(|level| level.name).collect();
    assert_eq!(
        names,
        [
            "resident set",
            "allocator's mappings in memory",
            "resident",
            "active",
            "allocated",
            "live blocks",
            "population",
            "requested",
            "payload"
        ]
    );
    for pair in memory.levels.windows(2) {
        let less: u64 = pair[0].less.iter().map(|less| less.bytes).sum();
        let expected = pair[0].bytes as i64 - less as i64 - pair[1].bytes as i64;
        assert_eq!(pair[0].difference, expected, "{}", pair[0].name);
    }
    let level = |name| memory.level(name).expect("named above");
    assert_eq!(level("resident set").difference, 0, "the kernel's parts are the whole");
    let table = level("resident set").less.iter().find(|less| less.name == "block table");
    assert!(table.is_some_and(|table| table.bytes > 64 << 10), "the table's own memory is told: {memory:#?}");
    let below: Vec<_> = memory.levels.iter().skip_while(|level| level.name != "active").collect();
    assert!(below.iter().all(|level| level.difference == 0), "{below:#?}");
    assert_eq!(level("payload").source, Source::Walk);
    // Of jemalloc's bookkeeping only the last page of each piece is not told.
    assert!((0..MIB as i64).contains(&level("resident").difference), "{memory:#?}");
    let (mapped, retained) = (memory.mapped.expect("told"), memory.retained.expect("told"));
    assert!(mapped >= level("active").bytes && retained < 1 << 40);
}

fn check_pages(analysis: &Analysis) {
    let pages = analysis.pages();
    assert_eq!(pages.problems, [""; 0]);
    assert!(!pages.is_estimate);
    let heap = analysis.heap();
    let figures = analysis.summary().allocator.expect("tracked");
    assert_eq!(pages.cached, Some(figures.cached + figures.cache_blocks));
    assert_eq!(pages.live, figures.live);
    assert_eq!(pages.gaps, pages.bytes - pages.live);
    let mut pinned = 0;
    for class in &pages.classes {
        let cached = class.cached.expect("told");
        assert_eq!(class.slabs * class.slab_blocks, class.blocks + cached + class.free, "{class:?}");
        let pad = if class.slab_size == 0 { class.slabs * figures.large_pad } else { 0 };
        assert_eq!(class.gaps, (cached + class.free) * class.size + pad, "{class:?}");
        assert_eq!(class.fill.iter().sum::<u64>(), class.live_slabs);
        assert!(class.half_empty <= class.live_slabs && class.live_slabs <= class.slabs.max(class.blocks));
        assert_eq!(class.requested + class.rounding, class.usable);
        assert!(class.slab_size == 0 || class.usable == class.blocks * class.size, "{class:?}");
        pinned += class.pinned;
    }
    assert_eq!(pages.types.iter().map(|row| row.pinned).sum::<u64>(), pinned);
    assert!(heap.node_count() > 0);
}

fn addresses(values: &[Box<Rare>]) -> Vec<u64> {
    let _tool = ToolScope::enter();
    values.iter().map(|value| &raw const **value as u64).collect()
}

/// One block is left in each slab: what remains pins all the rest.
fn half_empty() {
    let before = analysis(&[]);
    let others_of = before.pages().classes.iter().find(|class| class.size == CLASS).cloned();
    let (blocks, requested) = others_of.map_or((0, 0), |class| (class.blocks, class.requested));
    done(before);
    let mut rare: Vec<Box<Rare>> = (0..4096).map(|n| Box::new(Rare { bytes: [n; 70] })).collect();
    let others: Vec<Box<Other>> = (0..8).map(|n| Box::new(Other { words: [n; 66] })).collect();
    // Of whole pages, and of no size class.
    let odd = vec![1_u8; 540_688];
    let full = analysis(&[("rare", &rare), ("others", &others), ("odd", &odd)]);
    check_levels(&full);
    check_pages(&full);
    let class = full.pages().classes.iter().find(|class| class.size == CLASS).cloned().expect("in use");
    assert_eq!((class.blocks, class.requested), (blocks + 4096 + 8, requested + 4096 * 560 + 8 * 528));
    assert_eq!((class.slab_size, class.slab_blocks), (20_480, 32));
    assert!(class.half_empty <= 2 && class.could_save <= 4 * 20_480, "{class:?}");
    let large = full.pages().classes.iter().find(|class| class.size == 655_360).cloned().expect("in use");
    assert_eq!((large.blocks, large.usable, large.requested), (1, 544_768, 540_688));
    done(full);

    let mut kept: BTreeMap<u64, u64> = BTreeMap::new();
    {
        let addrs = addresses(&rare);
        let _tool = ToolScope::enter();
        for addr in addrs {
            kept.entry(slab_of(addr, CLASS, 4096).expect("a slab").0).or_insert(addr);
        }
    }
    rare.retain(|value| {
        let addr = &raw const **value as u64;
        kept.get(&slab_of(addr, CLASS, 4096).expect("a slab").0) == Some(&addr)
    });
    let sparse = analysis(&[("rare", &rare), ("others", &others), ("odd", &odd)]);
    check_levels(&sparse);
    check_pages(&sparse);
    let pages = sparse.pages();
    let class = pages.classes.iter().find(|class| class.size == CLASS).expect("in use");
    assert_eq!(class.blocks, blocks + rare.len() as u64 + 8);
    // 128 slabs, give or take those that were begun before.
    assert!(rare.len() >= 128 && class.half_empty + 1 >= rare.len() as u64, "{class:?}");
    assert!(class.pinned >= (rare.len() as u64 - 1) * 20_480 * 3 / 4, "{class:?}");
    assert!(class.could_save > 100 * 20_480, "{class:?}");
    // A block of 640 bytes reaches into two of five pages at most.
    assert!(class.empty_pages >= (rare.len() as u64 - 1) * 3 * 4096, "{class:?}");
    let first = pages.types.first().expect("a type pins");
    assert!(first.type_name.contains("Rare"), "{:?}", pages.types);
    assert!(first.blocks <= rare.len() as u64 && first.slabs + 1 >= rare.len() as u64);
    assert!(first.alone + 2 >= first.slabs && first.alone_bytes == first.alone * 20_480);
    done(pages);
    done(sparse);
    black_box((&rare[0].bytes, &others[0].words));
    done(kept);
}

/// What is somebody else's memory is in its part of the resident set.
fn parts() {
    let before = take(&[]).process_memory.expect("Linux");
    let heap = vec![1_u8; 24 << 20];
    let file = std::env::temp_dir().join(format!("heap-inspector-{}-pages", std::process::id()));
    std::fs::write(&file, vec![1_u8; 8 << 20]).expect("written");
    let thread = std::thread::spawn(|| {
        let deep = [1_u8; 1 << 20];
        let (deep, memory) = (black_box(&deep), take(&[]).process_memory);
        (deep[7], memory.expect("Linux"))
    });
    let (_, in_thread) = thread.join().expect("no panic");
    let after = take(&[]).process_memory.expect("Linux");
    assert!(after.allocator >= before.allocator + (24 << 20), "{before:?} {after:?}");
    assert!(in_thread.stacks >= before.stacks + (1 << 20), "{before:?} {in_thread:?}");
    assert!(after.files > MIB && after.stacks > 0, "{after:?}");
    std::fs::remove_file(&file).expect("was written");
    black_box(heap);
}

fn main() {
    println!("running pages");
    half_empty();
    parts();
    println!("2 passed, 0 failed");
}
