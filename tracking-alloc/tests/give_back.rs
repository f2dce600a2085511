//! The table's own memory shrinks when the heap does, and no record goes with it.
//!
//! Its own `main`, which starts itself again in each mode.

#![allow(unsafe_code, reason = "asks jemalloc to give memory back")]

mod busy;

use busy::Ends;
use heap_snapshot::record::LiveBlock;
use std::hint::black_box;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

const MIB: u64 = 1 << 20;

fn judge(what: &str) {
    let mut sum = 0;
    blocks().for_each(&mut |block: LiveBlock| sum += if block.is_tool { 0 } else { block.usable });
    assert_eq!(sum, blocks().figures().live, "{what}: {:?}", blocks().figures());
}

fn table() -> u64 {
    blocks().figures().table
}

/// jemalloc gives back what it has free, this thread's cache included.
fn purge() {
    for name in [c"thread.tcache.flush", c"arena.4096.purge"] {
        // SAFETY: neither reads nor writes anything of ours.
        let failed = unsafe {
            tikv_jemalloc_sys::mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0)
        };
        assert_eq!(failed, 0, "{name:?}");
    }
}

fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize % below
}

/// Blocks of all classes, of `bytes` in all.
fn heap(seed: &mut u64, bytes: usize) -> Vec<Vec<u8>> {
    let (mut made, mut kept) = (0, Vec::new());
    while made < bytes {
        let size = match random(seed, 1000) {
            0 => random(seed, 3 << 20),
            1..20 => random(seed, 60_000),
            _ => random(seed, 700),
        };
        kept.push(black_box(vec![7; size]));
        made += size;
    }
    kept
}

fn block_of(vec: &[u8]) -> Option<LiveBlock> {
    blocks().lookup(vec.as_ptr() as u64)
}

/// All that is known of a vector's block.
fn known(vec: &[u8]) -> (Option<LiveBlock>, u32) {
    (block_of(vec), blocks().stack_of(vec.as_ptr() as u64))
}

/// The heap grows to some hundred MiB and shrinks again, three times.
fn grows_and_shrinks() {
    purge();
    judge("at start");
    let (start, mut seed) = (table(), 1);
    for round in 0..3 {
        let mut kept = heap(&mut seed, 300 << 20);
        let peak = table();
        // 2 bytes of 16, less where blocks are large.
        assert!(peak - start > 10 * MIB, "round {round}: {start} then {peak}");
        let live = blocks().figures().live;
        assert!(peak - start < live / 2 + 16 * MIB, "bounded by the heap: {peak} for {live}");
        judge("grown");
        // Survivors: some side by side, some far from each other.
        let mut at = 0;
        kept.retain(|_| {
            at += 1;
            at < 3000 || at % 10_000 == 0
        });
        let before: Vec<_> = kept.iter().map(|vec| known(vec)).collect();
        purge();
        let shrunk = table();
        for (before, vec) in before.iter().zip(&kept) {
            assert_eq!(
                (before.0.is_some(), *before),
                (vec.capacity() > 0, known(vec)),
                "a survivor's record"
            );
        }
        judge("shrunk");
        assert!(table() < shrunk + MIB / 4, "to look at all of it takes no memory");
        println!(
            "round {round}: table {:.1} MiB at start, {:.1} at {:.0} MiB of heap, {:.1} at {:.1}",
            start as f64 / MIB as f64,
            peak as f64 / MIB as f64,
            live as f64 / MIB as f64,
            shrunk as f64 / MIB as f64,
            blocks().figures().live as f64 / MIB as f64,
        );
        assert!(shrunk - start < (peak - start) / 10, "round {round}: {start}, {peak}, then {shrunk}");
        drop(kept);
        judge("freed");
    }
}

/// Memory goes back all the time, in the middle of other threads' births and deaths.
fn under_traffic() {
    let (is_over, purges) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        let threads = [10, 11, 12, 13].map(|mut seed| {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut kept: Vec<Vec<u8>> = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    for _ in 0..2000 {
                        let size = random(&mut seed, 3000) + 1;
                        kept.push(black_box(vec![1; size]));
                    }
                    for vec in &kept {
                        let block = block_of(vec).expect("a live block has its record");
                        assert_eq!((block.addr, block.requested), (vec.as_ptr() as u64, vec.len() as u64));
                    }
                    // Mostly all of it, so that whole extents go.
                    let left = if random(&mut seed, 4) == 0 { 500 } else { 0 };
                    kept.truncate(left);
                }
            })
        });
        while purges.fetch_add(1, Ordering::Relaxed) < 2000 {
            purge();
        }
        drop(ends);
        // A scope waits for what its threads do, not for their ends.
        threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    });
    purge();
    judge("after traffic");
    assert_eq!(blocks().unknown_frees(), 0);
}

fn main() {
    if std::env::args().nth(1).is_some() {
        grows_and_shrinks();
        return under_traffic();
    }
    for mode in ["sizes", "stacks"] {
        let exe = std::env::current_exe().expect("this test");
        let output = Command::new(exe).arg(mode).env("HEAP_TRACK", mode).output().expect("started again");
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
        print!("{mode}\n{}", String::from_utf8_lossy(&output.stdout));
    }
    println!("test give_back ... ok\n1 passed, 0 failed");
}
