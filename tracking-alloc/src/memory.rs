//! Memory of our own, from the operating system: in nobody's totals, zero-filled
//! where it was never written, never given back.

#![expect(unsafe_code, reason = "maps memory, and hands out references into it")]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

pub(crate) const PAGE: usize = 4096;

/// Types of which all-zero bytes are a value, that are changed through atomics
/// only, and that need no alignment beyond a page's.
///
/// # Safety
///
/// All of the above holds.
pub(crate) unsafe trait AllZero: Sync {}

/// A `T` that is mapped when it is first needed. Pages of it that were never
/// written take no memory.
pub(crate) struct Mapped<T>(AtomicPtr<T>);

impl<T: AllZero> Mapped<T> {
    pub(crate) const fn new() -> Mapped<T> {
        Mapped(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value, if it was mapped. One load.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        let value = self.0.load(Ordering::Acquire);
        // SAFETY: null, or a mapping of `T`'s size that `get_or_map` published with
        // release order, zero-filled by the operating system (which `AllZero` makes
        // a valid `T`) and never unmapped.
        unsafe { value.as_ref() }
    }

    /// The value; `None` where the operating system gives no memory.
    #[inline]
    pub(crate) fn get_or_map(&self) -> Option<&T> {
        self.get().or_else(|| self.map())
    }

    #[cold]
    fn map(&self) -> Option<&T> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: asks for new memory at an address of the system's choice.
        let fresh = unsafe {
            libc::mmap(ptr::null_mut(), size_of::<T>(), libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if fresh == libc::MAP_FAILED {
            return None;
        }
        // Of no use in a core dump; and so the kernel does not join it with neighbours
        // that are not ours, and counts it apart. Where it cannot, nothing is lost.
        // SAFETY: a mapping that was just made, of this size.
        unsafe { libc::madvise(fresh, size_of::<T>(), libc::MADV_DONTDUMP) };
        let won = self.0.compare_exchange(ptr::null_mut(), fresh.cast(), Ordering::AcqRel, Ordering::Acquire);
        if won.is_err() {
            // SAFETY: another thread was first; nobody has seen `fresh`.
            unsafe { libc::munmap(fresh, size_of::<T>()) };
        }
        self.get()
    }

    /// Address and length of the mapping, if there is one.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        let base = self.0.load(Ordering::Acquire) as usize as u64;
        (base != 0).then_some((base, size_of::<T>() as u64))
    }

    /// Bytes of physical memory behind it, as the kernel counts them. A system call per 16 MiB.
    pub(crate) fn resident(&self) -> u64 {
        const PIECE: usize = 4096;
        let base = self.0.load(Ordering::Acquire).cast::<u8>();
        if base.is_null() {
            return 0;
        }
        let pages = size_of::<T>().div_ceil(PAGE);
        let mut bytes = 0;
        for first in (0..pages).step_by(PIECE) {
            let count = PIECE.min(pages - first);
            let mut resident = [0u8; PIECE];
            let from = base.wrapping_add(first * PAGE).cast();
            // SAFETY: the range is part of a mapping of ours, and `resident` has a byte for each of its pages.
            let done = unsafe { libc::mincore(from, count * PAGE, resident.as_mut_ptr().cast()) };
            if done == 0 {
                bytes += resident[..count].iter().filter(|page| **page & 1 == 1).count() as u64 * PAGE as u64;
            }
        }
        bytes
    }
}
