//! The [`GlobalAlloc`] impl: records each block after it was allocated, forgets
//! it before it is freed.

#![expect(unsafe_code, reason = "a global allocator is unsafe by its interface")]

use crate::below::{asked, is_jemalloc, set_aside, Below};
#[cfg(feature = "jemalloc")]
use crate::hot;
use crate::jemalloc;
use crate::memory::Fresh;
use crate::mode::{self, Mode, Value};
use crate::samples::Samples;
use crate::side::Side;
use crate::slot::{self, Record, MAX_EPOCH, NEXT_EPOCH, STAMP};
use crate::table::{Head, Table};
use crate::TrackingAlloc;
use crate::{contexts, memory, sample, stack, tags};
use heap_snapshot::live::{self, LiveBlocks, Sizes, Traffic};
use heap_snapshot::record::{
    AllocatorFigures, BlockCount, LiveBlock, SizeClass, StackFigures, StackFrame, StackWay,
};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// One per process, whatever number of `TrackingAlloc` values there are.
pub(crate) static TABLE: Table = Table::new();

/// Bytes set aside beyond what the table's rule says, where the allocator below was asked.
static BEYOND: Side = Side::new();

/// The stacks that allocated the blocks, where all have one: nodes of [`stack::CONTEXTS`].
pub(crate) static STACKS: Side = Side::new();
/// Those of blocks with a sample in them, where only they have one.
static SAMPLES: Samples = Samples::new();
/// Bytes for each stack, on average; 0 where each block has its stack.
pub(crate) static MEAN: AtomicU64 = AtomicU64::new(0);

/// Bytes set aside for a block of the table.
#[inline]
fn usable(addr: usize, record: Record) -> usize {
    if IS_FOREIGN.load(Ordering::Relaxed) {
        set_aside(record.size, record.align()) + BEYOND.get(addr) as usize
    } else {
        jemalloc::usable(record.size, record.align())
    }
}

/// The stamp of blocks born now, and above it what leads away from the hot path of *sizes*:
/// one load and one comparison with [`OFF`] tell it all it needs.
pub(crate) static STATE: AtomicU32 = AtomicU32::new(UNREAD);
/// Nothing is tracked, now and for the life of the process.
pub(crate) const OFF: u32 = (STAMP + 1).next_power_of_two();
/// Blocks with a sample in them have their stacks.
pub(crate) const IS_SAMPLED: u32 = OFF << 1;
/// Added for each thread in a tool scope and each running checkpoint. What is less needs no more
/// than plain records, and bytes counted where there are samples.
pub(crate) const SLOW: u32 = IS_SAMPLED << 1;
/// Those of them that are there.
pub(crate) const BUSY: u32 = IS_ASKED - SLOW;
/// Each block's usable size is asked for.
const IS_ASKED: u32 = 1 << 28;
/// All blocks have their stacks.
pub(crate) const ALL_HAVE_STACKS: u32 = 1 << 29;
/// Some blocks have stacks.
const HAVE_STACKS: u32 = ALL_HAVE_STACKS | IS_SAMPLED;
/// Of the stacks only the tags.
const TAGS_ALONE: u32 = 1 << 31;
/// No block has been allocated yet, nor the environment read.
const UNREAD: u32 = u32::MAX;

fn is_tracking(state: u32) -> bool {
    state != OFF && state != UNREAD
}

static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Blocks come from another allocator than jemalloc.
static IS_FOREIGN: AtomicBool = AtomicBool::new(false);
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

