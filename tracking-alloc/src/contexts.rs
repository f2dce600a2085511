//! The calling-context tree: each stack is a node, a return address below the
//! stack that called there.
//!
//! Stacks that begin alike share their outer frames, so a new one costs 16
//! bytes for each frame that is new. Nodes are found through a hash table of
//! lists. Both only grow, in memory of the operating system; nothing is locked,
//! so a process that is forked at any moment goes on with a whole tree.

#![expect(unsafe_code, reason = "says of its memory that all-zero is a value")]

use crate::memory::{AllZero, Mapped};
use crate::sync::{AtomicU32, AtomicU64, Ordering, BUCKETS_LOG2, SEGMENTS, SEGMENT_LOG2};

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
    /// The next node with the same hash, 0 at the end; and [`IS_LISTED`].
    next: AtomicU32,
}

/// The node is in the list of its hash, and not another one for the same stack.
const IS_LISTED: u32 = 1 << 31;

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

    /// The stack `addr` below `parent`: its node, which is made if need be. A
    /// parent's number is smaller than its child's. `None` where there is no memory.
    pub(crate) fn child(&self, parent: u32, addr: u64) -> Option<u32> {
        // A new stack's frames were made one after the other: mostly it is the next
        // node, beside its parent in memory. The table is what is far away.
        let near = parent + 1;
        if let Some(node) = self.node(near) {
            let is_listed = node.next.load(Ordering::Acquire) & IS_LISTED != 0;
            if is_listed
                && node.addr.load(Ordering::Relaxed) == addr
                && node.parent.load(Ordering::Relaxed) == parent
            {
                return Some(near);
            }
        }
        let bucket = &self.buckets.get_or_map()?.0[bucket(parent, addr)];
        let mut head = bucket.load(Ordering::Acquire);
        if let Some(found) = self.find(head, NONE, parent, addr) {
            return Some(found);
        }
        let id = self.make(parent, addr)?;
        loop {
            self.node(id)?.next.store(head, Ordering::Relaxed);
            // Release: who finds the node finds what is in it.
            match bucket.compare_exchange_weak(head, id, Ordering::Release, Ordering::Acquire) {
                Ok(_) => {
                    self.node(id)?.next.store(head | IS_LISTED, Ordering::Release);
                    return Some(id);
                }
                Err(newer) => {
                    // Another thread was here. If it made the same node, ours stays without use.
                    if let Some(found) = self.find(newer, head, parent, addr) {
                        return Some(found);
                    }
                    head = newer;
                }
            }
        }
    }

    /// The node in a list, from `from` up to but without `end`.
    fn find(&self, from: u32, end: u32, parent: u32, addr: u64) -> Option<u32> {
        let mut id = from;
        while id != end {
            let node = self.node(id)?;
            if node.addr.load(Ordering::Relaxed) == addr && node.parent.load(Ordering::Relaxed) == parent {
                return Some(id);
            }
            id = node.next.load(Ordering::Relaxed) & !IS_LISTED;
        }
        None
    }

    #[cold]
    fn make(&self, parent: u32, addr: u64) -> Option<u32> {
        if self.given.load(Ordering::Relaxed) >= MOST - FIRST {
            return None;
        }
        let id = self.given.fetch_add(1, Ordering::Relaxed).checked_add(FIRST)?;
        let node = &self.segments.get((id >> SEGMENT_LOG2) as usize)?.get_or_map()?.0[in_segment(id)];
        node.addr.store(addr, Ordering::Relaxed);
        node.parent.store(parent, Ordering::Relaxed);
        Some(id)
    }

    fn node(&self, id: u32) -> Option<&Node> {
        Some(&self.segments.get((id >> SEGMENT_LOG2) as usize)?.get()?.0[in_segment(id)])
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

fn bucket(parent: u32, addr: u64) -> usize {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = (addr ^ u64::from(parent).wrapping_mul(PRIME)).wrapping_mul(PRIME);
    (mixed >> (64 - BUCKETS_LOG2)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Eight threads put in the same stacks; each stack gets one number.
    #[test]
    fn the_same_stack_has_the_same_number_in_every_thread() {
        static TREE: Contexts = Contexts::new();
        let walk = |seed: u64| {
            let mut random = seed;
            let mut ids = HashMap::new();
            for _ in 0..20_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let mut path = Vec::new();
                let mut id = NONE;
                for depth in 0..6 {
                    let addr = 1 + (random >> (10 + 4 * depth)) % 8;
                    path.push(addr);
                    id = TREE.child(id, addr).unwrap();
                }
                assert_eq!(*ids.entry(path).or_insert(id), id);
            }
            ids
        };
        let all: Vec<HashMap<Vec<u64>, u32>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|seed| scope.spawn(move || walk(seed))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut path_of = HashMap::new();
        for (path, id) in all.iter().flatten() {
            assert_eq!(path_of.entry(*id).or_insert(path), &path, "one stack for a number");
            let (mut at, mut back) = (*id, Vec::new());
            while at != NONE {
                let (parent, addr) = TREE.frame(at).unwrap();
                back.push(addr);
                at = parent;
            }
            back.reverse();
            assert_eq!(&back, path);
        }
        let distinct: std::collections::HashSet<_> = all.iter().flat_map(HashMap::keys).collect();
        assert_eq!(path_of.len(), distinct.len(), "one number for a stack");
        assert_eq!(TREE.frame(UNKNOWN), None);
        assert!(TREE.resident() > 0);
    }
}
