//! What it takes to find the block of an address inside it, while another thread
//! allocates and frees.

use crate::clock;
use crate::protocol::tell;
use crate::random::Random;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

/// Names of the measurements, and what each is of.
pub const CASES: &[(&str, &str)] = &[
    ("lookup_near", "1,000 blocks of 1 to 1,024 bytes"),
    ("lookup_small", "250,000 blocks of 1 to 1,024 bytes"),
    ("lookup_pages", "2,000 blocks of 16 KiB to 4 MiB"),
    ("lookup_huge", "one block of 10 GiB"),
];

/// Addresses that are looked up.
const COUNT: usize = 1_000_000;

/// Runs all and tells nanoseconds per lookup of each.
pub fn run() {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::new(7);
            let mut kept: Vec<Vec<u8>> = (0..10_000).map(|_| Vec::new()).collect();
            while !is_over.load(Ordering::Relaxed) {
                let at = random.below(kept.len());
                kept[at] = black_box(Vec::with_capacity(random.below(3000)));
            }
        });
        let mut random = Random::new(3);
        let near = blocks(1_000, || 1 + random.below(1024));
        tell(CASES[0].0, lookups(&near));
        let mut random = Random::new(4);
        let small = blocks(250_000, || 1 + random.below(1024));
        tell(CASES[1].0, lookups(&small));
        let mut random = Random::new(5);
        let pages = blocks(2_000, || (16 << 10) + random.below(4 << 20));
        tell(CASES[2].0, lookups(&pages));
        let huge = blocks(1, || 10 << 30);
        tell(CASES[3].0, lookups(&huge));
        is_over.store(true, Ordering::Relaxed);
    });
}

/// Blocks that nobody writes to.
fn blocks(count: usize, mut size: impl FnMut() -> usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| Vec::with_capacity(size())).collect()
}

/// Nanoseconds of the thread's CPU time for a lookup of any address in any of these blocks.
fn lookups(blocks: &[Vec<u8>]) -> f64 {
    let mut random = Random::new(11);
    let mut any = || {
        let block = &blocks[random.below(blocks.len())];
        (block.as_ptr() as u64 + random.below(block.capacity()) as u64, block.as_ptr() as u64)
    };
    let addrs: Vec<(u64, u64)> = (0..COUNT).map(|_| any()).collect();
    let table = tracking_alloc::blocks();
    let begun = clock::thread_ns();
    let wrong =
        addrs.iter().filter(|(addr, first)| table.lookup(*addr).is_none_or(|block| block.addr != *first));
    let wrong = wrong.count();
    let ns = (clock::thread_ns() - begun) as f64 / COUNT as f64;
    assert_eq!(wrong, 0, "each is in its block");
    ns
}