/// Reads `HEAP_TRACK`, once a process: what the state is from now on.
#[cold]
fn start(below: Below<'_>) -> u32 {
    let value = mode::from_env();
    let state = match value {
        Value::Mode(Mode::Off) => OFF,
        Value::Mode(_) | Value::Wrong(_) => {
            IS_FOREIGN.store(!below.is_jemalloc, Ordering::Relaxed);
            let stacks = match value {
                Value::Mode(Mode::Tags) => ALL_HAVE_STACKS | TAGS_ALONE,
                Value::Mode(Mode::Stacks { mean: 0 }) => ALL_HAVE_STACKS,
                Value::Mode(Mode::Stacks { mean }) => {
                    MEAN.store(mean, Ordering::Relaxed);
                    IS_SAMPLED
                }
                _ => 0,
            };
            slot::stamp(0) | stacks | below.usable.map_or(0, |_| IS_ASKED)
        }
    };
    match STATE.compare_exchange(UNREAD, state, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            if let Value::Wrong(value) = value {
                mode::complain(value);
            }
            state
        }
        Err(state) => state, // another thread was first, and read the same
    }
}

/// Records a block of the program, off the hot path. False where the table has no memory for it.
fn record_new(below: Below<'_>, ptr: *mut u8, size: usize, align: usize, state: u32) -> bool {
    let has_sample = state & IS_SAMPLED != 0 && SAMPLES.get(ptr as usize) != contexts::NONE;
    if !has_sample && state & IS_ASKED == 0 && slot::is_plain(size, align) {
        let plain = slot::plain(size, align, state & STAMP);
        if TABLE.record_plain(ptr as usize, plain) {
            return true;
        }
    }
    let record = Record { has_sample, ..Record::new(size, align, slot::epoch(state)) };
    record_slow(below, ptr, record)
}

/// Records any block. False where there is no memory for all of it: what there is memory for is there then.
#[cold]
pub(crate) fn record_slow(below: Below<'_>, ptr: *mut u8, record: Record) -> bool {
    if ptr.is_null() {
        return true;
    }
    let is_noted = below.usable.is_none_or(|ask| {
        // SAFETY: a block of the allocator that `ask` is for, by the promise of
        // `TrackingAlloc::usable_by`; it is live, since nobody has been given it yet.
        let bytes = unsafe { ask(ptr.cast()) };
        let beyond = bytes.saturating_sub(set_aside(record.size, record.align()));
        BEYOND.set(ptr as usize, u32::try_from(beyond).unwrap_or(0))
    });
    let usable = usable(ptr as usize, record);
    let is_grown = TABLE.head(ptr as usize).is_none();
    let is_recorded = TABLE.record(ptr as usize, record, usable);
    if is_grown && below.is_jemalloc {
        watch(); // by then there may be arenas that were not there before
    }
    if !INSTALLED.load(Ordering::Relaxed) && !INSTALLED.swap(true, Ordering::Relaxed) {
        if below.is_jemalloc {
            // The first block of the process: all else that is allocated now is
            // the cache of its one thread.
            CACHE_BLOCK.store(jemalloc::cache_block(usable as u64), Ordering::Relaxed);
        }
        live::install(&Blocks);
    }
    is_recorded && is_noted
}

/// Sees that what the arenas of jemalloc give back from now on is given back of ours too.
fn watch() {
    jemalloc::watch(|addr, len| {
        for side in [&BEYOND, &STACKS] {
            side.give_back(addr, len);
        }
        TABLE.give_back(addr, len);
    });
}

/// Takes back a block for which the table has no memory: the request cannot be
/// met, as if the allocator below had none. Returns null.
#[cold]
pub(crate) fn take_back(below: Below<'_>, ptr: *mut u8, layout: Layout) -> *mut u8 {
    TABLE.forget(ptr as usize, usable);
    clear_stack(ptr as usize);
    if let Some(layout) = asked(layout, below.is_jemalloc) {
        // SAFETY: allocated with this layout a moment ago, and nobody has seen it.
        unsafe { below.alloc.dealloc(ptr, layout) };
    }
    ptr::null_mut()
}

fn count(at: usize, usable: usize) {
    if IS_COUNTING.load(Ordering::Relaxed) {
        TRAFFIC[at].fetch_add(1, Ordering::Relaxed);
        TRAFFIC[at + 1].fetch_add(usable as u64, Ordering::Relaxed);
    }
}

