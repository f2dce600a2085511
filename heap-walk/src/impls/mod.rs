//! `Walk` for the standard library, one family a file.

mod boxed;
mod btree;
mod cell;
mod foreign;
mod hash;
mod leaf;
mod option;
mod rc;
mod refs;
mod string;
mod sync;
mod tuple;
mod vec;

/// The two methods that every sized impl has alike.
macro_rules! shape {
    () => {
        fn shape(&self) -> &'static $crate::shape::Shape {
            $crate::shape::Shape::of::<Self>()
        }
    };
}
pub(crate) use shape;
