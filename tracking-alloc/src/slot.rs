//! What the slots of the shadow map say.
//!
//! There is a slot of 16 bits for 16 bytes of address space (a *granule*). A block's
//! first slot is its *head*; what does not fit in there follows in those of its next
//! granules. Blocks begin at multiples of 16, but for those of jemalloc's 8-byte class,
//! of which two share a granule: the second one's head lies elsewhere (see [`crate::table`]).
//!
//! ```text
//! short  bits 0, 1 = 1, 0 | 2..10 epoch | 10..12 log2 align | 12..16 size - 1
//! long   bits 0, 1 = 1, 1 | 2..10 epoch | 10..15 align, and a slot with the size
//! other  bits 0, 1 = 0, 1 | 2..10 epoch | 10..13 log2 align | 13 tool, and a slot with the size
//!                                       | 10..14 size - 1   | 14 single: its align is 16
//!                                       | 10..15 which size and align | 15 a short one with a sample
//! rest   bits 0, 1 = 0, 0 | 2..16 payload: the size, or `ESCAPE`; then four more follow,
//!                           with size (48 bits) and log2 align (6 bits)
//! ```
//!
//! A block with a sample is among the others, whatever it would be else, so that freeing
//! it leads away from the hot path.
//!
//! All-zero is no head, so fresh memory of the operating system is an empty map.

/// Bytes of address space per slot.
pub(crate) const GRANULE: usize = 16;

const PLAIN: u32 = 1;
/// Of a plain block: it is long; of others: there is one.
const LONG: u32 = 1 << 1;
/// A slot with any of these bits is a head.
pub(crate) const START: u16 = (PLAIN | LONG) as u16;
const EPOCH_SHIFT: u32 = 2;
const ALIGN_SHIFT: u32 = 10;
const SIZE_SHIFT: u32 = 12;
const TOOL: u32 = 1 << 13;
const SINGLE: u32 = 1 << 14;
const SAMPLE: u32 = 1 << 15;
/// The largest alignment, as log2, for which an other one's head has room.
const MAX_ALIGN_LOG2: u8 = 7;
/// Where the slot after the head begins, of two in one number.
const NEXT: u32 = 16;
/// Where a slot that is no head has its payload.
const PAYLOAD: u32 = 2;
const ESCAPE: u16 = u16::MAX >> PAYLOAD;

/// The largest birth epoch that a head can hold.
pub(crate) const MAX_EPOCH: u32 = 255;

/// Largest size of a block that may stand in the middle of a granule: jemalloc's 8-byte class.
pub(crate) const TINY: usize = 8;

/// Largest block, in usable bytes, that is found by scanning back alone:
/// jemalloc's largest small class.
pub(crate) const LARGE: usize = 14_336;

/// Slots that a block has at most, the head included.
pub(crate) const MOST: usize = 6;

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

// Plain are blocks that the hot path takes, if they are the program's: nothing but their
// slots is written, and jemalloc needs no flag for them, as all its blocks lie at multiples of 8,
// and those of 16 bytes and more of 16.

/// Whether a block of more than a granule is plain. Its size has a slot of its own.
#[inline(always)]
pub(crate) fn is_long(size: usize, align: usize) -> bool {
    likely(size <= LARGE) && likely(align <= 16)
}

/// Whether a block of at most a granule is plain. Its head says all.
#[inline(always)]
pub(crate) fn is_short(size: usize, align: usize) -> bool {
    likely(size <= GRANULE) && likely(align <= 8)
}

#[inline(always)]
pub(crate) fn is_plain(size: usize, align: usize) -> bool {
    if size > GRANULE {
        is_long(size, align)
    } else {
        is_short(size, align)
    }
}

/// What is known of a block without asking the allocator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) size: usize,
    pub(crate) align_log2: u8,
    pub(crate) epoch: u32,
    pub(crate) is_tool: bool,
    /// There is a sample in it, so that it has a stack where few blocks have one. Known of blocks
    /// that would be plain else; of those that [`can_have_sample`] says no of it is never so.
    pub(crate) has_sample: bool,
}

impl Record {
    /// Of a block of the program, without a sample.
    pub(crate) fn new(size: usize, align: usize, epoch: u32) -> Record {
        let align_log2 = align.trailing_zeros() as u8;
        Record { size, align_log2, epoch, is_tool: false, has_sample: false }
    }

    pub(crate) fn align(self) -> usize {
        1 << self.align_log2
    }
}

