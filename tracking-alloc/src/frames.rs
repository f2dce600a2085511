//! The frames of the calling thread: by frame pointers, or by the unwinder.

#![expect(unsafe_code, reason = "reads the thread's own stack and registers")]

use crate::contexts::Frame;
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

/// Where the calling thread's stack lies, by the kernel: the C library allocates while it
/// finds that out, under a lock, and may be at it now.
#[cfg(feature = "interpose")]
#[cold]
pub(crate) fn bounds() -> Option<Bounds> {
    let here = 0u8;
    let here = (&raw const here).addr();
    let (low, high) = crate::maps::mapping(here)?;
    // SAFETY: asks for the calling thread's number, which with glibc is the address of what it knows
    // of it. But for the first thread's that lies above the stack, in the same mapping.
    let own = unsafe { libc::pthread_self() } as usize;
    Some(Bounds { low, high: if (here..high).contains(&own) { own & !15 } else { high } })
}

/// Where the calling thread's stack lies, by the C library: some microseconds.
/// `None` where it does not say.
#[cfg(not(feature = "interpose"))]
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

/// What a function's frame begins with: the frame of its caller, and the address
/// to which it returns.
///
/// # Safety
///
/// `place` is aligned to a word, and the two words there are part of this thread's
/// stack, between a local of a function that runs and the stack's end.
#[inline(always)]
unsafe fn read(place: usize) -> (usize, u64) {
    // SAFETY: mapped for as long as the function runs, by our caller's promise. The
    // stack's words are plain bytes to whoever reads them: what is there is only
    // compared and kept as a number.
    unsafe {
        let words = ptr::with_exposed_provenance::<usize>(place);
        (words.read_volatile(), words.add(1).read_volatile() as u64)
    }
}

/// The bits of a return address. On aarch64 the others may sign it.
const ADDRESS: u64 = (1 << 48) - 1;

/// Return addresses begin here; what is less ends a stack.
const LEAST: u64 = 4096;

/// Calls `visit` with the place of each frame and its return address, from the frame
/// at `pointer` outwards, until it says no. Reads only between here and the end of
/// this thread's stack, whatever the pointer is. Returns the place at which it
/// stopped, be there a frame or not; `None` where this is not that stack.
#[inline(always)]
pub(crate) fn by_pointers(
    mut pointer: usize,
    bounds: Bounds,
    mut visit: impl FnMut(usize, u64) -> bool,
) -> Option<usize> {
    let here = 0u8;
    let mut low = (&raw const here).addr();
    if low < bounds.low || low >= bounds.high {
        return None;
    }
    while is_frame(pointer, low, bounds) {
        // SAFETY: just seen to be such a place.
        let (caller, address) = unsafe { read(pointer) };
        let address = address & ADDRESS;
        if address < LEAST || !visit(pointer, address) {
            break;
        }
        low = pointer + 16;
        pointer = caller;
    }
    Some(pointer)
}

#[inline(always)]
fn is_frame(place: usize, low: usize, bounds: Bounds) -> bool {
    place >= low && place % align_of::<usize>() == 0 && place <= bounds.high - 16
}

/// How many of the outermost of some frames, that a walk of this thread met once, are in its stack still
/// as they were, if the innermost of these is: each is read, but none waits for the one
/// before. `place` is that of the last one. Those inside of `pointer` are none.
#[inline(always)]
pub(crate) fn unchanged(frames: &[Frame], place: usize, pointer: usize, bounds: Bounds) -> usize {
    let here = 0u8;
    // What lies further inside are locals of ours.
    let low = (&raw const here).addr().max(pointer);
    let place_of = |at: usize| frames.get(at + 1).map_or(place, |inner| inner.caller.get());
    let Some(first) = frames.first().filter(|_| place_of(0) >= low) else { return 0 };
    let end = first.caller.get();
    // SAFETY: just seen to be such a place.
    if is_frame(end, place_of(0) + 16, bounds) && unsafe { read(end) }.1 & ADDRESS >= LEAST {
        return 0; // it ended there
    }
    let mut count = 0;
    while let Some(part) = frames.get(count..count + TOGETHER + 1) {
        let Ok(part) = <&[Frame; TOGETHER + 1]>::try_from(part) else { break };
        // Places lie the lower the further inside.
        // SAFETY: places that a walk of this stack found to be ones, just seen to be above a local of this function.
        if part[TOGETHER].caller.get() < low || !unsafe { are_unchanged(part) } {
            break;
        }
        count += TOGETHER;
    }
    while let Some(frame) = frames.get(count) {
        let place = place_of(count);
        if place < low {
            break;
        }
        // SAFETY: as above.
        let (caller, address) = unsafe { read(place) };
        if caller != frame.caller.get() || address & ADDRESS != frame.address.get() {
            break;
        }
        count += 1;
    }
    count
}

