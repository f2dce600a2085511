//! What each call of the program goes through where jemalloc stands below.
//!
//! One word of state, compared once, tells *off*, *sizes* and all else apart. *off* goes on
//! at once. A plain block (see [`slot::is_plain`]) costs finding the place of its slot
//! and one store. All that is neither leaves for the slow ways of `global`.
//!
//! The short ways are inlined where the program calls; the longer ones are not generic, so
//! that they are compiled here, once.

#![expect(unsafe_code, reason = "is called as an allocator")]

use crate::below::Below;
use crate::global::{
    alloc_slow, clear_sample, dealloc_slow, note_stack, realloc_slow, record_slow, set_sample,
    stays_without_sample, take_back, BUSY, HAS_STACKS, IS_SAMPLED, MEAN, OFF, STACKS, STATE, TABLE,
};
use crate::slot::{self, GRANULE, STAMP};
use crate::{jemalloc, sample, stack};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::Ordering;
use tikv_jemallocator::Jemalloc;

/// # Safety
///
/// As [`GlobalAlloc::alloc`], with the size and alignment of the layout.
#[inline(always)]
pub(crate) unsafe fn alloc(size: usize, align: usize) -> *mut u8 {
    let state = STATE.load(Ordering::Relaxed);
    // SAFETY: our caller's layout.
    unsafe {
        if state == OFF {
            if jemalloc::is_natural(size, align) {
                return jemalloc::alloc_natural(size, false);
            }
            return Jemalloc.alloc(layout(size, align));
        }
        if state < OFF {
            if size > GRANULE {
                return alloc_long(size, align, state);
            }
            return alloc_short(size, align, state);
        }
        if is_sampled(state) {
            if size > GRANULE {
                return alloc_sampled_long(size, align, state);
            }
            return alloc_sampled_short(size, align, state);
        }
        alloc_other(size, align, state)
    }
}

/// # Safety
///
/// As [`GlobalAlloc::alloc_zeroed`], with the size and alignment of the layout.
#[inline(always)]
pub(crate) unsafe fn alloc_zeroed(size: usize, align: usize) -> *mut u8 {
    let state = STATE.load(Ordering::Relaxed);
    // SAFETY: our caller's layout.
    unsafe {
        if state == OFF {
            if jemalloc::is_natural(size, align) {
                return jemalloc::alloc_natural(size, true);
            }
            return Jemalloc.alloc_zeroed(layout(size, align));
        }
        if state < OFF && size > GRANULE {
            return alloc_zeroed_long(size, align, state);
        }
        alloc_zeroed_other(size, align, state)
    }
}

/// # Safety
///
/// As [`GlobalAlloc::dealloc`], with the size and alignment of the layout.
#[inline(always)]
pub(crate) unsafe fn dealloc(ptr: *mut u8, size: usize, align: usize) {
    let state = STATE.load(Ordering::Relaxed);
    // SAFETY: our caller's pointer and layout. A plain block is a natural one.
    unsafe {
        if state == OFF {
            if jemalloc::is_natural(size, align) {
                return jemalloc::free_natural(ptr, size);
            }
            return Jemalloc.dealloc(ptr, layout(size, align));
        }
        // Forget the block before freeing it: once freed, another thread may be
        // given the same address, and its record must not be the one we erase.
        if state < OFF && TABLE.forget_plain(ptr as usize).is_some() {
            return jemalloc::free_natural(ptr, size);
        }
        if is_sampled(state) {
            return dealloc_sampled(ptr, size, align);
        }
        dealloc_other(ptr, size, align);
    }
}

/// # Safety
///
/// As [`GlobalAlloc::realloc`], with the size and alignment of the layout.
#[inline(always)]
pub(crate) unsafe fn realloc(ptr: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: our caller's pointer, layout and size.
    unsafe {
        if STATE.load(Ordering::Relaxed) == OFF {
            if jemalloc::is_natural(new_size, align) {
                return jemalloc::realloc_natural(ptr, new_size);
            }
            return Jemalloc.realloc(ptr, layout(size, align), new_size);
        }
        realloc_on(ptr, size, align, new_size)
    }
}

/// Whether some blocks have stacks, and nothing else is to be done than to count bytes.
#[inline(always)]
fn is_sampled(state: u32) -> bool {
    state & (HAS_STACKS | IS_SAMPLED | BUSY) == HAS_STACKS | IS_SAMPLED
}

fn below() -> Below<'static> {
    Below { alloc: &Jemalloc, is_jemalloc: true, usable: None }
}

