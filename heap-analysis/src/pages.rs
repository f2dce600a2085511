//! From blocks to slabs and pages: which size classes and which types keep memory
//! that holds nothing.
//!
//! Small blocks share *slabs*: runs of pages with places for blocks of one size
//! class, side by side. The allocator gives a slab back only when all its places
//! are free, so one block pins the whole slab. A place is *live* (a block of the
//! table), *cached* (freed, and kept for a thread) or *free*; cached places are
//! known by number, not by address, so a slab's empty places are both.
//!
//! Where a block's slab begins follows from its address: a slab is the smallest
//! run of whole pages that blocks of its class fill without a rest, so there is one
//! page, within that length below the block, from which the distance is a multiple
//! of the class. (jemalloc's `src/sc.c`, `slab_size`; a snapshot of format 2.3 says how long
//! slabs are, and a class whose slabs are of another length is left out, and said.)
//!
//! The tool's blocks have slabs of their own, which are in none of these numbers.

use crate::analysis::Analysis;
use crate::fragmentation::{size_class, MOST_CLASS, NO_CLASSES};
use crate::heap::{NodeId, NONE};
use crate::type_table::RowId;
use heap_snapshot::record::{LiveBlock, SizeClass};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Slabs and pages.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Pages {
    /// Bytes of a page.
    pub page: u64,
    /// Size classes in use, the smallest first.
    pub classes: Vec<ClassPages>,
    /// Types whose blocks pin half-empty slabs, most pinned bytes first. Their
    /// pinned bytes add up to those of the classes.
    pub types: Vec<PinRow>,
    /// Bytes of all pages of the program's slabs and whole-page blocks.
    pub bytes: u64,
    /// Usable bytes of the live blocks in them.
    pub live: u64,
    /// Bytes in them that hold no live block: external fragmentation. What waits
    /// in caches of threads is part of it.
    pub gaps: u64,
    /// Of the gaps: freed blocks that wait in caches of threads; `None` where the allocator does not tell.
    pub cached: Option<u64>,
    /// Of the gaps: whole pages without a byte of a live block.
    pub empty_pages: u64,
    /// Bytes that would come back if live blocks stood side by side in as few slabs as hold them.
    pub could_save: u64,
    /// The snapshot does not hold the allocator's count of slabs: jemalloc's usual
    /// slabs are assumed, and those without a live block are not seen.
    pub is_estimate: bool,
    /// What is not known and why, in sentences.
    pub problems: Vec<String>,
}

/// The slabs of a size class. Numbers of slabs, blocks and places unless it says bytes.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct ClassPages {
    /// Usable bytes of a block; beyond 32 KiB the most that one of its blocks has.
    pub size: u64,
    /// Bytes of a slab; 0 where each block has pages of its own.
    pub slab_size: u64,
    /// Places in a slab; 1 where each block has pages of its own.
    pub slab_blocks: u64,
    /// Slabs by the allocator's count, or those with a live block where it does not tell.
    pub slabs: u64,
    /// Slabs with a live block, by the blocks' addresses.
    pub live_slabs: u64,
    /// Slabs with a live block in at most half of their places.
    pub half_empty: u64,
    /// Slabs with a live block by how full they are: up to a tenth, up to two tenths, …
    pub fill: [u64; 10],
    /// Live blocks.
    pub blocks: u64,
    /// Their usable bytes: `blocks` of `size` each, but less where each has pages of its own.
    pub usable: u64,
    /// Bytes that they asked for.
    pub requested: u64,
    /// Bytes of usable size beyond that.
    pub rounding: u64,
    /// Places that wait in caches of threads; `None` where the allocator does not tell.
    pub cached: Option<u64>,
    /// Free places; with `cached` where that is not known.
    pub free: u64,
    /// Bytes of all pages of the class.
    pub bytes: u64,
    /// Bytes of them without a live block: cached and free places, and what
    /// whole-page blocks get beyond their size.
    pub gaps: u64,
    /// Bytes of empty places in half-empty slabs.
    pub pinned: u64,
    /// Bytes of whole pages without a byte of a live block, in slabs that have one.
    pub empty_pages: u64,
    /// Bytes that would come back if the live blocks stood in as few slabs as hold them.
    pub could_save: u64,
}

