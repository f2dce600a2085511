//! Hash tables of the standard library: one block, buckets before control bytes.
//!
//! The table's address is private. An entry lies in the block and finds it;
//! where there is none that has a size, the handle's own words are scanned. (Also
//! at capacity 0: marks of erased entries may take all the room that a table has.)

use super::shape;
use crate::label;
use crate::shape::{Describe, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::collections::{HashMap, HashSet};

static MAP: Container = Container::new("HashMap", Layout::HASH_TABLE);
static SET: Container = Container::new("HashSet", Layout::HASH_TABLE);

/// Words of a table: control bytes, mask, room left, number of entries.
pub(crate) const TABLE: usize = 4 * size_of::<usize>();

/// Whether a table with room for at least `capacity` entries of this size and
/// alignment has this many bytes: buckets are a power of two, seven in eight are
/// used, and a control byte each and a group of them follow. (Erased entries may
/// leave marks behind that take room until the table is rebuilt, so a table can
/// have more room than its capacity says.)
pub(crate) fn fits<E>(requested: u64, capacity: usize) -> bool {
    fits_layout(requested, capacity, size_of::<E>(), align_of::<E>())
}

fn fits_layout(requested: u64, capacity: usize, size: usize, align: usize) -> bool {
    let is_table = |buckets: usize, group: usize| {
        let room = if buckets < 8 { buckets - 1 } else { buckets / 8 * 7 };
        let entries = buckets.checked_mul(size);
        let entries = entries.and_then(|bytes| bytes.checked_next_multiple_of(align.max(group)));
        let bytes = entries.and_then(|bytes| bytes.checked_add(buckets + group));
        room >= capacity && bytes.is_some_and(|bytes| bytes as u64 == requested)
    };
    // The group's width is that of the processor's vectors.
    (1..48).any(|log2| [16, 8, 4].into_iter().any(|group| is_table(1 << log2, group)))
}

/// Reports the block of a table that shows the address of an entry, or 0 where
/// it has none. Not generic: every map in the program would compile it again.
fn own_table<'a>(
    w: &mut Walker<'a>,
    handle: &'a dyn Handle,
    container: &'static Container,
    entry: &'static Shape,
    (addr, len, capacity): (usize, usize, usize),
) {
    let block = Block::raw(container, addr as u64, entry, len, capacity);
    let size = entry.size.unwrap_or(0);
    if addr != 0 && size > 0 {
        w.own(handle, block);
    } else {
        w.own_by_handle(handle, block, |bytes| fits_layout(bytes, capacity, size, entry.align));
    }
}

/// Words of a handle among which are those of its table.
const fn words<T>() -> usize {
    let words = size_of::<T>() / size_of::<usize>();
    if words < 6 {
        words
    } else {
        6
    }
}

impl<K: Walk, V: Walk, S> Walk for HashMap<K, V, S> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.is_empty() {
            true => self.report(w),
            false => w.table_soon(self, const { words::<Self>() }),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(TABLE, size_of::<S>());
        d.is_fixed();
    }
}

impl<K: Walk, V: Walk, S> Handle for HashMap<K, V, S> {
    fn report<'a>(&'a self, w: &mut Walker<'a>) {
        let addr = match self.iter().next() {
            // A key without size may stand at the end of its entry.
            Some((_, value)) if K::static_shape().0.size == Some(0) => value as *const V as usize,
            Some((key, _)) => key as *const K as usize,
            None => 0,
        };
        own_table(w, self, &MAP, <(K, V)>::static_shape().0, (addr, self.len(), self.capacity()));
    }
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for (key, value) in self {
            key.walk_field(w, &label::KEY);
            value.walk_field(w, &label::VALUE);
        }
    }
}

impl<T: Walk, S> Walk for HashSet<T, S> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.is_empty() {
            true => self.report(w),
            false => w.table_soon(self, const { words::<Self>() }),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(TABLE, size_of::<S>());
        d.is_fixed();
    }
}

impl<T: Walk, S> Handle for HashSet<T, S> {
    fn report<'a>(&'a self, w: &mut Walker<'a>) {
        let addr = self.iter().next().map_or(0, |first| first as *const T as usize);
        own_table(w, self, &SET, <(T, ())>::static_shape().0, (addr, self.len(), self.capacity()));
    }
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for element in self {
            element.walk_field(w, &label::KEY);
        }
    }
}
