//! `bytes`: views into buffers that any number of handles may share.
//!
//! A view lies in its buffer and finds it. Where a buffer was ever shared, or
//! has room to spare, its counts are a block of their own, which nobody shows.
//! The only handle of a buffer finds it by its size; else it is claimed raw,
//! and so is a buffer that is seen only by empty views. How many handles there
//! are is private, but one that is the only one says so.
//!
//! Of a buffer with several handles the bytes are typed that the first handle
//! met shows. The rest may be another's view or nobody's: it stays untyped.

use crate::impls::shape;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use bytes::{Bytes, BytesMut};
use heap_snapshot::live;
use heap_snapshot::record::{Layout, Split};

static BYTES: Container = Container::new("Bytes", Layout::BUFFER);

/// Counts, capacity and address of a buffer, as `Bytes` and as `BytesMut` keep them.
static COUNTS: [Container; 2] = [
    Container::with_header("Bytes, shared", Layout::HEADED, 3 * size_of::<usize>()),
    Container::with_header("BytesMut, shared", Layout::HEADED, 5 * size_of::<usize>()),
];

/// A byte of a buffer that several handles share: typed if a view shows it.
struct SharedByte(#[expect(dead_code, reason = "stands for a layout")] u8);

impl Walk for SharedByte {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn name() -> &'static str {
        "bytes::SharedByte"
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.unknown();
    }
}

/// What a handle shows of its buffer.
pub(super) trait View: Handle + Walk {
    /// The bytes that it shows.
    fn bytes(&self) -> &[u8];
    /// Bytes behind those, into which only this handle writes.
    fn room(&self) -> usize {
        0
    }
    /// Whether no other handle shows any of the same bytes.
    fn is_exclusive(&self) -> bool {
        false
    }
    /// Whether it is the only handle of its buffer, where that can be told.
    fn is_only(&self) -> bool {
        false
    }

    /// Claims the buffer, and what stands before it. To be called by [`Walk::walk`].
    fn claim<'a>(&'a self, w: &mut Walker<'a>)
    where
        Self: Sized,
    {
        let bytes = self.bytes();
        if bytes.len() + self.room() > 0 {
            let addr = bytes.as_ptr();
            match w.lookup(addr as usize) {
                Some(block) => {
                    let requested = block.requested as usize;
                    // Another handle could only be an empty one.
                    let is_whole = self.is_exclusive()
                        && block.addr == addr as usize as u64
                        && bytes.len() + self.room() == requested;
                    if is_whole || self.is_only() {
                        let slots = Block::slots(&BYTES, addr, bytes.len(), requested);
                        w.share(self, slots.at(block.addr as usize), 1, 0);
                        // The buffer cannot be taken for the counts if it has another size.
                        if COUNTS.iter().all(|counts| counts.header != requested) {
                            for counts in &COUNTS {
                                let size = counts.header as u64;
                                let block = Block::slots::<u8>(counts, std::ptr::null(), 0, 0);
                                w.own_by_handle(self, block, |requested| requested == size);
                            }
                        }
                    } else {
                        let slots = Block::slots(&BYTES, addr.cast::<SharedByte>(), requested, requested);
                        w.share_uncounted(self, slots.at(block.addr as usize));
                    }
                }
                // Without a tracking allocator static bytes look like any others.
                None if live::installed().is_none() && self.is_only() => {
                    w.share(self, Block::slots(&BYTES, addr, bytes.len(), bytes.len()), 1, 0);
                }
                None => {}
            }
        }
        w.opaque_inner(self);
    }

    /// Types what the view shows, in a buffer of [`SharedByte`]s.
    fn type_view(&self, w: &mut Walker<'_>) {
        let (used, free) = (self.bytes().len(), self.room());
        w.type_bytes(used + free, Split { payload: used as u64, spare: free as u64, ..Split::default() });
    }
}

/// `Handle` for a view: what is entered is a buffer of [`SharedByte`]s.
macro_rules! handle {
    ($ty:ty) => {
        impl $crate::walk::Handle for $ty {
            fn contents<'a>(&'a self, w: &mut $crate::walker::Walker<'a>) {
                $crate::impls::foreign::bytes::View::type_view(self, w);
            }
        }
    };
}
#[cfg(any(feature = "http", feature = "http-0_2"))]
pub(super) use handle;

impl View for Bytes {
    fn bytes(&self) -> &[u8] {
        self
    }
    fn is_only(&self) -> bool {
        self.is_unique()
    }
}

handle!(Bytes);

impl Walk for Bytes {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.claim(w);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl View for BytesMut {
    fn bytes(&self) -> &[u8] {
        self
    }
    fn room(&self) -> usize {
        self.capacity() - self.len()
    }
    fn is_exclusive(&self) -> bool {
        true
    }
}

handle!(BytesMut);

impl Walk for BytesMut {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.claim(w);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}
