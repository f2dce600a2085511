//! Arenas name their chunks: what is used of each, and what is spare.

#[doc(hidden)]
pub use heap_walk;

heap_walk::when_enabled! {
    use crate::{ArenaChunk, DroplessArena, TypedArena};
    use heap_walk::{Chunk, Container, Describe, Layout, Shape, Walk, Walker};
    use std::cell::RefCell;
    use std::mem::needs_drop;

    static TYPED: Container = Container::new("TypedArena", Layout::CHUNK);
    static DROPLESS: Container = Container::new("DroplessArena", Layout::CHUNK);

    impl<T> Walk for TypedArena<T> {
        fn walk<'a>(&'a self, w: &mut Walker<'a>) {
            w.field("chunks", &self.chunks);
            let Ok(chunks) = self.chunks.try_borrow() else { return };
            if size_of::<T>() == 0 {
                return;
            }
            let place = std::ptr::from_ref(self) as usize;
            for (at, chunk) in chunks.iter().enumerate() {
                let addr = chunk.storage.cast::<T>().as_ptr().addr();
                let cap = chunk.storage.len();
                let len = if at + 1 == chunks.len() {
                    (self.ptr.get().addr() - addr) / size_of::<T>()
                } else if needs_drop::<T>() {
                    chunk.entries
                } else {
                    // How much of a full chunk is used is noted only for what is to be dropped.
                    cap
                };
                w.chunk(place, &Chunk { container: &TYPED, addr, elem: Shape::unwalked::<T>(), len, cap });
            }
        }
        fn shape(&self) -> &'static Shape {
            Shape::of::<Self>()
        }
        fn describe(d: &mut Describe<'_>) {
            let chunks = size_of::<RefCell<Vec<ArenaChunk<T>>>>();
            d.cell(size_of::<Self>() - chunks, chunks);
        }
    }

    impl Walk for DroplessArena {
        fn walk<'a>(&'a self, w: &mut Walker<'a>) {
            w.field("chunks", &self.chunks);
            let Ok(chunks) = self.chunks.try_borrow() else { return };
            let place = std::ptr::from_ref(self) as usize;
            for (at, chunk) in chunks.iter().enumerate() {
                let begin = chunk.storage.cast::<u8>().as_ptr().addr();
                let cap = chunk.storage.len();
                // It is filled from its end; what the older ones have left is not noted.
                let addr = if at + 1 == chunks.len() { self.end.get().addr() } else { begin };
                let len = begin + cap - addr;
                w.chunk(place, &Chunk { container: &DROPLESS, addr, elem: Shape::bytes(), len, cap });
            }
        }
        fn shape(&self) -> &'static Shape {
            Shape::of::<Self>()
        }
        fn describe(d: &mut Describe<'_>) {
            let chunks = size_of::<RefCell<Vec<ArenaChunk>>>();
            d.cell(size_of::<Self>() - chunks, chunks);
        }
    }

    /// A chunk's handle: the chunk itself is its arena's.
    impl<T> Walk for ArenaChunk<T> {
        fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
        fn shape(&self) -> &'static Shape {
            Shape::of::<Self>()
        }
        fn describe(d: &mut Describe<'_>) {
            d.leaf();
        }
        fn is_leaf() -> bool {
            true
        }
    }
}
