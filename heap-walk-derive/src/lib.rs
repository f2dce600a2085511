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
//! - Unions are refused: they don't say which field is live.
//! - Fields of a packed struct can't be borrowed: copies of them are walked, so what isn't `Copy`
//!   must be `opaque` or `skip`. Edges start from the struct, and `opaque` finds only pointers at
//!   aligned addresses.
//! - A struct that ends in `[T]`, `str`, `dyn Trait` or in a `?Sized` parameter divides its bytes
//!   when it is walked; its fields are not in the table of types, also where it has a size. One that
//!   ends in another type made of such a parameter is walked where it has a size.
//! - Which fields have a `Walk` (`missing = opaque`), and which references lead to something with
//!   one, is chosen by the types as they are written: not for types that mention a type parameter.
//! - References are found in the field's type as it is written, in containers of the standard
//!   library, not behind type aliases; `#[walk(as = ...)]` spells the rest out.

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
/// ```
/// # mod foreign {
/// #     #[derive(Debug)] pub struct Lru(Vec<u8>);
/// #     pub struct Facts(pub Vec<u8>);
/// # }
/// # #[derive(Debug, Walk)] struct DefId(u32);
/// # struct Arena;
/// use heap_walk::{Walk, Walker};
///
/// #[derive(Walk)]
/// struct Body<'tcx> {
///     blocks: Vec<Option<Box<Block>>>,
///     #[walk(show)]
///     source: DefId,
///     #[walk(skip)]
///     arena: &'tcx Arena,
///     #[walk(opaque)]
///     cache: foreign::Lru,
///     #[walk(with = walk_facts)]
///     facts: foreign::Facts,
/// }
///
/// fn walk_facts<'a>(facts: &'a foreign::Facts, walker: &mut Walker<'a>) {
///     walker.field("list", &facts.0);
/// }
/// # #[derive(Walk)] struct Block;
/// ```
///
/// # Field attributes
///
/// A field without an attribute is entered by its own `Walk`. At most one of these changes that:
///
/// | Attribute | Effect | The field's type needs |
/// |---|---|---|
/// | `#[walk(skip)]` | not looked at: its bytes are untyped, what it owns is claimed by nobody | nothing |
/// | `#[walk(opaque)]` | its bytes are scanned for addresses of blocks, which are claimed as raw; a `Box`, `Rc` or `Arc` of a `dyn Trait` claims its block, with what the vtable says | nothing |
/// | `#[walk(missing = opaque)]` | walked if it has a `Walk`, else opaque | no type parameter |
/// | `#[walk(show)]` | its value is written into the snapshot; then walked | `Walk + Debug` |
/// | `#[walk(copy)]` | on a `Cell`: a copy of its value is walked; without it a cell is opaque | `Cell<T>` with `T: Walk + Copy` |
/// | `#[walk(with = path)]` | `path` walks it: `fn(&'a Field, &mut Walker<'a>)` | nothing |
/// | `#[walk(as = Type)]` | walked in the way that the type says: see [Ways](#ways) | nothing |
/// | `#[walk(follow)]` | what its references lead to is entered, after all owners: see [References](#references) | `Walk` of what they lead to |
/// | `#[walk(via = path)]` | what a function finds in it is walked in its place: see [Hidden handles](#hidden-handles); combines with `follow` | nothing |
/// | `#[walk(key)]`, `#[walk(key = "Table::path")]` | its value is a key into a table: see [Keys](#keys) | an integer, or `heap_walk::Key` |
///
/// Beside any of them, `#[walk(rename = "name")]` names the field otherwise; so it does a variant.
///
/// The function of `with` may also take what a `&'a Field` coerces to, such as `&'a [T]` for a
/// field that is a `Vec<T>`.
///
/// Values are written into a snapshot only by `show`; without it a snapshot holds shapes and
/// sizes.
///
/// # Type attributes
///
/// | Attribute | Effect |
/// |---|---|
/// | `#[walk(missing = opaque)]` | as if each field without an attribute and without type parameters had it |
/// | `#[walk(transparent)]` | a newtype is what its field is, name included: it disappears. Other fields may be `PhantomData`, `()`, or have no size and `skip` |
/// | `#[walk(rename = "name")]` | the type's name in tables and trees, in place of its path |
/// | `#[walk(key)]`, `#[walk(key = "Table::path")]` | values of this newtype are keys, wherever they stand |
/// | `#[walk(remote = "foreign::Type")]` | a mirror of a foreign type: see [Ways](#ways) |
/// | `#[walk(bound = "T: Walk")]` | see [Bounds](#bounds) |
/// | `#[walk(crate = path)]` | where heap_walk is found if not at `::heap_walk`, not quoted |
///
/// # Types of many crates
///
/// `missing = opaque` on a type is the quick way in: what has a `Walk` is walked, all else is
/// opaque, and the snapshot knows those fields. A `Box`, `Rc` or `Arc` of something without a
/// `Walk` is claimed with its size all the same.
///
/// ```
/// # mod foreign { pub struct Pool(pub Vec<u8>); pub trait Layer {} impl Layer for u8 {} }
/// # use std::collections::HashMap;
/// # use heap_walk::Walk;
/// #[derive(Walk)]
/// #[walk(missing = opaque)]
/// struct Service {
///     sessions: HashMap<u64, String>, // walked
///     pools: Vec<foreign::Pool>,      // opaque
///     layer: Box<dyn foreign::Layer>, // its block, with its size and vtable
/// }
/// ```
///
/// # Ways
///
/// A type of another crate is described once, by a mirror of its public fields, and walked in
/// that way wherever it stands. Containers are spelled like the field's type; `_` is what has a
/// `Walk` of its own. (`Vec`, `VecDeque`, `Box`, `Rc`, `Arc`, `Option`, `Result`, hash tables,
/// B-trees, `RefCell`, `Mutex`, `RwLock`, arrays, slices, tuples of two to four.)
///
/// ```
/// # mod foreign {
/// #     pub struct Point { pub x: f64, pub names: Vec<String> }
/// #     pub struct Shape<T> { pub corners: Vec<T>, cache: u64 }
/// #     pub enum Event { Moved(Point), Gone }
/// # }
/// # use std::collections::HashMap;
/// # use heap_walk::Walk;
/// #[derive(Walk)]
/// #[walk(remote = "foreign::Point")]
/// struct PointDef {
///     x: f64,
///     names: Vec<String>,
/// }
///
/// // It has private fields, which stay untyped.
/// #[derive(Walk)]
/// #[walk(remote = "foreign::Shape<T>", partial)]
/// struct ShapeDef<T> {
///     corners: Vec<T>,
/// }
///
/// #[derive(Walk)]
/// #[walk(remote = "foreign::Event")]
/// enum EventDef {
///     Moved(#[walk(as = PointDef)] foreign::Point),
///     Gone,
/// }
///
/// #[derive(Walk)]
/// struct Map {
///     #[walk(as = PointDef)]
///     origin: foreign::Point,
///     #[walk(as = HashMap<_, Vec<EventDef>>)]
///     events: HashMap<String, Vec<foreign::Event>>,
///     #[walk(as = ShapeDef<u32>)]
///     shape: foreign::Shape<u32>,
/// }
/// ```
///
/// `partial` says that the foreign type has more fields or variants than are named: private ones,
/// or `#[non_exhaustive]`. Without it, what is between the fields is padding, and the compiler
/// checks that none is missing. Where a bound is needed that isn't generated, write `bound`.
/// A way may be written by hand as well: `heap_walk::WalkAs`.
///
/// # References
///
/// A reference is an edge to what lies at its address, and asks nothing of the type it leads to.
/// With `follow` its target is entered too, if nobody has come to it by owning it; then its type
/// and children are known, and its owner stays who it is. In fields without type parameters,
/// references to types with a `Walk` are followed without being asked where they lead into a chunk
/// that an arena claimed.
///
/// # Hidden handles
///
/// `via` names a function that finds what a field hides, such as the pointer in a tagged word. It
/// returns something that is `Walk + Copy`: a reference, or `heap_walk::Owned` of one where the
/// field owns what it leads to, or an `Option` of these.
///
/// ```
/// # #[derive(Walk)] struct Node;
/// # struct Tagged<'a>(&'a Node);
/// # impl Tagged<'_> { fn pointer(&self) -> Option<&Node> { Some(self.0) } }
/// use heap_walk::{Owned, Walk};
///
/// #[derive(Walk)]
/// struct Tree<'a> {
///     #[walk(via = root)]
///     root: Tagged<'a>,
///     #[walk(via = Tagged::pointer, follow)]
///     current: Tagged<'a>,
/// }
///
/// fn root<'a>(tagged: &'a Tagged<'_>) -> Option<Owned<'a, Node>> {
///     tagged.pointer().map(Owned)
/// }
/// ```
///
/// # Keys
///
/// ```
/// # use heap_walk::Walk;
/// #[derive(Walk, Clone, Copy)]
/// #[walk(key = "Body::local_decls")]
/// struct Local(u32);
///
/// #[derive(Walk)]
/// struct Assign {
///     to: Local,
///     #[walk(key = "Body::basic_blocks")]
///     block: usize,
/// }
/// ```
///
/// # Bounds
///
/// The impl asks for `T: Walk` where a walked field owns a type parameter `T` (as in `Vec<T>`) or
/// a projection of one (`I::Ty: Walk`, `<T as Trait>::Item: Walk`), or follows a reference to one.
/// It asks for nothing where the parameter stands only behind `&`, `&mut`, a raw pointer, a
/// function pointer or `PhantomData`, is the hasher of a `HashMap` or `HashSet`, or occurs in
/// fields with `skip`, `opaque`, `with` or `via` only. A field with `key` that is a parameter asks
/// for `T: Key`.
///
/// Where that asks for too much or too little, `bound` on the type replaces the generated
/// predicates. They are where-predicates in a string, and may be none:
///
/// ```
/// # use heap_walk::{Walk, Walker};
/// # trait Schema { type Key; }
/// # struct Rows<T: Schema>(Vec<T::Key>);
/// # impl<T: Schema> Walk for Rows<T> where T::Key: Walk {
/// #     fn walk<'a>(&'a self, w: &mut Walker<'a>) { w.field("keys", &self.0) }
/// # }
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
/// visited, unless a field is `opaque`, `show`, `copy`, `with` or `via`, or it is a key. Enums are
/// no leaves: the walk counts which variants live.
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
