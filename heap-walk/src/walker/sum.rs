//! The part of a walk that only adds up, for a report: blocks are counted by
//! type, and no records, paths or nodes are made. What was added up is not taken
//! back: where an impl panics, the sums are of no use, and the report walks again.

use super::{Block, Flags, Here, Item, Walker};
use crate::impls::boxed;
use crate::label;
use crate::shape::Shape;
use crate::sink::Sink;
use crate::types::{Buffer, Container, KindKey, NodeType};
use crate::walk::Handle;
use crate::walker::prefetch::prefetch_few;
use heap_snapshot::record::{Content, EdgeKind};

/// The node of all blocks that are added up, where nobody asks for one of them.
const SUMMED: u64 = u64::MAX - 1;

/// What became of a block that was to be added up.
enum Summed {
    First,
    /// It was met before.
    Again,
    /// It is still to be.
    Not,
}

impl<'a> Walker<'a> {
    /// As [`Walker::own`] of the block that a `Box` holds: of a value of this shape and so many bytes.
    #[inline(never)]
    pub(crate) fn own_value(
        &mut self,
        handle: &'a dyn Handle,
        addr: *const u8,
        shape: &'static Shape,
        size: usize,
    ) {
        if let Some(ty) = self.types.kind(KindKey::of_value(shape)) {
            let len = if ty.is_dynamic() { size } else { 1 };
            if self.own_quickly(handle, ty, addr, (len, 1), size) {
                return;
            }
        }
        self.own_value_slowly(handle, addr, shape, size);
    }

    #[inline(never)]
    fn own_value_slowly(
        &mut self,
        handle: &'a dyn Handle,
        addr: *const u8,
        shape: &'static Shape,
        size: usize,
    ) {
        let container = if shape.elem.is_some() { &boxed::SLICE } else { &boxed::VALUE };
        let block = Block::of_shape(container, addr, shape, size);
        if self.is_sum && shape.elem.is_none() {
            self.sum(handle, KindKey::of_value(shape), &block);
        } else {
            self.claim(handle, &block);
        }
    }

    /// As [`Walker::own`] of a buffer with room for `cap` elements, `len` of them in use.
    #[inline(never)]
    pub(crate) fn own_buffer(
        &mut self,
        handle: &'a dyn Handle,
        buffer: &'static Buffer,
        addr: *const u8,
        len: usize,
        cap: usize,
    ) {
        if let Some(ty) = self.types.kind(KindKey::of_buffer(buffer)) {
            if self.own_quickly(handle, ty, addr, (len, cap), len.wrapping_mul(buffer.size)) {
                return;
            }
        }
        self.own_buffer_slowly(handle, buffer, addr, len, cap);
    }

    #[inline(never)]
    fn own_buffer_slowly(
        &mut self,
        handle: &'a dyn Handle,
        buffer: &'static Buffer,
        addr: *const u8,
        len: usize,
        cap: usize,
    ) {
        let block = Block::raw(buffer.container, addr as usize as u64, buffer.elem(), len, cap);
        if self.is_sum {
            self.sum(handle, KindKey::of_buffer(buffer), &block);
        } else {
            self.claim(handle, &block);
        }
    }

    /// As [`Walker::own_buffer`] of elements with nothing behind them: what holds the buffer is at `place`.
    #[inline(never)]
    pub(crate) fn own_leaves(
        &mut self,
        place: *const u8,
        buffer: &'static Buffer,
        addr: *const u8,
        len: usize,
        cap: usize,
    ) {
        if let Some(ty) = self.types.kind(KindKey::of_buffer(buffer)) {
            let summed = self.sum_quickly(ty, addr as usize as u64, (len as u64, cap as u64));
            if let Summed::First | Summed::Again = summed {
                return;
            }
        }
        self.own_leaves_slowly(place, buffer, addr, len, cap);
    }

    #[inline(never)]
    fn own_leaves_slowly(
        &mut self,
        place: *const u8,
        buffer: &'static Buffer,
        addr: *const u8,
        len: usize,
        cap: usize,
    ) {
        let block = Block::raw(buffer.container, addr as usize as u64, buffer.elem(), len, cap);
        if self.is_sum {
            self.sum_alone(KindKey::of_buffer(buffer), &block);
        } else {
            self.meet_here(place as usize as u64, EdgeKind::OWN, &block);
        }
    }

