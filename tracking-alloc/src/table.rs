//! The table of live blocks: a shadow map.
//!
//! A slot (see [`crate::slot`]) sits at a fixed function of its block's
//! address, so it inherits the heap's own locality, belongs to whoever owns the
//! block (plain stores suffice, also when another thread frees it) and is
//! enumerated by a linear scan. No lock, no hash. The idea is that of
//! AddressSanitizer's shadow memory. Of the two blocks of 8 bytes that may share
//! a granule the second one has its slot in a map of its own behind the first,
//! which takes memory only where there are such blocks.
//!
//! Slots live in chunks, one per 64 MiB of address space, mapped from the
//! operating system when the first block in it is recorded and never unmapped;
//! pages of a chunk that were never written take no memory, and those of which
//! the allocator below gave back the blocks' memory are given back too. A
//! directory with an entry per chunk covers 48 bits of addresses; it is static
//! and, but for the touched entries, free.
//!
//! An address inside a block is found by scanning back to the slot where a
//! block begins. So that large blocks need no scan, a block of more than [`LARGE`]
//! bytes leaves at each page that begins inside it the distance to its base, and at
//! each further chunk its base.

#![expect(unsafe_code, reason = "says of its memory that all-zero is a value")]

use crate::memory::{AllZero, Fresh, Mapped, PageMap, Spare, PAGE};
use crate::slot::{self, Record, GRANULE, LARGE, MOST, START, TINY};
use crate::sync::{AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering, CHUNKS, CHUNK_LOG2};
use std::ops::Range;

pub(crate) const CHUNK: usize = 1 << CHUNK_LOG2;
pub(crate) const SLOTS: usize = CHUNK / GRANULE;
const PAGES: usize = CHUNK.div_ceil(PAGE);

/// Slots in a page of our memory: those of 32 KiB.
const SLOTS_A_PAGE: usize = PAGE / size_of::<AtomicU16>();
/// Where the heads begin of blocks that begin in the middle of a granule: a power of two away. Of
/// what is between, only slots of a block that reaches into the next chunk are ever touched.
const SECONDS: usize = 2 * SLOTS;

/// The shadow of 64 MiB. All-zero is empty.
#[repr(C)]
pub(crate) struct Chunk {
    /// First, so that pages of slots are pages of memory. Those of blocks that begin a granule,
    /// and behind them the heads of those that begin in the middle of one.
    slots: [AtomicU16; SECONDS + SLOTS],
    /// For pages whose first byte lies in a large block that begins in this
    /// chunk: distance to where it begins, in granules.
    pages: [AtomicU32; PAGES],
    /// Base of the large block that reaches in from an earlier chunk, or 0.
    reaches_in: AtomicU64,
}

// SAFETY: atomic integers, of which zero is a value; aligned to 8 bytes.
unsafe impl AllZero for Chunk {}

pub(crate) struct Table {
    chunks: [Mapped<Chunk>; CHUNKS],
    /// Range of chunks in use: `first` is the complement, so that zero is empty.
    first_complement: AtomicUsize,
    last: AtomicUsize,
    /// Chunks for a block of which nobody knows yet where it will be.
    spare: Spare<Chunk>,
}

/// Bytes that the allocator set aside for the block at an address.
pub(crate) type Usable = fn(addr: usize, record: Record) -> usize;

impl Table {
    pub(crate) const fn new() -> Table {
        Table {
            chunks: [const { Mapped::new() }; CHUNKS],
            first_complement: AtomicUsize::new(0),
            last: AtomicUsize::new(0),
            spare: Spare::new(),
        }
    }

