//! Cells of one thread. What is borrowed exclusively is not entered.

use super::shape;
use crate::shape::{Describe, Field, Shape};
use crate::walk::Walk;
use crate::walker::Walker;
use heap_snapshot::record::Split;
use std::cell::{OnceCell, RefCell};
use std::mem::{ManuallyDrop, MaybeUninit};

/// The shape of a cell or lock of a slice: its size is known from the value,
/// and all of it is typed when it can be entered.
macro_rules! slice_shape {
    ($of_one:ty) => {
        const {
            &$crate::shape::Shape {
                name: std::any::type_name::<Self>,
                size: None,
                align: align_of::<$of_one>(),
                describe: |d| d.unknown(),
                is_leaf: || false,
                elem: None,
            }
        }
    };
}
pub(crate) use slice_shape;

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

impl<T: Walk> Walk for RefCell<[T]> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.try_borrow() {
            Ok(guard) => {
                type_around_slice::<T>(w, size_of_val(self), size_of::<isize>(), guard.len());
                w.behind(guard, false);
            }
            Err(_) => {
                w.unreadable(std::ptr::from_ref(self).cast::<()>() as usize, Shape::slice::<T>(), "borrowed")
            }
        }
    }
    fn shape(&self) -> &'static Shape {
        slice_shape!(RefCell<T>)
    }
}

/// Types what is around the slice in a cell of `whole` bytes with `len`
/// elements: `own` bytes of the cell's.
pub(crate) fn type_around_slice<T>(w: &mut Walker<'_>, whole: usize, own: usize, len: usize) {
    let around = whole - len * size_of::<T>();
    let split = Split { payload: own as u64, padding: (around - own) as u64, ..Split::default() };
    w.type_bytes(around, split);
}

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
pub(crate) fn once<'a, T: Walk>(w: &mut Walker<'a>, value: Option<&'a T>, whole: usize) {
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
