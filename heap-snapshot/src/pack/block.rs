//! Live blocks.
//!
//! Blocks of a size class stand one after the other, so a record says only what
//! differs from the block before:
//!
//! ```text
//! head      bits 0..3 log2 of the alignment | 3: another epoch | 4..6 width of gap
//!           (0, 1, 2, 4) | 6..8 bytes of rounding (0, 1, 2)
//! epoch     one byte, where bit 3 is set
//! gap       an eighth of the distance from the end of the block before
//! rounding  usable − requested
//! ```
//!
//! The usable size is that of the block before. Where it is not, and for what
//! does not fit: 255, then the zigzag distance from the end of the block before,
//! usable, requested, alignment, epoch and whether it is the tool's, as plain integers.

use super::{coded_width, unzigzag, width, width_code, zigzag, Buffer, Bytes};
use crate::record::LiveBlock;

const PLAIN: u8 = 0xff;
const NEW_EPOCH: u64 = 1 << 3;

/// What the next block is measured from.
#[derive(Clone, Copy, Default, Debug)]
struct Before {
    end: u64,
    usable: u64,
    epoch: u32,
}

/// Writes blocks.
#[derive(Default, Debug)]
pub(crate) struct BlockPacker {
    buffer: Buffer,
    before: Before,
}

impl BlockPacker {
    #[inline(always)]
    pub(crate) fn put(&mut self, block: &LiveBlock) {
        let before = self.before;
        let end = block.addr.wrapping_add(block.usable);
        self.before = Before { end, usable: block.usable, epoch: block.epoch };
        let distance = block.addr.wrapping_sub(before.end);
        let gap = distance >> 3;
        let rounding = block.usable.wrapping_sub(block.requested);
        let is_plain = block.usable != before.usable
            || rounding >= 1 << 16
            || gap >= 1 << 32
            || distance & 7 != 0
            || block.align_log2 >= 8
            || block.epoch >= 0x100
            || block.is_tool;
        if is_plain {
            return self.put_plain(block, distance);
        }
        let is_new_epoch = usize::from(block.epoch != before.epoch);
        let gap_code = width_code(gap);
        let rounding_width = width(rounding);
        let head = u64::from(block.align_log2)
            | (is_new_epoch as u64) << 3
            | (gap_code as u64) << 4
            | (rounding_width as u64) << 6;
        let mut window = self.buffer.window();
        window.put(head | u64::from(block.epoch) << 8, 1 + is_new_epoch);
        window.put(gap, coded_width(gap_code));
        window.put(rounding, rounding_width);
        let taken = window.at;
        self.buffer.advance(taken);
    }

    #[cold]
    #[inline(never)]
    fn put_plain(&mut self, block: &LiveBlock, distance: u64) {
        let values = [
            zigzag(distance as i64),
            block.usable,
            block.requested,
            u64::from(block.align_log2),
            u64::from(block.epoch),
            u64::from(block.is_tool),
        ];
        self.buffer.push(PLAIN, &values);
    }

    /// Bytes of the frame.
    #[inline]
    pub(crate) fn byte_size(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the records and begins anew.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.before = Before::default();
        self.buffer.take()
    }

    /// Gives the memory of the records back.
    pub(crate) fn reuse(&mut self, records: Vec<u8>) {
        self.buffer.reuse(records);
    }
}

/// Reads blocks.
pub(crate) struct BlockReader<'a> {
    bytes: Bytes<'a>,
    before: Before,
}

impl<'a> BlockReader<'a> {
    pub(crate) fn new(records: &'a [u8]) -> BlockReader<'a> {
        BlockReader { bytes: Bytes(records), before: Before::default() }
    }

    /// The next block; `None` where the bytes make no sense.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<LiveBlock> {
        let head = self.bytes.get(1)?;
        let Before { end, usable, epoch } = self.before;
        let block = if head == u64::from(PLAIN) {
            let mut values = [0; 6];
            for value in &mut values {
                *value = self.bytes.plain()?;
            }
            let [distance, usable, requested, align, epoch, is_tool] = values;
            LiveBlock {
                addr: end.wrapping_add(unzigzag(distance) as u64),
                requested,
                usable,
                align_log2: u8::try_from(align).ok()?,
                epoch: u32::try_from(epoch).ok()?,
                is_tool: is_tool != 0,
            }
        } else {
            let epoch = if head & NEW_EPOCH != 0 { self.bytes.get(1)? as u32 } else { epoch };
            let gap = self.bytes.get(coded_width(head as usize >> 4 & 3))?;
            let rounding = self.bytes.get((head >> 6) as usize)?;
            LiveBlock {
                addr: end.wrapping_add(gap << 3),
                requested: usable.wrapping_sub(rounding),
                usable,
                align_log2: (head & 7) as u8,
                epoch,
                is_tool: false,
            }
        };
        let end = block.addr.wrapping_add(block.usable);
        self.before = Before { end, usable: block.usable, epoch: block.epoch };
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        let mut blocks = Vec::new();
        let mut addr = 0x7f00_0000_0000;
        for n in 0..50_000u64 {
            let usable = [8, 8, 8, 48, 14_336, 1 << 20, 1 << 33][(n / 100 % 7) as usize];
            addr += match n % 10 {
                0 => 8,
                1 => 4096 * (n % 1000),
                2 if n % 1000 == 2 => 40 << 32,
                _ => 0,
            };
            blocks.push(LiveBlock {
                addr,
                requested: usable - (n % 7 * n).min(usable - 1),
                usable,
                align_log2: (n % 9) as u8,
                epoch: if n % 50 < 3 { n as u32 } else { (n / 1000) as u32 },
                is_tool: n % 97 == 0,
            });
            addr += usable;
        }
        // Not in order, not aligned, not possible.
        blocks.push(LiveBlock { addr: 3, requested: 9, usable: 1 << 33, ..blocks[0] });
        blocks.push(LiveBlock { addr: u64::MAX, requested: u64::MAX, usable: 0, ..blocks[0] });
        let mut packer = BlockPacker::default();
        blocks.iter().for_each(|block| packer.put(block));
        let records = packer.take();
        let mut reader = BlockReader::new(&records);
        for block in &blocks {
            assert_eq!(reader.next(), Some(*block));
        }
        assert_eq!(reader.next(), None);
    }
}