/// The part of a plain block's head that blocks born in an epoch have in common.
pub(crate) const fn stamp(epoch: u32) -> u32 {
    PLAIN | epoch << EPOCH_SHIFT
}

/// All that a stamp may set.
pub(crate) const STAMP: u32 = (1 << ALIGN_SHIFT) - 1 - LONG;
/// From a stamp to that of the next epoch.
pub(crate) const NEXT_EPOCH: u32 = 1 << EPOCH_SHIFT;

/// The birth epoch in a head or a stamp.
pub(crate) fn epoch(head: u32) -> u32 {
    head >> EPOCH_SHIFT & MAX_EPOCH
}

/// The two slots of a long block, its head in the lower half.
#[inline(always)]
pub(crate) fn long(size: usize, align: usize, stamp: u32) -> u32 {
    stamp | LONG | (align as u32) << ALIGN_SHIFT | (size as u32) << (NEXT + PAYLOAD)
}

/// The head of a short block.
#[inline(always)]
pub(crate) fn short(size: usize, align: usize, stamp: u32) -> u32 {
    stamp | align.trailing_zeros() << ALIGN_SHIFT | (size as u32 - 1) << SIZE_SHIFT
}

/// The size of a short block, by its head.
#[cfg(feature = "jemalloc")]
#[inline(always)]
pub(crate) fn short_size(head: u32) -> usize {
    (head >> SIZE_SHIFT) as usize + 1
}

/// The slots of a plain block, its head in the lower half.
#[inline(always)]
pub(crate) fn plain(size: usize, align: usize, stamp: u32) -> u32 {
    if size > GRANULE {
        long(size, align, stamp)
    } else {
        short(size, align, stamp)
    }
}

/// The head, and what follows it of a long block.
#[inline(always)]
pub(crate) fn halves(plain: u32) -> (u16, u16) {
    (plain as u16, (plain >> NEXT) as u16)
}

/// Whether a slot follows the head.
#[inline(always)]
pub(crate) fn has_next(plain: u32) -> bool {
    plain & LONG != 0
}

/// Whether a head is a plain block's: all that the hot path of a free asks.
#[inline(always)]
pub(crate) fn begins_plain(head: u16) -> bool {
    u32::from(head) & PLAIN != 0
}

/// Whether a slot is a head.
#[inline(always)]
pub(crate) fn is_head(slot: u16) -> bool {
    slot & START != 0
}

/// The requested size of a plain block, by its head and the slot after it. Of one that `begins_plain`
/// says is none, anything. Chosen without a branch: which it is, no processor foresees.
#[inline(always)]
pub(crate) fn plain_size(head: u16, next: u16) -> usize {
    let (short, long) = ((head >> SIZE_SHIFT) + 1, next >> PAYLOAD);
    usize::from(if u32::from(head) & LONG != 0 { long } else { short })
}

/// Whether the head of a block has room to say that a sample is in it. So it is but for layouts that no
/// type has: a size that is no multiple of the alignment.
pub(crate) fn can_have_sample(size: usize, align: usize) -> bool {
    size > GRANULE || !is_short(size, align) || size % align == 0
}

/// In the head of a short block with a sample: one of 16 sizes of alignment 1, of 8 of alignment 2 and so on.
fn short_sample(size: usize, align_log2: u8) -> u32 {
    let first = 32 - (32 >> align_log2);
    first + (size as u32 >> align_log2) - 1
}

/// Size and log2 of the alignment, from that.
fn of_short_sample(which: u32) -> (usize, u8) {
    let align_log2 = (which << 27).leading_ones().min(3);
    let first = 32 - (32 >> align_log2);
    (((which - first + 1) << align_log2) as usize, align_log2 as u8)
}

/// The head of any block, and what follows it.
pub(crate) fn encode(record: Record) -> (u16, Rest) {
    let Record { size, align_log2, epoch, is_tool, has_sample } = record;
    let rest = |payload: u64| (payload as u16 & ESCAPE) << PAYLOAD;
    let mut slots = Rest { slots: [0; MOST - 1], len: 0 };
    if !is_tool && !has_sample && is_plain(size, record.align()) {
        let plain = plain(size, record.align(), stamp(epoch));
        slots.slots[0] = halves(plain).1;
        slots.len = has_next(plain).into();
        return (plain as u16, slots);
    }
    let mut head = LONG | epoch << EPOCH_SHIFT | if is_tool { TOOL } else { 0 };
    if has_sample && is_short(size, record.align()) {
        head |= SAMPLE | short_sample(size, align_log2) << ALIGN_SHIFT;
    } else if !is_tool && size <= GRANULE && align_log2 == 4 {
        head |= SINGLE | (size.max(1) as u32 - 1) << ALIGN_SHIFT;
    } else if size < ESCAPE as usize && align_log2 <= MAX_ALIGN_LOG2 {
        head |= u32::from(align_log2) << ALIGN_SHIFT;
        slots.slots[0] = rest(size as u64);
        slots.len = 1;
    } else {
        let bits = size as u64 & ((1 << 48) - 1) | u64::from(align_log2) << 48;
        slots.slots = [0, 0, 14, 28, 42].map(|shift| rest(bits >> shift));
        slots.slots[0] = rest(ESCAPE.into());
        slots.len = MOST - 1;
    }
    (head as u16, slots)
}