/// Allocates in all cases that the hot path does not take.
#[cold]
#[inline(never)]
pub(crate) fn alloc_slow(below: Below<'_>, layout: Layout, mut state: u32, is_zeroed: bool) -> *mut u8 {
    if state == UNREAD {
        state = start(below);
    }
    let allocate = |layout: Layout| {
        // SAFETY: our caller's layout, under `GlobalAlloc`'s contract, or a larger one.
        unsafe {
            if is_zeroed {
                below.alloc.alloc_zeroed(layout)
            } else {
                below.alloc.alloc(layout)
            }
        }
    };
    if state == OFF {
        return allocate(layout);
    }
    let (size, align) = (layout.size(), layout.align());
    if state & BUSY != 0 && IS_TOOL.get() {
        // Two granules at least, since its record takes two slots.
        let (size, align) = (size.max(2 * slot::GRANULE), align.max(slot::GRANULE));
        let layout = Layout::from_size_align(size, align).unwrap_or(layout);
        let ptr = match tool_arena().filter(|_| below.is_jemalloc) {
            Some(arena) => jemalloc::alloc_in(arena, layout, is_zeroed),
            None => asked(layout, false).map_or(ptr::null_mut(), allocate),
        };
        if state & HAVE_STACKS != 0 {
            clear_stack(ptr as usize);
        }
        let record = Record { is_tool: true, ..Record::new(size, align, slot::epoch(state)) };
        return match record_slow(below, ptr, record) {
            true => ptr,
            false => take_back(below, ptr, layout),
        };
    }
    let ptr = asked(layout, below.is_jemalloc).map_or(ptr::null_mut(), allocate);
    if !ptr.is_null() {
        // Before the record, so that who finds that finds the stack.
        if state & HAVE_STACKS != 0 {
            note_stack(ptr, size, align, state);
        }
        if !record_new(below, ptr, size, align, state) {
            return take_back(below, ptr, layout);
        }
        if state & BUSY != 0 {
            count(0, usable_now(ptr, size, align));
        }
    }
    ptr
}

/// Notes the stack of a block in which there is a sample. False where there is no room for that.
pub(crate) fn set_sample(ptr: *mut u8, size: usize, align: usize, stack: u32) -> bool {
    slot::can_have_sample(size, align) && SAMPLES.set(ptr as usize, stack)
}

/// The stack of the block at an address.
fn stack_of(addr: usize, state: u32) -> u32 {
    match state & HAVE_STACKS {
        0 => contexts::NONE,
        IS_SAMPLED => match TABLE.head(addr) {
            Some(head) if slot::begins_plain(head.load(Ordering::Relaxed)) => contexts::NONE,
            _ => SAMPLES.get(addr),
        },
        _ => STACKS.get(addr),
    }
}

fn clear_stack(addr: usize) {
    STACKS.clear(addr);
    SAMPLES.clear(addr);
}

/// Notes the stack of a new block, or its tags.
#[inline(always)]
pub(crate) fn note_stack(ptr: *mut u8, size: usize, align: usize, state: u32) {
    if state & TAGS_ALONE != 0 {
        STACKS.set(ptr as usize, tags::here());
    } else if state & IS_SAMPLED == 0 {
        STACKS.set(ptr as usize, stack::here());
    } else if sample::hits(size, MEAN.load(Ordering::Relaxed)) {
        set_sample(ptr, size, align, stack::here());
    }
}

/// The stack of a block that was resized: its own, or that of the bytes that it
/// grew by, if there was a sample only among them.
fn resized_stack(stack: u32, old_size: usize, new_size: usize, state: u32) -> u32 {
    if state & IS_SAMPLED == 0 {
        return stack;
    }
    let mean = MEAN.load(Ordering::Relaxed);
    let is_hit = new_size > old_size && sample::hits(new_size - old_size, mean);
    match stack {
        contexts::NONE if is_hit => stack::here(),
        contexts::NONE => contexts::NONE,
        stack if sample::still_hits(old_size, new_size, mean) => stack,
        _ => contexts::NONE,
    }
}

