//! Roots and owners: alone, in all and shared.

use crate::heap::NodeId;
use crate::lens::Lens;
use serde::Serialize;

/// Sizes of an owner, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Sizes {
    /// Its own blocks.
    pub shallow: u64,
    /// Alone: retained. A lower bound of what dropping the owner frees.
    pub alone: u64,
    /// In all: everything reachable from it.
    pub in_all: u64,
    /// In all less alone.
    pub shared: u64,
    /// Nodes reachable from it, itself included.
    pub nodes: u64,
}

/// A root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RootRow {
    /// Position among the roots; [`crate::find::Subject::Root`] takes it.
    pub index: usize,
    /// Name as it was registered.
    pub name: String,
    /// Displayed name of the value's type.
    pub type_name: String,
    /// Its node; for a name, the node it names.
    pub node: NodeId,
    /// Address of the value.
    pub addr: u64,
    /// Size of the value.
    pub size: u64,
    /// How it was registered: `argument`, `scope`, `static`, `arc`.
    pub origin: String,
    /// The root of which it is a part: `mbcx` for `mbcx.body`.
    pub part_of: Option<String>,
    /// What else the place is called, where the root is a name for a place that
    /// another root's value or a block already owned holds.
    pub name_for: Option<String>,
    /// Sizes of the root by itself.
    pub sizes: Sizes,
    /// Sizes of the root and its parts taken as one owner, where it has parts.
    pub with_parts: Option<Sizes>,
}

/// A shared block with more handles than the walk met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OutsideOwner {
    /// The block's node.
    pub node: NodeId,
    /// Displayed name of its type.
    pub type_name: String,
    /// `strong` or `weak`.
    pub handles: &'static str,
    /// Handles by the block's own count.
    pub counted: u64,
    /// Handles the walk met.
    pub met: u64,
    /// Handles that the walk did not see.
    pub gap: u64,
    /// Bytes that hang below the block.
    pub retained: u64,
}

/// What an owner (a root, a node, or all nodes of a type) owns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Owns {
    /// What was asked about.
    pub name: String,
    /// `root`, `node` or `type`.
    pub kind: &'static str,
    /// Which edges were followed.
    pub lens: Lens,
    /// Nodes that were taken together as the owner.
    pub owner_nodes: u64,
    /// Sizes of the owner by itself.
    pub sizes: Sizes,
    /// Names of the parts, for a root that has any.
    pub parts: Vec<String>,
    /// Sizes with the parts, for a root that has any.
    pub with_parts: Option<Sizes>,
    /// Blocks reachable from the owner (with its parts) that somebody outside the walk
    /// holds as well, largest first. They and what is below them are nobody's alone.
    pub outside: Vec<OutsideOwner>,
}
