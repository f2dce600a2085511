//! Arenas: values that live as long as the whole check and are passed around as `&'tcx T`.
//!
//! The shape is that of rustc's typed arena: a list of chunks, each at least twice the one before.
//! A chunk is a `Vec` that is never filled beyond the capacity it was made with, so that its buffer
//! never moves. Because the chunks say their own lengths, a derived `Walk` reaches each element.
#![expect(unsafe_code, reason = "references into chunks outlive the borrow of the chunk list")]

use std::cell::RefCell;
use std::mem::size_of;
use std::slice;

use heap_walk::Walk;

use crate::ty::{PlaceElem, Region, RegionKind, Ty, TyKind};

/// Bytes of the first chunk.
const FIRST_CHUNK: usize = 4096;
/// Bytes beyond which chunks stop doubling.
const LARGEST_CHUNK: usize = 2 << 20;

/// Hands out references to values of one type, which are dropped with the arena.
#[derive(Debug, Walk)]
pub struct TypedArena<T> {
    chunks: RefCell<Vec<Vec<T>>>,
}

impl<T> Default for TypedArena<T> {
    fn default() -> Self {
        TypedArena { chunks: RefCell::new(Vec::new()) }
    }
}

impl<T> TypedArena<T> {
    /// Stores a value. Amortised constant time.
    pub fn alloc(&self, value: T) -> &T {
        let mut chunks = self.chunks.borrow_mut();
        let chunk = chunk_with_room(&mut chunks, 1);
        let index = chunk.len();
        chunk.push(value);
        // SAFETY: the value was just pushed at `index`, into a buffer that stays where it is, as
        // argued in `alloc_slice`, until `self` is dropped, which the returned lifetime borrows.
        unsafe { &*chunk.as_ptr().add(index) }
    }

    /// Stores values side by side; nothing is stored for none. Linear in their number.
    pub fn alloc_slice(&self, mut values: Vec<T>) -> &[T] {
        let count = values.len();
        if count == 0 {
            return &[];
        }
        let mut chunks = self.chunks.borrow_mut();
        let chunk = chunk_with_room(&mut chunks, count);
        let first = chunk.len();
        chunk.append(&mut values);
        // SAFETY: `chunk` had room for `count` more, so it now holds them from `first` on, in a
        // buffer that stays where it is: `append` found the capacity it needed, and no other code
        // touches the chunks. The list of chunks may move the `Vec` itself but not its buffer. The
        // elements are only ever shared from here on (no method hands out `&mut`, or takes one
        // out), and are dropped with `self`, which the returned lifetime borrows.
        unsafe { slice::from_raw_parts(chunk.as_ptr().add(first), count) }
    }

    /// The number of values stored.
    pub fn len(&self) -> usize {
        self.chunks.borrow().iter().map(Vec::len).sum()
    }

    /// True when nothing was stored yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The last chunk if `count` more fit into its capacity, else a new one.
fn chunk_with_room<T>(chunks: &mut Vec<Vec<T>>, count: usize) -> &mut Vec<T> {
    let full = chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < count);
    if full {
        let size = size_of::<T>().max(1);
        let last = chunks.last().map_or(FIRST_CHUNK / 2, |chunk| chunk.capacity() * size);
        let bytes = (2 * last.min(LARGEST_CHUNK / 2)).max(FIRST_CHUNK);
        chunks.push(Vec::with_capacity(count.max(bytes / size)));
    }
    chunks.last_mut().expect("a chunk was pushed when there was none")
}

/// The arenas of one run, by type.
#[derive(Debug, Default, Walk)]
pub struct Arena<'tcx> {
    /// Text of the symbols.
    pub strings: TypedArena<u8>,
    /// Types.
    pub ty_kinds: TypedArena<TyKind<'tcx>>,
    /// Lists of types.
    pub ty_lists: TypedArena<Ty<'tcx>>,
    /// Regions.
    pub region_kinds: TypedArena<RegionKind>,
    /// Lists of regions.
    pub region_lists: TypedArena<Region<'tcx>>,
    /// Projections of places.
    pub projections: TypedArena<PlaceElem<'tcx>>,
}