#[inline(always)]
unsafe fn layout(size: usize, align: usize) -> Layout {
    // SAFETY: of a layout, by our caller's promise.
    unsafe { Layout::from_size_align_unchecked(size, align) }
}

#[inline(never)]
unsafe fn alloc_long(size: usize, align: usize, stamp: u32) -> *mut u8 {
    // SAFETY: our caller's layout.
    unsafe { alloc_if_long::<false>(size, align, stamp) }
}

#[inline(never)]
unsafe fn alloc_zeroed_long(size: usize, align: usize, stamp: u32) -> *mut u8 {
    // SAFETY: our caller's layout.
    unsafe { alloc_if_long::<true>(size, align, stamp) }
}

/// Allocates a long block; else leaves.
#[inline(always)]
unsafe fn alloc_if_long<const IS_ZEROED: bool>(size: usize, align: usize, stamp: u32) -> *mut u8 {
    if !slot::is_long(size, align) {
        let leave = if IS_ZEROED { alloc_zeroed_other } else { alloc_other };
        // SAFETY: our caller's layout.
        return unsafe { leave(size, align, stamp) };
    }
    // Before the block, so that this alone is kept meanwhile.
    let plain = slot::long(size, align, stamp);
    record_long(jemalloc::alloc_natural(size, IS_ZEROED), plain)
}

/// Records a long block that was just allocated, or null.
#[inline(always)]
fn record_long(ptr: *mut u8, plain: u32) -> *mut u8 {
    // No block begins in the first chunk of the address space, so null has no slot.
    match TABLE.record_long(ptr as usize, plain) {
        true => ptr,
        false => record_first(ptr, plain),
    }
}

#[inline(never)]
unsafe fn alloc_short(size: usize, align: usize, stamp: u32) -> *mut u8 {
    if !slot::is_short(size, align) {
        // SAFETY: our caller's layout.
        return unsafe { alloc_other(size, align, stamp) };
    }
    let plain = slot::short(size, align, stamp);
    record_short(jemalloc::alloc_natural(size, false), plain)
}

/// Records a short block that was just allocated, or null.
#[inline(always)]
fn record_short(ptr: *mut u8, plain: u32) -> *mut u8 {
    match TABLE.record_short(ptr as usize, plain) {
        true => ptr,
        false => record_first(ptr, plain),
    }
}

/// As [`alloc_long`], where there is no sample in the block.
#[inline(never)]
unsafe fn alloc_sampled_long(size: usize, align: usize, state: u32) -> *mut u8 {
    if !slot::is_long(size, align) || !sample::misses(size) {
        // SAFETY: our caller's layout.
        return unsafe { alloc_other(size, align, state) };
    }
    let plain = slot::long(size, align, state & STAMP);
    record_long(jemalloc::alloc_natural(size, false), plain)
}

/// As [`alloc_short`], where there is no sample in the block.
#[inline(never)]
unsafe fn alloc_sampled_short(size: usize, align: usize, state: u32) -> *mut u8 {
    if !slot::is_short(size, align) || !sample::misses(size) {
        // SAFETY: our caller's layout.
        return unsafe { alloc_other(size, align, state) };
    }
    let plain = slot::short(size, align, state & STAMP);
    record_short(jemalloc::alloc_natural(size, false), plain)
}

/// Records the first block in its chunk.
#[cold]
#[inline(never)]
fn record_first(ptr: *mut u8, plain: u32) -> *mut u8 {
    let (head, size) = slot::halves(plain);
    let Some(record) = slot::decode(head, |_| size).filter(|_| !ptr.is_null()) else { return ptr };
    // The second time, what it says of a sample.
    match record_slow(below(), ptr, record.size, record.align(), record.epoch, false)
        && TABLE.record_plain(ptr as usize, plain)
    {
        true => ptr,
        // SAFETY: of the layout that it was allocated with.
        false => take_back(below(), ptr, unsafe { layout(record.size, record.align()) }),
    }
}

/// Records a plain block that was just allocated, or null.
#[inline(always)]
fn record(ptr: *mut u8, plain: u32) -> *mut u8 {
    match TABLE.record_plain(ptr as usize, plain) {
        true => ptr,
        false => record_first(ptr, plain),
    }
}

#[inline(never)]
unsafe fn alloc_other(size: usize, align: usize, state: u32) -> *mut u8 {
    // SAFETY: our caller's layout.
    unsafe { alloc_noting::<false>(size, align, state) }
}

