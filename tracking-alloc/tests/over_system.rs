//! Over another allocator than jemalloc: the table against a count of our own,
//! usable sizes as that allocator says, and no account to compare with.

#![allow(unsafe_code, reason = "calls the allocator as collections do")]

use heap_snapshot::record::LiveBlock;
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicI64, Ordering};
use tracking_alloc::{blocks, TrackingAlloc};

/// The system's allocator, with a count of what it has set aside.
#[derive(Clone, Copy)]
struct Counting;

static BYTES: AtomicI64 = AtomicI64::new(0);
static BLOCKS: AtomicI64 = AtomicI64::new(0);

unsafe extern "C" fn usable(ptr: *mut std::ffi::c_void) -> usize {
    // SAFETY: our caller's block of the system's allocator.
    unsafe { libc::malloc_usable_size(ptr) }
}

fn count(ptr: *mut u8, sign: i64) {
    if !ptr.is_null() {
        // SAFETY: a live block.
        BYTES.fetch_add(sign * unsafe { usable(ptr.cast()) } as i64, Ordering::Relaxed);
        BLOCKS.fetch_add(sign, Ordering::Relaxed);
    }
}

// SAFETY: hands on each call as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: our caller's layout.
        let ptr = unsafe { System.alloc(layout) };
        count(ptr, 1);
        ptr
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(ptr, -1);
        // SAFETY: our caller's pointer and layout.
        unsafe { System.dealloc(ptr, layout) };
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(ptr, -1);
        // SAFETY: our caller's pointer, layout and size.
        let new = unsafe { System.realloc(ptr, layout, new_size) };
        count(if new.is_null() { ptr } else { new }, 1);
        new
    }
}

#[global_allocator]
// SAFETY: every block of `Counting` is one of the system's `malloc`.
static ALLOC: TrackingAlloc<Counting> = unsafe { TrackingAlloc::over(Counting).usable_by(usable) };

/// Blocks and bytes of the table.
fn table() -> (i64, i64) {
    let (mut bytes, mut count) = (0, 0);
    blocks().for_each(&mut |block: LiveBlock| {
        bytes += block.usable as i64;
        count += 1;
    });
    (count, bytes)
}

fn judge(what: &str) {
    let (count, bytes) = table();
    assert_eq!((count, bytes), (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed)), "{what}");
    let figures = blocks().figures();
    assert!(figures.is_unaccounted, "nobody else counts");
    assert_eq!((figures.live as i64, figures.allocated), (bytes, 0));
}

/// A block keeps its record through all that can become of it while a checkpoint runs, and what is
/// counted is what happened.
fn resized_during_a_checkpoint() {
    let layout = |size| Layout::from_size_align(size, 8).expect("a layout");
    let usable = |ptr: *mut u8| blocks().lookup(ptr as u64).expect("live").usable;
    // SAFETY: the size is not 0.
    let first = unsafe { std::alloc::alloc(layout(3000)) };
    let first_usable = usable(first);
    blocks().begin();
    // SAFETY: allocated with this layout, and resized to these sizes.
    unsafe {
        assert_eq!(std::alloc::realloc(first, layout(3000), 2900), first, "glibc shrinks in place");
        assert!(std::alloc::realloc(first, layout(2900), isize::MAX as usize - 100).is_null());
    }
    let block = blocks().lookup(first as u64).expect("still live");
    assert_eq!((block.requested, block.epoch), (2900, 0));
    let traffic = blocks().end();
    assert_eq!((traffic.born.blocks, traffic.freed.blocks), (0, 0), "the same block all along");
    blocks().begin();
    // SAFETY: as above; of that size it can only be a mapping of its own.
    let moved = unsafe { std::alloc::realloc(first, layout(2900), 3 << 20) };
    let last_usable = usable(moved);
    let traffic = blocks().end();
    assert_ne!(moved, first);
    assert_eq!((traffic.born.blocks, traffic.born.bytes), (1, last_usable));
    assert!((1..=first_usable).contains(&traffic.freed.bytes) && traffic.freed.blocks == 1, "{traffic:?}");
    // SAFETY: resized to this.
    unsafe { std::alloc::dealloc(moved, layout(3 << 20)) };
    judge("after two checkpoints");
}

