//! B-trees of the standard library. Their nodes are private, but each holds at
//! least one entry, and an entry's address finds its node's block. All nodes of
//! a tree are reported as owned by its handle.

use super::shape;
use crate::label;
use crate::shape::{Describe, Field};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) static MAP: Container = Container::new("BTreeMap", Layout::BTREE_NODE);
static SET: Container = Container::new("BTreeSet", Layout::BTREE_NODE);

/// Entries that a node has room for.
pub(crate) const CAPACITY: usize = 11;

/// A key and its value as a node holds them: in two arrays, without padding between them.
pub(crate) struct Entry<K, V>(std::marker::PhantomData<(K, V)>);

impl<K: Walk, V: Walk> Walk for Entry<K, V> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn describe(d: &mut Describe<'_>) {
        d.apart(&[Field::walked::<K>("key", None), Field::walked::<V>("value", None)]);
    }
    fn is_leaf() -> bool {
        K::is_leaf() && V::is_leaf()
    }
}

/// Whether a leaf of the tree has this many bytes: entries, parent, two short
/// counts; the compiler orders fields by alignment.
pub(crate) fn fits_leaf<K, V>(requested: u64) -> bool {
    let align = align_of::<K>().max(align_of::<V>()).max(align_of::<usize>());
    let bytes = size_of::<usize>() + 2 * size_of::<u16>() + CAPACITY * (size_of::<K>() + size_of::<V>());
    bytes.next_multiple_of(align) as u64 == requested
}

/// Reports the nodes that `entries` lie in and visits the entries. `E` is what
/// a node holds: an [`Entry`], or the key alone.
pub(crate) fn walk_nodes<'a, E: Walk, K: Walk + 'a, V: Walk + 'a>(
    handle: &'a dyn Handle,
    container: &'static Container,
    entries: impl Iterator<Item = (&'a K, &'a V)> + Clone,
    w: &mut Walker<'a>,
) {
    let addr_of = |key: &K, value: &V| match size_of::<K>() {
        0 => std::ptr::from_ref(value) as usize,
        _ => std::ptr::from_ref(key) as usize,
    };
    // The node of each entry. Neighbours mostly share one.
    struct Found {
        from: usize,
        to: usize,
        len: usize,
        node: Option<u64>,
    }
    let mut found: Vec<Found> = Vec::new();
    let mut by_base: HashMap<usize, usize, ahash::RandomState> =
        HashMap::with_hasher(ahash::RandomState::with_seeds(13, 14, 15, 16));
    let mut last = usize::MAX;
    let mut node_of = |addr: usize, found: &mut Vec<Found>, w: &Walker<'a>| {
        if found.get(last).is_some_and(|node| (node.from..node.to).contains(&addr)) {
            return last;
        }
        // Without a table of blocks neighbours count as one node: an estimate.
        let (from, to) = match w.lookup(addr) {
            Some(block) => (block.addr as usize, (block.addr + block.usable) as usize),
            None => (addr, addr + CAPACITY * size_of::<K>().max(1)),
        };
        last = *by_base.entry(from).or_insert_with(|| {
            found.push(Found { from, to, len: 0, node: None });
            found.len() - 1
        });
        last
    };
    for (key, value) in entries.clone() {
        let at = node_of(addr_of(key, value), &mut found, w);
        found[at].len += 1;
    }
    for node in &mut found {
        let block = Block::slots::<E>(container, std::ptr::null(), node.len, CAPACITY);
        node.node = w.own_part(handle, block.at(node.from));
    }
    if E::is_leaf() {
        return;
    }
    let mut base = w.base_of::<K>();
    base.add_times(&w.base_of::<V>(), 1);
    let bytes = (size_of::<K>() + size_of::<V>()) as u64;
    let parts = w.open_parts(found.iter().map(|node| match node.node {
        Some(id) => (id, node.len as u64 * bytes),
        None => (0, 0),
    }));
    for (key, value) in entries {
        let at = node_of(addr_of(key, value), &mut found, w);
        let Some(node) = found[at].node else { continue };
        w.visit_part(parts + at, bytes);
        w.within(node, found[at].from as u64, (base, bytes), |w| {
            w.visit(&label::KEY, key);
            w.visit(&label::VALUE, value);
        });
    }
    w.close_parts(parts);
}

impl<K: Walk, V: Walk> Walk for BTreeMap<K, V> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.is_empty() || size_of::<K>() + size_of::<V>() == 0 {
            let block = Block::slots::<Entry<K, V>>(&MAP, std::ptr::null(), self.len(), CAPACITY);
            w.own_by_handle(self, block, fits_leaf::<K, V>);
        } else {
            w.own_parts(self);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<K: Walk, V: Walk> Handle for BTreeMap<K, V> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        walk_nodes::<Entry<K, V>, _, _>(self, &MAP, self.iter(), w);
    }
}

impl<T: Walk> Walk for BTreeSet<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        if self.is_empty() || size_of::<T>() == 0 {
            let block = Block::slots::<T>(&SET, std::ptr::null(), self.len(), CAPACITY);
            w.own_by_handle(self, block, fits_leaf::<T, ()>);
        } else {
            w.own_parts(self);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for BTreeSet<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        walk_nodes::<T, _, _>(self, &SET, self.iter().map(|key| (key, &())), w);
    }
}
