//! The part of a walk that only adds up, for a report: blocks are counted by
//! type, and no records, paths or nodes are made.

use super::{Block, Item, Walker};
use crate::label;
use crate::shape::Shape;
use crate::sink::Sink;
use crate::types::{Buffer, Container, KindKey, NodeType};
use crate::walk::Handle;
use crate::walker::prefetch::prefetch_few;
use heap_snapshot::record::Content;

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
        container: &'static Container,
        addr: *const u8,
        shape: &'static Shape,
        size: usize,
    ) {
        let key = (std::ptr::from_ref(container) as usize, std::ptr::from_ref(shape) as usize);
        if !self.own_quickly(handle, key, addr, (1, 1), size) {
            self.own_value_slowly(handle, container, addr, shape, size);
        }
    }

    #[inline(never)]
    fn own_value_slowly(
        &mut self,
        handle: &'a dyn Handle,
        container: &'static Container,
        addr: *const u8,
        shape: &'static Shape,
        size: usize,
    ) {
        let block = Block::of_shape(container, addr, shape, size);
        if self.is_sum && shape.elem.is_none() {
            let key = (std::ptr::from_ref(container) as usize, std::ptr::from_ref(shape) as usize);
            self.sum(handle, key, &block);
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
        let key = (std::ptr::from_ref(buffer) as usize, 0);
        if !self.own_quickly(handle, key, addr, (len, cap), len.wrapping_mul(buffer.size)) {
            self.own_buffer_slowly(handle, buffer, addr, len, cap);
        }
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
            self.sum(handle, (std::ptr::from_ref(buffer) as usize, 0), &block);
        } else {
            self.claim(handle, &block);
        }
    }

    /// Adds a block of `bytes` bytes of values up and has what is in it visited, if nothing else is
    /// wanted and that needs no call of a function: callers that call none do not save registers,
    /// and that is much of the time of most blocks. Else does nothing and says so.
    #[inline(always)]
    fn own_quickly(
        &mut self,
        handle: &'a dyn Handle,
        key: KindKey,
        addr: *const u8,
        (len, cap): (usize, usize),
        bytes: usize,
    ) -> bool {
        if !self.is_sum {
            return false;
        }
        let Some(ty) = self.types.kind(key) else { return false };
        let (addr, len, cap, bytes) = (addr as usize as u64, len as u64, cap as u64, bytes as u64);
        if ty.is_entered() {
            prefetch_few(addr, bytes);
        }
        match self.sum_quickly(ty, addr, (len, cap), if ty.is_dynamic() { bytes } else { 0 }) {
            Summed::Not => return false,
            Summed::First if ty.is_entered() => {
                self.push_summed(handle, ty, addr, if ty.is_dynamic() { bytes } else { len });
            }
            _ => {}
        }
        true
    }

    /// Adds a block up, if its page of marks is near and there is room.
    #[inline(always)]
    fn sum_quickly(&mut self, ty: NodeType, addr: u64, (len, cap): (u64, u64), size: u64) -> Summed {
        let Sink::Tally(tally) = &mut self.sink else { return Summed::Not };
        if !tally.has_room() {
            return Summed::Not;
        }
        match self.marks.set_near(addr) {
            None => Summed::Not,
            Some(true) => Summed::Again,
            Some(false) => {
                tally.put(ty.idx().0, addr, (len, cap), size);
                Summed::First
            }
        }
    }

    /// Adds a block up, and has what is in it visited; says whether it is met for the first time.
    #[inline(never)]
    fn sum(&mut self, handle: &'a dyn Handle, key: KindKey, block: &Block) -> bool {
        let Block { addr, container, elem, len, cap, is_slice, dynamic_size: size } = *block;
        let ty = match self.types.kind(key) {
            Some(ty) => ty,
            None => self.new_kind(key, (container, elem, is_slice)),
        };
        if ty.is_entered() {
            block.prefetch();
        }
        if self.marks.set(addr) {
            return false;
        }
        let Sink::Tally(tally) = &mut self.sink else { return false };
        if !tally.has_room() {
            tally.settle();
        }
        tally.put(ty.idx().0, block.begin(), (len, cap), if ty.is_dynamic() { size } else { 0 });
        if ty.is_entered() {
            self.push_summed(handle, ty, addr, if ty.is_dynamic() { size } else { len });
        }
        true
    }

    /// The same of any block.
    pub(super) fn sum_block(&mut self, handle: &'a dyn Handle, block: &Block) -> bool {
        let container = std::ptr::from_ref(block.container) as usize | usize::from(block.is_slice);
        self.sum(handle, (container, std::ptr::from_ref(block.elem) as usize), block)
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
            label: if ty.is_slice() { &label::ELEMENT } else { &label::BLOCK },
            amount,
            ty,
            guards: self.guards.len() as u32,
            is_parts: false,
            is_report: false,
            is_outside: false,
            is_inside: false,
            is_entered: false,
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
            tally.share(addr as u64, Some(strong), false, true);
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
            tally.share(block.addr, strong, is_first, !is_unsure);
        }
    }

    /// Enters the item at this position of the work list, where only sums are wanted.
    #[inline(always)]
    pub(super) fn enter_summed(&mut self, at: usize) {
        if self.is_over_budget() {
            return self.leave_out(at);
        }
        self.variants.enter();
        let Walker { items, here, types, .. } = self;
        let item = &mut items[at];
        let (handle, ty, is_report) = (item.handle, item.ty, item.is_report);
        let is_told = !item.is_parts && !ty.is_fixed();
        (here.node, here.addr, here.label) = (item.node, item.addr, item.label);
        (here.ty, here.amount, here.shift) = (ty, item.amount, 0);
        (here.is_untold, here.is_inside) = (is_told, item.is_inside);
        here.is_summed = is_told && !item.is_inside;
        // It is 0 here: what the block before told was taken away.
        if is_told && ty.has_base() {
            match ty.is_dynamic() {
                true => here.split.untyped = item.amount,
                false => here.split.add_times(&types.node_info(ty).base, item.amount),
            }
        }
        item.is_entered = true;
        self.met_from = self.items.len();
        match is_report {
            true => handle.report(self),
            false => handle.contents(self),
        }
        self.here.is_untold = false;
        if self.here.split.parts().iter().fold(0, |any, part| any | part) != 0 {
            let split = std::mem::take(&mut self.here.split);
            if is_told {
                let node = self.here.node;
                self.sink.content(&Content { node, variant: None, split });
            }
        }
    }

    /// Adds the variants met in this block to how it divides.
    #[cold]
    pub(super) fn tell_variants(&mut self) {
        for at in self.variants.take() {
            self.here.split.add_times(&self.types.variant_at(at).split, 1);
        }
    }
}

