//! `Option`: an enum, counted by variant like anybody's. What is inside stands in
//! the place of the option.

use super::shape;
use crate::shape::{Describe, Field, Variant};
use crate::walk::Walk;
use crate::walker::Walker;

impl<T: Walk> Walk for Option<T> {
    #[inline]
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let shape = Self::static_shape().0;
        match self {
            None => {
                w.variant(shape, 0);
            }
            Some(value) => {
                if w.variant(shape, 1) {
                    w.variant_offsets(shape, 1, self as *const Self as usize, &[value as *const T as usize]);
                }
                if !T::is_leaf() {
                    value.walk(w);
                }
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("None", 0, &[]),
            Variant::new("Some", size_of::<T>(), &[Field::of("0", T::static_shape().0)]),
        ]);
    }
}
