//! Ways: how to walk a type other than by its own [`Walk`].
//!
//! A foreign type can't be given a `Walk` by its users. A *way* is a type of
//! theirs that says for it what the foreign type owns; [`As`] puts the two
//! together, and is a `Walk` again. Ways of containers are spelled like the
//! containers: `Vec<PointDef>` walks a `Vec<Point>` if `PointDef` walks a
//! `Point`. The derive writes all of that:
//!
//! ```
//! # mod foreign { pub struct Point { pub x: f64, pub names: Vec<String> } }
//! # use std::collections::HashMap;
//! use heap_walk::Walk;
//!
//! #[derive(Walk)]
//! #[walk(remote = "foreign::Point")]
//! struct PointDef {
//!     x: f64,
//!     names: Vec<String>,
//! }
//!
//! #[derive(Walk)]
//! struct Map {
//!     #[walk(as = PointDef)]
//!     origin: foreign::Point,
//!     #[walk(as = HashMap<_, Vec<PointDef>>)]
//!     layers: HashMap<String, Vec<foreign::Point>>,
//! }
//! ```

mod cell;
mod fields;
mod follow;
mod handle;
mod inline;
mod table;

pub use self::follow::{Follow, FollowInArena, Owned};

use crate::shape::{Describe, Field, Shape};
use crate::walk::{Key, Walk};
use crate::walker::Walker;
use std::any::type_name;
use std::marker::PhantomData;

/// Says for `T` what [`Walk`] says for its own type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no way to walk `{T}`",
    label = "not a way to walk `{T}`",
    note = "a way is spelled like the field's type: `_` for what has a `Walk`, containers as they are, and for `{T}` a type with `#[derive(Walk)]` and `#[walk(remote = \"path::to::Type\")]`"
)]
pub trait WalkAs<T: ?Sized> {
    /// Reports what `value` owns and refers to.
    fn walk_as<'a>(value: &'a T, w: &mut Walker<'a>)
    where
        Self: 'a;

    /// The shape of the type. For sized ones `Shape::of::<As<T, Self>>()`; the
    /// default knows only the name.
    fn shape_as(value: &T) -> &'static Shape {
        let _ = value;
        Shape::unknown::<T>()
    }

    /// The type's name in tables and trees.
    fn name_as() -> &'static str {
        type_name::<T>()
    }

    /// Describes the type's layout; called once per type.
    fn describe_as(d: &mut Describe<'_>) {
        d.unknown();
    }

    /// Whether no value can own anything or hold an enum, a key or a reference.
    fn is_leaf_as() -> bool {
        false
    }

    /// The description of a field that is walked in this way.
    #[doc(hidden)]
    fn field_as(name: &'static str, offset: Option<usize>) -> Field
    where
        T: Sized,
        Self: Sized,
    {
        Field::walked::<As<T, Self>>(name, offset)
    }
}

/// A `T` that is walked in the way `W`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct As<T: ?Sized, W: ?Sized>(PhantomData<W>, T);

impl<T: ?Sized, W: ?Sized> As<T, W> {
    /// The same value, to be walked in the way `W`.
    #[inline]
    pub fn new(value: &T) -> &As<T, W> {
        let value = std::ptr::from_ref(value) as *const As<T, W>;
        // SAFETY: `As` is transparent: its only field with a size is the `T`, so
        // it has that one's layout and, where it is unsized, its metadata. The
        // pointer comes from a reference, whose lifetime the result has.
        #[expect(unsafe_code, reason = "a reference to a transparent wrapper")]
        unsafe {
            &*value
        }
    }

    /// The value itself.
    #[inline]
    pub fn value(&self) -> &T {
        &self.1
    }
}

impl<T, W: ?Sized> As<T, W> {
    /// Takes a value that is to be walked in the way `W`.
    #[inline]
    pub fn wrap(value: T) -> As<T, W> {
        As(PhantomData, value)
    }
}

impl<T: ?Sized, W: ?Sized + WalkAs<T>> Walk for As<T, W> {
    #[inline]
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        W::walk_as(&self.1, w);
    }
    fn shape(&self) -> &'static Shape {
        W::shape_as(&self.1)
    }
    fn name() -> &'static str {
        W::name_as()
    }
    fn describe(d: &mut Describe<'_>) {
        W::describe_as(d);
    }
    #[inline]
    fn is_leaf() -> bool {
        W::is_leaf_as()
    }
}

/// The way of a type that has a `Walk`: written `_` in `#[walk(as = ...)]`.
#[derive(Clone, Copy, Debug)]
pub struct Same;

impl<T: Walk> WalkAs<T> for Same {
    #[inline]
    fn walk_as<'a>(value: &'a T, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        value.walk(w);
    }
    fn shape_as(value: &T) -> &'static Shape {
        value.shape()
    }
    fn name_as() -> &'static str {
        T::name()
    }
    fn describe_as(d: &mut Describe<'_>) {
        T::describe(d);
    }
    #[inline]
    fn is_leaf_as() -> bool {
        T::is_leaf()
    }
    fn field_as(name: &'static str, offset: Option<usize>) -> Field {
        Field::walked::<T>(name, offset)
    }
}

/// The way of a value that is a key into a table: all of it is payload.
#[derive(Clone, Copy, Debug)]
pub struct AsKey;

impl<K: Key> WalkAs<K> for AsKey {
    #[inline]
    fn walk_as<'a>(value: &'a K, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        w.key(As::<K, Self>::new(value), value.key());
    }
    fn shape_as(_: &K) -> &'static Shape {
        Shape::of::<As<K, Self>>()
    }
    fn describe_as(d: &mut Describe<'_>) {
        d.leaf();
    }
}

/// The way of a value of which nothing is said: its bytes are scanned for
/// addresses of blocks, which are claimed as raw. For roots without a `Walk`:
///
/// ```
/// # struct Session(Vec<u8>);
/// # let session = Session(vec![1]);
/// use heap_walk::{As, Opaque};
///
/// heap_walk::checkpoint!("parsed", session = As::<_, Opaque>::new(&session));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Opaque;

impl<T> WalkAs<T> for Opaque {
    fn walk_as<'a>(value: &'a T, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        w.opaque_inner(As::<T, Self>::new(value));
    }
    fn shape_as(_: &T) -> &'static Shape {
        Shape::of::<As<T, Self>>()
    }
    fn describe_as(d: &mut Describe<'_>) {
        d.opaque();
    }
    fn is_leaf_as() -> bool {
        !std::mem::needs_drop::<T>()
    }
    fn field_as(name: &'static str, offset: Option<usize>) -> Field {
        Field::unwalked::<T>(name, offset, "opaque")
    }
}

/// What the ways of sized types answer alike.
macro_rules! shape_as {
    ($ty:ty) => {
        fn shape_as(_: &$ty) -> &'static $crate::shape::Shape {
            $crate::shape::Shape::of::<$crate::walk_as::As<$ty, Self>>()
        }
    };
}
use shape_as;

/// What the ways of handles answer alike: their words are payload.
macro_rules! handle_as {
    ($ty:ty) => {
        $crate::walk_as::shape_as!($ty);
        fn describe_as(d: &mut $crate::shape::Describe<'_>) {
            d.leaf();
        }
    };
}
use handle_as;
