//! Index newtypes, made by the compiler's own `newtype_index!`, and how the walk enters an
//! `IndexVec` keyed by one of them.
#![expect(
    clippy::useless_transmute,
    reason = "`newtype_index!` transmutes from its pattern type, which is a plain `u32` on stable"
)]

use heap_walk::Walk;
#[cfg(feature = "heap-walk")]
use heap_walk::Walker;
use rustc_index::newtype_index;
#[cfg(feature = "heap-walk")]
use rustc_index::{Idx, IndexVec};

newtype_index! {
    /// A region variable of one function; rustc calls it `RegionVid`.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "'?{}"]
    #[gate_rustc_only]
    pub struct Origin {}
}

newtype_index! {
    /// A borrow expression, or the placeholder loan of a universal region; rustc calls it `BorrowIndex`.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "bw{}"]
    #[gate_rustc_only]
    pub struct Loan {}
}

newtype_index! {
    /// The start or the middle of a statement, as a [`LocationTable`](crate::location::LocationTable) numbers them.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "point{}"]
    #[gate_rustc_only]
    pub struct Point {}
}

newtype_index! {
    /// A local variable, argument or temporary; `_0` is the return place.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "_{}"]
    #[gate_rustc_only]
    pub struct Local {}
}

newtype_index! {
    /// A place that is moved from or assigned as a whole.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "mp{}"]
    #[gate_rustc_only]
    pub struct MovePathIndex {}
}

newtype_index! {
    /// One move out of a path.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "mo{}"]
    #[gate_rustc_only]
    pub struct MoveOutIndex {}
}

newtype_index! {
    /// A block of statements with one terminator.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "bb{}"]
    #[gate_rustc_only]
    pub struct BasicBlock {}
}

newtype_index! {
    /// A field of a place.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "{}"]
    #[gate_rustc_only]
    pub struct FieldIdx {}
}

newtype_index! {
    /// A constraint `sup: sub`, in the order it was found.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "constraint{}"]
    #[gate_rustc_only]
    pub struct ConstraintIndex {}
}

newtype_index! {
    /// A set of regions that outlive each other.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "scc{}"]
    #[gate_rustc_only]
    pub struct SccIndex {}
}

newtype_index! {
    /// An interned string.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "symbol{}"]
    #[gate_rustc_only]
    pub struct Symbol {}
}

newtype_index! {
    /// A crate whose functions were checked.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "crate{}"]
    #[gate_rustc_only]
    pub struct CrateNum {}
}

newtype_index! {
    /// A definition within its crate.
    #[derive(Walk)]
    #[orderable]
    #[debug_format = "def{}"]
    #[gate_rustc_only]
    pub struct DefIndex {}
}

/// Enters an `IndexVec`, a container of another crate whose only field with contents is public.
#[cfg(feature = "heap-walk")]
pub fn walk_index_vec<'a, I: Idx, T: Walk>(table: &'a IndexVec<I, T>, w: &mut Walker<'a>) {
    w.field("raw", &table.raw);
}
