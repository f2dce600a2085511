//! The ledger: every live block of the program is in exactly one class, and
//! the classes add up to what the allocator says.

use crate::heap::NodeId;
use heap_snapshot::record::BlockCount;
use serde::Serialize;

/// Classes of the population in the order in which they apply.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Owned from two different places, or owned and shared: an error of an impl.
    ClaimedTwice,
    /// More than one strong holder.
    MultiplyHeld,
    /// One owner.
    ClaimedOnce,
    /// Found by scanning opaque bytes.
    ClaimedRaw,
    /// Only weak handles keep the block.
    WeakPinned,
    /// Nobody was met who holds it.
    Unclaimed,
}

impl Class {
    /// All, in order.
    pub const ALL: [Class; 6] = [
        Class::ClaimedTwice,
        Class::MultiplyHeld,
        Class::ClaimedOnce,
        Class::ClaimedRaw,
        Class::WeakPinned,
        Class::Unclaimed,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Class::ClaimedTwice => "claimed twice",
            Class::MultiplyHeld => "multiply held",
            Class::ClaimedOnce => "claimed once",
            Class::ClaimedRaw => "claimed raw",
            Class::WeakPinned => "weak-pinned",
            Class::Unclaimed => "unclaimed",
        }
    }
}

/// A class with its blocks and usable bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ClassRow {
    /// The class.
    pub class: Class,
    /// Blocks in it.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
}

/// A line of its own with blocks and bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CountRow {
    /// What is counted.
    pub name: String,
    /// Blocks.
    pub blocks: u64,
    /// Usable bytes.
    pub bytes: u64,
}

/// A block that two places claim.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TwiceRow {
    /// The node.
    pub node: NodeId,
    /// Address of the block.
    pub addr: u64,
    /// Its usable bytes.
    pub bytes: u64,
    /// Displayed name of its type.
    pub type_name: String,
    /// The places, as paths from roots, with the kind of edge.
    pub claims: Vec<String>,
}

/// Unclaimed blocks of one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct UnclaimedRow {
    /// Usable bytes of each: the size class.
    pub usable: u64,
    /// Requested bytes of each.
    pub requested: u64,
    /// How many.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
    /// Address of the first.
    pub example: u64,
}

/// Blocks of one node type whose description does not add up to the requested
/// size: the impl or the layout formula is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MismatchRow {
    /// Displayed name of the node type.
    pub type_name: String,
    /// Layout of the block.
    pub layout: String,
    /// How many blocks.
    pub blocks: u64,
    /// Described less requested, over all of them.
    pub difference: i64,
    /// One of them.
    pub example: NodeId,
    /// Bytes described in the example.
    pub example_described: u64,
    /// Bytes requested for it.
    pub example_requested: u64,
}

/// A shared block with fewer handles counted than met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MovedRow {
    /// The node.
    pub node: NodeId,
    /// Displayed name of its type.
    pub type_name: String,
    /// `strong` or `weak`.
    pub handles: &'static str,
    /// Handles by the block's own count.
    pub counted: u64,
    /// Handles the walk met.
    pub met: u64,
}

/// How the bytes of the population divide.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Waterfall {
    /// Leaf values and discriminants.
    pub payload: u64,
    /// Bytes between and after fields.
    pub padding: u64,
    /// Dead variant space.
    pub dead: u64,
    /// Container overhead.
    pub overhead: u64,
    /// Spare capacity.
    pub spare: u64,
    /// Usable less requested.
    pub rounding: u64,
    /// Bytes nobody can read, those of unclaimed and weak-pinned blocks included.
    pub untyped: u64,
    /// All of these, each computed on its own.
    pub total: u64,
}

/// The ledger of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Ledger {
    /// Whether a tracking allocator supplied the blocks. Without it there is no ledger.
    pub is_tracked: bool,
    /// Whether nothing was allocated or freed while the checkpoint ran; `None` where the file was cut off.
    pub is_quiescent: Option<bool>,
    /// The classes, all six, in order.
    pub classes: Vec<ClassRow>,
    /// The program's blocks from before the checkpoint: the sum of the classes.
    pub population: BlockCount,
    /// Claims by what is known of the contents: `typed`, `opaque` (claimed by type,
    /// contents unknown) and `raw`, then `unclaimed`.
    pub coverage: Vec<CountRow>,
    /// Counted beside the population: born during, freed during, the tool's own,
    /// frees of blocks from before tracking, reached memory of another allocator.
    pub beside: Vec<CountRow>,
    /// What the allocator says the program's live blocks add up to.
    pub allocator_live: Option<u64>,
    /// What the table of blocks adds up to at the same moment: population and born during.
    pub enumerated: u64,
    /// Allocator's figure less the table's.
    pub difference: Option<i64>,
    /// How the population's bytes divide.
    pub waterfall: Waterfall,
    /// Blocks whose division does not add up to their usable size.
    pub mismatched: BlockCount,
    /// Blocks with two owners, largest first, at most 100.
    pub claimed_twice: Vec<TwiceRow>,
    /// Unclaimed blocks by size, most bytes first.
    pub unclaimed: Vec<UnclaimedRow>,
    /// Node types whose blocks do not add up, most blocks first.
    pub mismatches: Vec<MismatchRow>,
    /// Shared blocks whose handles moved during the walk, at most 100.
    pub moved: Vec<MovedRow>,
    /// How many those are.
    pub moved_count: u64,
    /// The snapshot is complete and quiescent, the allocator's figure is the
    /// table's to the byte, nothing is claimed twice, and every block divides
    /// into its usable size.
    pub closes: bool,
    /// The result in sentences, the first one the verdict.
    pub verdict: Vec<String>,
}
