//! The ledger: every live block of the program is in exactly one class, and
//! the classes add up to what the allocator says.

use crate::analysis::Analysis;
use crate::heap::{Heap, NodeId, Role, HOLDS_SHELL, NONE};
use crate::path::place;
use crate::units;
use heap_snapshot::record::{BlockCount, EdgeKind, Layout, LiveBlock, Split};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

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

/// Unclaimed blocks of one size class.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct UnclaimedRow {
    /// Usable bytes of each.
    pub usable: u64,
    /// How many.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
    /// Bytes that they asked for.
    pub requested: u64,
    /// Different sizes that they asked for.
    pub sizes: u64,
    /// The size that most of them asked for (the smallest such), and how many did.
    pub most: (u64, u64),
    /// Address of the first that asked for it.
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

/// A block that only weak handles keep: its value is gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PinnedRow {
    /// The node.
    pub node: NodeId,
    /// Displayed name of the type that the weak handles see.
    pub type_name: String,
    /// Usable bytes of the block.
    pub bytes: u64,
    /// Weak handles by the block's own count, or those met if these are more: the
    /// standard library no longer tells the count when the value is gone.
    pub handles: u64,
    /// Weak handles that the walk met.
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
    /// contents unknown) and `raw`, then `weak-pinned` and `unclaimed`. The bytes of
    /// typed values inside a block are typed; the block counts where its rest does.
    pub coverage: Vec<CountRow>,
    /// Counted beside the population: born during, freed during, the tool's own,
    /// frees of blocks from before tracking, reached memory of another allocator,
    /// memory outside the allocator (such as memory maps, with their sizes).
    pub beside: Vec<CountRow>,
    /// What the allocator says the program's live blocks add up to; `None` where it keeps no account.
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
    /// Unclaimed blocks by size class, most bytes first.
    pub unclaimed: Vec<UnclaimedRow>,
    /// Blocks that only weak handles keep, largest first, at most 100; their
    /// class says how many there are.
    pub pinned: Vec<PinnedRow>,
    /// Weak handles that keep all of them, by the blocks' own counts.
    pub pinning: u64,
    /// Shared blocks of the population that somebody outside the walk holds:
    /// more strong handles than were met (`outside owner`), and counts that
    /// cannot be read (`maybe outside`). Part of the classes above.
    pub outside: Vec<CountRow>,
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

/// Rows of lists that name single blocks.
const LIST_LIMIT: usize = 100;

/// The class of a block, from who claims it.
fn class(heap: &Heap, node: NodeId) -> Class {
    match heap.role(node) {
        Role::Pinned => return Class::WeakPinned,
        Role::Root => return Class::ClaimedOnce,
        _ => {}
    }
    let (mut owned, mut shared, mut raw) = (0_u64, 0_u64, 0_u64);
    for edge in heap.edges_to(node) {
        match edge.kind {
            EdgeKind::OWN | EdgeKind::OWN_BY_HANDLE => owned += 1,
            EdgeKind::SHARE => shared += 1,
            EdgeKind::CLAIM_RAW => raw += 1,
            _ => {}
        }
    }
    let counted = heap.shared(node).map_or(0, |shared| shared.strong);
    if owned > 1 || owned > 0 && shared > 0 {
        Class::ClaimedTwice
    } else if shared.max(counted) > 1 {
        Class::MultiplyHeld
    } else if owned + shared > 0 || raw == 0 {
        Class::ClaimedOnce
    } else {
        Class::ClaimedRaw
    }
}

fn coverage(heap: &Heap, node: NodeId, class: Class) -> usize {
    let is_raw = heap.node_type(node).is_none_or(|ty| Layout(ty.layout) == Layout::RAW);
    match class {
        Class::Unclaimed => 4,
        Class::WeakPinned => 3,
        Class::ClaimedRaw => 2,
        _ if is_raw => 1,
        _ => 0,
    }
}

#[derive(Default)]
struct Mismatch {
    blocks: u64,
    difference: i64,
    example: Option<(NodeId, u64, u64)>,
}

