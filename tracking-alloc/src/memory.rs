//! Memory of our own, from the operating system: in nobody's totals, zero-filled
//! where it was never written. Addresses are never given back, pages where their owner says so.

#![expect(unsafe_code, reason = "maps memory, and hands out references into it")]

use crate::sync::{self, AtomicPtr, Ordering};
use std::ops::Range;
use std::ptr;

pub(crate) const PAGE: usize = 4096;

/// Whether there is a kernel to ask. An interpreter (Miri) has memory, and knows nothing of its pages.
const IS_REAL: bool = !cfg!(miri);

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
        // a valid `T`, and `discard` again) and never unmapped.
        unsafe { value.as_ref() }
    }

    /// The value; `None` where the operating system gives no memory.
    #[inline]
    pub(crate) fn get_or_map(&self) -> Option<&T> {
        self.get().or_else(|| self.map())
    }

    #[cold]
    fn map(&self) -> Option<&T> {
        self.get_or_put(&mut Fresh::new(1)?)
    }

    /// The value, which is the next one of `fresh` if there was none. `None` where none is left.
    #[cold]
    pub(crate) fn get_or_put(&self, fresh: &mut Fresh<T>) -> Option<&T> {
        if self.get().is_none() && fresh.count > 0 {
            let value = fresh.next;
            sync::made(value);
            match self.0.compare_exchange(ptr::null_mut(), value, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => fresh.skip(),
                // SAFETY: another thread was first; nobody has seen this one.
                Err(_) => unsafe { ptr::drop_in_place(value) },
            }
        }
        self.get()
    }

    /// Gives the memory of some bytes of the value back, as far as they are whole pages: they
    /// are zero from now on, and take no memory until they are written.
    pub(crate) fn discard(&self, bytes: Range<usize>) {
        let base = self.0.load(Ordering::Acquire).cast::<u8>();
        let from = bytes.start.next_multiple_of(PAGE);
        let to = bytes.end.min(size_of::<T>()) / PAGE * PAGE;
        if !base.is_null() && from < to {
            let (base, len) = (base.wrapping_add(from), to - from);
            // Where it can't be (locked memory), it stays as it is: nothing is lost.
            // SAFETY: whole pages of a mapping of ours, of which all-zero is a value, in places
            // that are read and written through atomics.
            unsafe {
                match IS_REAL {
                    true => _ = libc::madvise(base.cast(), len, libc::MADV_DONTNEED),
                    false => base.write_bytes(0, len),
                }
            }
        }
    }

    /// Address and length of the mapping, if there is one.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        let base = self.0.load(Ordering::Acquire) as usize as u64;
        (base != 0).then_some((base, size_of::<T>() as u64))
    }

    /// Bytes of physical memory behind it, as the kernel counts them. Some system calls per 16
    /// MiB. Before Linux 6.7 pages that were read and never written count too.
    pub(crate) fn resident(&self) -> u64 {
        let base = self.0.load(Ordering::Acquire).addr();
        if base == 0 || !IS_REAL {
            return if base == 0 { 0 } else { size_of::<T>() as u64 };
        }
        let to = base + size_of::<T>().next_multiple_of(PAGE);
        PageMap::open().resident(base, to).unwrap_or_else(|| present(base, to))
    }
}

/// Not of those of the process, which are static.
impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        let value = self.0.load(Ordering::Acquire);
        if !value.is_null() {
            // SAFETY: `get_or_put`'s; nobody refers to it any more, since those borrow from us.
            unsafe { ptr::drop_in_place(value) };
            drop(Fresh { next: value, count: 1 });
        }
    }
}

/// Memory for some `T`s, one behind the other, that nobody has: addresses, without pages.
pub(crate) struct Fresh<T> {
    next: *mut T,
    count: usize,
}

impl<T> Fresh<T> {
    /// Bytes from one to the next.
    const STEP: usize = size_of::<T>().next_multiple_of(PAGE);

    /// `None` where the operating system gives no memory.
    pub(crate) fn new(count: usize) -> Option<Fresh<T>> {
        let len = count.checked_mul(Self::STEP)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | if IS_REAL { libc::MAP_NORESERVE } else { 0 };
        // SAFETY: asks for new memory at an address of the system's choice.
        let next =
            unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if next == libc::MAP_FAILED {
            return None;
        }
        // Of no use in a core dump; and so the kernel does not join it with neighbours
        // that are not ours, and counts it apart. Where it cannot, nothing is lost.
        if IS_REAL {
            // SAFETY: a mapping that was just made, of this size.
            unsafe { libc::madvise(next, len, libc::MADV_DONTDUMP) };
        }
        Some(Fresh { next: next.cast(), count })
    }

    pub(crate) const fn none() -> Fresh<T> {
        Fresh { next: ptr::null_mut(), count: 0 }
    }

    /// The next one is somebody's from now on.
    fn skip(&mut self) {
        self.next = self.next.wrapping_byte_add(Self::STEP);
        self.count -= 1;
    }
}

impl<T> Drop for Fresh<T> {
    fn drop(&mut self) {
        if self.count > 0 {
            // SAFETY: part of a mapping of ours, which nobody has.
            unsafe { libc::munmap(self.next.cast(), self.count * Self::STEP) };
        }
    }
}

