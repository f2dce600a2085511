//! Over another allocator than jemalloc: the table against a count of our own,
//! usable sizes as that allocator says, and no account to compare with.

#![allow(unsafe_code, reason = "calls the allocator as collections do")]

use heap_snapshot::record::LiveBlock;
use std::alloc::{GlobalAlloc, Layout, System};
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
}

#[global_allocator]
// SAFETY: every block of `Counting` is one of the system's `malloc`.
static ALLOC: TrackingAlloc<Counting> = unsafe { TrackingAlloc::over(Counting).usable_by(usable) };

fn judge(what: &str) {
    let (mut bytes, mut count) = (0, 0);
    blocks().for_each(&mut |block: LiveBlock| {
        bytes += block.usable as i64;
        count += 1;
    });
    assert_eq!((count, bytes), (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed)), "{what}");
    let figures = blocks().figures();
    assert!(figures.is_unaccounted, "nobody else counts");
    assert_eq!((figures.live as i64, figures.allocated), (bytes, 0));
}

fn main() {
    judge("at start");
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
    println!("test over_system ... ok\n1 passed, 0 failed");
}
