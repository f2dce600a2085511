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
//! block's usable size is jemalloc's size class for it.
//!
//! It knows nothing of types or owners: heap-walk finds it through
//! [`heap_snapshot::live`], where it installs itself with the first block.
//!
//! # Limits
//!
//! - Only what goes through Rust's allocator is tracked, not C code's `malloc`.
//! - 64-bit systems with 48 bits of addresses and pages of 4 KiB, with `mmap`.
//! - Eight bits of birth epoch: after 255 checkpoints new blocks can no longer
//!   be told from old ones, and snapshots say so.
//! - As for every `GlobalAlloc`, a request of zero bytes is not allowed; no
//!   value of Rust makes one.

#[cfg(not(all(unix, target_pointer_width = "64")))]
compile_error!("tracking-alloc needs a 64-bit Unix: leave out the `#[global_allocator]` elsewhere, sizes are estimates then");

mod global;
mod jemalloc;
mod slot;
mod table;

#[doc(hidden)]
pub use global::lose_record;

use heap_snapshot::live::LiveBlocks;

/// A global allocator over jemalloc that keeps the table of live blocks.
///
/// All values share one table, so that it does not matter which of them a block comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackingAlloc {
    _private: (),
}

impl TrackingAlloc {
    /// The allocator, for `#[global_allocator]`.
    pub const fn new() -> TrackingAlloc {
        TrackingAlloc { _private: () }
    }
}

/// The live blocks of this process. Empty where the program has another global allocator.
pub fn blocks() -> &'static dyn LiveBlocks {
    &global::Blocks
}
