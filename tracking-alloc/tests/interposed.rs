//! With the feature `interpose`: what C code, the C library and Rust code without
//! `#[global_allocator]` (as here) allocate has records, and the table adds up to jemalloc's account.
//!
//! Its own `main`, which starts itself again in each mode.

#![allow(unsafe_code, reason = "calls the C library's functions")]

use heap_snapshot::record::LiveBlock;
use std::ffi::{c_int, c_void, CStr};
use std::hint::black_box;
use std::process::Command;
use std::ptr;
use std::sync::Barrier;
use tracking_alloc::blocks;

unsafe extern "C" {
    fn pvalloc(size: usize) -> *mut c_void;
    fn valloc(size: usize) -> *mut c_void;
    fn reallocarray(ptr: *mut c_void, count: usize, size: usize) -> *mut c_void;
}

fn table() -> u64 {
    let mut sum = 0;
    blocks().for_each(&mut |block: LiveBlock| sum += if block.is_tool { 0 } else { block.usable });
    sum
}

fn judge(what: &str) {
    assert_eq!(table(), blocks().figures().live, "{what}: {:?}", blocks().figures());
    assert_eq!(blocks().unknown_frees(), 0, "{what}");
}

fn block(ptr: *mut c_void) -> LiveBlock {
    let block = blocks().lookup(ptr as u64).expect("a record");
    assert_eq!(block.addr, ptr as u64);
    // SAFETY: a live block.
    assert_eq!(unsafe { libc::malloc_usable_size(ptr) } as u64, block.usable);
    block
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Each function of the family by its rules, for many sizes.
fn family() {
    let before = table();
    for size in (0..200).chain([1000, 4096, 5000, 14_336, 20_000, 100_000, 3 << 20]) {
        // SAFETY: C's functions by their rules; what they give is freed below.
        unsafe {
            let blocks = [
                (libc::malloc(size), 1, size),
                (libc::calloc(3, size), 1, 3 * size),
                (libc::realloc(libc::malloc(size / 2), size), 1, size),
                (libc::realloc(libc::malloc(2 * size + 100), size), 1, size),
                (libc::realloc(ptr::null_mut(), size), 1, size),
                (reallocarray(libc::malloc(7), 5, size), 1, 5 * size),
                (libc::aligned_alloc(64, size), 64, size),
                (libc::memalign(1 << 16, size), 1 << 16, size),
                (libc::realloc(libc::memalign(256, 10), size), 1, size),
                (valloc(size), 4096, size),
                (pvalloc(size), 4096, size.max(1).next_multiple_of(4096)),
                (memaligned(32, size), 32, size),
            ];
            for (at, (ptr, align, size)) in blocks.into_iter().enumerate() {
                assert!(!ptr.is_null() && ptr as usize % align == 0, "{at}");
                assert_eq!(block(ptr).requested, size.max(1) as u64, "{at}");
                if at == 1 {
                    let all = std::slice::from_raw_parts(ptr.cast::<u8>(), size);
                    assert!(all.iter().all(|byte| *byte == 0));
                }
                ptr.cast::<u8>().write_bytes(7, size);
            }
            for (ptr, ..) in blocks {
                libc::free(ptr);
                assert!(blocks_begin_at(ptr).is_none(), "forgotten");
            }
        }
    }
    assert_eq!(table(), before);
    judge("the family");
}

unsafe fn memaligned(align: usize, size: usize) -> *mut c_void {
    let mut ptr = ptr::null_mut();
    // SAFETY: a place for a pointer.
    assert_eq!(unsafe { libc::posix_memalign(&mut ptr, align, size) }, 0);
    ptr
}

fn blocks_begin_at(ptr: *mut c_void) -> Option<LiveBlock> {
    blocks().lookup(ptr as u64).filter(|block| block.addr == ptr as u64)
}

/// What can't be done is refused as C says, and leaves all as it was.
fn refusals() {
    let huge = black_box(usize::MAX / 2 + 1);
    // SAFETY: C's functions by their rules.
    unsafe {
        let old = libc::malloc(100);
        old.cast::<u8>().write_bytes(9, 100);
        let no_memory: [&dyn Fn() -> *mut c_void; 8] = [
            &|| libc::malloc(huge),
            &|| libc::malloc(1 << 47),
            &|| libc::calloc(huge, 4),
            &|| libc::realloc(old, huge),
            &|| libc::realloc(old, 1 << 47),
            &|| reallocarray(old, huge, 4),
            &|| libc::aligned_alloc(4096, huge - 1),
            &|| pvalloc(usize::MAX - 5),
        ];
        for (at, ask) in no_memory.into_iter().enumerate() {
            *libc::__errno_location() = 0;
            assert!(ask().is_null(), "{at}");
            assert_eq!(errno(), libc::ENOMEM, "{at}");
        }
        *libc::__errno_location() = 0;
        // The compiler takes it that this function leaves `errno` alone, where it sees which one it is.
        let aligned_alloc: unsafe extern "C" fn(usize, usize) -> *mut c_void = black_box(libc::aligned_alloc);
        assert!(aligned_alloc(48, 100).is_null());
        assert_eq!(errno(), libc::EINVAL);
        *libc::__errno_location() = 5;
        let mut place = 77 as *mut c_void;
        assert_eq!(libc::posix_memalign(&mut place, 24, 100), libc::EINVAL);
        assert_eq!(libc::posix_memalign(&mut place, 4, 100), libc::EINVAL);
        assert_eq!(libc::posix_memalign(&mut place, 64, huge - 1), libc::ENOMEM);
        assert_eq!((place as usize, errno()), (77, 5), "as they were");
        assert_eq!(block(old).requested, 100);
        assert!((0..100).all(|at| *old.cast::<u8>().add(at) == 9));
        libc::free(old);
        libc::free(ptr::null_mut());
        assert_eq!(libc::malloc_usable_size(ptr::null_mut()), 0);
    }
    judge("refusals");
}

/// What the C library allocates by itself, and gives to whoever is to free it.
fn library() {
    let before = table();
    // SAFETY: C's functions by their rules.
    unsafe {
        let text = libc::strdup(c"by the C library".as_ptr());
        assert_eq!(block(text.cast()).requested, 17);
        assert_eq!(CStr::from_ptr(text).to_bytes().len(), 16);
        libc::free(text.cast());
        let (mut line, mut len) = (ptr::null_mut(), 0);
        let file = libc::fopen(c"/proc/self/maps".as_ptr(), c"r".as_ptr());
        assert!(!file.is_null() && table() > before, "a file and its buffer");
        assert!(libc::getline(&mut line, &mut len, file) > 0);
        assert_eq!(block(line.cast()).requested, len as u64);
        libc::free(line.cast());
        libc::fclose(file);
    }
    assert_eq!(table(), before);
    judge("the C library's own");
}

/// Rust's own collections, which come here by the system's allocator.
fn rust() {
    let before = table();
    let mut vec = Vec::with_capacity(3);
    for at in 0..10_000_u64 {
        vec.push(at);
    }
    let found = blocks().lookup(&raw const vec[77] as u64).expect("a record");
    assert_eq!((found.addr, found.requested), (vec.as_ptr() as u64, 8 * vec.capacity() as u64));
    #[repr(align(128))]
    struct Aligned(#[expect(dead_code, reason = "takes room")] [u8; 300]);
    let aligned = Box::new(Aligned([1; 300]));
    assert_eq!(block((&raw const *aligned).cast_mut().cast()).requested, 384);
    drop((vec, aligned));
    assert_eq!(table(), before);
    judge("Rust's");
}

/// Blocks of all threads, freed by others, while their caches are full; and a child of them.
fn threads() {
    const THREADS: usize = 8;
    let before = Barrier::new(THREADS + 1);
    let after = Barrier::new(THREADS + 1);
    let (mut full, mut status) = ((0, 0), -1);
    std::thread::scope(|scope| {
        let (before, after) = (&before, &after);
        let threads: Vec<_> = (0..THREADS)
            .map(|seed| {
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for at in 0..20_000 {
                        // SAFETY: C's functions by their rules.
                        unsafe {
                            let ptr = libc::malloc(1 + (at * 7 + seed * 13) % 600);
                            match at % 3 {
                                0 => libc::free(ptr),
                                1 => kept.push(libc::realloc(ptr, 1 + at % 5000) as usize),
                                _ => kept.push(ptr as usize),
                            }
                        }
                    }
                    before.wait();
                    after.wait();
                    for ptr in kept {
                        // SAFETY: of `malloc`.
                        unsafe { libc::free(ptr as *mut c_void) };
                    }
                })
            })
            .collect();
        before.wait();
        // Asserted when nobody waits any more.
        full = (table(), blocks().figures().live);
        // SAFETY: the child allocates, and ends.
        unsafe {
            let pid = libc::fork();
            if pid == 0 {
                // jemalloc's own account leaves out what the caches of the other threads had.
                let (before, ptr) = (table(), libc::malloc(1234));
                let is_right = block(ptr).requested == 1234 && table() == before + 1280;
                libc::_exit(c_int::from(!is_right));
            }
            libc::waitpid(pid, &mut status, 0);
        }
        after.wait();
        // A scope waits for what its threads do, not for their ends.
        threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    });
    assert_eq!(full.0, full.1, "threads with full caches");
    assert_eq!(status, 0, "the child");
    judge("threads have ended");
}

/// Nothing has a record where nothing is tracked, and all works.
fn off() {
    // SAFETY: C's functions by their rules.
    unsafe {
        let ptr = libc::realloc(libc::malloc(10), 5000);
        assert!(blocks().lookup(ptr as u64).is_none());
        assert_eq!(libc::malloc_usable_size(ptr), 5120, "jemalloc's");
        libc::free(ptr);
        libc::free(libc::memalign(128, 77));
        libc::free(libc::calloc(10, 10));
    }
    assert_eq!(table(), 0);
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("off") => return off(),
        Some(mode) => {
            judge("at start");
            family();
            refusals();
            library();
            rust();
            threads();
            let stacks = blocks().stacks();
            assert_eq!(stacks.is_some(), mode != "sizes");
            return;
        }
        None => {}
    }
    for mode in ["off", "sizes", "tags", "stacks", "stacks:4K"] {
        let exe = std::env::current_exe().expect("this test");
        let output = Command::new(exe).arg(mode).env("HEAP_TRACK", mode).output().expect("started again");
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
    }
    println!("test interposed ... ok\n1 passed, 0 failed");
}
