//! The stack that allocates, as a node of the calling-context tree.
//!
//! How frames are found is decided by comparing both ways on the first stacks:
//! frame pointers, where they say what the unwinder says (many times faster), else
//! the unwinder. The comparison goes on, ever more rarely, since a program may be built with frame pointers in parts only:
//! the first disagreement ends their use. Coroutines, whose stack is not their
//! thread's, are left to the unwinder.

use crate::contexts::{Before, Contexts, Frame, NONE, UNKNOWN};
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
    /// The frames of the stack that is being taken, innermost first.
    found: [Found; DEPTH],
    /// Those of the stack before, outermost first, and what is known of it.
    frames: [Frame; DEPTH],
    before: Before,
    /// How many of them were found by pointers, and the place of the last of these.
    placed: Cell<usize>,
    place: Cell<usize>,
    /// The tags above it.
    above: Cell<u32>,
}

struct Found {
    place: Cell<usize>,
    address: Cell<u64>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            is_inside: Cell::new(false),
            low: Cell::new(0),
            high: Cell::new(0),
            taken: Cell::new(0),
            next_check: Cell::new(FIRST_CHECK),
            found: [const { Found { place: Cell::new(0), address: Cell::new(0) } }; DEPTH],
            frames: [const { Frame::new() }; DEPTH],
            before: Before::new(),
            placed: Cell::new(0),
            place: Cell::new(0),
            above: Cell::new(NONE),
        }
    };
}

/// The stack of the caller below the tags of its thread: a node of [`CONTEXTS`].
/// Where it can't be taken, the tags, or `UNKNOWN`.
///
/// Inlined, so that the innermost frame is that of the function which allocates, and none of what is in here.
#[inline(always)]
pub(crate) fn here() -> u32 {
    let pointer = frames::pointer();
    let inside = 0u8;
    let inside = (&raw const inside).addr();
    THREAD.with(|thread| thread.take(pointer, inside)).unwrap_or_else(lose)
}

#[cold]
#[inline(never)]
fn lose() -> u32 {
    LOST.fetch_add(1, Ordering::Relaxed);
    tags::here().max(UNKNOWN)
}

impl Thread {
    #[inline(never)]
    fn take(&self, pointer: usize, inside: usize) -> Option<u32> {
        // The unwinder may allocate, and gets no stack for that.
        if self.is_inside.replace(true) {
            return None;
        }
        let tags = tags::here();
        if self.above.replace(tags) != tags {
            self.before.forget();
            self.placed.set(0);
        }
        let node = match self.walk(pointer) {
            Some(node) => Some(node),
            None => {
                self.placed.set(0);
                let depth = self.find(pointer, inside);
                self.intern_found(depth)
            }
        };
        self.is_inside.set(false);
        node
    }

    /// The node of the calling stack by pointers alone. It is seen first which of the outer frames
    /// are what they were; then the others are read, from the innermost one outwards. `None` where another way is needed.
    #[inline(always)]
    fn walk(&self, pointer: usize) -> Option<u32> {
        let taken = self.taken.get().wrapping_add(1);
        let bounds = self.bounds()?;
        if WAY.load(Ordering::Relaxed) != POINTERS || taken == self.next_check.get() {
            return None;
        }
        let placed = self.frames.get(..self.placed.get())?;
        let mut same = frames::unchanged(placed, self.place.get(), pointer, bounds);
        // The place of the last of these.
        let inner_of = |same: usize| match (same, placed.get(same)) {
            (0, _) => usize::MAX,
            (_, Some(frame)) => frame.caller.get(),
            (_, None) => self.place.get(),
        };
        let mut inner = inner_of(same);
        let mut count = 0;
        let end = frames::by_pointers(pointer, bounds, |place, address| {
            if place >= inner {
                // What is left of a frame that is gone may look unchanged, but is not met.
                while inner < place {
                    same -= 1;
                    inner = inner_of(same);
                }
                if inner == place {
                    return false;
                }
            }
            let Some(found) = self.found.get(count) else {
                count = DEPTH + 1;
                return false;
            };
            found.address.set(address);
            found.place.set(place);
            count += 1;
            true
        })?;
        if end != inner {
            same = 0; // it ended before it met them
        }
        let depth = same + count;
        // One frame is where pointers end at once, and deeper ones are cut: not here.
        if !(2..=DEPTH).contains(&depth) {
            return None;
        }
        self.taken.set(taken);
        let mut caller = end;
        for (frame, found) in self.frames[same..depth].iter().zip(self.found[..count].iter().rev()) {
            frame.caller.set(caller);
            frame.address.set(found.address.get());
            caller = found.place.get();
        }
        self.placed.set(0);
        self.place.set(caller);
        let node = CONTEXTS.intern(self.above.get(), self.frames.get(..depth)?, same, &self.before)?;
        self.placed.set(depth);
        Some(node)
    }

