//! Locks. They are tried, never waited for; a poisoned one is entered.

use super::cell::once;
use super::shape;
use crate::shape::{Describe, Shape};
use crate::walk::Walk;
use crate::walker::{Retry, Walker};
use std::sync::{Mutex, OnceLock, RwLock, TryLockError};

macro_rules! lock {
    ($ty:ident, $try_lock:ident, $payload:expr) => {
        impl<T: Walk> Walk for $ty<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                if self.retry(w).is_err() {
                    w.contended(self);
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell($payload, size_of::<T>());
            }
        }

        impl<T: Walk> Retry for $ty<T> {
            fn retry<'a>(&'a self, w: &mut Walker<'a>) -> Result<(), &'static str> {
                match self.$try_lock() {
                    Ok(guard) => w.behind(guard, true),
                    Err(TryLockError::Poisoned(poisoned)) => w.behind(poisoned.into_inner(), true),
                    Err(TryLockError::WouldBlock) => return Err("locked"),
                }
                Ok(())
            }
            fn place(&self) -> (usize, &'static Shape) {
                (std::ptr::from_ref(self) as usize, Shape::of::<T>())
            }
        }
    };
}

// A word for the lock (two for its queues of waiters), a byte for the poison.
lock!(Mutex, try_lock, 4 + 1);
lock!(RwLock, try_read, 8 + 1);

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
