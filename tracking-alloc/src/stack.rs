//! The stack that allocates, as a node of the calling-context tree.
//!
//! How frames are found is decided by comparing both ways on the first stacks:
//! frame pointers, where they say what the unwinder says (many times faster), else
//! the unwinder. The comparison goes on, ever more rarely, since a program may be built with frame pointers in parts only:
//! the first disagreement ends their use. Coroutines, whose stack is not their
//! thread's, are left to the unwinder.

use crate::contexts::{Contexts, NONE, UNKNOWN};
use crate::frames::{self, Bounds};
use crate::tags;
use heap_snapshot::record::StackWay;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering};

/// All stacks of the process.
pub(crate) static CONTEXTS: Contexts = Contexts::new();

/// Frames kept of a stack, the innermost ones.
const DEPTH: usize = 256;
/// Of deeper stacks the outermost frames are left out in steps of so many, so
/// that a recursion that goes one deeper still shares the frames before.
const STEP: usize = 64;
/// Frames that are walked at most, to know how many are left out.
const WALKED: usize = 1 << 14;

/// Stacks that are found both ways before one is settled on.
const TRIALS: u32 = 64;
/// Innermost frames by pointers that must be the unwinder's: all, but for so many
/// outermost ones, where the C library starts threads without frame pointers.
const STARTUP: usize = 3;
/// Stacks of a thread up to the first comparison after that; from then on at each fourfold number.
const FIRST_CHECK: u32 = 1 << 12;

const TRYING: u8 = 0;
const POINTERS: u8 = 1;
const UNWINDER: u8 = 2;
const NEITHER: u8 = 3;

static WAY: AtomicU8 = AtomicU8::new(TRYING);
static TRIED: AtomicU32 = AtomicU32::new(0);
/// Of these, stacks with more than a frame by either way.
static USEFUL: AtomicU32 = AtomicU32::new(0);
/// Stacks that were asked for and could not be taken or kept.
static LOST: AtomicU64 = AtomicU64::new(0);

/// What a thread remembers. Const-initialised and without destructors, so that
/// it is there before main and while a thread ends.
struct Thread {
    is_inside: Cell<bool>,
    /// Bounds of its stack; `high` 0 before they were asked for, 1 where nobody knows them.
    low: Cell<usize>,
    high: Cell<usize>,
    taken: Cell<u32>,
    next_check: Cell<u32>,
    /// The frames of the stack that is being taken, innermost first; and their places,
    /// where they are found by pointers.
    frames: [Cell<u64>; DEPTH],
    found: [Cell<usize>; DEPTH],
    /// The stack before: return addresses and nodes, outermost first.
    before: [Cell<u64>; DEPTH],
    nodes: [Cell<u32>; DEPTH],
    depth: Cell<usize>,
    /// The places of its frames, if all of it was found by pointers, and where it ends.
    places: [Cell<usize>; DEPTH],
    placed: Cell<usize>,
    end: Cell<usize>,
    /// The tags above it.
    above: Cell<u32>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            is_inside: Cell::new(false),
            low: Cell::new(0),
            high: Cell::new(0),
            taken: Cell::new(0),
            next_check: Cell::new(FIRST_CHECK),
            frames: [const { Cell::new(0) }; DEPTH],
            found: [const { Cell::new(0) }; DEPTH],
            before: [const { Cell::new(0) }; DEPTH],
            nodes: [const { Cell::new(0) }; DEPTH],
            depth: Cell::new(0),
            places: [const { Cell::new(0) }; DEPTH],
            placed: Cell::new(0),
            end: Cell::new(0),
            above: Cell::new(NONE),
        }
    };
}

