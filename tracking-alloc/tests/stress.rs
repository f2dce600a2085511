//! The odd places in which programs allocate: short threads, ends of threads,
//! signal handlers, forks, no memory, from inside the tracker's own calls, C code
//! beside it. In every mode; after each the table adds up to what jemalloc says.
//!
//! Its own `main`, which starts itself again in each mode.

#![allow(unsafe_code, reason = "forks, signals, and calls the allocator as collections do")]

mod busy;

use busy::Ends;
use heap_snapshot::live::ToolScope;
use heap_snapshot::record::LiveBlock;
use std::cell::RefCell;
use std::ffi::{c_int, CStr};
use std::hint::black_box;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

fn table() -> u64 {
    let mut sum = 0;
    blocks().for_each(&mut |block: LiveBlock| sum += if block.is_tool { 0 } else { block.usable });
    sum
}

fn judge(what: &str) {
    assert_eq!(table(), blocks().figures().live, "{what}: {:?}", blocks().figures());
}

fn bytes(size: usize) -> Vec<u8> {
    black_box(vec![7; black_box(size)])
}

/// Runs `child` in a fork, which must say that all is well.
fn fork(what: &str, child: impl FnOnce() -> bool) {
    // SAFETY: the child runs nothing of the parent's but `child`, and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let status = c_int::from(!child());
        // SAFETY: ends the child.
        unsafe { libc::_exit(status) };
    }
    let mut status = -1;
    // SAFETY: waits for the child that was just made.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid, "{what}");
    assert_eq!(status, 0, "{what}: the child");
}

thread_local! {
    static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
}

/// Frees and allocates while its thread ends.
struct Late(Vec<Vec<u8>>);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.truncate(1);
        let late = bytes(1000);
        let block = blocks().lookup(late.as_ptr() as u64).expect("its table works to the end");
        assert_eq!(block.requested, 1000);
        self.0.push(late);
    }
}

fn short_threads(count: usize) {
    for round in 0..count / 16 {
        std::thread::scope(|scope| {
            let threads = [(); 16].map(|()| {
                let builder = std::thread::Builder::new().stack_size(64 << 10);
                builder.spawn_scoped(scope, || drop(bytes(1 + round % 5000))).expect("a thread")
            });
            // A scope waits for what its threads do, not for their ends.
            threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
        });
    }
    judge("short threads");
}

fn ends_of_threads() {
    let (send, receive) = std::sync::mpsc::channel();
    let threads: Vec<_> = (0..200)
        .map(|at| {
            let send = send.clone();
            std::thread::spawn(move || {
                LATE.with(|late| *late.borrow_mut() = Some(Late(vec![bytes(at + 1), bytes(20), bytes(8)])));
                send.send(bytes(at + 100)).expect("main listens");
            })
        })
        .collect();
    drop(send);
    // Blocks of threads that are gone are freed here.
    let kept: Vec<Vec<u8>> = receive.into_iter().collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    judge("after the ends of threads");
    assert!(kept.iter().all(|vec| blocks().lookup(vec.as_ptr() as u64).is_some()));
    drop(kept);
    judge("what they left is freed");
}

/// The tracker is asked, and allocates for others, in the middle of its own calls.
fn re_entrancy() {
    let mut made: Vec<Vec<u8>> = (0..500).map(bytes).collect();
    blocks().for_each(&mut |block| {
        if made.len() < 1000 {
            made.push(bytes(block.requested as usize % 2000 + 1));
        }
        assert!(blocks().lookup(block.addr).is_some());
    });
    judge("allocated while it enumerates");
    let mut count = 0;
    blocks().for_each(&mut |_| {
        count += 1;
        made.pop();
    });
    assert!(count > 100, "{count}");
    judge("freed while it enumerates");
    let (outer, inner) = (ToolScope::enter(), ToolScope::enter());
    let tool = bytes(333);
    drop(inner);
    assert!(blocks().lookup(tool.as_ptr() as u64).expect("live").is_tool);
    let also = bytes(334);
    assert!(blocks().lookup(also.as_ptr() as u64).expect("live").is_tool, "the outer scope goes on");
    drop(outer);
    assert!(!blocks().lookup(bytes(335).as_ptr() as u64).is_some_and(|block| block.is_tool));
    drop((tool, also));
    judge("tool scopes in each other");
}

