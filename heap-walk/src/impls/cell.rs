//! Cells of one thread. What is borrowed exclusively is not entered.

use super::shape;
use crate::shape::{Describe, Field, Shape};
use crate::walk::Walk;
use crate::walker::Walker;
use heap_snapshot::record::Split;
use std::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::mem::{needs_drop, ManuallyDrop, MaybeUninit};

impl<T: Walk> Walk for RefCell<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.try_borrow() {
            Ok(guard) => w.behind(guard, false),
            Err(_) => w.unreadable(std::ptr::from_ref(self) as usize, Shape::of::<T>(), "borrowed"),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        // The borrow count; the value is typed when it can be entered.
        d.cell(size_of::<isize>(), size_of::<T>());
    }
}

/// Contents that cannot be referenced: scanned raw, if they can own anything.
macro_rules! opaque {
    ($($ty:ident)*) => {$(
        impl<T> Walk for $ty<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.opaque_inner(self);
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.opaque();
            }
            fn is_leaf() -> bool {
                !needs_drop::<T>()
            }
        }
    )*};
}

opaque!(Cell UnsafeCell);

impl<T> Walk for MaybeUninit<T> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.opaque();
    }
    fn is_leaf() -> bool {
        true
    }
}

impl<T: Walk> Walk for ManuallyDrop<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit_inner(&**self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[Field::walked::<T>("value", Some(0))]);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}

impl<T: Walk> Walk for OnceCell<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        once(w, self.get(), size_of::<Option<T>>());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(0, size_of::<Self>());
    }
}

/// Types and visits what a cell of `whole` bytes holds, if it holds something.
pub(super) fn once<'a, T: Walk>(w: &mut Walker<'a>, value: Option<&'a T>, whole: usize) {
    // What is left beside the value tells whether there is one; 0 in a niche.
    let mut split = Split { payload: (whole - size_of::<T>()) as u64, ..Split::default() };
    match value {
        None => {
            split.dead = size_of::<T>() as u64;
            w.type_bytes(whole, split);
        }
        Some(value) => {
            split.add_times(&w.base_of::<T>(), 1);
            w.type_bytes(whole, split);
            w.visit_inner(value);
        }
    }
}
