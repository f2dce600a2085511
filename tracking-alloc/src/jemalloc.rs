//! What jemalloc says of itself.

#![expect(unsafe_code, reason = "calls jemalloc's C interface")]

pub(crate) use crate::extents::watch;
use crate::slot::likely;
use heap_snapshot::record::{AllocatorFigures, SizeClass};
use std::alloc::Layout;
use std::ffi::{c_char, c_int, CStr};
use std::io::Write;
use std::ptr;
use std::sync::atomic::{AtomicU16, Ordering};
use tikv_jemalloc_sys as ffi;

/// jemalloc's largest natural alignment on 64-bit systems: no flag is needed up to it.
const NATURAL_ALIGN: usize = 16;

/// Whether a request needs no flags, by the rule of `tikv_jemallocator::Jemalloc`.
#[inline(always)]
pub(crate) fn is_natural(size: usize, align: usize) -> bool {
    likely(align <= size) && likely(align <= NATURAL_ALIGN)
}

/// Flags for a request.
fn flags(size: usize, align: usize) -> c_int {
    if is_natural(size, align) {
        0
    } else {
        ffi::MALLOCX_ALIGN(align)
    }
}

/// Bytes that jemalloc sets aside for a request: its size class.
#[inline]
pub(crate) fn usable(size: usize, align: usize) -> usize {
    CLASSES.usable(size, align)
}

/// The same of a plain block; 0 where that is not known at once.
#[inline(always)]
pub(crate) fn usable_plain(size: usize) -> usize {
    // Looked up first, so that there is nothing to branch for.
    let class = CLASSES.small(size);
    if size <= 8 {
        8
    } else {
        class
    }
}

/// A block of natural alignment. The size is not 0. Null where there is no memory.
#[inline(always)]
pub(crate) fn alloc_natural(size: usize, is_zeroed: bool) -> *mut u8 {
    // SAFETY: C's functions take any size.
    unsafe {
        if is_zeroed {
            ffi::calloc(1, size)
        } else {
            ffi::malloc(size)
        }
    }
    .cast()
}

/// Frees a block of natural alignment.
///
/// # Safety
///
/// A live block of jemalloc, of this requested size, allocated without flags.
#[inline(always)]
pub(crate) unsafe fn free_natural(ptr: *mut u8, size: usize) {
    // SAFETY: our caller's block, of the class that its size gives without flags.
    unsafe { ffi::sdallocx(ptr.cast(), size, 0) };
}

/// Resizes a block to a size for which its alignment is natural.
///
/// # Safety
///
/// A live block of jemalloc. If null is returned it is still live, else given up. The size is not 0.
#[inline(always)]
pub(crate) unsafe fn realloc_natural(ptr: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: our caller's block and size.
    unsafe { ffi::realloc(ptr.cast(), size) }.cast()
}

/// Bytes that jemalloc set aside for a block, by asking it.
///
/// # Safety
///
/// A live block of jemalloc.
#[cfg(feature = "interpose")]
pub(crate) unsafe fn usable_of(ptr: *mut u8) -> usize {
    // SAFETY: our caller's block.
    unsafe { ffi::malloc_usable_size(ptr.cast()) }
}

/// Filled when the first block is recorded.
static CLASSES: Classes = Classes::new();

/// What [`usable`] says, from jemalloc. Computes, looks nothing up.
fn class(size: usize, align: usize) -> usize {
    // SAFETY: `nallocx` only computes; a size of 0 is not allowed.
    unsafe { ffi::nallocx(size.max(1), flags(size, align)) }
}

/// Size classes of small requests: what [`class`] says, for many blocks. Two
/// threads that fill it at once write the same.
struct Classes([AtomicU16; Classes::COUNT]);

impl Classes {
    /// Sizes up to jemalloc's largest small class. All classes but that of 8
    /// bytes are multiples of 16, so a number per 16 bytes tells all.
    const COUNT: usize = 14_336 / NATURAL_ALIGN + 1;

    const fn new() -> Classes {
        Classes([const { AtomicU16::new(0) }; Classes::COUNT])
    }

    /// Asks jemalloc some nine hundred times: microseconds. Allocates nothing.
    /// Until then every question goes to jemalloc.
    fn fill(&self) {
        for (at, slot) in self.0.iter().enumerate().skip(1) {
            slot.store(class(at * NATURAL_ALIGN, 1) as u16, Ordering::Relaxed);
        }
    }