/// The stack of the caller below the tags of its thread: a node of [`CONTEXTS`].
/// Where it can't be taken, the tags, or `UNKNOWN`.
#[inline(never)]
pub(crate) fn here() -> u32 {
    let pointer = frames::pointer();
    let inside = 0u8;
    let inside = (&raw const inside).addr();
    let node = THREAD.with(|thread| {
        // The unwinder may allocate, and gets no stack for that.
        if thread.is_inside.replace(true) {
            return None;
        }
        let tags = tags::here();
        if thread.above.replace(tags) != tags {
            thread.depth.set(0);
            thread.placed.set(0);
        }
        let node = match thread.walk(pointer) {
            Some(node) => Some(node),
            None => {
                thread.placed.set(0);
                let depth = thread.find(pointer, inside);
                thread.intern(depth, tags)
            }
        };
        thread.is_inside.set(false);
        node
    });
    node.unwrap_or_else(|| {
        LOST.fetch_add(1, Ordering::Relaxed);
        tags::here().max(UNKNOWN)
    })
}

impl Thread {
    /// The node of the calling stack by pointers alone. Frames are read from the
    /// innermost one on, up to one that stood at the same place in the stack
    /// before: from there on it is enough to see that each is what it was. `None` where another way is needed.
    fn walk(&self, pointer: usize) -> Option<u32> {
        let taken = self.taken.get().wrapping_add(1);
        let bounds = self.bounds()?;
        if WAY.load(Ordering::Relaxed) != POINTERS || taken == self.next_check.get() {
            return None;
        }
        let (mut count, mut same, mut left) = (0, 0, self.placed.get());
        let end = frames::by_pointers(pointer, bounds, |place, address| {
            while left > 0 && self.places[left - 1].get() < place {
                left -= 1;
            }
            if left > 0 && self.places[left - 1].get() == place {
                let still = frames::same(&self.places[..left], &self.before[..left], self.end.get(), bounds);
                if still == left {
                    same = left;
                    return false;
                }
                // What is outside of the one that differs may be met again.
                left -= still + 1;
            }
            let (Some(frame), Some(found)) = (self.frames.get(count), self.found.get(count)) else {
                count = DEPTH + 1;
                return false;
            };
            frame.set(address);
            found.set(place);
            count += 1;
            true
        })?;
        // Deeper ones are cut, and one frame is where pointers end at once: not here.
        if count + same > DEPTH || count + same < 2 {
            return None;
        }
        self.taken.set(taken);
        if same == 0 {
            self.end.set(end);
        }
        let mut node = if same == 0 { self.above.get() } else { self.nodes[same - 1].get() };
        for (at, inner) in (0..count).rev().enumerate() {
            let (at, address) = (same + at, self.frames[inner].get());
            // Until it is complete: what is there of it counts.
            self.depth.set(at);
            self.placed.set(at);
            // Where places differ, the frames may be those of before all the same.
            node = CONTEXTS.child(node, address)?;
            self.before[at].set(address);
            self.places[at].set(self.found[inner].get());
            self.nodes[at].set(node);
        }
        self.depth.set(same + count);
        self.placed.set(same + count);
        Some(node)
    }

    /// Puts the frames of the calling stack into `frames` and says how many there
    /// are, those that do not fit in included.
    fn find(&self, pointer: usize, inside: usize) -> usize {
        match WAY.load(Ordering::Relaxed) {
            POINTERS => {
                let taken = self.taken.get().wrapping_add(1);
                self.taken.set(taken);
                if taken == self.next_check.get() {
                    self.next_check.set(taken.saturating_mul(4));
                    return self.compare(pointer, inside);
                }
                let mut frames = self.collect();
                let end = self.bounds().and_then(|bounds| {
                    frames::by_pointers(pointer, bounds, |_, address| frames.put(address))
                });
                match end {
                    Some(_) => frames.count,
                    None => self.unwind(inside),
                }
            }
            UNWINDER => self.unwind(inside),
            NEITHER => 0,
            _ => self.compare(pointer, inside),
        }
    }