fn add(count: &mut BlockCount, block: &LiveBlock) {
    count.blocks += 1;
    count.bytes = count.bytes.saturating_add(block.usable);
}

pub(crate) fn ledger(analysis: &Analysis) -> Ledger {
    let heap = &*analysis.heap;
    let is_tracked = heap.header().tracked;
    let mut classes = [BlockCount::default(); Class::ALL.len()];
    let mut covered = [BlockCount::default(); 5];
    let mut population = BlockCount::default();
    // The tool's blocks may be listed or, to keep the file short, only counted.
    let tool = heap.footer().map_or_else(BlockCount::default, |footer| footer.tool);
    let (mut listed_tool, mut born) = (BlockCount::default(), BlockCount::default());
    let mut waterfall = Waterfall::default();
    let mut mismatched = BlockCount::default();
    let mut mismatches: HashMap<u32, Mismatch> = HashMap::new();
    // By usable and requested size: how many, and the first one's address.
    let mut unclaimed: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    let mut twice: Vec<NodeId> = Vec::new();
    let mut pinned: Vec<PinnedRow> = Vec::new();
    // By node: whether its outside owner is a mere possibility.
    let strong = heap.outside().iter().filter(|outside| !outside.is_weak);
    let outside: HashMap<NodeId, bool> = strong.map(|outside| (outside.node, outside.is_maybe)).collect();
    let mut held = [BlockCount::default(); 2];
    let blocks: &[LiveBlock] = if is_tracked { &heap.blocks } else { &[] };
    for (at, (block, &node)) in blocks.iter().zip(&heap.block_node).enumerate() {
        if !heap.is_population(block) {
            add(if block.is_tool { &mut listed_tool } else { &mut born }, block);
            continue;
        }
        add(&mut population, block);
        let rounding = block.usable.wrapping_sub(block.requested);
        waterfall.rounding = waterfall.rounding.wrapping_add(rounding);
        // Values inside it, each described on its own.
        let (inside, inside_bytes) = heap.inside_of(at);
        let mut is_inside_whole = true;
        for &(_, value) in inside {
            let value = NodeId(value);
            let (split, bytes) = (heap.split(value), heap.shallow(value));
            add_split(&mut waterfall, &split);
            if split.total() != bytes || split.parts().iter().any(|part| *part > bytes) {
                is_inside_whole = false;
                let row = mismatches.entry(heap.node_type_index(value)).or_default();
                row.blocks += 1;
                row.difference = row.difference.wrapping_add(split.total().wrapping_sub(bytes) as i64);
                row.example.get_or_insert((value, split.total(), bytes));
            }
        }
        covered[0].bytes = covered[0].bytes.saturating_add(inside_bytes);
        let rest = LiveBlock { usable: block.usable.saturating_sub(inside_bytes), ..*block };
        if node == NONE {
            add(&mut classes[Class::Unclaimed as usize], block);
            add(&mut covered[4], &rest);
            waterfall.untyped = waterfall.untyped.wrapping_add(block.requested.wrapping_sub(inside_bytes));
            if !is_inside_whole {
                add(&mut mismatched, block);
            }
            unclaimed.entry((block.usable, block.requested)).or_insert((0, block.addr)).0 += 1;
            continue;
        }
        let node = NodeId(node);
        let class = class(heap, node);
        add(&mut classes[class as usize], block);
        match outside.get(&node) {
            Some(true) => add(&mut held[1], block),
            Some(false) => add(&mut held[0], block),
            None => {}
        }
        if class == Class::WeakPinned {
            pinned.push(pinned_row(analysis, node, block));
        }
        if class == Class::ClaimedTwice {
            twice.push(node);
        }
        let split = heap.split(node);
        add_split(&mut waterfall, &split);
        if heap.node_type(node).is_some_and(|ty| Layout(ty.layout) == Layout::CHUNK) && split.untyped > 0 {
            // What is used of a chunk and no reference led to: objects of unknown type.
            let opaque = split.untyped.min(rest.usable);
            covered[0].bytes = covered[0].bytes.saturating_add(rest.usable - opaque);
            add(&mut covered[1], &LiveBlock { usable: opaque, ..rest });
        } else {
            add(&mut covered[coverage(heap, node, class)], &rest);
        }
        // A part larger than its block is a "negative" one somewhere else.
        let described = split.total().wrapping_add(inside_bytes);
        let is_whole = described == block.requested
            && split.parts().iter().all(|part| *part <= block.requested)
            && block.requested <= block.usable;
        if !is_whole || !is_inside_whole {
            add(&mut mismatched, block);
        }
        if !is_whole {
            let row = mismatches.entry(heap.node_type_index(node)).or_default();
            row.blocks += 1;
            row.difference = row.difference.wrapping_add(described.wrapping_sub(block.requested) as i64);
            row.example.get_or_insert((node, described, block.requested));
        }
    }
    waterfall.total = [
        waterfall.payload,
        waterfall.padding,
        waterfall.dead,
        waterfall.overhead,
        waterfall.spare,
        waterfall.rounding,
        waterfall.untyped,
    ]
    .into_iter()
    .fold(0, u64::wrapping_add);

    let pinning = pinned.iter().map(|row| row.handles).fold(0, u64::saturating_add);
    pinned.sort_by_key(|row| (Reverse(row.bytes), row.node));
    pinned.truncate(LIST_LIMIT);
    twice.sort_by_key(|&node| (Reverse(heap.block(node).map_or(0, |block| block.usable)), node));
    twice.truncate(LIST_LIMIT);
    let unclaimed = by_class(&unclaimed);
    let mut mismatches: Vec<MismatchRow> = mismatches
        .into_iter()
        .filter_map(|(ty, row)| {
            let (example, example_described, example_requested) = row.example?;
            let layout = heap.node_types.get(ty as usize).and_then(|ty| Layout(ty.layout).name());
            Some(MismatchRow {
                type_name: analysis.table.node_type_name(ty).to_owned(),
                layout: layout.unwrap_or("unknown").into(),
                blocks: row.blocks,
                difference: row.difference,
                example,
                example_described,
                example_requested,
            })
        })
        .collect();
    mismatches.sort_by(|a, b| b.blocks.cmp(&a.blocks).then_with(|| a.type_name.cmp(&b.type_name)));
    let (moved, moved_count) = moved(analysis);
    let footer = heap.footer();
    let foreign = heap.node_ids().filter(|&node| heap.role(node) == Role::Foreign).count() as u64;
    let count_row = |name: &str, count: BlockCount| CountRow {
        name: name.into(),
        blocks: count.blocks,
        bytes: count.bytes,
    };
    let regions = heap.node_ids().filter(|&node| heap.role(node) == Role::Region).fold(
        BlockCount::default(),
        |all, node| BlockCount { blocks: all.blocks + 1, bytes: all.bytes.saturating_add(heap.room(node)) },
    );
    let blocks_only = |blocks: u64| BlockCount { blocks, bytes: 0 };
    let mut beside = vec![
        count_row("born during the checkpoint", footer.map_or(born, |footer| footer.born)),
        count_row(
            "freed during the checkpoint",
            footer.map_or_else(BlockCount::default, |footer| footer.freed),
        ),
        count_row("the tool's own", if listed_tool.blocks > 0 { listed_tool } else { tool }),
        count_row(
            "freed, from before tracking",
            blocks_only(footer.map_or(0, |footer| footer.unknown_frees)),
        ),
        count_row("reached, of another allocator", blocks_only(if is_tracked { foreign } else { 0 })),
    ];
    if regions.blocks > 0 {
        beside.push(count_row("memory outside the allocator", regions));
    }
    let enumerated = population.bytes.saturating_add(born.bytes);
    let is_unaccounted = heap.allocator.is_some_and(|figures| figures.is_unaccounted);
    let allocator_live = heap.allocator.filter(|_| is_tracked && !is_unaccounted).map(|figures| figures.live);
    let difference = allocator_live.map(|live| live.wrapping_sub(enumerated) as i64);
    let is_quiescent = footer.map(|footer| footer.quiescent);
    let is_damaged = heap.counts().lost_nodes > 0
        || heap.counts().overlapping_blocks > 0
        || footer
            .is_some_and(|footer| footer.blocks != 0 && is_tracked && footer.blocks != blocks.len() as u64);
    let mut ledger = Ledger {
        is_tracked,
        is_quiescent,
        classes: Class::ALL
            .iter()
            .zip(classes)
            .map(|(&class, count)| ClassRow { class, blocks: count.blocks, bytes: count.bytes })
            .collect(),
        population,
        coverage: ["typed", "opaque", "raw", "weak-pinned", "unclaimed"]
            .iter()
            .zip(covered)
            .map(|(name, count)| count_row(name, count))
            .collect(),
        beside,
        allocator_live,
        enumerated,
        difference,
        waterfall,
        mismatched,
        claimed_twice: twice.into_iter().map(|node| twice_row(analysis, node)).collect(),
        unclaimed,
        pinned,
        pinning,
        outside: vec![count_row("outside owner", held[0]), count_row("maybe outside", held[1])],
        mismatches,
        moved,
        moved_count,
        closes: false,
        verdict: Vec::new(),
    };
    verdict(&mut ledger, is_damaged, is_unaccounted);
    ledger
}