fn usable_now(ptr: *mut u8, size: usize, align: usize) -> usize {
    usable(ptr as usize, Record::new(size, align, 0))
}

/// Frees whatever the hot path does not: tiny, large, the tool's, unknown
/// blocks, and all while a checkpoint runs.
#[cold]
#[inline(never)]
pub(crate) fn dealloc_slow(below: Below<'_>, ptr: *mut u8, layout: Layout) {
    let state = STATE.load(Ordering::Relaxed);
    if state == OFF {
        // SAFETY: our caller's pointer and layout, with which it was allocated.
        return unsafe { below.alloc.dealloc(ptr, layout) };
    }
    let record = forget(ptr);
    // Where each block has its stack, the next one here overwrites it.
    if state & IS_SAMPLED != 0 {
        SAMPLES.clear(ptr as usize);
    }
    if let Some(Record { is_tool: true, size, align_log2, .. }) = record {
        if below.is_jemalloc {
            // Not into this thread's cache, which would hand it to the program.
            // SAFETY: our caller's pointer, a live block of the tool's arena.
            unsafe { jemalloc::free(ptr) };
        } else if let Some(layout) =
            Layout::from_size_align(size, 1 << align_log2).ok().and_then(|layout| asked(layout, false))
        {
            // SAFETY: allocated with this layout, by `alloc_slow` or `realloc_slow`.
            unsafe { below.alloc.dealloc(ptr, layout) };
        }
        return;
    }
    if let Some(layout) = asked(layout, below.is_jemalloc) {
        // SAFETY: our caller's pointer, and what was asked for its layout.
        unsafe { below.alloc.dealloc(ptr, layout) };
    }
}

/// Forgets a block and counts what there is to count.
fn forget(ptr: *mut u8) -> Option<Record> {
    let record = TABLE.forget(ptr as usize, usable);
    count_death(record, record.map_or(0, |record| usable(ptr as usize, record)));
    record
}

/// Counts what there is to count of a block, if it was known, that was forgotten.
fn count_death(record: Option<Record>, usable: usize) {
    let Some(record) = record else {
        UNKNOWN_FREES.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let state = STATE.load(Ordering::Relaxed);
    if state & BUSY != 0 && !record.is_tool && record.epoch < slot::epoch(state) {
        count(2, usable);
    }
}

fn tool_arena() -> Option<u32> {
    TOOL_ARENA.load(Ordering::Acquire).checked_sub(1)
}

impl<A: GlobalAlloc + 'static> TrackingAlloc<A> {
    fn below(&self) -> Below<'_> {
        Below { alloc: &self.inner, is_jemalloc: is_jemalloc::<A>(), usable: self.usable }
    }
}

// SAFETY: every block comes from the allocator below with the caller's size and
// alignment (or with larger ones, by one rule) and goes back to it exactly once;
// what is recorded beside it never changes what is returned. Nothing here
// unwinds or allocates through itself.
unsafe impl<A: GlobalAlloc + 'static> GlobalAlloc for TrackingAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(feature = "jemalloc")]
        if is_jemalloc::<A>() {
            // SAFETY: our caller's layout.
            return unsafe { hot::alloc(layout.size(), layout.align()) };
        }
        alloc_slow(self.below(), layout, STATE.load(Ordering::Relaxed), false)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        #[cfg(feature = "jemalloc")]
        if is_jemalloc::<A>() {
            // SAFETY: our caller's layout.
            return unsafe { hot::alloc_zeroed(layout.size(), layout.align()) };
        }
        alloc_slow(self.below(), layout, STATE.load(Ordering::Relaxed), true)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        #[cfg(feature = "jemalloc")]
        if is_jemalloc::<A>() {
            // SAFETY: our caller's pointer and layout.
            return unsafe { hot::dealloc(ptr, layout.size(), layout.align()) };
        }
        let state = STATE.load(Ordering::Relaxed);
        match asked(layout, false) {
            Some(asked) if state != OFF && state & BUSY == 0 && TABLE.forget_plain(ptr as usize) => {
                // SAFETY: our caller's pointer, and what was asked for its layout.
                unsafe { self.inner.dealloc(ptr, asked) };
            }
            _ => dealloc_slow(self.below(), ptr, layout),
        }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        #[cfg(feature = "jemalloc")]
        if is_jemalloc::<A>() {
            // SAFETY: our caller's pointer, layout and size.
            return unsafe { hot::realloc(ptr, layout.size(), layout.align(), new_size) };
        }
        // SAFETY: our caller's pointer, layout and size.
        unsafe { realloc_slow(self.below(), ptr, layout, new_size) }
    }
}

