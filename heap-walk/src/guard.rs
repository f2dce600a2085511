//! The walk's unsafe core: values behind locks and borrows.
//!
//! To walk what a lock protects, its guard must live until the last item
//! behind it was walked, which may be long after the call that took it
//! returned. So the guard is *parked* in the walker before anything behind it
//! is entered, and what it protects is handed on with the walk's own lifetime
//! `'a`. That is sound because
//!
//! 1. the guarded value does not move while its guard lives, wherever the guard
//!    itself lies ([`Guard`] is implemented only for guards that point to it);
//! 2. a reference with lifetime `'a` can get out of `Walk::walk` only into the
//!    walker (the trait's method is generic over `'a`, and the walker is
//!    invariant in it), that is, onto its work list;
//! 3. what is put off (items of the work list, locks to be tried again, values
//!    that references lead to) carries the number of locks that were held then,
//!    and a lock is released only when nothing with as high a number waits any
//!    more, however much more was put off meanwhile (`Walker::release`);
//! 4. locks are released innermost first, so what an inner guard points to is
//!    still held by the outer ones;
//! 5. guards that no other thread waits for (borrows of cells, copies) are kept,
//!    unless nothing was put off behind them, until the innermost lock around
//!    them is released, or to the end of the walk.
//!
//! The lock itself lies behind a `&'a` reference or behind an outer guard, so
//! it outlives its own guard.

#![expect(unsafe_code, reason = "parks guards and extends what they protect to the walk's lifetime")]

use std::cell::Ref;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{MutexGuard, RwLockReadGuard};

/// A guard that points to what it protects.
///
/// # Safety
///
/// The target of `deref` must stay where it is while the guard lives, also when
/// the guard moves, and must not change but through interior mutability.
pub(crate) unsafe trait Guard: Deref {
    /// Whether it holds something that others may want.
    const HOLDS: bool = true;
    /// Whether releasing it may run the program's destructors. Then it is done
    /// after the walk, when no lock is held any more, so it must not point into
    /// what a lock protects.
    const DROPS: bool = false;
}

// SAFETY: it holds a pointer into the cell and a count of its borrows.
unsafe impl<T: ?Sized> Guard for Ref<'_, T> {}
// SAFETY: it holds a reference to the mutex and derefs into that.
unsafe impl<T: ?Sized> Guard for MutexGuard<'_, T> {}
// SAFETY: it holds a pointer into the lock.
unsafe impl<T: ?Sized> Guard for RwLockReadGuard<'_, T> {}

/// A copy of a cell's value, which lives as long as a guard would.
///
/// A pointer, not a `Box`: a `Box` that moves claims its contents for itself,
/// and would invalidate the reference that was handed out.
pub(crate) struct Copied<T: Copy>(NonNull<T>);

impl<T: Copy> Copied<T> {
    pub(crate) fn new(value: T) -> Copied<T> {
        Copied(NonNull::from(Box::leak(Box::new(value))))
    }
}

impl<T: Copy> Deref for Copied<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: it points to the box that `new` leaked and `drop` takes back.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Copy> Drop for Copied<T> {
    fn drop(&mut self) {
        // SAFETY: `new` leaked it, and this runs once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

// SAFETY: it holds a pointer to the copy, which nobody else knows.
unsafe impl<T: Copy> Guard for Copied<T> {
    const HOLDS: bool = false;
}

/// Two words: what the guards of sized values take.
type Words = [MaybeUninit<usize>; 2];

/// A guard whose type is forgotten, but for how it is dropped.
struct Parked {
    words: Words,
    release: unsafe fn(*mut Words),
}

/// The guards that are parked, outermost first.
#[derive(Default)]
pub(crate) struct Guards(Vec<Parked>);

impl Guards {
    /// Number of guards parked.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Releases guards, innermost first, until `count` are left.
    pub(crate) fn release(&mut self, count: usize) {
        while self.0.len() > count {
            self.0.pop();
        }
    }

    /// Parks `guard` and returns what it protects for as long as the walk runs.
    ///
    /// # Safety
    ///
    /// The caller must not release the guard before the last use of what was
    /// reached through the returned reference, and must release it before `'a` ends.
    pub(crate) unsafe fn park<'a, G>(&mut self, guard: G) -> &'a G::Target
    where
        G: Guard + 'a,
        G::Target: 'a,
    {
        let target: *const G::Target = &*guard;
        let mut words: Words = [MaybeUninit::uninit(); 2];
        let release: unsafe fn(*mut Words) =
            if size_of::<G>() <= size_of::<Words>() && align_of::<G>() <= align_of::<Words>() {
                // SAFETY: the words have room for a `G` and its alignment.
                unsafe { words.as_mut_ptr().cast::<G>().write(guard) };
                // SAFETY: called once, by `Parked::drop`, on words that hold a `G`.
                |words| unsafe { words.cast::<G>().drop_in_place() }
            } else {
                // SAFETY: a thin pointer fits into the first word.
                unsafe { words.as_mut_ptr().cast::<*mut G>().write(Box::into_raw(Box::new(guard))) };
                // SAFETY: called once, by `Parked::drop`, on words that hold such a pointer.
                |words| drop(unsafe { Box::from_raw(words.cast::<*mut G>().read()) })
            };
        self.0.push(Parked { words, release });
        // SAFETY: `target` does not move with its guard (contract of `Guard`), and
        // the caller keeps the guard for as long as the reference is used.
        unsafe { &*target }
    }
}

impl Drop for Guards {
    fn drop(&mut self) {
        self.release(0);
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // SAFETY: `park` put in the words what `release` expects, and this runs once.
        unsafe { (self.release)(&mut self.words) }
    }
}
