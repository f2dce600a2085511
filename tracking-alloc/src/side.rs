//! A second shadow map beside the table: a number for each block, in modes that
//! know more of a block than its slot has room for.
//!
//! It exists only where something is written. As in the table, a number sits at
//! a fixed function of its block's address and belongs to whoever owns the
//! block. The second of two 8-byte blocks that share a granule has its number in
//! an array of its own, which takes memory only where there are such blocks.

#![expect(unsafe_code, reason = "says of its memory that all-zero is a value")]

use crate::memory::{AllZero, Mapped};
use crate::slot::{GRANULE, TINY};
use crate::sync::{AtomicU32, Ordering, CHUNKS, CHUNK_LOG2};
use crate::table::{by_chunk, CHUNK, SLOTS};

/// The numbers of 64 MiB.
#[repr(C)]
struct Chunk {
    first: [AtomicU32; SLOTS],
    second: [AtomicU32; SLOTS],
}

// SAFETY: atomic integers, of which zero is a value; aligned to 4 bytes.
unsafe impl AllZero for Chunk {}

struct Directory([Mapped<Chunk>; CHUNKS]);

// SAFETY: null pointers are all-zero; aligned to 8 bytes.
unsafe impl AllZero for Directory {}

pub(crate) struct Side(Mapped<Directory>);

impl Side {
    pub(crate) const fn new() -> Side {
        Side(Mapped::new())
    }

    /// The number of the block that begins at `addr`; 0 where none was set.
    #[inline]
    pub(crate) fn get(&self, addr: usize) -> u32 {
        self.place(addr).map_or(0, |number| number.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn place(&self, addr: usize) -> Option<&AtomicU32> {
        let chunk = self.0.get()?.0.get(addr >> CHUNK_LOG2)?.get()?;
        let numbers = if addr & TINY == 0 { &chunk.first } else { &chunk.second };
        Some(&numbers[(addr & (CHUNK - 1)) / GRANULE])
    }

    /// Sets the number of the block that begins at `addr`. False where there is no memory for it.
    #[inline]
    pub(crate) fn set(&self, addr: usize, number: u32) -> bool {
        match self.place(addr) {
            Some(place) => {
                place.store(number, Ordering::Relaxed);
                true
            }
            None => number == 0 || self.set_first(addr, number),
        }
    }

    /// Forgets the number of a block. Writes nothing where there is none, so that
    /// a map with few numbers stays small.
    #[inline]
    pub(crate) fn clear(&self, addr: usize) {
        if let Some(place) = self.place(addr) {
            if place.load(Ordering::Relaxed) != 0 {
                place.store(0, Ordering::Relaxed);
            }
        }
    }

    #[cold]
    fn set_first(&self, addr: usize, number: u32) -> bool {
        let chunk = self.0.get_or_map().and_then(|directory| directory.0.get(addr >> CHUNK_LOG2));
        chunk.and_then(Mapped::get_or_map).is_some() && self.set(addr, number)
    }

    /// As [`crate::table::Table::give_back`].
    pub(crate) fn give_back(&self, addr: usize, len: usize) {
        let Some(directory) = self.0.get() else { return };
        for (index, numbers) in by_chunk(addr, len) {
            if let Some(chunk) = directory.0.get(index) {
                for first in [0, SLOTS] {
                    let byte = |number: usize| (first + number) * size_of::<AtomicU32>();
                    chunk.discard(byte(numbers.start)..byte(numbers.end));
                }
            }
        }
    }

    /// Address and length of each mapping that it is made of.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let chunks = self.0.get().map_or(&[][..], |directory| &directory.0);
        self.0.range().into_iter().chain(chunks.iter().filter_map(Mapped::range))
    }

    /// Bytes of physical memory that it takes.
    pub(crate) fn resident(&self) -> u64 {
        let chunks = self.0.get().map_or(&[][..], |directory| &directory.0);
        self.0.resident() + chunks.iter().map(Mapped::resident).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_share_a_granule_have_their_own_numbers() {
        let side = Side::new();
        let base = 7 << CHUNK_LOG2;
        assert_eq!((side.get(base), side.resident()), (0, 0));
        side.clear(base);
        assert!(side.set(base, 0), "nothing to note");
        assert_eq!(side.resident(), 0);
        for (at, addr) in [base, base + 8, base + 16, base + CHUNK - 16, base + CHUNK].into_iter().enumerate()
        {
            assert!(side.set(addr, at as u32 + 1));
        }
        assert_eq!([0, 8, 16, 24, CHUNK - 16, CHUNK].map(|at| side.get(base + at)), [1, 2, 3, 0, 4, 5]);
        side.clear(base);
        assert_eq!((side.get(base), side.get(base + 8)), (0, 2));
        assert!(!side.set(1 << 50, 1), "more than 48 bits");
        assert!(side.resident() > 0);
    }
}