/// Blocks grow and move until there is no memory, be it for them or for the table: whichever
/// it was, the request failed, and each block is there with its record and what is in it.
fn without_memory() {
    // The table needs 24 MiB of addresses for each 64: with some limits it is the one that lacks them.
    for spare in (4..160_u64).step_by(6) {
        // SAFETY: the child runs nothing of the parent's but what follows, and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let is_well = grow_until_none(spare << 20);
            // SAFETY: ends the child.
            unsafe { libc::_exit(i32::from(!is_well)) };
        }
        let mut status = -1;
        // SAFETY: waits for the child that was just made.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert_eq!(status, 0, "the child with {spare} MiB");
    }
    judge("after children without memory");
}

fn grow_until_none(spare: u64) -> bool {
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(4000);
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    let most = pages * 4096 + spare;
    // SAFETY: sets this process's limit to what it has and some MiB.
    unsafe {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &limit), 0);
    }
    let mut refused = 0;
    for at in 0..4000_usize {
        let mut vec = Vec::new();
        for size in [700 + at % 5000, 9000 + at % 3000, 60_000, 250_000] {
            let more = black_box(size) - vec.len();
            refused += usize::from(vec.try_reserve_exact(more).is_err());
            vec.resize(vec.capacity(), at as u8);
        }
        kept.push(vec);
        if refused > 20 {
            break;
        }
    }
    let is_whole = kept.iter().enumerate().all(|(at, vec)| {
        let block = blocks().lookup(vec.as_ptr() as u64).map(|block| block.requested);
        (vec.capacity() == 0 || block == Some(vec.capacity() as u64))
            && vec.iter().all(|byte| *byte == at as u8)
    });
    let (table, all) = (table(), (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed)));
    // What is set aside beyond what was asked for may be unknown of a block that moved.
    let is_closed = table.0 == all.0 && (all.1 - 4096 * all.0..=all.1).contains(&table.1);
    let unknown = blocks().unknown_frees();
    let is_well = refused > 0 && is_whole && is_closed && unknown == 0;
    if !is_well {
        eprintln!("refused {refused}, whole {is_whole}, {table:?} of {all:?}, {unknown}");
    }
    is_well
}

fn main() {
    judge("at start");
    // The sanitizer has an allocator of its own, which moves what it resizes, and needs memory too.
    let is_system = std::env::var_os("ASAN_OPTIONS").is_none();
    if is_system {
        resized_during_a_checkpoint();
    }
    let mut seed = 1_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut kept: Vec<(*mut u8, Layout)> = Vec::with_capacity(5000);
    for step in 0..20_000 {
        let large = random(40) == 0;
        let size = if large { random(600_000) + 1 } else { random(400) + 1 };
        let align = 1 << if large { random(17) } else { random(5) };
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // SAFETY: the size is not 0.
        kept.push((unsafe { std::alloc::alloc(layout) }, layout));
        if step % 3 == 0 {
            let at = random(kept.len());
            let (ptr, layout) = kept[at];
            let size = layout.size() / 2 + random(1000) + 1;
            // SAFETY: allocated with this layout; the size is not 0.
            let new = unsafe { std::alloc::realloc(ptr, layout, size) };
            kept[at] = (new, Layout::from_size_align(size, layout.align()).expect("a layout"));
        }
        if kept.len() > 1000 {
            let at = random(kept.len());
            let (ptr, layout) = kept.swap_remove(at);
            // SAFETY: allocated, or resized, with this layout.
            unsafe { std::alloc::dealloc(ptr, layout) };
        }
    }
    for &(ptr, layout) in &kept {
        let (addr, size) = (ptr as u64, layout.size() as u64);
        let block = blocks().lookup(addr).expect("live");
        assert_eq!((block.addr, block.requested, 1 << block.align_log2), (addr, size, layout.align()));
        assert_eq!(addr % layout.align() as u64, 0);
        // SAFETY: a live block.
        assert_eq!(block.usable, unsafe { usable(ptr.cast()) } as u64);
        for at in [size / 2, size - 1, block.usable - 1] {
            assert_eq!(blocks().lookup(addr + at), Some(block), "{at} bytes into {layout:?}");
        }
    }
    judge("after random operations");
    for (ptr, layout) in kept.drain(..) {
        // SAFETY: allocated, or resized, with this layout.
        unsafe { std::alloc::dealloc(ptr, layout) };
    }
    judge("freed");
    if is_system {
        without_memory();
    }
    println!("test over_system ... ok\n1 passed, 0 failed");
}
