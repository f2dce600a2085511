//! Reads raw bytes through the kernel, so that memory which is uninitialised,
//! being written or gone gives an error or a wrong number, never undefined
//! behaviour.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

const WORD: u64 = size_of::<usize>() as u64;
/// Bytes that are read at once.
const PAGE: usize = 4096;

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
}
