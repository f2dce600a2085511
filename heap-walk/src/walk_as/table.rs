//! Ways of hash tables and B-trees.

use super::{handle_as, shape_as, As, WalkAs};
use crate::impls::btree::{fits_leaf, walk_nodes, Entry, CAPACITY};
use crate::impls::hash::{fits, TABLE};
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::Handle;
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

static HASH_MAP: Container = Container::new("HashMap", Layout::HASH_TABLE);
static HASH_SET: Container = Container::new("HashSet", Layout::HASH_TABLE);
static BTREE_MAP: Container = Container::new("BTreeMap", Layout::BTREE_NODE);
static BTREE_SET: Container = Container::new("BTreeSet", Layout::BTREE_NODE);

impl<K, V, S, J: WalkAs<K>, W: WalkAs<V>> WalkAs<HashMap<K, V, S>> for HashMap<J, W> {
    fn walk_as<'a>(value: &'a HashMap<K, V, S>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        if value.capacity() == 0 {
            return;
        }
        let handle = As::<HashMap<K, V, S>, Self>::new(value);
        let first = value.iter().next().filter(|_| size_of::<(K, V)>() > 0);
        let block =
            Block::slots::<As<(K, V), (J, W)>>(&HASH_MAP, std::ptr::null(), value.len(), value.capacity());
        match first {
            Some((key, entry)) => {
                let addr = match size_of::<K>() {
                    0 => std::ptr::from_ref(entry) as usize,
                    _ => std::ptr::from_ref(key) as usize,
                };
                w.own(handle, block.at(addr));
            }
            None => w.own_by_handle(handle, block, |bytes| fits::<(K, V)>(bytes, value.capacity())),
        }
    }
    shape_as!(HashMap<K, V, S>);
    fn describe_as(d: &mut Describe<'_>) {
        d.cell(TABLE, size_of::<S>());
        d.is_fixed();
    }
}

impl<K, V, S, J: WalkAs<K>, W: WalkAs<V>> Handle for As<HashMap<K, V, S>, HashMap<J, W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for (key, value) in &self.1 {
            w.visit(&label::KEY, As::<K, J>::new(key));
            w.visit(&label::VALUE, As::<V, W>::new(value));
        }
    }
}

impl<T, S, W: WalkAs<T>> WalkAs<HashSet<T, S>> for HashSet<W> {
    fn walk_as<'a>(value: &'a HashSet<T, S>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        if value.capacity() == 0 {
            return;
        }
        let handle = As::<HashSet<T, S>, Self>::new(value);
        let block = Block::slots::<As<T, W>>(&HASH_SET, std::ptr::null(), value.len(), value.capacity());
        match value.iter().next().filter(|_| size_of::<T>() > 0) {
            Some(first) => w.own(handle, block.at(std::ptr::from_ref(first) as usize)),
            None => w.own_by_handle(handle, block, |bytes| fits::<T>(bytes, value.capacity())),
        }
    }
    shape_as!(HashSet<T, S>);
    fn describe_as(d: &mut Describe<'_>) {
        d.cell(TABLE, size_of::<S>());
        d.is_fixed();
    }
}

impl<T, S, W: WalkAs<T>> Handle for As<HashSet<T, S>, HashSet<W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        for element in &self.1 {
            w.visit(&label::KEY, As::<T, W>::new(element));
        }
    }
}

impl<K, V, J: WalkAs<K>, W: WalkAs<V>> WalkAs<BTreeMap<K, V>> for BTreeMap<J, W> {
    fn walk_as<'a>(value: &'a BTreeMap<K, V>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let handle = As::<BTreeMap<K, V>, Self>::new(value);
        if value.is_empty() || size_of::<K>() + size_of::<V>() == 0 {
            let block = Block::slots::<Entry<As<K, J>, As<V, W>>>(
                &BTREE_MAP,
                std::ptr::null(),
                value.len(),
                CAPACITY,
            );
            w.own_by_handle(handle, block, fits_leaf::<K, V>);
        } else {
            w.own_parts(handle);
        }
    }
    handle_as!(BTreeMap<K, V>);
}

impl<K, V, J: WalkAs<K>, W: WalkAs<V>> Handle for As<BTreeMap<K, V>, BTreeMap<J, W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let entries = self.1.iter().map(|(key, value)| (As::<K, J>::new(key), As::<V, W>::new(value)));
        walk_nodes::<Entry<As<K, J>, As<V, W>>, _, _>(self, &BTREE_MAP, entries, w);
    }
}

impl<T, W: WalkAs<T>> WalkAs<BTreeSet<T>> for BTreeSet<W> {
    fn walk_as<'a>(value: &'a BTreeSet<T>, w: &mut Walker<'a>)
    where
        Self: 'a,
    {
        let handle = As::<BTreeSet<T>, Self>::new(value);
        if value.is_empty() || size_of::<T>() == 0 {
            let block = Block::slots::<As<T, W>>(&BTREE_SET, std::ptr::null(), value.len(), CAPACITY);
            w.own_by_handle(handle, block, fits_leaf::<T, ()>);
        } else {
            w.own_parts(handle);
        }
    }
    handle_as!(BTreeSet<T>);
}

impl<T, W: WalkAs<T>> Handle for As<BTreeSet<T>, BTreeSet<W>> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let entries = self.1.iter().map(|key| (As::<T, W>::new(key), &()));
        walk_nodes::<As<T, W>, _, _>(self, &BTREE_SET, entries, w);
    }
}
