//! `typed-arena`: the chunk that is being filled shows its free end. Those
//! filled before are out of sight, and claimed raw with the list of them.

use crate::impls::shape;
use crate::shape::{Describe, Shape};
use crate::types::Container;
use crate::walk::Walk;
use crate::walker::{Chunk, Walker};
use heap_snapshot::live;
use heap_snapshot::record::Layout;
use typed_arena::Arena;

static ARENA: Container = Container::new("typed_arena::Arena", Layout::CHUNK);

impl<T: Walk> Walk for Arena<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let free = self.uninitialized_array();
        let (end, free) = (free.cast::<T>() as usize, free.len());
        if size_of::<T>() > 0 {
            // What is used lies before it; where nothing is free, it is one past the chunk.
            let inside = if free > 0 { end } else { end - 1 };
            let chunk =
                |addr, len| Chunk { container: &ARENA, addr, elem: Shape::of::<T>(), len, cap: len + free };
            match w.lookup(inside) {
                Some(block) => {
                    let base = block.addr as usize;
                    w.chunk(std::ptr::from_ref(self) as usize, &chunk(base, (end - base) / size_of::<T>()));
                }
                None if live::installed().is_none() => {
                    let len = self.len();
                    let base = end.wrapping_sub(len.wrapping_mul(size_of::<T>()));
                    w.chunk(std::ptr::from_ref(self) as usize, &chunk(base, len));
                }
                None => {}
            }
        }
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        // A borrow count, a vector, a vector of those.
        d.cell(size_of::<Self>(), 0);
        d.is_fixed();
    }
}
