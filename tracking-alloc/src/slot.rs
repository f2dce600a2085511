//! What one slot of the shadow map says.
//!
//! A slot is 32 bits for 16 bytes of address space (a *granule*). Blocks of
//! jemalloc begin at multiples of 16, but for those of its 8-byte class, of
//! which two share a granule.
//!
//! ```text
//! wide   bit 0 = 1 | 1 tool | 2..10 epoch | 10..14 log2 align | 14..32 requested size
//! tiny   bit 0 = 0, per half of 16 bits (the low one for the lower 8 bytes):
//!                  | 1 live | 2..6 requested size 0..=8 | 6..8 log2 align | 8..16 epoch
//! rest   bits 0, 1 and 17 = 0: 28 bits of payload, for the two slots that follow a wide
//!        one whose size is `ESCAPE`: size (48 bits) and log2 align (6 bits)
//! ```
//!
//! All-zero is an empty slot, so fresh memory of the operating system is an
//! empty map.

/// Bytes of address space per slot.
pub(crate) const GRANULE: usize = 16;

const WIDE: u32 = 1;
const TOOL: u32 = 1 << 1;
const TINY_LIVE: [u32; 2] = [1 << 1, 1 << 17];
/// A slot with any of these bits begins a block.
pub(crate) const START: u32 = WIDE | TINY_LIVE[0] | TINY_LIVE[1];

const SIZE_SHIFT: u32 = 14;
const ESCAPE: u32 = (1 << (32 - SIZE_SHIFT)) - 1;
const ALIGN_SHIFT: u32 = 10;
const EPOCH_SHIFT: u32 = 2;

/// The largest birth epoch that a slot can hold.
pub(crate) const MAX_EPOCH: u32 = 255;

/// Largest size of a block that is tiny (if its alignment is no larger): jemalloc's 8-byte class.
pub(crate) const TINY: usize = 8;

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

    pub(crate) fn is_tiny(self) -> bool {
        self.size <= TINY && self.align() <= TINY && !self.is_tool
    }
}

/// The slot of a block of 9..=14336 bytes that the program allocated: the hot path.
#[inline(always)]
pub(crate) fn wide(size: usize, align: usize, epoch: u32) -> u32 {
    WIDE | epoch << EPOCH_SHIFT | align.trailing_zeros() << ALIGN_SHIFT | (size as u32) << SIZE_SHIFT
}

/// The slot of the same block with another size of 9..=14336 bytes: the hot path.
#[inline(always)]
pub(crate) fn resized(slot: u32, size: usize) -> u32 {
    slot & ((1 << SIZE_SHIFT) - 1) | (size as u32) << SIZE_SHIFT
}

/// Whether a slot holds a wide block of the program: the hot path of a free.
#[inline(always)]
pub(crate) fn is_program_wide(slot: u32) -> bool {
    slot & (WIDE | TOOL) == WIDE
}

/// The requested size and log2 of the alignment of a program's block, if the slot of the address
/// alone says them: of a block that begins in the address's granule, or half of one.
#[inline(always)]
pub(crate) fn whole(slot: u32, addr: usize) -> Option<(usize, u32)> {
    let size = slot >> SIZE_SHIFT;
    if is_program_wide(slot) && size != ESCAPE {
        return Some((size as usize, slot >> ALIGN_SHIFT & 15));
    }
    let half = addr >> 3 & 1;
    let tiny = slot >> (16 * half);
    is_tiny(slot, half).then_some((tiny as usize >> 2 & 15, tiny >> 6 & 3))
}

/// The slot of any block that is not tiny, and the two that follow it where one is not enough.
pub(crate) fn encode(record: Record) -> (u32, Option<[u32; 2]>) {
    let tool = if record.is_tool { TOOL } else { 0 };
    let fits = record.size < ESCAPE as usize && record.align_log2 < 16;
    let (size, align) = if fits { (record.size as u32, u32::from(record.align_log2)) } else { (ESCAPE, 0) };
    let slot = WIDE | tool | record.epoch << EPOCH_SHIFT | align << ALIGN_SHIFT | size << SIZE_SHIFT;
    let rest = (!fits).then(|| {
        let bits = record.size as u64 & ((1 << 48) - 1) | u64::from(record.align_log2) << 48;
        [rest(bits as u32 & REST_MASK), rest((bits >> 28) as u32 & REST_MASK)]
    });
    (slot, rest)
}

const REST_MASK: u32 = (1 << 28) - 1;