/// Reallocates whatever the hot path does not, see [`dealloc_slow`].
///
/// # Safety
///
/// As [`GlobalAlloc::realloc`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn realloc_slow(
    below: Below<'_>,
    ptr: *mut u8,
    layout: Layout,
    new_size: usize,
) -> *mut u8 {
    let mut state = STATE.load(Ordering::Relaxed);
    if state == UNREAD {
        // A block from before tracking, and nothing of ours yet.
        state = start(below);
    }
    if state == OFF {
        // SAFETY: our caller's pointer, the layout with which it was allocated, and size.
        return unsafe { below.alloc.realloc(ptr, layout, new_size) };
    }
    let record = TABLE.begins_at(ptr as usize);
    let align = record.map_or(layout.align(), Record::align);
    let old = Old {
        ptr,
        is_known: record.is_some(),
        is_tool: record.is_some_and(|record| record.is_tool),
        size: record.map_or(layout.size(), |record| record.size),
        align,
        // A block from before tracking is as if it were born now.
        state: record.map_or(state, |record| state & !STAMP | slot::stamp(record.epoch)),
        stack: stack_of(ptr as usize, state),
    };
    // As when it was allocated.
    let new_size = if old.is_tool { new_size.max(2 * slot::GRANULE) } else { new_size };
    match below.is_jemalloc {
        // SAFETY: our caller's block, with what it was allocated with, and size.
        true => unsafe { resize_or_move(below, old, new_size, state) },
        // SAFETY: as above.
        false => unsafe { realloc_below(below, old, new_size, state) },
    }
}

/// A block that is to have another size, and what is known of it.
struct Old {
    ptr: *mut u8,
    is_known: bool,
    is_tool: bool,
    size: usize,
    align: usize,
    /// The state, with its birth.
    state: u32,
    stack: u32,
}

impl Old {
    /// Notes at `ptr` what a resized block's stack is.
    fn note_stack(&self, ptr: *mut u8, new_size: usize, state: u32) {
        if state & HAVE_STACKS != 0 && !self.is_tool {
            self.set_stack(ptr, new_size, resized_stack(self.stack, self.size, new_size, state), state);
        }
    }

    fn set_stack(&self, ptr: *mut u8, size: usize, stack: u32, state: u32) {
        if state & IS_SAMPLED == 0 {
            STACKS.set(ptr as usize, stack);
        } else if stack == contexts::NONE || !set_sample(ptr, size, self.align, stack) {
            SAMPLES.clear(ptr as usize);
        }
    }

    /// Records a block in its place, or it again. False where the table has no memory for it.
    fn record(&self, below: Below<'_>, ptr: *mut u8, size: usize, state: u32) -> bool {
        if !self.is_tool {
            return record_new(below, ptr, size, self.align, state);
        }
        record_slow(below, ptr, Record { is_tool: true, ..Record::new(size, self.align, slot::epoch(state)) })
    }

    fn count_birth(&self, ptr: *mut u8, size: usize, state: u32) {
        if state & BUSY != 0 && !self.is_tool {
            count(0, usable_now(ptr, size, self.align));
        }
    }
}

