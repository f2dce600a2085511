//! How the derive lets the compiler choose a field's way.
//!
//! Stable Rust has no specialisation, but a method call takes the first
//! candidate that applies, by the number of references before it. So the call
//! `(&&&&Lenient::<F, W>::NEW).way()` means [`Following::way`] if `W` can walk
//! an `F`, else [`Walking::way`] if `F` has a `Walk`, and so on. Each answers
//! with a way, as a `PhantomData`. It is the compiler's choice for the type that
//! is written down, so it works for concrete types only.

use crate::label::Label;
use crate::shape::{Describe, Field, Shape};
use crate::walk::Walk;
use crate::walk_as::{As, Same, WalkAs};
use crate::walker::Walker;
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::rc::Rc;
use std::sync::Arc;

/// A field that must have a `Walk`.
pub struct Strict<T, W>(PhantomData<(T, W)>);

/// A field that may have one.
pub struct Lenient<T, W>(PhantomData<(T, W)>);

/// A field of a packed struct.
pub struct Packed<T>(PhantomData<T>);

impl<T, W> Strict<T, W> {
    /// The only one.
    pub const NEW: Self = Strict(PhantomData);
}

impl<T, W> Lenient<T, W> {
    /// The only one.
    pub const NEW: Self = Lenient(PhantomData);
}

impl<T> Packed<T> {
    /// The only one.
    pub const NEW: Self = Packed(PhantomData);
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub trait $name {
            /// What is chosen.
            type Way;
            /// The choice.
            fn way(&self) -> PhantomData<Self::Way> {
                PhantomData
            }
        }
    };
}

choice! {
    /// First: the way that follows references.
    Following
}
choice! {
    /// Then: the type's own `Walk`.
    Walking
}
choice! {
    /// Then, of an owner of what has none: the block, with its contents opaque.
    Owning
}
choice! {
    /// Else: opaque.
    Otherwise
}
impl<T, W: WalkAs<T>> Following for &&Strict<T, W> {
    type Way = W;
}
impl<T: Walk, W> Walking for &Strict<T, W> {
    type Way = Same;
}
// The missing `Walk` is a message already.
impl<T, W> Otherwise for Strict<T, W> {
    type Way = Missing;
}

impl<T, W: WalkAs<T>> Following for &&&Lenient<T, W> {
    type Way = W;
}
impl<T: Walk, W> Walking for &&Lenient<T, W> {
    type Way = Same;
}
impl<T: ?Sized, W> Owning for &Lenient<Box<T>, W> {
    type Way = MissingOwner;
}
impl<T: ?Sized, W> Owning for &Lenient<Rc<T>, W> {
    type Way = MissingOwner;
}
impl<T: ?Sized, W> Owning for &Lenient<Arc<T>, W> {
    type Way = MissingOwner;
}
impl<T, W> Otherwise for Lenient<T, W> {
    type Way = Missing;
}

/// The way of a type without a `Walk`: its bytes are scanned.
pub struct Missing;

impl<T> WalkAs<T> for Missing {
    #[inline]
    fn walk_as<'a>(value: &'a T, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        w.visit_opaque(w.label(), value);
    }
    fn shape_as(_: &T) -> &'static Shape {
        Shape::unwalked::<T>()
    }
    fn describe_as(d: &mut Describe<'_>) {
        d.opaque();
    }
    #[inline]
    fn is_leaf_as() -> bool {
        !needs_drop::<T>()
    }
    fn field_as(name: &'static str, offset: Option<usize>) -> Field {
        Field::unwalked::<T>(name, offset, "missing")
    }
}

/// The way of what is left untyped, whatever its size.
pub(crate) struct Contents;

impl<T: ?Sized> WalkAs<T> for Contents {
    fn walk_as<'a>(_: &'a T, _: &mut Walker<'a>)
    where
        Self: 'a,
    {
    }
}

macro_rules! owner {
    ($(#[$doc:meta])* $way:ident, $mode:literal) => {
        $(#[$doc])*
        pub struct $way;
        owner!($way, $mode, Box, visit_opaque_box);
        owner!($way, $mode, Rc, visit_opaque_rc);
        owner!($way, $mode, Arc, visit_opaque_arc);
    };
    ($way:ident, $mode:literal, $owner:ident, $visit:ident) => {
        impl<T: ?Sized> WalkAs<$owner<T>> for $way {
            fn walk_as<'a>(value: &'a $owner<T>, w: &mut Walker<'a>)
            where
                Self: 'a,
            {
                w.$visit(w.label(), value);
            }
            fn shape_as(_: &$owner<T>) -> &'static Shape {
                Shape::of::<As<$owner<T>, Self>>()
            }
            fn describe_as(d: &mut Describe<'_>) {
                d.opaque();
            }
            fn field_as(name: &'static str, offset: Option<usize>) -> Field {
                Field::unwalked::<$owner<T>>(name, offset, $mode)
            }
        }
    };
}

owner! {
    /// The way of an owner of a type without a `Walk`: the block is known, its
    /// bytes are scanned.
    MissingOwner, "missing"
}
owner! {
    /// The same where the user asked for it.
    OpaqueOwner, "opaque"
}

/// Whether a field that is walked in this way is a leaf.
#[inline]
pub fn is_leaf<T, W: WalkAs<T>>(_: PhantomData<W>) -> bool {
    W::is_leaf_as()
}

/// Fields of a packed struct that can be walked: copies.
pub trait Copied<T> {
    /// Visits a copy of the field.
    fn visit<'a, S>(&self, w: &mut Walker<'a>, label: &'static Label, whole: &'a S, field: T)
    where
        T: 'a;
}
impl<T: Walk + Copy> Copied<T> for &&Packed<T> {
    #[inline]
    fn visit<'a, S>(&self, w: &mut Walker<'a>, label: &'static Label, whole: &'a S, field: T)
    where
        T: 'a,
    {
        // Edges start from the struct.
        if !T::is_leaf() {
            w.visit_via(label, whole, |_| field);
        }
    }
}

/// Those without a `Walk`, which is a message already.
pub trait Unknown<T> {
    /// Does nothing.
    fn visit<S>(&self, _: &mut Walker<'_>, _: &'static Label, _: &S, _: T) {}
}
impl<T: Copy> Unknown<T> for &Packed<T> {}

/// Those that can't be copied.
pub trait Borrowed<T> {
    /// Is not there, for any type.
    fn visit<S>(&self, _: &mut Walker<'_>, _: &'static Label, _: &S, _: T)
    where
        T: InPacked,
    {
    }
}
impl<T> Borrowed<T> for Packed<T> {}

/// What no type is.
#[diagnostic::on_unimplemented(
    message = "a field of a packed struct is walked by a copy of it, and `{Self}` is not `Copy`",
    label = "this field can't be walked",
    note = "mark it `#[walk(opaque)]` or `#[walk(skip)]`"
)]
pub trait InPacked {}