/// Where two fresh `T`s wait for who needs them.
pub(crate) struct Spare<T>(AtomicPtr<T>);

impl<T> Spare<T> {
    pub(crate) const COUNT: usize = 2;

    pub(crate) const fn new() -> Spare<T> {
        Spare(AtomicPtr::new(ptr::null_mut()))
    }

    /// They are the caller's; new ones where none wait here.
    pub(crate) fn take(&self) -> Option<Fresh<T>> {
        let next = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        match next.is_null() {
            true => Fresh::new(Self::COUNT),
            false => Some(Fresh { next, count: Self::COUNT }),
        }
    }

    /// Those that are not two, or are too many, go back to the operating system.
    pub(crate) fn put(&self, fresh: Fresh<T>) {
        let put = |next| self.0.compare_exchange(ptr::null_mut(), next, Ordering::AcqRel, Ordering::Relaxed);
        if fresh.count == Self::COUNT && put(fresh.next).is_ok() {
            std::mem::forget(fresh);
        }
    }
}

/// Bytes of the pages that are there, the kernel's one page of zeros included.
fn present(from: usize, to: usize) -> u64 {
    const PIECE: usize = 4096;
    let mut bytes = 0;
    for first in (from..to).step_by(PIECE * PAGE) {
        let len = (PIECE * PAGE).min(to - first);
        let mut present = [0u8; PIECE];
        // SAFETY: asks about a range, of which it reads nothing; `present` has a byte for each page.
        let failed =
            unsafe { libc::mincore(ptr::without_provenance_mut(first), len, present.as_mut_ptr().cast()) };
        if failed == 0 {
            bytes += present[..len / PAGE].iter().filter(|page| **page & 1 == 1).count() as u64 * PAGE as u64;
        }
    }
    bytes
}

/// What the kernel knows of this process's pages.
pub(crate) struct PageMap(libc::c_int);

impl PageMap {
    /// Pages that are asked for together.
    pub(crate) const PAGES: usize = 512;

    pub(crate) fn open() -> PageMap {
        if !IS_REAL {
            return PageMap(-1);
        }
        // SAFETY: a string that ends with nul.
        PageMap(unsafe { libc::open(c"/proc/self/pagemap".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) })
    }

    /// Whether each page from `addr` on may have something in it, also where it was swapped
    /// out. One that was never written and never read has not; where the kernel tells nothing, each may have.
    pub(crate) fn are_filled(&self, addr: usize) -> [bool; PageMap::PAGES] {
        let mut entries = [u64::MAX; PageMap::PAGES];
        let at = addr / PAGE * size_of::<u64>();
        if self.0 >= 0 {
            // SAFETY: `entries` has room for so many bytes; a file of ours.
            unsafe {
                libc::pread(self.0, entries.as_mut_ptr().cast(), size_of_val(&entries), at as libc::off_t)
            };
        }
        entries.map(|entry| entry >> 62 != 0)
    }
}

/// The argument of the kernel's `PAGEMAP_SCAN`, and what it says of a range (linux/fs.h).
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Scan {
    size: u64,
    flags: u64,
    from: u64,
    to: u64,
    walked_to: u64,
    found: u64,
    room: u64,
    most_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    wanted: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Found {
    from: u64,
    to: u64,
    kinds: u64,
}

impl PageMap {
    /// Bytes of the pages in a range that take memory; `None` where the kernel does not tell.
    fn resident(&self, from: usize, to: usize) -> Option<u64> {
        const PRESENT: u64 = 1 << 3;
        const ZERO: u64 = 1 << 5;
        // `_IOWR('f', 16, struct pm_scan_arg)`.
        const SCAN: u64 = 3 << 30 | (size_of::<Scan>() as u64) << 16 | (b'f' as u64) << 8 | 16;
        let (mut from, to, mut bytes) = (from as u64, to as u64, 0);
        while from < to {
            let mut found = [Found::default(); 64];
            let mut scan = Scan {
                size: size_of::<Scan>() as u64,
                from,
                to,
                found: found.as_mut_ptr().expose_provenance() as u64,
                room: found.len() as u64,
                inverted: ZERO,
                all_of: PRESENT | ZERO,
                wanted: PRESENT,
                ..Scan::default()
            };
            // SAFETY: the kernel reads and writes `scan`, and writes at most `room` entries of `found`.
            let count = unsafe { libc::ioctl(self.0, SCAN as _, &raw mut scan) };
            let found = found.get(..usize::try_from(count).ok()?)?;
            bytes += found.iter().map(|found| found.to - found.from).sum::<u64>();
            from = Some(scan.walked_to).filter(|&walked_to| walked_to > from)?;
        }
        Some(bytes)
    }
}

impl Drop for PageMap {
    fn drop(&mut self) {
        if self.0 >= 0 {
            // SAFETY: opened by us, and closed once.
            unsafe { libc::close(self.0) };
        }
    }
}

/// Asks the processor to bring what stands at an address nearer. Nothing but time depends on it.
#[inline(always)]
pub(crate) fn prefetch<T>(addr: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        // SAFETY: a prefetch reads nothing that the program could see, and of an
        // address that is not mapped it does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(addr.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = addr;
}
