//! A global allocator that knows every live block.
//!
//! ```
//! #[global_allocator]
//! static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();
//!
//! fn main() {
//!     let text = String::from("hello");
//!     let inside = text.as_ptr() as u64 + 3;
//!     let block = tracking_alloc::blocks().lookup(inside).unwrap();
//!     assert_eq!(block.addr, text.as_ptr() as u64);
//!     assert_eq!((block.requested, block.usable), (5, 8));
//! }
//! ```
//!
//! It hands every request on to jemalloc (`tikv-jemallocator`) and keeps, for
//! each live block, its address, requested size, alignment and birth epoch, in
//! memory that comes from the operating system and is in nobody's totals. A
//! block's usable size is jemalloc's size class for it. Where jemalloc gives the
//! memory of blocks back to the system, after its own rules, the table's goes too.
//!
//! It knows nothing of types or owners: heap-walk finds it through
//! [`heap_snapshot::live`], where it installs itself with the first block.
//!
//! # Modes
//!
//! `HEAP_TRACK` is read once, at the first allocation:
//!
//! | `HEAP_TRACK=` | keeps | costs |
//! |---|---|---|
//! | `sizes`, or unset | each live block | some nanoseconds an allocation, 2 bytes per 16 of small blocks and 2 more where they have 8 bytes or less |
//! | `tags` | the tags that the program had put on each block (`heap_walk::tag`) | 4 more bytes per 16 of small blocks, and a call to note them |
//! | `stacks` | the stack that allocated each block too | 16 bytes for each new frame of a stack, 4 more bytes per 16 of small blocks, and the walk of the stack |
//! | `stacks:512K` | the stacks of a part of the blocks, one for each so many bytes on average (`K`, `M`, `G`) | a little more than *sizes* |
//! | `off` | nothing; heap-walk says that sizes are estimates | a load and a branch |
//!
//! A value that it does not know gives a line on standard error, and *sizes*.
//! Without the feature `enabled` (on by default) there is no tracking in the
//! program, and no variable is read.
//!
//! Stacks are found by frame pointers where these say what the unwinder says,
//! which is tried on the first stacks, else by the unwinder, many times slower.
//! Build with `-C force-frame-pointers=yes` for the former. Only the innermost 256
//! frames or less are kept. A block that is resized keeps its stack and its tags. Tags
//! are the outermost nodes of a stack, so with stacks they cost no more memory; of
//! `stacks:512K` only blocks with a stack have them, and *sizes* has no room for any. Of sampled
//! blocks each byte allocated is a sample with the same probability, so what is
//! known of them stands for all; a snapshot says what the probability was.
//!
//! # Over another allocator
//!
//! ```
//! use std::alloc::System;
//! use tracking_alloc::TrackingAlloc;
//!
//! #[global_allocator]
//! static ALLOC: TrackingAlloc<System> = TrackingAlloc::over(System);
//! # fn main() { assert!(tracking_alloc::blocks().figures().is_unaccounted) }
//! ```
//!
//! Any `GlobalAlloc` may stand below, one in a process. It is asked for at least
//! 16 bytes at a multiple of 16. It does not say when it gives memory back, so the
//! table's stays, for use when the same addresses are used again. Only jemalloc's size classes are known; of
//! others a block's usable size is what was asked for, or what
//! [`TrackingAlloc::usable_by`] says. Only jemalloc keeps an account with which the ledger can be
//! compared; snapshots over others say that the check is not available. Without
//! the feature `jemalloc` (on by default) it is not built, and
//! `TrackingAlloc::new()` stands on the system's allocator.
//!
//! # C and C++ in the process
//!
//! With the feature `interpose` (Linux with glibc) the program has a `malloc` of its own, with `calloc`,
//! `realloc`, `free`, `posix_memalign`, `aligned_alloc` and their relatives: they are this allocator, over the same jemalloc,
//! with the same table and modes. So all that is allocated in the process by C's names has a record: by C and
//! C++ code, by the C library for itself or for its caller, by Rust code on the system's allocator, also
//! in dynamic libraries (the shape of rustc: a small program and its driver).
//! `#[global_allocator]` may be there or not; without it the program has to name the crate, so
//! that it is linked:
//!
//! ```
//! use tracking_alloc as _;
//! ```
//!
//! The feature is for the program that is built, not for libraries: it holds for all of the process. It costs C code what
//! it costs Rust, and on a free a look at the record, since C does not say of what size a block is.
//!
//! # Limits
//!
//! - Only what goes through Rust's allocator is tracked, not C code's `malloc`, but for the feature `interpose`.
//! - 64-bit systems with 48 bits of addresses and pages of 4 KiB, with `mmap`.
//! - Eight bits of birth epoch: after 255 checkpoints new blocks can no longer
//!   be told from old ones, and snapshots say so.
//! - A signal handler may allocate wherever the allocator below may be called from
//!   one: jemalloc may not while it is interrupted. Nothing here is locked, and the
//!   table can be asked at any moment.
//! - jemalloc's arenas get extent hooks that do what its own do; arenas with hooks of the
//!   program's keep those, and the table's memory for them stays. With hooks jemalloc zeroes
//!   by writing what it zeroes else by asking the system for fresh pages: large zeroed blocks
//!   of less than 8 MiB in memory that it has had before.
//! - Stacks and tags are kept to the end, whether or not blocks have them still.
//! - Where the system has no memory for the table, requests fail as if it had none for the block. Of a
//!   block that another allocator than jemalloc moves as it grows there may be no more known then than
//!   what it was asked for.
//! - As for every `GlobalAlloc`, a request of zero bytes is not allowed; no
//!   value of Rust makes one.