fn add_split(waterfall: &mut Waterfall, split: &Split) {
    for (sum, part) in [
        (&mut waterfall.payload, split.payload),
        (&mut waterfall.padding, split.padding),
        (&mut waterfall.dead, split.dead),
        (&mut waterfall.overhead, split.overhead),
        (&mut waterfall.spare, split.spare),
        (&mut waterfall.untyped, split.untyped),
    ] {
        *sum = sum.wrapping_add(part);
    }
}

fn pinned_row(analysis: &Analysis, node: NodeId, block: &LiveBlock) -> PinnedRow {
    let heap = &analysis.heap;
    let met = heap.edges_to(node).filter(|edge| edge.kind == HOLDS_SHELL).count() as u64;
    PinnedRow {
        node,
        type_name: analysis.table.pinned_name(heap, node),
        bytes: block.usable,
        handles: heap.shared(node).map_or(met, |shared| shared.weak.max(met)),
        met,
    }
}

/// Shared blocks with fewer handles counted than met.
fn moved(analysis: &Analysis) -> (Vec<MovedRow>, u64) {
    let heap = &analysis.heap;
    let mut rows = Vec::new();
    let mut count = 0;
    for (node, shared) in heap.shared_counts() {
        for (handles, counted, met) in
            [("strong", shared.strong, shared.met), ("weak", shared.weak, shared.weak_met)]
        {
            if met > counted && !shared.uncounted {
                count += 1;
                if rows.len() < LIST_LIMIT {
                    let type_name = analysis.table.node_name(heap, node).to_owned();
                    rows.push(MovedRow { node, type_name, handles, counted, met });
                }
            }
        }
    }
    (rows, count)
}

