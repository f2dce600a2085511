//! Interior lookup and enumeration while other threads allocate and free: what lived
//! through all of it is met, once; nothing is that never lived; births and deaths are counted.
//!
//! Its own `main`, so that no harness allocates beside it.

#![allow(unsafe_code, reason = "calls the allocator as collections do")]

mod busy;

use busy::Ends;
use heap_snapshot::record::LiveBlock;
use std::alloc::Layout;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Barrier;
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

const THREADS: usize = 4;

/// Blocks of these tests: of an alignment that few others have, and of sizes that only some numbers are.
const ALIGN: usize = 4;

fn is_ours(block: &LiveBlock) -> bool {
    block.align_log2 == 2
}

fn is_possible(requested: u64) -> bool {
    requested % 7 == 3 && (10..400_010).contains(&requested)
}

fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize % below
}

fn layout(seed: &mut u64) -> Layout {
    let most = if random(seed, 50) == 0 { 400_000 } else { 1500 };
    Layout::from_size_align(random(seed, most / 7) * 7 + 10, ALIGN).expect("a layout")
}

struct Block(*mut u8, Layout);

// SAFETY: a block of its own.
unsafe impl Send for Block {}

impl Block {
    fn new(layout: Layout) -> Block {
        // SAFETY: the size is not 0.
        let ptr = unsafe { std::alloc::alloc(layout) };
        assert!(!ptr.is_null(), "{layout:?}");
        Block(ptr, layout)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}

/// Any address in a block of 1 byte to 10 GiB gives that block.
fn interior_addresses_under_traffic() {
    let sizes = [1, 8, 9, 100, 4096, 14_336, 14_337, 100_000, 3 << 20, 200 << 20, 10 << 30];
    let still = sizes.map(|size| Block::new(Layout::from_size_align(size, 1).expect("a layout")));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        let threads = [1, 2, 3, 4].map(|mut seed| {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut kept: Vec<Block> = Vec::with_capacity(1000);
                while !is_over.load(Ordering::Relaxed) {
                    kept.push(Block::new(layout(&mut seed)));
                    if kept.len() == 1000 {
                        kept.swap_remove(random(&mut seed, 1000));
                        kept.truncate(1000 - random(&mut seed, 2) * 500);
                    }
                }
            })
        });
        let mut seed = 9;
        for _ in 0..30_000 {
            for Block(ptr, layout) in &still {
                let at = random(&mut seed, layout.size()) as u64;
                let found = blocks().lookup(*ptr as u64 + at).map(|block| (block.addr, block.requested));
                assert_eq!(found, Some((*ptr as u64, layout.size() as u64)), "{at} bytes into it");
            }
        }
        drop(ends);
        threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    });
}

fn enumeration_under_traffic() {
    let mut seed = 7;
    let lives: Vec<Block> = (0..20_000).map(|_| Block::new(layout(&mut seed))).collect();
    let still: HashSet<(u64, u64)> =
        lives.iter().map(|Block(ptr, layout)| (*ptr as u64, layout.size() as u64)).collect();
    let [ready, begun] = [(); 2].map(|()| Barrier::new(THREADS + 1));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        let threads: Vec<_> = (0..THREADS as u64)
            .map(|thread| {
                let (ready, begun, is_over) = (&ready, &begun, &is_over);
                scope.spawn(move || {
                    let mut seed = thread + 20;
                    let mut old: Vec<Block> = (0..10_000).map(|_| Block::new(layout(&mut seed))).collect();
                    let mut new: Vec<Block> = Vec::with_capacity(10_000);
                    let (mut born, mut died) = (0, 0);
                    ready.wait();
                    begun.wait();
                    while !is_over.load(Ordering::Relaxed) {
                        new.push(Block::new(layout(&mut seed)));
                        born += 1;
                        if random(&mut seed, 20) == 0 {
                            died += u64::from(old.pop().is_some());
                        }
                        if new.len() == 10_000 {
                            new.truncate(random(&mut seed, 10_000));
                        }
                    }
                    (old, new, born, died)
                })
            })
            .collect();
        let mut kept = Vec::with_capacity(THREADS);
        let mut met: Vec<(u64, u64, u32)> = Vec::with_capacity(400_000);
        ready.wait();
        let (number, _) = blocks().begin();
        begun.wait();
        for round in 0..12 {
            met.clear();
            let mut last = 0;
            blocks().for_each(&mut |block| {
                // One that was freed since may have had the place in which this one was born.
                assert!(block.addr > last, "ascending, and nothing twice");
                last = block.addr;
                if is_ours(&block) {
                    met.push((block.addr, block.requested, block.epoch));
                }
            });
            let count = met.iter().filter(|(addr, size, _)| still.contains(&(*addr, *size))).count();
            assert_eq!(count, still.len(), "round {round}: each that lived through all of it, once");
            for (addr, size, epoch) in &met {
                assert!(is_possible(*size) && *epoch <= number, "{addr:#x} of {size}: it never lived");
            }
        }
        drop(ends);
        kept.extend(threads.into_iter().map(|thread| thread.join().expect("a thread")));
        let traffic = blocks().end();
        let (born, died) =
            kept.iter().fold((0, 0), |(born, died), thread| (born + thread.2, died + thread.3));
        assert_eq!(traffic.born.blocks, born, "births");
        // What the threads' ends free is from before, too.
        assert!((died..died + 100).contains(&traffic.freed.blocks), "{died} deaths: {traffic:?}");
        let left: usize = kept.iter().map(|(old, new, ..)| old.len() + new.len()).sum();
        let mut count = 0;
        blocks().for_each(&mut |block| count += usize::from(is_ours(&block) && is_possible(block.requested)));
        assert_eq!(count, left + still.len());
        println!("12 enumerations among {born} births and {died} deaths of what was there before");
    });
}

fn main() {
    interior_addresses_under_traffic();
    enumeration_under_traffic();
    println!("test traffic ... ok\n1 passed, 0 failed");
}
