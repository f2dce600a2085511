//! The [`GlobalAlloc`] impl: records each block after it was allocated, forgets
//! it before it is freed.

#![expect(unsafe_code, reason = "a global allocator is unsafe by its interface")]

use crate::slot::{self, Record, MAX_EPOCH};
use crate::table::{Table, LARGE};
use crate::{jemalloc, TrackingAlloc};
use heap_snapshot::live::{self, LiveBlocks, Traffic};
use heap_snapshot::record::{AllocatorFigures, BlockCount, LiveBlock};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use tikv_jemalloc_sys as ffi;
use tikv_jemallocator::Jemalloc;

/// One per process, whatever number of `TrackingAlloc` values there are.
static TABLE: Table = Table::new();

/// Filled when the first block is recorded.
static CLASSES: jemalloc::Classes = jemalloc::Classes::new();

/// Bytes that jemalloc sets aside for a request.
#[inline]
fn usable(size: usize, align: usize) -> usize {
    CLASSES.usable(size, align)
}

/// The birth epoch, and above it how many reasons there are to take the slow
/// way: one load tells the hot path all it needs.
static STATE: AtomicU32 = AtomicU32::new(0);
const EPOCH: u32 = MAX_EPOCH;
/// Added for each thread in a tool scope and each running checkpoint.
const SLOW: u32 = 1 << 8;

static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Number of the tool's arena + 1; 0 before it is made.
static TOOL_ARENA: AtomicU32 = AtomicU32::new(0);
/// Bytes of the block that jemalloc makes for a thread's cache.
static CACHE_BLOCK: AtomicU64 = AtomicU64::new(0);
static UNKNOWN_FREES: AtomicU64 = AtomicU64::new(0);

/// What the program did while a checkpoint ran: blocks and bytes, born and freed.
static TRAFFIC: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static IS_COUNTING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread allocates for the tool. Const-initialised and without
    /// a destructor, so that reading it never allocates and works while a thread ends.
    static IS_TOOL: Cell<bool> = const { Cell::new(false) };
}

/// Sizes that the hot path takes: not tiny, not large.
#[inline(always)]
fn is_plain(size: usize, align: usize) -> bool {
    size.wrapping_sub(slot::TINY + 1) < LARGE - slot::TINY && align <= 16
}

#[inline(always)]
fn record_new(ptr: *mut u8, size: usize, align: usize, state: u32) {
    if is_plain(size, align) {
        if let Some(slot) = TABLE.slot(ptr as usize) {
            if !ptr.is_null() {
                slot.store(slot::wide(size, align, state & EPOCH), Ordering::Relaxed);
            }
            return;
        }
    }
    record_slow(ptr, size, align, state & EPOCH, false);
}

#[cold]
fn record_slow(ptr: *mut u8, size: usize, align: usize, epoch: u32, is_tool: bool) {
    if ptr.is_null() {
        return;
    }
    let record = Record { size, align_log2: align.trailing_zeros() as u8, epoch, is_tool };
    let usable = jemalloc::usable(size, align);
    TABLE.record(ptr as usize, record, usable);
    if !INSTALLED.swap(true, Ordering::Relaxed) {
        CLASSES.fill();
        // The first block of the process: all else that is allocated now is
        // the cache of its one thread.
        let figures = jemalloc::figures(None, 0);
        CACHE_BLOCK.store(
            figures.allocated.saturating_sub(figures.cached).saturating_sub(usable as u64),
            Ordering::Relaxed,
        );
        live::install(&Blocks);
    }
}

fn count(at: usize, usable: usize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        TRAFFIC[at].fetch_add(1, Ordering::Relaxed);
        TRAFFIC[at + 1].fetch_add(usable as u64, Ordering::Relaxed);
    }
}

/// Allocates while a checkpoint runs or some thread is in a tool scope.
#[cold]
fn alloc_slow(layout: Layout, state: u32, is_zeroed: bool) -> *mut u8 {
    let epoch = state & EPOCH;
    if IS_TOOL.get() {
        if let Some(flags) = tool_flags() {
            // Never tiny, so that a slot's tool bit always has its place.
            let size = layout.size().max(16);
            let flags = flags
                | ffi::MALLOCX_ALIGN(layout.align().max(16))
                | if is_zeroed { ffi::MALLOCX_ZERO } else { 0 };
            // SAFETY: the size is not 0, and the flags name an arena that was made and an alignment.
            let ptr = unsafe { ffi::mallocx(size, flags) }.cast::<u8>();
            record_slow(ptr, size, layout.align().max(16), epoch, true);
            return ptr;
        }
    }
    // SAFETY: our caller's layout, under `GlobalAlloc`'s contract.
    let ptr = unsafe {
        if is_zeroed {
            Jemalloc.alloc_zeroed(layout)
        } else {
            Jemalloc.alloc(layout)
        }
    };
    if !ptr.is_null() {
        record_new(ptr, layout.size(), layout.align(), state);
        count(0, jemalloc::usable(layout.size(), layout.align()));
    }
    ptr
}

