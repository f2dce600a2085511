//! `la-arena`: one vector each. Its capacity is what the allocator says.

use super::super::{leaf::leaf, shape};
use super::hidden::{own_buffer, own_optional, slots_at};
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Key, Walk};
use crate::walker::{Block, Walker};
use ::la_arena::{Arena, ArenaMap, Idx, IdxRange, RawIdx};
use heap_snapshot::record::Layout;

static ARENA: Container = Container::new("Arena", Layout::BUFFER);
static MAP: Container = Container::new("ArenaMap", Layout::BUFFER);

impl<T: Walk> Walk for Arena<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.values().next() {
            Some(first) if size_of::<T>() > 0 => {
                let slots = slots_at::<T>(w, std::ptr::from_ref(first) as usize, self.len());
                w.own(self, Block::slots(&ARENA, first, self.len(), slots));
            }
            Some(_) => self.contents(w),
            None => own_buffer::<T, Self>(w, self, &ARENA, 0),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for Arena<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for value in self.values() {
            w.visit(&label::ELEMENT, value);
        }
    }
}

impl<I, T: Walk> Walk for ArenaMap<Idx<I>, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.own_parts(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<I, T: Walk> Handle for ArenaMap<Idx<I>, T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let counts = (self.values().count(), None);
        own_optional::<Option<T>, _, Self, _>(w, self, &MAP, counts, || self.values());
    }
}

leaf! {
    [T] Idx<T>;
    [T] IdxRange<T>;
    [] RawIdx;
}

impl<T> Key for Idx<T> {
    fn key(&self) -> u64 {
        self.into_raw().key()
    }
}

impl Key for RawIdx {
    fn key(&self) -> u64 {
        u64::from(u32::from(*self))
    }
}
