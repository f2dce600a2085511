//! Walks heap ownership from tagged roots, inside the observed program.
//!
//! ```
//! use heap_walk::{checkpoint, Walk};
//! use std::collections::HashMap;
//!
//! #[derive(Walk)]
//! struct Cache {
//!     entries: HashMap<String, Entry>,
//!     #[walk(skip)]
//!     hits: u64,
//! }
//!
//! #[derive(Walk)]
//! enum Entry {
//!     Text(String),
//!     Parsed { words: Vec<String>, depth: usize },
//! }
//!
//! let cache = Cache { entries: HashMap::new(), hits: 0 };
//! checkpoint!("warm", cache = &cache; size = cache.entries.len());
//! ```
//!
//! Run the program with `HEAP_WALK=warm`, and each hit of that checkpoint
//! writes a snapshot: every block reached, who owns it through which field,
//! lengths, capacities and enum variants. With `tracking-alloc` as the global
//! allocator all sizes are the allocator's own, and blocks that nobody claims
//! are listed too; without it the walk works, and sizes are estimates.
//!
//! | variable | meaning |
//! |---|---|
//! | `HEAP_WALK` | which checkpoints: `name`, `name@3`, `name@2..5`, `name@max`, `name[label=pattern]`, several with commas; `?` lists them all at exit |
//! | `HEAP_WALK_DIR` | where files go; the current directory if unset |
//! | `HEAP_WALK_MAX` | snapshots a process writes without a range: 10 |
//! | `HEAP_WALK_HOLDERS` | `on`, `off`: whether who holds what nobody claims is searched for at the end of a checkpoint; by default where that is more than a thousandth of the live bytes, and in heaps of less than 8 MiB |
//! | `HEAP_WALK_LOCK_MS` | longest time to hold a lock of the program; what is left behind it then is unreadable; unlimited if unset |
//! | `HEAP_WALK_LOG` | file for our lines; standard error if unset |
//!
//! This crate knows nothing of what is done with a snapshot. Without its
//! feature `enabled` the derive and all macros expand to nothing.
//!
//! # Limits
//!
//! - A value behind a lock that another thread holds, or that is borrowed
//!   exclusively, is not entered; the snapshot lists it as unreadable.
//! - Contents that cannot be referenced (`Cell` without `#[walk(copy)]`,
//!   `#[walk(opaque)]`) are claimed by scanning their bytes, which needs `/proc/self/mem`.
//! - Cells and locks of `dyn Trait` have no impl (those of slices have).
//! - A root that lies inside another root's value is a name for that place; if
//!   the other root skips the field it lies in, nobody walks it.
//! - A panic in an impl is caught: what its value had not reported by then is
//!   unreadable. Not if the program is built with `panic = "abort"`; and the
//!   program's panic hook sees it.

#![cfg_attr(not(feature = "enabled"), allow(unused))]

pub use heap_walk_derive::Walk;

#[cfg(feature = "enabled")]
mod any;
#[cfg(feature = "enabled")]
pub mod checkpoint;
#[cfg(feature = "enabled")]
mod directive;
#[cfg(feature = "enabled")]
mod exit;
#[cfg(feature = "enabled")]
mod guard;
#[cfg(feature = "enabled")]
mod holders;
#[cfg(feature = "enabled")]
mod images;
#[cfg(feature = "enabled")]
mod impls;
#[cfg(feature = "enabled")]
mod label;
#[cfg(feature = "enabled")]
mod log;
#[cfg(feature = "enabled")]
mod marks;
#[cfg(feature = "enabled")]
mod measure;
#[cfg(feature = "enabled")]
#[doc(hidden)]
pub mod probe;
#[cfg(feature = "enabled")]
mod process;
#[cfg(feature = "enabled")]
mod raw;
#[cfg(feature = "enabled")]
mod root;
#[cfg(feature = "enabled")]
mod shape;
#[cfg(feature = "enabled")]
mod shares;
#[cfg(feature = "enabled")]
mod sink;
#[cfg(feature = "enabled")]
mod snapshot;
#[cfg(feature = "enabled")]
mod stacks;
#[cfg(feature = "enabled")]
mod tag;
#[cfg(feature = "enabled")]
mod tally;
#[cfg(feature = "enabled")]
mod task;
#[cfg(feature = "enabled")]
mod types;
#[cfg(feature = "enabled")]
mod walk;
#[cfg(feature = "enabled")]
mod walk_as;
#[cfg(feature = "enabled")]
mod walker;

#[cfg(feature = "enabled")]
pub use self::{
    any::register,
    label::Label,
    measure::{check_within, measure, measure_paths, Limit, Report, TypeRow},
    root::{register_arc, register_static, with_root},
    shape::{repr_c_size, Describe, Field, Shape, StaticShape, Variant},
    snapshot::snapshot,
    tag::{tag, TagScope},
    task::{TagFuture, Tagged},
    types::Container,
    walk::{Handle, Key, Walk},
    walk_as::{As, AsKey, Follow, FollowInArena, Opaque, Owned, Same, WalkAs},
    walker::{arena, Arena, Block, Chunk, Walker},
};
#[cfg(feature = "enabled")]
pub use heap_snapshot::record::{EdgeKind, Layout, Split};

