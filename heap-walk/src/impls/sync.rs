//! Locks. They are tried, never waited for; a poisoned one is entered.

use super::cell::once;
use super::shape;
use crate::shape::Describe;
use crate::walk::Walk;
use crate::walker::Walker;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock, TryLockError, TryLockResult};

/// `Walk` for a lock of a value and of a slice. `$payload` are the lock's own
/// bytes; `$attempt` gives `Some(guard)` or `None` for `$lock`, a reference to it.
macro_rules! lock {
    ($ty:ty, $slice:ty, $payload:expr, $lock:ident => $attempt:expr) => {
        impl<T: $crate::walk::Walk> $crate::walk::Walk for $ty {
            fn walk<'a>(&'a self, w: &mut $crate::walker::Walker<'a>) {
                if $crate::walker::Retry::retry(self, w).is_err() {
                    w.contended(self);
                }
            }
            fn shape(&self) -> &'static $crate::shape::Shape {
                $crate::shape::Shape::of::<Self>()
            }
            fn describe(d: &mut $crate::shape::Describe<'_>) {
                d.cell($payload, size_of::<T>());
            }
        }

        impl<T: $crate::walk::Walk> $crate::walker::Retry for $ty {
            fn retry<'a>(&'a self, w: &mut $crate::walker::Walker<'a>) -> Result<(), &'static str> {
                let $lock = self;
                w.behind($attempt.ok_or("locked")?, true);
                Ok(())
            }
            fn place(&self) -> (usize, &'static $crate::shape::Shape) {
                (std::ptr::from_ref(self) as usize, $crate::shape::Shape::of::<T>())
            }
        }

        // Its address is wide, so it cannot wait to be tried again.
        impl<T: $crate::walk::Walk> $crate::walk::Walk for $slice {
            fn walk<'a>(&'a self, w: &mut $crate::walker::Walker<'a>) {
                let $lock = self;
                match $attempt {
                    Some(guard) => {
                        let whole = size_of_val(self);
                        $crate::impls::cell::type_around_slice::<T>(w, whole, $payload, guard.len());
                        w.behind(guard, true);
                    }
                    None => {
                        let place = std::ptr::from_ref(self).cast::<()>() as usize;
                        w.unreadable(place, $crate::shape::Shape::slice::<T>(), "locked");
                    }
                }
            }
            fn shape(&self) -> &'static $crate::shape::Shape {
                $crate::impls::cell::slice_shape!($ty)
            }
        }
    };
}
#[allow(unused_imports, reason = "impls for other crates use it")]
pub(crate) use lock;

/// The guard, if one was to be had.
pub(crate) fn guard<G>(result: TryLockResult<G>) -> Option<G> {
    match result {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
        Err(TryLockError::WouldBlock) => None,
    }
}

// A word for the lock (two for its queues of waiters), a byte for the poison.
lock!(Mutex<T>, Mutex<[T]>, 4 + 1, lock => guard(lock.try_lock()));
lock!(RwLock<T>, RwLock<[T]>, 8 + 1, lock => guard(lock.try_read()));

impl<T: Walk> Walk for OnceLock<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        // The state says whether there is a value, so there is no discriminant.
        once(w, self.get(), size_of::<T>());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(4, size_of::<T>());
    }
}
