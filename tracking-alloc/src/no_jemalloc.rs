//! In place of `jemalloc` where the feature is off: never asked.

#![expect(unsafe_code, reason = "has the face of the module that it stands for")]

use heap_snapshot::record::{AllocatorFigures, SizeClass};
use std::alloc::Layout;
use std::ptr;

pub(crate) fn usable(size: usize, _align: usize) -> usize {
    size
}

pub(crate) fn usable_plain(_size: usize) -> usize {
    0
}

pub(crate) fn alloc_in(_arena: u32, _layout: Layout, _is_zeroed: bool) -> *mut u8 {
    ptr::null_mut()
}

/// # Safety
///
/// None: it does nothing.
pub(crate) unsafe fn resize(_ptr: *mut u8, _size: usize, _align: usize) -> bool {
    false
}

/// # Safety
///
/// None: it does nothing.
pub(crate) unsafe fn free(_ptr: *mut u8) {}

pub(crate) fn cache_block(_usable: u64) -> u64 {
    0
}

pub(crate) fn create_arena() -> Option<u32> {
    None
}

pub(crate) fn figures(_tool_arena: Option<u32>, _cache_block: u64) -> AllocatorFigures {
    AllocatorFigures { is_unaccounted: true, ..AllocatorFigures::default() }
}

pub(crate) fn size_classes(_tool_arena: Option<u32>) -> Vec<SizeClass> {
    Vec::new()
}

pub(crate) fn watch(_hear: fn(usize, usize)) {}

pub(crate) fn bookkeeping(_visit: &mut dyn FnMut(u64)) {}