/// A type that pins half-empty slabs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PinRow {
    /// Its row in the type table; `None` of unclaimed blocks.
    pub row: Option<RowId>,
    /// Displayed name.
    pub type_name: String,
    /// Its blocks in half-empty slabs.
    pub blocks: u64,
    /// Half-empty slabs with a block of it.
    pub slabs: u64,
    /// Those of them in which no other type has a block: they would go with its blocks.
    pub alone: u64,
    /// Bytes of those: what would come back.
    pub alone_bytes: u64,
    /// Bytes of empty places in its half-empty slabs, shared out by number of blocks.
    pub pinned: u64,
}

/// Where the slab begins in which a block of `size` bytes stands at `addr`, and how
/// long it is; `None` where that does not follow from the address.
pub fn slab_of(addr: u64, size: u64, page: u64) -> Option<(u64, u64)> {
    let len = slab_len(size, page).filter(|len| len / page <= MOST_PAGES)?;
    let first = addr / page * page;
    let start = (0..len / page)
        .filter_map(|back| first.checked_sub(back * page))
        .find(|start| (addr - start).is_multiple_of(size))?;
    (addr - start < len).then_some((start, len))
}

/// The smallest run of whole pages that blocks of `size` fill without a rest.
fn slab_len(size: u64, page: u64) -> Option<u64> {
    let mut gcd = (size, page);
    while gcd.1 > 0 {
        gcd = (gcd.1, gcd.0 % gcd.1);
    }
    size.checked_mul(page.checked_div(gcd.0)?)
}

/// Pages of the longest slabs; jemalloc's have at most seven.
const MOST_PAGES: u64 = 1024;

/// Largest class that shares slabs, where a snapshot does not tell.
const MOST_SMALL: u64 = 14_336;

/// A slab while its blocks pass by.
struct Slab {
    class: usize,
    start: u64,
    end: u64,
    live: u64,
    /// End of the pages that were seen to hold a live byte, and bytes of those that hold none.
    seen: u64,
    empty: u64,
    /// Blocks by type.
    types: Vec<(Option<RowId>, u64)>,
}

impl Slab {
    fn add(&mut self, block: &LiveBlock, row: Option<RowId>, page: u64) {
        self.live += 1;
        let first = block.addr / page * page;
        self.empty += first.saturating_sub(self.seen);
        self.seen = block.addr.saturating_add(block.usable).div_ceil(page).saturating_mul(page);
        match self.types.iter_mut().find(|(other, _)| *other == row) {
            Some((_, blocks)) => *blocks += 1,
            None => self.types.push((row, 1)),
        }
    }
}

#[derive(Default)]
struct Pin {
    blocks: u64,
    slabs: u64,
    alone: u64,
    alone_bytes: u64,
    pinned: u64,
}

