//! From the resident set down to payload: what the process takes, level by level,
//! and what is left out on the way.
//!
//! Each level is a number from a source of its own (the kernel, the allocator, the
//! table of blocks, the walk), and so is everything that is taken off between two
//! levels. What then still differs is the level's `difference`. From *active* down
//! it is 0 in a quiescent snapshot; above, the kernel and the allocator count
//! different things, and the difference says by how much.
//!
//! | level | source | less |
//! |---|---|---|
//! | resident set | kernel | files, stacks, the block table, other anonymous memory |
//! | allocator's mappings in memory | kernel | |
//! | resident | allocator | pages that hold no block any more, its bookkeeping. An upper bound: pages of blocks that nobody wrote to count, so the difference above may be negative. The difference below is the rest of the bookkeeping's last pages |
//! | active | allocator | free places in slabs, what whole-page blocks get beyond their size |
//! | allocated | allocator | what waits in caches of threads, the caches' own blocks, the tool's own |
//! | live blocks | table | born during the checkpoint |
//! | population | table | rounding |
//! | requested | table | padding, dead variant space, container overhead, spare capacity, untyped |
//! | payload | walk | |
//!
//! Levels that a snapshot cannot tell are left out, and that is said: all of the allocator's over
//! another one than jemalloc, all but the first without the tracking allocator.

use crate::analysis::Analysis;
use crate::ledger::Waterfall;
use heap_snapshot::record::{AllocatorFigures, LiveBlock, ProcessMemory, SizeClass};
use serde::Serialize;

/// Who says how large a level is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The kernel's map of the process.
    Kernel,
    /// The allocator's own account.
    Allocator,
    /// The tracking allocator's table of live blocks.
    Table,
    /// The walk.
    Walk,
}

/// What is in a level and not in the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Less {
    /// What it is.
    pub name: &'static str,
    /// Bytes.
    pub bytes: u64,
}

/// A level.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Level {
    /// What it is.
    pub name: &'static str,
    /// Bytes.
    pub bytes: u64,
    /// Who says so.
    pub source: Source,
    /// What is in it and not in the next level. Zeros are left out.
    pub less: Vec<Less>,
    /// `bytes` less all of `less` and the next level; 0 in the last one.
    pub difference: i64,
}

/// From the resident set down to payload.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Memory {
    /// The levels, outermost first. Empty where nothing is known.
    pub levels: Vec<Level>,
    /// Bytes of address space that the allocator has mapped for pages in use; `None` where it does not tell.
    pub mapped: Option<u64>,
    /// Bytes of address space that it keeps without memory behind it.
    pub retained: Option<u64>,
    /// What is not known, and levels whose difference is one, in sentences. Above *active* none is.
    pub problems: Vec<String>,
}

impl Memory {
    /// The level of this name.
    pub fn level(&self, name: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.name == name)
    }
}

/// Levels, while they are put together.
#[derive(Default)]
struct Levels(Vec<Level>);

impl Levels {
    fn push(&mut self, source: Source, name: &'static str, bytes: u64, less: &[(&'static str, u64)]) {
        let less = less.iter().filter(|(_, bytes)| *bytes > 0).map(|&(name, bytes)| Less { name, bytes });
        self.0.push(Level { name, bytes, source, less: less.collect(), difference: 0 });
    }

    fn done(mut self) -> Vec<Level> {
        for at in 1..self.0.len() {
            let below = self.0[at].bytes;
            let level = &mut self.0[at - 1];
            let less = level.less.iter().map(|less| less.bytes).fold(below, u64::wrapping_add);
            level.difference = level.bytes.wrapping_sub(less) as i64;
        }
        self.0
    }
}

/// The levels at which kernel and allocator count different things.
const DIFFERENT: [&str; 3] = ["resident set", "allocator's mappings in memory", "resident"];

/// Where the levels come from.
pub(crate) struct Sources<'s> {
    pub(crate) allocator: Option<AllocatorFigures>,
    pub(crate) process: Option<ProcessMemory>,
    pub(crate) size_classes: &'s [SizeClass],
    /// `None` without the tracking allocator.
    pub(crate) table: Option<Totals>,
    /// How the population divides; `None` before nodes are joined with blocks. The levels then end with *requested*.
    pub(crate) parts: Option<&'s Waterfall>,
}

/// Sums over the table of live blocks, in bytes.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Totals {
    /// Usable, of all of the program's.
    pub(crate) enumerated: u64,
    /// Usable, of those from before the checkpoint.
    pub(crate) population: u64,
    /// How many those are.
    pub(crate) blocks: u64,
    /// What they requested.
    pub(crate) requested: u64,
    /// What they have beyond that.
    pub(crate) rounding: u64,
}

