//! Structs that only wrap or pair values: ranges, wrappers of arithmetic and order.

use super::shape;
use crate::label::Label;
use crate::shape::{Describe, Field};
use crate::walk::Walk;
use crate::walker::Walker;
use std::ops::RangeInclusive;

macro_rules! structs {
    ($($ty:ty { $($field:tt),* })*) => {$(
        impl<T: Walk> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                $(w.visit(const { &Label::field(stringify!($field)) }, &self.$field);)*
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.structure(&[$(Field::walked::<T>(
                    stringify!($field),
                    Some(core::mem::offset_of!(Self, $field)),
                )),*]);
            }
            fn is_leaf() -> bool {
                T::is_leaf()
            }
        }
    )*};
}

structs! {
    std::ops::Range<T> { start, end }
    std::ops::RangeFrom<T> { start }
    std::ops::RangeTo<T> { end }
    std::ops::RangeToInclusive<T> { end }
    std::cmp::Reverse<T> { 0 }
    std::num::Wrapping<T> { 0 }
    std::num::Saturating<T> { 0 }
    std::panic::AssertUnwindSafe<T> { 0 }
}

impl<T: Walk> Walk for RangeInclusive<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("start") }, self.start());
        w.visit(const { &Label::field("end") }, self.end());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<T>("start", None),
            Field::walked::<T>("end", None),
            Field::walked::<bool>("exhausted", None),
        ]);
    }
    fn is_leaf() -> bool {
        T::is_leaf()
    }
}
