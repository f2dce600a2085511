//! tokio's sync types. Locks are tried: their guards wake the next waiter when
//! they are released, as any guard does. Channels show nothing of their queues
//! without waiting for a lock, so they are opaque.

#![expect(unsafe_code, reason = "says of guards that they point to what they protect")]

use crate::guard::Guard;
use crate::impls::cell::once;
use crate::impls::leaf::leaf;
use crate::impls::opaque::opaque;
use crate::impls::refs::reference;
use crate::impls::shape;
use crate::impls::sync::lock;
use crate::shape::{Describe, Field};
use crate::walk::Walk;
use crate::walker::Walker;
use std::sync::Arc;
use tokio::sync::{
    broadcast, mpsc, oneshot, watch, Barrier, BarrierWaitResult, MappedMutexGuard, Mutex, MutexGuard, Notify,
    OnceCell, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore, SetOnce, TryLockError,
};

// SAFETY: it holds a reference to the mutex and derefs into that.
unsafe impl<T: ?Sized> Guard for MutexGuard<'_, T> {}
// SAFETY: it holds a pointer into the lock, which it borrows.
unsafe impl<T: ?Sized> Guard for RwLockReadGuard<'_, T> {}

/// A mutex around nothing is its semaphore.
const SEMAPHORE: usize = size_of::<Mutex<()>>();

lock!(Mutex<T>, Mutex<[T]>, SEMAPHORE, lock => lock.try_lock().ok());
// Beside the semaphore stands the largest number of readers.
lock!(RwLock<T>, RwLock<[T]>, SEMAPHORE + size_of::<u32>(), lock => lock.try_read().ok());

macro_rules! once_cell {
    ($ty:ident, $payload:expr) => {
        impl<T: Walk> Walk for $ty<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                // A flag says whether there is a value, so there is no discriminant.
                once(w, self.get(), size_of::<T>());
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell($payload, size_of::<T>());
            }
        }
    };
}

once_cell!(OnceCell, size_of::<Semaphore>() + size_of::<bool>());
once_cell!(SetOnce, size_of::<Notify>() + size_of::<bool>());

// Who waits is linked through the waiting futures.
leaf! { Semaphore, Notify, BarrierWaitResult, TryLockError }

opaque! {
    [] Barrier;
    [T] mpsc::Sender<T>;
    [T] mpsc::WeakSender<T>;
    [T] mpsc::Receiver<T>;
    [T] mpsc::UnboundedSender<T>;
    [T] mpsc::WeakUnboundedSender<T>;
    [T] mpsc::UnboundedReceiver<T>;
    [T] mpsc::OwnedPermit<T>;
    [T] oneshot::Sender<T>;
    [T] oneshot::Receiver<T>;
    [T] broadcast::Sender<T>;
    [T] broadcast::WeakSender<T>;
    [T] broadcast::Receiver<T>;
    [T] watch::Sender<T>;
    [T] watch::Receiver<T>;
}

reference!(MutexGuard<'_, T>, BORROW_MUT);
reference!(MappedMutexGuard<'_, T>, BORROW_MUT);
reference!(RwLockReadGuard<'_, T>, BORROW);
reference!(RwLockWriteGuard<'_, T>, BORROW_MUT);
reference!(RwLockMappedWriteGuard<'_, T>, BORROW_MUT);

/// Guards that share the lock instead of borrowing it.
macro_rules! owned {
    ($guard:ident => $lock:ty, $of:expr) => {
        impl<T: Walk> Walk for $guard<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let lock: &'a Arc<$lock> = $of(self);
                w.visit_inner(lock);
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }
    };
}

owned!(OwnedMutexGuard => Mutex<T>, OwnedMutexGuard::mutex);
owned!(OwnedRwLockReadGuard => RwLock<T>, OwnedRwLockReadGuard::rwlock);
owned!(OwnedRwLockWriteGuard => RwLock<T>, OwnedRwLockWriteGuard::rwlock);

impl Walk for OwnedSemaphorePermit {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit_inner(self.semaphore());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[Field::walked::<Arc<Semaphore>>("sem", None), Field::walked::<usize>("permits", None)]);
    }
}
