//! `thin-vec`: length and capacity stand in the block, before the elements.

use super::super::shape;
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use ::thin_vec::ThinVec;
use heap_snapshot::record::Layout;

/// Length and capacity.
const HEADER: usize = 2 * size_of::<usize>();

static VEC: Container = Container::with_header("ThinVec", Layout::HEADED, HEADER);

impl<T: Walk> Walk for ThinVec<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if size_of::<T>() == 0 {
            // The length stands in the pointer; there is no block.
            self.contents(w);
        } else if self.capacity() > 0 {
            w.own(self, Block::slots(&VEC, self.as_ptr(), self.len(), self.capacity()));
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for ThinVec<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        if !T::is_leaf() {
            for element in self {
                w.visit(&label::ELEMENT, element);
            }
        }
    }
}