/// How often variants were met, where only sums are wanted. Those of the block that is being
/// entered can be taken back: after a panic it is told as unreadable.
pub(super) struct VariantSums {
    /// By position in the list of all types' variants.
    pub(super) counts: Vec<u64>,
    /// Not counted yet; from `from` on they are those of the block.
    met: [u32; VariantSums::ROOM],
    pub(super) len: usize,
    pub(super) from: usize,
}

impl VariantSums {
    const ROOM: usize = 64;

    pub(super) fn new() -> VariantSums {
        VariantSums { counts: Vec::new(), met: [0; VariantSums::ROOM], len: 0, from: 0 }
    }

    /// Notes one; false where there is no room.
    #[inline(always)]
    pub(super) fn add(&mut self, variant: u32) -> bool {
        let has_room = self.len < VariantSums::ROOM;
        if has_room {
            self.met[self.len] = variant;
            self.len += 1;
        }
        has_room
    }

    /// A block is about to be entered, and all before it are done.
    #[inline(always)]
    pub(super) fn enter(&mut self) {
        if self.len > VariantSums::ROOM / 2 {
            self.count();
        }
        self.from = self.len;
    }

    #[inline(never)]
    pub(super) fn count(&mut self) {
        for &variant in &self.met[..self.len] {
            let at = variant as usize;
            if at >= self.counts.len() {
                self.counts.resize(at + 1, 0);
            }
            self.counts[at] += 1;
        }
        (self.len, self.from) = (0, 0);
    }

    /// Takes those of the block away.
    fn take(&mut self) -> impl Iterator<Item = u32> {
        let (met, from, to) = (self.met, self.from, self.len);
        self.len = from;
        (from..to).map(move |at| met[at])
    }
}