#[inline(never)]
unsafe fn alloc_zeroed_other(size: usize, align: usize, state: u32) -> *mut u8 {
    // SAFETY: our caller's layout.
    unsafe { alloc_noting::<true>(size, align, state) }
}

/// Allocates a plain block where its stack or its tags are noted too; else leaves.
#[inline(always)]
unsafe fn alloc_noting<const IS_ZEROED: bool>(size: usize, align: usize, state: u32) -> *mut u8 {
    if state & (HAS_STACKS | BUSY) != HAS_STACKS || !slot::is_plain(size, align) {
        // SAFETY: our caller's layout.
        return alloc_slow(below(), unsafe { layout(size, align) }, state, IS_ZEROED);
    }
    let plain = slot::plain(size, align, state & STAMP);
    let ptr = jemalloc::alloc_natural(size, IS_ZEROED);
    if state & IS_SAMPLED == 0 {
        if !ptr.is_null() {
            // Before the record, so that who finds that finds the stack.
            note_stack(ptr, size, state);
        }
    } else if sample::hits(size, MEAN.load(Ordering::Relaxed)) {
        return record_sample(ptr, plain);
    }
    record(ptr, plain)
}

/// Records a block with a sample in it.
#[cold]
#[inline(never)]
fn record_sample(ptr: *mut u8, plain: u32) -> *mut u8 {
    match !ptr.is_null() && set_sample(ptr as usize, stack::here()) {
        true => record(ptr, slot::with_sample(plain)),
        false => record(ptr, plain),
    }
}

#[inline(never)]
unsafe fn dealloc_sampled(ptr: *mut u8, size: usize, align: usize) {
    let Some(head) = TABLE.forget_plain(ptr as usize) else {
        // SAFETY: our caller's layout.
        return dealloc_slow(below(), ptr, unsafe { layout(size, align) });
    };
    clear_sample(ptr as usize, head);
    // SAFETY: our caller's pointer and size, of a plain block.
    unsafe { jemalloc::free_natural(ptr, size) };
}

#[inline(never)]
unsafe fn dealloc_other(ptr: *mut u8, size: usize, align: usize) {
    if STATE.load(Ordering::Relaxed) & (BUSY | IS_SAMPLED) == 0 && TABLE.forget_plain(ptr as usize).is_some()
    {
        // SAFETY: our caller's pointer and size, of a plain block.
        return unsafe { jemalloc::free_natural(ptr, size) };
    }
    // SAFETY: our caller's layout.
    dealloc_slow(below(), ptr, unsafe { layout(size, align) });
}

#[inline(never)]
unsafe fn realloc_on(ptr: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
    let state = STATE.load(Ordering::Relaxed);
    if state & BUSY == 0 && slot::is_plain(new_size, align) {
        if let Some(place) = TABLE.head(ptr as usize) {
            let old = place.load(Ordering::Relaxed);
            let is_simple = || {
                let grown = new_size.saturating_sub(size);
                state & IS_SAMPLED == 0 || stays_without_sample(ptr as usize, old, grown)
            };
            if slot::begins_plain(old) && is_simple() {
                if jemalloc::usable(size, align) == jemalloc::usable(new_size, align) {
                    // Grown or shrunk where it stands: the same block, with its birth.
                    let plain = slot::plain(new_size, align, u32::from(old) & STAMP);
                    TABLE.record_plain(ptr as usize, plain);
                    return ptr;
                }
                // jemalloc moves a block to another class. So that there is nothing to put back
                // where it has no memory, or the table, the new block comes first.
                let new = jemalloc::alloc_natural(new_size, false);
                // Where each block has a number beside its slot, it goes along.
                if state & (HAS_STACKS | IS_SAMPLED) == HAS_STACKS && !new.is_null() {
                    STACKS.set(new as usize, STACKS.get(ptr as usize));
                }
                let new = record(new, slot::plain(new_size, align, state & STAMP));
                if !new.is_null() {
                    // SAFETY: two blocks of at least this size.
                    unsafe { ptr::copy_nonoverlapping(ptr, new, size.min(new_size)) };
                    // As in `dealloc`: the record goes before the address can be another's.
                    place.store(0, Ordering::Relaxed);
                    // SAFETY: our caller's pointer and size, of a plain block.
                    unsafe { jemalloc::free_natural(ptr, size) };
                }
                return new;
            }
        }
    }
    // SAFETY: our caller's pointer, layout and size.
    unsafe { realloc_slow(below(), ptr, layout(size, align), new_size) }
}
