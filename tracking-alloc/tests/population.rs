//! The table's sum is what jemalloc says is live, to the byte, with many
//! threads alive and their caches full; and each block's sizes are right.
//!
//! Its own `main`, so that no harness allocates beside it.

#![allow(unsafe_code, reason = "calls the allocator as collections do")]

use heap_snapshot::live::{Sizes, ToolScope};
use heap_snapshot::record::LiveBlock;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::sync::mpsc;
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

/// Sum of the program's usable bytes by the table; must be the allocator's own figure.
fn judge(what: &str) -> u64 {
    let (mut sum, mut count) = (0, 0u64);
    blocks().for_each(&mut |block: LiveBlock| {
        if !block.is_tool {
            sum += block.usable;
            count += 1;
        }
        // SAFETY: a live block of jemalloc, while nobody frees.
        let usable = unsafe { tikv_jemalloc_sys::malloc_usable_size(block.addr as *mut _) };
        assert_eq!(block.usable, usable as u64, "{what}: {block:?}");
    });
    let figures = blocks().figures();
    assert_eq!(figures.live, sum, "{what}: the table has {count} blocks; jemalloc says {figures:?}");
    sum
}

fn churn(seed: u64) -> Vec<Vec<u8>> {
    let mut random = seed;
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..20_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        kept.push(vec![1u8; (random >> 33) as usize % 3000]);
        if random >> 60 != 0 {
            let at = (random >> 40) as usize % kept.len();
            kept.swap_remove(at);
        }
    }
    kept
}

fn sizes_and_interior_addresses() {
    let kept = churn(1);
    judge("one thread");
    for vec in kept.iter().filter(|vec| vec.capacity() > 0) {
        let block = blocks().lookup(vec.as_ptr() as u64).expect("a live vector's block");
        assert_eq!(block.addr, vec.as_ptr() as u64);
        assert_eq!(block.requested, vec.capacity() as u64);
        for at in [1, vec.capacity() / 2, vec.capacity() - 1] {
            assert_eq!(blocks().lookup(block.addr + at as u64), Some(block));
        }
    }
    // Requested bytes, by our own count.
    let requested = || {
        let mut sum = 0;
        blocks().for_each(&mut |block| sum += block.requested);
        sum
    };
    let (before, ours) = (requested(), kept.iter().map(|vec| vec.capacity() as u64).sum::<u64>());
    let list = (kept.capacity() * size_of::<Vec<u8>>()) as u64;
    drop(kept);
    assert_eq!(before - requested(), ours + list);
}

/// Asking for many sizes at once says what asking one by one says.
fn many_sizes() {
    let kept = churn(5);
    let tool = {
        let _tool = ToolScope::enter();
        churn(6)
    };
    let large = vec![0u8; 5 << 20];
    let tiny: Vec<Vec<u8>> = (1..9).map(Vec::with_capacity).collect();
    let mut addrs = vec![0, 8, u64::MAX, &raw const kept as u64];
    for vec in kept.iter().chain(&tool).chain([&large]).chain(&tiny).filter(|vec| vec.capacity() > 0) {
        let first = vec.as_ptr() as u64;
        addrs.extend([0, 1, vec.capacity() / 2, vec.capacity() - 1].map(|at| first + at as u64));
    }
    let mut sizes = vec![Sizes { requested: 1, usable: 1 }; addrs.len()];
    blocks().sizes(&addrs, &mut sizes);
    for (addr, sizes) in addrs.iter().zip(sizes) {
        let block = blocks().lookup(*addr).filter(|block| !block.is_tool);
        let expected =
            block.map_or(Sizes::NONE, |block| Sizes { requested: block.requested, usable: block.usable });
        assert_eq!(sizes, expected, "{addr:#x}");
    }
}

