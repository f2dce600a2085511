//! parking_lot: its locks are tried like those of the standard library; none has
//! a block of its own, as waiting threads queue in a table of the process.

#![expect(unsafe_code, reason = "says of guards that they point to what they protect")]

use crate::guard::Guard;
use crate::impls::leaf::leaf;
use crate::impls::refs::reference;
use crate::impls::sync::lock;
use parking_lot::{
    Condvar, FairMutex, MappedFairMutexGuard, MappedMutexGuard, MappedReentrantMutexGuard,
    MappedRwLockReadGuard, MappedRwLockWriteGuard, Mutex, MutexGuard, Once, OnceState, RawFairMutex,
    RawMutex, RawRwLock, ReentrantMutex, ReentrantMutexGuard, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard, WaitTimeoutResult,
};

// SAFETY: it holds a reference to the mutex and derefs into that.
unsafe impl<T: ?Sized> Guard for MutexGuard<'_, T> {}
// SAFETY: likewise.
unsafe impl<T: ?Sized> Guard for parking_lot::FairMutexGuard<'_, T> {}
// SAFETY: likewise; other guards of the same thread give shared references too.
unsafe impl<T: ?Sized> Guard for ReentrantMutexGuard<'_, T> {}
// SAFETY: it holds a reference to the lock and derefs into that.
unsafe impl<T: ?Sized> Guard for RwLockReadGuard<'_, T> {}

lock!(Mutex<T>, Mutex<[T]>, size_of::<RawMutex>(), lock => lock.try_lock());
lock!(FairMutex<T>, FairMutex<[T]>, size_of::<RawFairMutex>(), lock => lock.try_lock());
lock!(RwLock<T>, RwLock<[T]>, size_of::<RawRwLock>(), lock => lock.try_read());
// The owner and how often it holds the mutex stand beside it.
lock!(
    ReentrantMutex<T>,
    ReentrantMutex<[T]>,
    2 * size_of::<usize>() + size_of::<RawMutex>(),
    lock => lock.try_lock()
);

leaf! { Once, OnceState, Condvar, WaitTimeoutResult, RawMutex, RawFairMutex, RawRwLock }

reference!(MutexGuard<'_, T>, BORROW_MUT);
reference!(MappedMutexGuard<'_, T>, BORROW_MUT);
reference!(parking_lot::FairMutexGuard<'_, T>, BORROW_MUT);
reference!(MappedFairMutexGuard<'_, T>, BORROW_MUT);
reference!(ReentrantMutexGuard<'_, T>, BORROW);
reference!(MappedReentrantMutexGuard<'_, T>, BORROW);
reference!(RwLockReadGuard<'_, T>, BORROW);
reference!(MappedRwLockReadGuard<'_, T>, BORROW);
reference!(RwLockUpgradableReadGuard<'_, T>, BORROW);
reference!(RwLockWriteGuard<'_, T>, BORROW_MUT);
reference!(MappedRwLockWriteGuard<'_, T>, BORROW_MUT);