    /// Puts the frames of the calling stack into `found` and says how many there
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
        Collect { found: &self.found, count: 0 }
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
                match self.found.get(found) {
                    Some(frame) if is_blind => frame.address.set(address),
                    Some(frame) if found < known => is_same &= frame.address.get() == address,
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

    /// The node of the first `count` of those that were found. They are compared with the
    /// stack before from the outermost one on.
    fn intern_found(&self, count: usize) -> Option<u32> {
        // One frame is where the unwinder gave up: it would say nothing.
        if count < 2 {
            return None;
        }
        let depth = if count > DEPTH { DEPTH - (count - DEPTH).wrapping_neg() % STEP } else { count };
        let found = self.found[..depth].iter().rev().map(|found| &found.address);
        let before = self.frames[..self.before.depth()].iter();
        let same = found.clone().zip(before).take_while(|(found, frame)| found.get() == frame.address.get());
        let same = same.count();
        for (found, frame) in found.zip(&self.frames).skip(same) {
            frame.address.set(found.get());
        }
        CONTEXTS.intern(self.above.get(), &self.frames[..depth], same, &self.before)
    }
}

/// Return addresses as they are found.
struct Collect<'a> {
    found: &'a [Found; DEPTH],
    count: usize,
}

impl Collect<'_> {
    #[inline(always)]
    fn put(&mut self, address: u64) -> bool {
        if let Some(found) = self.found.get(self.count) {
            found.address.set(address);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Chains of frames in memory that is not cleared between them, each beginning anywhere in it: what
    /// is left of one, at places which the next one does not meet, is not taken for its own.
    #[test]
    #[cfg_attr(miri, ignore = "locals of an interpreter lie anywhere, and are no stack")]
    fn a_stack_is_what_its_pointers_say() {
        WAY.store(POINTERS, Ordering::Relaxed);
        let words = [const { Cell::new(0_usize) }; 64];
        let place = |at: usize| (&raw const words[at]).addr();
        THREAD.with(|thread| {
            thread.next_check.set(0);
            thread.low.set(1);
            thread.high.set(place(0) + size_of_val(&words));
        });
        let mut seed = 1_u64;
        let mut below = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % most
        };
        for _ in 0..100_000 {
            // Places of frames from the outermost one inwards: mostly those of before, down to some depth.
            let (mut at, mut outer, mut addresses) = (62, 0, Vec::new());
            loop {
                if at >= 20 && below(20) == 0 {
                    // It ends here: there is more outside, of another one.
                    (outer, addresses) = (0, Vec::new());
                }
                // What was there before is mostly of this chain too, where it leads to the same frame.
                if words[at].get() != outer || words[at + 1].get() == 0 || below(8) == 0 {
                    words[at].set(outer);
                    words[at + 1].set(0x1000 + below(3));
                }
                addresses.push(words[at + 1].get() as u64);
                outer = place(at);
                let step = 2 + 2 * below(3);
                if at < step || (addresses.len() > 1 && below(10) == 0) {
                    break;
                }
                at -= step;
            }
            let mut id = THREAD.with(|thread| thread.walk(place(at))).expect("a stack");
            let mut path = Vec::new();
            while let Some((parent, address)) = CONTEXTS.frame(id) {
                path.push(address);
                id = parent;
            }
            path.reverse();
            assert_eq!(path, addresses);
        }
        WAY.store(TRYING, Ordering::Relaxed);
    }
}