impl Totals {
    /// Of the blocks met by a checkpoint that set `epoch`. O(n).
    pub(crate) fn of(blocks: &[LiveBlock], epoch: u32) -> Totals {
        let mut totals = Totals::default();
        for block in blocks.iter().filter(|block| !block.is_tool) {
            totals.enumerated = totals.enumerated.saturating_add(block.usable);
            if block.epoch < epoch {
                totals.blocks += 1;
                totals.population = totals.population.saturating_add(block.usable);
                totals.requested = totals.requested.saturating_add(block.requested);
                let rounding = block.usable.wrapping_sub(block.requested);
                totals.rounding = totals.rounding.wrapping_add(rounding);
            }
        }
        totals
    }
}

impl Analysis {
    /// From the resident set down to payload. Cheap once there is a ledger.
    pub fn memory(&self) -> Memory {
        let heap = self.heap();
        let ledger = self.ledger();
        let table = ledger.is_tracked.then(|| Totals {
            enumerated: ledger.enumerated,
            population: ledger.population.bytes,
            blocks: ledger.population.blocks,
            rounding: ledger.waterfall.rounding,
            requested: {
                let population = heap.blocks.iter().filter(|block| heap.is_population(block));
                population.map(|block| block.requested).fold(0, u64::saturating_add)
            },
        });
        memory(&Sources {
            allocator: heap.allocator,
            process: heap.process_memory,
            size_classes: &heap.size_classes,
            table,
            parts: Some(&ledger.waterfall),
        })
    }
}

pub(crate) fn memory(sources: &Sources<'_>) -> Memory {
    let mut levels = Levels::default();
    let figures = sources.allocator.unwrap_or_default();
    if let Some(parts) = sources.process {
        let less = [
            ("files", parts.files),
            ("stacks", parts.stacks),
            ("other anonymous memory", parts.anonymous),
            ("block table", parts.table),
        ];
        levels.push(Source::Kernel, "resident set", parts.total(), &less);
        if sources.table.is_some() {
            levels.push(Source::Kernel, "allocator's mappings in memory", parts.allocator, &[]);
        }
    } else if figures.rss > 0 {
        // Before format 2.3 the kernel was not asked whose memory it is.
        levels.push(Source::Kernel, "resident set", figures.rss, &[]);
    }
    let is_accounted = sources.allocator.is_some() && !figures.is_unaccounted;
    if is_accounted {
        let bookkeeping = figures.metadata.saturating_sub(figures.internal);
        let less = [("free pages not given back", figures.dirty), ("bookkeeping", bookkeeping)];
        levels.push(Source::Allocator, "resident", figures.resident, &less);
        let sum =
            |of: &dyn Fn(&SizeClass) -> u64| sources.size_classes.iter().map(of).fold(0, u64::saturating_add);
        let free = sum(&|class| {
            let places = (class.slabs + class.tool_slabs).saturating_mul(class.slab_blocks);
            places.saturating_sub(class.blocks + class.tool_blocks).saturating_mul(class.size)
        });
        let beyond = sum(&|class| match class.slab_size {
            0 => (class.slabs + class.tool_slabs).saturating_mul(figures.large_pad),
            _ => 0,
        });
        let less = [("free places in slabs", free), ("beyond blocks of whole pages", beyond)];
        levels.push(Source::Allocator, "active", figures.active, &less);
        let less = [
            ("waiting in caches of threads", figures.cached),
            ("the caches themselves", figures.cache_blocks),
            ("the tool's own", figures.tool),
        ];
        levels.push(Source::Allocator, "allocated", figures.allocated, &less);
    }
    if let Some(table) = sources.table {
        let born = table.enumerated.saturating_sub(table.population);
        let less = [("born during the checkpoint", born)];
        levels.push(Source::Table, "live blocks", table.enumerated, &less);
        let less = [("rounding", table.rounding)];
        levels.push(Source::Table, "population", table.population, &less);
        let parts = sources.parts.copied().unwrap_or_default();
        let less = [
            ("padding", parts.padding),
            ("dead variant space", parts.dead),
            ("container overhead", parts.overhead),
            ("spare capacity", parts.spare),
            ("untyped", parts.untyped),
        ];
        levels.push(Source::Table, "requested", table.requested, &less);
        if sources.parts.is_some() {
            levels.push(Source::Walk, "payload", parts.payload, &[]);
        }
    }
    let levels = levels.done();
    // Snapshots of before format 2.3 do not say where free places are.
    let has_classes = !sources.size_classes.is_empty();
    let unknown = match (&sources.table, sources.allocator) {
        (None, _) => Some(
            "without the tracking allocator, and with HEAP_TRACK=off, only the kernel's figures are known",
        ),
        (Some(_), Some(figures)) if figures.is_unaccounted => {
            Some("the allocator below the table keeps no account of its own: its levels are not known")
        }
        _ => None,
    };
    let different = levels
        .iter()
        .filter(|level| level.difference != 0 && !DIFFERENT.contains(&level.name))
        .filter(|level| has_classes || level.name != "active")
        .map(|level| format!("{}: {} bytes are unaccounted for", level.name, level.difference));
    let problems = unknown.map(str::to_owned).into_iter().chain(different).collect();
    Memory {
        levels,
        mapped: is_accounted.then_some(figures.mapped),
        retained: is_accounted.then_some(figures.retained),
        problems,
    }
}
