//! Which shared blocks have handles that were not met: what tells *alone* from *in all*.
//!
//! A handle costs a note of 12 bytes, and is mostly never looked at: if as many were met as there
//! are to all blocks together, so it is for each. Only where the notes would take more than 16
//! bytes for each block (and 12 MiB) are those of one block added up.

/// Notes are kept apart by address, so that a few at a time are sorted.
const PARTS: usize = 256;

/// Notes of a part that are not worth looking at.
const FEW: usize = 4096;

/// Of a block whose handles can't be counted.
const UNKNOWN: i32 = i32::MAX;

#[derive(Debug)]
pub(crate) struct Shares {
    parts: Box<[Part; PARTS]>,
    /// How many handles there are to all blocks met, less those that were met.
    unmet: i64,
}

#[derive(Default, Debug)]
struct Part {
    notes: Vec<Note>,
    /// How many there may be until it is looked what is in them.
    room: usize,
    /// Number of blocks that they are of, those included that were forgotten.
    blocks: usize,
}

/// The handles of a block that are not met, or what this one changes about that.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
struct Note {
    addr: u64,
    unmet: i32,
}

impl Shares {
    pub(crate) fn new() -> Shares {
        Shares { parts: Box::new(std::array::from_fn(|_| Part::default())), unmet: 0 }
    }

    /// Notes a handle of the block at `addr`, with how many there are, if that can be read.
    /// What is not counted is noted as if it were not there.
    #[inline]
    pub(crate) fn note(&mut self, addr: u64, strong: Option<usize>, is_first: bool, is_counted: bool) {
        let strong = strong.map_or(UNKNOWN, |strong| i32::try_from(strong).unwrap_or(UNKNOWN - 1));
        let unmet = match strong {
            UNKNOWN => UNKNOWN,
            _ if is_first => strong - i32::from(is_counted),
            _ => -i32::from(is_counted),
        };
        // A block with one handle is told by it, whole.
        if unmet == 0 {
            return;
        }
        self.unmet += i64::from(unmet);
        let part = addr.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PARTS.trailing_zeros());
        let part = &mut self.parts[part as usize % PARTS];
        part.blocks += usize::from(is_first);
        if part.notes.len() >= part.room {
            part.make_room();
        }
        part.notes.push(Note { addr, unmet });
    }

    /// Addresses of blocks that may have handles elsewhere.
    pub(crate) fn outside(&mut self) -> Vec<u64> {
        if self.unmet == 0 {
            return Vec::new();
        }
        self.parts.iter_mut().for_each(Part::add_up);
        self.parts.iter().flat_map(|part| &part.notes).map(|note| note.addr).collect()
    }
}

impl Part {
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        let most = FEW.max(self.blocks + self.blocks / 4);
        if self.notes.len() >= most {
            // At most one for each block is left.
            self.add_up();
        }
        let room = most.min((2 * self.notes.len()).max(64));
        self.notes.reserve_exact(room.saturating_sub(self.notes.len()).max(1));
        self.room = room;
    }

    /// Adds up what is noted of each block, and forgets those of which all is met.
    fn add_up(&mut self) {
        self.notes.sort_unstable_by_key(|note| note.addr);
        self.notes.dedup_by(|note, sum| {
            let is_same = note.addr == sum.addr;
            if is_same {
                let is_unknown = sum.unmet == UNKNOWN || note.unmet == UNKNOWN;
                let added = { sum.unmet }.saturating_add(note.unmet).min(UNKNOWN - 1);
                sum.unmet = if is_unknown { UNKNOWN } else { added };
            }
            is_same
        });
        // Fewer than none: handles moved during the walk.
        self.notes.retain(|note| note.unmet > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Numbers that look random.
    fn random(seed: u64) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(seed | 1), |number| {
            let next = number ^ (number << 13);
            let next = next ^ (next >> 7);
            Some(next ^ (next << 17))
        })
        .skip(10)
    }

    fn notes(shares: &Shares) -> usize {
        shares.parts.iter().map(|part| part.notes.capacity()).sum()
    }

    #[test]
    fn blocks_with_handles_elsewhere_are_found_whatever_the_order() {
        for (seed, count) in [(1, 10), (2, 1000), (3, 300_000)] {
            let mut numbers = random(seed);
            let mut next = || numbers.next().unwrap_or_default();
            // Handles that are met of each block, and how many there are.
            let mut handles: Vec<u64> = Vec::new();
            let mut strong: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
            for at in 0..count {
                let addr = 0x7f00_0000_0000 + 48 * at;
                let met = 1 + next() % 9;
                let more = if next() % 50 == 0 { next() % 3 } else { 0 };
                handles.extend((0..met).map(|_| addr));
                strong.insert(addr, (met + more, 0));
            }
            let len = handles.len();
            for at in 0..len {
                handles.swap(at, next() as usize % len);
            }
            let mut shares = Shares::new();
            for addr in &handles {
                let (all, met) = strong.get_mut(addr).expect("a block");
                shares.note(*addr, Some(*all as usize), *met == 0, true);
                *met += 1;
            }
            let expected: Vec<u64> =
                strong.iter().filter(|(_, (all, met))| *all > *met as u64).map(|(addr, _)| *addr).collect();
            assert!(
                notes(&shares) * size_of::<Note>() <= 16 * count as usize + PARTS * FEW * size_of::<Note>()
            );
            let mut found = shares.outside();
            found.sort_unstable();
            assert_eq!(found, expected, "{seed}");
        }
    }

    #[test]
    fn what_cannot_be_counted_may_be_outside() {
        let mut shares = Shares::new();
        for _ in 0..10 * FEW {
            shares.note(16, None, false, true);
        }
        shares.note(32, Some(2), true, true);
        shares.note(32, Some(2), false, true);
        shares.note(48, Some(2), true, false);
        shares.note(48, Some(2), false, true);
        assert_eq!(shares.outside().len(), 2, "16, and 48 of which one handle was not counted");
        assert!(notes(&shares) <= FEW + 2 * 64, "one block has many notes, and is one");
    }

    #[test]
    fn memory_does_not_grow_with_handles() {
        let mut shares = Shares::new();
        const BLOCKS: u64 = 2_000;
        for turn in 0..2_000 {
            for at in 0..BLOCKS {
                shares.note(16 * at, Some(2_001), turn == 0, true);
            }
        }
        assert!(notes(&shares) <= PARTS * FEW);
        assert_eq!(shares.outside().len(), BLOCKS as usize);
    }
}
