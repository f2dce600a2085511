//! The calling-context tree: each stack is a node, a return address below the
//! stack that called there.
//!
//! Stacks that begin alike share their outer frames, so a new one costs 16
//! bytes for each frame that is new. A stack is found as a whole: mostly it is the
//! one that came after the stack before when that was taken the last time, and its nodes
//! are on their way to the processor since then. If not, it is in a hash table of lists, by a
//! hash of its path from the outermost frame on, which goes on where that of the stack before leaves
//! off. Either way the nodes on its way back tell whether it is the one.
//! Of nodes in between that nobody asked for there may be several for the same path.
//!
//! Tree and table only grow, in memory of the operating system; nothing is locked,
//! so a process that is forked at any moment goes on with a whole tree.

#![expect(unsafe_code, reason = "says of its memory that all-zero is a value")]

use crate::memory::{self, AllZero, Mapped};
use crate::sync::{AtomicU32, AtomicU64, Ordering, BUCKETS_LOG2, SEGMENTS, SEGMENT_LOG2};
use std::cell::Cell;

/// The stack without frames: the parent of outermost frames, and of a block whose stack was not asked for.
pub(crate) const NONE: u32 = 0;
/// The stack of a block for which one was asked and none could be taken.
pub(crate) const UNKNOWN: u32 = 1;
/// Number of the first node.
const FIRST: u32 = 2;

/// Nodes there can be: 64 Mi, a GiB of memory.
const MOST: u32 = (SEGMENTS << SEGMENT_LOG2) as u32;

struct Node {
    addr: AtomicU64,
    parent: AtomicU32,
    /// Of a stack that was asked for, the next one in its list, 0 at the end. Of the node before
    /// it, the stack that was asked for after it by the same thread.
    link: AtomicU32,
}

struct Segment([Node; 1 << SEGMENT_LOG2]);

// SAFETY: atomic integers, of which zero is a value; aligned to 8 bytes.
unsafe impl AllZero for Segment {}

struct Buckets([AtomicU32; 1 << BUCKETS_LOG2]);

// SAFETY: atomic integers, of which zero is a value; aligned to 4 bytes.
unsafe impl AllZero for Buckets {}

pub(crate) struct Contexts {
    buckets: Mapped<Buckets>,
    segments: [Mapped<Segment>; SEGMENTS],
    /// Numbers given away, less [`FIRST`].
    given: AtomicU32,
}

impl Contexts {
    pub(crate) const fn new() -> Contexts {
        Contexts {
            buckets: Mapped::new(),
            segments: [const { Mapped::new() }; SEGMENTS],
            given: AtomicU32::new(0),
        }
    }

    /// The stack of one frame below another that was asked for, which is made if need be. A
    /// parent's number is smaller than its child's. `None` where there is no memory.
    pub(crate) fn child(&self, parent: u32, addr: u64) -> Option<u32> {
        let frame = [Frame::new()];
        frame[0].address.set(addr);
        self.intern(parent, &frame, 0, &Before::new())
    }

    /// The same of some frames, outermost first: the node of the last of them, and by the way
    /// those of all. The first `same` are those of the call before that was given this
    /// `before`, with the same frames above.
    #[inline(always)]
    pub(crate) fn intern(&self, above: u32, frames: &[Frame], same: usize, before: &Before) -> Option<u32> {
        let depth = before.depth.replace(0);
        // Where the one before went on, there is a node here, but not the one that is found.
        let known = if frames.len() < depth { same.min(frames.len() - 1) } else { same };
        let (outer, new) = frames.split_at_checked(known)?;
        let parent = outer.last().map_or(above, |frame| frame.node.get());
        before.hashed.set(before.hashed.get().min(known));
        let path = Path { above, outer, parent, new };
        let guess = before.guess.get();
        let id = if new.is_empty() {
            parent
        } else if guess != NONE && self.is(guess, &path) {
            self.remember(guess, before);
            guess
        } else {
            self.look_up(frames, &path, before)?
        };
        before.depth.set(frames.len());
        Some(id)
    }