impl Analysis {
    /// Slabs and pages. O(blocks).
    pub fn pages(&self) -> Pages {
        let heap = self.heap();
        let figures = heap.allocator.unwrap_or_default();
        let blocks: &[LiveBlock] = if heap.header().tracked { &heap.blocks } else { &[] };
        let mut pages =
            Pages { page: if figures.page > 0 { figures.page } else { 4096 }, ..Pages::default() };
        if !heap.header().tracked || figures.is_unaccounted {
            pages.problems.push(NO_CLASSES.into());
            return pages;
        }
        let page = pages.page;
        let mut classes: BTreeMap<u64, SizeClass> =
            heap.size_classes.iter().map(|class| (class.size, *class)).collect();
        pages.is_estimate = classes.is_empty();
        if pages.is_estimate {
            if blocks.iter().any(|block| !block.is_tool && size_class(block.usable) != block.usable) {
                pages.problems.push("no slabs and pages: the size classes are not those of jemalloc".into());
                return pages;
            }
            pages.problems.push(
                "an estimate: the snapshot does not say how many slabs there are, so those without a live block are missing"
                    .into(),
            );
            for block in blocks.iter().filter(|block| !block.is_tool) {
                classes.entry(block.usable).or_insert_with(|| assumed(block.usable, page));
            }
        }
        let index: HashMap<u64, usize> = classes.keys().enumerate().map(|(at, &size)| (size, at)).collect();
        let mut rows: Vec<ClassPages> = classes.values().map(class_row).collect();
        let mut other = (0_u64, 0_u64);
        let mut pins: HashMap<Option<RowId>, Pin> = HashMap::new();
        let mut open: Option<Slab> = None;
        let (mut last_end, mut overlapping) = (0, 0_u64);
        for (block, &node) in blocks.iter().zip(&heap.block_node) {
            if block.is_tool {
                continue;
            }
            // Whole pages beyond the classes are counted with the next larger class.
            let class = match block.usable {
                MOST_CLASS.. => classes.range(block.usable..).next().map_or(0, |(&size, _)| size),
                usable => usable,
            };
            let Some(&at) = index.get(&class) else {
                other = (other.0 + 1, other.1.saturating_add(block.usable));
                continue;
            };
            let class = &mut rows[at];
            class.blocks += 1;
            class.usable = class.usable.saturating_add(block.usable);
            class.requested = class.requested.saturating_add(block.requested);
            class.rounding = class.rounding.wrapping_add(block.usable.wrapping_sub(block.requested));
            if class.slab_size == 0 {
                continue;
            }
            let slab = slab_of(block.addr, class.size, page).filter(|(_, len)| *len == class.slab_size);
            let Some((start, len)) = slab else { continue };
            // Blocks come by address, and a slab's stand together.
            if open.as_ref().is_none_or(|slab| slab.start != start || slab.class != at) {
                if let Some(done) = open.take() {
                    close(&done, &mut rows[done.class], &mut pins);
                }
                let (end, seen) = (start.saturating_add(len), start);
                overlapping += u64::from(start < last_end);
                last_end = end;
                open = Some(Slab { class: at, start, end, live: 0, seen, empty: 0, types: Vec::new() });
            }
            if let Some(slab) = &mut open {
                let row = (node != NONE).then(|| self.table.row_of(heap, NodeId(node))).flatten();
                slab.add(block, row, page);
            }
        }
        if let Some(done) = open {
            close(&done, &mut rows[done.class], &mut pins);
        }
        if overlapping > 0 && pages.is_estimate {
            pages.problems = vec!["no slabs and pages: blocks do not lie as jemalloc lays them".into()];
            return pages;
        }
        if overlapping > 0 {
            pages.problems.push(format!("{overlapping} slabs changed their class while the checkpoint ran"));
        }
        for (row, class) in rows.iter_mut().zip(classes.values()) {
            finish(row, class, pages.is_estimate, figures.large_pad);
        }
        rows.retain(|row| row.slabs > 0);
        let sum = |of: fn(&ClassPages) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
        pages.bytes = sum(|row| row.bytes);
        pages.live = sum(|row| row.usable);
        pages.gaps = sum(|row| row.gaps);
        pages.empty_pages = sum(|row| row.empty_pages);
        pages.could_save = sum(|row| row.could_save);
        pages.cached = rows
            .iter()
            .map(|row| row.cached.map(|cached| cached.saturating_mul(row.size)))
            .try_fold(0, |all: u64, cached| Some(all.saturating_add(cached?)));
        let odd =
            rows.iter().filter(|row| row.slab_size > 0 && slab_len(row.size, page) != Some(row.slab_size));
        for row in odd {
            pages.problems.push(format!(
                "slabs of {} bytes have an unusual length ({} bytes): which blocks share one is not known",
                row.size, row.slab_size
            ));
        }
        if other.0 > 0 {
            pages.problems.push(format!(
                "{} blocks ({} bytes) are of classes that the allocator does not list: they moved while the checkpoint ran",
                other.0, other.1
            ));
        }
        pages.classes = rows;
        pages.types = pins.into_iter().map(|(row, pin)| self.pin_row(row, &pin)).collect();
        pages.types.sort_by(|a, b| {
            (Reverse(a.pinned), &a.type_name, a.row.map(|row| row.0)).cmp(&(
                Reverse(b.pinned),
                &b.type_name,
                b.row.map(|row| row.0),
            ))
        });
        pages
    }

