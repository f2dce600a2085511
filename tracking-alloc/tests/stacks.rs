//! *stacks*: each block has its stack in every odd place where blocks are made,
//! and the table still adds up to what jemalloc says.

#![allow(unsafe_code, reason = "forks, and calls the allocator as collections do")]

use heap_snapshot::record::{LiveBlock, StackWay};
use std::alloc::{alloc, dealloc, Layout};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::process::Command;
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

fn judge(what: &str) {
    let (mut sum, mut without) = (0, 0);
    blocks().for_each(&mut |block: LiveBlock| {
        sum += block.usable;
        without += u32::from(blocks().stack_of(block.addr) == 0);
    });
    assert_eq!(blocks().figures().live, sum, "{what}");
    let is_every = blocks().stacks().is_some_and(|stacks| stacks.mean == 0);
    assert!(!is_every || without == 0, "{what}: {without} blocks without a stack");
}

/// Return addresses, innermost first.
fn stack(at: *const u8) -> Vec<u64> {
    let mut number = blocks().stack_of(at as u64);
    let mut addresses = Vec::new();
    while let Some(frame) = blocks().stack(number) {
        assert!(frame.parent < number);
        addresses.push(frame.address);
        number = frame.parent;
    }
    addresses
}

#[inline(never)]
fn left(size: usize) -> Vec<u8> {
    black_box(vec![black_box(1); size])
}

#[inline(never)]
fn right(size: usize) -> Vec<u8> {
    black_box(vec![black_box(2); size])
}

#[inline(never)]
fn deep(depth: usize) -> Vec<u8> {
    match depth {
        0 => left(24),
        _ => black_box(deep(depth - 1)),
    }
}

#[inline(never)]
fn far_out(inner: usize) -> Vec<u8> {
    black_box(black_box(deep(inner)))
}

/// Functions that return the number of the stack of a block that is allocated at the end of a path of
/// calls. They have frames of different sizes, in which frames of calls before are left.
macro_rules! calls {
    ($($name:ident $size:literal)*) => { $(
        #[inline(never)]
        fn $name(path: &[u8]) -> u32 {
            let frame = MaybeUninit::<[u64; $size]>::uninit();
            black_box(&frame);
            let number = match path {
                [] => blocks().stack_of(left(16).as_ptr() as u64),
                [0, inner @ ..] => narrow(inner),
                [1, inner @ ..] => wide(inner),
                [_, inner @ ..] => wider(inner),
            };
            black_box(&frame);
            number
        }
    )* };
}

calls! { narrow 1 wide 12 wider 40 }

/// Each path of calls has a stack of its own, whatever was called before it.
fn paths() {
    let mut stacks = HashMap::new();
    let mut paths = HashMap::new();
    let (mut seed, mut path) = (1_u64, Vec::new());
    for _ in 0..6000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut random = seed >> 8;
        let mut below = |most: u64| {
            random = random.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            random % most
        };
        // A part of the one before goes on elsewhere, or another one begins.
        path.truncate(below(path.len() as u64 + 1) as usize);
        for _ in 0..below(5) {
            path.push(below(3) as u8);
        }
        path.truncate(12);
        let number = narrow(&path);
        assert_eq!(*stacks.entry(path.clone()).or_insert(number), number, "{path:?}");
        assert_eq!(*paths.entry(number).or_insert(path.clone()), path, "{number}");
    }
    assert!(stacks.len() > 1000, "{}", stacks.len());
}

struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        let late = left(300);
        assert_ne!(blocks().stack_of(late.as_ptr() as u64), 0, "while the thread ends");
    }
}

thread_local! {
    static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
}

