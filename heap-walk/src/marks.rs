//! Which addresses were met: one bit per 8 bytes of address space (jemalloc's
//! smallest blocks are 8 bytes apart), in pages made when first touched. A
//! sixty-fourth of the heap that is walked.

use ahash::RandomState;
use std::collections::HashMap;

const PAGE_LOG2: u32 = 20;
const WORDS: usize = 1 << (PAGE_LOG2 - 3 - 6);

pub(crate) struct Marks {
    pages: Vec<Box<[u64; WORDS]>>,
    by_addr: HashMap<u64, u32, RandomState>,
    last: (u64, u32),
}

impl Marks {
    pub(crate) fn new() -> Marks {
        Marks {
            pages: Vec::new(),
            by_addr: HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
            last: (u64::MAX, 0),
        }
    }

    fn at(addr: u64) -> (usize, u64) {
        let bit = addr >> 3;
        ((bit >> 6) as usize & (WORDS - 1), 1 << (bit & 63))
    }

    /// Marks an address; says whether it was marked before.
    #[inline]
    pub(crate) fn set(&mut self, addr: u64) -> bool {
        let key = addr >> PAGE_LOG2;
        if self.last.0 != key {
            self.last = (key, self.page(key));
        }
        let (word, bit) = Marks::at(addr);
        let word = &mut self.pages[self.last.1 as usize][word];
        let was = *word & bit != 0;
        *word |= bit;
        was
    }

    fn page(&mut self, key: u64) -> u32 {
        let next = self.pages.len() as u32;
        let index = *self.by_addr.entry(key).or_insert(next);
        if index == next {
            self.pages.push(Box::new([0; WORDS]));
        }
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
}
