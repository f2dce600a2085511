//! `HEAP_TRACK=stacks`: each block has the stack that allocated it, through
//! threads, resizing, forks and ends of threads, and the ledger closes.
//!
//! Its own `main`, which starts itself again in each mode.

use end_to_end::{analyse, take};
use heap_analysis::addresses::Code;
use heap_analysis::stacks::StackRow;
use heap_snapshot::live::{self, ToolScope};
use heap_snapshot::record::StackWay;
use std::cell::RefCell;
use std::hint::black_box;
use std::process::Command;
use tracking_alloc::TrackingAlloc;

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

type Bytes = Vec<u8>;

#[inline(never)]
fn from_the_left(size: usize) -> Bytes {
    black_box(vec![1; black_box(size)])
}

#[inline(never)]
fn from_the_right(size: usize) -> Bytes {
    black_box(vec![2; black_box(size)])
}

#[inline(never)]
fn deep(depth: usize, size: usize) -> Bytes {
    match depth {
        0 => from_the_left(size),
        _ => black_box(deep(depth - 1, size)),
    }
}

#[inline(always)]
fn inlined_twice(size: usize) -> Bytes {
    black_box(vec![4; black_box(size)])
}

#[inline(always)]
fn inlined_once(size: usize) -> Bytes {
    inlined_twice(size)
}

#[inline(never)]
fn around_inlined(size: usize) -> Bytes {
    black_box(inlined_once(size))
}

#[inline(never)]
fn grown(size: usize) -> Bytes {
    let mut bytes = from_the_right(16);
    while bytes.len() < size {
        bytes.push(3);
    }
    bytes
}

thread_local! {
    static LATE: RefCell<Late> = const { RefCell::new(Late) };
}

/// Allocates when its thread ends.
struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        black_box(from_the_left(100));
    }
}

fn stack_of(bytes: &[u8]) -> u32 {
    live::installed().expect("tracked").stack_of(bytes.as_ptr() as u64)
}

/// What a child does in *stacks*: every block's stack is judged.
fn every_block() {
    let left: Vec<Bytes> = (1..200).map(from_the_left).collect();
    let right: Vec<Bytes> = (1..200).map(from_the_right).collect();
    let deep_one = deep(1000, 64);
    let grown_one = grown(100_000);
    let from_thread = std::thread::spawn(|| {
        LATE.with(|_| ());
        from_the_right(4000)
    });
    let from_thread = from_thread.join().expect("a thread");
    assert!(left.iter().chain(&right).all(|bytes| stack_of(bytes) != 0));
    // Two of 8 bytes that share a slot have their own.
    let (a, b) = (from_the_left(8), from_the_right(8));
    assert_ne!(stack_of(&a), stack_of(&b));
    let inlined = around_inlined(77);
    let kept = (left, right, deep_one, grown_one, from_thread, a, b, inlined);

    let snapshot = take(&[("kept", &kept)]);
    let _tool = ToolScope::enter();
    let figures = snapshot.stacks.expect("stacks were taken");
    assert_eq!((figures.mean, figures.lost), (0, 0));
    assert_ne!(StackWay(figures.way), StackWay::NONE);
    assert_eq!(snapshot.block_stacks.len(), snapshot.blocks.len());
    assert!(snapshot.block_stacks.iter().filter(|stack| **stack == 0).count() == 0, "each block has one");
    let exe = std::env::current_exe().and_then(std::fs::canonicalize).expect("this program");
    assert!(snapshot.images.iter().any(|image| image.path == exe.to_string_lossy()));
    // Only stacks that a block has, or that such a one stands below.
    let mut is_used = vec![false; snapshot.stack_frames.len() + 1];
    snapshot.block_stacks.iter().for_each(|stack| is_used[*stack as usize] = true);
    for (at, frame) in snapshot.stack_frames.iter().enumerate().rev() {
        assert!(is_used[at + 1], "{frame:?}");
        is_used[frame.parent as usize] = true;
    }
    let total: u64 = snapshot.blocks.iter().map(|block| block.usable).sum();
    let analysis = analyse(snapshot);
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
    let stacks = analysis.stacks(false, 0);
    assert_eq!(stacks.rows.iter().map(|row| row.bytes).sum::<u64>(), total);
    let through = |function: &str| -> (u64, u64) {
        let is_through = |row: &&StackRow| {
            row.frames.iter().any(|frame| frame.functions.iter().any(|name| name.name.contains(function)))
        };
        stacks.rows.iter().filter(is_through).fold((0, 0), |sum, row| (sum.0 + row.blocks, sum.1 + row.bytes))
    };
    // 199, one from the depth, one of 8 bytes; 199, one grown, one of a thread, one of 8 bytes.
    assert_eq!(through("from_the_left").0, 201);
    assert_eq!(through("from_the_right").0, 202);
    let (blocks, bytes) = through("stacks::grown");
    assert_eq!(blocks, 1, "it keeps its stack through every move");
    assert!(bytes >= 100_000);
    // Of one return address the functions inlined there too, each with its line.
    let is_around = |code: &&Code| {
        code.functions.last().is_some_and(|function| function.name.ends_with("::around_inlined"))
    };
    let mut codes = stacks.rows.iter().flat_map(|row| &row.frames);
    let functions = &codes.find(is_around).expect("its frame").functions;
    let last: Vec<&str> =
        functions.iter().rev().take(3).filter_map(|function| function.name.rsplit("::").next()).collect();
    assert_eq!(last, ["around_inlined", "inlined_once", "inlined_twice"], "{functions:?}");
    let lines: Vec<u32> = functions.iter().rev().take(3).map(|function| function.line).collect();
    assert!(lines.is_sorted_by(|outer, inner| outer > inner) && lines[2] > 0, "{lines:?}");
    assert!(functions.iter().rev().take(3).all(|function| function.file.ends_with(file!())), "{functions:?}");
    // Allocator-internal frames are not shown.
    assert!(stacks.rows.iter().all(|row| row.frames.first().is_none_or(|frame| {
        frame.functions.iter().all(|function| !function.name.contains("tracking_alloc::"))
    })));
    println!("every block, {}", stacks.way);
}

/// What a child does in `stacks:64K`: a part has stacks, and stands for all.
fn a_part() {
    let kept: Vec<Bytes> =
        (0..40_000).map(|at| if at % 4 == 0 { from_the_left(1000) } else { from_the_right(500) }).collect();
    let snapshot = take(&[("kept", &kept)]);
    let _tool = ToolScope::enter();
    assert_eq!(snapshot.stacks.map(|figures| figures.mean), Some(64 << 10));
    let sampled = snapshot.block_stacks.iter().filter(|stack| **stack != 0).count();
    assert!((100..2000).contains(&sampled), "{sampled} of 25 MB at 64 KiB");
    let requested: u64 = snapshot.blocks.iter().map(|block| block.requested).sum();
    let analysis = analyse(snapshot);
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
    let stacks = analysis.stacks(false, 0);
    let estimate = stacks.rows.iter().map(|row| row.estimated_bytes).sum::<u64>() as f64;
    // 380 samples: 5 standard deviations are a quarter.
    assert!((estimate / requested as f64 - 1.0).abs() < 0.3, "{estimate} for {requested}");
    println!("a part");
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("stacks") => return every_block(),
        Some("stacks:64K") => return a_part(),
        _ => {}
    }
    for mode in ["stacks", "stacks:64K"] {
        let exe = std::env::current_exe().expect("this test");
        let output = Command::new(exe).arg(mode).env("HEAP_TRACK", mode).output().expect("started again");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{mode}: {said}");
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    println!("test stacks ... ok\n1 passed, 0 failed");
}