    /// Finds or makes the stack by the hash of its path.
    #[inline(never)]
    fn look_up(&self, frames: &[Frame], path: &Path<'_>, before: &Before) -> Option<u32> {
        let hashed = before.hashed.replace(frames.len());
        let mut hash = match hashed {
            0 => u64::from(path.above),
            hashed => frames[hashed - 1].hash.get(),
        };
        for frame in &frames[hashed..] {
            hash = step(hash, frame.address.get());
            frame.hash.set(hash);
        }
        let bucket = &self.buckets.get_or_map()?.0[bucket(hash)];
        let head = bucket.load(Ordering::Acquire);
        let id = self.find(head, NONE, path).or_else(|| self.make(bucket, head, path))?;
        if let Some(after) = self.after(before.last.get()) {
            // Release: who guesses it finds what is in it.
            after.store(id, Ordering::Release);
        }
        self.remember(id, before);
        Some(id)
    }

    /// What comes after a stack that was asked for: the one that came after it before.
    #[inline(always)]
    fn remember(&self, id: u32, before: &Before) {
        before.last.set(id);
        let guess = self.after(id).map_or(NONE, |after| after.load(Ordering::Acquire));
        before.guess.set(guess);
        if let Some(node) = self.node(guess) {
            let node = std::ptr::from_ref(node);
            // A stack's new frames were made one after the other.
            memory::prefetch(node);
            memory::prefetch(node.wrapping_sub(4));
        }
    }

    #[inline(always)]
    fn after(&self, id: u32) -> Option<&AtomicU32> {
        self.node(id.checked_sub(1)?).map(|node| &node.link)
    }

    /// The stack in a list, from `from` up to but without `end`.
    #[inline(always)]
    fn find(&self, from: u32, end: u32, path: &Path<'_>) -> Option<u32> {
        let mut id = from;
        while id != end {
            let next = self.node(id)?.link.load(Ordering::Relaxed);
            if self.is(id, path) {
                return Some(id);
            }
            id = next;
        }
        None
    }

    /// Whether a node is that of a stack. If so, the nodes on its way are put down.
    #[inline(always)]
    fn is(&self, mut id: u32, path: &Path<'_>) -> bool {
        let mut new = path.new;
        while !new.is_empty() {
            // Mostly they stand side by side.
            let Some(Segment(nodes)) = self.segment(id) else { return false };
            for node in nodes[..in_segment(id) + 1].iter().rev() {
                let Some((frame, outer)) = new.split_last() else { break };
                if node.addr.load(Ordering::Relaxed) != frame.address.get() {
                    return false;
                }
                frame.node.set(id);
                let parent = node.parent.load(Ordering::Relaxed);
                let is_beside = id - 1 == parent;
                (id, new) = (parent, outer);
                if !is_beside {
                    break;
                }
            }
        }
        id == path.parent || self.is_outer(id, path)
    }

    /// Whether a node, not the one that is known, is that of the outer frames too.
    #[inline(never)]
    fn is_outer(&self, mut id: u32, path: &Path<'_>) -> bool {
        for frame in path.outer.iter().rev() {
            if id == frame.node.get() {
                return true;
            }
            let Some(node) = self.node(id) else { return false };
            if node.addr.load(Ordering::Relaxed) != frame.address.get() {
                return false;
            }
            id = node.parent.load(Ordering::Relaxed);
        }
        id == path.above
    }

    /// Makes a stack that was not in the list that begins with `head`.
    #[cold]
    #[inline(never)]
    fn make(&self, bucket: &AtomicU32, mut head: u32, path: &Path<'_>) -> Option<u32> {
        // Of one that stands alone there is a node before it too.
        let new = u32::try_from(path.new.len()).ok()?;
        let count = new.max(2);
        if self.given.load(Ordering::Relaxed) >= MOST - FIRST - count {
            return None;
        }
        let first = self.given.fetch_add(count, Ordering::Relaxed).checked_add(FIRST + (count - new))?;
        let mut parent = path.parent;
        for (id, frame) in (first..).zip(path.new) {
            let node = &self.segments.get((id >> SEGMENT_LOG2) as usize)?.get_or_map()?.0[in_segment(id)];
            node.addr.store(frame.address.get(), Ordering::Relaxed);
            node.parent.store(parent, Ordering::Relaxed);
            parent = id;
        }
        let last = self.node(parent)?;
        loop {
            last.link.store(head, Ordering::Relaxed);
            // Release: who finds the node finds what is in it, and in those on its way.
            match bucket.compare_exchange_weak(head, parent, Ordering::Release, Ordering::Acquire) {
                Ok(_) => break,
                Err(newer) => {
                    // Another thread was here. If it made the same stack, ours stays without use.
                    if let Some(found) = self.find(newer, head, path) {
                        return Some(found);
                    }
                    head = newer;
                }
            }
        }
        for (id, frame) in (first..).zip(path.new) {
            frame.node.set(id);
        }
        Some(parent)
    }

