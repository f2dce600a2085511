//! In place of tracking-alloc's `sync`: loom's atomics, and small parts.

#![expect(unsafe_code, reason = "makes atomics in memory that is all-zero, and owns them")]

pub(crate) use std::sync::atomic::Ordering;

use loom::sync::atomic::AtomicUsize as Made;
use std::marker::PhantomData;
use std::ptr;

/// 64 slots: a page of ours.
pub(crate) const CHUNK_LOG2: usize = 10;
pub(crate) const CHUNKS: usize = 8;
pub(crate) const SEGMENT_LOG2: u32 = 2;
pub(crate) const SEGMENTS: usize = 4;
/// So few that stacks meet in a list.
pub(crate) const BUCKETS_LOG2: u32 = 1;

/// So few that samples meet in a bucket.
pub(crate) const SAMPLES_A_BUCKET: usize = 1;
pub(crate) const SAMPLE_BUCKETS: [usize; 5] = [1; 5];

/// An atomic of `V`: one of loom's, made by [`make`] where it stands. All are alike, so that
/// memory full of them can be gone through; and so large that few slots fill a page.
#[repr(C, align(64))]
pub(crate) struct Atomic<V>(*const Made, PhantomData<V>);

// SAFETY: points to an atomic that it owns.
unsafe impl<V> Sync for Atomic<V> {}
// SAFETY: as above.
unsafe impl<V> Send for Atomic<V> {}

pub(crate) type AtomicU16 = Atomic<u16>;
pub(crate) type AtomicU32 = Atomic<u32>;
pub(crate) type AtomicU64 = Atomic<u64>;
pub(crate) type AtomicUsize = Atomic<usize>;
pub(crate) type AtomicPtr<T> = Atomic<*mut T>;

/// Makes the atomics that a value is full of, as part of what this thread does now: another
/// thread that comes upon them without having been told is a finding.
pub(crate) fn made<T>(value: *mut T) {
    type One = Atomic<usize>;
    assert_eq!((size_of::<T>() % size_of::<One>(), align_of::<T>()), (0, align_of::<One>()));
    for at in 0..size_of::<T>() / size_of::<One>() {
        // SAFETY: one of the atomics of which all that comes here is made, all-zero until now;
        // nobody else has the value yet.
        unsafe {
            value.cast::<One>().add(at).write(Atomic(Box::into_raw(Box::new(Made::new(0))), PhantomData))
        };
    }
    MOMENT.load(Ordering::Relaxed);
}

impl<V> Drop for Atomic<V> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: a box of `made`, which nobody borrows any more.
            drop(unsafe { Box::from_raw(self.0.cast_mut()) });
        }
    }
}

loom::lazy_static! {
    static ref MOMENT: Made = Made::new(0);
}

/// Loom tries what may run before the last access of an atomic, not before those that came
/// earlier: of a pointer that is looked at once more before it is set it would miss most. Where all
/// threads come by here, each can be the next one. Orders no memory.
fn any_thread_may_be_next() {
    MOMENT.fetch_add(1, Ordering::Relaxed);
}

pub(crate) trait Word: Copy {
    /// Of numbers that there are many of: each has its own last access.
    const IS_SLOT: bool = false;
    fn word(self) -> usize;
    fn of(word: usize) -> Self;
}

macro_rules! words {
    ($($int:ty: $is_slot:expr),*) => { $(impl Word for $int {
        const IS_SLOT: bool = $is_slot;

        fn word(self) -> usize {
            self as usize
        }

        fn of(word: usize) -> $int {
            word as $int
        }
    })* };
}

words!(u16: true, u32: true, u64: true, usize: false);

impl<T> Word for *mut T {
    fn word(self) -> usize {
        self.expose_provenance()
    }

    fn of(word: usize) -> *mut T {
        ptr::with_exposed_provenance_mut(word)
    }
}

macro_rules! hand_on {
    ($($operation:ident)*) => {
        $(pub(crate) fn $operation(&self, value: V, order: Ordering) -> V {
            V::of(self.made().$operation(value.word(), order))
        })*
    };
}

impl<V> Atomic<V> {
    /// All-zero until [`made`].
    pub(crate) const fn new(_zero: V) -> Atomic<V>
    where
        V: Copy,
    {
        Atomic(ptr::null(), PhantomData)
    }
}

impl<V: Word> Atomic<V> {
    fn made(&self) -> &Made {
        if !V::IS_SLOT {
            any_thread_may_be_next();
        }
        // SAFETY: a box of `made`, gone with us.
        unsafe { self.0.as_ref() }.expect("made where its memory came from")
    }

    pub(crate) fn load(&self, order: Ordering) -> V {
        V::of(self.made().load(order))
    }

    pub(crate) fn store(&self, value: V, order: Ordering) {
        self.made().store(value.word(), order);
    }

    hand_on!(swap fetch_add fetch_and fetch_max fetch_or);

    pub(crate) fn compare_exchange(&self, from: V, to: V, ok: Ordering, or: Ordering) -> Result<V, V> {
        self.made().compare_exchange(from.word(), to.word(), ok, or).map(V::of).map_err(V::of)
    }

    pub(crate) fn compare_exchange_weak(&self, from: V, to: V, ok: Ordering, or: Ordering) -> Result<V, V> {
        self.made().compare_exchange_weak(from.word(), to.word(), ok, or).map(V::of).map_err(V::of)
    }
}
