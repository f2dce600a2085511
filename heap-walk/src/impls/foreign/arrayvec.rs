//! `arrayvec`: a length, and room inside the value.

use super::super::shape;
use crate::label;
use crate::shape::Describe;
use crate::walk::Walk;
use crate::walker::Walker;
use ::arrayvec::{ArrayString, ArrayVec};

/// Bytes of the length: the crate's is 32 bits wide, 16 where pointers are.
const LEN: usize = if size_of::<usize>() < 4 { 2 } else { 4 };

impl<T: Walk, const CAP: usize> Walk for ArrayVec<T, CAP> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.inline_slots::<T>(self.len(), CAP);
        if !T::is_leaf() {
            for element in self {
                w.visit(&label::ELEMENT, element);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(LEN, CAP * size_of::<T>());
    }
}

impl<const CAP: usize> Walk for ArrayString<CAP> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.inline_slots::<u8>(self.len(), CAP);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(LEN, CAP);
    }
}