    /// Where the head is of a block that begins in the eight bytes of an address, and the slot after
    /// it, if their chunk exists.
    #[inline(always)]
    pub(crate) fn at(&self, addr: usize) -> Option<Head<'_>> {
        let chunk = self.chunks[(addr >> CHUNK_LOG2) % CHUNKS].get()?;
        let at = place(addr);
        Some(Head(chunk.slots[at..].first_chunk()?))
    }

    /// The head of a block that begins at an address, if its chunk exists. An
    /// address of more than 48 bits, where none begins, has that of another.
    #[inline(always)]
    pub(crate) fn head(&self, addr: usize) -> Option<&AtomicU16> {
        let chunk = self.chunks[(addr >> CHUNK_LOG2) % CHUNKS].get()?;
        Some(&chunk.slots[place(addr)])
    }

    /// Records a long block, by its slots. False where its chunk does not exist.
    #[inline(always)]
    pub(crate) fn record_long(&self, addr: usize, plain: u32) -> bool {
        let Some(chunk) = self.chunks[(addr >> CHUNK_LOG2) % CHUNKS].get() else { return false };
        let at = (addr & (CHUNK - 1)) / GRANULE;
        let (head, size) = slot::halves(plain);
        // See `decode` for the order.
        chunk.slots[at + 1].store(size, Ordering::Release);
        chunk.slots[at].store(head, Ordering::Release);
        true
    }

    /// Records a short block, by its head. False where its chunk does not exist.
    #[inline(always)]
    pub(crate) fn record_short(&self, addr: usize, plain: u32) -> bool {
        let place = self.head(addr);
        if let Some(place) = place {
            place.store(slot::halves(plain).0, Ordering::Release);
        }
        place.is_some()
    }

    /// Records a plain block, by its slots. False where its chunk does not exist.
    #[inline(always)]
    pub(crate) fn record_plain(&self, addr: usize, plain: u32) -> bool {
        if slot::has_next(plain) {
            self.record_long(addr, plain)
        } else {
            self.record_short(addr, plain)
        }
    }

    #[inline(always)]
    fn chunk(&self, addr: usize) -> Option<&Chunk> {
        self.chunks.get(addr >> CHUNK_LOG2)?.get()
    }

    /// The chunk of an address; makes it if need be. `None` where the operating system gives no
    /// memory and none of `fresh` is left, or the address has more than 48 bits.
    #[cold]
    fn make_chunk(&self, addr: usize, fresh: &mut Fresh<Chunk>) -> Option<&Chunk> {
        let index = addr >> CHUNK_LOG2;
        let chunk = self.chunks.get(index)?;
        // First: once it is there, other threads record blocks in it, and may enumerate them at once.
        self.first_complement.fetch_max(!index, Ordering::AcqRel);
        self.last.fetch_max(index, Ordering::AcqRel);
        chunk.get_or_map().or_else(|| chunk.get_or_put(fresh))
    }

    /// Makes all chunks that a block reaches into, so that it can be recorded. False where there is
    /// no memory for them.
    pub(crate) fn make_chunks(&self, addr: usize, usable: usize, fresh: &mut Fresh<Chunk>) -> bool {
        let mut starts = (addr..addr + usable).step_by(CHUNK).chain([addr + usable - 1]);
        starts.all(|start| self.chunk(start).or_else(|| self.make_chunk(start, fresh)).is_some())
    }

    /// Memory for as many chunks as a block may reach into, wherever it will be. `None` where there is none.
    pub(crate) fn reserve(&self, usable: usize) -> Option<Fresh<Chunk>> {
        match usable.div_ceil(CHUNK) + 1 {
            ..=Spare::<Chunk>::COUNT => self.spare.take(),
            count => Fresh::new(count),
        }
    }

    /// Takes back what is left of it.
    pub(crate) fn put_back(&self, fresh: Fresh<Chunk>) {
        self.spare.put(fresh);
    }

    /// Records any block. Returns false where the table has no room for it.
    #[cold]
    pub(crate) fn record(&self, addr: usize, record: Record, usable: usize) -> bool {
        let Some(chunk) = self.chunk(addr).or_else(|| self.make_chunk(addr, &mut Fresh::none())) else {
            return false;
        };
        // All that it reaches into, so that any address in it is found.
        for start in ((addr | (CHUNK - 1)) + 1..addr + usable).step_by(CHUNK) {
            if self.chunk(start).or_else(|| self.make_chunk(start, &mut Fresh::none())).is_none() {
                return false;
            }
        }
        let (head, rest) = slot::encode(record);
        let at = place(addr);
        for (next, slot) in rest.slots().iter().enumerate() {
            chunk.slots[at + 1 + next].store(*slot, Ordering::Release);
        }
        if usable > LARGE {
            self.set_reach(addr, usable, true);
        }
        // Last, so that who finds it finds the rest.
        chunk.slots[at].store(head, Ordering::Release);
        true
    }

    /// Forgets the plain block that begins at `addr`. False if there is none.
    #[inline(always)]
    pub(crate) fn forget_plain(&self, addr: usize) -> bool {
        let Some(place) = self.head(addr) else { return false };
        if !slot::begins_plain(place.load(Ordering::Relaxed)) {
            return false;
        }
        place.store(0, Ordering::Relaxed);
        true
    }

    /// Forgets the block that begins at `addr`; `None` if there is none.
    #[cold]
    pub(crate) fn forget(&self, addr: usize, usable: Usable) -> Option<Record> {
        let chunk = self.chunk(addr)?;
        let record = self.begins_at(addr)?;
        chunk.slots[place(addr)].store(0, Ordering::Relaxed);
        let usable = usable(addr, record);
        if usable > LARGE {
            self.set_reach(addr, usable, false);
        }
        Some(record)
    }

    /// The block that begins at exactly `addr`.
    pub(crate) fn begins_at(&self, addr: usize) -> Option<Record> {
        if addr % TINY != 0 {
            return None;
        }
        decode(&self.chunk(addr)?.slots, place(addr))
    }

    /// Notes (or erases) at pages and chunks that a large block reaches into them.
    fn set_reach(&self, base: usize, usable: usize, is_live: bool) {
        let Some(chunk) = self.chunk(base) else { return };
        let end = base + usable;
        let first = (base & (CHUNK - 1)) / GRANULE;
        let first_page = first * GRANULE / PAGE;
        let chunk_end = (base | (CHUNK - 1)) + 1;
        let last_page = ((end.min(chunk_end) - 1) & (CHUNK - 1)) / PAGE;
        for page in first_page + 1..=last_page {
            let distance = (page * PAGE / GRANULE - first) as u32;
            chunk.pages[page].store(if is_live { distance } else { 0 }, Ordering::Relaxed);
        }
        for start in (chunk_end..end).step_by(CHUNK) {
            if let Some(chunk) = self.chunk(start) {
                chunk.reaches_in.store(if is_live { base as u64 } else { 0 }, Ordering::Relaxed);
            }
        }
    }

    /// The block that holds `addr`: its base, record and usable size.
    pub(crate) fn lookup(&self, addr: usize, usable: Usable) -> Option<(usize, Record, usize)> {
        if addr >> CHUNK_LOG2 >= CHUNKS {
            return None;
        }
        let holds = |(base, record): (usize, Record)| {
            let usable = usable(base, record);
            (addr >= base && addr - base < usable).then_some((base, record, usable))
        };
        // First: slots inside large blocks were never written, and each look would cost a fault. A
        // small block may reach into a chunk in which none has begun yet.
        let marked = self.chunk(addr).map_or(0, |chunk| {
            match chunk.pages[(addr & (CHUNK - 1)) / PAGE].load(Ordering::Relaxed) as usize {
                0 => chunk.reaches_in.load(Ordering::Relaxed) as usize,
                granules => (addr & !(PAGE - 1)).saturating_sub(granules * GRANULE),
            }
        });
        if marked != 0 {
            // Where it ends, others may stand behind it in the page (not in jemalloc's).
            let large = self.begins_at(marked).map(|record| (marked, record));
            if let Some(found) = large.and_then(holds) {
                return Some(found);
            }
        }
        // Most are asked for by one of their first bytes, tiny ones always; blocks do not overlap.
        let base = addr & !(TINY - 1);
        match self.begins_at(base) {
            Some(record) => Some((base, record, usable(base, record))),
            None => self.last_start(addr).and_then(holds),
        }
    }

    /// The last block that begins a granule at or before `from`, as far back as one that leaves no
    /// marks may reach.
    fn last_start(&self, from: usize) -> Option<(usize, Record)> {
        let lowest = from.saturating_sub(LARGE.max(PAGE));
        let mut granule = from & !(GRANULE - 1);
        while granule + GRANULE > lowest {
            let chunk_base = granule & !(CHUNK - 1);
            if let Some(chunk) = self.chunk(granule) {
                let stop = place(chunk_base.max(lowest & !(GRANULE - 1)));
                let mut end = place(granule) + 1;
                while end > stop {
                    if end % GROUP == 0 && end - stop >= GROUP && is_empty(&chunk.slots[end - GROUP..end]) {
                        end -= GROUP;
                        continue;
                    }
                    end -= 1;
                    if !slot::is_head(chunk.slots[end].load(Ordering::Relaxed)) {
                        continue;
                    }
                    if let Some(record) = decode(&chunk.slots, end) {
                        return Some((chunk_base + end * GRANULE, record));
                    }
                }
            }
            granule = chunk_base.checked_sub(GRANULE)?;
        }
        None
    }

    /// Calls `visit` for every block, ascending. It says how many bytes the
    /// block takes, in which no other is looked for.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(usize, Record) -> usize) {
        let first = !self.first_complement.load(Ordering::Acquire);
        let last = self.last.load(Ordering::Acquire);
        if first > last {
            return; // no chunk yet
        }
        let page_map = PageMap::open();
        for index in first..=last {
            let base = index << CHUNK_LOG2;
            let Some(chunk) = self.chunk(base) else { continue };
            let (mut at, mut are_filled) = (0, [[false; PageMap::PAGES]; 2]);
            // Pages with nothing in them are not looked at: they would be there from then on.
            for page in 0..SLOTS / SLOTS_A_PAGE {
                if page % PageMap::PAGES == 0 {
                    let slots = [0, SECONDS].map(|first| chunk.slots[first..].as_ptr().addr());
                    are_filled = slots.map(|slots| page_map.are_filled(slots + page * PAGE));
                }
                let end = (page + 1) * SLOTS_A_PAGE;
                let [has_firsts, has_seconds] =
                    are_filled.map(|are_filled| are_filled[page % PageMap::PAGES]);
                if !has_firsts && !has_seconds {
                    at = end.max(at);
                }
                while at < end {
                    let addr = base + at * GRANULE;
                    if let Some(record) = decode(&chunk.slots, at) {
                        let bytes = visit(addr, record);
                        if bytes > TINY {
                            at += bytes.div_ceil(GRANULE);
                            continue;
                        }
                    }
                    if has_seconds {
                        if let Some(record) = decode(&chunk.slots, SECONDS + at) {
                            visit(addr + TINY, record);
                        }
                    }
                    at += 1;
                    // Blocks mostly stand side by side: what is empty is looked for where one is missing.
                    while at % GROUP == 0
                        && at < end
                        && is_empty(&chunk.slots[at..at + GROUP])
                        && (!has_seconds || is_empty(&chunk.slots[SECONDS + at..SECONDS + at + GROUP]))
                    {
                        at += GROUP;
                    }
                }
            }
        }
    }

    /// Gives back the memory of the slots of a range, as far as it is whole pages. Nothing is
    /// live there, nor may anything be recorded there before this returns.
    pub(crate) fn give_back(&self, addr: usize, len: usize) {
        for (index, slots) in by_chunk(addr, len) {
            if let Some(chunk) = self.chunks.get(index) {
                for first in [0, SECONDS] {
                    let byte = |slot: usize| (first + slot) * size_of::<AtomicU16>();
                    chunk.discard(byte(slots.start)..byte(slots.end));
                }
            }
        }
    }

    /// Address and length of each mapping that the table is made of.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.in_use().iter().filter_map(Mapped::range)
    }

    /// The chunks from the first to the last one in use. The others were never looked at, and take no memory.
    fn in_use(&self) -> &[Mapped<Chunk>] {
        let first = !self.first_complement.load(Ordering::Acquire);
        let last = self.last.load(Ordering::Acquire);
        self.chunks.get(first..=last).unwrap_or_default()
    }

    /// Bytes of physical memory that the table takes, as the kernel counts them.
    pub(crate) fn resident(&self) -> u64 {
        self.in_use().iter().map(Mapped::resident).sum()
    }
}