/// Frames that are compared together.
const TOGETHER: usize = 4;

/// Whether frames are what they were, but for the last one of these, which has the place of the one before.
///
/// # Safety
///
/// As of [`read`], for each of their places.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn are_unchanged(part: &[Frame; TOGETHER + 1]) -> bool {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cmpeq_epi32, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128,
        _mm_set_epi64x, _mm_setzero_si128, _mm_xor_si128,
    };
    // SAFETY: every processor of this architecture has these; both words of a frame at once, which lie in
    // `Frame` as in the stack, by our caller's promise.
    unsafe {
        let mut difference = _mm_setzero_si128();
        for at in 0..TOGETHER {
            let place = ptr::with_exposed_provenance::<__m128i>(part[at + 1].caller.get());
            let known = ptr::from_ref(&part[at]).cast::<__m128i>();
            let one = _mm_xor_si128(_mm_loadu_si128(place), _mm_loadu_si128(known));
            difference = _mm_or_si128(difference, one);
        }
        let difference = _mm_and_si128(difference, _mm_set_epi64x(ADDRESS as i64, -1));
        _mm_movemask_epi8(_mm_cmpeq_epi32(difference, _mm_setzero_si128())) == 0xffff
    }
}

/// The same.
///
/// # Safety
///
/// The same.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
unsafe fn are_unchanged(part: &[Frame; TOGETHER + 1]) -> bool {
    (0..TOGETHER).all(|at| {
        // SAFETY: our caller's promise.
        let (caller, address) = unsafe { read(part[at + 1].caller.get()) };
        caller == part[at].caller.get() && address & ADDRESS == part[at].address.get()
    })
}

/// The unwinder that std links into every program, by the interface of the Itanium C++ ABI.
#[cfg(feature = "unwind")]
mod unwinder {
    use std::ffi::{c_int, c_void};

    /// `_URC_NO_REASON`: go on.
    pub(super) const ON: c_int = 0;
    /// `_URC_END_OF_STACK`, or any other: no further.
    pub(super) const END: c_int = 5;

    /// Where the unwinder is; only it knows what is in there.
    pub(super) enum Context {}

    pub(super) type Visit = extern "C" fn(*mut Context, *mut c_void) -> c_int;

    unsafe extern "C" {
        #[link_name = "_Unwind_Backtrace"]
        pub(super) fn backtrace(visit: Visit, argument: *mut c_void) -> c_int;
        #[link_name = "_Unwind_GetIP"]
        pub(super) fn instruction(context: *mut Context) -> usize;
        #[link_name = "_Unwind_GetCFA"]
        pub(super) fn frame(context: *mut Context) -> usize;
    }
}

/// Calls `visit` with each return address outside of the frame that `inside` is a
/// local of, until it says no. Some hundred nanoseconds a frame. `visit` does not panic.
#[cfg(feature = "unwind")]
pub(crate) fn by_unwinder<F: FnMut(u64) -> bool>(inside: usize, visit: F) {
    use std::ffi::{c_int, c_void};

    struct Walk<F> {
        inside: usize,
        visit: F,
    }

    extern "C" fn frame<F: FnMut(u64) -> bool>(context: *mut unwinder::Context, walk: *mut c_void) -> c_int {
        // SAFETY: `backtrace` hands on what it was given: a walk that nobody else
        // uses while it runs, and a context of its own, which is only asked.
        let (walk, address, frame) = unsafe {
            (&mut *walk.cast::<Walk<F>>(), unwinder::instruction(context), unwinder::frame(context))
        };
        // While the unwinder is in a frame this is where its callee's began.
        let is_outside = frame > walk.inside;
        let address = address as u64 & ((1 << 48) - 1);
        match !is_outside || address < 4096 || (walk.visit)(address) {
            true => unwinder::ON,
            false => unwinder::END,
        }
    }

    let mut walk = Walk { inside, visit };
    // SAFETY: the function takes what is passed with it, which outlives the call,
    // and neither it nor `visit` unwinds. Any number of threads may do this at a time.
    unsafe { unwinder::backtrace(frame::<F>, (&raw mut walk).cast()) };
}

#[cfg(not(feature = "unwind"))]
pub(crate) fn by_unwinder(_inside: usize, _visit: impl FnMut(u64) -> bool) {}
