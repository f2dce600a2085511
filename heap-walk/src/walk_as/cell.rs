//! Ways of cells and locks that are entered through a guard.

use super::{shape_as, As, WalkAs};
use crate::guard::Guard;
use crate::shape::{Describe, Shape};
use crate::walker::{Retry, Walker};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Mutex, RwLock, TryLockError};

/// A guard whose target is walked in the way `W`.
struct Guarded<G, W: ?Sized>(G, PhantomData<W>);

impl<G: Deref, W: ?Sized> Deref for Guarded<G, W> {
    type Target = As<G::Target, W>;
    fn deref(&self) -> &Self::Target {
        As::new(&*self.0)
    }
}

// SAFETY: its target is the inner guard's, which stays where it is by that one's contract.
#[expect(unsafe_code, reason = "a guard in a transparent wrapper")]
unsafe impl<G: Guard, W: ?Sized> Guard for Guarded<G, W> {
    const HOLDS: bool = G::HOLDS;
}

impl<T, W: WalkAs<T>> WalkAs<RefCell<T>> for RefCell<W> {
    fn walk_as<'a>(value: &'a RefCell<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        match value.try_borrow() {
            Ok(guard) => w.behind(Guarded::<_, W>(guard, PhantomData), false),
            Err(_) => {
                w.unreadable(std::ptr::from_ref(value) as usize, Shape::of::<As<T, W>>(), "borrowed");
            }
        }
    }
    shape_as!(RefCell<T>);
    fn describe_as(d: &mut Describe<'_>) {
        d.cell(size_of::<isize>(), size_of::<T>());
    }
}

macro_rules! lock {
    ($ty:ident, $try_lock:ident, $payload:expr) => {
        impl<T, W: WalkAs<T>> WalkAs<$ty<T>> for $ty<W> {
            fn walk_as<'a>(value: &'a $ty<T>, w: &mut Walker<'a>)
            where
                Self: 'a,
            {
                let lock = As::<$ty<T>, Self>::new(value);
                if lock.retry(w).is_err() {
                    w.contended(lock);
                }
            }
            shape_as!($ty<T>);
            fn describe_as(d: &mut Describe<'_>) {
                d.cell($payload, size_of::<T>());
            }
        }

        impl<T, W: WalkAs<T>> Retry for As<$ty<T>, $ty<W>> {
            fn retry<'a>(&'a self, w: &mut Walker<'a>) -> Result<(), &'static str> {
                let guard = match self.1.$try_lock() {
                    Ok(guard) => guard,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => return Err("locked"),
                };
                w.behind(Guarded::<_, W>(guard, PhantomData), true);
                Ok(())
            }
            fn place(&self) -> (usize, &'static Shape) {
                (std::ptr::from_ref(self).cast::<u8>() as usize, Shape::of::<As<T, W>>())
            }
        }
    };
}

// A word for the lock (two for its queues of waiters), a byte for the poison.
lock!(Mutex, try_lock, 4 + 1);
lock!(RwLock, try_read, 8 + 1);
