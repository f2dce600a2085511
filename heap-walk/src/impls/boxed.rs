//! `Box`: the value's address is the block's.

use super::shape;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::pin::Pin;

pub(crate) static VALUE: Container = Container::new("Box", Layout::VALUE);
static SLICE: Container = Container::new("Box", Layout::BUFFER);

macro_rules! boxed {
    ($ty:ty) => {
        impl<T: ?Sized + Walk> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let value: &'a T = self;
                // A value without size has no block, and its address may be a neighbour's.
                if size_of_val(value) > 0 {
                    let container = if value.shape().elem.is_some() { &SLICE } else { &VALUE };
                    w.own(self, Block::of_val(container, value));
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }

        impl<T: ?Sized + Walk> Handle for $ty {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                (**self).walk(w);
            }
        }
    };
}

boxed!(Box<T>);
boxed!(Pin<Box<T>>);
