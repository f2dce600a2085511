//! `indexmap`: a vector of entries, and a table of their positions that is
//! found by handle.

use super::super::shape;
use super::hidden::{own_index_map, Entries, IndexMapParts};
use crate::label;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::Walker;
use heap_snapshot::record::Layout;

static MAP: Container = Container::new("IndexMap", Layout::BUFFER);
static MAP_INDICES: Container = Container::new("IndexMap indices", Layout::HASH_TABLE);
static SET: Container = Container::new("IndexSet", Layout::BUFFER);
static SET_INDICES: Container = Container::new("IndexSet indices", Layout::HASH_TABLE);

/// Three words of a vector, four of a table.
const WORDS: usize = 7 * size_of::<usize>();

macro_rules! maps {
    ($krate:ident, $place_in_map:expr, $place_in_set:expr) => {
        const _: () = {
            use ::$krate::{IndexMap, IndexSet};

            impl<K: Walk, V: Walk, S> Walk for IndexMap<K, V, S> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let place: fn(&Self) -> Entries = $place_in_map;
                    let parts = IndexMapParts {
                        entries: &MAP,
                        indices: &MAP_INDICES,
                        place: place(self),
                        len: self.len(),
                        capacity: self.capacity(),
                    };
                    own_index_map::<K, V, Self>(w, self, &parts);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.cell(WORDS, size_of::<S>());
                    d.is_fixed();
                }
            }

            impl<K: Walk, V: Walk, S> Handle for IndexMap<K, V, S> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for (key, value) in self {
                        w.visit(&label::KEY, key);
                        w.visit(&label::VALUE, value);
                    }
                }
            }

            impl<T: Walk, S> Walk for IndexSet<T, S> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let place: fn(&Self) -> Entries = $place_in_set;
                    let parts = IndexMapParts {
                        entries: &SET,
                        indices: &SET_INDICES,
                        place: place(self),
                        len: self.len(),
                        capacity: self.capacity(),
                    };
                    own_index_map::<T, (), Self>(w, self, &parts);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.cell(WORDS, size_of::<S>());
                    d.is_fixed();
                }
            }

            impl<T: Walk, S> Handle for IndexSet<T, S> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    for element in self {
                        w.visit(&label::KEY, element);
                    }
                }
            }
        };
    };
}

/// From the slice of entries. One without a block stands at its alignment.
#[cfg(feature = "indexmap")]
fn of_slice<S: ?Sized>(slice: &S) -> Entries {
    match std::ptr::from_ref(slice).cast::<u8>() as usize {
        addr if addr > align_of_val(slice) => Entries::At(addr),
        _ => Entries::Nowhere,
    }
}

/// From the first entry: key and value. What has no size may stand behind the entry.
#[cfg(feature = "indexmap-1")]
fn of_entry<K, V>(first: Option<(&K, &V)>) -> Entries {
    match first {
        Some((key, _)) if size_of::<K>() > 0 => Entries::At(std::ptr::from_ref(key) as usize),
        Some((_, value)) if size_of::<V>() > 0 => Entries::At(std::ptr::from_ref(value) as usize),
        _ => Entries::Hidden,
    }
}

#[cfg(feature = "indexmap")]
maps!(indexmap, |map| of_slice(map.as_slice()), |set| of_slice(set.as_slice()));
#[cfg(feature = "indexmap-1")]
maps!(indexmap_1, |map| of_entry(map.first()), |set| of_entry(set.first().map(|element| (element, &()))));
