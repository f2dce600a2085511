//! Ways of references: what they lead to is entered. And of what a function
//! made of a field: the handle that the field hides.

use super::{handle_as, As, WalkAs};
use crate::shape::{Describe, Shape};
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::EdgeKind;

/// The way of a reference whose target is entered, once all owners have been.
/// Who owns it doesn't change.
#[derive(Clone, Copy, Debug)]
pub struct Follow;

/// The way of a reference whose target is entered if it lies in an arena's
/// chunk. The derive takes it for references in fields without type parameters
/// where the target has a `Walk`.
#[derive(Clone, Copy, Debug)]
pub struct FollowInArena;

macro_rules! follow {
    ($way:ident, $ty:ty, $kind:ident, $only_in_arena:literal) => {
        impl<'r, T: ?Sized + Walk> WalkAs<$ty> for $way {
            fn walk_as<'a>(value: &'a $ty, w: &mut Walker<'a>)
            where
                Self: 'a,
            {
                w.follow(As::<$ty, $way>::new(value), EdgeKind::$kind, &**value, $only_in_arena);
            }
            handle_as!($ty);
        }

        impl<'r, T: ?Sized + Walk> Handle for As<$ty, $way> {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                (*self.1).walk(w);
            }
        }
    };
}

follow!(Follow, &'r T, BORROW, false);
follow!(Follow, &'r mut T, BORROW_MUT, false);
follow!(FollowInArena, &'r T, BORROW, true);
follow!(FollowInArena, &'r mut T, BORROW_MUT, true);

/// For accessors that give no reference, or an owner.
impl<T> WalkAs<Option<T>> for Follow
where
    Follow: WalkAs<T>,
{
    fn walk_as<'a>(value: &'a Option<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        <Option<Follow> as WalkAs<Option<T>>>::walk_as(value, w);
    }
    fn shape_as(_: &Option<T>) -> &'static Shape {
        Shape::of::<As<Option<T>, Option<Follow>>>()
    }
    fn describe_as(d: &mut Describe<'_>) {
        <Option<Follow> as WalkAs<Option<T>>>::describe_as(d);
    }
}

impl<T: ?Sized + Walk> WalkAs<Owned<'_, T>> for Follow {
    fn walk_as<'a>(value: &'a Owned<'_, T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        value.walk(w);
    }
    fn shape_as(value: &Owned<'_, T>) -> &'static Shape {
        value.shape()
    }
    fn describe_as(d: &mut Describe<'_>) {
        d.leaf();
    }
}

/// A reference to a value in a block that its holder alone owns, as a `Box`
/// does. For accessors of `#[walk(via = ...)]`, where a field hides what it owns:
///
/// ```
/// use heap_walk::{Owned, Walk};
///
/// #[derive(Walk)]
/// struct Tagged {
///     #[walk(via = Tagged::node)]
///     bits: Bits,
/// }
/// # struct Bits(Option<Box<Node>>);
/// # #[derive(Walk)]
/// # struct Node(Vec<u8>);
///
/// impl Tagged {
///     fn node(bits: &Bits) -> Option<Owned<'_, Node>> {
///         // Of a tagged pointer: without its tag.
/// #       bits.0.as_deref().map(Owned)
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Owned<'r, T: ?Sized>(pub &'r T);

impl<T: ?Sized> Clone for Owned<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Owned<'_, T> {}

impl<T: ?Sized + Walk> Walk for Owned<'_, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if size_of_val(self.0) > 0 {
            w.own(self, Block::of_val(&super::handle::BOX, self.0));
        }
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: ?Sized + Walk> Handle for Owned<'_, T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        self.0.walk(w);
    }
}