/// Reallocates as jemalloc does it: where the block stands if that can be, else it moves.
///
/// # Safety
///
/// `old` is a live block of jemalloc, allocated with that size and alignment. The size is not 0.
unsafe fn resize_or_move(below: Below<'_>, old: Old, new_size: usize, state: u32) -> *mut u8 {
    let (ptr, align) = (old.ptr, old.align);
    if Layout::from_size_align(new_size, align).is_err() {
        return ptr::null_mut();
    }
    // First: in the pages that it gives up another thread's block may be at once.
    TABLE.forget(ptr as usize, usable);
    // SAFETY: our caller's block and size; then the same block with the new one.
    let is_resized = unsafe {
        jemalloc::resize(ptr, new_size, align)
            && (TABLE.make_chunks(ptr as usize, jemalloc::usable(new_size, align), &mut Fresh::none())
                || !jemalloc::resize(ptr, old.size, align))
    };
    if is_resized {
        old.note_stack(ptr, new_size, state);
    }
    // It keeps its birth. Of all that it reaches into the chunks are there.
    if old.is_known || is_resized {
        old.record(below, ptr, if is_resized { new_size } else { old.size }, old.state);
    }
    if is_resized {
        if !old.is_known {
            UNKNOWN_FREES.fetch_add(1, Ordering::Relaxed);
            old.count_birth(ptr, new_size, state);
        }
        return ptr;
    }
    // SAFETY: our caller's block and size.
    unsafe { move_to_new(below, old, new_size, state) }
}

/// Moves a block to one that is allocated and recorded before. So where there is no memory for
/// either, it is as it was.
///
/// # Safety
///
/// `old` is a live block, allocated with that size and alignment. The size is not 0.
unsafe fn move_to_new(below: Below<'_>, old: Old, new_size: usize, state: u32) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(new_size, old.align) else { return ptr::null_mut() };
    let new = match (tool_arena().filter(|_| old.is_tool), asked(layout, below.is_jemalloc)) {
        (Some(arena), _) => jemalloc::alloc_in(arena, layout, false),
        // SAFETY: a layout whose size is not 0.
        (None, Some(layout)) => unsafe { below.alloc.alloc(layout) },
        (None, None) => ptr::null_mut(),
    };
    if new.is_null() {
        return new;
    }
    old.note_stack(new, new_size, state);
    let stamped = if old.is_tool { old.state } else { state };
    if !old.record(below, new, new_size, stamped) {
        return take_back(below, new, layout);
    }
    old.count_birth(new, new_size, state);
    // SAFETY: two blocks of at least so many bytes.
    unsafe { ptr::copy_nonoverlapping(old.ptr, new, old.size.min(new_size)) };
    // SAFETY: our caller's block, with its layout.
    dealloc_slow(below, old.ptr, unsafe { Layout::from_size_align_unchecked(old.size, old.align) });
    new
}

/// Reallocates as another allocator does it. It may move the block to anywhere, and that can't be
/// taken back: so memory for the record is there before, or the block moves as we move it.
///
/// # Safety
///
/// As [`resize_or_move`], of a block of that allocator.
unsafe fn realloc_below(below: Below<'_>, old: Old, new_size: usize, state: u32) -> *mut u8 {
    let layout = |size: usize| asked(Layout::from_size_align(size, old.align).ok()?, false);
    let (Some(layout), Some(new_layout)) = (layout(old.size), layout(new_size)) else {
        return ptr::null_mut();
    };
    // None sets aside more than twice what it is asked for.
    let Some(mut reserve) = TABLE.reserve(new_layout.size().saturating_mul(2)) else {
        // SAFETY: our caller's block and size.
        return unsafe { move_to_new(below, old, new_size, state) };
    };
    // The record goes before the address can be another's.
    let record = TABLE.forget(old.ptr as usize, usable);
    let old_usable = record.map_or(0, |record| usable(old.ptr as usize, record));
    if state & IS_SAMPLED != 0 {
        SAMPLES.clear(old.ptr as usize);
    }
    // SAFETY: our caller's block, what was asked for its layout, and what is for the new size.
    let new = unsafe { below.alloc.realloc(old.ptr, layout, new_layout.size()) };
    if new.is_null() {
        // It is as it was.
        if state & HAVE_STACKS != 0 && !old.is_tool {
            old.set_stack(old.ptr, old.size, old.stack, state);
        }
        if old.is_known {
            old.record(below, old.ptr, old.size, old.state);
        }
    } else {
        old.note_stack(new, new_size, state);
        let is_born = new != old.ptr || !old.is_known;
        let stamped = if is_born && !old.is_tool { state } else { old.state };
        if !old.record(below, new, new_size, stamped) {
            TABLE.make_chunks(new as usize, usable_now(new, new_size, old.align), &mut reserve);
            old.record(below, new, new_size, stamped);
        }
        if is_born {
            count_death(record, old_usable);
            old.count_birth(new, new_size, state);
        }
    }
    TABLE.put_back(reserve);
    new
}

