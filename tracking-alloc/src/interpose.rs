//! C's `malloc` and its family, as the process sees them: the second way in.
//!
//! The functions have the C library's names. A program's own definition comes before the
//! library's, so with these in the executable whoever calls `malloc` calls here: C and C++
//! code, the C library itself, and Rust code without `#[global_allocator]`. Blocks come from the same jemalloc
//! and have their records in the same table as those that are asked for as Rust does.
//!
//! C frees without saying of what size; the record says it, and jemalloc where there is none.

#![expect(unsafe_code, reason = "C's functions are unsafe, and so is exporting their names")]

use crate::global::TABLE;
use crate::slot::Record;
use crate::{hot, jemalloc};
use std::ffi::{c_int, c_void};
use std::ptr;

/// C's blocks are aligned by their sizes, as jemalloc does it without flags.
const ALIGN: usize = 1;

/// Allocates as C does: with at least a byte, null and `errno` where it can't be.
fn alloc(size: Option<usize>, align: usize, is_zeroed: bool) -> *mut c_void {
    let most = isize::MAX as usize - (align - 1);
    let Some(size) = size.filter(|size| *size <= most) else { return refused(libc::ENOMEM) };
    // SAFETY: the size is not 0, and with the alignment, a power of two, no more than a layout may have.
    let ptr = unsafe {
        match is_zeroed {
            true => hot::alloc_zeroed(size.max(1), align),
            false => hot::alloc(size.max(1), align),
        }
    };
    match ptr.is_null() {
        true => refused(libc::ENOMEM),
        false => ptr.cast(),
    }
}

#[cold]
fn refused(error: c_int) -> *mut c_void {
    // SAFETY: the place of this thread's `errno`.
    unsafe { *libc::__errno_location() = error };
    ptr::null_mut()
}

/// Size and alignment with which a block was allocated, or others of the same size class.
///
/// # Safety
///
/// A live block of jemalloc.
unsafe fn layout(ptr: *mut c_void) -> (usize, usize) {
    match TABLE.begins_at(ptr as usize) {
        Some(record) => (record.size, Record::align(record)),
        // SAFETY: our caller's block.
        None => (unsafe { jemalloc::usable_of(ptr.cast()) }, ALIGN),
    }
}

/// Bytes of a page of the system.
fn page() -> usize {
    // SAFETY: only asks.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Null on failure, with `errno`. Of 0 bytes it gives a block of its own, as jemalloc and glibc do.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    alloc(Some(size), ALIGN, false)
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    alloc(count.checked_mul(size), ALIGN, true)
}

/// Of 0 bytes it gives a block, as jemalloc does (glibc frees the old one and gives null).
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
    if ptr.is_null() {
        return malloc(size);
    }
    if size > isize::MAX as usize {
        return refused(libc::ENOMEM);
    }
    // SAFETY: the program's block, by the rule of `realloc`, and what it was allocated with.
    let new = unsafe {
        let (old_size, align) = layout(ptr);
        hot::realloc(ptr.cast(), old_size, align, size.max(1))
    };
    match new.is_null() {
        true => refused(libc::ENOMEM),
        false => new.cast(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn reallocarray(ptr: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the program's block.
        Some(size) => unsafe { realloc(ptr, size) },
        None => refused(libc::ENOMEM),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(ptr: *mut c_void) {
    if !ptr.is_null() {
        // SAFETY: the program's block, which it gives up, and what it was allocated with.
        unsafe {
            let (size, align) = layout(ptr);
            hot::dealloc(ptr.cast(), size, align);
        }
    }
}

/// C23's `free` with the size, which the record says better.
#[unsafe(no_mangle)]
unsafe extern "C" fn free_sized(ptr: *mut c_void, _size: usize) {
    // SAFETY: as for `free`.
    unsafe { free(ptr) };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free_aligned_sized(ptr: *mut c_void, _align: usize, _size: usize) {
    // SAFETY: as for `free`.
    unsafe { free(ptr) };
}

/// Returns an error's number and leaves `errno` and the place as they were, or 0.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if !align.is_power_of_two() || align % size_of::<*mut c_void>() != 0 {
        return libc::EINVAL;
    }
    // SAFETY: the place of this thread's `errno`.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; nobody else writes there.
    let before = unsafe { *errno };
    let ptr = alloc(Some(size), align, false);
    if ptr.is_null() {
        // SAFETY: as above.
        unsafe { *errno = before };
        return libc::ENOMEM;
    }
    // SAFETY: a place for a pointer, by the rule of `posix_memalign`.
    unsafe { *place = ptr };
    0
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    match align.is_power_of_two() {
        true => alloc(Some(size), align, false),
        false => refused(libc::EINVAL),
    }
}

#[unsafe(no_mangle)]
extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    aligned_alloc(align, size)
}

#[unsafe(no_mangle)]
extern "C" fn valloc(size: usize) -> *mut c_void {
    alloc(Some(size), page(), false)
}

#[unsafe(no_mangle)]
extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let page = page();
    alloc(size.max(1).checked_next_multiple_of(page), page, false)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn malloc_usable_size(ptr: *mut c_void) -> usize {
    match ptr.is_null() {
        true => 0,
        // SAFETY: the program's block.
        false => unsafe { jemalloc::usable_of(ptr.cast()) },
    }
}
