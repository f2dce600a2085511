//! `slotmap`. Slots lie in one vector that is found by a value, or by handle;
//! those without a value are spare capacity. Keys own nothing and need no impl.

#![allow(deprecated, reason = "`HopSlotMap` is still in use")]

use super::super::hash::fits;
use super::super::{leaf::leaf, shape};
use super::hidden::{addr_in_slot, own_buffer, own_slots, slots_at, Bare};
use crate::label;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{self, Handle, Walk};
use crate::walker::{Block, Walker};
use ::slotmap::{
    DefaultKey, DenseSlotMap, HopSlotMap, Key, KeyData, SecondaryMap, SlotMap, SparseSecondaryMap,
};
use heap_snapshot::record::Layout;
use std::hash::BuildHasher;
use std::mem::{offset_of, ManuallyDrop};
use std::num::NonZeroU32;

static SLOTS: Container = Container::new("SlotMap", Layout::BUFFER);
static HOP: Container = Container::new("HopSlotMap", Layout::BUFFER);
static DENSE: Container = Container::new("DenseSlotMap", Layout::BUFFER);
static DENSE_KEYS: Container = Container::new("DenseSlotMap keys", Layout::BUFFER);
static DENSE_SLOTS: Container = Container::new("DenseSlotMap slots", Layout::BUFFER);
static SECONDARY: Container = Container::new("SecondaryMap", Layout::BUFFER);
static SPARSE: Container = Container::new("SparseSecondaryMap", Layout::HASH_TABLE);

const WORD: usize = size_of::<usize>();

/// A slot: a value or its place in the list of free slots (`F`), and a version.
struct Slot<V, F: Copy> {
    u: ValueOrFree<V, F>,
    version: u32,
}

#[expect(dead_code, reason = "only its layout matters")]
union ValueOrFree<V, F: Copy> {
    value: ManuallyDrop<V>,
    free: F,
}

impl<V: Walk, F: Copy> Walk for Slot<V, F> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named(format!("slotmap::Slot<{}>", V::name()));
        d.structure(&[
            Field::walked::<V>("value", Some(offset_of!(Self, u))),
            Field::walked::<u32>("version", Some(offset_of!(Self, version))),
        ]);
        // What the other variant needs more is dead, not padding.
        let dead = (size_of::<F>().saturating_sub(size_of::<V>())) as u64;
        d.desc.base.dead += dead;
        d.desc.base.padding = d.desc.base.padding.wrapping_sub(dead);
    }
    fn is_leaf() -> bool {
        V::is_leaf()
    }
}

type BasicSlot<V> = Slot<V, u32>;
type HopSlot<V> = Slot<V, [u32; 3]>;

macro_rules! slot_maps {
    ($($ty:ident $slot:ident $container:ident $own_bytes:expr;)*) => {$(
        impl<K: Key, V: Walk> Walk for $ty<K, V> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                // One slot more than there can be values: the first has none.
                let slots = self.capacity() + 1;
                let block = Block::slots::<$slot<V>>(&$container, std::ptr::null(), self.len(), slots);
                match self.values().next() {
                    Some(first) => w.own(self, block.at(std::ptr::from_ref(first) as usize)),
                    None => {
                        let bytes = (slots * size_of::<$slot<V>>()) as u64;
                        w.own_by_handle(self, block, |requested| requested == bytes);
                    }
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell(3 * WORD + $own_bytes, 0);
                d.is_fixed();
            }
        }

        impl<K: Key, V: Walk> Handle for $ty<K, V> {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                for value in self.values() {
                    w.visit(&label::ELEMENT, value);
                }
            }
        }
    )*};
}

slot_maps! {
    SlotMap BasicSlot SLOTS 8;
    HopSlotMap HopSlot HOP 4;
}

/// A slot of a dense map: a version, and the value's position or the next free slot.
struct DenseSlot([u32; 2]);

impl Walk for DenseSlot {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named("slotmap::dense::Slot".into());
        d.structure(&[Field::walked::<[u32; 2]>("version and position", Some(offset_of!(Self, 0)))]);
    }
    fn is_leaf() -> bool {
        true
    }
}

