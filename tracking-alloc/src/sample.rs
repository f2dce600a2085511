//! Which blocks get a stack, where not all do: a part chosen by bytes.
//!
//! Every byte that is allocated is a sample with the same probability, one in
//! `mean`, whatever was chosen before; a block with a sample in it gets a stack.
//! So a block of `s` bytes has one with probability 1 − e^(−s/mean), and what is
//! known of the chosen blocks stands for all when each is weighed with the
//! inverse. (jemalloc's profiler does the same.)

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// Bytes counted, beginning so far below 2⁶⁴ as the next sample is away: to count is one addition, which
    /// carries there.
    static COUNTED: Cell<u64> = const { Cell::new(up_to(1)) };
    /// State of the random numbers; 0 before the first.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

const fn up_to(distance: u64) -> u64 {
    distance.wrapping_neg()
}

/// Whether a sample is among the next `bytes` that are allocated.
#[inline]
pub(crate) fn hits(bytes: usize, mean: u64) -> bool {
    !misses(bytes) && hits_slow(bytes, mean)
}

/// Whether none is. If there may be one, nothing is done: [`hits`] is to be asked.
#[inline(always)]
pub(crate) fn misses(bytes: usize) -> bool {
    let (counted, is_there) = COUNTED.get().overflowing_add(bytes as u64);
    COUNTED.set(counted);
    if is_there {
        take_back(bytes);
    }
    !is_there
}

#[cold]
#[inline(never)]
fn take_back(bytes: usize) {
    COUNTED.set(COUNTED.get().wrapping_sub(bytes as u64));
}

#[cold]
fn hits_slow(bytes: usize, mean: u64) -> bool {
    let is_first = SEED.get() == 0;
    COUNTED.set(up_to(distance(mean)));
    // The first distance of a thread was not drawn yet. After a hit the next one
    // is drawn from the end of the block: distances have no memory.
    !is_first || hits(bytes, mean)
}

/// Whether a block with a sample in its `old` bytes has one in the first `new` of them.
pub(crate) fn still_hits(old: usize, new: usize, mean: u64) -> bool {
    let odds = |bytes: usize| -(-(bytes as f64) / mean as f64).exp_m1();
    new >= old || random() * odds(old) < odds(new)
}

/// Bytes up to a sample: exponentially distributed, at least 1.
fn distance(mean: u64) -> u64 {
    ((-random().ln() * mean as f64).ceil() as u64).max(1)
}

/// A number in (0, 1], of SplitMix64.
fn random() -> f64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut seed = SEED.get();
    if seed == 0 {
        // Threads draw from far apart.
        seed = mix(THREADS.fetch_add(1, Ordering::Relaxed).wrapping_mul(STEP)) | 1;
    }
    seed = seed.wrapping_add(STEP);
    SEED.set(seed.max(1));
    ((mix(seed) >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weighed with the inverse of their odds, the chosen blocks add up to all.
    #[test]
    fn what_is_chosen_stands_for_all() {
        let mean = 10_000;
        for size in [16_usize, 1000, 10_000, 50_000] {
            let count = 40_000_000 / size.max(400);
            let chosen = (0..count).filter(|_| hits(size, mean)).count() as f64;
            let odds = 1.0 - (-(size as f64) / mean as f64).exp();
            let expected = count as f64 * odds;
            let deviation = (count as f64 * odds * (1.0 - odds)).sqrt();
            assert!((chosen - expected).abs() <= 5.0 * deviation + 1.0, "{size}: {chosen} for {expected}");
        }
    }

    #[test]
    fn a_shrunk_block_is_as_if_allocated_small() {
        let (mean, old, new) = (1000, 3000, 200);
        let count = 200_000;
        let chosen = (0..count).filter(|_| hits(old, mean) && still_hits(old, new, mean)).count() as f64;
        let odds = 1.0 - (-(new as f64) / mean as f64).exp();
        let deviation = (count as f64 * odds * (1.0 - odds)).sqrt();
        assert!((chosen - count as f64 * odds).abs() < 5.0 * deviation, "{chosen}");
        assert!(still_hits(10, 10, mean) && still_hits(10, 11, mean));
    }
}
