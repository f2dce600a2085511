//! Reads raw bytes through the kernel, so that memory which is uninitialised,
//! being written or gone gives an error or a wrong number, never undefined
//! behaviour.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// This process's memory as a file. Where there is no `/proc`, nothing can be read.
pub(crate) struct RawMemory(Option<File>);

impl RawMemory {
    pub(crate) fn open() -> RawMemory {
        RawMemory(File::open("/proc/self/mem").ok())
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.0.is_some()
    }

    /// Calls `visit` for every aligned word in `len` bytes from `addr`; stops at what cannot be read.
    pub(crate) fn words(&self, addr: u64, len: u64, mut visit: impl FnMut(u64)) {
        let Some(memory) = &self.0 else { return };
        const WORD: u64 = size_of::<usize>() as u64;
        let mut at = addr.next_multiple_of(WORD);
        let end = addr.saturating_add(len);
        let mut buffer = [0u8; 4096];
        while at + WORD <= end {
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
    }
}
