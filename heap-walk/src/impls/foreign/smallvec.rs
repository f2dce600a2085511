//! `smallvec`: a capacity, and either room for elements or a pointer and a
//! length, told apart by a discriminant unless the crate's `union` is on.

use super::super::shape;
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use ::smallvec::{Array, SmallVec};
use heap_snapshot::record::{Layout, Split};

static VEC: Container = Container::new("SmallVec", Layout::BUFFER);

const WORD: usize = size_of::<usize>();
/// Pointer and length of a vector that has spilled.
const HEAP: usize = 2 * WORD;

/// Bytes of the larger of the two variants.
fn larger<A: Array>() -> usize {
    size_of::<A>().max(HEAP)
}

/// What tells the variants apart: the size of both less the larger one.
fn discriminant<A: Array>() -> usize {
    let align = align_of::<SmallVec<A>>();
    let both = (size_of::<SmallVec<A>>() - WORD) / align * align;
    both.saturating_sub(larger::<A>())
}

impl<A: Array> Walk for SmallVec<A>
where
    A::Item: Walk,
{
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let larger = larger::<A>();
        if self.spilled() {
            let dead = (larger - HEAP) as u64;
            w.type_bytes(larger, Split { payload: HEAP as u64, dead, ..Split::default() });
            w.own(self, Block::slots(&VEC, self.as_ptr(), self.len(), self.capacity()));
        } else {
            // Room that no element fits is not in use either.
            let room = A::size() * size_of::<A::Item>();
            let rest = larger - room;
            w.type_bytes(rest, Split { dead: rest as u64, ..Split::default() });
            w.inline_slots::<A::Item>(self.len(), A::size());
            self.contents(w);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(WORD + discriminant::<A>(), larger::<A>());
    }
}

impl<A: Array> Handle for SmallVec<A>
where
    A::Item: Walk,
{
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        if !A::Item::is_leaf() {
            for element in self {
                w.visit(&label::ELEMENT, element);
            }
        }
    }
}