/// Frees whatever the hot path does not: tiny, large, the tool's, unknown
/// blocks, and all while a checkpoint runs.
#[cold]
fn dealloc_slow(ptr: *mut u8, layout: Layout) {
    let record = forget(ptr);
    if let Some(Record { is_tool: true, .. }) = record {
        // Not into this thread's cache, which would hand it to the program.
        // SAFETY: `ptr` is a live block of jemalloc, which our caller gives up.
        unsafe { ffi::dallocx(ptr.cast(), ffi::MALLOCX_TCACHE_NONE) };
        return;
    }
    // SAFETY: our caller's pointer and layout, under `GlobalAlloc`'s contract.
    unsafe { Jemalloc.dealloc(ptr, layout) };
}

/// Forgets a block and counts what there is to count.
fn forget(ptr: *mut u8) -> Option<Record> {
    let record = TABLE.forget(ptr as usize, jemalloc::usable);
    match record {
        None => {
            UNKNOWN_FREES.fetch_add(1, Ordering::Relaxed);
        }
        Some(record) if !record.is_tool => {
            let state = STATE.load(Ordering::Relaxed);
            if state >= SLOW && record.epoch < state & EPOCH {
                count(2, jemalloc::usable(record.size, record.align()));
            }
        }
        Some(_) => {}
    }
    record
}

fn tool_flags() -> Option<std::ffi::c_int> {
    let arena = TOOL_ARENA.load(Ordering::Acquire).checked_sub(1)?;
    Some(ffi::MALLOCX_ARENA(arena as usize) | ffi::MALLOCX_TCACHE_NONE)
}

// SAFETY: every block comes from jemalloc with the caller's size and alignment
// (or, for the tool, with larger ones) and goes back to it exactly once; what is
// recorded beside it never changes what is returned. Nothing here unwinds or
// allocates through itself.
unsafe impl GlobalAlloc for TrackingAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = STATE.load(Ordering::Relaxed);
        if state >= SLOW {
            return alloc_slow(layout, state, false);
        }
        // SAFETY: our caller's layout.
        let ptr = unsafe { Jemalloc.alloc(layout) };
        record_new(ptr, layout.size(), layout.align(), state);
        ptr
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let state = STATE.load(Ordering::Relaxed);
        if state >= SLOW {
            return alloc_slow(layout, state, true);
        }
        // SAFETY: our caller's layout.
        let ptr = unsafe { Jemalloc.alloc_zeroed(layout) };
        record_new(ptr, layout.size(), layout.align(), state);
        ptr
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // Forget the block before freeing it: once freed, another thread may be
        // given the same address, and its record must not be the one we erase.
        if is_plain(layout.size(), layout.align()) && STATE.load(Ordering::Relaxed) < SLOW {
            if let Some(slot) = TABLE.slot(ptr as usize) {
                if slot::is_program_wide(slot.load(Ordering::Relaxed)) {
                    slot.store(0, Ordering::Relaxed);
                    // SAFETY: our caller's pointer and layout.
                    unsafe { Jemalloc.dealloc(ptr, layout) };
                    return;
                }
            }
        }
        dealloc_slow(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let align = layout.align();
        let state = STATE.load(Ordering::Relaxed);
        if state < SLOW && is_plain(layout.size(), align) && is_plain(new_size, align) {
            if let Some(slot) = TABLE.slot(ptr as usize) {
                let old = slot.load(Ordering::Relaxed);
                if slot::is_program_wide(old) {
                    // As in `dealloc`: the record goes before the address can be another's.
                    slot.store(0, Ordering::Relaxed);
                    // SAFETY: our caller's pointer, layout and size.
                    let new = unsafe { Jemalloc.realloc(ptr, layout, new_size) };
                    if new.is_null() {
                        slot.store(old, Ordering::Relaxed);
                    } else if new == ptr {
                        slot.store(slot::resized(old, new_size), Ordering::Relaxed);
                    } else {
                        record_new(new, new_size, align, state);
                    }
                    return new;
                }
            }
        }
        // SAFETY: our caller's pointer, layout and size.
        unsafe { realloc_slow(ptr, layout, new_size) }
    }
}

