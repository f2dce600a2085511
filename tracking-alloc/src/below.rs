//! The allocator below, and what may be asked of it.
//!
//! jemalloc is known: its size classes are computed, its blocks of 8 bytes stay
//! 8 bytes, and its own account is what the ledger is compared with. Any other
//! allocator is asked for at least 16 bytes at a multiple of 16, so that each
//! block has a slot of the table to itself, and has no account of its own.

use crate::slot::{GRANULE, MOST};
use crate::{Lower, UsableSize};
use std::alloc::{GlobalAlloc, Layout, System};
use std::any::TypeId;

/// What the slow ways need of a [`crate::TrackingAlloc`], whatever it stands on.
#[derive(Clone, Copy)]
pub(crate) struct Below<'a> {
    pub(crate) alloc: &'a dyn GlobalAlloc,
    pub(crate) is_jemalloc: bool,
    pub(crate) usable: Option<UsableSize>,
}

/// Whether `A` is jemalloc, under its own name or, where `malloc` is jemalloc's, the
/// system's. A constant, once optimised.
#[inline(always)]
pub(crate) fn is_jemalloc<A: 'static>() -> bool {
    let is = TypeId::of::<A>();
    cfg!(feature = "jemalloc") && is == TypeId::of::<Lower>()
        || cfg!(feature = "interpose") && is == TypeId::of::<System>()
}

/// What is asked of the allocator below for a block; `None` where that is more
/// than there can be.
#[inline(always)]
pub(crate) fn asked(layout: Layout, is_jemalloc: bool) -> Option<Layout> {
    if is_jemalloc {
        return Some(layout);
    }
    let size = set_aside(layout.size(), layout.align());
    Layout::from_size_align(size, layout.align().max(GRANULE)).ok()
}

/// Bytes asked of an allocator that is not jemalloc: a granule for each slot.
#[inline(always)]
pub(crate) fn set_aside(size: usize, align: usize) -> usize {
    let slots = match align {
        ..=16 => 1,
        17..=0xff => 2,
        _ => MOST,
    };
    size.max(slots * GRANULE)
}
