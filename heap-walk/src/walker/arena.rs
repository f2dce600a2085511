//! Finer than malloc: chunks of arenas, what references lead to inside them,
//! and memory that no allocator gave.

use super::{Flags, Here, Item, Opaque, Walker};
use crate::label;
use crate::shape::Shape;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::Block;
use crate::Label;
use ahash::RandomState;
use heap_snapshot::record::{Content, EdgeKind, Layout, Node, Split, Target, TypeIdx};
use std::collections::{BTreeMap, HashSet};

static INSIDE: Container = Container::new("&", Layout::INSIDE);
static REGION: Container = Container::new("region", Layout::REGION);

/// A block of an arena: how much of it is used, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Says the arena's name, and how many bytes of the block are its
    /// bookkeeping ([`Container::with_header`]; its layout is [`Layout::CHUNK`]).
    pub container: &'static Container,
    /// Where the used part begins: an address inside the block.
    pub addr: usize,
    /// What lies in it: `Shape::of::<T>()`, or [`Shape::bytes`] for arenas of anything.
    pub elem: &'static Shape,
    /// Elements in use.
    pub len: usize,
    /// Elements for which there is room, those in use included.
    pub cap: usize,
}

/// An arena that can name its chunks. [`arena`] makes a `Walk` of it:
///
/// ```
/// # use heap_walk::{Arena, Chunk, Container, Shape, Walk};
/// # use heap_snapshot::record::Layout;
/// struct Pool {
///     chunks: Vec<Box<[u8]>>,
///     used_of_last: usize,
/// }
///
/// static POOL: Container = Container::new("Pool", Layout::CHUNK);
///
/// impl Arena for Pool {
///     fn chunks(&self, found: &mut dyn FnMut(Chunk)) {
///         for (at, chunk) in self.chunks.iter().enumerate() {
///             let len = if at + 1 == self.chunks.len() { self.used_of_last } else { chunk.len() };
///             let addr = chunk.as_ptr() as usize;
///             found(Chunk { container: &POOL, addr, elem: Shape::bytes(), len, cap: chunk.len() });
///         }
///     }
/// }
///
/// #[derive(Walk)]
/// struct Session {
///     #[walk(with = heap_walk::arena)]
///     pool: Pool,
/// }
/// ```
///
/// The list of chunks itself is a block too: report it beside them (in a
/// hand-written `Walk`), or it is unclaimed.
pub trait Arena {
    /// Calls `found` for each chunk that has memory.
    fn chunks(&self, found: &mut dyn FnMut(Chunk));
}

/// Walks an arena: claims its chunks. For `#[walk(with = heap_walk::arena)]`.
pub fn arena<'a, A: Arena + ?Sized>(arena: &'a A, w: &mut Walker<'a>) {
    let place = std::ptr::from_ref(arena).cast::<u8>() as usize;
    arena.chunks(&mut |chunk| w.chunk(place, &chunk));
}

/// What a reference led to and is entered when its owner was.
struct Followed<'a> {
    handle: &'a dyn Handle,
    block: Block,
    shape: &'static Shape,
    size: u64,
    place: u64,
    kind: EdgeKind,
    label: &'static Label,
    guards: usize,
    only_in_arena: bool,
    is_outside: bool,
}

/// Values that references led to, and the arenas they may lie in.
pub(super) struct Inside<'a> {
    pending: Vec<Followed<'a>>,
    /// Address and shape of what was put into `pending` at any time.
    seen: HashSet<(u64, usize), RandomState>,
    /// Begin and end of what was entered.
    entered: BTreeMap<u64, u64>,
    /// Begin and end of the blocks that arenas claimed.
    chunks: BTreeMap<u64, u64>,
    /// Places of shared handles in values that were entered so: another
    /// reference, or an owner that a lock hid, may lead to them again.
    counted: HashSet<u64, RandomState>,
    /// How many were ever put into `pending`.
    count: u64,
}

impl Default for Inside<'_> {
    fn default() -> Self {
        Inside {
            pending: Vec::new(),
            seen: HashSet::with_hasher(RandomState::with_seeds(13, 14, 15, 16)),
            entered: BTreeMap::new(),
            chunks: BTreeMap::new(),
            counted: HashSet::with_hasher(RandomState::with_seeds(21, 22, 23, 24)),
            count: 0,
        }
    }
}

/// Adds a range, in place of those that it contains.
fn insert(ranges: &mut BTreeMap<u64, u64>, from: u64, to: u64) {
    while let Some((&start, &end)) = ranges.range(from..to).next_back() {
        if end > to {
            break;
        }
        ranges.remove(&start);
    }
    ranges.insert(from, to);
}

fn covers(ranges: &BTreeMap<u64, u64>, from: u64, to: u64) -> bool {
    ranges.range(..=from).next_back().is_some_and(|(_, &end)| to <= end)
}

impl<'a> Inside<'a> {
    /// Whether something behind guard number `guards` waits to be entered.
    #[inline]
    pub(super) fn has_pending(&self, guards: usize) -> bool {
        self.pending.last().is_some_and(|followed| followed.guards >= guards)
    }

    /// How many values references led to so far.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether no shared handle of the value that is visited was met through a reference to it.
    #[inline]
    pub(super) fn is_counted_once(&self, here: &Here) -> bool {
        !here.is_inside && self.counted.is_empty()
    }

