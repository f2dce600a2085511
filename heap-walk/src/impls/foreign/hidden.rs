//! Blocks that another crate's container holds and does not show.
//!
//! The address of an element finds its block, and the allocator's requested
//! size says how many slots there are. Where there is no element to refer to,
//! the handle's own words are scanned.

#![allow(dead_code, reason = "each feature needs a part of it")]

use super::super::hash::fits;
use super::super::shape;
use crate::label;
use crate::shape::{Describe, Field, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use std::cell::Cell;
use std::mem::MaybeUninit;

/// Number of slots of type `T` in the block that holds `addr`, as the allocator
/// knows; `len` where there is none to ask.
pub(super) fn slots_at<T>(w: &Walker<'_>, addr: usize, len: usize) -> usize {
    let size = size_of::<T>().max(1);
    w.lookup(addr).map_or(len, |block| (block.requested as usize / size).max(len))
}

/// An address for sure inside the slot of an optional value that is there: a
/// value without size may stand at the very end of its slot, behind what says
/// that it is there.
pub(super) fn addr_in_slot<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize - usize::from(size_of::<T>() == 0)
}

/// Reports the buffer of a vector of `len` values of type `T` that `handle`
/// holds and does not show, nor its capacity. Its values are not visited.
pub(super) fn own_buffer<'a, T: Walk, H>(
    w: &mut Walker<'a>,
    handle: &'a H,
    container: &'static Container,
    len: usize,
) {
    let size = size_of::<T>() as u64;
    let fits = |bytes: u64| size > 0 && bytes % size == 0 && bytes / size >= len.max(1) as u64;
    let found = Cell::new(0);
    let block = |cap| Block::slots::<T>(container, std::ptr::null(), len, cap);
    // First only its size, which tells the capacity.
    w.own_by_handle(handle, block(0), |bytes| {
        if fits(bytes) {
            found.set(bytes);
        }
        false
    });
    if found.get() > 0 {
        w.own_by_handle(handle, block((found.get() / size) as usize), fits);
    }
}

/// Reports one of several buffers of `place`, with room for `cap` values, and
/// visits its values.
pub(super) fn own_slots<'a, T: Walk>(
    w: &mut Walker<'a>,
    place: &'a dyn Handle,
    container: &'static Container,
    slots: &'a [T],
    cap: usize,
) {
    if cap == 0 || size_of::<T>() == 0 {
        return;
    }
    let block = Block::slots(container, slots.as_ptr(), slots.len(), cap);
    let Some(node) = w.own_part(place, block) else { return };
    if T::is_leaf() {
        return;
    }
    let mut split = heap_snapshot::record::Split::default();
    split.add_times(&w.base_of::<T>(), slots.len() as u64);
    w.within(node, slots.as_ptr() as usize as u64, (split, size_of_val(slots) as u64), |w| {
        for slot in slots {
            w.visit(&label::ELEMENT, slot);
        }
    });
}

/// A key that owns nothing and needs no impl: payload, whatever it is.
#[repr(transparent)]
pub(super) struct Bare<K>(MaybeUninit<K>);

impl<K> Walk for Bare<K> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn name() -> &'static str {
        std::any::type_name::<K>()
    }
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
    fn is_leaf() -> bool {
        true
    }
}

/// An entry of an index map, with its hash, as indexmap lays it out.
pub(super) struct Entry<K, V> {
    hash: usize,
    key: K,
    value: V,
}

impl<K: Walk, V: Walk> Walk for Entry<K, V> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(&label::KEY, &self.key);
        w.visit(&label::VALUE, &self.value);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named(format!("({}, {})", K::name(), V::name()));
        d.structure(&[
            Field::walked::<usize>("hash", Some(core::mem::offset_of!(Self, hash))),
            Field::walked::<K>("key", Some(core::mem::offset_of!(Self, key))),
            Field::walked::<V>("value", Some(core::mem::offset_of!(Self, value))),
        ]);
    }
    fn is_leaf() -> bool {
        K::is_leaf() && V::is_leaf()
    }
}

/// What is known of where the entries of an index map are.
#[derive(Clone, Copy)]
pub(super) enum Entries {
    /// An address among them.
    At(usize),
    /// There is no block for them. There may be one for their positions.
    Nowhere,
    /// There may be a block, but there is no address in it to be had.
    Hidden,
}

/// The two blocks of an index map: its entries, and the table of their positions.
pub(super) struct IndexMapParts {
    pub(super) entries: &'static Container,
    pub(super) indices: &'static Container,
    pub(super) place: Entries,
    pub(super) len: usize,
    pub(super) capacity: usize,
}

