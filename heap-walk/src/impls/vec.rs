//! Buffers of elements: `Vec`, `VecDeque`, `BinaryHeap`, slices and arrays; and lists.

use super::shape;
use crate::label;
use crate::shape::{Describe, Shape};
use crate::types::{Buffer, Container};
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::cell::Cell;
use std::collections::{BinaryHeap, LinkedList, VecDeque};
use std::ptr::{self, NonNull};
use std::vec;

static VEC: Container = Container::new("Vec", Layout::BUFFER);
static DEQUE: Container = Container::new("VecDeque", Layout::BUFFER);
static HEAP: Container = Container::new("BinaryHeap", Layout::BUFFER);
static INTO_ITER: Container = Container::new("vec::IntoIter", Layout::BUFFER);
static LIST: Container = Container::new("LinkedList", Layout::LIST_NODE);

// What is not generic stands in functions of its own, and what is calls little: every type of
// the program that stands in a vector compiles it again.

/// Reports the buffer of a vector, or visits its elements where there is none.
#[inline]
fn own_buffer<'a, T: Walk>(
    w: &mut Walker<'a>,
    handle: &'a dyn Handle,
    buffer: &'static Buffer,
    elements: &[T],
    cap: usize,
) {
    let (addr, len) = (elements.as_ptr().cast(), elements.len());
    if cap == 0 || size_of::<T>() == 0 {
        handle.contents(w);
    } else if T::is_leaf() {
        w.own_leaves(ptr::from_ref(handle).cast(), buffer, addr, len, cap);
    } else {
        w.own_buffer(handle, buffer, addr, len, cap);
    }
}

impl<T: Walk> Walk for Vec<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let elements: &[T] = self;
        let buffer = const { &Buffer::of::<T>(&VEC) };
        own_buffer(w, self, buffer, elements, self.capacity());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for Vec<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        w.elements(self);
    }
}

impl<T: Walk> Walk for VecDeque<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.capacity() == 0 || size_of::<T>() == 0 {
            return self.contents(w);
        }
        match self.front() {
            Some(first) => w.own(self, Block::slots(&DEQUE, first, self.len(), self.capacity())),
            None => {
                let block = Block::slots::<T>(&DEQUE, ptr::null(), 0, self.capacity());
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
        let (front, back) = self.as_slices();
        w.elements(front);
        w.elements(back);
    }
}

impl<T: Walk> Walk for BinaryHeap<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let elements = self.as_slice();
        let buffer = const { &Buffer::of::<T>(&HEAP) };
        own_buffer(w, self, buffer, elements, self.capacity());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for BinaryHeap<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        w.elements(self.as_slice());
    }
}

impl<T: Walk> Walk for vec::IntoIter<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if size_of::<T>() == 0 {
            return;
        }
        let left = self.as_slice();
        match left.first() {
            Some(first) => {
                // How much the buffer had room for is known from its block alone.
                let requested = w.lookup(ptr::from_ref(first) as usize).map(|block| block.requested);
                let cap = requested.map_or(left.len(), |bytes| bytes as usize / size_of::<T>());
                w.own(self, Block::slots(&INTO_ITER, first, left.len(), cap));
            }
            None => {
                // Nobody counts the room any more: the block is recognised by
                // holding whole elements, and looked at before it is claimed.
                let found = Cell::new(None);
                let is_single = Cell::new(true);
                w.own_by_handle(self, Block::slots::<T>(&INTO_ITER, ptr::null(), 0, 0), |bytes| {
                    if bytes > 0 && bytes % size_of::<T>() as u64 == 0 {
                        is_single.set(is_single.get() && found.get().is_none_or(|found| found == bytes));
                        found.set(Some(bytes));
                    }
                    false
                });
                if let (Some(bytes), true) = (found.get(), is_single.get()) {
                    let cap = bytes as usize / size_of::<T>();
                    let block = Block::slots::<T>(&INTO_ITER, ptr::null(), 0, cap);
                    w.own_by_handle(self, block, |requested| requested == bytes);
                }
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for vec::IntoIter<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        w.elements(self.as_slice());
    }
}

impl<T: Walk> Walk for LinkedList<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if !self.is_empty() {
            w.own_parts(self);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

/// A node of a list as the standard library has it. The place of an element
/// without size in it tells which block the element's address belongs to.
#[expect(dead_code, reason = "nothing but its layout is of interest")]
struct ListNode<T> {
    next: Option<NonNull<ListNode<T>>>,
    prev: Option<NonNull<ListNode<T>>>,
    element: T,
}

impl<T: Walk> Handle for LinkedList<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let base = w.base_of::<T>();
        for element in self {
            let mut addr = ptr::from_ref(element) as usize;
            if size_of::<T>() == 0 {
                addr -= core::mem::offset_of!(ListNode<T>, element);
            }
            if let Some(node) = w.own_part(self, Block::of_val(&LIST, element).at(addr)) {
                if !T::is_leaf() {
                    w.within(node, addr as u64, (base, size_of::<T>() as u64), |w| {
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
        w.elements(self);
    }
    fn shape(&self) -> &'static Shape {
        Shape::slice::<T>()
    }
}

impl<T: Walk, const N: usize> Walk for [T; N] {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.elements(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.array::<T>(N);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}
