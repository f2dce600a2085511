//! `#[derive(Walk)]`: the compiler writes what a type owns.
//!
//! This crate is the first stage of the dataflow: it turns a type's declaration into an impl of
//! heap-walk's `Walk`, which the walk calls at a checkpoint. Use it through heap-walk, which
//! exports it beside the trait. It deliberately decides nothing about a value: which bytes are
//! payload and which are waste is worked out by heap-walk from the layout described here.
//!
//! The macro and its attributes are documented at [`Walk`](derive@Walk).
//!
//! # Limits
//!
//! - Unions and `repr(packed)` structs are refused: the one doesn't say which field is live, the
//!   fields of the other can't be borrowed.
//! - So are structs that end in a slice, `str` or trait object. One that ends in a `?Sized`
//!   parameter is walked where it has a size.
//! - The generated code names the crate `::heap_walk`, so it can't be renamed in `Cargo.toml`.

// In reading order.
#[cfg(any(feature = "enabled", test))]
mod ast;
#[cfg(any(feature = "enabled", test))]
mod attr;
#[cfg(any(feature = "enabled", test))]
mod bound;
#[cfg(any(feature = "enabled", test))]
mod ctxt;
#[cfg(any(feature = "enabled", test))]
mod expand;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "enabled", test))]
mod valid;
#[cfg(any(feature = "enabled", test))]
mod way;

use proc_macro::TokenStream;

/// Derives `heap_walk::Walk` for a struct or an enum.
///
/// ```ignore
/// #[derive(Walk)]
/// struct Body<'tcx> {
///     basic_blocks: IndexVec<BasicBlock, BlockData<'tcx>>,
///     #[walk(show)] source: DefId,
///     #[walk(skip)] arena: &'tcx Arena,
///     #[walk(opaque)] cache: foreign::Lru,
///     #[walk(with = walk_facts)] facts: foreign::Facts,
/// }
/// ```
///
/// # Field attributes
///
/// A field without an attribute is entered by its own `Walk`. At most one of these changes that:
///
/// | Attribute | Effect | The field's type needs |
/// |---|---|---|
/// | `#[walk(skip)]` | not looked at: its bytes are untyped, what it owns is claimed by nobody | nothing |
/// | `#[walk(opaque)]` | its bytes are scanned for addresses of blocks, which are claimed as raw | nothing |
/// | `#[walk(show)]` | its value is written into the snapshot; then walked | `Walk + Debug` |
/// | `#[walk(copy)]` | on a `Cell`: a copy of its value is walked; without it a cell is opaque | `Cell<T>` with `T: Walk + Copy` |
/// | `#[walk(with = path)]` | `path` walks it: `fn(&'a Field, &mut Walker<'a>)` | nothing |
///
/// The function of `with` may also take what a `&'a Field` coerces to, such as `&'a [T]` for a
/// field that is a `Vec<T>`.
///
/// Values are written into a snapshot only by `show`; without it a snapshot holds shapes and
/// sizes.
///
/// # Bounds
///
/// The impl asks for `T: Walk` where a walked field owns a type parameter `T` (as in `Vec<T>`) or
/// a projection of one (`I::Ty: Walk`, `<T as Trait>::Item: Walk`). It asks for nothing where the
/// parameter stands only behind `&`, `&mut`, a raw pointer, a function pointer or `PhantomData`,
/// is the hasher of a `HashMap` or `HashSet`, or occurs in fields with `skip`, `opaque` or `with`
/// only.
///
/// Where that asks for too much or too little, `bound` on the type replaces the generated
/// predicates. They are where-predicates in a string, and may be none:
///
/// ```ignore
/// #[derive(Walk)]
/// #[walk(bound = "T::Key: Walk")]
/// struct Table<T: Schema> {
///     rows: Rows<T>, // foreign; its `Walk` asks for `T::Key: Walk`
/// }
/// ```
///
/// # Leaves
///
/// A struct whose walked fields are all leaves is a leaf itself (`is_leaf` is true) and never
/// visited, unless a field is `opaque`, `show`, `copy` or `with`. Enums are no leaves: the walk counts
/// which variants live.
///
/// # Without the feature `enabled`
///
/// The derive expands to nothing; the attributes are still accepted.
#[proc_macro_derive(Walk, attributes(walk))]
pub fn derive_walk(input: TokenStream) -> TokenStream {
    #[cfg(feature = "enabled")]
    let expansion = expand::derive(input.into()).into();
    // Nothing is parsed, and no crate for parsing is built.
    #[cfg(not(feature = "enabled"))]
    let expansion = {
        drop(input);
        TokenStream::new()
    };
    expansion
}