    /// Adds a block of `bytes` bytes of values up and has what is in it visited, if that needs no call
    /// of a function: callers that call none do not save registers, and that is much of the time of
    /// most blocks. Else does nothing and says so.
    #[inline(always)]
    fn own_quickly(
        &mut self,
        handle: &'a dyn Handle,
        ty: NodeType,
        addr: *const u8,
        (len, cap): (usize, usize),
        bytes: usize,
    ) -> bool {
        let (addr, len, cap, bytes) = (addr as usize as u64, len as u64, cap as u64, bytes as u64);
        if ty.is_entered() {
            prefetch_few(addr, bytes);
        }
        match self.sum_quickly(ty, addr, (len, cap)) {
            Summed::Not => return false,
            Summed::First if ty.is_entered() => self.push_summed(handle, ty, addr, len),
            _ => {}
        }
        true
    }

    /// Adds a block up, if its page of marks is near and there is room. (Where anything but sums is
    /// wanted no kind is known.) Of a value that alone knows
    /// its size, `len` is that.
    #[inline(always)]
    fn sum_quickly(&mut self, ty: NodeType, addr: u64, (len, cap): (u64, u64)) -> Summed {
        let Sink::Tally(tally) = &mut self.sink else { return Summed::Not };
        if !tally.has_room() {
            return Summed::Not;
        }
        match self.marks.set_near(addr) {
            None => Summed::Not,
            Some(true) => Summed::Again,
            Some(false) => {
                tally.put(ty.idx().0, addr, (len, cap));
                Summed::First
            }
        }
    }

    /// Adds a block up, and has what is in it visited; says whether it is met for the first time.
    #[inline(never)]
    fn sum(&mut self, handle: &'a dyn Handle, key: KindKey, block: &Block) -> bool {
        let ty = self.sum_alone(key, block);
        if let Some(ty) = ty.filter(|ty| ty.is_entered()) {
            let amount = if ty.is_dynamic() { block.dynamic_size } else { block.len };
            self.push_summed(handle, ty, block.addr, amount);
        }
        ty.is_some()
    }

    /// Adds a block up; gives its type if it is met for the first time.
    #[inline]
    fn sum_alone(&mut self, key: KindKey, block: &Block) -> Option<NodeType> {
        let ty = match self.types.kind(key) {
            Some(ty) => ty,
            None => self.new_kind(key, (block.container, block.elem, block.is_slice)),
        };
        if ty.is_entered() {
            block.prefetch();
        }
        if self.marks.set(block.addr) {
            return None;
        }
        let Sink::Tally(tally) = &mut self.sink else { return None };
        if !tally.has_room() {
            tally.settle();
        }
        let len = if ty.is_dynamic() { block.dynamic_size } else { block.len };
        tally.put(ty.idx().0, block.begin(), (len, block.cap));
        Some(ty)
    }

    /// The same of any block.
    pub(super) fn sum_block(&mut self, handle: &'a dyn Handle, block: &Block) -> bool {
        self.sum(handle, KindKey::new(block.container, block.elem, block.is_slice), block)
    }

    /// Puts a block that was added up on the work list.
    #[inline(never)]
    fn push_summed(&mut self, handle: &'a dyn Handle, ty: NodeType, addr: u64, amount: u64) {
        if self.items.len() == self.items.capacity() {
            return self.grow_and_push(handle, ty, addr, amount);
        }
        self.push(Item {
            handle,
            node: SUMMED,
            addr,
            label: &label::BLOCK,
            amount,
            ty,
            guards: self.guards.len() as u32,
            flags: Flags::NONE,
        });
    }

    #[cold]
    #[inline(never)]
    fn grow_and_push(&mut self, handle: &'a dyn Handle, ty: NodeType, addr: u64, amount: u64) {
        self.items.reserve(1);
        self.push_summed(handle, ty, addr, amount);
    }

    #[cold]
    #[inline(never)]
    fn new_kind(&mut self, key: KindKey, of: (&'static Container, &'static Shape, bool)) -> NodeType {
        let ty = self.types.new_kind(key, of);
        self.write_news();
        ty
    }

