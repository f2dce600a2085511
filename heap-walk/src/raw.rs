//! Reads raw bytes through the kernel, so that memory which is uninitialised,
//! being written or gone gives an error or a wrong number, never undefined
//! behaviour.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

const WORD: u64 = size_of::<usize>() as u64;
/// Bytes that are read at once.
const PAGE: usize = 4096;
/// The same of who reads much.
const WINDOW: usize = 32 << 10;

/// This process's memory as a file. Where there is no `/proc`, nothing can be read.
pub(crate) struct RawMemory {
    file: Option<File>,
    /// Address of the page that was read last, and what was in it.
    near: Cell<u64>,
    page: Box<[Cell<u8>; PAGE]>,
}

impl RawMemory {
    pub(crate) fn open() -> RawMemory {
        let page = Box::new([const { Cell::new(0) }; PAGE]);
        RawMemory { file: File::open("/proc/self/mem").ok(), near: Cell::new(u64::MAX), page }
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.file.is_some()
    }

    /// As [`RawMemory::words`], for many handles that stand side by side: a page
    /// is read once, and what has changed in it since is not seen.
    pub(crate) fn words_near(&self, addr: u64, len: u64, mut visit: impl FnMut(u64)) {
        let page = addr & !(PAGE as u64 - 1);
        let Some(memory) =
            self.file.as_ref().filter(|_| addr.saturating_add(len) <= page.saturating_add(PAGE as u64))
        else {
            return self.words(addr, len, visit);
        };
        if self.near.get() != page {
            let mut buffer = [0u8; PAGE];
            if !matches!(memory.read_at(&mut buffer, page), Ok(PAGE)) {
                return self.words(addr, len, visit);
            }
            for (cell, byte) in self.page.iter().zip(buffer) {
                cell.set(byte);
            }
            self.near.set(page);
        }
        let from = (addr.next_multiple_of(WORD) - page) as usize;
        let to = (addr + len - page) as usize;
        for word in self.page[from..to].chunks_exact(WORD as usize) {
            let mut bytes = [0u8; WORD as usize];
            for (byte, cell) in bytes.iter_mut().zip(word) {
                *byte = cell.get();
            }
            visit(usize::from_ne_bytes(bytes) as u64);
        }
    }

    /// Calls `visit` for every aligned word in `len` bytes from `addr`; stops at what cannot be read.
    pub(crate) fn words(&self, addr: u64, len: u64, mut visit: impl FnMut(u64)) {
        let Some(memory) = &self.file else { return };
        let Some(mut at) = addr.checked_next_multiple_of(WORD) else { return };
        let end = addr.saturating_add(len);
        let mut buffer = [0u8; PAGE];
        while end.saturating_sub(at) >= WORD {
            let wanted = ((end - at) / WORD * WORD).min(buffer.len() as u64) as usize;
            let read = match memory.read_at(&mut buffer[..wanted], at) {
                Ok(read) if read >= WORD as usize => read / WORD as usize * WORD as usize,
                _ => return,
            };
            for word in buffer[..read].chunks_exact(WORD as usize) {
                visit(usize::from_ne_bytes(word.try_into().expect("whole words")) as u64);
            }
            at += read as u64;
        }
    }
}

/// This process's memory, read in ascending order, a window at a time.
pub(crate) struct Reader {
    memory: File,
    pages: Option<File>,
    window: Box<[u8]>,
    /// Address of the window, and how much of it could be read.
    from: u64,
    len: usize,
    bytes: u64,
}

