//! Hears from jemalloc what it gives back to the system.
//!
//! jemalloc gets memory and gives it back through the *extent hooks* of its
//! arenas. Ours do what its own do, and say before each release what range it
//! is of. While a hook runs, nobody has that range: its blocks were freed, and
//! jemalloc hands out nothing of it before the hook has returned. That is the
//! only moment at which the records of a range can be dropped without a lock.
//!
//! jemalloc treats arenas with such hooks in one thing differently: what it
//! must zero of memory that it has had before (large zeroed blocks of less than
//! 8 MiB) it writes, where it would else ask the system for fresh pages.

#![expect(unsafe_code, reason = "is called by jemalloc, and calls its hooks")]

use crate::jemalloc;
use std::ffi::{c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use tikv_jemalloc_sys::extent_hooks_t;

/// Told the address and length of a range in which nothing is live, nor can be born while it runs.
type Hear = fn(usize, usize);

/// The hooks that jemalloc came with, and a [`Hear`]; null before the first arena has ours.
static OWN: AtomicPtr<extent_hooks_t> = AtomicPtr::new(ptr::null_mut());
static HEAR: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// For arenas that keep address space (jemalloc's option `retain`, on by default): without
/// `dalloc` it does not try to unmap, as it does not with its own hooks.
static RETAINING: extent_hooks_t = extent_hooks_t { dalloc: None, ..UNMAPPING };
static UNMAPPING: extent_hooks_t = extent_hooks_t {
    alloc: Some(alloc),
    dalloc: Some(dalloc),
    destroy: Some(destroy),
    commit: Some(commit),
    decommit: Some(decommit),
    purge_lazy: Some(purge_lazy),
    purge_forced: Some(purge_forced),
    split: Some(split),
    merge: Some(merge),
};

/// Sees that `hear` is told of what the arenas in use give back.
#[cold]
pub(crate) fn watch(hear: Hear) {
    if OWN.load(Ordering::Acquire).is_null() {
        let Some(own) = jemalloc::first_hooks() else { return };
        HEAR.store(hear as *mut (), Ordering::Release);
        // Once: from now on arena 0 may have ours.
        let _ = OWN.compare_exchange(ptr::null_mut(), own, Ordering::AcqRel, Ordering::Relaxed);
    }
    let hooks = if jemalloc::retains() { &RETAINING } else { &UNMAPPING };
    // SAFETY: ours keep the contract, since each hands its calls on to the arena's own.
    unsafe { jemalloc::set_hooks(OWN.load(Ordering::Acquire), hooks) };
}

/// Says that a range is given back.
fn hear(addr: *mut c_void, offset: usize, len: usize) {
    let hear = HEAR.load(Ordering::Acquire);
    if !hear.is_null() {
        // SAFETY: only `watch` writes there, what it was given as a `Hear`.
        let hear: Hear = unsafe { std::mem::transmute(hear) };
        hear(addr.addr() + offset, len);
    }
}

/// Hands a call on to the hook that jemalloc came with; `$else` where it has none.
macro_rules! own {
    ($hook:ident($($argument:expr),*), $else:expr) => {{
        let own = OWN.load(Ordering::Acquire);
        // SAFETY: jemalloc's own hooks, which live for ever; not null, or nobody would be
        // called here. The call is what jemalloc would have made itself.
        match unsafe { (*own).$hook } {
            // SAFETY: as above.
            Some(hook) => unsafe { hook(own, $($argument),*) },
            None => $else,
        }
    }};
}

type Hooks = *mut extent_hooks_t;
type Addr = *mut c_void;

unsafe extern "C" fn alloc(
    _: Hooks,
    addr: Addr,
    size: usize,
    align: usize,
    is_zeroed: *mut bool,
    is_committed: *mut bool,
    arena: c_uint,
) -> Addr {
    own!(alloc(addr, size, align, is_zeroed, is_committed, arena), ptr::null_mut())
}

// Before the addresses go: another thread may be given them by the system before these return.

unsafe extern "C" fn dalloc(_: Hooks, addr: Addr, size: usize, is_committed: bool, arena: c_uint) -> bool {
    hear(addr, 0, size);
    own!(dalloc(addr, size, is_committed, arena), true)
}

unsafe extern "C" fn destroy(_: Hooks, addr: Addr, size: usize, is_committed: bool, arena: c_uint) {
    hear(addr, 0, size);
    own!(destroy(addr, size, is_committed, arena), ());
}

/// Hooks that change what is behind a part of an extent, and whether that gives its memory back.
macro_rules! of_part {
    ($($hook:ident: $gives_back:literal),*) => { $(
        unsafe extern "C" fn $hook(
            _: Hooks,
            addr: Addr,
            size: usize,
            at: usize,
            len: usize,
            arena: c_uint,
        ) -> bool {
            let failed = own!($hook(addr, size, at, len, arena), true);
            // The addresses stay jemalloc's, and nobody's until this returns.
            if $gives_back && !failed {
                hear(addr, at, len);
            }
            failed
        }
    )* };
}

// Where memory may be overcommitted `decommit` fails, and `purge_forced` follows.
of_part!(commit: false, decommit: true, purge_lazy: false, purge_forced: true);

// The rest is of no interest here.

unsafe extern "C" fn split(
    _: Hooks,
    addr: Addr,
    size: usize,
    size_a: usize,
    size_b: usize,
    is_committed: bool,
    arena: c_uint,
) -> bool {
    own!(split(addr, size, size_a, size_b, is_committed, arena), true)
}

unsafe extern "C" fn merge(
    _: Hooks,
    addr_a: Addr,
    size_a: usize,
    addr_b: Addr,
    size_b: usize,
    is_committed: bool,
    arena: c_uint,
) -> bool {
    own!(merge(addr_a, size_a, addr_b, size_b, is_committed, arena), true)
}