    fn pin_row(&self, row: Option<RowId>, pin: &Pin) -> PinRow {
        let &Pin { blocks, slabs, alone, alone_bytes, pinned } = pin;
        PinRow { row, type_name: self.waste_name(row), blocks, slabs, alone, alone_bytes, pinned }
    }
}

/// A class as jemalloc has it, of which a snapshot tells nothing.
fn assumed(size: u64, page: u64) -> SizeClass {
    let slab_size = slab_len(size, page).filter(|_| size <= MOST_SMALL).unwrap_or(0);
    SizeClass { size, slab_size, slab_blocks: (slab_size / size.max(1)).max(1), ..SizeClass::default() }
}

fn class_row(class: &SizeClass) -> ClassPages {
    let &SizeClass { size, slab_size, slab_blocks, .. } = class;
    ClassPages { size, slab_size, slab_blocks, ..ClassPages::default() }
}

/// Counts a slab whose blocks have all passed.
fn close(slab: &Slab, class: &mut ClassPages, pins: &mut HashMap<Option<RowId>, Pin>) {
    let places = class.slab_blocks.max(1);
    class.live_slabs += 1;
    class.fill[((slab.live * 10).div_ceil(places).clamp(1, 10) - 1) as usize] += 1;
    class.empty_pages += slab.empty + slab.end.saturating_sub(slab.seen);
    if slab.live * 2 > places {
        return;
    }
    class.half_empty += 1;
    let unused = (places - slab.live).saturating_mul(class.size);
    class.pinned = class.pinned.saturating_add(unused);
    let share = unused / slab.live;
    let mut rest = unused - share * slab.live;
    for &(row, blocks) in &slab.types {
        let pin = pins.entry(row).or_default();
        pin.blocks += blocks;
        pin.slabs += 1;
        pin.pinned = pin.pinned.saturating_add(share * blocks + rest);
        rest = 0;
        if slab.types.len() == 1 {
            pin.alone += 1;
            pin.alone_bytes += slab.end - slab.start;
        }
    }
}

/// What follows when all blocks have passed.
fn finish(row: &mut ClassPages, class: &SizeClass, is_estimate: bool, large_pad: u64) {
    let pages_of = match row.slab_size {
        0 => row.size.saturating_add(large_pad),
        slab_size => slab_size,
    };
    row.slabs = match (is_estimate, row.slab_size) {
        (false, _) => class.slabs,
        (true, 0) => row.blocks,
        (true, _) => row.live_slabs,
    };
    row.cached = (!is_estimate).then(|| class.blocks.saturating_sub(row.blocks));
    let places = row.slabs.saturating_mul(row.slab_blocks);
    row.free = places.saturating_sub(row.blocks.saturating_add(row.cached.unwrap_or(0)));
    let shorter = row.blocks.saturating_mul(row.size).saturating_sub(row.usable);
    row.bytes = row.slabs.saturating_mul(pages_of).saturating_sub(shorter);
    row.gaps = row.bytes.saturating_sub(row.usable);
    let needed = row.blocks.div_ceil(row.slab_blocks.max(1));
    row.could_save = row.slabs.saturating_sub(needed).saturating_mul(pages_of);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_is_found_from_any_of_its_blocks() {
        for size in (8..=14_336).filter(|&size| size_class(size) == size) {
            let len = slab_len(size, 4096).expect("small");
            assert_eq!((len % size, len % 4096), (0, 0));
            assert!(len <= 8 * 14_336, "{size}: {len}");
            for start in [0x7f00_0000_0000, 0x7f00_0000_3000, 0x1000] {
                for at in 0..len / size {
                    assert_eq!(slab_of(start + at * size, size, 4096), Some((start, len)), "{size} {at}");
                }
            }
        }
        assert_eq!(slab_of(17, 48, 4096), None, "no place of a slab");
        assert_eq!(slab_of(100, 0, 4096), None);
        assert_eq!(slab_of(100, u64::MAX, 4096), None);
    }
}
