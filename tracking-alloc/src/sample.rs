//! Which blocks get a stack, where not all do: a part chosen by bytes.
//!
//! Every byte that is allocated is a sample with the same probability, one in
//! `mean`, whatever was chosen before; a block with a sample in it gets a stack.
//! So a block of `s` bytes has one with probability 1 − e^(−s/mean), and what is
//! known of the chosen blocks stands for all when each is weighed with the
//! inverse. (jemalloc's profiler does the same.)

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};

thread_local! {
    /// Bytes up to the next sample.
    static LEFT: Cell<i64> = const { Cell::new(0) };
    /// State of the random numbers; 0 before the first.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// Whether a sample is among the next `bytes` that are allocated.
#[inline]
pub(crate) fn hits(bytes: usize, mean: u64) -> bool {
    let left = LEFT.get().wrapping_sub(bytes as i64);
    LEFT.set(left);
    left <= 0 && hits_slow(bytes, mean)
}

/// Whether none is. If there may be one, nothing is done: [`hits`] is to be asked.
#[cfg(feature = "jemalloc")]
#[inline]
pub(crate) fn misses(bytes: usize) -> bool {
    let left = LEFT.get().wrapping_sub(bytes as i64);
    if left > 0 {
        LEFT.set(left);
    }
    left > 0
}

#[cold]
fn hits_slow(bytes: usize, mean: u64) -> bool {
    let is_first = SEED.get() == 0;
    LEFT.set(distance(mean));
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
fn distance(mean: u64) -> i64 {
    ((-random().ln() * mean as f64).ceil() as i64).max(1)
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

/// Where samples are noted: says of most other addresses that none is, from two pages of
/// memory, so that a free need not look at the map of stacks. (A counting Bloom filter of one hash.)
/// With a thousand samples one in nine of the others is looked at for nothing.
pub(crate) struct Noted([AtomicU8; Noted::COUNT]);

impl Noted {
    const COUNT: usize = 1 << 13;

    pub(crate) const fn new() -> Noted {
        Noted([const { AtomicU8::new(0) }; Noted::COUNT])
    }

    /// A sample is noted for the block at an address, where none was.
    pub(crate) fn add(&self, addr: usize) {
        self.count(addr, |count| count + 1);
    }

    /// It is not noted any more, if it was.
    pub(crate) fn remove(&self, addr: usize) {
        self.count(addr, |count| count.saturating_sub(1));
    }

    /// A count that was full is full for ever: what was added beyond is not known.
    fn count(&self, addr: usize, next: impl Fn(u8) -> u8) {
        let step = |count| (count < u8::MAX).then(|| next(count));
        let _ = self.place(addr).fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
    }

    /// Whether there may be one: true wherever one is noted. Who frees a block has it from
    /// who allocated it, and sees what that one wrote.
    #[inline]
    pub(crate) fn may_be_at(&self, addr: usize) -> bool {
        self.place(addr).load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    fn place(&self, addr: usize) -> &AtomicU8 {
        const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (addr as u64 >> 3).wrapping_mul(PRIME) >> (64 - Noted::COUNT.trailing_zeros());
        &self.0[mixed as usize % Noted::COUNT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_sample_is_noted_is_known_until_it_goes() {
        let (noted, place) = (Noted::new(), |at: usize| 0x7f00_0000_0000 + at * 8);
        let others = || (0..100_000).filter(|at| noted.may_be_at(0x7e00_0000_0000 + at * 8)).count();
        assert_eq!(others(), 0, "at first there are none");
        (0..1000).for_each(|at| noted.add(place(at)));
        assert!((0..1000).all(|at| noted.may_be_at(place(at))));
        assert!((8_000..16_000).contains(&others()), "one in nine: {}", others());
        (0..1000).step_by(2).for_each(|at| noted.remove(place(at)));
        assert!((1..1000).step_by(2).all(|at| noted.may_be_at(place(at))));
        (1..1000).step_by(2).for_each(|at| noted.remove(place(at)));
        assert_eq!(others(), 0, "all went");
        // More than can be counted.
        (0..300).for_each(|_| noted.add(place(7)));
        (0..299).for_each(|_| noted.remove(place(7)));
        assert!(noted.may_be_at(place(7)));
    }

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