/// A place where a snapshot can be taken.
///
/// ```
/// # let (cx, body) = (vec![1], String::new());
/// heap_walk::checkpoint!("after_borrowck", cx = &cx, cx.body = &body; def = "main", size = cx.len());
/// ```
///
/// The name is text; then come roots, `name = &value`, of which `cx.body` is a
/// named part of `cx`; then, after a semicolon, labels, whose values are shown
/// with `Display` and made only while `HEAP_WALK` names the checkpoint. It is a
/// statement, costs one relaxed load while `HEAP_WALK` is unset, and never
/// blocks or fails the program.
#[cfg(feature = "enabled")]
#[macro_export]
macro_rules! checkpoint {
    (
        $name:literal
        $(, $root:ident $(. $part:ident)* = $value:expr)* $(,)?
        $(; $($label:ident = $text:expr),* $(,)?)?
    ) => {{
        static SITE: $crate::checkpoint::Site = $crate::checkpoint::Site::new($name);
        if SITE.is_selected() {
            SITE.hit(
                &|| ::std::vec![$($((
                    ::core::stringify!($label),
                    ::std::string::ToString::to_string(&$text),
                )),*)?],
                &[$((
                    ::core::concat!(::core::stringify!($root) $(, ".", ::core::stringify!($part))*),
                    $value as &dyn $crate::Walk,
                )),*],
            );
        }
    }};
}

/// What it encloses, where the feature `enabled` is on; else nothing. A library
/// whose hand-written impls stand in it needs no feature of its own for them.
///
/// ```
/// struct Tagged(usize);
///
/// heap_walk::when_enabled! {
///     impl heap_walk::Walk for Tagged {
///         fn walk<'a>(&'a self, w: &mut heap_walk::Walker<'a>) {
///             w.field("tag", &self.0);
///         }
///     }
/// }
/// ```
#[cfg(feature = "enabled")]
#[macro_export]
macro_rules! when_enabled {
    ($($anything:tt)*) => { $($anything)* };
}

/// Nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[macro_export]
macro_rules! when_enabled {
    ($($anything:tt)*) => {};
}

/// Fails if a value holds more on the heap than a test allows.
///
/// ```
/// let names = vec![String::from("ann"), String::from("bob")];
/// heap_walk::assert_within!(&names, in_all <= 256, spare <= 64, blocks <= 3);
/// ```
///
/// The figures are those of a [`Report`]: `in_all`, `alone`, `blocks`,
/// `payload`, `padding`, `dead`, `overhead`, `spare`, `rounding`, `untyped`,
/// `slack`. A failure names the paths that hold most. It fails too where
/// nothing was measured or a part could not be read: such a test says nothing.
#[cfg(feature = "enabled")]
#[macro_export]
macro_rules! assert_within {
    ($value:expr, $($figure:ident <= $most:expr),+ $(,)?) => {
        $crate::check_within(
            ::core::stringify!($value),
            $value,
            &[$((
                ::core::stringify!($figure),
                |__report| $crate::assert_within!(@ __report $figure),
                $most,
            )),+],
        )
    };
    (@ $report:ident in_all) => { $report.in_all };
    (@ $report:ident alone) => { $report.alone };
    (@ $report:ident blocks) => { $report.blocks };
    (@ $report:ident rounding) => { $report.rounding };
    (@ $report:ident slack) => { $report.slack() };
    (@ $report:ident $part:ident) => { $report.split.$part };
}

/// Fails: the feature `enabled` is off, and nothing is measured.
#[cfg(not(feature = "enabled"))]
#[macro_export]
macro_rules! assert_within {
    ($($anything:tt)*) => {
        ::core::panic!(
            "nothing was measured, so the test could not fail: heap-walk's feature `enabled` is off"
        )
    };
}

/// Does nothing: the feature `enabled` is off, and no argument is evaluated.
#[cfg(not(feature = "enabled"))]
#[macro_export]
macro_rules! checkpoint {
    ($($anything:tt)*) => {};
}

/// What every type has: the feature `enabled` is off. So bounds and supertraits may stay.
#[cfg(not(feature = "enabled"))]
pub trait Walk {}

#[cfg(not(feature = "enabled"))]
impl<T: ?Sized> Walk for T {}

/// Does nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[inline(always)]
pub fn register<T: std::any::Any>() {}

/// Does nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[inline(always)]
pub fn register_static<T>(_: &str, _: &'static T) {}

/// Does nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[inline(always)]
pub fn register_arc<T>(_: &str, _: &std::sync::Arc<T>) {}

/// Does nothing but run `scope`: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[inline(always)]
pub fn with_root<T, R>(_: &str, _: &T, scope: impl FnOnce() -> R) -> R {
    scope()
}

/// Does nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[derive(Debug)]
#[must_use = "the tag is left when this is dropped: `let _tag = heap_walk::tag(…);`"]
pub struct TagScope {
    // As where it is on: belongs to its thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

/// Does nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
#[inline(always)]
pub fn tag(_: &'static str) -> TagScope {
    TagScope { _not_send: std::marker::PhantomData }
}

/// The future itself: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
pub type Tagged<F> = F;

/// Does nothing: the feature `enabled` is off.
#[cfg(not(feature = "enabled"))]
pub trait TagFuture: std::future::Future + Sized {
    /// Gives the future back.
    #[inline(always)]
    fn tagged(self, _: &'static str) -> Tagged<Self> {
        self
    }
}

#[cfg(not(feature = "enabled"))]
impl<F: std::future::Future> TagFuture for F {}
