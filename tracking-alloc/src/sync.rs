//! What the lock-free parts stand on: the standard library's atomics, and how much
//! each part holds. The models of `tests/loom` put others here, and try these parts
//! in every order in which threads can run.

pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// An interpreter (Miri) gives small addresses, and takes long to look at large maps.
const IS_SMALL: bool = cfg!(miri);

/// log2 of the address space that a chunk of a shadow map is for.
pub(crate) const CHUNK_LOG2: usize = if IS_SMALL { 16 } else { 26 };
/// Chunks there can be: 48 bits of addresses.
pub(crate) const CHUNKS: usize = 1 << (if IS_SMALL { 32 } else { 48 } - CHUNK_LOG2);

/// log2 of the nodes in a segment of the calling-context tree.
pub(crate) const SEGMENT_LOG2: u32 = if IS_SMALL { 6 } else { 16 };
/// Segments there can be.
pub(crate) const SEGMENTS: usize = 1 << 10;
/// log2 of the lists in which its nodes are found.
pub(crate) const BUCKETS_LOG2: u32 = if IS_SMALL { 6 } else { 22 };

/// Samples for which a bucket has room: so many that it is a line of the processor's caches.
pub(crate) const SAMPLES_A_BUCKET: usize = 5;
/// Buckets of each table of samples. The first one is a page.
pub(crate) const SAMPLE_BUCKETS: [usize; 5] =
    if IS_SMALL { [1, 1, 2, 2, 4] } else { [1 << 6, 1 << 10, 1 << 14, 1 << 19, 1 << 24] };

/// Called with what was just mapped for a value. All-zero is a value of the standard
/// library's atomics; loom's must be made.
#[inline(always)]
pub(crate) fn made<T>(_value: *mut T) {}
