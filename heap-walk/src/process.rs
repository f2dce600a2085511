//! What the physical memory of this process is, by the kernel's map of it, and
//! which of its mappings are whose.
//!
//! Everything here is from `/proc`; where that cannot be read, the answer is
//! nothing. Mappings are counted whole. Two of one kind that touch are one to the
//! kernel, so memory that the program mapped right beside the allocator's counts
//! as the allocator's. A stack is found by its thread's stack pointer, where the
//! kernel tells it, or by the guard below it.

use heap_snapshot::live::LiveBlocks;
use heap_snapshot::record::ProcessMemory;

/// Largest guard below a stack, in bytes. Reserved address space is larger.
const GUARD: u64 = 64 << 10;
/// Threads that are asked for their stack pointers.
const THREADS: usize = 1024;

/// Whose a mapping is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    Allocator,
    Table,
    Anonymous,
    File,
    Stack,
}

/// A mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mapping {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) owner: Owner,
    pub(crate) is_writable: bool,
    /// Shared with other processes, or a file's own pages.
    pub(crate) is_shared: bool,
    /// Path, or what the kernel calls it; empty for most anonymous memory.
    pub(crate) name: String,
    /// Bytes in physical memory.
    resident: u64,
}

/// The mappings of this process, by ascending address.
#[derive(Default, Debug)]
pub(crate) struct Mappings {
    list: Vec<Mapping>,
    /// Position of the mapping that the last block lay in or before, and where that ends.
    at: usize,
    end: u64,
}

impl Mappings {
    /// The mappings of this moment. Milliseconds for each GiB in memory: the kernel counts pages.
    pub(crate) fn read(live: Option<&dyn LiveBlocks>) -> Mappings {
        let text = std::fs::read("/proc/self/smaps").unwrap_or_default();
        let mut mappings = Mappings { list: parse(&String::from_utf8_lossy(&text)), at: 0, end: 0 };
        for stack in stack_pointers() {
            if let Some(mapping) = mappings.of(stack).filter(|mapping| mapping.owner == Owner::Anonymous) {
                mapping.owner = Owner::Stack;
            }
        }
        if let Some(live) = live {
            live.bookkeeping(&mut |addr| mappings.give(addr, addr.saturating_add(1), Owner::Allocator));
            live.table_memory(&mut |addr, len| mappings.give(addr, addr.saturating_add(len), Owner::Table));
        }
        mappings
    }

    /// All of them, as far as their owners are known.
    pub(crate) fn list(&self) -> &[Mapping] {
        &self.list
    }

    fn of(&mut self, addr: u64) -> Option<&mut Mapping> {
        let at = self.list.partition_point(|mapping| mapping.to <= addr);
        self.list.get_mut(at).filter(|mapping| mapping.from <= addr)
    }

    fn give(&mut self, from: u64, to: u64, owner: Owner) {
        let first = self.list.partition_point(|mapping| mapping.to <= from);
        for mapping in self.list[first..].iter_mut().take_while(|mapping| mapping.from < to) {
            mapping.owner = owner;
        }
    }

    /// Blocks come from the lowest address on again.
    pub(crate) fn again(&mut self) {
        (self.at, self.end) = (0, 0);
    }

    /// Notes a block of the allocator. Blocks come by ascending address.
    #[inline]
    pub(crate) fn block(&mut self, addr: u64) {
        if addr >= self.end {
            self.next(addr);
        }
    }

    #[cold]
    fn next(&mut self, addr: u64) {
        while self.list.get(self.at).is_some_and(|mapping| mapping.to <= addr) {
            self.at += 1;
        }
        match self.list.get_mut(self.at) {
            Some(mapping) if mapping.from <= addr => {
                mapping.owner = Owner::Allocator;
                self.end = mapping.to;
            }
            // Mapped since they were read.
            Some(mapping) => self.end = mapping.from,
            None => self.end = u64::MAX,
        }
    }

    /// Physical memory by owner; `None` where the kernel tells nothing.
    pub(crate) fn memory(&self) -> Option<ProcessMemory> {
        let mut memory = ProcessMemory::default();
        for mapping in &self.list {
            *match mapping.owner {
                Owner::Allocator => &mut memory.allocator,
                Owner::Table => &mut memory.table,
                Owner::Anonymous => &mut memory.anonymous,
                Owner::File => &mut memory.files,
                Owner::Stack => &mut memory.stacks,
            } += mapping.resident;
        }
        (!self.list.is_empty()).then_some(memory)
    }
}

/// The mappings of a `smaps`, before anything is known of the allocator.
fn parse(smaps: &str) -> Vec<Mapping> {
    let mut list: Vec<Mapping> = Vec::new();
    // Where a guard ends that a stack may stand on.
    let mut guarded = 0;
    for line in smaps.lines() {
        if let Some(mapping) = head(line, &mut guarded) {
            list.push(mapping);
        } else if let Some((last, rest)) = list.last_mut().zip(line.strip_prefix("Rss:")) {
            let kib = rest.trim().trim_end_matches("kB").trim_end().parse().unwrap_or(0_u64);
            last.resident = kib.saturating_mul(1024);
        }
    }
    list
}

/// A line of the kernel's list of mappings: `from-to rights offset device inode path`.
pub(crate) struct Line<'l> {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// `rwxp`, with `-` for what is not allowed; `s` at the end where it is shared.
    pub(crate) rights: &'l str,
    inode: &'l str,
    /// Path, or what the kernel calls it; may be empty.
    pub(crate) name: &'l str,
}