/// What follows a head.
pub(crate) struct Rest {
    slots: [u16; MOST - 1],
    len: usize,
}

impl Rest {
    pub(crate) fn slots(&self) -> &[u16] {
        &self.slots[..self.len]
    }
}

/// Decodes a head; `rest` reads the slots that follow.
#[inline]
pub(crate) fn decode(head: u16, rest: impl Fn(usize) -> u16) -> Option<Record> {
    let slot = u32::from(head);
    let payload = |at: usize| rest(at) >> PAYLOAD;
    let field = |shift: u32, bits: u32| slot >> shift & ((1 << bits) - 1);
    let (size, align_log2) = match slot & (PLAIN | LONG) {
        0 => return None,
        PLAIN => (field(SIZE_SHIFT, 4) as usize + 1, field(ALIGN_SHIFT, 2) as u8),
        LONG if slot & SAMPLE != 0 => of_short_sample(field(ALIGN_SHIFT, 5)),
        LONG if slot & SINGLE != 0 => (field(ALIGN_SHIFT, 4) as usize + 1, 4),
        LONG => match payload(1) {
            ESCAPE => {
                let bits = (2..MOST).rev().fold(0, |bits, at| bits << 14 | u64::from(payload(at)));
                ((bits & ((1 << 48) - 1)) as usize, (bits >> 48) as u8 & 63)
            }
            size => (size.into(), field(ALIGN_SHIFT, 3) as u8),
        },
        _ => (payload(1).into(), field(ALIGN_SHIFT, 5).trailing_zeros() as u8),
    };
    let is_tool = slot & (PLAIN | SAMPLE | SINGLE | TOOL) == TOOL;
    let has_sample = slot & PLAIN == 0 && !is_tool && (slot & SAMPLE != 0 || is_plain(size, 1 << align_log2));
    Some(Record { size, align_log2, epoch: epoch(slot), is_tool, has_sample })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let large = [16_382, 16_383, 1 << 30, 10 << 30, (1 << 48) - 1];
        let sizes = (1..=33).chain([14_336, 14_337]).chain(large);
        let of_size =
            |size| [0, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 21, 40].map(|align_log2| (size, align_log2));
        for (size, align_log2) in sizes.flat_map(of_size) {
            for epoch in [0, 1, MAX_EPOCH] {
                for (is_tool, has_sample) in [(false, false), (true, false), (false, true)] {
                    let align = 1 << align_log2;
                    // What is no multiple of its alignment has none.
                    if has_sample && !(is_plain(size, align) && can_have_sample(size, align)) {
                        continue;
                    }
                    let record = Record { size, align_log2, epoch, is_tool, has_sample };
                    let (head, rest) = encode(record);
                    assert_ne!(head & START, 0);
                    for rest in rest.slots() {
                        assert_eq!(rest & START, 0, "a rest begins no block");
                    }
                    let is_plain = !is_tool && !has_sample && is_plain(size, align);
                    assert_eq!(begins_plain(head), is_plain);
                    if is_plain {
                        assert_eq!(plain_size(head, rest.slots().first().copied().unwrap_or(0)), size);
                    }
                    assert_eq!(decode(head, |at| rest.slots()[at - 1]), Some(record));
                    // No more slots than the block has granules.
                    if size <= 16 && align_log2 <= 4 && !is_tool {
                        assert_eq!(rest.slots().len(), 0, "{size} {align_log2}");
                    } else if size < 14_336 && align_log2 <= MAX_ALIGN_LOG2 {
                        assert_eq!(rest.slots().len(), 1);
                    }
                }
            }
        }
        assert_eq!(decode(0, |_| 0), None);
        assert!((1..=64).all(|size| can_have_sample(size, 1)) && !can_have_sample(9, 2));
    }
}
