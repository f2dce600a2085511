//! dashmap: a row of hash tables, each behind a lock that is tried. Its shards
//! come from the crate's `raw-api`, and where a table lies from hashbrown's.

#![expect(unsafe_code, reason = "iterates over raw tables, and says of a guard where it points")]

use crate::guard::Guard;
use crate::impls::shape;
use crate::label;
use crate::shape::{Describe, Field, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Retry, Walker};
use hashbrown_0_14::raw::RawTable;
use heap_snapshot::record::Layout;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::ops::Deref;

static MAP: Container = Container::new("DashMap", Layout::HASH_TABLE);
static SET: Container = Container::new("DashSet", Layout::HASH_TABLE);
static MAP_SHARDS: Container = Container::new("DashMap", Layout::BUFFER);
static SET_SHARDS: Container = Container::new("DashSet", Layout::BUFFER);

/// Words of a map: how far to shift a hash, address and number of shards.
const OWN: usize = 3 * size_of::<usize>();

/// A shard of type `Whole`, which is a lock of one word around an `Inner`.
struct Shard<Whole, Inner>(PhantomData<Inner>, Whole);

impl<Whole, Inner> Walk for Shard<Whole, Inner> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    shape!();
    fn name() -> &'static str {
        std::any::type_name::<Whole>()
    }
    fn describe(d: &mut Describe<'_>) {
        d.cell(size_of::<usize>(), size_of::<Inner>());
    }
}

/// The block of `shards`, which are a map's or a set's.
fn row<Inner, Whole>(container: &'static Container, shards: &[Whole]) -> Block {
    let first = shards.as_ptr().cast::<Shard<Whole, Inner>>();
    Block::slots(container, first, shards.len(), shards.len())
}

/// One major version: its crate, what its locks are around, and the table in that.
macro_rules! version {
    ($version:ident, $krate:ident, [$($more:ident)?] $inner:ty, $table:expr) => {
        mod $version {
            use super::*;
            use $krate::{DashMap, DashSet, ReadOnlyView, RwLock, RwLockReadGuard, SharedValue};

            type Inner<K, V $(, $more)?> = $inner;

            /// An entry as a table holds it: the value in a cell, which gives it away.
            struct Entry<K, V>((K, SharedValue<V>));

            impl<K: Walk, V: Walk> Walk for Entry<K, V> {
                fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
                shape!();
                fn name() -> &'static str {
                    std::any::type_name::<(K, V)>()
                }
                fn describe(d: &mut Describe<'_>) {
                    d.structure(&[
                        Field::walked::<K>("0", Some(core::mem::offset_of!((K, SharedValue<V>), 0))),
                        Field::walked::<V>("1", Some(core::mem::offset_of!((K, SharedValue<V>), 1))),
                    ]);
                }
                fn is_leaf() -> bool {
                    K::is_leaf() && V::is_leaf()
                }
            }

            impl<K: Walk, V: Walk> Walk for RawTable<(K, SharedValue<V>)> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    // One bucket is what a table without a block has.
                    if self.buckets() > 1 {
                        let container = if size_of::<V>() == 0 { &SET } else { &MAP };
                        let (base, _) = self.allocation_info();
                        let base = base.as_ptr().cast::<Entry<K, V>>();
                        w.own(self, Block::slots(container, base, self.len(), self.capacity()));
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl<K: Walk, V: Walk> Handle for RawTable<(K, SharedValue<V>)> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    // SAFETY: the table is borrowed for as long as the iterator is used.
                    for bucket in unsafe { self.iter() } {
                        // SAFETY: the bucket is in use, and nothing changes a table that is borrowed.
                        let (key, value): &'a (K, SharedValue<V>) = unsafe { bucket.as_ref() };
                        w.visit(&label::KEY, key);
                        w.visit(&label::VALUE, value.get());
                    }
                }
            }

            struct TableGuard<'g, K, V $(, $more)?>(RwLockReadGuard<'g, Inner<K, V $(, $more)?>>);

            impl<K, V $(, $more)?> Deref for TableGuard<'_, K, V $(, $more)?> {
                type Target = RawTable<(K, SharedValue<V>)>;
                fn deref(&self) -> &Self::Target {
                    let table: fn(&Inner<K, V $(, $more)?>) -> &Self::Target = $table;
                    table(&self.0)
                }
            }

            // SAFETY: the guard in it holds a reference to the lock and derefs into that.
            unsafe impl<K, V $(, $more)?> Guard for TableGuard<'_, K, V $(, $more)?> {}

            impl<K: Walk, V: Walk $(, $more)?> Retry for RwLock<Inner<K, V $(, $more)?>> {
                fn retry<'a>(&'a self, w: &mut Walker<'a>) -> Result<(), &'static str> {
                    w.behind(TableGuard(self.try_read().ok_or("locked")?), true);
                    Ok(())
                }
                fn place(&self) -> (usize, &'static Shape) {
                    (std::ptr::from_ref(self) as usize, Shape::of::<RawTable<(K, SharedValue<V>)>>())
                }
            }

            version!(@map [K, V] DashMap<K, V, S>, Inner<K, V $(, $more)?>, MAP_SHARDS);
            version!(@map [K, V] ReadOnlyView<K, V, S>, Inner<K, V $(, $more)?>, MAP_SHARDS);
            version!(@map [K] DashSet<K, S>, Inner<K, () $(, $more)?>, SET_SHARDS);
        }
    };
    (@map [$key:ident $(, $value:ident)?] $ty:ty, $inner:ty, $container:ident) => {
        impl<$key: Walk + Eq + Hash $(, $value: Walk)?, S: BuildHasher + Clone> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.own(self, row::<$inner, _>(&$container, self.shards()));
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.cell(OWN, size_of::<S>());
                d.is_fixed();
            }
        }

        impl<$key: Walk + Eq + Hash $(, $value: Walk)?, S: BuildHasher + Clone> Handle for $ty {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                for shard in self.shards() {
                    let lock: &'a RwLock<$inner> = shard;
                    w.set_label(&label::ELEMENT);
                    if lock.retry(w).is_err() {
                        w.contended(lock);
                    }
                }
            }
        }
    };
}

#[cfg(feature = "dashmap")]
version!(v6, dashmap, [] RawTable<(K, SharedValue<V>)>, |table| table);
#[cfg(feature = "dashmap-5")]
version!(v5, dashmap_5, [S] hashbrown_0_14::HashMap<K, SharedValue<V>, S>, |map| map.raw_table());