impl Arena<'_> {
    /// Stores a string.
    pub fn alloc_str(&self, text: &str) -> &str {
        let bytes = self.strings.alloc_slice(text.as_bytes().to_vec());
        std::str::from_utf8(bytes).expect("the bytes of a string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// Counts its drops, and shows through its content whether memory under it was reused.
    struct Counted {
        drops: Rc<Cell<usize>>,
        number: usize,
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.drops.set(self.drops.get() + 1);
        }
    }

    #[test]
    fn references_stay_valid_over_many_chunks() {
        let drops = Rc::new(Cell::new(0));
        let arena = TypedArena::default();
        let counted = |number| Counted { drops: drops.clone(), number };
        let mut references: Vec<&Counted> = Vec::new();
        for number in 0..5000 {
            if number % 10 == 0 {
                references.extend(arena.alloc_slice((number..number + 3).map(counted).collect()));
            } else {
                references.push(arena.alloc(counted(number)));
            }
        }
        assert!(arena.chunks.borrow().len() > 3, "the test must fill several chunks");
        assert_eq!(arena.len(), references.len());
        let expected = (0..5000).flat_map(|n| if n % 10 == 0 { n..n + 3 } else { n..n + 1 });
        assert!(references.iter().map(|counted| counted.number).eq(expected));
        assert_eq!(drops.get(), 0, "nothing is dropped while the arena lives");

        let stored = references.len();
        drop(arena);
        assert_eq!(drops.get(), stored, "each value is dropped once, with the arena");
    }

    #[test]
    fn no_chunk_grows() {
        let arena = TypedArena::<u64>::default();
        let mut buffers = Vec::new();
        for number in 0..100_000 {
            arena.alloc(number);
            let chunks = arena.chunks.borrow();
            let last = chunks.last().unwrap();
            let buffer = (last.as_ptr(), last.capacity());
            match buffers.get(chunks.len() - 1) {
                Some(known) => assert_eq!(*known, buffer, "chunk {} moved", chunks.len() - 1),
                None => buffers.push(buffer),
            }
        }
        for (chunk, known) in arena.chunks.borrow().iter().zip(&buffers) {
            assert_eq!((chunk.as_ptr(), chunk.capacity()), *known);
        }
    }

    #[test]
    fn large_small_and_sizeless_values_fit() {
        let arena = TypedArena::<[u8; 2 * FIRST_CHUNK]>::default();
        let large: Vec<_> = (0..600).map(|n| arena.alloc([n as u8; 2 * FIRST_CHUNK])).collect();
        assert!(large.iter().zip(0..600).all(|(values, n)| values[FIRST_CHUNK] == n as u8));
        let slice = TypedArena::default();
        assert_eq!(slice.alloc_slice(vec![7u8; 2 * LARGEST_CHUNK])[LARGEST_CHUNK], 7);
        let arena = TypedArena::<()>::default();
        arena.alloc(());
        assert_eq!(arena.alloc_slice(vec![(); 10_000]).len(), 10_000);
        assert_eq!(arena.len(), 10_001);
        assert!(TypedArena::<u8>::default().alloc_slice(vec![]).is_empty());
        assert!(TypedArena::<u8>::default().is_empty());
    }

    #[test]
    fn values_may_refer_into_their_own_arena() {
        struct Node<'a>(u32, Option<&'a Node<'a>>);
        let arena = TypedArena::default();
        let mut last = None;
        for number in 0..1000 {
            last = Some(arena.alloc(Node(number, last)));
        }
        let chain = std::iter::successors(last, |node| node.1);
        assert!(chain.map(|node| node.0).eq((0..1000).rev()));
    }

    #[test]
    fn strings_come_back() {
        let arena = Arena::default();
        let names: Vec<&str> = (0..3000).map(|n| arena.alloc_str(&format!("name{n}"))).collect();
        assert!(names.iter().enumerate().all(|(n, name)| *name == format!("name{n}")));
        assert_eq!(arena.alloc_str(""), "");
    }
}
