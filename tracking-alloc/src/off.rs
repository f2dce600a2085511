//! In place of all else where the feature `enabled` is off: every request goes on.

#![expect(unsafe_code, reason = "a global allocator is unsafe by its interface")]

use crate::TrackingAlloc;
use std::alloc::{GlobalAlloc, Layout};

// SAFETY: each call is handed on as it is.
unsafe impl<A: GlobalAlloc> GlobalAlloc for TrackingAlloc<A> {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: our caller's layout.
        unsafe { self.inner.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: our caller's layout.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: our caller's pointer and layout.
        unsafe { self.inner.dealloc(ptr, layout) }
    }

    #[inline(always)]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: our caller's pointer, layout and size.
        unsafe { self.inner.realloc(ptr, layout, new_size) }
    }
}
