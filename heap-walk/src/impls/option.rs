//! `Option`: an enum, counted by variant like anybody's. What is inside stands in
//! the place of the option.

use super::shape;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::walk::Walk;
use crate::walker::Walker;

fn addr<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

impl<T: Walk> Walk for Option<T> {
    #[inline]
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self {
            None => {
                w.variant(Shape::of::<Self>(), 0);
            }
            Some(value) => {
                if w.variant(Shape::of::<Self>(), 1) {
                    w.variant_offsets(Shape::of::<Self>(), 1, addr(self), &[addr(value)]);
                }
                w.visit_inner(value);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("None", 0, &[]),
            Variant::new("Some", size_of::<T>(), &[Field::walked::<T>("0", None)]),
        ]);
    }
}