impl<'l> Line<'l> {
    /// `None` for other lines.
    pub(crate) fn parse(line: &'l str) -> Option<Line<'l>> {
        let mut columns = line.splitn(6, ' ');
        let (from, to) = columns.next()?.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let (rights, inode) = (columns.next()?, columns.nth(2)?);
        Some(Line { from, to, rights, inode, name: columns.next().unwrap_or("").trim_start() })
    }
}

/// The mapping that a line begins.
fn head(line: &str, guarded: &mut u64) -> Option<Mapping> {
    let Line { from, to, rights, inode, name } = Line::parse(line)?;
    let is_file = inode != "0" || name.starts_with('/') || name.starts_with("[v");
    let is_anonymous = !is_file && !name.starts_with("[stack");
    let is_guard = is_anonymous && rights.starts_with("---") && to - from <= GUARD;
    let owner = match () {
        () if is_file => Owner::File,
        () if !is_anonymous || name.contains("stack") => Owner::Stack,
        () if *guarded == from && rights.starts_with("rw") => Owner::Stack,
        () => Owner::Anonymous,
    };
    *guarded = if is_guard { to } else { 0 };
    let is_shared = rights.ends_with('s');
    let is_writable = rights.starts_with("rw");
    Some(Mapping { from, to, owner, is_writable, is_shared, name: name.to_owned(), resident: 0 })
}

/// The stack pointers of threads, of those that wait in the kernel.
fn stack_pointers() -> impl Iterator<Item = u64> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.take(THREADS).filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("syscall")).ok()?;
        // number six-arguments stack-pointer program-counter
        let pointer = text.split_ascii_whitespace().rev().nth(1)?;
        u64::from_str_radix(pointer.strip_prefix("0x")?, 16).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
5561d6171000-5561d6173000 r--p 00000000 fe:00 247030                     /usr/bin/a program
Size:                  8 kB
Rss:                   8 kB
VmFlags: rd mr mw me
5561d6173000-5561d6174000 rw-p 00002000 fe:00 247030                     /usr/bin/a program
Rss:                   4 kB
5561d6180000-5561d61a0000 rw-p 00000000 00:00 0                          [heap]
Rss:                  12 kB
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
Rss:                1000 kB
7f0000400000-7f0000600000 rw-s 00000000 00:01 77                         /memfd:shared (deleted)
Rss:                  40 kB
7f0000a00000-7f0000a01000 ---p 00000000 00:00 0
Rss:                   0 kB
7f0000a01000-7f0000c01000 rw-p 00000000 00:00 0
Rss:                  16 kB
7f0010000000-7f0014000000 ---p 00000000 00:00 0
Rss:                   0 kB
7f0014000000-7f0014001000 rw-p 00000000 00:00 0
Rss:                   2 kB
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
Rss:                  20 kB
7ffc000f0000-7ffc000f2000 r-xp 00000000 00:00 0                          [vdso]
Rss:                   4 kB
";

    #[test]
    fn every_mapping_is_somebodys() {
        let mut mappings = Mappings { list: parse(SMAPS), at: 0, end: 0 };
        let kib = |allocator, anonymous, files, stacks| {
            [allocator, anonymous, files, stacks].map(|kib: u64| kib * 1024)
        };
        let parts = |mappings: &Mappings| {
            let memory = mappings.memory().unwrap();
            [memory.allocator, memory.anonymous, memory.files, memory.stacks]
        };
        assert_eq!(parts(&mappings), kib(0, 12 + 1000 + 2, 8 + 4 + 40 + 4, 16 + 20));
        // Before the first mapping, between two, twice in one, and after the last.
        for addr in [0x1000, 0x7eff_0000_0000, 0x7f00_0000_0010, 0x7f00_003f_0000, 0x7ffd_0000_0000] {
            mappings.block(addr);
        }
        assert_eq!(parts(&mappings), kib(1000, 14, 56, 36));
        mappings.give(0x5561_d618_0010, 0x5561_d618_0011, Owner::Allocator);
        assert_eq!(parts(&mappings), kib(1012, 2, 56, 36));
        assert_eq!(Mappings::default().memory(), None);
        let program = &mappings.list[1];
        assert_eq!((program.name.as_str(), program.is_writable), ("/usr/bin/a program", true));
    }

    #[test]
    fn the_stacks_of_this_process_are_found() {
        let mut here = 0_u64;
        let (ready, go) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let thread = std::thread::spawn(move || {
            let local = 1_u64;
            ready.0.send(&raw const local as u64).unwrap();
            let _ = go.1.recv();
            std::hint::black_box(local);
        });
        let there = ready.1.recv().unwrap();
        let mut mappings = Mappings::read(None);
        for stack in [there, &raw mut here as u64] {
            assert_eq!(mappings.of(stack).map(|mapping| mapping.owner), Some(Owner::Stack), "{stack:#x}");
        }
        let code = the_stacks_of_this_process_are_found as fn() as usize as u64;
        assert_eq!(mappings.of(code).map(|mapping| mapping.owner), Some(Owner::File));
        assert!(mappings.memory().is_some_and(|memory| memory.total() > 1 << 20 && memory.stacks > 0));
        drop(go.0);
        thread.join().unwrap();
    }
}
