//! What jemalloc says of slabs and pages is whole: classes add up to what is
//! allocated and to what is active, the table's blocks fit into them, and each
//! block's address tells where its slab begins.
//!
//! Its own `main`, so that no harness allocates beside it.

use heap_snapshot::live::ToolScope;
use heap_snapshot::record::SizeClass;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

fn judge(what: &str) {
    let _tool = ToolScope::enter();
    let mut live: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    blocks().for_each(&mut |block| {
        if !block.is_tool {
            live.entry(block.usable).or_default().push(block.addr);
        }
    });
    // Both at one moment: what is allocated for the second one is not in either.
    let figures = blocks().figures();
    let classes: BTreeMap<u64, SizeClass> =
        blocks().size_classes().into_iter().map(|class| (class.size, class)).collect();

    let slab_bytes = |class: &SizeClass| match class.slab_size {
        0 => class.size + figures.large_pad,
        size => size,
    };
    let sum = |of: &dyn Fn(&SizeClass) -> u64| classes.values().map(of).sum::<u64>();
    let active = sum(&|class| (class.slabs + class.tool_slabs) * slab_bytes(class));
    assert_eq!(active, figures.active, "{what}: slabs and blocks of whole pages are all that is active");
    let allocated = sum(&|class| (class.blocks + class.tool_blocks) * class.size);
    assert_eq!(allocated, figures.allocated, "{what}: classes are all that is allocated");
    assert_eq!(sum(&|class| class.tool_blocks * class.size), figures.tool, "{what}: the tool's");

    let mut waiting = 0;
    for (size, addrs) in &live {
        let class = classes.get(size).unwrap_or_else(|| panic!("{what}: {size} is a class in use"));
        waiting += (class.blocks - addrs.len() as u64) * size;
        if class.slab_size == 0 {
            assert_eq!(class.slabs, class.blocks);
            continue;
        }
        assert_eq!(class.slab_size, class.slab_blocks * size, "slabs have no rest");
        let mut slabs: BTreeMap<u64, u64> = BTreeMap::new();
        for &addr in addrs {
            let starts: Vec<u64> = (0..class.slab_size / figures.page)
                .map(|page| addr / figures.page * figures.page - page * figures.page)
                .filter(|start| (addr - start) % size == 0 && addr - start < class.slab_size)
                .collect();
            assert_eq!(starts.len(), 1, "{what}: {size} at {addr:#x}: one place for its slab to begin");
            *slabs.entry(starts[0]).or_default() += 1;
        }
        assert!(slabs.len() as u64 <= class.slabs, "{what}: {size}: {} of {class:?}", slabs.len());
        let mut end = 0;
        for (start, count) in slabs {
            assert!(start >= end, "{what}: {size}: slabs do not overlap");
            assert!(count <= class.slab_blocks, "{what}: {size}");
            end = start + class.slab_size;
        }
    }
    for class in classes.values().filter(|class| !live.contains_key(&class.size)) {
        waiting += class.blocks * class.size;
    }
    assert_eq!(waiting, figures.cached + figures.cache_blocks, "{what}: the rest waits in caches");
}

fn bookkeeping() {
    let _tool = ToolScope::enter();
    let mut ranges = BTreeSet::new();
    blocks().table_memory(&mut |addr, len| assert!(ranges.insert((addr, len)) && addr > 0 && len > 0));
    let total: u64 = ranges.iter().map(|(_, len)| len).sum();
    assert!(total >= blocks().figures().table && total > 0);
    let mut arenas = BTreeSet::new();
    blocks().bookkeeping(&mut |addr| assert!(arenas.insert(addr) && addr > 0));
    assert!(arenas.len() >= 2, "the program's and the tool's: {arenas:x?}");
}

fn main() {
    println!("running pages");
    judge("at the beginning");
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for at in 0..60_000_usize {
        kept.push(vec![1; at * 7919 % 20_000 / (1 + at % 9) + 1]);
    }
    kept.push(vec![1; 5 << 20]);
    judge("many");
    // Holes of all sizes.
    let mut at = 0;
    kept.retain(|_| {
        at += 1;
        at % 7 == 3
    });
    judge("few");
    // The thread waits without allocating.
    let (is_ready, may_end) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (ready, end) = (Arc::clone(&is_ready), Arc::clone(&may_end));
    let thread = std::thread::spawn(move || {
        let kept: Vec<Box<[u8]>> = (0..1000).map(|size| vec![0u8; size].into_boxed_slice()).collect();
        drop((0..500).map(|size| vec![0u8; size * 8 + 1]).collect::<Vec<_>>());
        ready.store(true, Ordering::Release);
        while !end.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        black_box(&kept);
    });
    while !is_ready.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    judge("with another thread's cache");
    may_end.store(true, Ordering::Release);
    thread.join().expect("no panic");
    judge("after that thread");
    bookkeeping();
    black_box(&kept);
    println!("1 passed, 0 failed");
}
