//! Waste by kind and type, the allocator's size classes, and cliffs: how little
//! less some blocks would have to ask for to drop into the next smaller class.
//!
//! All of it is of the ledger's population, block by block, so that the kinds add
//! up to its waterfall and the classes to its bytes.

use crate::analysis::Analysis;
use crate::heap::{Heap, NodeId, NONE};
use crate::type_table::{has_length, Column, RowId};
use heap_snapshot::record::{BlockCount, LiveBlock, Split};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The kinds of waste, each a column of the type table.
pub const KINDS: [Column; 5] =
    [Column::Padding, Column::Dead, Column::Overhead, Column::Spare, Column::Rounding];

/// Waste, size classes and cliffs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fragmentation {
    /// The blocks it is of.
    pub population: BlockCount,
    /// Slack in all: the kinds together.
    pub slack: u64,
    /// Waste by type, most first: of types in any kind, of unclaimed blocks the rounding.
    pub types: Vec<WasteRow>,
    /// Bytes by kind, in the order of [`KINDS`]: sums over `types`.
    pub kinds: [u64; 5],
    /// Size classes, the smallest first. Empty, as `cliffs` are, over another allocator than jemalloc.
    pub classes: Vec<ClassRow>,
    /// Whether all classes are those of jemalloc's spacing. Without it the next
    /// smaller class is the next smaller one in use.
    pub is_spacing_known: bool,
    /// Cliffs, those that would save most first.
    pub cliffs: Vec<CliffRow>,
    /// Free gaps between live allocations: bytes of the allocator's active pages
    /// less all it has handed out; `None` where it told no figures.
    pub gaps: Option<u64>,
    /// Freed bytes that wait in the threads' caches.
    pub cached: Option<u64>,
    /// What is not known and why, in sentences.
    pub problems: Vec<String>,
}

/// The waste of a type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WasteRow {
    /// Its row in the type table; `None` of unclaimed blocks.
    pub row: Option<RowId>,
    /// Displayed name.
    pub type_name: String,
    /// Bytes by kind, in the order of [`KINDS`].
    pub kinds: [u64; 5],
    /// All kinds together.
    pub slack: u64,
    /// Usable bytes of its blocks (of values inside blocks, their bytes).
    pub bytes: u64,
}

/// A size class in use.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct ClassRow {
    /// Usable bytes of each block.
    pub usable: u64,
    /// Blocks.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
    /// Bytes asked for.
    pub requested: u64,
    /// Usable less requested.
    pub rounding: u64,
    /// Different sizes asked for.
    pub sizes: u64,
    /// The size most of them ask for, and how many do.
    pub most: (u64, u64),
    /// Blocks that nobody claims.
    pub unclaimed: u64,
}

/// Blocks of one type and size that a few bytes less would put into a smaller class.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CliffRow {
    /// The type's row in the type table; `None` of unclaimed blocks.
    pub row: Option<RowId>,
    /// Displayed name.
    pub type_name: String,
    /// Bytes that each asks for.
    pub requested: u64,
    /// Bytes that each gets.
    pub usable: u64,
    /// The next smaller class.
    pub below: u64,
    /// Bytes that each would have to ask for less.
    pub less: u64,
    /// Of buffers: elements of capacity that this is.
    pub elements: Option<u64>,
    /// Blocks.
    pub blocks: u64,
    /// Usable bytes that would be saved.
    pub saving: u64,
}

/// Cliffs further away than this, and than an eighth of the size, are none.
const NEAR: u64 = 16;

/// Over another allocator a block's usable size says nothing of classes: it may be what was asked for.
pub(crate) const NO_CLASSES: &str =
    "no size classes, slabs and pages: they are known of jemalloc below the tracking allocator";

/// Cliffs that are listed.
const LIST_LIMIT: usize = 1000;

/// From here on usable sizes are whole pages.
pub(crate) const MOST_CLASS: u64 = 32 << 10;
const PAGE: u64 = 4096;

