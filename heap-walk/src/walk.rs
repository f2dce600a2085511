//! The trait: what a value owns and refers to.

use crate::label::Label;
use crate::shape::{Describe, Shape, StaticShape};
use crate::walker::Walker;

/// Says what a value owns and refers to.
///
/// Derive it. A hand-written impl reports each field that it wants seen:
///
/// ```
/// # use heap_walk::{Walk, Walker};
/// struct Matrix {
///     rows: Vec<Vec<f64>>,
///     scratch: Vec<f64>,
/// }
///
/// impl Walk for Matrix {
///     fn walk<'a>(&'a self, w: &mut Walker<'a>) {
///         w.field("rows", &self.rows);
///         w.field("scratch", &self.scratch);
///     }
/// }
/// ```
///
/// A wrong impl gives a wrong picture, never undefined behaviour: values are
/// reached only through references, and addresses are numbers that nobody
/// follows. The trait can be made into an object; as a supertrait it keeps the
/// concrete type behind `dyn` known.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it owns",
    label = "`Walk` is missing here",
    note = "for a type of yours: `#[derive(Walk)]`",
    note = "for a type of another crate: heap-walk's feature of that crate's name, if it has one; else on the field `#[walk(opaque)]`, or `#[walk(as = ...)]` with a mirror of the type (`#[walk(remote = \"path::to::Type\")]`)",
    note = "for a `dyn Trait` of yours: `trait Trait: heap_walk::Walk`",
    note = "for all fields at once: `#[walk(missing = opaque)]` on the type that has them"
)]
pub trait Walk {
    /// Reports what `self` owns and refers to. Must not panic, lock or allocate more than it needs.
    fn walk<'a>(&'a self, w: &mut Walker<'a>);

    /// The shape of the concrete type, also behind `dyn`. For sized types
    /// `Shape::of::<Self>()`; the default knows only the name.
    fn shape(&self) -> &'static Shape {
        Shape::unknown::<Self>()
    }

    /// The type's name in tables and trees: its path with generic arguments.
    fn name() -> &'static str
    where
        Self: Sized,
    {
        std::any::type_name::<Self>()
    }

    /// Describes the type's layout; called once per type.
    fn describe(d: &mut Describe<'_>)
    where
        Self: Sized,
    {
        d.unknown();
    }

    /// Whether no value of the type can own anything or hold an enum, a key or
    /// a reference. Such values are never visited.
    fn is_leaf() -> bool
    where
        Self: Sized,
    {
        false
    }

    /// The shape of every value of a sized type. Not to be implemented.
    #[doc(hidden)]
    fn static_shape() -> StaticShape
    where
        Self: Sized,
    {
        const {
            StaticShape(&Shape {
                name: Self::name,
                size: Some(size_of::<Self>()),
                align: align_of::<Self>(),
                describe: Self::describe,
                is_leaf: Self::is_leaf,
                elem: None,
            })
        }
    }

    /// Visits values that stand side by side. Not to be implemented: the derive
    /// does it for enums whose values have nothing behind them.
    #[doc(hidden)]
    fn walk_elements<'a>(elements: &'a [Self], w: &mut Walker<'a>)
    where
        Self: Sized,
    {
        w.each_element(elements);
    }

    /// Visits a field. Not to be implemented: it stands here so that derived
    /// code names nothing but `Walk` where a field's type may lack it.
    #[doc(hidden)]
    #[inline]
    fn walk_field<'a>(&'a self, w: &mut Walker<'a>, label: &'static Label)
    where
        Self: Sized,
    {
        if !Self::is_leaf() {
            w.set_label(label);
            self.walk(w);
        }
    }
}

/// What a handle leads to: the contents of its block.
///
/// The walker keeps the *handle* and enters later, so that its stack stays
/// small however deep a structure is, and so that unsized contents need no
/// unsafe code.
pub trait Handle {
    /// Visits the values in the block.
    fn contents<'a>(&'a self, w: &mut Walker<'a>);

    /// Reports the block, of handles that put it off.
    #[doc(hidden)]
    fn report<'a>(&'a self, _: &mut Walker<'a>) {}
}

/// A number by which an entry of a table is found: an index or an interned id.
///
/// `#[walk(key)]` on a field reports its value as one. The derive implements
/// this for a newtype that has `#[walk(key)]` itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key: neither a number nor a newtype of one",
    label = "not a key",
    note = "put `#[walk(key)]` on the type of your own that is one, or `impl heap_walk::Key for {Self}`"
)]
pub trait Key {
    /// The number.
    fn key(&self) -> u64;
}

macro_rules! keys {
    ($($ty:ty)*) => {$(
        impl Key for $ty {
            fn key(&self) -> u64 {
                *self as u64
            }
        }
    )*};
}

keys!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

macro_rules! nonzero_keys {
    ($($ty:ident)*) => {$(
        impl Key for std::num::$ty {
            fn key(&self) -> u64 {
                self.get() as u64
            }
        }
    )*};
}

nonzero_keys!(NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroUsize);
