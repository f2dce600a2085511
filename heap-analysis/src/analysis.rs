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
/// Made once, in about half a second for a million nodes; then shared between
/// threads. Roots, ledger and summary are worked out when they are first asked
/// for (a search over the heap for each root, a pass over all blocks) and kept.
#[derive(Debug)]
pub struct Analysis {
    pub(crate) heap: Arc<Heap>,
    pub(crate) config: Arc<Config>,
    pub(crate) lens: Lens,
    pub(crate) table: Table,
    retention: OnceLock<Retention>,
    types: OnceLock<Vec<TypeRow>>,
    dominated: OnceLock<DominatorTree>,
    roots: OnceLock<Vec<RootRow>>,
    ledger: OnceLock<Ledger>,
    summary: OnceLock<Summary>,
}

/// What would go with what.
#[derive(Debug)]
struct Retention {
    dominators: Dominators,
    /// By node.
    retained: Vec<u64>,
}

impl Analysis {
    /// Analyses `heap`: dominators, retained sizes and type table. O(n log n) in nodes and edges.
    ///
    /// Gives the heap edges of keys by the rules of `config`, if it has keys and not had those rules before:
    /// [`Analysis::heap`] has them, and is a copy of `heap` where that is used elsewhere.
    pub fn new(heap: Arc<Heap>, config: Arc<Config>, lens: Lens) -> Analysis {
        let analysis = Analysis::begin(heap, config, lens);
        analysis.retention();
        analysis
    }

    /// As [`Analysis::new`], but only begun: [`Analysis::types_without_retained`] is there, and whoever asks for
    /// anything else waits until dominators and retained sizes are worked out, by this or another thread.
    pub fn begin(heap: Arc<Heap>, config: Arc<Config>, lens: Lens) -> Analysis {
        let heap = connect(heap, &config);
        let table = Table::build(&heap, &config);
        Analysis {
            heap,
            config,
            lens,
            table,
            retention: OnceLock::new(),
            types: OnceLock::new(),
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

    fn retention(&self) -> &Retention {
        self.retention.get_or_init(|| {
            let dominators = dominators(&self.heap, self.lens);
            let retained = retained_sizes(&self.heap, &dominators);
            Retention { dominators, retained }
        })
    }

    /// Whether dominators and retained sizes are there already.
    pub fn has_retained(&self) -> bool {
        self.retention.get().is_some()
    }

    /// The dominator tree.
    pub fn dominators(&self) -> &Dominators {
        &self.retention().dominators
    }

    /// The dominator tree from above: what goes with a node, largest first.
    pub fn dominated(&self) -> &DominatorTree {
        self.dominated
            .get_or_init(|| dominator_tree(&self.heap, self.dominators(), &self.retention().retained))
    }

    /// Whether [`Analysis::dominated`] is there already.
    pub fn has_dominated(&self) -> bool {
        self.dominated.get().is_some()
    }

    /// Position of a node among its siblings in [`Analysis::dominated`]. O(log siblings).
    pub fn dominated_position(&self, node: NodeId) -> Option<u32> {
        self.dominated().position(self.dominators(), &self.retention().retained, node)
    }

    /// Bytes retained by siblings of [`Analysis::dominated`] together. O(1).
    pub fn retained_by(&self, positions: Range<u32>) -> u64 {
        self.dominated().retained(&self.retention().retained, positions)
    }

    /// Retained bytes of a node: what would go with it.
    pub fn retained(&self, node: NodeId) -> u64 {
        self.retention().retained[node.index()]
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
        self.types.get_or_init(|| {
            self.table.with_retained(&self.heap, self.dominators(), &self.retention().retained)
        })
    }

    /// As [`Analysis::types`], from the beginning: `retained` is not known yet and is 0 in all rows.
    pub fn types_without_retained(&self) -> &[TypeRow] {
        &self.table.rows
    }

    /// The type table by component of the type config, most shallow bytes first. O(n).
    pub fn groups(&self) -> Vec<GroupRow> {
        self.groups_by(Grouping::Component)
    }

    /// The type table in groups, most shallow bytes first. O(n).
    pub fn groups_by(&self, grouping: Grouping) -> Vec<GroupRow> {
        self.table.group_rows(&self.heap, self.dominators(), &self.retention().retained, grouping)
    }

    /// The ledger, if it is there already.
    pub fn ledger_so_far(&self) -> Option<&Ledger> {
        self.ledger.get()
    }

    /// The ledger. Without dominators, but for what is claimed twice: may be asked for meanwhile.
    pub fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| crate::ledger::ledger(self))
    }
}
