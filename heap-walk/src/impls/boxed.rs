//! `Box`: the value's address is the block's.

use super::shape;
use crate::shape::{Describe, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::Walker;
use heap_snapshot::record::Layout;
use std::pin::Pin;

pub(crate) static VALUE: Container = Container::new("Box", Layout::VALUE);
pub(crate) static SLICE: Container = Container::new("Box", Layout::BUFFER);

/// Reports the block that `handle` owns, of a value of this shape and so many bytes.
#[inline]
fn own<'a>(w: &mut Walker<'a>, handle: &'a dyn Handle, addr: *const u8, shape: &'static Shape, size: usize) {
    // A value without size has no block, and its address may be a neighbour's.
    if size > 0 {
        w.own_value(handle, addr, shape, size);
    }
}

macro_rules! boxed {
    ($ty:ty) => {
        impl<T: ?Sized + Walk> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let value: &'a T = self;
                own(w, self, value as *const T as *const u8, value.shape(), size_of_val(value));
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
