//! Enums of the standard library, counted by variant like anybody's.

use super::shape;
use crate::label::Label;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::walk::Walk;
use crate::walker::Walker;

fn addr<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

macro_rules! enums {
    ($($ty:ident<$($param:ident),*> { $($idx:literal $variant:ident $(($field:ident))?),* })*) => {$(
        impl<$($param: Walk),*> Walk for $ty<$($param),*> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                match self {
                    $(enums!(@pattern value $ty $variant $($field)?) => {
                        let is_first = w.variant(Shape::of::<Self>(), $idx);
                        enums!(@visit w self value is_first $idx $variant $($field)?);
                    })*
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.enumeration(&[$(enums!(@describe $variant $($field)?)),*]);
            }
        }
    )*};
    (@pattern $value:ident $ty:ident $variant:ident) => { $ty::$variant };
    (@pattern $value:ident $ty:ident $variant:ident $field:ident) => { $ty::$variant($value) };
    (@visit $w:ident $this:ident $value:ident $is_first:ident $idx:literal $variant:ident) => {
        let _ = $is_first;
    };
    (@visit $w:ident $this:ident $value:ident $is_first:ident $idx:literal $variant:ident $field:ident) => {
        if $is_first {
            $w.variant_offsets(Shape::of::<Self>(), $idx, addr($this), &[addr($value)]);
        }
        $w.visit(const { &Label::variant_field(stringify!($variant), "0") }, $value);
    };
    (@describe $variant:ident) => { Variant::new(stringify!($variant), 0, &[]) };
    (@describe $variant:ident $field:ident) => {
        Variant::new(stringify!($variant), size_of::<$field>(), &[Field::walked::<$field>("0", None)])
    };
}

use std::collections::Bound;
use std::ops::ControlFlow;
use std::task::Poll;

enums! {
    Result<T, E> { 0 Ok(T), 1 Err(E) }
    Poll<T> { 0 Ready(T), 1 Pending }
    ControlFlow<B, C> { 0 Continue(C), 1 Break(B) }
    Bound<T> { 0 Included(T), 1 Excluded(T), 2 Unbounded }
}
