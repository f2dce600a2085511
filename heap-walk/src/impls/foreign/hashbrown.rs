//! `hashbrown`: the tables of the standard library, with a public [`HashTable`](::hashbrown::HashTable)
//! beside map and set. Tables in an allocator of their own have no impl.

use super::super::hash::fits;
use super::super::shape;
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;

static MAP: Container = Container::new("HashMap", Layout::HASH_TABLE);
static SET: Container = Container::new("HashSet", Layout::HASH_TABLE);
static TABLE: Container = Container::new("HashTable", Layout::HASH_TABLE);

/// Words of a table: mask, control bytes, room left, number of entries.
const WORDS: usize = 4 * size_of::<usize>();

/// What a table says of itself.
struct Table {
    container: &'static Container,
    /// An address in it, where an entry has one.
    addr: Option<usize>,
    len: usize,
    capacity: usize,
}

/// Reports a table of entries `E`.
fn own<'a, E: Walk, H: Handle>(w: &mut Walker<'a>, handle: &'a H, table: &Table) {
    let block = Block::slots::<E>(table.container, std::ptr::null(), table.len, table.capacity);
    match table.addr.filter(|_| size_of::<E>() > 0) {
        Some(addr) => w.own(handle, block.at(addr)),
        // A capacity of 0 does not mean that there is no block: marks of erased entries take room.
        None => w.own_by_handle(handle, block, |requested| fits::<E>(requested, table.capacity)),
    }
}

fn addr_of<K, V>(key: &K, value: &V) -> usize {
    match size_of::<K>() {
        0 => std::ptr::from_ref(value) as usize,
        _ => std::ptr::from_ref(key) as usize,
    }
}

macro_rules! tables {
    ($krate:ident) => {
        const _: () = {
            use ::$krate::{HashMap, HashSet, HashTable};

            impl<K: Walk, V: Walk, S> Walk for HashMap<K, V, S> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let table = Table {
                        container: &MAP,
                        addr: self.iter().next().map(|(key, value)| addr_of(key, value)),
                        len: self.len(),
                        capacity: self.capacity(),
                    };
                    own::<(K, V), Self>(w, self, &table);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.cell(WORDS, size_of::<S>());
                    d.is_fixed();
                }
            }

            impl<K: Walk, V: Walk, S> Handle for HashMap<K, V, S> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for (key, value) in self {
                        w.visit(&label::KEY, key);
                        w.visit(&label::VALUE, value);
                    }
                }
            }

            impl<T: Walk, S> Walk for HashSet<T, S> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let table = Table {
                        container: &SET,
                        addr: self.iter().next().map(|element| addr_of(element, &())),
                        len: self.len(),
                        capacity: self.capacity(),
                    };
                    own::<(T, ()), Self>(w, self, &table);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.cell(WORDS, size_of::<S>());
                    d.is_fixed();
                }
            }

            impl<T: Walk, S> Handle for HashSet<T, S> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for element in self {
                        w.visit(&label::KEY, element);
                    }
                }
            }

            impl<T: Walk> Walk for HashTable<T> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let table = Table {
                        container: &TABLE,
                        addr: self.iter().next().map(|element| addr_of(element, &())),
                        len: self.len(),
                        capacity: self.capacity(),
                    };
                    own::<T, Self>(w, self, &table);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl<T: Walk> Handle for HashTable<T> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for element in self {
                        w.visit(&label::ELEMENT, element);
                    }
                }
            }
        };
    };
}

#[cfg(feature = "hashbrown")]
tables!(hashbrown);
#[cfg(feature = "hashbrown-0_16")]
tables!(hashbrown_0_16);
#[cfg(feature = "hashbrown-0_15")]
tables!(hashbrown_0_15);
#[cfg(feature = "hashbrown-0_14")]
tables!(hashbrown_0_14);