fn twice_row(analysis: &Analysis, node: NodeId) -> TwiceRow {
    let heap = &analysis.heap;
    let claims = heap
        .edges_to(node)
        .filter(|edge| matches!(edge.kind, EdgeKind::OWN | EdgeKind::OWN_BY_HANDLE | EdgeKind::SHARE))
        .take(8)
        .map(|edge| {
            let from = analysis.path_text(edge.from);
            format!("{from}{} ({})", place(heap, &edge), heap.edge_name(edge.kind))
        })
        .collect();
    let block = heap.block(node);
    TwiceRow {
        node,
        addr: heap.addr(node),
        bytes: block.map_or(0, |block| block.usable),
        type_name: analysis.table.node_name(heap, node).to_owned(),
        claims,
    }
}

/// Rows of size classes from blocks by usable and requested size.
fn by_class(sizes: &BTreeMap<(u64, u64), (u64, u64)>) -> Vec<UnclaimedRow> {
    let mut rows: Vec<UnclaimedRow> = Vec::new();
    for (&(usable, requested), &(blocks, first)) in sizes {
        if rows.last().is_none_or(|row| row.usable != usable) {
            rows.push(UnclaimedRow { usable, ..UnclaimedRow::default() });
        }
        if let Some(row) = rows.last_mut() {
            row.blocks += blocks;
            row.bytes = row.bytes.saturating_add(usable.saturating_mul(blocks));
            row.requested = row.requested.saturating_add(requested.saturating_mul(blocks));
            row.sizes += 1;
            if blocks > row.most.1 {
                (row.most, row.example) = ((requested, blocks), first);
            }
        }
    }
    rows.sort_by_key(|row| (Reverse(row.bytes), row.usable));
    rows
}