fn every_block() {
    judge("at start");
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = (1..500).map(|size| (left(size), right(size))).collect();
    let first = stack(pairs[0].0.as_ptr());
    assert!(first.len() > 3, "{first:?}");
    for (a, b) in &pairs {
        assert_eq!(blocks().stack_of(a.as_ptr() as u64), blocks().stack_of(pairs[0].0.as_ptr() as u64));
        assert_ne!(blocks().stack_of(a.as_ptr() as u64), blocks().stack_of(b.as_ptr() as u64));
    }
    judge("two stacks");
    paths();

    // The same functions at the same places of the stack, called from two lines far out.
    let mut lines = [Vec::new(), Vec::new()];
    for round in 0..100 {
        let inner = round % 7;
        lines[0].push(far_out(inner));
        lines[1].push(far_out(inner));
    }
    for (inner, (a, b)) in lines[0].iter().zip(&lines[1]).enumerate() {
        let again = [&lines[0][inner % 7], &lines[1][inner % 7]];
        assert_eq!(blocks().stack_of(a.as_ptr() as u64), blocks().stack_of(again[0].as_ptr() as u64));
        assert_eq!(blocks().stack_of(b.as_ptr() as u64), blocks().stack_of(again[1].as_ptr() as u64));
        let (a, b) = (stack(a.as_ptr()), stack(b.as_ptr()));
        assert_eq!(a.len(), b.len());
        let differ: Vec<usize> = (0..a.len()).filter(|&at| a[at] != b[at]).collect();
        assert!(differ.len() == 1 && differ[0] > inner % 7, "{differ:?}");
    }

    // Through growth in place and by moving, and after a failed one.
    let mut grown = left(20);
    let own = blocks().stack_of(grown.as_ptr() as u64);
    let mut moves = 0;
    while grown.len() < 1 << 20 {
        let before = grown.as_ptr();
        grown.push(0);
        moves += u32::from(grown.as_ptr() != before);
        assert_eq!(blocks().stack_of(grown.as_ptr() as u64), own);
    }
    assert!(moves > 3);
    // SAFETY: the block is live and has this layout; the new size is not 0.
    unsafe {
        let layout = std::alloc::Layout::from_size_align(grown.capacity(), 1).expect("a layout");
        assert!(black_box(std::alloc::realloc(grown.as_mut_ptr(), layout, 1 << 47)).is_null());
    }
    assert_eq!(blocks().stack_of(grown.as_ptr() as u64), own, "put back");
    grown.truncate(3);
    grown.shrink_to_fit();
    assert_eq!(blocks().stack_of(grown.as_ptr() as u64), own, "shrunk to 8 bytes");
    judge("resized");

    // Deep ones are cut at the outer end, in steps.
    let (a, b) = (deep(5000), deep(5001));
    let (a, b) = (stack(a.as_ptr()), stack(b.as_ptr()));
    assert!((190..=256).contains(&a.len()) && (190..=256).contains(&b.len()), "{} {}", a.len(), b.len());
    assert_eq!(a[..8], b[..8]);

    let kept = std::thread::spawn(|| {
        LATE.with(|late| *late.borrow_mut() = Some(Late));
        left(1000)
    });
    let kept = kept.join().expect("a thread");
    drop(pairs);
    judge("after a thread");
    drop(kept);

    // SAFETY: the child allocates, judges, and leaves without running anything of the parent's.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let made: Vec<Vec<u8>> = (1..100).map(right).collect();
        let is_right = made.iter().all(|vec| blocks().stack_of(vec.as_ptr() as u64) > 1);
        // SAFETY: ends the child.
        unsafe { libc::_exit(if is_right { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just made.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child's blocks have stacks");
    judge("after a fork");
    let figures = blocks().stacks().expect("stacks");
    assert_eq!(figures.lost, 0);
    assert!(figures.nodes > 10 && figures.table > 0 && blocks().figures().table > figures.table);
    println!("{}", StackWay(figures.way).name().expect("known"));
}

/// Without an unwinder and without frame pointers no block gets a frame, and that is told.
fn without_a_way() {
    if cfg!(feature = "unwind") {
        panic!("the unwinder is there");
    }
    let kept: Vec<Vec<u8>> =
        (1..500).map(|size| deep(size % 9).into_iter().chain(left(size)).collect()).collect();
    for vec in &kept {
        assert_eq!(stack(vec.as_ptr()), [0], "one that could not be taken, not one frame of it");
    }
    judge("without stacks");
    assert!(blocks().stacks().is_some_and(|stacks| stacks.lost > 500));
    println!("none");
}

fn short_threads() {
    for _ in 0..100 {
        std::thread::scope(|scope| {
            let threads = [(); 10].map(|()| scope.spawn(|| drop(left(100))));
            // A scope waits for what its threads do, not for their ends.
            threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
        });
    }
    judge("a thousand threads");
}

fn a_part() {
    let kept: Vec<Vec<u8>> = (0..20_000).map(|_| left(1000)).collect();
    let sampled = || kept.iter().filter(|vec| blocks().stack_of(vec.as_ptr() as u64) != 0).count();
    // One in 65.5: 305, give or take 5 times 17.
    assert!((220..390).contains(&sampled()), "{}", sampled());
    let before = sampled();
    drop(right(1 << 20));
    assert_eq!(sampled(), before);
    judge("sampled");
    drop(kept);
    // Where blocks with stacks were, blocks without have none: as many as before of as many.
    let again: Vec<Vec<u8>> = (0..20_000).map(|_| right(1000)).collect();
    let count = again.iter().filter(|vec| blocks().stack_of(vec.as_ptr() as u64) != 0).count();
    assert!((220..390).contains(&count), "{count}");
    // A vector that grew is as likely to have one as if it had been made so large.
    let grown: Vec<Vec<u8>> = (0..400)
        .map(|_| {
            let mut vec = Vec::new();
            (0..64).for_each(|_| vec.extend_from_slice(&[1; 1000]));
            vec
        })
        .collect();
    let count = grown.iter().filter(|vec| blocks().stack_of(vec.as_ptr() as u64) != 0).count();
    // Capacities of 64,000 or more: at least 62 in a hundred, at most 87.
    assert!((210..380).contains(&count), "{count}");
    judge("grown");
    small_ones();
}

/// Blocks whose records take one slot: samples change nothing else of them, and go with them.
fn small_ones() {
    let layouts: Vec<Layout> = (1..=17)
        .flat_map(|size| {
            [1, 2, 4, 8, 16].map(|align| Layout::from_size_align(size, align).expect("a layout"))
        })
        .collect();
    // Allocated and given back twice, at the same addresses mostly.
    for round in 0..2 {
        // SAFETY: the sizes are not 0.
        let made = (0..10_000).flat_map(|_| &layouts).map(|layout| (unsafe { alloc(*layout) }, *layout));
        let made: Vec<(*mut u8, Layout)> = made.collect();
        // No type has a size that is no multiple of its alignment, and there is no room for that and a sample.
        let has_room =
            |layout: Layout| layout.size() > 16 || layout.align() > 8 || layout.size() % layout.align() == 0;
        let (mut count, mut bytes) = (0, 0);
        for (ptr, layout) in &made {
            let block = blocks().lookup(*ptr as u64).expect("a block");
            let found = (block.addr, block.requested, 1 << block.align_log2, block.is_tool);
            assert_eq!(found, (*ptr as u64, layout.size() as u64, layout.align(), false), "round {round}");
            if has_room(*layout) {
                count += u32::from(blocks().stack_of(*ptr as u64) != 0);
                bytes += layout.size();
            } else {
                assert_eq!(blocks().stack_of(*ptr as u64), 0);
            }
        }
        let expected = bytes as f64 / 65_536.0;
        let deviation = (f64::from(count) - expected).abs() / expected.sqrt();
        assert!(expected > 50.0 && deviation < 5.0, "{count} for {expected}");
        judge("small");
        for (ptr, layout) in made {
            // SAFETY: allocated above with this layout.
            unsafe { dealloc(ptr, layout) };
            assert_eq!(blocks().stack_of(ptr as u64), 0);
        }
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("stacks") => {
            // More than it takes to find out.
            (0..100).for_each(|size| drop(left(size)));
            if blocks().stacks().is_some_and(|stacks| StackWay(stacks.way) == StackWay::NONE) {
                return without_a_way();
            }
            every_block();
            return short_threads();
        }
        Some(_) => return a_part(),
        None => {}
    }
    let modes = ["stacks", "stacks:64K"];
    for mode in if cfg!(feature = "unwind") { &modes[..] } else { &modes[..1] } {
        let exe = std::env::current_exe().expect("this test");
        let output = Command::new(exe).arg(mode).env("HEAP_TRACK", mode).output().expect("started again");
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
        print!("{mode} {}", String::from_utf8_lossy(&output.stdout));
    }
    println!("\ntest stacks ... ok\n1 passed, 0 failed");
}
