//! The stacks of blocks with a sample in them, where few blocks have one: a hash table from
//! addresses to stacks. Of a shadow map each of them would take a page to itself.
//!
//! A bucket is a line of the processor's caches and has room for some blocks. Where all in it are
//! taken, a larger table behind the first one has another bucket, and so on. An entry belongs to
//! whoever owns its block, as a slot of the table does: who allocates puts it in, who frees takes it
//! out. Nothing is moved and nothing is locked, so a process that is forked at any moment goes on
//! with a whole table. Its memory stays: 16 bytes for each sample there was room for when there were most.

#![expect(unsafe_code, reason = "says of its memory that all-zero is a value")]

use crate::memory::{AllZero, Mapped};
use crate::sync::{AtomicU32, AtomicU64, Ordering, SAMPLES_A_BUCKET, SAMPLE_BUCKETS};

#[repr(C, align(64))]
struct Bucket {
    /// 0 where there is none.
    addrs: [AtomicU64; SAMPLES_A_BUCKET],
    stacks: [AtomicU32; SAMPLES_A_BUCKET],
}

impl Bucket {
    fn entries(&self) -> impl Iterator<Item = (&AtomicU64, &AtomicU32)> {
        self.addrs.iter().zip(&self.stacks)
    }
}

struct Buckets<const COUNT: usize>([Bucket; COUNT]);

// SAFETY: atomic integers, of which zero is a value; aligned to 64 bytes.
unsafe impl<const COUNT: usize> AllZero for Buckets<COUNT> {}

trait Level {
    /// The bucket of an address, if the table is there.
    fn bucket(&self, addr: usize) -> Option<&Bucket>;
    /// The same; makes the table if need be. `None` where the operating system gives no memory.
    fn make_bucket(&self, addr: usize) -> Option<&Bucket>;
    fn range(&self) -> Option<(u64, u64)>;
    fn resident(&self) -> u64;
}

impl<const COUNT: usize> Level for Mapped<Buckets<COUNT>> {
    fn bucket(&self, addr: usize) -> Option<&Bucket> {
        Some(&self.get()?.0[hash(addr) % COUNT])
    }

    fn make_bucket(&self, addr: usize) -> Option<&Bucket> {
        self.get_or_map()?;
        self.bucket(addr)
    }

    fn range(&self) -> Option<(u64, u64)> {
        Mapped::range(self)
    }

    fn resident(&self) -> u64 {
        Mapped::resident(self)
    }
}

fn hash(addr: usize) -> usize {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    ((addr as u64 >> 3).wrapping_mul(PRIME) >> 32) as usize
}

pub(crate) struct Samples(
    Mapped<Buckets<{ SAMPLE_BUCKETS[0] }>>,
    Mapped<Buckets<{ SAMPLE_BUCKETS[1] }>>,
    Mapped<Buckets<{ SAMPLE_BUCKETS[2] }>>,
    Mapped<Buckets<{ SAMPLE_BUCKETS[3] }>>,
    Mapped<Buckets<{ SAMPLE_BUCKETS[4] }>>,
);

impl Samples {
    pub(crate) const fn new() -> Samples {
        Samples(Mapped::new(), Mapped::new(), Mapped::new(), Mapped::new(), Mapped::new())
    }

    fn levels(&self) -> [&dyn Level; SAMPLE_BUCKETS.len()] {
        [&self.0, &self.1, &self.2, &self.3, &self.4]
    }

    /// The entry of a block. Who looks for it has the block from who put it in, or has met its record.
    fn entry(&self, addr: usize) -> Option<(&AtomicU64, &AtomicU32)> {
        let mut levels = self.levels().into_iter().map_while(|level| level.bucket(addr));
        levels.find_map(|bucket| {
            bucket.entries().find(|(place, _)| place.load(Ordering::Relaxed) == addr as u64)
        })
    }

    /// The stack of the block at `addr`; 0 where none was set.
    pub(crate) fn get(&self, addr: usize) -> u32 {
        self.entry(addr).map_or(0, |(_, stack)| stack.load(Ordering::Relaxed))
    }

    /// Sets the stack of the block at `addr`. False where there is no memory for it.
    pub(crate) fn set(&self, addr: usize, stack: u32) -> bool {
        let entry = self.entry(addr).or_else(|| {
            let mut levels = self.levels().into_iter().map_while(|level| level.make_bucket(addr));
            levels.find_map(|bucket| bucket.entries().find(|(place, _)| take(place, addr)))
        });
        if let Some((_, set)) = entry {
            set.store(stack, Ordering::Relaxed);
        }
        entry.is_some()
    }

    /// Forgets the stack of the block at `addr`, if it has one.
    pub(crate) fn clear(&self, addr: usize) {
        if let Some((place, stack)) = self.entry(addr) {
            stack.store(0, Ordering::Relaxed);
            // Release: what who takes the place next writes comes after.
            place.store(0, Ordering::Release);
        }
    }

    /// Address and length of each mapping that it is made of.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.levels().into_iter().filter_map(Level::range)
    }

    /// Bytes of physical memory that it takes.
    pub(crate) fn resident(&self) -> u64 {
        self.levels().into_iter().map(Level::resident).sum()
    }
}

/// Whether a place was free, and is the address's from now on.
fn take(place: &AtomicU64, addr: usize) -> bool {
    place.load(Ordering::Relaxed) == 0
        && place.compare_exchange(0, addr as u64, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threads put in and take out as many as go beyond the first tables; each finds its own and no other.
    #[test]
    fn each_block_has_its_own() {
        static SAMPLES: Samples = Samples::new();
        // Under Miri no more than there is room for on any address's way.
        let count = if cfg!(miri) { 5 } else { 20_000 };
        let addr = |thread: usize, at: usize| (at * 4 + thread + 1) * 8;
        let stack = |addr: usize| addr as u32 * 3;
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..3 {
                        for at in 0..count {
                            assert_eq!(SAMPLES.get(addr(thread, at)), 0);
                            assert!(SAMPLES.set(addr(thread, at), stack(addr(thread, at))));
                        }
                        for at in (0..count).filter(|at| at % 3 == round) {
                            SAMPLES.clear(addr(thread, at));
                        }
                        for at in 0..count {
                            let expected = if at % 3 == round { 0 } else { stack(addr(thread, at)) };
                            assert_eq!(SAMPLES.get(addr(thread, at)), expected);
                        }
                        (0..count).for_each(|at| SAMPLES.clear(addr(thread, at)));
                    }
                });
            }
        });
        assert!(SAMPLES.ranges().count() > 1 && SAMPLES.resident() > 0);
        assert!((0..4).all(|thread| (0..count).all(|at| SAMPLES.get(addr(thread, at)) == 0)));
    }

    #[test]
    fn another_stack_takes_the_place_of_the_first() {
        let samples = Samples::new();
        samples.clear(64);
        assert_eq!((samples.get(64), samples.resident()), (0, 0));
        assert!(samples.set(64, 5) && samples.set(72, 6) && samples.set(64, 7));
        assert_eq!([samples.get(64), samples.get(72), samples.get(80)], [7, 6, 0]);
        samples.clear(64);
        assert_eq!([samples.get(64), samples.get(72)], [0, 6]);
    }
}
