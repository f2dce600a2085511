//! What hangs below a node, and what a node is.

use crate::heap::NodeId;
use crate::owners::{OutsideOwner, Sizes};
use crate::type_table::RowId;
use heap_snapshot::record::Split;
use serde::Serialize;

/// A node as an entry of a tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TreeRow {
    /// The node.
    pub node: NodeId,
    /// Through which field or position its holder holds it: `basic_blocks`, `[17]`, `Some.0`.
    pub place: String,
    /// Kind of the edge: `own`, `share`, …
    pub edge: String,
    /// Displayed name of its type.
    pub type_name: String,
    /// Its row in the type table.
    pub row: Option<RowId>,
    /// Length and capacity in elements, for buffers and tables.
    pub len_cap: Option<(u64, u64)>,
    /// Active variant, where the node is one enum value.
    pub variant: Option<String>,
    /// Usable bytes of its block.
    pub shallow: u64,
    /// Retained bytes.
    pub retained: u64,
    /// Edges of the lens that leave it.
    pub children: u64,
    /// Whether the holder it is listed under is its immediate dominator: what
    /// it retains goes with that holder.
    pub is_dominated: bool,
    /// Edges of the lens that reach it.
    pub holders: u64,
}

/// The entries below a node.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Children {
    /// The largest by retained size, in that order.
    pub rows: Vec<TreeRow>,
    /// Entries left out.
    pub rest_count: u64,
    /// Shallow bytes of the entries left out.
    pub rest_shallow: u64,
    /// Retained bytes of the entries left out.
    pub rest_retained: u64,
}

/// A node in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeDetail {
    /// Itself as an entry; `place` and `edge` are those of its first holder.
    pub row: TreeRow,
    /// Shortest way from a root, as text: `gcx.interners.strings[17]`. Empty if nothing reaches it.
    pub path: String,
    /// Names of roots that are this node.
    pub roots: Vec<String>,
    /// Address of its block, or of the value of a root.
    pub addr: u64,
    /// Requested bytes of its block; 0 without one.
    pub requested: u64,
    /// Usable bytes of its block; 0 without one.
    pub usable: u64,
    /// Birth epoch of its block.
    pub epoch: Option<u32>,
    /// Alignment that was asked for.
    pub align: Option<u64>,
    /// How its bytes divide; rounding is usable less requested.
    pub split: Split,
    /// Sizes; alone is retained.
    pub sizes: Sizes,
    /// Its immediate dominator; `None` where several roots or an outside owner hold it.
    pub dominator: Option<NodeId>,
    /// What holds it, through any kind of edge. At most 100.
    pub holders: Vec<Holder>,
    /// All that hold it.
    pub holder_count: u64,
    /// The references that leave it, by any kind of edge outside of the lens. At most 100.
    pub references: Vec<TreeRow>,
    /// Handles that the walk did not see.
    pub outside: Vec<OutsideOwner>,
    /// Values recorded on request: field and text.
    pub values: Vec<(String, String)>,
    /// Parts that could not be entered: field and reason.
    pub unreadable: Vec<(String, String)>,
}

/// An edge that reaches a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Holder {
    /// Where it starts.
    pub node: NodeId,
    /// Displayed name of the type there.
    pub type_name: String,
    /// Field or position there.
    pub place: String,
    /// Kind of the edge.
    pub edge: String,
}