#[cfg(not(all(unix, target_pointer_width = "64")))]
compile_error!("tracking-alloc needs a 64-bit Unix: leave out the `#[global_allocator]` elsewhere, sizes are estimates then");

#[cfg(all(feature = "interpose", not(all(target_os = "linux", target_env = "gnu"))))]
compile_error!(
    "tracking-alloc's feature `interpose` replaces the malloc of glibc on Linux; leave it out elsewhere"
);

#[cfg(feature = "enabled")]
mod below;
#[cfg(feature = "enabled")]
mod contexts;
#[cfg(all(feature = "enabled", feature = "jemalloc"))]
mod extents;
#[cfg(feature = "enabled")]
mod frames;
#[cfg(feature = "enabled")]
mod global;
#[cfg(all(feature = "enabled", feature = "jemalloc"))]
mod hot;
#[cfg(feature = "interpose")]
mod interpose;
#[cfg(all(feature = "enabled", feature = "jemalloc"))]
mod jemalloc;
#[cfg(all(feature = "enabled", not(feature = "jemalloc")))]
#[path = "no_jemalloc.rs"]
mod jemalloc;
#[cfg(feature = "interpose")]
mod maps;
#[cfg(feature = "enabled")]
mod memory;
#[cfg(feature = "enabled")]
mod mode;
#[cfg(not(feature = "enabled"))]
mod off;
#[cfg(feature = "enabled")]
mod sample;
#[cfg(feature = "enabled")]
mod samples;
#[cfg(feature = "enabled")]
mod side;
#[cfg(feature = "enabled")]
mod slot;
#[cfg(feature = "enabled")]
mod stack;
#[cfg(feature = "enabled")]
mod sync;
#[cfg(feature = "enabled")]
mod table;
#[cfg(feature = "enabled")]
mod tags;

#[cfg(feature = "enabled")]
#[doc(hidden)]
pub use global::lose_record;

#[cfg(not(feature = "jemalloc"))]
use std::alloc::System as Lower;
#[cfg(feature = "jemalloc")]
use tikv_jemallocator::Jemalloc as Lower;

/// Bytes set aside for a live block. `malloc_usable_size` is such a function.
pub type UsableSize = unsafe extern "C" fn(*mut std::ffi::c_void) -> usize;

/// A global allocator that keeps the table of live blocks, over jemalloc or
/// another allocator.
///
/// All values share one table, so that it does not matter which of them a block
/// comes from, as long as the same kind of allocator stands below them.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackingAlloc<A = Lower> {
    inner: A,
    #[cfg_attr(not(feature = "enabled"), expect(dead_code, reason = "nothing is tracked"))]
    usable: Option<UsableSize>,
}

impl TrackingAlloc {
    /// The allocator, for `#[global_allocator]`, over jemalloc.
    pub const fn new() -> TrackingAlloc {
        TrackingAlloc::over(lower())
    }
}

#[cfg(feature = "jemalloc")]
const fn lower() -> Lower {
    tikv_jemallocator::Jemalloc
}

#[cfg(not(feature = "jemalloc"))]
const fn lower() -> Lower {
    std::alloc::System
}

impl<A> TrackingAlloc<A> {
    /// The allocator over another one.
    pub const fn over(inner: A) -> TrackingAlloc<A> {
        TrackingAlloc { inner, usable: None }
    }

    /// The same, with each block's usable size asked for when it is allocated.
    /// Costs that call and some nanoseconds, and up to 4 bytes per 16 of the heap.
    ///
    /// # Safety
    ///
    /// `usable` may be called with every live block of `A`.
    #[expect(unsafe_code, reason = "states what the function must be good for")]
    pub const unsafe fn usable_by(self, usable: UsableSize) -> TrackingAlloc<A>
    where
        A: Copy,
    {
        TrackingAlloc { inner: self.inner, usable: Some(usable) }
    }
}

/// The live blocks of this process. Empty where the program has another global
/// allocator. Not there without the feature `enabled`.
#[cfg(feature = "enabled")]
pub fn blocks() -> &'static dyn heap_snapshot::live::LiveBlocks {
    &global::Blocks
}