fn verdict(ledger: &mut Ledger, is_damaged: bool, is_unaccounted: bool) {
    let mut faults = Vec::new();
    let bytes = units::bytes;
    if !ledger.is_tracked {
        ledger.verdict = vec![
            "no ledger: the program ran without the tracking allocator, or with HEAP_TRACK=off, so sizes are estimates and what is missing is unknown"
                .into(),
        ];
        return;
    }
    match ledger.is_quiescent {
        None => faults.push("the snapshot is incomplete: it was cut off before its end".to_owned()),
        Some(false) => faults.push(
            "other threads allocated or freed while the checkpoint ran: the figures need not agree to the byte".to_owned(),
        ),
        Some(true) => {}
    }
    if is_damaged {
        faults.push("parts of the snapshot are lost or contradict each other".into());
    }
    match ledger.difference {
        None if is_unaccounted => faults.push(
            "the total cannot be checked: the allocator below the table keeps no account of its own".into(),
        ),
        None => faults.push("the allocator's own figure is missing, so nothing vouches for the total".into()),
        Some(0) => {}
        Some(difference) => faults.push(format!(
            "the allocator counts {} in live blocks and the table {}: {} ({difference} bytes) {}",
            bytes(ledger.allocator_live.unwrap_or(0)),
            bytes(ledger.enumerated),
            bytes(difference.unsigned_abs()),
            if difference > 0 { "are in no record" } else { "are in records of no live block" },
        )),
    }
    let twice = ledger.classes[Class::ClaimedTwice as usize];
    if twice.blocks > 0 {
        faults.push(format!(
            "{} blocks ({}) have two owners: an impl of `Walk` is wrong",
            twice.blocks,
            bytes(twice.bytes)
        ));
    }
    if ledger.mismatched.blocks > 0 {
        faults.push(format!(
            "{} blocks ({}) do not divide into their size: an impl of `Walk` or a layout is wrong",
            ledger.mismatched.blocks,
            bytes(ledger.mismatched.bytes)
        ));
    }
    ledger.closes = faults.is_empty();
    let mut sentences = vec![if ledger.closes {
        format!(
            "the ledger closes: {} blocks, {} bytes, each in one class, and the allocator says the same",
            units::count(ledger.population.blocks),
            units::count(ledger.population.bytes)
        )
    } else {
        "the ledger does not close".into()
    }];
    sentences.append(&mut faults);
    let unclaimed = ledger.classes[Class::Unclaimed as usize];
    if unclaimed.blocks > 0 {
        sentences.push(format!(
            "nobody claims {} blocks, {} of the program's bytes",
            units::count(unclaimed.blocks),
            units::percent(unclaimed.bytes, ledger.population.bytes)
        ));
    }
    let pinned = ledger.classes[Class::WeakPinned as usize];
    if pinned.blocks > 0 {
        sentences.push(format!(
            "{} blocks ({}) hold no value any more: {} weak handles keep them",
            units::count(pinned.blocks),
            bytes(pinned.bytes),
            units::count(ledger.pinning)
        ));
    }
    let maybe = ledger.outside.iter().find(|row| row.name == "maybe outside");
    if let Some(maybe) = maybe.filter(|row| row.blocks > 0) {
        sentences.push(format!(
            "{} shared blocks ({}) are maybe held outside: their handles cannot be counted, so they are nobody's alone",
            units::count(maybe.blocks),
            bytes(maybe.bytes)
        ));
    }
    if ledger.moved_count > 0 {
        sentences.push(format!(
            "{} shared blocks had fewer handles than the walk met: they moved during the walk",
            ledger.moved_count
        ));
    }
    ledger.verdict = sentences;
}
