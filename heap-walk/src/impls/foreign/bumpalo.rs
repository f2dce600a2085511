//! `bumpalo`: chunks that are filled from their end down to their beginning,
//! with a footer each; and boxes, vectors and strings that lie in them.

use crate::impls::shape;
use crate::shape::{Describe, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Arena, Chunk, Walker};
use bumpalo::boxed::Box as BumpBox;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};
use bumpalo::Bump;
use heap_snapshot::live;
use heap_snapshot::record::{EdgeKind, Layout};

/// Six words, aligned to 16.
const FOOTER: usize = (6 * size_of::<usize>()).next_multiple_of(16);

static BUMP: Container = Container::with_header("Bump", Layout::CHUNK, FOOTER);

impl<const MIN_ALIGN: usize> Arena for Bump<MIN_ALIGN> {
    fn chunks(&self, found: &mut dyn FnMut(Chunk)) {
        // SAFETY: nothing is allocated from the arena while the iterator lives,
        // which is this statement: a `Bump` is not `Sync`, so no other thread
        // has this one. What it returns is not read.
        #[expect(unsafe_code, reason = "the safe form of the iterator needs the arena exclusively")]
        let chunks: Vec<(*mut u8, usize)> = unsafe { self.iter_allocated_chunks_raw() }.collect();
        // The first is the one that is being filled.
        let mut free = self.chunk_capacity();
        for (addr, len) in chunks {
            let cap = len + std::mem::take(&mut free);
            found(Chunk { container: &BUMP, addr: addr as usize, elem: Shape::bytes(), len, cap });
        }
    }
}

impl<const MIN_ALIGN: usize> Walk for Bump<MIN_ALIGN> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let place = std::ptr::from_ref(self) as usize;
        let is_tracked = live::installed().is_some();
        self.chunks(&mut |chunk| {
            if !is_tracked {
                w.chunk(place, &chunk);
            } else if let Some(block) = w.lookup(chunk.addr) {
                // The end of a chunk that was left for a larger one is free too.
                let cap = (block.requested as usize).saturating_sub(FOOTER).max(chunk.len);
                w.chunk(place, &Chunk { cap, ..chunk });
            }
        });
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

/// Its value lies in a chunk, and is dropped with it.
impl<T: ?Sized + Walk> Walk for BumpBox<'_, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let value: &T = self;
        w.follow(self, EdgeKind::BORROW_MUT, value, false);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: ?Sized + Walk> Handle for BumpBox<'_, T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        (**self).walk(w);
    }
}

impl<'bump, T: Walk + 'bump> Walk for BumpVec<'bump, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.follow(self, EdgeKind::BORROW_MUT, self.as_slice(), false);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<'bump, T: Walk + 'bump> Handle for BumpVec<'bump, T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        self.as_slice().walk(w);
    }
}

impl Walk for BumpString<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.follow(self, EdgeKind::BORROW_MUT, self.as_str(), false);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl Handle for BumpString<'_> {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}
