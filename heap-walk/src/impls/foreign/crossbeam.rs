//! crossbeam: channels, deques and queues show nothing of what they hold, so they
//! are opaque. So are skip lists: to iterate over one may run the destructors of
//! entries that were removed from another. Padding is exact, and a sharded lock
//! is tried like any other.

#![expect(unsafe_code, reason = "says of a guard that it points to what it protects")]

use crate::guard::Guard;
use crate::impls::leaf::leaf;
use crate::impls::opaque::opaque;
use crate::impls::refs::reference;
use crate::impls::shape;
use crate::impls::sync::guard;
use crate::label::Label;
use crate::shape::{Describe, Field, Shape};
use crate::types::Container;
use crate::walk::Walk;
use crate::walker::{Block, Retry, Walker};
use crossbeam_utils::atomic::AtomicCell;
use crossbeam_utils::sync::{
    Parker, ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard, Unparker, WaitGroup,
};
use crossbeam_utils::{Backoff, CachePadded};
use heap_snapshot::record::Layout;

opaque! {
    [T] AtomicCell<T>;
    [T] crossbeam_channel::Sender<T>;
    [T] crossbeam_channel::Receiver<T>;
    [T] crossbeam_deque::Injector<T>;
    [T] crossbeam_deque::Worker<T>;
    [T] crossbeam_deque::Stealer<T>;
    [T] crossbeam_queue::ArrayQueue<T>;
    [T] crossbeam_queue::SegQueue<T>;
    [K, V] crossbeam_skiplist::SkipMap<K, V>;
    [T] crossbeam_skiplist::SkipSet<T>;
    [] Parker;
    [] Unparker;
    [] WaitGroup;
}

leaf! { Backoff }

impl<T: Walk> Walk for CachePadded<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("value") }, &**self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[Field::walked::<T>("value", Some(0))]);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}

static SHARDS: Container = Container::new("ShardedLock", Layout::BUFFER);

/// Locks that a sharded lock is divided into: a constant of the crate.
const SHARD_COUNT: usize = 8;

/// A lock of its own on lines of the cache of its own. Nobody can look into it.
struct Shard(#[expect(dead_code, reason = "for its size")] CachePadded<u8>);

impl Walk for Shard {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn name() -> &'static str {
        "crossbeam_utils::sync::sharded_lock::Shard"
    }
    fn describe(d: &mut Describe<'_>) {
        d.opaque();
    }
    fn is_leaf() -> bool {
        true
    }
}

// SAFETY: it holds a reference to the lock and derefs into that.
unsafe impl<T: ?Sized> Guard for ShardedLockReadGuard<'_, T> {}

impl<T: Walk> Walk for ShardedLock<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let shards = Block::slots::<Shard>(&SHARDS, std::ptr::null(), SHARD_COUNT, SHARD_COUNT);
        let bytes = (SHARD_COUNT * size_of::<Shard>()) as u64;
        w.own_by_handle(self, shards, |requested| requested == bytes);
        if self.retry(w).is_err() {
            w.contended(self);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(size_of::<Box<[Shard]>>(), size_of::<T>());
    }
}

impl<T: Walk> Retry for ShardedLock<T> {
    fn retry<'a>(&'a self, w: &mut Walker<'a>) -> Result<(), &'static str> {
        w.behind(guard(self.try_read()).ok_or("locked")?, true);
        Ok(())
    }
    fn place(&self) -> (usize, &'static Shape) {
        (std::ptr::from_ref(self) as usize, Shape::of::<T>())
    }
}

reference!(ShardedLockReadGuard<'_, T>, BORROW);
reference!(ShardedLockWriteGuard<'_, T>, BORROW_MUT);
