//! Arenas name their chunks: what is used of each, and what is spare. The values of an arena whose type
//! has a `Walk` are walked.

#[doc(hidden)]
pub use heap_walk;

heap_walk::when_enabled! {
    use crate::{ArenaChunk, DroplessArena, TypedArena};
    use heap_walk::{Block, Chunk, Container, Describe, Handle, Layout, Shape, Walk, Walker};
    use std::cell::RefCell;
    use std::mem::needs_drop;

    static TYPED: Container = Container::new("TypedArena", Layout::CHUNK);
    static VALUES: Container = Container::new("TypedArena", Layout::BUFFER);
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

    /// Chosen by the compiler, for a field of an arena of many types: a method of a type goes before one of
    /// a reference to it.
    pub struct Field<'a, T>(pub &'a TypedArena<T>);

    pub trait WithWalk<'a> {
        /// Walks the arena and the values in it.
        fn walk_arena(&self, name: &'static str, w: &mut Walker<'a>);
    }

    pub trait WithoutWalk<'a> {
        /// Walks the arena.
        fn walk_arena(&self, name: &'static str, w: &mut Walker<'a>);
    }

    impl<'a, T: Walk> WithWalk<'a> for Field<'a, T> {
        fn walk_arena(&self, name: &'static str, w: &mut Walker<'a>) {
            let arena = self.0;
            // Of others it isn't noted how many there are.
            if !needs_drop::<T>() || size_of::<T>() == 0 || arena.chunks.try_borrow_mut().is_err() {
                return w.field(name, arena);
            }
            w.field(name, &arena.chunks);
            for (at, chunk) in arena.all().iter().enumerate() {
                let (storage, cap) = (chunk.storage.cast::<T>().as_ptr().cast_const(), chunk.storage.len());
                let is_last = at + 1 == arena.all().len();
                let handle: &'a dyn Handle = if is_last { arena } else { chunk };
                let len = if is_last { arena.last().len() } else { chunk.entries };
                w.own(handle, Block::slots(&VALUES, storage, len, cap));
            }
        }
    }

    impl<'a, T> WithoutWalk<'a> for &Field<'a, T> {
        fn walk_arena(&self, name: &'static str, w: &mut Walker<'a>) {
            w.field(name, self.0);
        }
    }

    impl<T> TypedArena<T> {
        /// The chunks. An arena belongs to one thread, which does nothing but walk while it does,
        /// and the walk allocates in no arena.
        fn all(&self) -> &[ArenaChunk<T>] {
            // SAFETY: for the said reasons nobody changes the list while somebody looks at it.
            unsafe { &*self.chunks.as_ptr() }
        }

        /// The values in the chunk that is being filled.
        fn last(&self) -> &[T] {
            let Some(chunk) = self.all().last() else { return &[] };
            let start = chunk.storage.cast::<T>().as_ptr().cast_const();
            let len = (self.ptr.get().addr() - start.addr()) / size_of::<T>();
            // SAFETY: values lie from its start to where the next will be put; none is taken out.
            unsafe { std::slice::from_raw_parts(start, len) }
        }
    }

    impl<T: Walk> Handle for TypedArena<T> {
        fn contents<'a>(&'a self, w: &mut Walker<'a>) {
            self.last().walk(w);
        }
    }

    impl<T: Walk> Handle for ArenaChunk<T> {
        fn contents<'a>(&'a self, w: &mut Walker<'a>) {
            let start = self.storage.cast::<T>().as_ptr().cast_const();
            // SAFETY: what is dropped with the chunk is there.
            let values = unsafe { std::slice::from_raw_parts(start, self.entries) };
            values.walk(w);
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