    /// The class of more than 8 bytes of natural alignment; 0 where that is not known at once.
    #[inline(always)]
    fn small(&self, size: usize) -> usize {
        let class = self.0.get(size.div_ceil(NATURAL_ALIGN));
        class.map_or(0, |class| class.load(Ordering::Relaxed).into())
    }

    /// What [`class`] says.
    #[inline]
    fn usable(&self, size: usize, align: usize) -> usize {
        if align <= NATURAL_ALIGN && size > 8 {
            let class = self.small(size);
            if class != 0 {
                return class;
            }
        } else if size <= 8 && align <= 8 {
            return 8;
        }
        class(size, align)
    }
}

/// Reads a number; 0 where jemalloc does not know the name (an arena that was never used).
fn number<T: Copy + Default>(name: &CStr) -> T {
    let mut value = T::default();
    let mut len = size_of::<T>();
    // SAFETY: `value` has room for `len` bytes, and jemalloc writes only if the
    // length is that of its own type, all of which are plain integers.
    let failed = unsafe {
        ffi::mallctl(name.as_ptr(), ptr::from_mut(&mut value).cast(), &mut len, ptr::null_mut(), 0)
    };
    if failed == 0 {
        value
    } else {
        T::default()
    }
}

/// A figure of one arena. Formats on the stack: this may run inside an allocation.
fn of_arena<T: Copy + Default>(arena: u32, figure: &str) -> T {
    let mut name = [0u8; 64];
    let mut rest = &mut name[..63];
    if write!(rest, "stats.arenas.{arena}.{figure}").is_err() {
        return T::default();
    }
    CStr::from_bytes_until_nul(&name).map_or(T::default(), number)
}

/// Makes an arena and returns its number.
pub(crate) fn create_arena() -> Option<u32> {
    let arena: u32 = {
        let mut value = 0u32;
        let mut len = size_of::<u32>();
        let name: *const c_char = c"arenas.create".as_ptr();
        // SAFETY: `value` has room for the arena's number, a 32-bit integer.
        let failed =
            unsafe { ffi::mallctl(name, ptr::from_mut(&mut value).cast(), &mut len, ptr::null_mut(), 0) };
        (failed == 0).then_some(value)?
    };
    // `MALLOCX_ARENA` has room for 12 bits.
    (arena < 4094).then_some(arena)
}

/// Flags for a block of the tool: of its arena, past the caches of threads.
fn tool_flags(arena: u32, align: usize) -> c_int {
    ffi::MALLOCX_ARENA(arena as usize) | ffi::MALLOCX_TCACHE_NONE | ffi::MALLOCX_ALIGN(align)
}

/// A block from an arena. The layout's size is not 0.
pub(crate) fn alloc_in(arena: u32, layout: Layout, is_zeroed: bool) -> *mut u8 {
    let flags = tool_flags(arena, layout.align()) | if is_zeroed { ffi::MALLOCX_ZERO } else { 0 };
    // SAFETY: the size is at least 1, and the flags name an arena that was made and an alignment.
    unsafe { ffi::mallocx(layout.size().max(1), flags) }.cast()
}

/// Gives a block another size where it stands. False where that can't be: it is as it was.
///
/// # Safety
///
/// `ptr` is a live block of jemalloc. The size is not 0.
pub(crate) unsafe fn resize(ptr: *mut u8, size: usize, align: usize) -> bool {
    // SAFETY: our caller's block and size.
    unsafe { ffi::xallocx(ptr.cast(), size, 0, flags(size, align)) == class(size, align) }
}

/// Frees a block, not into this thread's cache.
///
/// # Safety
///
/// `ptr` is a live block of jemalloc, which nobody uses any more.
pub(crate) unsafe fn free(ptr: *mut u8) {
    // SAFETY: a live block, by our caller's promise.
    unsafe { ffi::dallocx(ptr.cast(), ffi::MALLOCX_TCACHE_NONE) };
}

/// To be asked when there is one block, of `usable` bytes: the bytes of the
/// block that jemalloc makes for a thread's cache, for that is all there is besides.
pub(crate) fn cache_block(usable: u64) -> u64 {
    CLASSES.fill();
    let figures = figures(None, 0);
    figures.allocated.saturating_sub(figures.cached).saturating_sub(usable)
}

/// Makes jemalloc add up its figures.
fn refresh() {
    let mut epoch = 1u64;
    let len = size_of::<u64>();
    // SAFETY: writes a 64-bit integer, which is what `epoch` takes.
    unsafe {
        ffi::mallctl(
            c"epoch".as_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::from_mut(&mut epoch).cast(),
            len,
        )
    };
}

