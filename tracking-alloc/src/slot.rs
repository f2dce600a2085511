//! What one slot of the shadow map says.
//!
//! A slot is 32 bits for 16 bytes of address space (a *granule*). Blocks begin at
//! multiples of 16, but for those of jemalloc's 8-byte class, of which two share a
//! granule: the second one's slot lies elsewhere (see [`crate::table`]).
//!
//! ```text
//! 0 a plain block | 1 any other, or one with a sample | 2 tool | 3..11 epoch | 11..16 align, of others its log2 | 16..32 requested size
//! rest: bits 0 and 1 = 0, the others payload, for the two slots that follow one whose
//!       size is `ESCAPE`: size (48 bits) and log2 align (6 bits)
//! ```
//!
//! All-zero is an empty slot, so fresh memory of the operating system is an
//! empty map.

/// Bytes of address space per slot.
pub(crate) const GRANULE: usize = 16;

const PLAIN: u32 = 1;
const OTHER: u32 = 1 << 1;
/// Of a plain block: its stack was noted, as that of a part of the blocks is.
const SAMPLE: u32 = OTHER;
/// A slot with any of these bits begins a block.
pub(crate) const START: u32 = PLAIN | OTHER;
const TOOL: u32 = 1 << 2;
const EPOCH_SHIFT: u32 = 3;
const ALIGN_SHIFT: u32 = 11;
const SIZE_SHIFT: u32 = 16;
const ESCAPE: u32 = (1 << (32 - SIZE_SHIFT)) - 1;

/// The largest birth epoch that a slot can hold.
pub(crate) const MAX_EPOCH: u32 = 255;

/// Largest size of a block that may stand in the middle of a granule: jemalloc's 8-byte class.
pub(crate) const TINY: usize = 8;

/// Largest block, in usable bytes, that is found by scanning back alone:
/// jemalloc's largest small class.
pub(crate) const LARGE: usize = 14_336;

/// Has the compiler test it with a branch of its own, and the other case out of the way.
#[inline(always)]
pub(crate) fn likely(is_so: bool) -> bool {
    if !is_so {
        unlikely();
    }
    is_so
}

#[cold]
#[inline]
fn unlikely() {}

/// Blocks that the hot path takes, if they are the program's: one slot says all of
/// them, nothing else is written, and jemalloc needs no flag for them.
#[inline(always)]
pub(crate) fn is_plain(size: usize, align: usize) -> bool {
    // At most `LARGE`, and no less than the alignment.
    likely(size.wrapping_sub(align) <= LARGE - 16) && likely(align <= 16)
}

/// What is known of a block without asking the allocator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) size: usize,
    pub(crate) align_log2: u8,
    pub(crate) epoch: u32,
    pub(crate) is_tool: bool,
}

impl Record {
    pub(crate) fn align(self) -> usize {
        1 << self.align_log2
    }
}

/// The part of a plain block's slot that blocks born in an epoch have in common.
pub(crate) const fn stamp(epoch: u32) -> u32 {
    PLAIN | epoch << EPOCH_SHIFT
}

/// All that a stamp may set.
pub(crate) const STAMP: u32 = (1 << ALIGN_SHIFT) - 1;
/// From a stamp to that of the next epoch.
pub(crate) const NEXT_EPOCH: u32 = 1 << EPOCH_SHIFT;

/// The birth epoch in a slot or a stamp.
pub(crate) fn epoch(slot: u32) -> u32 {
    slot >> EPOCH_SHIFT & MAX_EPOCH
}

/// The slot of a plain block.
#[inline(always)]
pub(crate) fn plain(size: usize, align: usize, stamp: u32) -> u32 {
    stamp | (align as u32) << ALIGN_SHIFT | (size as u32) << SIZE_SHIFT
}

/// Log2 of the alignment, where the size is not [`ESCAPE`].
fn align_log2(slot: u32) -> u32 {
    let align = slot >> ALIGN_SHIFT & 31;
    if begins_plain(slot) {
        align.trailing_zeros()
    } else {
        align
    }
}

/// The slot of the same block with another size, of which it is plain too.
#[cfg(feature = "jemalloc")]
#[inline(always)]
pub(crate) fn resized(slot: u32, size: usize) -> u32 {
    slot & ((1 << SIZE_SHIFT) - 1) | (size as u32) << SIZE_SHIFT
}

/// Whether a slot begins a plain block: all that the hot path of a free asks.
#[inline(always)]
pub(crate) fn begins_plain(slot: u32) -> bool {
    slot & PLAIN != 0
}

/// The slot of a plain block with a sample in it.
pub(crate) fn with_sample(slot: u32) -> u32 {
    slot | SAMPLE
}

