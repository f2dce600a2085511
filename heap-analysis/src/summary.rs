//! What a snapshot is, on one page.

use crate::lens::Lens;
use heap_snapshot::record::{AllocatorFigures, Footer, Header};
use serde::Serialize;

/// What a snapshot is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// What the program wrote when the checkpoint began.
    pub header: Header,
    /// What it wrote when it ended; missing where the file was cut off.
    pub footer: Option<Footer>,
    /// The allocator's account.
    pub allocator: Option<AllocatorFigures>,
    /// Which edges count as holding memory.
    pub lens: Lens,
    /// Where the type config came from.
    pub config: String,
    /// Roots and blocks, shells included.
    pub nodes: u64,
    /// All edges.
    pub edges: u64,
    /// Value types.
    pub types: u64,
    /// Live blocks of the program from before the checkpoint, and their usable bytes.
    pub population_blocks: u64,
    /// Usable bytes of the population.
    pub population_bytes: u64,
    /// Bytes reachable from roots and outside owners.
    pub reachable: u64,
    /// Bytes of all nodes that no root and no outside owner reaches through the lens.
    pub unreachable: u64,
    /// Sizes are estimates from layouts: no tracking allocator supplied the blocks.
    pub is_estimate: bool,
    /// What is wrong with the file or was reported by the walk, in sentences.
    pub problems: Vec<String>,
    /// Parts that could not be entered, by reason.
    pub unreadable: Vec<UnreadableRow>,
    /// What each rule of the type config touched.
    pub rules: Vec<crate::config::RuleReport>,
}

/// Parts that could not be entered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct UnreadableRow {
    /// Displayed name of the type.
    pub type_name: String,
    /// Field.
    pub field: String,
    /// Why: `locked`, `borrowed`, …
    pub reason: String,
    /// How often.
    pub count: u64,
}