/// All figures, with the tool's arena and the size of a thread's cache block
/// taken out of what is live. The resident set and the table are the caller's to fill in.
pub(crate) fn figures(tool_arena: Option<u32>, cache_block: u64) -> AllocatorFigures {
    refresh();
    let arenas: u32 = number(c"arenas.narenas");
    let mut cached = 0;
    let mut caches = 0;
    let mut tool = 0;
    for arena in 0..arenas {
        cached += of_arena::<usize>(arena, "tcache_bytes") as u64;
        if Some(arena) == tool_arena {
            tool = of_arena::<usize>(arena, "small.allocated") as u64
                + of_arena::<usize>(arena, "large.allocated") as u64;
        } else {
            caches += u64::from(of_arena::<u32>(arena, "nthreads"));
        }
    }
    let figure = |name| number::<usize>(name) as u64;
    let page = figure(c"arenas.page");
    let allocated = figure(c"stats.allocated");
    let cache_blocks = caches * cache_block;
    AllocatorFigures {
        allocated,
        active: figure(c"stats.active"),
        metadata: figure(c"stats.metadata"),
        resident: figure(c"stats.resident"),
        mapped: figure(c"stats.mapped"),
        retained: figure(c"stats.retained"),
        cached,
        cache_blocks,
        caches,
        tool,
        dirty: page * of_arena::<usize>(ALL_ARENAS, "pdirty") as u64,
        internal: of_arena::<usize>(ALL_ARENAS, "internal") as u64,
        muzzy: page * of_arena::<usize>(ALL_ARENAS, "pmuzzy") as u64,
        page,
        // Blocks of whole pages begin at a random line of their first one.
        large_pad: if number::<bool>(c"config.cache_oblivious") { page } else { 0 },
        live: allocated.wrapping_sub(cached).wrapping_sub(cache_blocks).wrapping_sub(tool),
        ..AllocatorFigures::default()
    }
}

/// The number under which jemalloc adds up all arenas.
const ALL_ARENAS: u32 = 4096;

/// A figure that jemalloc has for many arenas and classes: its name is looked up once.
struct Figure {
    mib: [usize; 6],
    len: usize,
    /// Where in the name the number of the class stands.
    class: usize,
}

impl Figure {
    /// `name` is that of class 0, in arena 0 where it is of an arena.
    fn new(name: &CStr, class: usize) -> Option<Figure> {
        let mut figure = Figure { mib: [0; 6], len: 6, class };
        // SAFETY: `mib` has room for as many parts as `len` says.
        let failed =
            unsafe { ffi::mallctlnametomib(name.as_ptr(), figure.mib.as_mut_ptr(), &mut figure.len) };
        (failed == 0 && class < figure.len).then_some(figure)
    }

    /// Of this class, in this arena where it is of an arena; 0 where jemalloc does not know it.
    fn of<T: Copy + Default + Into<u64>>(&mut self, arena: Option<u32>, class: usize) -> u64 {
        if let Some(arena) = arena {
            self.mib[2] = arena as usize;
        }
        self.read(class, T::default()).map_or(0, Into::into)
    }

    /// Of this class, into a value that has room for it.
    fn read<T: Copy>(&mut self, class: usize, mut value: T) -> Option<T> {
        self.mib[self.class] = class;
        let mut len = size_of::<T>();
        // SAFETY: as in `number`: room for `len` bytes, and written only if that is the length of
        // jemalloc's own type; the name's parts are as many as `mallctlnametomib` said.
        let failed = unsafe {
            ffi::mallctlbymib(
                self.mib.as_ptr(),
                self.len,
                ptr::from_mut(&mut value).cast(),
                &mut len,
                ptr::null_mut(),
                0,
            )
        };
        (failed == 0).then_some(value)
    }
}

