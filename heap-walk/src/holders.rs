//! The search for who holds what nobody claims: every word of the process's blocks,
//! static memory, stacks and other anonymous memory that is an address in an
//! unclaimed block is written down, with the place where it stands.
//!
//! It reads all blocks once, through the kernel, as raw scans do: what changes
//! meanwhile gives a wrong or a missing pointer, nothing worse. It is conservative:
//! a number may look like an address, and a word may be left over from before. It
//! costs half a walk, so it is done only where much is unclaimed or little is to be
//! read; `HEAP_WALK_HOLDERS=on` wants it wherever anything is, `off` never. The footer
//! says why it was not done.
//! Pages that are not in memory are not read where they can be many: in large blocks
//! and outside the heap.

use crate::images;
use crate::marks::Marks;
use crate::process::{Mapping, Mappings, Owner};
use crate::raw::Reader;
use heap_snapshot::frame::FrameKind;
use heap_snapshot::live::LiveBlocks;
use heap_snapshot::record::{LiveBlock, NotSearched, Pointer, PointerScan, Region, RegionKind};
use heap_snapshot::write::Writer;
use std::io::Write;
use std::time::Instant;

/// Blocks from this size on are read only where they are in memory.
const LARGE: u64 = 1 << 20;
/// Pieces into which the addresses of unclaimed blocks are divided, at most.
const PIECES: u64 = 1 << 20;
/// Regions that are named.
const REGIONS: usize = 4096;

/// Much is unclaimed where it is more than this part of the live bytes.
const MUCH: u64 = 1000;
/// Little is to be read where the live bytes are no more: milliseconds.
const LITTLE: u64 = 8 << 20;

/// When it is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Never,
    WhereItPays,
    Always,
}

impl When {
    /// By `HEAP_WALK_HOLDERS`; a problem where that cannot be understood.
    pub(crate) fn read(problems: &mut Vec<String>) -> When {
        match std::env::var("HEAP_WALK_HOLDERS").as_deref() {
            Err(_) | Ok("") => When::WhereItPays,
            Ok("on") => When::Always,
            Ok("off") => When::Never,
            Ok(other) => {
                problems.push(format!(
                    "HEAP_WALK_HOLDERS={other}: `on` or `off` is expected; it is as if it were not set"
                ));
                When::WhereItPays
            }
        }
    }
}

/// Blocks without a claim, while they are collected and when they are looked for.
pub(crate) struct Unclaimed {
    marks: Marks,
    epoch: u32,
    /// Address and end, ascending.
    blocks: Vec<(u64, u64)>,
    /// Their usable bytes, and those of all blocks of the program.
    bytes: u64,
    live: u64,
    /// By piece: the first block that ends in it or later.
    first: Vec<u32>,
    shift: u32,
}

impl Unclaimed {
    /// `marks` are on what the walk claimed, `epoch` is the checkpoint's.
    pub(crate) fn new(marks: Marks, epoch: u32) -> Unclaimed {
        Unclaimed { marks, epoch, blocks: Vec::new(), bytes: 0, live: 0, first: Vec::new(), shift: 0 }
    }

    /// Looks at a block of the program. Blocks come by ascending address.
    #[inline]
    pub(crate) fn block(&mut self, block: &LiveBlock) {
        self.live += block.usable;
        if block.epoch < self.epoch && !self.marks.any(block.addr, block.addr + block.usable) {
            self.bytes += block.usable;
            self.blocks.push((block.addr, block.addr + block.usable));
        }
    }

    fn lowest(&self) -> u64 {
        self.blocks.first().map_or(0, |&(from, _)| from)
    }

    fn highest(&self) -> u64 {
        self.blocks.last().map_or(0, |&(_, to)| to)
    }

    fn index(&mut self) {
        let span = self.highest() - self.lowest();
        while span >> self.shift >= PIECES {
            self.shift += 1;
        }
        let mut at = 0;
        for piece in 0..=span >> self.shift {
            let from = self.lowest() + (piece << self.shift);
            while self.blocks.get(at).is_some_and(|&(_, to)| to <= from) {
                at += 1;
            }
            self.first.push(at as u32);
        }
    }

    /// Whether an address lies in an unclaimed block.
    #[inline]
    fn holds(&self, word: u64) -> bool {
        if word < self.lowest() || word >= self.highest() {
            return false;
        }
        let first = self.first[((word - self.lowest()) >> self.shift) as usize] as usize;
        let mut near = self.blocks[first..].iter().take_while(|&&(from, _)| from <= word);
        near.any(|&(_, to)| word < to)
    }
}