fn parked_threads() {
    let (ready, all_ready) = mpsc::channel::<Vec<(u64, u64)>>();
    let threads: Vec<_> = (0..8)
        .map(|seed| {
            let (go, gate) = mpsc::channel::<()>();
            let ready = ready.clone();
            let thread = std::thread::spawn(move || {
                let kept = churn(seed + 2);
                // Into this thread's cache, where it must not count.
                drop((0..500).map(|size| vec![0u8; size * 8 + 1]).collect::<Vec<_>>());
                // Each thread's own account: address and requested bytes of all that it keeps.
                let own = {
                    let _tool = ToolScope::enter();
                    let all = kept.iter().filter(|vec| vec.capacity() > 0);
                    all.map(|vec| (vec.as_ptr() as u64, vec.capacity() as u64)).collect()
                };
                ready.send(own).expect("main listens");
                let _ = gate.recv();
                black_box(&kept);
            });
            (thread, go)
        })
        .collect();
    let tool = ToolScope::enter();
    let accounts: Vec<Vec<(u64, u64)>> =
        (0..8).map(|_| all_ready.recv().expect("a thread is ready")).collect();
    // A thread between its `send` and its `recv` still allocates; let all of them park.
    let parked = || {
        let before = blocks().figures().live;
        std::thread::sleep(std::time::Duration::from_millis(20));
        blocks().figures().live == before
    };
    while !parked() {}
    // All that they requested, block by block and in all, by their own counts.
    let mut table = std::collections::BTreeMap::new();
    blocks().for_each(&mut |block| {
        table.insert(block.addr, block.requested);
    });
    let (mut requested, mut counted) = (0, 0);
    for (addr, bytes) in accounts.iter().flatten() {
        requested += table.get(addr).copied().unwrap_or(0);
        counted += bytes;
        assert_eq!(table.get(addr), Some(bytes), "{addr:#x}");
    }
    assert!(requested == counted && counted > 1 << 20, "{requested} {counted}");
    drop((accounts, table, tool));
    judge("eight parked threads with full caches");
    for (thread, go) in threads {
        drop(go);
        thread.join().expect("a thread");
    }
    judge("the threads are gone");
}

fn the_tools_own() {
    let before = judge("before the tool");
    let kept = {
        let _tool = ToolScope::enter();
        let scratch = churn(99);
        assert_eq!(judge("with the tool's own blocks"), before, "the tool is in nobody's totals");
        scratch
    };
    assert_eq!(judge("outside of the scope"), before);
    // The tool's blocks freed by the program do not become the program's.
    drop(kept);
    let fresh = churn(99);
    judge("new blocks where the tool's were");
    let first = fresh.iter().find(|vec| vec.capacity() > 0).expect("a block");
    assert!(!blocks().lookup(first.as_ptr() as u64).expect("live").is_tool);
}

fn odd_sizes_and_alignments() {
    let mut odd = Vec::new();
    for size in [1, 7, 8, 9, 15, 16, 17, 14_335, 14_336, 14_337, 16_384, 262_142, 262_143, 262_144, 5 << 20] {
        for align in [1, 2, 8, 16, 32, 4096, 8192, 1 << 16, 1 << 21] {
            let layout = Layout::from_size_align(size, align).expect("a layout");
            // SAFETY: the size is not 0.
            let ptr = unsafe { std::alloc::alloc_zeroed(layout) };
            assert!(!ptr.is_null());
            let block = blocks().lookup(ptr as u64).expect("just allocated");
            let found = (block.addr, block.requested, 1 << block.align_log2);
            assert_eq!(found, (ptr as u64, size as u64, align), "size {size}, align {align}");
            // SAFETY: a live block of jemalloc.
            let usable = unsafe { tikv_jemalloc_sys::malloc_usable_size(ptr.cast()) };
            assert_eq!(block.usable, usable as u64, "size {size}, align {align}");
            assert_eq!(blocks().lookup(ptr as u64 + block.usable - 1), Some(block));
            odd.push((ptr, layout));
        }
    }
    judge("odd sizes and alignments");
    for (ptr, layout) in odd {
        // SAFETY: allocated above with this layout.
        unsafe { std::alloc::dealloc(ptr, layout) };
        assert_eq!(blocks().lookup(ptr as u64), None);
    }
    judge("odd ones freed");
}