    fn node(&self, id: u32) -> Option<&Node> {
        self.segment(id).map(|segment| &segment.0[in_segment(id)])
    }

    #[inline(always)]
    fn segment(&self, id: u32) -> Option<&Segment> {
        self.segments.get((id >> SEGMENT_LOG2) as usize)?.get()
    }

    /// A stack's innermost return address and the stack below which it stands.
    pub(crate) fn frame(&self, id: u32) -> Option<(u32, u64)> {
        let node = self.node(id).filter(|_| id >= FIRST)?;
        let (parent, addr) = (node.parent.load(Ordering::Relaxed), node.addr.load(Ordering::Relaxed));
        // A number that was given away a moment ago has no node yet.
        (addr != 0 && parent < id).then_some((parent, addr))
    }

    /// Nodes made so far.
    pub(crate) fn count(&self) -> u32 {
        self.given.load(Ordering::Relaxed)
    }

    /// Address and length of each mapping that it is made of.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.buckets.range().into_iter().chain(self.segments.iter().filter_map(Mapped::range))
    }

    /// Bytes of physical memory that it takes.
    pub(crate) fn resident(&self) -> u64 {
        self.buckets.resident() + self.segments.iter().map(Mapped::resident).sum::<u64>()
    }
}

fn in_segment(id: u32) -> usize {
    (id & ((1 << SEGMENT_LOG2) - 1)) as usize
}

/// The hash of a path, from that of its outer frames and its innermost one.
#[inline(always)]
fn step(outer: u64, addr: u64) -> u64 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    (outer.rotate_left(20) ^ addr).wrapping_mul(PRIME)
}

fn bucket(hash: u64) -> usize {
    (hash >> (64 - BUCKETS_LOG2)) as usize
}

/// A frame of a stack, as the thread remembers it that took it. Begins with the two words that
/// it begins with in the stack.
#[repr(C)]
pub(crate) struct Frame {
    /// The place of its caller's frame. For whoever takes the stack; the tree does not look at it.
    pub(crate) caller: Cell<usize>,
    pub(crate) address: Cell<u64>,
    hash: Cell<u64>,
    /// The stack of which it is the innermost frame.
    pub(crate) node: Cell<u32>,
}

impl Frame {
    pub(crate) const fn new() -> Frame {
        Frame { caller: Cell::new(0), address: Cell::new(0), hash: Cell::new(0), node: Cell::new(NONE) }
    }
}

/// What a thread remembers of the stack that it asked for before.
pub(crate) struct Before {
    /// How many frames it has; 0 where none is remembered.
    depth: Cell<usize>,
    /// Of so many of its outer frames there are hashes.
    hashed: Cell<usize>,
    last: Cell<u32>,
    guess: Cell<u32>,
}

impl Before {
    pub(crate) const fn new() -> Before {
        Before { depth: Cell::new(0), hashed: Cell::new(0), last: Cell::new(NONE), guess: Cell::new(NONE) }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth.get()
    }

    /// Forgets its frames: what stands above them is another.
    pub(crate) fn forget(&self) {
        self.depth.set(0);
    }
}