/// Reallocates whatever the hot path does not, see [`dealloc_slow`].
///
/// # Safety
///
/// As [`GlobalAlloc::realloc`].
#[cold]
unsafe fn realloc_slow(ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    let record = forget(ptr);
    let old_size = record.map_or(layout.size(), |record| record.size);
    if let Some(Record { is_tool: true, align_log2, epoch, .. }) = record {
        let size = new_size.max(16);
        let flags = tool_flags().unwrap_or(0) | ffi::MALLOCX_ALIGN(1 << align_log2);
        // SAFETY: `ptr` is a live block of jemalloc; the size is not 0.
        let new = unsafe { ffi::rallocx(ptr.cast(), size, flags) }.cast::<u8>();
        match new.is_null() {
            true => record_slow(ptr, old_size, 1 << align_log2, epoch, true),
            false => record_slow(new, size, 1 << align_log2, epoch, true),
        }
        return new;
    }
    // SAFETY: our caller's pointer, layout and size.
    let new = unsafe { Jemalloc.realloc(ptr, layout, new_size) };
    let state = STATE.load(Ordering::Relaxed);
    match record {
        // The old block is still live.
        Some(record) if new.is_null() => record_new(ptr, old_size, layout.align(), record.epoch),
        // Grown or shrunk where it stands: the same block, with its birth.
        Some(record) if new == ptr => record_new(new, new_size, layout.align(), record.epoch),
        _ if new.is_null() => {}
        _ => {
            record_new(new, new_size, layout.align(), state);
            if state >= SLOW {
                count(0, jemalloc::usable(new_size, layout.align()));
            }
        }
    }
    new
}

/// The face that heap-walk sees.
pub(crate) struct Blocks;

impl Blocks {
    #[inline]
    fn block((addr, record, usable): (usize, Record, usize)) -> LiveBlock {
        LiveBlock {
            addr: addr as u64,
            requested: record.size as u64,
            usable: usable as u64,
            align_log2: record.align_log2,
            epoch: record.epoch,
            is_tool: record.is_tool,
        }
    }
}

impl LiveBlocks for Blocks {
    fn lookup(&self, addr: u64) -> Option<LiveBlock> {
        TABLE.lookup(usize::try_from(addr).ok()?, usable).map(Blocks::block)
    }

    fn for_each(&self, visit: &mut dyn FnMut(LiveBlock)) {
        TABLE.for_each(|addr, record| {
            let usable = CLASSES.usable(record.size, record.align());
            visit(Blocks::block((addr, record, usable)));
            usable
        });
    }

    fn begin(&self) -> (u32, bool) {
        for counter in &TRAFFIC {
            counter.store(0, Ordering::Relaxed);
        }
        IS_COUNTING.store(true, Ordering::Relaxed);
        let step = |state: u32| Some(state + SLOW + u32::from(state & EPOCH < MAX_EPOCH));
        let before = match STATE.fetch_update(Ordering::AcqRel, Ordering::Relaxed, step) {
            Ok(before) | Err(before) => before,
        };
        ((before & EPOCH) + u32::from(before & EPOCH < MAX_EPOCH), before & EPOCH == MAX_EPOCH)
    }

    fn end(&self) -> Traffic {
        IS_COUNTING.store(false, Ordering::Relaxed);
        STATE.fetch_sub(SLOW, Ordering::AcqRel);
        let [born_blocks, born_bytes, freed_blocks, freed_bytes] =
            [0, 1, 2, 3].map(|at: usize| TRAFFIC[at].load(Ordering::Relaxed));
        Traffic {
            born: BlockCount { blocks: born_blocks, bytes: born_bytes },
            freed: BlockCount { blocks: freed_blocks, bytes: freed_bytes },
        }
    }

    fn has_births(&self) -> bool {
        TRAFFIC[0].load(Ordering::Relaxed) > 0
    }

    fn set_tool(&self, is_tool: bool) -> bool {
        if is_tool && TOOL_ARENA.load(Ordering::Acquire) == 0 {
            if let Some(arena) = jemalloc::create_arena() {
                // A second arena, made by another thread at the same moment, stays empty.
                let _ = TOOL_ARENA.compare_exchange(0, arena + 1, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
        let before = IS_TOOL.replace(is_tool);
        if is_tool && !before {
            STATE.fetch_add(SLOW, Ordering::AcqRel);
        } else if before && !is_tool {
            STATE.fetch_sub(SLOW, Ordering::AcqRel);
        }
        before
    }

    fn figures(&self) -> AllocatorFigures {
        let tool = TOOL_ARENA.load(Ordering::Acquire).checked_sub(1);
        AllocatorFigures {
            table: TABLE.resident(),
            ..jemalloc::figures(tool, CACHE_BLOCK.load(Ordering::Relaxed))
        }
    }

    fn unknown_frees(&self) -> u64 {
        UNKNOWN_FREES.load(Ordering::Relaxed)
    }
}

/// Loses the record of a block, as a broken allocator would. Only for tests
/// that see whether the ledger notices.
#[doc(hidden)]
pub fn lose_record(addr: usize) -> bool {
    TABLE.forget(addr, jemalloc::usable).is_some()
}