fn births_and_failures() {
    let (epoch, is_exhausted) = blocks().begin();
    assert!(!is_exhausted);
    let mut grown = vec![1u8; 100];
    let traffic = blocks().end();
    assert_eq!((traffic.born.blocks, traffic.born.bytes, traffic.freed.blocks), (1, 112, 0));
    let before = blocks().lookup(grown.as_ptr() as u64).expect("live");
    assert_eq!(before.epoch, epoch);
    blocks().begin();
    blocks().end();
    grown.shrink_to(100);
    grown.reserve_exact(12);
    let after = blocks().lookup(grown.as_ptr() as u64).expect("live");
    assert_eq!((after.addr, after.requested, after.epoch), (before.addr, 112, epoch), "in place");
    grown.reserve_exact(10_000);
    let moved = blocks().lookup(grown.as_ptr() as u64).expect("live");
    assert_eq!((moved.requested, moved.epoch), (grown.capacity() as u64, epoch + 1), "moved");
    judge("after realloc");

    // A request that cannot be met leaves everything as it was.
    // SAFETY: the old block is live and has this layout; the new size is not 0.
    unsafe {
        let layout = Layout::from_size_align(grown.capacity(), 1).expect("a layout");
        let failed = std::alloc::realloc(grown.as_mut_ptr(), layout, 1 << 47);
        assert!(black_box(failed).is_null(), "128 TiB");
    }
    assert_eq!(blocks().lookup(grown.as_ptr() as u64), Some(moved), "put back with its birth");
    // SAFETY: the size is not 0.
    let failed = unsafe { std::alloc::alloc(Layout::from_size_align(1 << 47, 1).expect("a layout")) };
    // Looked at by nobody else, the request would be optimised away.
    assert!(black_box(failed).is_null());
    judge("after failed requests");

    blocks().begin();
    drop(grown);
    let traffic = blocks().end();
    assert_eq!((traffic.freed.blocks, traffic.freed.bytes), (1, moved.usable));

    // A block from before tracking.
    let unknown = blocks().unknown_frees();
    let layout = Layout::from_size_align(200, 8).expect("a layout");
    // SAFETY: allocated and freed by jemalloc, with one layout.
    unsafe {
        let ptr = tikv_jemallocator::Jemalloc.alloc(layout);
        assert_eq!(blocks().lookup(ptr as u64), None);
        ALLOC.dealloc(ptr, layout);
    }
    assert_eq!(blocks().unknown_frees(), unknown + 1);
    judge("after a free of an unknown block");

    // Values without size make no block.
    let nothing = Vec::from([(); 1000]);
    assert_eq!(blocks().lookup(nothing.as_ptr() as u64), None);
    judge("zero-sized values");
}

/// The births of more checkpoints than a slot can tell apart count with those of the last one, and that is told.
fn epochs_run_out() {
    let early = Box::new([1_u64; 9]);
    let mut last = 0;
    for _ in 0..300 {
        let (number, is_exhausted) = blocks().begin();
        blocks().end();
        assert_eq!(is_exhausted, number == last, "{number} after {last}");
        last = number;
    }
    assert_eq!(last, 255);
    let late = Box::new([1_u64; 9]);
    let born = |block: &[u64; 9]| blocks().lookup(block.as_ptr() as u64).expect("live").epoch;
    assert!(born(&early) < 10 && born(&late) == 255);
    judge("after 300 checkpoints");
}

fn a_lost_record_shows() {
    let lost = Box::new([0u64; 100]);
    assert!(tracking_alloc::lose_record(&raw const *lost as usize));
    let mut sum = 0;
    blocks().for_each(&mut |block| sum += if block.is_tool { 0 } else { block.usable });
    assert_eq!(blocks().figures().live - sum, 896);
}

fn main() {
    judge("at start");
    sizes_and_interior_addresses();
    many_sizes();
    parked_threads();
    the_tools_own();
    odd_sizes_and_alignments();
    births_and_failures();
    epochs_run_out();
    a_lost_record_shows();
    println!("test population ... ok\n1 passed, 0 failed");
}