/// Reports both blocks of an index map; `handle` visits the entries.
pub(super) fn own_index_map<'a, K: Walk, V: Walk, H: Handle>(
    w: &mut Walker<'a>,
    handle: &'a H,
    parts: &IndexMapParts,
) {
    let &IndexMapParts { entries, indices, place, len, capacity } = parts;
    let block = |slots| Block::slots::<Entry<K, V>>(entries, std::ptr::null(), len, slots);
    let table = Block::slots::<usize>(indices, std::ptr::null(), len, capacity);
    if let Entries::At(addr) = place {
        let slots = slots_at::<Entry<K, V>>(w, addr, len);
        w.own(handle, block(slots).at(addr));
    }
    if let (Entries::Hidden, Some((of_table, of_entries))) =
        (place, sizes::<Entry<K, V>, H>(w, handle, parts))
    {
        let slots = of_entries as usize / size_of::<Entry<K, V>>();
        w.own_by_handle(handle, table, |bytes| bytes == of_table);
        w.own_by_handle(handle, block(slots), |bytes| bytes == of_entries);
        return;
    }
    // What was claimed just now is not taken for the other.
    w.own_by_handle(handle, table, |bytes| fits::<usize>(bytes, capacity.max(len)));
    if matches!(place, Entries::Hidden) {
        own_buffer::<Entry<K, V>, H>(w, handle, entries, len);
    }
}

/// Requested sizes of the table and of the entries `E`, of two blocks that each
/// might be either: the map's capacity is the smaller of theirs, which leaves
/// mostly one possibility.
fn sizes<'a, E, H>(w: &mut Walker<'a>, handle: &'a H, parts: &IndexMapParts) -> Option<(u64, u64)> {
    let found = Cell::new([0; 2]);
    let count = Cell::new(0);
    // Only asks: nothing fits.
    let nothing = Block::slots::<usize>(parts.indices, std::ptr::null(), 0, 0);
    w.own_by_handle(handle, nothing, |bytes| {
        if let 0..=1 = count.get() {
            let mut sizes = found.get();
            sizes[count.get()] = bytes;
            found.set(sizes);
        }
        count.set(count.get() + 1);
        false
    });
    let capacity = parts.capacity;
    let can_be = |table: u64, entries: u64| {
        let (size, entries) = (size_of::<E>(), entries as usize);
        let slots = entries / size;
        entries % size == 0
            && slots >= capacity.max(parts.len)
            && fits::<usize>(table, capacity)
            && (slots == capacity || !fits::<usize>(table, capacity + 1))
    };
    let [a, b] = found.get();
    match (count.get() == 2, can_be(a, b), can_be(b, a)) {
        (true, true, false) => Some((a, b)),
        (true, false, true) => Some((b, a)),
        _ => None,
    }
}

/// Reports one of several buffers of `place`: `cap` slots of type `S`, each with
/// an optional value of type `T` in it, `len` of which are there; visits those.
/// A slot without a value is spare capacity. `cap` is `None` if only the allocator knows.
pub(super) fn own_optional<'a, S: Walk, T: Walk + 'a, H: Handle, I: Iterator<Item = &'a T>>(
    w: &mut Walker<'a>,
    place: &'a H,
    container: &'static Container,
    (len, cap): (usize, Option<usize>),
    values: impl Fn() -> I,
) {
    let Some(first) = values().next() else {
        match cap {
            Some(0) => {}
            Some(cap) => {
                let bytes = (cap * size_of::<S>()) as u64;
                let block = Block::slots::<S>(container, std::ptr::null(), 0, cap);
                w.own_by_handle(place, block, |requested| requested == bytes);
            }
            None => own_buffer::<S, H>(w, place, container, 0),
        }
        return;
    };
    let addr = addr_in_slot(first);
    let cap = cap.unwrap_or_else(|| slots_at::<S>(w, addr, len));
    let block = Block::slots::<S>(container, std::ptr::null(), len, cap).at(addr);
    let Some(node) = w.own_part(place, block) else { return };
    let mut split = heap_snapshot::record::Split::default();
    split.add_times(&w.base_of::<S>(), len as u64);
    w.within(node, addr as u64, (split, (len * size_of::<S>()) as u64), |w| {
        for value in values() {
            w.set_label(&label::ELEMENT);
            w.variant(Shape::of::<Option<T>>(), 1);
            w.visit_inner(value);
        }
    });
}