/// Writes the pointers into unclaimed blocks, and how it went. `callers` are addresses
/// of which some may stand in the frame of the checkpoint's caller. Where it did not
/// search, why.
pub(crate) fn search(
    mut unclaimed: Unclaimed,
    when: When,
    live: &dyn LiveBlocks,
    mappings: &mut Mappings,
    callers: &[u64],
    writer: &mut Writer<impl Write>,
) -> Result<PointerScan, NotSearched> {
    if unclaimed.blocks.is_empty() {
        return Err(NotSearched::NOTHING);
    }
    if when == When::WhereItPays && unclaimed.live > LITTLE && unclaimed.bytes <= unclaimed.live / MUCH {
        return Err(NotSearched::LITTLE);
    }
    let begun = Instant::now();
    let mut reader = Reader::open().ok_or(NotSearched::UNREADABLE)?;
    unclaimed.index();
    let mut note = |place, word| {
        let is_pointer = unclaimed.holds(word);
        if is_pointer {
            writer.pointer(Pointer { place, target: word });
        }
        is_pointer
    };
    // The list of what is looked for may lie where nothing did when the blocks were listed: that
    // memory is the allocator's too, and holds the address of each.
    mappings.again();
    live.for_each(&mut |block| {
        mappings.block(block.addr);
        if block.is_tool {
            return;
        }
        let (from, to) = (block.addr, block.addr + block.requested);
        let visit = |place, word| {
            note(place, word);
        };
        match block.requested < LARGE {
            true => reader.words(from, to, visit),
            false => reader.words_in_memory(from, to, visit),
        }
    });
    let (mut regions, mut statics) = (Vec::new(), Vec::new());
    let here = &raw const regions as usize as u64;
    for (region, in_file) in outside(mappings.list()) {
        let mut is_met = false;
        let is_in = |addr: &u64| (region.from..region.to).contains(addr);
        // Below the caller's frame stands what the walk itself left.
        let frame =
            Some(here).filter(is_in).map(|here| callers.iter().copied().filter(is_in).min().unwrap_or(here));
        let from = frame.unwrap_or(region.from);
        reader.words_in_memory(from, region.to, |place, word| is_met |= note(place, word));
        if is_met && regions.len() < REGIONS {
            statics.extend(Some(in_file).filter(|_| RegionKind(region.kind) == RegionKind::STATIC));
            regions.push(region);
        }
    }
    // Their files name the variables.
    if !statics.is_empty() {
        writer.list(FrameKind::IMAGES, &images::of(&statics));
    }
    Ok(PointerScan {
        bytes: reader.bytes(),
        ns: u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
        unclaimed: unclaimed.blocks.len() as u64,
        regions,
    })
}

/// Memory outside the heap that the program writes to; of static memory also an address in its file.
fn outside(mappings: &[Mapping]) -> impl Iterator<Item = (Region, u64)> + '_ {
    let mut image = (0, "");
    mappings.iter().filter_map(move |mapping| {
        let is_private = mapping.is_writable && !mapping.is_shared;
        let is_file = mapping.owner == Owner::File;
        // What is zero when the program begins stands right after what is not.
        let is_rest = mapping.owner == Owner::Anonymous && mapping.name.is_empty() && mapping.from == image.0;
        if is_file && mapping.name.starts_with('/') {
            image = (mapping.to, mapping.name.rsplit('/').next().unwrap_or_default());
        }
        let (kind, name) = match mapping.owner {
            _ if !is_private => return None,
            Owner::File => (RegionKind::STATIC, image.1),
            Owner::Anonymous if is_rest => (RegionKind::STATIC, image.1),
            Owner::Anonymous => (RegionKind::ANONYMOUS, ""),
            Owner::Stack => (RegionKind::STACK, ""),
            Owner::Allocator | Owner::Table => return None,
        };
        let region = Region { from: mapping.from, to: mapping.to, kind: kind.0, name: name.to_owned() };
        Some((region, image.0.saturating_sub(1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_its_block_and_nowhere_else() {
        let mut unclaimed = Unclaimed::new(Marks::new(), 1);
        let blocks =
            [(0x1000, 8), (0x1008, 8), (0x1020, 0x30), (0x9000_0000, 0x200_0000), (0x7f00_0000_0000, 64)];
        for (addr, usable) in blocks {
            let block =
                LiveBlock { addr, requested: usable, usable, align_log2: 3, epoch: 0, is_tool: false };
            unclaimed.block(&block);
            unclaimed.block(&LiveBlock { epoch: 1, ..block });
        }
        assert_eq!(unclaimed.blocks.len(), blocks.len());
        unclaimed.index();
        assert!(unclaimed.first.len() as u64 <= PIECES + 1);
        for (addr, usable) in blocks {
            for at in [addr, addr + usable / 2, addr + usable - 1] {
                assert!(unclaimed.holds(at), "{at:#x}");
            }
        }
        for at in
            [0, 0xfff, 0x1010, 0x101f, 0x1050, 0x8fff_ffff, 0x9200_0000, 0x7eff_ffff_ffff, 0x7f00_0000_0040]
        {
            assert!(!unclaimed.holds(at), "{at:#x}");
        }
        assert!(!unclaimed.holds(u64::MAX));
    }
}