/// Bytes of memory that stacks take.
fn stacks_resident() -> u64 {
    STACKS.resident() + SAMPLES.resident() + stack::CONTEXTS.resident()
}

/// Slots that are loaded together.
const TOGETHER: usize = 64;
/// Slots in a line of the processor's caches.
const LINE: usize = 32;

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

impl Blocks {
    /// The sizes of any block.
    #[inline(never)]
    fn sizes_of(&self, addr: u64) -> Sizes {
        Sizes::of(self.lookup(addr))
    }
}

impl LiveBlocks for Blocks {
    fn lookup(&self, addr: u64) -> Option<LiveBlock> {
        TABLE.lookup(usize::try_from(addr).ok()?, usable).map(Blocks::block)
    }

    fn sizes(&self, addrs: &[u64], sizes: &mut [Sizes]) {
        if IS_FOREIGN.load(Ordering::Relaxed) {
            for (sizes, &addr) in sizes.iter_mut().zip(addrs) {
                *sizes = self.sizes_of(addr);
            }
            return;
        }
        for (addrs, sizes) in addrs.chunks(TOGETHER).zip(sizes.chunks_mut(TOGETHER)) {
            // First all heads are asked for, so that they are on their way together.
            let mut heads = [None; TOGETHER];
            for (head, &addr) in heads.iter_mut().zip(addrs) {
                *head = TABLE.at(addr as usize);
                memory::prefetch(head.map_or(ptr::null(), Head::as_ptr));
            }
            let (mut others, mut count) = ([0_u8; TOGETHER], 0);
            for (at, (sizes, place)) in sizes.iter_mut().zip(&heads).enumerate() {
                // A block takes eight bytes at least, so one that begins there holds the address.
                let plain = place.and_then(Head::plain_size);
                let usable = plain.map_or(0, jemalloc::usable_plain);
                if let (Some(size), 1..) = (plain, usable) {
                    *sizes = Sizes { requested: size as u64, usable: usable as u64 };
                } else {
                    // It mostly begins a little before.
                    let place = place.map_or(ptr::null(), Head::as_ptr);
                    memory::prefetch(place.wrapping_sub(LINE));
                    memory::prefetch(place.wrapping_sub(2 * LINE));
                    others[count] = at as u8;
                    count += 1;
                }
            }
            for &at in &others[..count] {
                let at = usize::from(at);
                sizes[at] = self.sizes_of(addrs[at]);
            }
        }
    }

    fn for_each(&self, visit: &mut dyn FnMut(LiveBlock)) {
        TABLE.for_each(|addr, record| {
            let usable = usable(addr, record);
            visit(Blocks::block((addr, record, usable)));
            usable
        });
    }

    fn begin(&self) -> (u32, bool) {
        for counter in &TRAFFIC {
            counter.store(0, Ordering::Relaxed);
        }
        IS_COUNTING.store(true, Ordering::Relaxed);
        let step = |state: u32| {
            let next = if slot::epoch(state) < MAX_EPOCH { NEXT_EPOCH } else { 0 };
            is_tracking(state).then(|| state + SLOW + next)
        };
        let Ok(before) = STATE.fetch_update(Ordering::AcqRel, Ordering::Relaxed, step) else {
            IS_COUNTING.store(false, Ordering::Relaxed);
            return (0, false); // nothing is tracked
        };
        if !IS_FOREIGN.load(Ordering::Relaxed) {
            watch();
        }
        let before = slot::epoch(before);
        ((before + 1).min(MAX_EPOCH), before == MAX_EPOCH)
    }