    /// Adds a strong handle up whose block was met before, if nothing but sums is wanted. Else
    /// does nothing and says so. `addr` is the one that the block is reported with.
    #[inline(never)]
    pub(crate) fn share_again(&mut self, addr: usize, strong: usize) -> bool {
        let is_again =
            self.is_sum && self.inside.is_counted_once(&self.here) && self.marks.is_set_near(addr as u64);
        if let (Sink::Tally(tally), true) = (&mut self.sink, is_again) {
            tally.shares.note(addr as u64, Some(strong), false, true);
        }
        is_again
    }

    /// Adds a strong handle up, and its block if it is the first.
    pub(super) fn sum_shared(&mut self, handle: &'a dyn Handle, block: &Block, strong: Option<usize>) {
        let place = std::ptr::from_ref(handle).cast::<u8>() as usize as u64;
        if self.inside.was_counted(&self.here, place) {
            return; // as in `meet_shared`
        }
        let is_unsure = self.is_unsure();
        let is_counted = !is_unsure || !self.marks.any(block.addr, block.addr + 1);
        let is_first = self.sum_block(handle, block);
        if let (Sink::Tally(tally), true) = (&mut self.sink, is_counted) {
            tally.shares.note(block.addr, strong, is_first, !is_unsure);
        }
    }

    /// Goes where [`Walker::enter_summed`] is: in blocks of which nobody asks which, nor for the labels in them.
    pub(super) fn begin_sum(&mut self) {
        self.here = Here::new(SUMMED, 0, &label::BLOCK);
    }

    /// Enters the item at this position of the work list, where only sums are wanted.
    #[inline(always)]
    pub(super) fn enter_summed(&mut self, at: usize) {
        let Walker { items, here, types, .. } = self;
        let item = &mut items[at];
        if item.flags != Flags::NONE || self.lock_budget.is_some() {
            return self.enter_apart(at);
        }
        let Item { handle, ty, amount, .. } = *item;
        item.flags = Flags::ENTERED;
        types.count_entered(ty, amount);
        here.is_summed = !ty.is_fixed();
        self.met_from = self.items.len();
        handle.contents(self);
        if self.here.has_split {
            self.tell_split(ty);
        }
    }

    /// The same of what is no whole block, or perhaps behind a lock that was held too long.
    #[inline(never)]
    fn enter_apart(&mut self, at: usize) {
        let Item { handle, flags, .. } = self.items[at];
        if flags == Flags::REPORT && self.lock_budget.is_none() {
            self.items[at].flags = Flags::ENTERED;
            self.met_from = self.items.len();
            return handle.report(self);
        }
        self.enter(at);
        self.begin_sum();
    }

    /// Adds up how the values of a block divide, beside what is said of all and what their variants say.
    #[cold]
    #[inline(never)]
    fn tell_split(&mut self, ty: NodeType) {
        self.here.has_split = false;
        let split = std::mem::take(&mut self.here.split);
        if !ty.is_fixed() {
            self.sink.content(&Content { node: SUMMED, variant: None, split });
        }
    }
}

/// How often variants were met, where only sums are wanted.
pub(super) struct VariantSums {
    /// By position in the list of all types' variants.
    pub(super) counts: Vec<u64>,
    /// Type of the last one, and where its variants are.
    near: *const Shape,
    near_first: u32,
    near_count: u32,
}

impl VariantSums {
    pub(super) fn new() -> VariantSums {
        VariantSums { counts: Vec::new(), near: std::ptr::null(), near_first: 0, near_count: 0 }
    }

    /// Counts one, if its type is that of the last one; says whether it did.
    #[inline(always)]
    pub(super) fn add_near(&mut self, shape: &'static Shape, variant: u32) -> bool {
        if !std::ptr::eq(self.near, shape) || variant >= self.near_count {
            return false;
        }
        let count = self.counts.get_mut((self.near_first + variant) as usize);
        count.map(|count| *count += 1).is_some()
    }

    /// The last one's type is this, whose variants are `count` from `first` on.
    pub(super) fn set_near(&mut self, shape: &'static Shape, first: u32, count: u32) {
        (self.near, self.near_first, self.near_count) = (shape, first, count);
        let end = (first + count) as usize;
        if self.counts.len() < end {
            self.counts.resize(end, 0);
        }
    }
}