    /// Whether the shared handle at `place` was met before through a reference
    /// to a value that it stands in.
    #[inline]
    pub(super) fn was_counted(&mut self, here: &Here, place: u64) -> bool {
        if here.is_inside {
            !self.counted.insert(place)
        } else {
            !self.counted.is_empty() && self.counted.contains(&place)
        }
    }
}

/// For impls of arenas and of references that are followed.
impl<'a> Walker<'a> {
    /// Claims a block of an arena whose handle is at `place`. What is used of
    /// it is untyped until references lead into it; it is scanned for addresses
    /// of blocks that nobody else claims.
    pub fn chunk(&mut self, place: usize, chunk: &Chunk) {
        let block = Block::raw(chunk.container, chunk.addr as u64, chunk.elem, chunk.len, chunk.cap);
        let Some((node, _)) = self.meet(place as u64, EdgeKind::OWN, &block) else { return };
        let size = chunk.elem.size.unwrap_or(1);
        let used = chunk.len.saturating_mul(size) as u64;
        self.sink.content(&Content {
            node,
            variant: None,
            split: Split { untyped: used, ..Split::default() },
        });
        let (from, to) = match self.lookup(chunk.addr) {
            Some(block) => (block.addr, block.addr + block.usable),
            None => (block.addr, block.addr.saturating_add(chunk.cap.saturating_mul(size) as u64)),
        };
        self.inside.chunks.insert(from, to);
        self.opaque.push(Opaque {
            node,
            node_addr: block.addr,
            addr: block.addr,
            len: used,
            label: &label::ELEMENT,
            shape: chunk.elem,
            is_outside: self.here.is_outside,
        });
    }

    /// Reports memory that no allocator gave, such as a memory map: `len` bytes
    /// at `addr`, held by the value at `place`. It is in nobody's sum of heap bytes.
    pub fn region(&mut self, place: usize, name: &'static str, addr: usize, len: usize) {
        let outer = std::mem::replace(&mut self.here.label, self.types.named_field(name));
        let block = Block::raw(&REGION, addr as u64, Shape::bytes(), len, len);
        self.meet(place as u64, EdgeKind::OWN, &block);
        self.here.label = outer;
    }

    /// Reports a reference, and has its target entered when all owners have
    /// been: then what lies at its address is known, though it is owned
    /// elsewhere. `handle` leads to the target. A target in a block that is
    /// walked anyway is not entered twice; with `only_in_arena` no other is
    /// entered than those in the chunks of an arena.
    pub fn follow<T: ?Sized + Walk>(
        &mut self,
        handle: &'a dyn Handle,
        kind: EdgeKind,
        target: &T,
        only_in_arena: bool,
    ) {
        let size = size_of_val(target) as u64;
        if size == 0 {
            return;
        }
        let block = Block::of_val(&INSIDE, target);
        let place = std::ptr::from_ref(handle).cast::<u8>() as usize as u64;
        let ty = TypeIdx(self.types.ty(target.shape()));
        self.edge(kind, place, Target::Addr(block.addr), Some(ty));
        let shape = target.shape();
        if self.inside.seen.insert((block.addr, std::ptr::from_ref(shape) as usize)) {
            self.inside.pending.push(Followed {
                handle,
                block,
                shape,
                size,
                place: place.wrapping_add(self.here.shift),
                kind,
                label: self.here.label,
                guards: self.guards.len(),
                only_in_arena,
                is_outside: self.here.is_outside,
            });
            self.inside.count += 1;
        }
    }

    /// Enters what references led to behind at least `guards` guards. Larger
    /// values come before those that lie in them.
    pub(super) fn enter_followed(&mut self, guards: usize) {
        let from = self.inside.pending.partition_point(|followed| followed.guards < guards);
        let mut followed = self.inside.pending.split_off(from);
        followed.sort_by_key(|followed| (followed.block.addr, std::cmp::Reverse(followed.size)));
        for followed in followed {
            self.enter_inside(&followed);
        }
    }

    fn enter_inside(&mut self, followed: &Followed<'a>) {
        let Followed { handle, block, size, .. } = *followed;
        let end = block.addr.saturating_add(size);
        if covers(&self.inside.entered, block.addr, end) || self.is_root(block.addr, end) {
            return;
        }
        if !covers(&self.inside.chunks, block.addr, end) {
            let is_claimed = self
                .lookup(block.addr as usize)
                .is_some_and(|block| self.marks.any(block.addr, block.addr + block.usable));
            if followed.only_in_arena || is_claimed {
                // Perhaps its arena is walked later, and another reference leads here then.
                let shape = std::ptr::from_ref(followed.shape) as usize;
                self.inside.seen.remove(&(block.addr, shape));
                return;
            }
        }
        insert(&mut self.inside.entered, block.addr, end);
        let ty = self.types.node_type(block.container, block.elem, block.is_slice);
        let label = self.types.label(followed.label);
        self.write_news();
        let node = Node {
            // The block that it lies in, which the loader finds.
            parent: None,
            edge: followed.kind,
            label,
            place: followed.place,
            ty: ty.idx(),
            addr: block.addr,
            len_cap: block.is_slice.then_some((block.len, block.cap)),
        };
        let node = self.sink.value(&node);
        let item = Item::new(handle, node, ty, &block, followed.guards);
        let flags = Flags::INSIDE.and(Flags::OUTSIDE, followed.is_outside);
        self.enter_one(&Item { flags, ..item });
    }
}
