//! What each call of the program goes through where jemalloc stands below.
//!
//! One word of state tells *off*, *sizes*, samples and all else apart. *off* goes on
//! at once. A plain block (see [`slot::is_plain`]) costs finding the place of its slot
//! and one store. All that is neither leaves for the slow ways of `global`.
//!
//! The short ways are inlined where the program calls; the longer ones are not generic, so
//! that they are compiled here, once.

#![expect(unsafe_code, reason = "is called as an allocator")]

use crate::below::Below;
use crate::global::{
    alloc_slow, dealloc_slow, note_stack, realloc_slow, record_slow, set_sample, take_back, ALL_HAVE_STACKS,
    BUSY, IS_SAMPLED, MEAN, OFF, SLOW, STACKS, STATE, TABLE,
};
use crate::slot::{self, Record, GRANULE, STAMP};
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
        if state < SLOW {
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
        if state < SLOW && TABLE.forget_plain(ptr as usize) {
            return jemalloc::free_natural(ptr, size);
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

/// As [`alloc_long`], where some blocks have a sample in them.
#[inline(never)]
unsafe fn alloc_sampled_long(size: usize, align: usize, state: u32) -> *mut u8 {
    if !slot::is_long(size, align) {
        // SAFETY: our caller's layout.
        return unsafe { alloc_other(size, align, state) };
    }
    let plain = slot::long(size, align, state & STAMP);
    sampled(record_long(jemalloc::alloc_natural(size, false), plain), size)
}

/// As [`alloc_short`], where some blocks have a sample in them.
#[inline(never)]
unsafe fn alloc_sampled_short(size: usize, align: usize, state: u32) -> *mut u8 {
    if !slot::is_short(size, align) {
        // SAFETY: our caller's layout.
        return unsafe { alloc_other(size, align, state) };
    }
    let plain = slot::short(size, align, state & STAMP);
    // Its size from there, so that this alone is kept meanwhile.
    sampled(record_short(jemalloc::alloc_natural(size, false), plain), slot::short_size(plain))
}

/// Counts the bytes of a block that was just recorded, or of null. That comes last, so that little
/// is kept until then.
#[inline(always)]
fn sampled(ptr: *mut u8, size: usize) -> *mut u8 {
    match sample::misses(size) {
        true => ptr,
        false => record_sample(ptr, size),
    }
}

/// Records a block again, if there is a sample in it.
#[cold]
#[inline(never)]
fn record_sample(ptr: *mut u8, size: usize) -> *mut u8 {
    let is_hit = sample::hits(size, MEAN.load(Ordering::Relaxed));
    if let Some(record) = TABLE.begins_at(ptr as usize).filter(|_| is_hit) {
        if set_sample(ptr, size, record.align(), stack::here()) {
            record_slow(below(), ptr, Record { has_sample: true, ..record });
        }
    }
    ptr
}

/// Records the first block in its chunk.
#[cold]
#[inline(never)]
fn record_first(ptr: *mut u8, plain: u32) -> *mut u8 {
    let (head, size) = slot::halves(plain);
    let Some(record) = slot::decode(head, |_| size).filter(|_| !ptr.is_null()) else { return ptr };
    match record_slow(below(), ptr, record) {
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
    // Never both; so that what is for samples is not compiled in here.
    const WHICH: u32 = ALL_HAVE_STACKS | IS_SAMPLED | BUSY;
    if state & WHICH != ALL_HAVE_STACKS || !slot::is_plain(size, align) {
        // SAFETY: our caller's layout.
        return alloc_slow(below(), unsafe { layout(size, align) }, state, IS_ZEROED);
    }
    let plain = slot::plain(size, align, state & STAMP);
    let ptr = jemalloc::alloc_natural(size, IS_ZEROED);
    if !ptr.is_null() {
        // Before the record, so that who finds that finds the stack.
        note_stack(ptr, size, align, state);
    }
    record(ptr, plain)
}

#[inline(never)]
unsafe fn dealloc_other(ptr: *mut u8, size: usize, align: usize) {
    if STATE.load(Ordering::Relaxed) & BUSY == 0 && TABLE.forget_plain(ptr as usize) {
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
            // Of what it grows by, where bytes are counted.
            let has_no_sample = || state & IS_SAMPLED == 0 || sample::misses(new_size.saturating_sub(size));
            if slot::begins_plain(old) && has_no_sample() {
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
                if state & ALL_HAVE_STACKS != 0 && !new.is_null() {
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
