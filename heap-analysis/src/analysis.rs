//! All answers about one heap, under one lens and one type config.

use crate::config::Config;
use crate::find::{NotFound, Subject};
use crate::heap::{Heap, NodeId};
use crate::ledger::Ledger;
use crate::lens::Lens;
use crate::owners::{Owns, RootRow};
use crate::path::PathStep;
use crate::summary::Summary;
use crate::tree::{Children, NodeDetail, TreeRow};
use crate::type_detail::TypeDetail;
use crate::type_table::{GroupRow, RowId, TypeRow};
use std::sync::Arc;

/// All answers about one heap, under one lens and one type config.
///
/// Made once, in about a second for a million nodes; then shared between
/// threads. What is asked for often is worked out when it is made.
#[derive(Debug)]
pub struct Analysis {
    heap: Arc<Heap>,
    config: Arc<Config>,
    lens: Lens,
}

impl Analysis {
    /// Analyses `heap`: dominators, retained sizes, type table, ledger. O(n log n) in nodes and edges.
    pub fn new(heap: Arc<Heap>, config: Arc<Config>, lens: Lens) -> Analysis {
        Analysis { heap, config, lens }
    }

    /// The heap.
    pub fn heap(&self) -> &Arc<Heap> {
        &self.heap
    }

    /// The type config.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Which edges count as holding memory.
    pub fn lens(&self) -> Lens {
        self.lens
    }

    /// What the snapshot is.
    pub fn summary(&self) -> &Summary {
        unimplemented!("next commit")
    }

    /// Roots by bytes in all, largest first; parts follow their root.
    pub fn roots(&self) -> &[RootRow] {
        &[]
    }

    /// The type table, most shallow bytes first; [`crate::type_table::select`] sorts and filters.
    pub fn types(&self) -> &[TypeRow] {
        &[]
    }

    /// The type table by component of the type config, most shallow bytes first.
    pub fn groups(&self) -> Vec<GroupRow> {
        Vec::new()
    }

    /// One type in full.
    pub fn type_detail(&self, _row: RowId) -> Option<TypeDetail> {
        None
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        unimplemented!("next commit")
    }

    /// What a root, a node or all nodes of a type own. O(n): some searches over the whole heap.
    pub fn owns(&self, _subject: Subject) -> Option<Owns> {
        None
    }

    /// What hangs directly below a node, along the lens: the `top` entries that
    /// retain most. Hidden types are replaced by what hangs below them.
    pub fn children(&self, _node: NodeId, _top: usize) -> Children {
        Children::default()
    }

    /// A node as an entry of a tree, without a holder.
    pub fn tree_row(&self, _node: NodeId) -> Option<TreeRow> {
        None
    }

    /// A node in full. O(n): a search over the whole heap.
    pub fn node(&self, _node: NodeId) -> Option<NodeDetail> {
        None
    }

    /// Shortest way from a root or an outside owner to `node`; empty if nothing reaches it. O(n).
    pub fn path(&self, _node: NodeId) -> Vec<PathStep> {
        Vec::new()
    }

    /// Everything that `node` cannot live without: its dominators, outermost first.
    pub fn dominator_chain(&self, _node: NodeId) -> Vec<PathStep> {
        Vec::new()
    }

    /// Nodes of a type, those that retain most first, at most `top`.
    pub fn nodes_of(&self, _row: RowId, _top: usize) -> Vec<TreeRow> {
        Vec::new()
    }

    /// What `text` means: the name of a root, `#123`, an address `0x7f…`, or a type.
    ///
    /// # Errors
    ///
    /// Where nothing or more than one type has that name; with names like it.
    pub fn find(&self, text: &str) -> Result<Subject, NotFound> {
        Err(NotFound { text: text.into(), what: "root or type", near: Vec::new(), is_ambiguous: false })
    }

    /// The nodes that `subject` stands for.
    pub fn nodes(&self, _subject: Subject) -> Vec<NodeId> {
        Vec::new()
    }
}
