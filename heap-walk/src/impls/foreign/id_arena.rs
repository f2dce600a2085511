//! `id-arena`: a number and a vector. Its capacity is what the allocator says.

use super::super::shape;
use super::hidden::{own_buffer, slots_at};
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Key, Walk};
use crate::walker::{Block, Walker};
use ::id_arena::{Arena, ArenaBehavior, Id};
use heap_snapshot::record::Layout;

static ARENA: Container = Container::new("Arena", Layout::BUFFER);

const WORD: usize = size_of::<usize>();

/// The arena's own number, in it and in its ids.
const NUMBER: usize = size_of::<u32>();

impl<T: Walk, A: ArenaBehavior> Walk for Arena<T, A> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.iter().next() {
            Some((_, first)) if size_of::<T>() > 0 => {
                let slots = slots_at::<T>(w, std::ptr::from_ref(first) as usize, self.len());
                w.own(self, Block::slots(&ARENA, first, self.len(), slots));
            }
            Some(_) => self.contents(w),
            None => own_buffer::<T, Self>(w, self, &ARENA, 0),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(3 * WORD + NUMBER, 0);
        d.is_fixed();
    }
}

impl<T: Walk, A: ArenaBehavior> Handle for Arena<T, A> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for (_, value) in self.iter() {
            w.visit(&label::ELEMENT, value);
        }
    }
}

impl<T> Walk for Id<T> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(WORD + NUMBER, 0);
        d.is_fixed();
    }
    fn is_leaf() -> bool {
        true
    }
}

impl<T> Key for Id<T> {
    fn key(&self) -> u64 {
        self.index() as u64
    }
}
