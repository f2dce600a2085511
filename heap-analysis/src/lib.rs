//! From a heap snapshot to answers: who owns what, how much would go with an
//! owner, and how much of it is waste.
//!
//! Stands between `heap-snapshot` (the file) and the views. It reads a file
//! ([`load`]), joins what the walk claimed with the blocks the allocator counted
//! ([`heap::Heap`]), and answers questions with plain rows ([`Analysis`]).
//! It never draws, never prints and never talks to the program.
//!
//! | question | answer | row |
//! |---|---|---|
//! | what is this snapshot | [`Analysis::summary`] | [`summary::Summary`] |
//! | … as soon as it is read | [`load::Progress::Read`] | [`preview::Preview`] |
//! | who holds the heap | [`Analysis::roots`] | [`owners::RootRow`] |
//! | what would go with it | [`Analysis::owns`] | [`owners::Owns`] |
//! | which types, and their waste | [`Analysis::types`] | [`type_table::TypeRow`] |
//! | how a type is laid out, which variants live | [`Analysis::type_detail`] | [`type_detail::TypeDetail`] |
//! | what hangs below a node | [`Analysis::children`] | [`tree::TreeRow`] |
//! | what goes with it | [`Analysis::dominated`] | [`dominator_tree::DominatorTree`] |
//! | what a node is | [`Analysis::node`] | [`tree::NodeDetail`] |
//! | why it is alive | [`Analysis::path`] | [`path::PathStep`] |
//! | which types have no `Walk`, and what to write | [`Analysis::missing`] | [`missing::MissingRow`] |
//! | which keys, into which tables | [`Analysis::keys`] | [`keys::KeyRow`] |
//! | what is wasted, in which size classes | [`Analysis::fragmentation`] | [`fragmentation::Fragmentation`] |
//! | from the resident set down to payload | [`Analysis::memory`] | [`memory::Level`] |
//! | which classes and types keep pages half empty | [`Analysis::pages`] | [`pages::ClassPages`] |
//! | which code allocated it | [`Analysis::stacks`] | [`stacks::StackRow`] |
//! | who holds what nobody claims, and what is leaked | [`Analysis::unclaimed`] | [`unclaimed::HolderRow`] |
//! | does it add up | [`Analysis::ledger`] | [`ledger::Ledger`] |
//!
//! Rows hold numbers and names and derive `Serialize`, so that console, window
//! and JSON show the same. Terms are those of the design: *alone* is retained,
//! *in all* is reachable, *shared* their difference.
//!
//! ```
//! use heap_analysis::{config::Config, demo, heap::Heap, lens::Lens, Analysis};
//! use std::sync::Arc;
//!
//! let heap = Arc::new(Heap::from_snapshot(demo::snapshot(1000)));
//! let analysis = Analysis::new(heap, Arc::new(Config::default()), Lens::default());
//! let roots = analysis.roots();
//! assert!(roots.iter().all(|root| root.sizes.alone <= root.sizes.in_all));
//! assert!(analysis.ledger().closes);
//! ```

pub mod addresses;
pub mod analysis;
pub mod config;
pub mod demo;
pub mod dominator_tree;
pub mod dominators;
pub mod find;
pub mod fragmentation;
pub mod graph;
pub mod heap;
pub mod keys;
pub mod ledger;
pub mod lens;
pub mod load;
pub mod memory;
pub mod missing;
pub mod owners;
pub mod pages;
pub mod path;
pub mod preview;
mod reach;
pub mod retained;
pub mod stacks;
pub mod summary;
mod symbols;
pub mod tree;
pub mod type_detail;
mod type_name;
pub mod type_sizes;
pub mod type_table;
pub mod unclaimed;
pub mod units;

pub use analysis::Analysis;
pub use heap::{Heap, NodeId};
pub use lens::Lens;
