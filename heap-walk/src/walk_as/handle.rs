//! Ways of handles to blocks: `Box`, `Rc`, `Arc`, `Vec`, `VecDeque`.

use super::inline::elements;
use super::{handle_as, As, WalkAs};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

pub(super) static BOX: Container = Container::new("Box", Layout::VALUE);
static BOX_SLICE: Container = Container::new("Box", Layout::BUFFER);
static RC: Container = Container::new("Rc", Layout::COUNTED);
static ARC: Container = Container::new("Arc", Layout::COUNTED);
static VEC: Container = Container::new("Vec", Layout::BUFFER);
static DEQUE: Container = Container::new("VecDeque", Layout::BUFFER);

impl<T: ?Sized, W: ?Sized + WalkAs<T>> WalkAs<Box<T>> for Box<W> {
    fn walk_as<'a>(value: &'a Box<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let inside = As::<T, W>::new(&**value);
        // A value without size has no block, and its address may be a neighbour's.
        if size_of_val(inside) > 0 {
            let container = if inside.shape().elem.is_some() { &BOX_SLICE } else { &BOX };
            w.own(As::<Box<T>, Self>::new(value), Block::of_val(container, inside));
        }
    }
    handle_as!(Box<T>);
}

impl<T: ?Sized, W: ?Sized + WalkAs<T>> Handle for As<Box<T>, Box<W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        W::walk_as(&*self.1, w);
    }
}

macro_rules! counted {
    ($strong:ident, $container:ident) => {
        impl<T: ?Sized, W: ?Sized + WalkAs<T>> WalkAs<$strong<T>> for $strong<W> {
            fn walk_as<'a>(value: &'a $strong<T>, w: &mut Walker<'a>)
            where
                Self: 'a,
            {
                let inside = As::<T, W>::new(&**value);
                let block = counted_block(&$container, inside);
                let handle = As::<$strong<T>, Self>::new(value);
                w.share(handle, block, $strong::strong_count(value), $strong::weak_count(value));
            }
            handle_as!($strong<T>);
        }

        impl<T: ?Sized, W: ?Sized + WalkAs<T>> Handle for As<$strong<T>, $strong<W>> {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                W::walk_as(&*self.1, w);
            }
        }
    };
}

counted!(Rc, RC);
counted!(Arc, ARC);

/// The block of a counted value. A value without size lies one past its block,
/// so the block is looked up by the last byte before the value.
fn counted_block<T: ?Sized + Walk>(container: &'static Container, inside: &T) -> Block {
    let before = (std::ptr::from_ref(inside).cast::<u8>() as usize) - 1;
    Block::of_val(container, inside).at(before)
}

impl<T, W: WalkAs<T>> WalkAs<Vec<T>> for Vec<W> {
    fn walk_as<'a>(value: &'a Vec<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let handle = As::<Vec<T>, Self>::new(value);
        if value.capacity() > 0 && size_of::<T>() > 0 {
            let first = value.as_ptr().cast::<As<T, W>>();
            w.own(handle, Block::slots(&VEC, first, value.len(), value.capacity()));
        } else if !W::is_leaf_as() {
            handle.contents(w);
        }
    }
    handle_as!(Vec<T>);
}

impl<T, W: WalkAs<T>> Handle for As<Vec<T>, Vec<W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        elements::<T, W>(w, &self.1);
    }
}

impl<T, W: WalkAs<T>> WalkAs<VecDeque<T>> for VecDeque<W> {
    fn walk_as<'a>(value: &'a VecDeque<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let handle = As::<VecDeque<T>, Self>::new(value);
        if value.capacity() == 0 || size_of::<T>() == 0 {
            return;
        }
        let first =
            value.front().map_or(std::ptr::null(), |first| std::ptr::from_ref(As::<T, W>::new(first)));
        let block = Block::slots(&DEQUE, first, value.len(), value.capacity());
        if value.is_empty() {
            let bytes = (value.capacity() * size_of::<T>()) as u64;
            w.own_by_handle(handle, block, |requested| requested == bytes);
        } else {
            w.own(handle, block);
        }
    }
    handle_as!(VecDeque<T>);
}

impl<T, W: WalkAs<T>> Handle for As<VecDeque<T>, VecDeque<W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        elements::<T, W>(w, &self.1);
    }
}
