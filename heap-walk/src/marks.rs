//! Which addresses were met: one bit per 8 bytes of address space (jemalloc's
//! smallest blocks are 8 bytes apart), in pages made when first touched. A
//! sixty-fourth of the heap that is walked.

use ahash::RandomState;
use std::collections::HashMap;

const PAGE_LOG2: u32 = 20;
const WORDS: usize = 1 << (PAGE_LOG2 - 3 - 6);

/// Pages that are found without the map: those of a heap of 4 GiB in one piece.
const NEAR: usize = 4096;
/// No address has this page.
const NO_PAGE: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Marks {
    pages: Vec<Box<[u64; WORDS]>>,
    by_addr: HashMap<u64, u32, RandomState>,
    /// Direct-mapped, in front of `by_addr`: blocks of an aged heap jump between pages.
    near: Box<[(u64, u32); NEAR]>,
}

impl Marks {
    pub(crate) fn new() -> Marks {
        Marks {
            pages: Vec::new(),
            by_addr: HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
            near: vec![(NO_PAGE, 0); NEAR]
                .try_into()
                .unwrap_or_else(|_| unreachable!("as many as there are")),
        }
    }

    fn at(addr: u64) -> (usize, u64) {
        let bit = addr >> 3;
        ((bit >> 6) as usize & (WORDS - 1), 1 << (bit & 63))
    }

    /// Marks an address; says whether it was marked before.
    #[inline]
    pub(crate) fn set(&mut self, addr: u64) -> bool {
        if let Some(was) = self.set_near(addr) {
            return was;
        }
        self.page(addr >> PAGE_LOG2);
        self.set_near(addr).unwrap_or_default()
    }

    /// The page that an address is on, if it is found without the map.
    #[inline(always)]
    fn near(&self, addr: u64) -> Option<usize> {
        let key = addr >> PAGE_LOG2;
        let (near, page) = self.near[key as usize % NEAR];
        (near == key).then_some(page as usize)
    }

    /// The same, if its page is found without the map.
    #[inline(always)]
    pub(crate) fn set_near(&mut self, addr: u64) -> Option<bool> {
        let page = self.near(addr)?;
        let (word, bit) = Marks::at(addr);
        let word = &mut self.pages.get_mut(page)?[word];
        let was = *word & bit != 0;
        *word |= bit;
        Some(was)
    }

    /// Whether an address is marked, as far as that is known without the map.
    #[inline]
    pub(crate) fn is_set_near(&self, addr: u64) -> bool {
        let (word, bit) = Marks::at(addr);
        self.near(addr).is_some_and(|page| self.pages[page][word] & bit != 0)
    }

    /// The address of the memory in which an address is marked; 0 if there is none yet.
    #[inline]
    pub(crate) fn place(&self, addr: u64) -> u64 {
        self.near(addr).map_or(0, |page| &raw const self.pages[page][Marks::at(addr).0] as usize as u64)
    }

    /// Unmarks an address, of a block that is gone.
    #[cold]
    pub(crate) fn clear(&mut self, addr: u64) {
        let page = self.page(addr >> PAGE_LOG2);
        let (word, bit) = Marks::at(addr);
        self.pages[page as usize][word] &= !bit;
    }

    fn page(&mut self, key: u64) -> u32 {
        let next = self.pages.len() as u32;
        let index = *self.by_addr.entry(key).or_insert(next);
        if index == next {
            self.pages.push(Box::new([0; WORDS]));
        }
        self.near[key as usize % NEAR] = (key, index);
        index
    }

    /// Whether any address in `from .. to` is marked.
    pub(crate) fn any(&self, from: u64, to: u64) -> bool {
        let mut at = from & !7;
        while at < to {
            let page_end = ((at >> PAGE_LOG2) + 1) << PAGE_LOG2;
            let Some(&page) = self.by_addr.get(&(at >> PAGE_LOG2)) else {
                at = page_end;
                continue;
            };
            let page = &self.pages[page as usize];
            while at < to.min(page_end) {
                let (word, bit) = Marks::at(at);
                if page[word] == 0 {
                    at = (at | 511) + 1;
                    continue;
                }
                if page[word] & bit != 0 {
                    return true;
                }
                at += 8;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_see_exactly_their_marks() {
        let mut marks = Marks::new();
        let base = (7 << PAGE_LOG2) - 64;
        assert!(!marks.any(0, 1 << 40));
        assert!(!marks.set(base));
        assert!(marks.set(base + 7), "one granule");
        assert!(!marks.set(base + 8));
        assert!(!marks.set((9 << PAGE_LOG2) + 4096));
        assert!(marks.any(base, base + 1));
        assert!(!marks.any(base + 16, (9 << PAGE_LOG2) + 4096));
        assert!(marks.any(base + 16, (9 << PAGE_LOG2) + 4097));
        assert!(!marks.any(base - 4096, base));
        assert!(!marks.any(base, base));
    }

    #[test]
    fn pages_that_share_a_near_place_are_told_apart() {
        let mut marks = Marks::new();
        let far = |times: u64| 4096 + times * ((NEAR as u64) << PAGE_LOG2);
        for times in 0..3 {
            assert!(!marks.set(far(times)));
        }
        for times in 0..3 {
            assert!(marks.set(far(times)));
        }
        assert!(!marks.set(u64::MAX), "the last page is one like any other");
    }
}
