//! Without the feature `enabled` nothing is left: what is asked goes on, nothing is installed, and no
//! variable is read. Run with `--no-default-features`.
#![cfg(not(feature = "enabled"))]
#![allow(unsafe_code, reason = "stands below as an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracking_alloc::TrackingAlloc;

static ASKED: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of what it is asked for and at which layout.
#[derive(Clone, Copy)]
struct Counting;

// SAFETY: hands on each call as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if (layout.size(), layout.align()) == (3, 1) {
            ASKED.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: our caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: our caller's pointer and layout.
        unsafe { System.dealloc(ptr, layout) };
    }
}

#[global_allocator]
static ALLOC: TrackingAlloc<Counting> = TrackingAlloc::over(Counting);

#[test]
fn requests_go_on_as_they_are() {
    let before = ASKED.load(Ordering::Relaxed);
    let small = std::hint::black_box(vec![7_u8; 3]);
    // Tracked, the allocator below would have been asked for 16 bytes.
    assert!(ASKED.load(Ordering::Relaxed) > before);
    assert!(heap_snapshot::live::installed().is_none(), "{small:?}");
}

#[test]
fn no_variable_is_read() {
    let again = Command::new(std::env::current_exe().expect("this test"))
        .args(["requests_go_on", "--nocapture"])
        .env("HEAP_TRACK", "nonsense")
        .output()
        .expect("started again");
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && !said.contains("HEAP_TRACK"), "{said}");
}
