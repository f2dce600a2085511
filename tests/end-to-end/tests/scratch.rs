//! What a walk needs beside the heap that it walks: a bit for every eight bytes of it (granules
//! are 16 bytes, and two blocks may begin in one), 16 bytes at most for each shared block, and a
//! work list that does not grow with the heap.

use heap_snapshot::live::{self, ToolScope};
use heap_walk::{Shape, Walk, Walker};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// The work list, buffers of records, sums by type, the first pages of marks.
const FIXED: u64 = 3 << 20;

/// Most bytes that the tool had when a [`Probe`] was walked.
static MOST: AtomicU64 = AtomicU64::new(0);

fn tool_bytes() -> u64 {
    live::installed().expect("the tracking allocator").figures().tool
}

/// Looks at the tool's memory when the walk comes by.
#[derive(Clone)]
struct Probe;

impl Walk for Probe {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        MOST.fetch_max(tool_bytes(), Ordering::Relaxed);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

/// One value in so many has a probe.
const EVERY: usize = 1 << 12;

#[derive(Walk)]
struct Value {
    number: u64,
    probe: Option<Probe>,
}

fn value(at: usize) -> Value {
    Value { number: at as u64, probe: at.is_multiple_of(EVERY).then_some(Probe) }
}

/// Usable bytes of the program's blocks.
fn heap() -> u64 {
    let mut bytes = 0;
    tracking_alloc::blocks().for_each(&mut |block| bytes += if block.is_tool { 0 } else { block.usable });
    bytes
}

/// Walks what `make` gives, to a file and for a report, and asserts how much that takes.
fn check<T: Walk>(what: &str, shared: u64, make: impl FnOnce() -> T) {
    let before = heap();
    let value = make();
    let bytes = heap() - before;
    let most = |walk: &dyn Fn()| {
        let before = tool_bytes();
        MOST.store(0, Ordering::Relaxed);
        walk();
        let most = MOST.load(Ordering::Relaxed);
        assert!(most >= before, "{what}: no probe was met");
        most - before
    };
    let to_file = most(&|| {
        let _tool = ToolScope::enter();
        heap_walk::snapshot(io::sink(), &[("value", &value)]).expect("written");
    });
    let report = most(&|| {
        let report = heap_walk::measure(&value);
        assert!(report.blocks >= shared && report.in_all <= bytes, "{report}");
    });
    let allowed = bytes / 64 + 16 * shared + FIXED;
    println!(
        "{what}: {bytes} bytes, {shared} shared blocks: file {to_file}, report {report}, at most {allowed}"
    );
    assert!(to_file <= allowed, "{what}: a walk to a file takes {to_file}, allowed are {allowed}");
    assert!(report <= allowed, "{what}: a report takes {report}, allowed are {allowed}");
}

#[derive(Walk)]
struct Link {
    value: Value,
    next: Option<Box<Link>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut link) = next {
            next = link.next.take();
        }
    }
}

fn main() {
    println!("running scratch");
    check("one list of boxes", 0, || (0..1 << 20).map(|at| Box::new(value(at))).collect::<Vec<_>>());
    check("lists of lists", 0, || {
        let list = |at: usize| (0..1000).map(|n| Box::new(value(1000 * at + n))).collect::<Vec<_>>();
        (0..1000).map(list).collect::<Vec<_>>()
    });
    check("a table of tables", 0, || {
        let table =
            |at: usize| (0..500).map(|n| (n, Box::new(value(500 * at + n)))).collect::<HashMap<_, _>>();
        (0..500).map(|at| (at, table(at))).collect::<HashMap<_, _>>()
    });
    check("a chain", 0, || {
        let mut next = None;
        for at in 0..1 << 19 {
            next = Some(Box::new(Link { value: value(at), next }));
        }
        next
    });
    // Both handles of each, half the walk apart.
    let count = 1 << 20;
    check("shared blocks", count, || {
        let handles: Vec<Arc<Value>> = (0..count as usize).map(|at| Arc::new(value(at))).collect();
        // What is met for the second time is not entered: a probe at either end.
        (Box::new(value(0)), handles.clone(), handles, Box::new(value(0)))
    });
    check("one shared block with many handles", 1, || {
        let shared = Rc::new(value(0));
        vec![shared; 1 << 21]
    });
    println!("6 passed, 0 failed");
}