/// Where the head of a block is, if there is one, and the slot after it.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a>(&'a [AtomicU16; 2]);

impl Head<'_> {
    pub(crate) fn as_ptr(self) -> *const AtomicU16 {
        self.0.as_ptr()
    }

    /// The requested size of a plain block. As [`decode`], for that alone.
    #[inline(always)]
    pub(crate) fn plain_size(self) -> Option<usize> {
        let Head([slot, next]) = self;
        let head = slot.load(Ordering::Acquire);
        let size = slot::plain_size(head, next.load(Ordering::Acquire));
        (slot::begins_plain(head) && slot.load(Ordering::Relaxed) == head).then_some(size)
    }
}

/// The record of the block whose head is at `at`, if there is one: as of one moment, though
/// others write meanwhile. Who records writes the head last; who frees erases it first. So if
/// it is the same before and after, what was read between is of that block, or of one born
/// there meanwhile with the same head, as a whole.
#[inline]
fn decode(slots: &[AtomicU16; SECONDS + SLOTS], at: usize) -> Option<Record> {
    let head = slots[at].load(Ordering::Acquire);
    let record =
        slot::decode(head, |next| slots.get(at + next).map_or(0, |slot| slot.load(Ordering::Acquire)));
    record.filter(|_| slots[at].load(Ordering::Relaxed) == head)
}