    fn end(&self) -> Traffic {
        if !IS_COUNTING.swap(false, Ordering::Relaxed) {
            return Traffic::default();
        }
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
        if !is_tracking(STATE.load(Ordering::Relaxed)) {
            return false; // nothing is tracked
        }
        if is_tool && TOOL_ARENA.load(Ordering::Acquire) == 0 && !IS_FOREIGN.load(Ordering::Relaxed) {
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
        let table = TABLE.resident() + BEYOND.resident() + stacks_resident();
        if !IS_FOREIGN.load(Ordering::Relaxed) && is_tracking(STATE.load(Ordering::Relaxed)) {
            let figures = jemalloc::figures(tool_arena(), CACHE_BLOCK.load(Ordering::Relaxed));
            return AllocatorFigures { table, ..figures };
        }
        let mut figures = AllocatorFigures { table, is_unaccounted: true, ..AllocatorFigures::default() };
        self.for_each(&mut |block| match block.is_tool {
            true => figures.tool += block.usable,
            false => figures.live += block.usable,
        });
        figures
    }

    fn size_classes(&self) -> Vec<SizeClass> {
        match !IS_FOREIGN.load(Ordering::Relaxed) && is_tracking(STATE.load(Ordering::Relaxed)) {
            true => jemalloc::size_classes(tool_arena()),
            false => Vec::new(),
        }
    }

    fn table_memory(&self, visit: &mut dyn FnMut(u64, u64)) {
        let stacks = STACKS.ranges().chain(SAMPLES.ranges()).chain(stack::CONTEXTS.ranges());
        for (address, len) in TABLE.ranges().chain(BEYOND.ranges()).chain(stacks) {
            visit(address, len);
        }
    }

    fn bookkeeping(&self, visit: &mut dyn FnMut(u64)) {
        if !IS_FOREIGN.load(Ordering::Relaxed) {
            jemalloc::bookkeeping(visit);
        }
    }

    fn unknown_frees(&self) -> u64 {
        UNKNOWN_FREES.load(Ordering::Relaxed)
    }

    fn stacks(&self) -> Option<StackFigures> {
        let state = STATE.load(Ordering::Relaxed);
        (is_tracking(state) && state & HAVE_STACKS != 0).then(|| StackFigures {
            way: if state & TAGS_ALONE == 0 { stack::way() } else { StackWay::NOT_TAKEN }.0,
            mean: MEAN.load(Ordering::Relaxed),
            lost: stack::lost(),
            nodes: u64::from(stack::CONTEXTS.count()),
            table: stacks_resident(),
        })
    }

    fn stack_of(&self, addr: u64) -> u32 {
        usize::try_from(addr).map_or(0, |addr| stack_of(addr, STATE.load(Ordering::Relaxed)))
    }

    fn stack(&self, number: u32) -> Option<StackFrame> {
        if number == contexts::UNKNOWN {
            return Some(StackFrame { parent: contexts::NONE, address: 0 });
        }
        stack::CONTEXTS.frame(number).map(|(parent, address)| StackFrame { parent, address })
    }

    fn enter_tag(&self, name: &'static str) -> u32 {
        let state = STATE.load(Ordering::Relaxed);
        match is_tracking(state) && state & HAVE_STACKS != 0 {
            true => tags::enter(&stack::CONTEXTS, name),
            false => contexts::NONE,
        }
    }

    fn leave_tag(&self, before: u32) {
        tags::leave(before);
    }

    fn tag_name(&self, frame: StackFrame) -> Option<&'static str> {
        tags::name(frame)
    }
}

/// Loses the record of a block, as a broken allocator would. Only for tests
/// that see whether the ledger notices.
#[doc(hidden)]
pub fn lose_record(addr: usize) -> bool {
    TABLE.forget(addr, usable).is_some()
}
