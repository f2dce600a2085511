//! Why a node is alive: ways from a root to it, with names a programmer knows.

use crate::heap::NodeId;
use serde::Serialize;

/// A step on the way from a root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PathStep {
    /// The node that this step reaches.
    pub node: NodeId,
    /// Name of the root, or field or position the step goes through.
    pub place: String,
    /// Kind of the edge; `root` and `outside owner` for a first step.
    pub edge: String,
    /// Displayed name of the node's type.
    pub type_name: String,
    /// Its shallow size.
    pub shallow: u64,
    /// Its retained size.
    pub retained: u64,
}
