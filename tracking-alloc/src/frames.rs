//! The frames of the calling thread: by frame pointers, or by the unwinder.

#![expect(unsafe_code, reason = "reads the thread's own stack and registers")]

use std::ptr;

/// The frame pointer of the function that this is inlined into: its own where it
/// was compiled with one, else whatever its callers left in the register.
#[inline(always)]
pub(crate) fn pointer() -> usize {
    let pointer: usize;
    // SAFETY: copies a register.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("mov {}, x29", out(reg) pointer, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        pointer = 0;
    }
    pointer
}

/// The addresses of a thread's stack.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: usize,
    pub(crate) high: usize,
}

/// Where the calling thread's stack lies, by the C library: some microseconds.
/// `None` where it does not say.
#[cold]
pub(crate) fn bounds() -> Option<Bounds> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the attributes are filled by `pthread_getattr_np` before they are
    // read, and destroyed once.
    unsafe {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut low, mut size) = (ptr::null_mut(), 0);
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (failed == 0 && size > 0).then_some(Bounds { low: low as usize, high: low as usize + size })
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

/// Calls `visit` with each return address from the frame at `pointer` outwards,
/// until it says no. Reads only between here and the end of this thread's stack,
/// whatever the pointer is. Returns false where this is not that stack.
#[inline(always)]
pub(crate) fn by_pointers(mut pointer: usize, bounds: Bounds, mut visit: impl FnMut(u64) -> bool) -> bool {
    let here = 0u8;
    let mut low = (&raw const here).addr();
    if low < bounds.low || low >= bounds.high {
        return false;
    }
    while pointer >= low && pointer % align_of::<usize>() == 0 && pointer <= bounds.high - 16 {
        // SAFETY: two aligned words between a local of this function and the end of
        // this thread's stack, which are mapped for as long as this function runs.
        // The stack's words are plain bytes to whoever reads them: what is there
        // is only compared and kept as a number.
        let (next, address) = unsafe {
            let words = ptr::with_exposed_provenance::<usize>(pointer);
            (words.read_volatile(), words.add(1).read_volatile())
        };
        // On aarch64 the upper bits may sign the address.
        let address = address as u64 & ((1 << 48) - 1);
        if address < 4096 || !visit(address) {
            break;
        }
        low = pointer + 16;
        pointer = next;
    }
    true
}

/// Calls `visit` with each return address outside of the frame that `inside` is a
/// local of, until it says no. Some hundred nanoseconds a frame.
#[cfg(feature = "unwind")]
pub(crate) fn by_unwinder(inside: usize, mut visit: impl FnMut(u64) -> bool) {
    // SAFETY: what must be synchronized are symbols, which are not asked for; the
    // unwinder itself may be used by any number of threads.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            // While the unwinder is in a frame this is where its callee's began.
            let is_outside = frame.sp().addr() > inside;
            let address = frame.ip().addr() as u64 & ((1 << 48) - 1);
            !is_outside || address < 4096 || visit(address)
        });
    }
}

#[cfg(not(feature = "unwind"))]
pub(crate) fn by_unwinder(_inside: usize, _visit: impl FnMut(u64) -> bool) {}
