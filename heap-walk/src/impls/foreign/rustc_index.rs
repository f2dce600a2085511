//! `rustc_index`, as published for use outside the compiler. Words of bit sets
//! are found by handle, since their number follows from the domain's size.

use super::super::shape;
use super::hidden::{own_optional, slots_at};
use crate::label::Label;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use ::ra_ap_rustc_index::bit_set::{
    BitMatrix, ChunkedBitSet, DenseBitSet, GrowableBitSet, MixedBitSet, SparseBitMatrix,
};
use ::ra_ap_rustc_index::{Idx, IndexSlice, IndexVec};
use heap_snapshot::record::Layout;
use std::mem::offset_of;

static DENSE: Container = Container::new("DenseBitSet", Layout::BUFFER);
static GROWABLE: Container = Container::new("GrowableBitSet", Layout::RAW);
static MATRIX: Container = Container::new("BitMatrix", Layout::BUFFER);
static ROWS: Container = Container::new("SparseBitMatrix", Layout::BUFFER);

const WORD: usize = size_of::<usize>();
/// Bytes of the words that bits are kept in.
const BITS: usize = size_of::<u64>();

impl<I: Idx, T: Walk> Walk for IndexVec<I, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit_inner(&self.raw);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[Field::walked::<Vec<T>>("raw", Some(offset_of!(Self, raw)))]);
    }
}

impl<I: Idx, T: Walk> Walk for IndexSlice<I, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.raw.walk(w);
    }
    fn shape(&self) -> &'static Shape {
        Shape::slice::<T>()
    }
}

impl<T> Walk for DenseBitSet<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let words = self.domain_size().div_ceil(BITS * 8);
        if words > 0 {
            let block = Block::slots::<u64>(&DENSE, std::ptr::null(), words, words);
            w.own_by_handle(self, block, |requested| requested == (words * BITS) as u64);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Idx> Walk for GrowableBitSet<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        // How many of its words are in use is not to be had, so none is typed.
        let block = Block::slots::<u64>(&GROWABLE, std::ptr::null(), 0, 0);
        w.own_by_handle(self, block, |requested| requested % BITS as u64 == 0);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T> Walk for ChunkedBitSet<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.opaque();
    }
}

impl<T> Walk for MixedBitSet<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let addr = std::ptr::from_ref(self) as usize;
        match self {
            MixedBitSet::Small(set) => {
                if w.variant(Shape::of::<Self>(), 0) {
                    w.variant_offsets(Shape::of::<Self>(), 0, addr, &[std::ptr::from_ref(set) as usize]);
                }
                w.visit(const { &Label::variant_field("Small", "0") }, set);
            }
            MixedBitSet::Large(set) => {
                if w.variant(Shape::of::<Self>(), 1) {
                    w.variant_offsets(Shape::of::<Self>(), 1, addr, &[std::ptr::from_ref(set) as usize]);
                }
                w.visit(const { &Label::variant_field("Large", "0") }, set);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.enumeration(&[
            Variant::new("Small", size_of::<DenseBitSet<T>>(), &[Field::walked::<DenseBitSet<T>>("0", None)]),
            Variant::new(
                "Large",
                size_of::<ChunkedBitSet<T>>(),
                &[Field::walked::<ChunkedBitSet<T>>("0", None)],
            ),
        ]);
    }
}

impl<R: Idx, C: Idx> Walk for BitMatrix<R, C> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let words = self.words();
        let addr = words.as_ptr() as usize;
        // A vector without a block stands at its alignment.
        if addr > align_of::<u64>() {
            let slots = slots_at::<u64>(w, addr, words.len());
            w.own(self, Block::slots(&MATRIX, words.as_ptr(), words.len(), slots));
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<R: Idx, C: Idx> Handle for BitMatrix<R, C> {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

impl<R: Idx, C: Idx> Walk for SparseBitMatrix<R, C> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.own_parts(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(4 * WORD, 0);
        d.is_fixed();
    }
}

impl<R: Idx, C: Idx> Handle for SparseBitMatrix<R, C> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let rows = || self.rows().filter_map(|row| self.row(row));
        let counts = (rows().count(), None);
        own_optional::<Option<DenseBitSet<C>>, _, Self, _>(w, self, &ROWS, counts, rows);
    }
}