/// The size class of a request, by the spacing of jemalloc 5.3.1: 8, multiples of 16
/// up to 128, four classes per doubling up to 32 KiB, then whole pages.
pub fn size_class(requested: u64) -> u64 {
    match requested {
        0..=8 => 8,
        9..=128 => requested.next_multiple_of(16),
        129..=MOST_CLASS => requested.next_multiple_of(1 << ((requested - 1).ilog2() - 2)),
        _ => requested.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX),
    }
}

/// The next smaller class by that spacing; `None` below the smallest.
pub fn class_below(class: u64) -> Option<u64> {
    match class {
        0..=8 => None,
        9..=16 => Some(8),
        17..=128 => Some((class - 1) / 16 * 16),
        _ => {
            // The distance between the classes up to this one.
            let step = if class > MOST_CLASS { PAGE } else { 1 << ((class - 1).ilog2() - 2) };
            Some((class - 1) / step * step)
        }
    }
}

/// Blocks of one type and size, while they are counted.
#[derive(Default)]
struct Group {
    blocks: u64,
    /// Size of an element, of buffers.
    element: Option<u64>,
}

fn add(kinds: &mut [u64; 5], split: &Split) {
    for (sum, part) in kinds.iter_mut().zip([split.padding, split.dead, split.overhead, split.spare]) {
        *sum = sum.wrapping_add(part);
    }
}

impl Analysis {
    /// Waste, size classes and cliffs. O(blocks).
    pub fn fragmentation(&self) -> Fragmentation {
        let heap: &Heap = self.heap();
        let row_of = |node: u32| (node != NONE).then(|| self.table.row_of(heap, NodeId(node))).flatten();
        let mut population = BlockCount::default();
        let mut waste: HashMap<Option<RowId>, ([u64; 5], u64)> = HashMap::new();
        let mut sizes: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        let mut unclaimed: HashMap<u64, u64> = HashMap::new();
        let mut groups: HashMap<(Option<RowId>, u64, u64), Group> = HashMap::new();
        let is_tracked = heap.header().tracked;
        let blocks: &[LiveBlock] = if is_tracked { &heap.blocks } else { &[] };
        for (at, (block, &node)) in blocks.iter().zip(&heap.block_node).enumerate() {
            if !heap.is_population(block) {
                continue;
            }
            let LiveBlock { usable, requested, .. } = *block;
            population.blocks += 1;
            population.bytes = population.bytes.saturating_add(usable);
            *sizes.entry((usable, requested)).or_default() += 1;
            let (inside, inside_bytes) = heap.inside_of(at);
            for &(_, value) in inside {
                let (kinds, bytes) = waste.entry(row_of(value)).or_default();
                add(kinds, &heap.split(NodeId(value)));
                *bytes = bytes.saturating_add(heap.shallow(NodeId(value)));
            }
            let row = row_of(node);
            let (kinds, bytes) = waste.entry(row).or_default();
            *bytes = bytes.saturating_add(usable.saturating_sub(inside_bytes));
            kinds[4] = kinds[4].wrapping_add(usable.wrapping_sub(requested));
            let group = groups.entry((row, requested, usable)).or_default();
            group.blocks += 1;
            if node == NONE {
                *unclaimed.entry(usable).or_default() += 1;
                continue;
            }
            let node = NodeId(node);
            add(kinds, &heap.split(node));
            if heap.node_type(node).is_some_and(has_length) {
                group.element = heap.elem(node).map(|elem| elem.size).filter(|size| *size > 0);
            }
        }
        let mut kinds = [0_u64; 5];
        let types = waste.into_iter().map(|(row, (own, bytes))| {
            kinds.iter_mut().zip(own).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
            let slack = own.into_iter().fold(0, u64::wrapping_add);
            WasteRow { row, type_name: self.waste_name(row), kinds: own, slack, bytes }
        });
        let mut types: Vec<WasteRow> = types.filter(|row| row.slack > 0).collect();
        types.sort_by(|a, b| b.slack.cmp(&a.slack).then_with(|| a.type_name.cmp(&b.type_name)));
        let has_classes = !heap.allocator.is_some_and(|figures| figures.is_unaccounted);
        let classes = if has_classes { classes(&sizes, &unclaimed) } else { Vec::new() };
        let in_use: BTreeSet<u64> = classes.iter().map(|class| class.usable).collect();
        let is_spacing_known = in_use.iter().all(|&class| size_class(class) == class);
        let below = |class: u64| match is_spacing_known {
            true => class_below(class),
            false => in_use.range(..class).next_back().copied(),
        };
        let mut cliffs: Vec<CliffRow> = groups
            .into_iter()
            .filter(|_| has_classes)
            .filter_map(|((row, requested, usable), group)| {
                let below = below(usable)?;
                let less = requested.checked_sub(below).filter(|&less| less > 0)?;
                (less <= NEAR.max(requested / 8)).then(|| CliffRow {
                    row,
                    type_name: self.waste_name(row),
                    requested,
                    usable,
                    below,
                    less,
                    elements: group.element.map(|element| less.div_ceil(element)),
                    blocks: group.blocks,
                    saving: (usable - below).saturating_mul(group.blocks),
                })
            })
            .collect();
        cliffs.sort_by(|a, b| {
            (Reverse(a.saving), a.less, &a.type_name, a.requested).cmp(&(
                Reverse(b.saving),
                b.less,
                &b.type_name,
                b.requested,
            ))
        });
        cliffs.truncate(LIST_LIMIT);
        let figures = heap.allocator.filter(|figures| figures.active > 0);
        Fragmentation {
            population,
            slack: kinds.into_iter().fold(0, u64::wrapping_add),
            types,
            kinds,
            classes,
            is_spacing_known,
            cliffs,
            gaps: figures.map(|figures| figures.active.saturating_sub(figures.allocated)),
            cached: figures.map(|figures| figures.cached),
            problems: if has_classes { Vec::new() } else { vec![NO_CLASSES.into()] },
        }
    }