/// The chunks of a range, each with its part in granules.
pub(crate) fn by_chunk(addr: usize, len: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let end = addr.saturating_add(len);
    let chunks = addr >> CHUNK_LOG2..end.div_ceil(CHUNK);
    chunks.map(move |index| {
        let base = index << CHUNK_LOG2;
        let from = addr.max(base) - base;
        let to = (end - base).min(CHUNK);
        (index, from.div_ceil(GRANULE)..to / GRANULE)
    })
}

/// Where in its chunk the head of a block is.
#[inline(always)]
fn place(addr: usize) -> usize {
    (addr & (CHUNK - 1)) / GRANULE + (addr & TINY) * (SECONDS / TINY)
}

const _: () = assert!(SECONDS - SLOTS >= MOST, "slots of a block lie side by side");

/// Slots that are looked at together: most of a sparse chunk is empty.
const GROUP: usize = 16;

#[inline]
fn is_empty(slots: &[AtomicU16]) -> bool {
    slots.iter().fold(0, |any, slot| any | slot.load(Ordering::Relaxed)) & START == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(_addr: usize, record: Record) -> usize {
        set_aside(record.size)
    }

    fn set_aside(size: usize) -> usize {
        if size <= 8 {
            8
        } else {
            size.next_multiple_of(16)
        }
    }

    fn record(size: usize, align_log2: u8) -> Record {
        Record { size, align_log2, epoch: 3, is_tool: false, has_sample: false }
    }

    /// A table of its own: the static one is the allocator's.
    fn table() -> Box<Table> {
        // Too large for a thread's stack, so it is not built there.
        let layout = std::alloc::Layout::new::<Table>();
        // SAFETY: the layout is not empty, and all-zero is `Table::new()`.
        unsafe { Box::from_raw(std::alloc::alloc_zeroed(layout).cast()) }
    }

    #[test]
    fn interior_addresses_find_their_block() {
        let table = table();
        let chunk = 5 << CHUNK_LOG2;
        let blocks = [
            (chunk, 8, 3),
            (chunk + 8, 3, 0),
            (chunk + 16, 16, 4),
            (chunk + 32, 14_336, 4),
            (chunk + 0x8000 + 64, 100_000.min(CHUNK / 4), 4),
            // Across two chunk borders.
            (chunk + CHUNK - 3 * PAGE + 128, 2 * CHUNK, 4),
            (chunk + 4 * CHUNK, 4 * CHUNK + CHUNK / 4 * 3, 21),
            // A small block across a border.
            (chunk + 10 * CHUNK - 4096, 8192, 4),
        ];
        for (addr, size, align) in blocks {
            assert!(table.record(addr, record(size, align), set_aside(size)));
        }
        for (addr, size, align) in blocks {
            let bytes = set_aside(size);
            let expected = Some((addr, record(size, align), bytes));
            for at in [0, 1, bytes / 3, bytes / 2, bytes - 1] {
                assert_eq!(table.lookup(addr + at, usable), expected, "{at} bytes into {addr:#x}");
            }
        }
        for free in [chunk - 1, chunk + 32 + 14_336, chunk + 0x8000, chunk + CHUNK - 3 * PAGE + 127] {
            assert_eq!(table.lookup(free, usable), None, "{free:#x}");
        }
        let mut met = Vec::new();
        table.for_each(|addr, record| {
            met.push((addr, record.size, record.align_log2));
            set_aside(record.size)
        });
        assert_eq!(met, blocks);
        for (addr, size, align) in blocks {
            assert_eq!(table.forget(addr, usable), Some(record(size, align)));
            assert_eq!(table.forget(addr, usable), None);
            assert_eq!(table.lookup(addr + size / 2, usable), None);
        }
        table.for_each(|addr, _| panic!("{addr:#x} was forgotten"));
    }

    #[test]
    fn an_empty_table_has_no_blocks() {
        let table = table();
        table.for_each(|addr, _| panic!("{addr:#x}"));
        assert_eq!(table.lookup(0, usable), None);
        assert_eq!(table.lookup(usize::MAX, usable), None);
        assert_eq!(table.forget(4096, usable), None);
        assert!(!table.record(1 << 50, record(16, 4), 16), "more than 48 bits");
    }

    /// Random blocks against a sorted list.
    #[test]
    fn agrees_with_a_sorted_list() {
        let table = table();
        let mut seed = 1u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let mut live = std::collections::BTreeMap::new();
        let base = 9 << CHUNK_LOG2;
        for _ in 0..if cfg!(miri) { 100 } else { 20_000 } {
            let large = random(50) == 0;
            let size = if large { random(300_000) + 14_337 } else { random(600) + 1 };
            let bytes = set_aside(size);
            let step = if bytes == 8 { 8 } else { 16 };
            let mut addr = base + random(3 * CHUNK) / 16 * 16;
            if large {
                addr = addr / PAGE * PAGE + random(8) * 64;
            } else if step == 8 {
                addr += 8 * random(2);
            }
            let before = live.range(..addr + bytes).next_back().map(|(&at, &size)| (at, set_aside(size)));
            match before {
                Some((at, taken)) if at + taken > addr => {
                    assert!(table.forget(at, usable).is_some());
                    live.remove(&at);
                }
                _ => {
                    // Large blocks have pages to themselves, as those of jemalloc do.
                    let pages = (addr / PAGE * PAGE)..(addr + bytes).next_multiple_of(PAGE);
                    let in_reach = live.range(..pages.end).next_back();
                    if let Some((&at, &other)) = in_reach {
                        let is_other_large = set_aside(other) > LARGE;
                        let other_end = (at + set_aside(other)).next_multiple_of(PAGE);
                        if (large && at + set_aside(other) > pages.start)
                            || (is_other_large && other_end > addr)
                        {
                            continue;
                        }
                    }
                    assert!(table.record(addr, record(size, 0), bytes));
                    live.insert(addr, size);
                }
            }
            let probe = base + random(3 * CHUNK);
            let expected = live
                .range(..=probe)
                .next_back()
                .filter(|(&at, &size)| probe - at < set_aside(size))
                .map(|(&at, &size)| (at, record(size, 0), set_aside(size)));
            assert_eq!(table.lookup(probe, usable), expected);
        }
        let mut met = Vec::new();
        table.for_each(|addr, record| {
            met.push((addr, record.size));
            set_aside(record.size)
        });
        assert_eq!(met, live.into_iter().collect::<Vec<_>>());
    }
}
