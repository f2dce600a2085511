//! `Walk` for the standard library, one family a file.

pub(crate) mod boxed;
pub(crate) mod btree;
mod cell;
mod dynamic;
mod enums;
mod foreign;
mod function;
pub(crate) mod hash;
mod io;
mod leaf;
mod opaque;
mod option;
pub(crate) mod rc;
mod refs;
mod string;
mod structs;
mod sync;
mod tuple;
mod vec;

/// The two methods that every sized impl has alike.
macro_rules! shape {
    () => {
        fn shape(&self) -> &'static $crate::shape::Shape {
            <Self as $crate::walk::Walk>::static_shape().0
        }
    };
}
pub(crate) use shape;
