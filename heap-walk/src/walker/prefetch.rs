//! Memory that is asked for before it is visited: most of a walk's time is waiting for it.
//! Nothing but time depends on this file.

use super::Block;
use heap_snapshot::record::Layout;

/// Bytes that are brought near together.
const LINE: usize = 64;

impl Block {
    /// Asks for the first of what will be visited in the block.
    #[inline]
    pub(super) fn prefetch(&self) {
        let elem = self.elem.size.unwrap_or(self.dynamic_size as usize);
        prefetch(self.addr);
        if elem.wrapping_mul(self.len as usize) > LINE {
            self.prefetch_lines(elem);
        }
    }

    /// Those beyond the first line of the processor's caches.
    #[inline(never)]
    fn prefetch_lines(&self, elem: usize) {
        if self.container.layout == Layout::HASH_TABLE {
            // The first entry of a hash table is the one with the highest address, and there are gaps.
            let lines = (elem.wrapping_mul(self.cap as usize) / LINE).min(8);
            for line in 1..=lines {
                prefetch(self.addr.wrapping_sub((line * LINE) as u64));
            }
        } else {
            prefetch_after(self.addr, elem.wrapping_mul(self.len as usize));
        }
    }
}

/// Asks the processor to bring the memory at `addr` nearer. Nothing but time depends on it.
#[inline(always)]
pub(super) fn prefetch(addr: u64) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        // SAFETY: a prefetch reads nothing that the program could see, and of an
        // address that is not mapped it does nothing.
        #[expect(unsafe_code, reason = "the instruction has no safe form")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(addr as usize as *const i8);
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = addr;
}

/// Asks for what the words at `place` lead to, if they are addresses. `place` must be that of a value
/// with so many words, and nothing is learned of what stands there.
#[inline]
pub(super) fn prefetch_through(place: *const usize, words: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    for at in 0..words {
        // SAFETY: the words are part of a value that a reference leads to (see above), so they can be
        // read. They may be uninitialised, or another thread may write them: the instruction does
        // not care, and what it reads goes nowhere but into a prefetch, which of an address that is
        // not mapped does nothing.
        #[expect(unsafe_code, reason = "the language has no way to read what may be no number")]
        unsafe {
            std::arch::asm!(
                "mov {word}, [{place}]",
                "prefetcht0 [{word}]",
                place = in(reg) place.wrapping_add(at),
                word = out(reg) _,
                options(nostack, preserves_flags, readonly)
            );
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (place, words);
}

/// The same of what stands there, of so many bytes: of the first few.
#[inline(always)]
pub(super) fn prefetch_few(addr: u64, bytes: u64) {
    prefetch(addr);
    if bytes > LINE as u64 {
        prefetch(addr.wrapping_add(LINE as u64));
        prefetch(addr.wrapping_add(bytes.min(3 * LINE as u64) - 1));
    }
}

/// The same of what stands after the first line, of so many bytes.
fn prefetch_after(addr: u64, bytes: usize) {
    for line in 1..=(bytes / LINE).min(3) {
        prefetch(addr.wrapping_add((line * LINE) as u64));
    }
}
