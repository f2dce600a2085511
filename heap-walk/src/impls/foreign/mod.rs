//! `Walk` for other crates, one file each, behind a feature of its name. Where
//! several major versions are in use, the older ones have features of their own.
//! docs/impls.md says which are exact and which are raw.

#[cfg(feature = "arc-swap")]
mod arc_swap;
#[cfg(feature = "arrayvec")]
mod arrayvec;
#[cfg(feature = "bumpalo")]
mod bumpalo;
#[cfg(feature = "bytes")]
mod bytes;
#[cfg(any(feature = "compact_str", feature = "compact_str-0_9", feature = "compact_str-0_8"))]
mod compact_str;
#[cfg(feature = "crossbeam")]
mod crossbeam;
#[cfg(any(feature = "dashmap", feature = "dashmap-5"))]
mod dashmap;
#[cfg(feature = "datafrog")]
mod datafrog;
#[cfg(feature = "ena")]
mod ena;
#[cfg(any(
    feature = "hashbrown",
    feature = "hashbrown-0_16",
    feature = "hashbrown-0_15",
    feature = "hashbrown-0_14"
))]
mod hashbrown;
#[cfg(any(
    feature = "ena",
    feature = "id-arena",
    feature = "indexmap",
    feature = "indexmap-1",
    feature = "la-arena",
    feature = "petgraph",
    feature = "petgraph-0_6",
    feature = "petgraph-0_7",
    feature = "rustc_index",
    feature = "serde_json",
    feature = "slotmap"
))]
mod hidden;
#[cfg(any(feature = "http", feature = "http-0_2"))]
mod http;
#[cfg(feature = "id-arena")]
mod id_arena;
#[cfg(any(feature = "indexmap", feature = "indexmap-1"))]
mod indexmap;
#[cfg(feature = "la-arena")]
mod la_arena;
#[cfg(feature = "once_cell")]
mod once_cell;
#[cfg(feature = "parking_lot")]
mod parking_lot;
#[cfg(any(feature = "petgraph", feature = "petgraph-0_7", feature = "petgraph-0_6"))]
mod petgraph;
#[cfg(feature = "regex")]
mod regex;
#[cfg(any(feature = "rowan", feature = "rowan-0_15"))]
mod rowan;
#[cfg(feature = "rustc_index")]
mod rustc_index;
#[cfg(feature = "salsa")]
mod salsa;
#[cfg(feature = "serde_json")]
mod serde_json;
#[cfg(feature = "slotmap")]
mod slotmap;
#[cfg(feature = "smallvec")]
mod smallvec;
#[cfg(any(feature = "smol_str", feature = "smol_str-0_2"))]
mod smol_str;
#[cfg(feature = "thin-vec")]
mod thin_vec;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(feature = "triomphe")]
mod triomphe;
#[cfg(feature = "typed-arena")]
mod typed_arena;
#[cfg(feature = "url")]
mod url;