impl<K: Key, V: Walk> Walk for DenseSlotMap<K, V> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.own_parts(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(9 * WORD + 4, 0);
        d.is_fixed();
    }
}

impl<K: Key, V: Walk> Handle for DenseSlotMap<K, V> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let (keys, values) = self.as_slices();
        if self.capacity() > 0 {
            let addr = keys.as_ptr().cast::<Bare<K>>();
            w.own_part(self, Block::slots(&DENSE_KEYS, addr, keys.len(), self.capacity()));
        }
        // A vector without a block stands at its alignment.
        let addr = values.as_ptr() as usize;
        if addr > align_of::<V>() {
            let cap = slots_at::<V>(w, addr, values.len());
            own_slots(w, self, &DENSE, values, cap);
        }
        own_buffer::<DenseSlot, Self>(w, self, &DENSE_SLOTS, self.len());
    }
}

/// A slot of a secondary map.
#[expect(dead_code, reason = "only its layout matters")]
enum SecondarySlot<V> {
    Occupied { value: V, version: NonZeroU32 },
    Vacant,
}

impl<V: Walk> Walk for SecondarySlot<V> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named(format!("slotmap::secondary::Slot<{}>", V::name()));
        d.enumeration(&[
            Variant::new(
                "Occupied",
                size_of::<(V, NonZeroU32)>(),
                &[Field::walked::<V>("value", None), Field::walked::<NonZeroU32>("version", None)],
            ),
            Variant::new("Vacant", 0, &[]),
        ]);
    }
}

impl<K: Key, V: Walk> Walk for SecondaryMap<K, V> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let slots = self.capacity() + 1;
        let block = Block::slots::<SecondarySlot<V>>(&SECONDARY, std::ptr::null(), self.len(), slots);
        match self.values().next() {
            Some(first) => w.own(self, block.at(addr_in_slot(first))),
            None => {
                let bytes = (slots * size_of::<SecondarySlot<V>>()) as u64;
                w.own_by_handle(self, block, |requested| requested == bytes);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<K: Key, V: Walk> Handle for SecondaryMap<K, V> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for value in self.values() {
            w.set_label(&label::ELEMENT);
            w.variant(Shape::of::<SecondarySlot<V>>(), 0);
            w.visit_inner(value);
        }
    }
}

/// An entry of a sparse map's table.
struct SparseEntry<V>((u32, SparseSlot<V>));

struct SparseSlot<V> {
    version: u32,
    value: V,
}

impl<V: Walk> Walk for SparseEntry<V> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.named(format!("(u32, slotmap::sparse_secondary::Slot<{}>)", V::name()));
        d.structure(&[
            Field::walked::<u32>("key", Some(offset_of!(Self, 0.0))),
            Field::walked::<u32>("version", Some(offset_of!(Self, 0.1.version))),
            Field::walked::<V>("value", Some(offset_of!(Self, 0.1.value))),
        ]);
    }
    fn is_leaf() -> bool {
        V::is_leaf()
    }
}

impl<K: Key, V: Walk, S: BuildHasher> Walk for SparseSecondaryMap<K, V, S> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let (len, capacity) = (self.len(), self.capacity());
        let block = Block::slots::<SparseEntry<V>>(&SPARSE, std::ptr::null(), len, capacity);
        match self.values().next().filter(|_| size_of::<V>() > 0) {
            Some(first) => w.own(self, block.at(std::ptr::from_ref(first) as usize)),
            None => w.own_by_handle(self, block, |bytes| fits::<SparseEntry<V>>(bytes, capacity)),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(4 * WORD, size_of::<S>());
        d.is_fixed();
    }
}

impl<K: Key, V: Walk, S: BuildHasher> Handle for SparseSecondaryMap<K, V, S> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for value in self.values() {
            w.visit(&label::VALUE, value);
        }
    }
}

leaf!(KeyData, DefaultKey);

/// The slot, whatever its version.
impl walk::Key for KeyData {
    fn key(&self) -> u64 {
        self.as_ffi() & u64::from(u32::MAX)
    }
}

impl walk::Key for DefaultKey {
    fn key(&self) -> u64 {
        walk::Key::key(&self.data())
    }
}