    /// Name of a row of the type table, or of what nobody claims.
    pub(crate) fn waste_name(&self, row: Option<RowId>) -> String {
        let row = row.and_then(|row| self.table.rows.get(row.0 as usize));
        row.map_or_else(|| "(unclaimed)".into(), |row| row.name.clone())
    }
}

fn classes(sizes: &BTreeMap<(u64, u64), u64>, unclaimed: &HashMap<u64, u64>) -> Vec<ClassRow> {
    let mut classes: Vec<ClassRow> = Vec::new();
    for (&(usable, requested), &blocks) in sizes {
        if classes.last().is_none_or(|class| class.usable != usable) {
            let unclaimed = unclaimed.get(&usable).copied().unwrap_or(0);
            classes.push(ClassRow { usable, unclaimed, ..ClassRow::default() });
        }
        if let Some(class) = classes.last_mut() {
            class.blocks += blocks;
            class.bytes = class.bytes.saturating_add(usable.saturating_mul(blocks));
            class.requested = class.requested.saturating_add(requested.saturating_mul(blocks));
            class.rounding = class.bytes.wrapping_sub(class.requested);
            class.sizes += 1;
            if blocks > class.most.1 {
                class.most = (requested, blocks);
            }
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_what_is_below_them() {
        let mut class = 8;
        let mut all = vec![class];
        while class < 1 << 20 {
            let next = size_class(class + 1);
            assert!(next > class && size_class(next) == next, "{class} {next}");
            assert_eq!(class_below(next), Some(class));
            class = next;
            all.push(class);
        }
        assert_eq!(&all[..14], [8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]);
        assert_eq!(class_below(8), None);
        for requested in 1..5000 {
            let class = size_class(requested);
            assert!(class >= requested && class_below(class).is_none_or(|below| below < requested));
        }
        size_class(u64::MAX);
    }
}