/// A stack that is looked for: the frames that have nodes, the node of the last of them, those that have none yet.
struct Path<'a> {
    above: u32,
    outer: &'a [Frame],
    parent: u32,
    new: &'a [Frame],
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *seed >> 10
    }

    /// The return addresses on the way of a node, outermost first.
    fn path(tree: &Contexts, id: u32) -> Vec<u64> {
        let mut path = Vec::new();
        let mut at = id;
        while at != NONE {
            let (parent, addr) = tree.frame(at).expect("a node");
            path.push(addr);
            at = parent;
        }
        path.reverse();
        path
    }

    /// Eight threads put in the same stacks, each as what it shares with the one before and
    /// the rest; each stack gets one number, also those that others go on from.
    #[test]
    fn the_same_stack_has_the_same_number_in_every_thread() {
        static TREE: Contexts = Contexts::new();
        let walk = |thread: u64| {
            let (mut seed, mut ids) = (thread, HashMap::new());
            let frames = [const { Frame::new() }; 8];
            let before = Before::new();
            let mut last: Vec<u64> = Vec::new();
            for _ in 0..if cfg!(miri) { 20 } else { 60_000 } {
                let addrs: Vec<u64> =
                    (0..1 + random(&mut seed) % 8).map(|_| 1 + random(&mut seed) % 3).collect();
                // As much of it as is the same, or less.
                let same = addrs.iter().zip(&last).take_while(|(addr, last)| addr == last).count();
                let same = same - (random(&mut seed) as usize % 2).min(same);
                for (frame, addr) in frames.iter().zip(&addrs).skip(same) {
                    frame.address.set(*addr);
                }
                let id = TREE.intern(NONE, &frames[..addrs.len()], same, &before).unwrap();
                assert_eq!(path(&TREE, id), addrs);
                assert_eq!(*ids.entry(addrs.clone()).or_insert(id), id);
                last = addrs;
            }
            ids
        };
        let all: Vec<HashMap<Vec<u64>, u32>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || walk(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut path_of = HashMap::new();
        for (path, id) in all.iter().flatten() {
            assert_eq!(path_of.entry(*id).or_insert(path), &path, "one stack for a number");
        }
        let distinct: std::collections::HashSet<_> = all.iter().flat_map(HashMap::keys).collect();
        assert_eq!(path_of.len(), distinct.len(), "one number for a stack");
        let many = if cfg!(miri) { 50 } else { 5000 };
        assert!(distinct.len() > many, "of 9840 that there can be: {}", distinct.len());
        assert_eq!(TREE.frame(UNKNOWN), None);
        assert!(TREE.resident() > 0);
    }

    /// What comes after a stack is guessed; where it is another one, that is found all the same.
    #[test]
    fn a_wrong_guess_is_none() {
        static TREE: Contexts = Contexts::new();
        let (frames, before) = ([const { Frame::new() }; 3], Before::new());
        let put = |addrs: [u64; 3], same: usize| {
            for (frame, addr) in frames.iter().zip(addrs).skip(same) {
                frame.address.set(addr);
            }
            let id = TREE.intern(NONE, &frames, same, &before).unwrap();
            assert_eq!(path(&TREE, id), addrs);
            id
        };
        let first = [put([1, 2, 3], 0), put([1, 2, 4], 2), put([1, 5, 3], 1)];
        let count = TREE.count();
        assert_eq!([put([1, 2, 3], 1), put([1, 2, 4], 2), put([1, 5, 3], 1)], first, "as guessed");
        // Each of these differs from the guess in one frame; what is known is outside of it, or nothing.
        assert_eq!([put([1, 2, 3], 0), put([1, 5, 3], 1)], [first[0], first[2]]);
        assert_eq!([put([1, 2, 4], 0), put([1, 2, 3], 2)], [first[1], first[0]]);
        assert_eq!(put([1, 2, 3], 3), first[0], "the same again");
        assert_eq!(TREE.count(), count, "all were there");
        let other = put([6, 2, 4], 0);
        assert!(!first.contains(&other));
    }

    /// What comes after a stack is not put where its list, or another one's, goes on.
    #[test]
    fn stacks_of_one_list_stay_in_it() {
        static TREE: Contexts = Contexts::new();
        let mut first = HashMap::new();
        let alike =
            (1..).filter_map(|addr| first.insert(bucket(step(0, addr)), addr).map(|other| [other, addr]));
        let alike: Vec<u64> = alike.take(20).flatten().collect();
        let (frame, before) = ([Frame::new()], Before::new());
        let mut ids = HashMap::new();
        for round in 0..4 {
            // In other orders, so that guesses are wrong.
            for at in 0..alike.len() {
                let addr = alike[at * (2 * round + 1) * (2 * round + 1) % alike.len()];
                frame[0].address.set(addr);
                let id = TREE.intern(NONE, &frame, 0, &before).unwrap();
                assert_eq!(*ids.entry(addr).or_insert(id), id);
            }
        }
        assert_eq!(TREE.count(), 2 * alike.len() as u32);
    }
}