/// Spreads 28 bits over those that begin no block.
fn rest(bits: u32) -> u32 {
    (bits & 0x3fff) << 2 | (bits >> 14) << 18
}

fn unrest(slot: u32) -> u32 {
    (slot >> 2) & 0x3fff | (slot >> 18) << 14
}

/// Decodes a wide slot; `rest` reads the slots that follow.
pub(crate) fn decode_wide(slot: u32, rest: impl Fn(usize) -> u32) -> Option<Record> {
    if slot & WIDE == 0 {
        return None;
    }
    let mut size = (slot >> SIZE_SHIFT) as usize;
    let mut align_log2 = (slot >> ALIGN_SHIFT & 15) as u8;
    if size == ESCAPE as usize {
        let bits = u64::from(unrest(rest(1))) | u64::from(unrest(rest(2))) << 28;
        size = (bits & ((1 << 48) - 1)) as usize;
        align_log2 = (bits >> 48) as u8 & 63;
    }
    Some(Record { size, align_log2, epoch: slot >> EPOCH_SHIFT & MAX_EPOCH, is_tool: slot & TOOL != 0 })
}

/// The bits of a tiny block in half `half` of its slot.
pub(crate) fn encode_tiny(record: Record, half: usize) -> u32 {
    let bits = 2 | (record.size as u32) << 2 | u32::from(record.align_log2) << 6 | record.epoch << 8;
    bits << (16 * half)
}

/// The bits of the slot that belong to half `half`.
pub(crate) fn tiny_mask(half: usize) -> u32 {
    0xffff << (16 * half)
}

/// Whether half `half` of a slot holds a tiny block.
#[inline(always)]
pub(crate) fn is_tiny(slot: u32, half: usize) -> bool {
    slot & (WIDE | TINY_LIVE[half]) == TINY_LIVE[half]
}

/// Decodes half `half` of a slot.
pub(crate) fn decode_tiny(slot: u32, half: usize) -> Option<Record> {
    if slot & WIDE != 0 || slot & TINY_LIVE[half] == 0 {
        return None;
    }
    let bits = slot >> (16 * half);
    Some(Record {
        size: (bits >> 2 & 15) as usize,
        align_log2: (bits >> 6 & 3) as u8,
        epoch: bits >> 8 & MAX_EPOCH,
        is_tool: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_records_come_back() {
        for size in
            [0, 1, 9, 16, 14_336, ESCAPE as usize - 1, ESCAPE as usize, 1 << 30, 10 << 30, (1 << 48) - 1]
        {
            for align_log2 in [0, 3, 4, 12, 15, 16, 21, 40] {
                for epoch in [0, 1, MAX_EPOCH] {
                    for is_tool in [false, true] {
                        let record = Record { size, align_log2, epoch, is_tool };
                        let (slot, rest) = encode(record);
                        assert_ne!(slot & START, 0);
                        for rest in rest.iter().flatten() {
                            assert_eq!(rest & START, 0, "a rest begins no block");
                        }
                        assert_eq!(is_program_wide(slot), !is_tool);
                        let read = decode_wide(slot, |at| rest.expect("escaped")[at - 1]);
                        assert_eq!(read, Some(record));
                    }
                }
            }
        }
    }

    #[test]
    fn the_hot_form_is_the_general_form() {
        for size in [9, 10, 4096, 14_336] {
            for align_log2 in 0..5 {
                let record = Record { size, align_log2, epoch: 7, is_tool: false };
                assert_eq!(wide(size, 1 << align_log2, 7), encode(record).0);
                assert_eq!(resized(wide(100, 1 << align_log2, 7), size), encode(record).0);
            }
        }
    }

    #[test]
    fn two_tiny_blocks_share_a_slot() {
        for low in 0..=8 {
            for high in 0..=8 {
                let record = |size, align_log2, epoch| Record { size, align_log2, epoch, is_tool: false };
                let (low, high) = (record(low, 3, MAX_EPOCH), record(high, 0, 1));
                let slot = encode_tiny(low, 0) | encode_tiny(high, 1);
                assert_eq!(decode_tiny(slot, 0), Some(low));
                assert_eq!(decode_tiny(slot, 1), Some(high));
                assert_eq!(decode_tiny(slot & !tiny_mask(0), 0), None);
                assert_eq!(decode_tiny(slot & !tiny_mask(0), 1), Some(high));
                assert_eq!(decode_wide(slot, |_| 0), None);
            }
        }
    }
}