/// Gives `hooks` to the arenas that are in use and have jemalloc's own, `own`. Those with hooks
/// of the program's are left alone. Some hundred nanoseconds an arena.
///
/// # Safety
///
/// `hooks` keep the contract of jemalloc's extent hooks.
pub(crate) unsafe fn set_hooks(own: *mut ffi::extent_hooks_t, hooks: &'static ffi::extent_hooks_t) {
    let (Some(mut is_used), Some(mut current)) =
        (Figure::new(c"arena.0.initialized", 1), Figure::new(c"arena.0.extent_hooks", 1))
    else {
        return;
    };
    let mut hooks: *const ffi::extent_hooks_t = hooks;
    for arena in 0..number::<u32>(c"arenas.narenas") as usize {
        // To set the hooks of an arena that was never used would make it.
        if is_used.read(arena, false) == Some(true) && current.read(arena, ptr::null_mut()) == Some(own) {
            // SAFETY: takes a pointer to hooks, by our caller's promise good ones, that live
            // for ever; writes nothing there. The name's parts are those of this arena.
            unsafe {
                ffi::mallctlbymib(
                    current.mib.as_ptr(),
                    current.len,
                    ptr::null_mut(),
                    ptr::null_mut(),
                    ptr::from_mut(&mut hooks).cast(),
                    size_of::<*const ffi::extent_hooks_t>(),
                )
            };
        }
    }
}

/// The hooks of arena 0, which is there before the first block.
pub(crate) fn first_hooks() -> Option<*mut ffi::extent_hooks_t> {
    let hooks: *mut ffi::extent_hooks_t =
        Figure::new(c"arena.0.extent_hooks", 1)?.read(0, ptr::null_mut())?;
    (!hooks.is_null()).then_some(hooks)
}

/// Whether jemalloc keeps address space that it does not use.
pub(crate) fn retains() -> bool {
    number(c"opt.retain")
}

/// The size classes in use, smallest first, as of the last [`refresh`]. Some
/// thousand questions by number: a tenth of a millisecond.
pub(crate) fn size_classes(tool_arena: Option<u32>) -> Vec<SizeClass> {
    let mut classes = Vec::new();
    let figure = Figure::new;
    if let (Some(mut size), Some(mut slab), Some(mut room), Some(mut slabs), Some(mut blocks)) = (
        figure(c"arenas.bin.0.size", 2),
        figure(c"arenas.bin.0.slab_size", 2),
        figure(c"arenas.bin.0.nregs", 2),
        figure(c"stats.arenas.0.bins.0.curslabs", 4),
        figure(c"stats.arenas.0.bins.0.curregs", 4),
    ) {
        for class in 0..number::<u32>(c"arenas.nbins") as usize {
            let all = (slabs.of::<u64>(Some(ALL_ARENAS), class), blocks.of::<u64>(Some(ALL_ARENAS), class));
            let tool = tool_arena.map_or((0, 0), |_| {
                (slabs.of::<u64>(tool_arena, class), blocks.of::<u64>(tool_arena, class))
            });
            classes.push(SizeClass {
                size: size.of::<u64>(None, class),
                slab_size: slab.of::<u64>(None, class),
                slab_blocks: room.of::<u32>(None, class),
                slabs: all.0.saturating_sub(tool.0),
                blocks: all.1.saturating_sub(tool.1),
                tool_slabs: tool.0,
                tool_blocks: tool.1,
            });
        }
    }
    if let (Some(mut size), Some(mut blocks)) =
        (figure(c"arenas.lextent.0.size", 2), figure(c"stats.arenas.0.lextents.0.curlextents", 4))
    {
        for class in 0..number::<u32>(c"arenas.nlextents") as usize {
            let all = blocks.of::<u64>(Some(ALL_ARENAS), class);
            let tool = tool_arena.map_or(0, |_| blocks.of::<u64>(tool_arena, class));
            classes.push(SizeClass {
                size: size.of::<u64>(None, class),
                slab_size: 0,
                slab_blocks: 1,
                slabs: all.saturating_sub(tool),
                blocks: all.saturating_sub(tool),
                tool_slabs: tool,
                tool_blocks: tool,
            });
        }
    }
    classes.retain(|class| class.slabs + class.tool_slabs > 0);
    classes
}

/// An address in what jemalloc keeps of each arena: that of a number there.
pub(crate) fn bookkeeping(visit: &mut dyn FnMut(u64)) {
    let Some(mut counter) = Figure::new(c"experimental.arenas.0.pactivep", 2) else { return };
    for arena in 0..number::<u32>(c"arenas.narenas") as usize {
        // An address, and no more than that is done with it.
        let address = counter.of::<u64>(None, arena);
        if address != 0 {
            visit(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_jemalloc() {
        let classes = Classes::new();
        assert_eq!(classes.usable(9, 1), class(9, 1), "empty");
        classes.fill();
        for size in 0..20_000 {
            for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
                assert_eq!(classes.usable(size, align), class(size, align), "{size} {align}");
            }
        }
    }
}