impl Reader {
    pub(crate) fn open() -> Option<Reader> {
        Some(Reader {
            memory: File::open("/proc/self/mem").ok()?,
            pages: File::open("/proc/self/pagemap").ok(),
            window: vec![0; WINDOW].into_boxed_slice(),
            from: 0,
            len: 0,
            bytes: 0,
        })
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Calls `visit` with place and value of every aligned word from `from` to `to` that can be read.
    pub(crate) fn words(&mut self, from: u64, to: u64, mut visit: impl FnMut(u64, u64)) {
        let mut at = from.next_multiple_of(WORD);
        while at < to && to - at >= WORD {
            if at < self.from || at + WORD > self.from + self.len as u64 {
                // What stands after a small block is wanted next.
                self.from = at;
                self.len = self.memory.read_at(&mut self.window, at).unwrap_or(0);
                self.bytes += self.len as u64;
                if (self.len as u64) < WORD {
                    return;
                }
            }
            let (start, end) = ((at - self.from) as usize, ((to - self.from) as usize).min(self.len));
            for word in self.window[start..end].chunks_exact(WORD as usize) {
                visit(at, usize::from_ne_bytes(word.try_into().expect("whole words")) as u64);
                at += WORD;
            }
        }
    }

    /// The same of pages that are in memory.
    pub(crate) fn words_in_memory(&mut self, from: u64, to: u64, mut visit: impl FnMut(u64, u64)) {
        const PAGE: u64 = self::PAGE as u64;
        let Some(pages) = self.pages.take() else { return self.words(from, to, visit) };
        let mut flags = [0_u8; 4096];
        let mut at = from / PAGE * PAGE;
        while at < to {
            let wanted = (to.div_ceil(PAGE) - at / PAGE).min(flags.len() as u64 / 8) as usize * 8;
            let read = pages.read_at(&mut flags[..wanted], at / PAGE * 8).unwrap_or(0) / 8;
            if read == 0 {
                break;
            }
            for page in flags[..read * 8].chunks_exact(8) {
                // The two highest bits: in memory, or swapped out.
                if page[7] >> 6 != 0 {
                    self.words(at.max(from), (at + PAGE).min(to), &mut visit);
                }
                at += PAGE;
            }
        }
        self.pages = Some(pages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_words_come_back_and_foreign_ones_do_not() {
        let memory = RawMemory::open();
        let words: Vec<u64> = (0..2000).collect();
        let mut read = Vec::new();
        memory.words(words.as_ptr() as u64, 16_000, |word| read.push(word));
        assert_eq!(read, words);
        read.clear();
        memory.words(words.as_ptr() as u64 + 1, 23, |word| read.push(word));
        assert_eq!(read, [1, 2], "only whole aligned words");
        memory.words(8, 4096, |_| panic!("nothing is mapped there"));
        memory.words(u64::MAX - 20, 100, |_| panic!("nothing is mapped there"));
        for at in (0..1900).step_by(7) {
            read.clear();
            memory.words_near(&raw const words[at] as u64, 25, |word| read.push(word));
            assert_eq!(read, words[at..at + 3], "within a page or across two");
        }
    }

    #[test]
    fn words_are_read_once_each_across_windows_and_pages() {
        let mut reader = Reader::open().expect("Linux");
        let words: Vec<u64> = (0..20_000).collect();
        let from = words.as_ptr() as u64;
        for step in [8, 24, 4096, 40_000, 160_000] {
            let mut read = Vec::new();
            for at in (0..160_000).step_by(step) {
                let to = (at + step as u64).min(160_000);
                reader.words(from + at, from + to, |place, word| read.push((place, word)));
            }
            assert!(read.iter().enumerate().all(|(at, pair)| *pair == (from + at as u64 * 8, at as u64)));
            assert_eq!(read.len(), words.len());
            read.clear();
            reader.words_in_memory(from, from + 160_000, |place, word| read.push((place, word)));
            assert!(read.iter().enumerate().all(|(at, pair)| *pair == (from + at as u64 * 8, at as u64)));
            assert_eq!(read.len(), words.len());
        }
        reader.words(8, 4096, |_, _| panic!("nothing is mapped there"));
        reader.words(u64::MAX - 40, u64::MAX - 1, |_, _| panic!("nothing is mapped there"));
    }
}
