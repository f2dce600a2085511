//! Ways of what holds its contents inline: `Option`, `Result`, arrays, slices, tuples.

use super::{shape_as, As, WalkAs};
use crate::label::{self, Label};
use crate::shape::{Describe, Shape, Variant};
use crate::walker::Walker;

fn addr<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

/// Visits elements, as `Walk` of a container does.
pub(super) fn elements<'a, T: 'a, W: WalkAs<T> + 'a>(
    w: &mut Walker<'a>,
    elements: impl IntoIterator<Item = &'a T>,
) {
    if !W::is_leaf_as() {
        let label = if w.label().place == label::BLOCK.place { &label::ELEMENT } else { w.label() };
        for element in elements {
            w.set_label(label);
            W::walk_as(element, w);
        }
    }
}

impl<T, W: WalkAs<T>> WalkAs<Option<T>> for Option<W> {
    #[inline]
    fn walk_as<'a>(value: &'a Option<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let shape = Shape::of::<As<Option<T>, Self>>();
        match value {
            None => {
                w.variant(shape, 0);
            }
            Some(inside) => {
                if w.variant(shape, 1) {
                    w.variant_offsets(shape, 1, addr(value), &[addr(inside)]);
                }
                w.visit_inner(As::<T, W>::new(inside));
            }
        }
    }
    shape_as!(Option<T>);
    fn describe_as(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("None", 0, &[]),
            Variant::new("Some", size_of::<T>(), &[W::field_as("0", None)]),
        ]);
    }
}

impl<T, E, W: WalkAs<T>, F: WalkAs<E>> WalkAs<Result<T, E>> for Result<W, F> {
    fn walk_as<'a>(value: &'a Result<T, E>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let shape = Shape::of::<As<Result<T, E>, Self>>();
        match value {
            Ok(inside) => {
                if w.variant(shape, 0) {
                    w.variant_offsets(shape, 0, addr(value), &[addr(inside)]);
                }
                w.visit(const { &Label::variant_field("Ok", "0") }, As::<T, W>::new(inside));
            }
            Err(inside) => {
                if w.variant(shape, 1) {
                    w.variant_offsets(shape, 1, addr(value), &[addr(inside)]);
                }
                w.visit(const { &Label::variant_field("Err", "0") }, As::<E, F>::new(inside));
            }
        }
    }
    shape_as!(Result<T, E>);
    fn describe_as(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("Ok", size_of::<T>(), &[W::field_as("0", None)]),
            Variant::new("Err", size_of::<E>(), &[F::field_as("0", None)]),
        ]);
    }
}

impl<T, W: WalkAs<T>> WalkAs<[T]> for [W] {
    fn walk_as<'a>(value: &'a [T], w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        elements::<T, W>(w, value);
    }
    fn shape_as(_: &[T]) -> &'static Shape {
        Shape::slice::<As<T, W>>()
    }
}

impl<T, W: WalkAs<T>, const N: usize> WalkAs<[T; N]> for [W; N] {
    fn walk_as<'a>(value: &'a [T; N], w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        elements::<T, W>(w, value);
    }
    shape_as!([T; N]);
    fn describe_as(d: &mut Describe<'_>) {
        d.array::<As<T, W>>(N);
    }
    #[inline]
    fn is_leaf_as() -> bool {
        W::is_leaf_as()
    }
}

macro_rules! tuple {
    ($tuple:ty, $ways:ty: $($name:ident $way:ident $index:tt)*) => {
        impl<$($name, $way: WalkAs<$name>),*> WalkAs<$tuple> for $ways {
            fn walk_as<'a>(value: &'a $tuple, w: &mut Walker<'a>)
            where
                Self: 'a,
            {
                $(w.visit(
                    const { &Label::field(stringify!($index)) },
                    As::<$name, $way>::new(&value.$index),
                );)*
            }
            shape_as!($tuple);
            fn describe_as(d: &mut Describe<'_>) {
                d.structure(&[$($way::field_as(
                    stringify!($index),
                    Some(core::mem::offset_of!($tuple, $index)),
                )),*]);
            }
            #[inline]
            fn is_leaf_as() -> bool {
                $($way::is_leaf_as())&&*
            }
        }
    };
}

tuple!((A, B), (V, W): A V 0 B W 1);
tuple!((A, B, C), (V, W, X): A V 0 B W 1 C X 2);
tuple!((A, B, C, D), (V, W, X, Y): A V 0 B W 1 C X 2 D Y 3);
