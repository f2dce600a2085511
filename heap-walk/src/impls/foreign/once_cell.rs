//! `once_cell`. What a `Lazy` would call is not walked.

use super::super::cell::once;
use super::super::{leaf::leaf, shape};
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use ::once_cell::race::{OnceBool, OnceBox, OnceNonZeroUsize};
use ::once_cell::{sync, unsync};
use heap_snapshot::record::Layout;
use std::mem::needs_drop;

static ONCE_BOX: Container = Container::new("OnceBox", Layout::VALUE);

impl<T: Walk> Walk for unsync::OnceCell<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        once(w, self.get(), size_of::<Option<T>>());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(0, size_of::<Option<T>>());
    }
}

impl<T: Walk> Walk for sync::OnceCell<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        once(w, self.get(), size_of::<Option<T>>());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(state_of::<T>(), size_of::<Option<T>>());
    }
}

/// Bytes that a cell keeps beside its value: a queue of waiters, or a byte
/// where the crate is built with `parking_lot` and alignment does not hide it.
fn state_of<T>() -> usize {
    let beside = size_of::<sync::OnceCell<T>>() - size_of::<Option<T>>();
    if beside < size_of::<usize>() {
        1
    } else {
        size_of::<usize>()
    }
}

macro_rules! lazy {
    ($module:ident, $state:expr) => {
        impl<T: Walk, F: FnOnce() -> T> Walk for $module::Lazy<T, F> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                once(w, Self::get(self), size_of::<Option<T>>());
                if needs_drop::<F>() {
                    w.opaque_inner(self);
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell($state, size_of::<Option<T>>() + size_of::<Option<F>>());
            }
        }
    };
}

lazy!(unsync, 0);
lazy!(sync, state_of::<T>());

impl<T: Walk> Walk for OnceBox<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if let Some(value) = self.get().filter(|_| size_of::<T>() > 0) {
            w.own(self, Block::of_val(&ONCE_BOX, value));
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for OnceBox<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        if let Some(value) = self.get() {
            w.visit_inner(value);
        }
    }
}

leaf!(OnceBool, OnceNonZeroUsize);