static PROBED: AtomicU64 = AtomicU64::new(0);
static PROBE: AtomicU64 = AtomicU64::new(0);
static FOUND: AtomicU64 = AtomicU64::new(0);

/// At any moment of the program, also in the middle of an allocation: jemalloc
/// itself may not be entered there, the table may.
extern "C" fn looks(_: c_int) {
    PROBED.fetch_add(1, Ordering::Relaxed);
    if blocks().lookup(PROBE.load(Ordering::Relaxed)).is_some_and(|block| block.requested == 12_345) {
        FOUND.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where the program is not in the allocator a handler may allocate.
extern "C" fn allocates(_: c_int) {
    let made = bytes(2000);
    let is_found = blocks().lookup(made.as_ptr() as u64 + 1999).is_some_and(|block| block.requested == 2000);
    FOUND.fetch_add(u64::from(is_found), Ordering::Relaxed);
}

fn handle(signal: c_int, handler: extern "C" fn(c_int)) {
    // SAFETY: all-zero is a `sigaction` without flags; the handlers are good for any moment they are raised at.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(signal, &action, ptr::null_mut()), 0);
    }
}

fn alarms(every_us: i64) {
    let every = libc::timeval { tv_sec: 0, tv_usec: every_us };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: a whole timer; the old one is not asked for.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_PROF, &timer, ptr::null_mut()) }, 0);
}

fn signal_handlers() {
    let probe = bytes(12_345);
    PROBE.store(probe.as_ptr() as u64, Ordering::Relaxed);
    handle(libc::SIGPROF, looks);
    alarms(500);
    let mut kept: Vec<Vec<u8>> = (0..64).map(bytes).collect();
    for at in 0.. {
        kept[at % 64] = bytes(1 + at * 37 % 20_000);
        kept[(at + 7) % 64].reserve(100);
        if PROBED.load(Ordering::Relaxed) > 50 {
            break;
        }
    }
    alarms(0);
    assert_eq!(FOUND.swap(0, Ordering::Relaxed), PROBED.load(Ordering::Relaxed));
    judge("interrupted");
    handle(libc::SIGUSR1, allocates);
    for at in 0..500 {
        kept[at % 64] = bytes(at + 1);
        // SAFETY: to this thread, with the handler above.
        unsafe { libc::raise(libc::SIGUSR1) };
    }
    assert_eq!(FOUND.load(Ordering::Relaxed), 500);
    judge("handlers that allocate");
}

fn forks() {
    let mine = bytes(5000);
    fork("one thread", || {
        let made: Vec<Vec<u8>> = (1..300).map(bytes).collect();
        let is_found = made.iter().all(|vec| blocks().lookup(vec.as_ptr() as u64).is_some());
        // What the parent had made is the child's to free.
        // SAFETY: the child ends without dropping `mine` once more.
        drop(black_box(unsafe { ptr::read(&mine) }));
        let is_freed = blocks().lookup(mine.as_ptr() as u64).is_none();
        is_found && is_freed && table() == blocks().figures().live
    });
    assert!(blocks().lookup(mine.as_ptr() as u64).is_some(), "the parent's is still there");
    // While others are in the middle of anything.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        let threads = [0, 1, 2].map(|seed| {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut kept: Vec<Vec<u8>> = (0..100).map(bytes).collect();
                for at in seed.. {
                    kept[at % 100] = bytes(1 + at * 31 % 9000);
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            })
        });
        for _ in 0..40 {
            fork("others are busy", || {
                let mut made: Vec<Vec<u8>> = (1..300).map(bytes).collect();
                made.iter_mut().for_each(|vec| vec.reserve(1000));
                let mut count = 0;
                blocks().for_each(&mut |_| count += 1);
                let _tool = ToolScope::enter();
                count > 300 && made.iter().all(|vec| blocks().lookup(vec.as_ptr() as u64).is_some())
            });
        }
        drop(ends);
        threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    });
    judge("after forks");
}