    fn collect(&self) -> Collect<'_> {
        Collect { frames: &self.frames, count: 0 }
    }

    fn unwind(&self, inside: usize) -> usize {
        let mut frames = self.collect();
        frames::by_unwinder(inside, |address| frames.put(address));
        frames.count
    }

    /// Takes a stack both ways and decides what comes of it.
    #[cold]
    fn compare(&self, pointer: usize, inside: usize) -> usize {
        let count = self.unwind(inside);
        // Without an unwinder what the pointers say is all there is.
        let is_blind = count < 2;
        let known = count.min(DEPTH);
        let (mut found, mut is_same) = (0, true);
        let end = self.bounds().and_then(|bounds| {
            frames::by_pointers(pointer, bounds, |_, address| {
                match self.frames.get(found) {
                    Some(frame) if is_blind => frame.set(address),
                    Some(frame) if found < known => is_same &= frame.get() == address,
                    _ => {}
                }
                found += 1;
                found < WALKED
            })
        });
        if end.is_none() {
            return count; // a coroutine's stack tells nothing of others
        }
        if !is_blind && (!is_same || found + STARTUP < known) {
            WAY.store(UNWINDER, Ordering::Relaxed);
            return count;
        }
        if WAY.load(Ordering::Relaxed) == TRYING {
            let is_useful = !is_blind || found > 1;
            let useful = USEFUL.fetch_add(u32::from(is_useful), Ordering::Relaxed) + u32::from(is_useful);
            if TRIED.fetch_add(1, Ordering::Relaxed) + 1 >= TRIALS {
                let way = if useful > 0 { POINTERS } else { NEITHER };
                let _ = WAY.compare_exchange(TRYING, way, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
        // What the pointers say from now on, so that it is the same stack: without the
        // outermost frames that only the unwinder sees.
        if is_blind {
            found
        } else {
            found.min(count)
        }
    }

    fn bounds(&self) -> Option<Bounds> {
        if self.high.get() == 0 {
            let bounds = frames::bounds().unwrap_or(Bounds { low: 0, high: 1 });
            self.low.set(bounds.low);
            self.high.set(bounds.high);
        }
        (self.high.get() > 16).then(|| Bounds { low: self.low.get(), high: self.high.get() })
    }

    /// The node of the first `count` of `frames`. Frames are compared with the
    /// stack before from the outermost one on: only what is new is looked up.
    fn intern(&self, count: usize, tags: u32) -> Option<u32> {
        // One frame is where the unwinder gave up: it would say nothing.
        if count < 2 {
            return None;
        }
        let kept = if count > DEPTH { DEPTH - (count - DEPTH).wrapping_neg() % STEP } else { count };
        let frames = self.frames[..kept].iter().rev();
        let before = self.before[..self.depth.get()].iter();
        let same =
            frames.clone().zip(before).take_while(|(frame, before)| frame.get() == before.get()).count();
        let mut node = if same == 0 { tags } else { self.nodes[same - 1].get() };
        for (at, frame) in frames.enumerate().skip(same) {
            self.depth.set(at);
            node = CONTEXTS.child(node, frame.get())?;
            self.before[at].set(frame.get());
            self.nodes[at].set(node);
        }
        self.depth.set(kept);
        Some(node)
    }
}

/// Return addresses as they are found.
struct Collect<'a> {
    frames: &'a [Cell<u64>; DEPTH],
    count: usize,
}

impl Collect<'_> {
    #[inline(always)]
    fn put(&mut self, address: u64) -> bool {
        if let Some(frame) = self.frames.get(self.count) {
            frame.set(address);
        }
        self.count += 1;
        self.count < WALKED
    }
}

/// How stacks are taken, as far as that is decided.
pub(crate) fn way() -> StackWay {
    match WAY.load(Ordering::Relaxed) {
        POINTERS => StackWay::FRAME_POINTERS,
        NEITHER => StackWay::NONE,
        // While both ways are tried the unwinder's frames are kept.
        _ => StackWay::UNWINDER,
    }
}

/// Stacks that could not be taken or kept, since the program began.
pub(crate) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}
