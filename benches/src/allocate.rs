//! What an allocation and its free cost under this process's global allocator.

use crate::clock;
use crate::protocol::tell;
use crate::random::Random;
use std::hint::black_box;
use std::sync::mpsc;

/// Names of the measurements, in the order of the table, and what each is.
pub const CASES: &[(&str, &str)] = &[
    ("pairs", "32 bytes, freed at once"),
    ("mixed", "8..1024 bytes, 250,000 live, touched, random order"),
    ("growth", "Vec<u64> to 1,024 elements, per step"),
    ("threads", "two threads free each other's blocks"),
];

/// Runs all cases and tells nanoseconds per allocation and free of each.
pub fn run() {
    let cases: [fn() -> f64; 4] = [pairs, mixed, growth, threads];
    for ((name, _), case) in CASES.iter().zip(cases) {
        tell(name, case());
    }
}

fn pairs() -> f64 {
    let count = 10_000_000;
    let once = |count: u64| {
        for at in 0..count {
            drop(black_box(Box::new([at; 4])));
        }
    };
    once(count / 10);
    per(count, clock::thread_ns, || once(count))
}

fn mixed() -> f64 {
    let live = 250_000;
    let count = 3_000_000;
    let mut random = Random::new(1);
    let block = |random: &mut Random| {
        // Most are small: eight sizes per power of two, each power half as likely.
        let log2 = 3 + (random.below(128) | 1).trailing_ones() as usize % 7;
        let size = (1 << log2) + random.below(1 << log2);
        // Programs touch what they allocate; jemalloc alone would not when it frees.
        let mut block = Vec::with_capacity(size);
        block.push(size as u8);
        black_box(block)
    };
    let mut blocks: Vec<Vec<u8>> = (0..live).map(|_| block(&mut random)).collect();
    let mut churn = |count: u64| {
        for _ in 0..count {
            let at = random.below(live);
            black_box(blocks[at].first().copied());
            blocks[at] = block(&mut random);
        }
    };
    churn(count / 3);
    per(count, clock::thread_ns, || churn(count))
}

fn growth() -> f64 {
    // From 4 elements, the least there is, by doubling: one allocation, eight reallocations, one free.
    const STEPS: u64 = 9;
    let count = 100_000;
    let once = |count: u64| {
        for _ in 0..count {
            let mut grown: Vec<u64> = Vec::new();
            for _ in 0..STEPS {
                let more = grown.capacity().max(4);
                grown.reserve_exact(more);
                // Full, as far as the allocator's copying goes, without the cost of filling it.
                grown.resize(grown.capacity(), 0);
                black_box(&mut grown);
            }
        }
    };
    once(count / 10);
    per(count * STEPS, clock::thread_ns, || once(count))
}

fn threads() -> f64 {
    const BATCH: usize = 500;
    let batches = 4_000;
    per(2 * batches * BATCH as u64, clock::process_ns, || {
        let (to_left, at_left) = mpsc::sync_channel::<Vec<Vec<u8>>>(8);
        let (to_right, at_right) = mpsc::sync_channel(8);
        let side = |seed, send: mpsc::SyncSender<Vec<Vec<u8>>>, receive: mpsc::Receiver<Vec<Vec<u8>>>| {
            move || {
                let mut random = Random::new(seed);
                for _ in 0..batches {
                    let batch =
                        (0..BATCH).map(|_| Vec::with_capacity(16 + random.below(112))).collect::<Vec<_>>();
                    if send.send(black_box(batch)).is_err() {
                        return; // the other side panicked, and the scope will say so
                    }
                    drop(receive.try_recv());
                }
                drop(send);
                receive.into_iter().for_each(drop);
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(side(2, to_right, at_left));
            scope.spawn(side(3, to_left, at_right));
        });
    })
}

fn per(count: u64, clock: fn() -> u64, work: impl FnOnce()) -> f64 {
    let begun = clock();
    work();
    (clock() - begun) as f64 / count as f64
}