fn no_memory() {
    fork("no memory", || {
        // SAFETY: sets this process's limit to what it has and 200 MiB.
        unsafe {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
            let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
            let most = pages * 4096 + (200 << 20);
            let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &limit), 0);
        }
        let before = table();
        let mut kept: Vec<Vec<u8>> = Vec::with_capacity(1000);
        let mut refused = 0;
        while refused < 10 && kept.len() < 1000 {
            let mut vec = Vec::new();
            match vec.try_reserve_exact(3 << 20) {
                Ok(()) => kept.push(vec),
                Err(_) => refused += 1,
            }
        }
        let first = &mut kept[0];
        let grown = first.try_reserve_exact(1 << 30);
        let is_whole = grown.is_err()
            && kept.iter().all(|vec| blocks().lookup(vec.as_ptr() as u64 + (3 << 20) - 1).is_some());
        let sums = (table(), blocks().figures());
        let is_right = sums.0 == sums.1.live;
        drop(kept);
        let small = bytes(100);
        let is_usable = blocks().lookup(small.as_ptr() as u64).is_some();
        drop(small);
        let is_as_before = table() == before;
        let all = [refused == 10, is_whole, is_right, is_usable, is_as_before];
        all == [true; 5] || {
            eprintln!("{all:?}, {sums:?}");
            false
        }
    });
    judge("after a child without memory");
}

/// Blocks grow and move until there is no memory, be it for them or for the table: whichever it
/// was, the request failed, and each block is there with its record and what is in it.
fn realloc_without_memory() {
    // The table needs 16 MiB of addresses for each 64: with some limits it is the one that lacks them.
    for spare in (8..150_u64).step_by(6) {
        fork("realloc without memory", || {
            let mut kept: Vec<Vec<u8>> = Vec::with_capacity(4000);
            // SAFETY: sets this process's limit to what it has and some MiB.
            unsafe {
                let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
                let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
                let most = pages * 4096 + (spare << 20);
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
            let sums = (table(), blocks().figures().live, blocks().unknown_frees());
            if refused == 0 || !is_whole || sums.0 != sums.1 || sums.2 != 0 {
                eprintln!("{spare} MiB: refused {refused}, whole {is_whole}, {sums:?}");
                return false;
            }
            true
        });
    }
    judge("after children without memory to grow");
}

fn c_code() {
    let before = table();
    let mut theirs = Vec::with_capacity(1000);
    for at in 0..1000_usize {
        // SAFETY: C's own `malloc` and its relatives, by their rules; freed below.
        unsafe {
            let text: *mut libc::c_char = match at % 3 {
                0 => libc::malloc(at + 1).cast(),
                1 => libc::strdup(c"by the C library".as_ptr()),
                _ => libc::realloc(libc::calloc(1, at + 1), 3 * at + 20).cast(),
            };
            assert!(!text.is_null());
            assert!(at % 3 != 1 || CStr::from_ptr(text).to_bytes().len() == 16);
            assert!(blocks().lookup(text as u64).is_none(), "not of our allocator");
            theirs.push(text);
        }
        black_box(bytes(at + 1));
    }
    judge("C's blocks beside ours");
    for text in theirs.drain(..) {
        // SAFETY: made by C's `malloc`.
        unsafe { libc::free(text.cast()) };
    }
    drop(theirs);
    assert_eq!(table(), before);
    let unknown = blocks().unknown_frees();
    judge("C's blocks are freed");
    assert_eq!(unknown, 0);
}

fn all(threads: usize) {
    judge("at start");
    re_entrancy();
    ends_of_threads();
    signal_handlers();
    forks();
    no_memory();
    realloc_without_memory();
    c_code();
    short_threads(threads);
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("sizes") => return all(100_000),
        Some(_) => return all(5_000),
        None => {}
    }
    for mode in ["sizes", "tags", "stacks", "stacks:4K"] {
        let exe = std::env::current_exe().expect("this test");
        let output = Command::new(exe).arg(mode).env("HEAP_TRACK", mode).output().expect("started again");
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
    }
    println!("test stress ... ok\n1 passed, 0 failed");
}
