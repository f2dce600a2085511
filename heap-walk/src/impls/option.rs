//! `Option` and `Result`: enums, counted by variant like anybody's.

use super::shape;
use crate::label::Label;
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

impl<T: Walk, E: Walk> Walk for Result<T, E> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self {
            Ok(value) => {
                if w.variant(Shape::of::<Self>(), 0) {
                    w.variant_offsets(Shape::of::<Self>(), 0, addr(self), &[addr(value)]);
                }
                w.visit(const { &Label::variant_field("Ok", "0") }, value);
            }
            Err(value) => {
                if w.variant(Shape::of::<Self>(), 1) {
                    w.variant_offsets(Shape::of::<Self>(), 1, addr(self), &[addr(value)]);
                }
                w.visit(const { &Label::variant_field("Err", "0") }, value);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("Ok", size_of::<T>(), &[Field::walked::<T>("0", None)]),
            Variant::new("Err", size_of::<E>(), &[Field::walked::<E>("0", None)]),
        ]);
    }
}
