//! `ena`. A snapshot vector shows its values; its undo log shows nothing and is
//! claimed raw. A unification table shows neither without calling methods of
//! its key: its values are found by handle, and are typed if they own nothing.

use super::super::{opaque::opaque, shape};
use super::hidden::{own_buffer, slots_at};
use crate::label;
use crate::shape::{Describe, Field};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use ::ena::snapshot_vec::{SnapshotVec, SnapshotVecDelegate, UndoLog};
use ::ena::undo_log::{NoUndo, VecLog};
use ::ena::unify::{InPlace, UnificationTable, UnifyKey, VarValue};
use heap_snapshot::record::Layout;
use std::mem::needs_drop;

static VALUES: Container = Container::new("SnapshotVec", Layout::BUFFER);
static TABLE: Container = Container::new("UnificationTable", Layout::BUFFER);

/// Three words of a vector.
const VEC: usize = 3 * size_of::<usize>();

impl<D, L> Walk for SnapshotVec<D, Vec<D::Value>, L>
where
    D: SnapshotVecDelegate,
    D::Value: Walk,
{
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let values: &[D::Value] = self;
        let addr = values.as_ptr() as usize;
        // A vector without a block stands at its alignment.
        if addr > align_of::<D::Value>() {
            let slots = slots_at::<D::Value>(w, addr, values.len());
            w.own(self, Block::slots(&VALUES, values.as_ptr(), values.len(), slots));
        } else if size_of::<D::Value>() == 0 {
            self.contents(w);
        }
        log(w, self, size_of::<L>());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(VEC, size_of::<Self>() - VEC);
        d.is_fixed();
    }
}

impl<D, L> Handle for SnapshotVec<D, Vec<D::Value>, L>
where
    D: SnapshotVecDelegate,
    D::Value: Walk,
{
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for value in &**self {
            w.visit(&label::ELEMENT, value);
        }
    }
}

/// Leaves what the log in `table` owns to be claimed raw, if there is a log of `size` bytes.
fn log<'a, T: Walk>(w: &mut Walker<'a>, table: &'a T, size: usize) {
    if size > 0 {
        w.opaque_inner(table);
    }
}

macro_rules! tables {
    ($([$($around:tt)*] $len:expr;)*) => {$(
        impl<K, L> Walk for $($around)*
        where
            K: UnifyKey + Walk,
            K::Value: Walk,
        {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let len: fn(&Self) -> usize = $len;
                let len = len(self);
                if len > 0 && !needs_drop::<VarValue<K>>() {
                    own_buffer::<VarValue<K>, Self>(w, self, &TABLE, len);
                }
                w.opaque_inner(self);
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell(VEC, size_of::<Self>() - VEC);
                d.is_fixed();
            }
        }
    )*};
}

tables! {
    [UnificationTable<InPlace<K, Vec<VarValue<K>>, L>>] |table| table.len();
    [InPlace<K, Vec<VarValue<K>>, L>] |store| ::ena::unify::UnificationStoreBase::len(store);
}

impl<K> Walk for VarValue<K>
where
    K: UnifyKey + Walk,
    K::Value: Walk,
{
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        // No value is seen, so what depends on it stays untyped.
        let parent = match K::is_leaf() {
            true => Field::walked::<K>("parent", None),
            false => Field::unwalked::<K>("parent", None, "opaque"),
        };
        let value = match K::Value::is_leaf() {
            true => Field::walked::<K::Value>("value", None),
            false => Field::unwalked::<K::Value>("value", None, "opaque"),
        };
        d.structure(&[parent, value, Field::walked::<u32>("rank", None)]);
    }
    fn is_leaf() -> bool {
        !needs_drop::<Self>()
    }
}

opaque! {
    [T] VecLog<T>;
    [D: SnapshotVecDelegate] UndoLog<D>;
    [] NoUndo;
}
