//! All answers about one heap, under one lens and one type config. What is
//! asked lives with its rows: see the modules of the crate.

use crate::config::Config;
use crate::dominator_tree::{dominator_tree, DominatorTree};
use crate::dominators::{dominators, Dominators};
use crate::heap::{Heap, NodeId};
use crate::keys::connect;
use crate::ledger::Ledger;
use crate::lens::Lens;
use crate::owners::RootRow;
use crate::retained::retained_sizes;
use crate::summary::Summary;
use crate::type_table::{GroupRow, Grouping, Table, TypeRow};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// All answers about one heap, under one lens and one type config.
///
/// Made once, in about a second for a million nodes; then shared between
/// threads. Roots, ledger and summary are worked out when they are first asked
/// for (a search over the heap for each root, a pass over all blocks) and kept.
#[derive(Debug)]
pub struct Analysis {
    pub(crate) heap: Arc<Heap>,
    pub(crate) config: Arc<Config>,
    pub(crate) lens: Lens,
    pub(crate) dominators: Dominators,
    pub(crate) retained: Vec<u64>,
    pub(crate) table: Table,
    dominated: OnceLock<DominatorTree>,
    roots: OnceLock<Vec<RootRow>>,
    ledger: OnceLock<Ledger>,
    summary: OnceLock<Summary>,
}

impl Analysis {
    /// Analyses `heap`: dominators, retained sizes and type table. O(n log n) in nodes and edges.
    ///
    /// Gives the heap edges of keys by the rules of `config`, if it has keys and not had those rules before:
    /// [`Analysis::heap`] has them, and is a copy of `heap` where that is used elsewhere.
    pub fn new(heap: Arc<Heap>, config: Arc<Config>, lens: Lens) -> Analysis {
        let heap = connect(heap, &config);
        let dominators = dominators(&heap, lens);
        let retained = retained_sizes(&heap, &dominators);
        let table = Table::build(&heap, &config, &dominators, &retained);
        Analysis {
            heap,
            config,
            lens,
            dominators,
            retained,
            table,
            dominated: OnceLock::new(),
            roots: OnceLock::new(),
            ledger: OnceLock::new(),
            summary: OnceLock::new(),
        }
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

    /// The dominator tree.
    pub fn dominators(&self) -> &Dominators {
        &self.dominators
    }

    /// The dominator tree from above: what goes with a node, largest first.
    pub fn dominated(&self) -> &DominatorTree {
        self.dominated.get_or_init(|| dominator_tree(&self.heap, &self.dominators, &self.retained))
    }

    /// Whether [`Analysis::dominated`] is there already.
    pub fn has_dominated(&self) -> bool {
        self.dominated.get().is_some()
    }

    /// Position of a node among its siblings in [`Analysis::dominated`]. O(log siblings).
    pub fn dominated_position(&self, node: NodeId) -> Option<u32> {
        self.dominated().position(&self.dominators, &self.retained, node)
    }

    /// Bytes retained by siblings of [`Analysis::dominated`] together. O(1).
    pub fn retained_by(&self, positions: Range<u32>) -> u64 {
        self.dominated().retained(&self.retained, positions)
    }

    /// Retained bytes of a node: what would go with it.
    pub fn retained(&self, node: NodeId) -> u64 {
        self.retained[node.index()]
    }

    /// What the snapshot is.
    pub fn summary(&self) -> &Summary {
        self.summary.get_or_init(|| crate::summary::summary(self))
    }

    /// Roots by bytes in all, largest first; parts follow their root.
    pub fn roots(&self) -> &[RootRow] {
        self.roots.get_or_init(|| crate::owners::root_rows(self))
    }

    /// The type table, most shallow bytes first; [`crate::type_table::select`] sorts and filters.
    pub fn types(&self) -> &[TypeRow] {
        &self.table.rows
    }

    /// The type table by component of the type config, most shallow bytes first. O(n).
    pub fn groups(&self) -> Vec<GroupRow> {
        self.groups_by(Grouping::Component)
    }

    /// The type table in groups, most shallow bytes first. O(n).
    pub fn groups_by(&self, grouping: Grouping) -> Vec<GroupRow> {
        self.table.group_rows(&self.heap, &self.dominators, &self.retained, grouping)
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| crate::ledger::ledger(self))
    }
}
