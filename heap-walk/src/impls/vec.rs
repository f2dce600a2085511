//! Buffers of elements: `Vec`, `VecDeque`, `BinaryHeap`, slices and arrays; and lists.

use super::shape;
use crate::label;
use crate::shape::{Describe, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::collections::{BinaryHeap, LinkedList, VecDeque};

static VEC: Container = Container::new("Vec", Layout::BUFFER);
static DEQUE: Container = Container::new("VecDeque", Layout::BUFFER);
static HEAP: Container = Container::new("BinaryHeap", Layout::BUFFER);
static LIST: Container = Container::new("LinkedList", Layout::LIST_NODE);

fn elements<'a, T: Walk + 'a>(w: &mut Walker<'a>, elements: impl IntoIterator<Item = &'a T>) {
    if !T::is_leaf() {
        let label = if w.label().place == label::BLOCK.place { &label::ELEMENT } else { w.label() };
        for element in elements {
            w.set_label(label);
            element.walk(w);
        }
    }
}

impl<T: Walk> Walk for Vec<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.capacity() > 0 && size_of::<T>() > 0 {
            w.own(self, Block::slots(&VEC, self.as_ptr(), self.len(), self.capacity()));
        } else if !T::is_leaf() {
            self.contents(w);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for Vec<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        elements(w, self);
    }
}

impl<T: Walk> Walk for VecDeque<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.capacity() == 0 || size_of::<T>() == 0 {
            return;
        }
        match self.front() {
            Some(first) => w.own(self, Block::slots(&DEQUE, first, self.len(), self.capacity())),
            None => {
                let block = Block::slots::<T>(&DEQUE, std::ptr::null(), 0, self.capacity());
                let bytes = (self.capacity() * size_of::<T>()) as u64;
                w.own_by_handle(self, block, |requested| requested == bytes);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for VecDeque<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        elements(w, self);
    }
}

impl<T: Walk> Walk for BinaryHeap<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.capacity() > 0 && size_of::<T>() > 0 {
            let slots = self.as_slice();
            w.own(self, Block::slots(&HEAP, slots.as_ptr(), slots.len(), self.capacity()));
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for BinaryHeap<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        elements(w, self.as_slice());
    }
}

impl<T: Walk> Walk for LinkedList<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if !self.is_empty() && size_of::<T>() > 0 {
            w.own_parts(self);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for LinkedList<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let base = w.base_of::<T>();
        for element in self {
            let addr = std::ptr::from_ref(element);
            if let Some(node) = w.own_part(self, Block::of_val(&LIST, element)) {
                if !T::is_leaf() {
                    w.within(node, addr as usize as u64, base, |w| {
                        w.set_label(&label::ELEMENT);
                        element.walk(w);
                    });
                }
            }
        }
    }
}

impl<T: Walk> Walk for [T] {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        elements(w, self);
    }
    fn shape(&self) -> &'static Shape {
        Shape::slice::<T>()
    }
}

impl<T: Walk, const N: usize> Walk for [T; N] {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        elements(w, self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.array::<T>(N);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}