/// Whether a plain block has a sample in it.
#[inline(always)]
pub(crate) fn has_sample(slot: u32) -> bool {
    slot & SAMPLE != 0
}

/// The requested size of a plain block.
#[inline(always)]
pub(crate) fn plain_size(slot: u32) -> Option<usize> {
    begins_plain(slot).then_some((slot >> SIZE_SHIFT) as usize)
}

/// The requested size and log2 of the alignment of a program's block, if its slot alone says them.
#[inline(always)]
pub(crate) fn whole(slot: u32) -> Option<(usize, u32)> {
    let size = slot >> SIZE_SHIFT;
    let is_whole = slot & START != 0 && slot & TOOL == 0 && size != ESCAPE;
    is_whole.then(|| (size as usize, align_log2(slot)))
}

/// The slot of any block, and the two that follow it where one is not enough.
pub(crate) fn encode(record: Record) -> (u32, Option<[u32; 2]>) {
    if !record.is_tool && is_plain(record.size, record.align()) {
        return (plain(record.size, record.align(), stamp(record.epoch)), None);
    }
    let tool = if record.is_tool { TOOL } else { 0 };
    let fits = record.size < ESCAPE as usize && record.align_log2 < 32;
    let (size, align) = if fits { (record.size as u32, u32::from(record.align_log2)) } else { (ESCAPE, 0) };
    let slot = OTHER | tool | record.epoch << EPOCH_SHIFT | align << ALIGN_SHIFT | size << SIZE_SHIFT;
    let rest = (!fits).then(|| {
        let bits = record.size as u64 & ((1 << 48) - 1) | u64::from(record.align_log2) << 48;
        [(bits as u32 & REST_MASK) << 2, ((bits >> 28) as u32 & REST_MASK) << 2]
    });
    (slot, rest)
}

const REST_MASK: u32 = (1 << 28) - 1;

/// Decodes a slot; `rest` reads the slots that follow.
pub(crate) fn decode(slot: u32, rest: impl Fn(usize) -> u32) -> Option<Record> {
    if slot & START == 0 {
        return None;
    }
    let mut size = (slot >> SIZE_SHIFT) as usize;
    let mut align_log2 = align_log2(slot) as u8;
    if size == ESCAPE as usize {
        let bits = u64::from(rest(1) >> 2) | u64::from(rest(2) >> 2) << 28;
        size = (bits & ((1 << 48) - 1)) as usize;
        align_log2 = (bits >> 48) as u8 & 63;
    }
    Some(Record { size, align_log2, epoch: epoch(slot), is_tool: slot & TOOL != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        for size in [
            0,
            1,
            8,
            9,
            16,
            14_321,
            14_336,
            14_337,
            ESCAPE as usize - 1,
            ESCAPE as usize,
            1 << 30,
            10 << 30,
            (1 << 48) - 1,
        ] {
            for align_log2 in [0, 3, 4, 12, 16, 21, 31, 32, 40] {
                for epoch in [0, 1, MAX_EPOCH] {
                    for is_tool in [false, true] {
                        let record = Record { size, align_log2, epoch, is_tool };
                        let (slot, rest) = encode(record);
                        assert_ne!(slot & START, 0);
                        for rest in rest.iter().flatten() {
                            assert_eq!(rest & START, 0, "a rest begins no block");
                        }
                        let is_plain = !is_tool && is_plain(size, 1 << align_log2);
                        assert_eq!(begins_plain(slot), is_plain);
                        assert_eq!(plain_size(slot), is_plain.then_some(size));
                        let read = decode(slot, |at| rest.expect("escaped")[at - 1]);
                        assert_eq!(read, Some(record));
                        let whole_size = (!is_tool && rest.is_none()).then_some((size, align_log2.into()));
                        assert_eq!(whole(slot), whole_size);
                    }
                }
            }
        }
        assert_eq!(decode(0, |_| 0), None);
        assert_eq!(whole(0), None);
    }

    #[test]
    #[cfg(feature = "jemalloc")]
    fn a_resized_block_keeps_the_rest() {
        for (old, new) in [(16, 14_336), (14_336, 16), (100, 100)] {
            for align in [1, 8, 16] {
                assert_eq!(resized(plain(old, align, stamp(7)), new), plain(new, align, stamp(7)));
                let sample = with_sample(plain(old, align, stamp(7)));
                assert!(has_sample(sample) && begins_plain(sample));
                assert_eq!(decode(sample, |_| 0), decode(plain(old, align, stamp(7)), |_| 0));
            }
        }
    }
}
