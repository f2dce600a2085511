//! The allocator judges collections of other crates: hash tables, vectors,
//! graphs, arenas, slot maps, bit sets, JSON. Each is put through random
//! sequences of what can be done with it.

use end_to_end::judge::Judge;
use end_to_end::{analyse, take};
use foreign::random;
use heap_snapshot::live::ToolScope;
use heap_walk::Walk;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::rc::Rc;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// The same in each run, and without a byte of its own.
type Fixed = BuildHasherDefault<DefaultHasher>;

/// A number is its own hash, so that a table can be filled without a gap.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A value made from a number.
trait Make: Walk + Clone + Eq + Hash + Ord + 'static {
    fn make(n: u64) -> Self;
}

impl Make for () {
    fn make(_: u64) {}
}

impl Make for u8 {
    fn make(n: u64) -> u8 {
        n as u8
    }
}

impl Make for u16 {
    fn make(n: u64) -> u16 {
        n as u16
    }
}

impl Make for u64 {
    fn make(n: u64) -> u64 {
        n % 512
    }
}

impl Make for String {
    fn make(n: u64) -> String {
        "x".repeat(n as usize % 33)
    }
}

#[derive(Walk, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Padded {
    a: u8,
    b: u64,
    c: u16,
}

impl Make for Padded {
    fn make(n: u64) -> Padded {
        Padded { a: n as u8, b: 1, c: 1 }
    }
}

#[derive(Walk, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(align(64))]
struct Aligned(u8);

impl Make for Aligned {
    fn make(n: u64) -> Aligned {
        Aligned(n as u8)
    }
}

#[derive(Walk, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Uneven {
    Nothing,
    Small(u8),
    Large { text: String, numbers: [u64; 6] },
    Boxed(Box<Uneven>),
    Shared(Rc<str>),
}

impl Make for Uneven {
    fn make(n: u64) -> Uneven {
        match n % 5 {
            0 => Uneven::Nothing,
            1 => Uneven::Small(n as u8),
            2 => Uneven::Large { text: String::make(n), numbers: [1; 6] },
            3 => Uneven::Boxed(Box::new(Uneven::make(n / 5 % 100))),
            _ => Uneven::Shared("shared".into()),
        }
    }
}

impl<T: Make> Make for Option<Box<T>> {
    fn make(n: u64) -> Option<Box<T>> {
        (!n.is_multiple_of(3)).then(|| Box::new(T::make(n)))
    }
}

/// What can be done with any collection.
trait Collection: Walk + Clone {
    fn new(room: usize) -> Self;
    fn insert(&mut self, n: u64);
    fn remove(&mut self, n: u64);
    fn clear(&mut self);
    fn shrink(&mut self) {}
    fn reserve(&mut self, _: usize) {}
}

/// Collections at the end of as many random sequences.
fn grown<C: Collection>(count: u64) -> Vec<C> {
    let mut collections: Vec<C> = Vec::new();
    for seed in 0..count {
        let mut numbers = random(seed * 1_000_003);
        let mut number = || numbers.next().expect("there is no end");
        // Half of them begin with room; some of those stay empty.
        let mut collection = C::new(if seed % 2 == 0 { 0 } else { number() as usize % 40 });
        let steps = number() % (1 << (seed % 9));
        for _ in 0..steps {
            let n = number() >> 8;
            match number() % 64 {
                0..=39 => collection.insert(n),
                40..=58 => collection.remove(n),
                59 => collection.shrink(),
                60 => collection.reserve(n as usize % 20),
                61 if n % 4 == 0 => collection.clear(),
                62 => collection = collection.clone(),
                _ => collection.insert(n % 16),
            }
        }
        match seed % 11 {
            3 => collection.clear(),
            5 => collection.shrink(),
            7 => (0..1000).for_each(|n| collection.remove(n)),
            _ => {}
        }
        collections.push(collection);
    }
    collections
}

/// Judges collections that have been through a lot.
fn check<C: Collection>(judge: &mut Judge, what: &'static str) {
    judge.check(what, || grown::<C>(99));
    typed(judge, what, &grown::<C>(99));
}

/// The contents are typed: no byte of the blocks reached is left untyped, and
/// no part of a block is larger than it.
fn typed<T: Walk>(judge: &mut Judge, what: &'static str, value: &T) {
    let snapshot = take(&[("value", value)]);
    let _tool = ToolScope::enter();
    let analysis = analyse(snapshot);
    let heap = analysis.heap();
    for node in heap.node_ids() {
        let Some(block) = heap.block(node) else { continue };
        let split = heap.split(node);
        let ty = heap.node_type(node).map(|ty| ty.container.clone());
        if split.untyped > 0 {
            judge.failures.push(format!("{what}: {ty:?} has {} untyped bytes", split.untyped));
        }
        if split.parts().iter().any(|part| *part > block.requested) {
            judge.failures.push(format!("{what}: {ty:?} divides into {split:?} of {}", block.requested));
        }
    }
}

macro_rules! hash_tables {
    ($module:ident, $krate:ident, $count:literal) => {
        mod $module {
            use super::*;
            use ::$krate::{HashMap, HashSet, HashTable};

            impl<K: Make, V: Make> Collection for HashMap<K, V, Fixed> {
                fn new(room: usize) -> Self {
                    HashMap::with_capacity_and_hasher(room, Fixed::default())
                }
                fn insert(&mut self, n: u64) {
                    self.insert(K::make(n), V::make(n));
                }
                fn remove(&mut self, n: u64) {
                    self.remove(&K::make(n));
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room);
                }
            }

            impl<T: Make> Collection for HashSet<T, Fixed> {
                fn new(room: usize) -> Self {
                    HashSet::with_capacity_and_hasher(room, Fixed::default())
                }
                fn insert(&mut self, n: u64) {
                    self.insert(T::make(n));
                }
                fn remove(&mut self, n: u64) {
                    self.remove(&T::make(n));
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room);
                }
            }

            fn hash<T: Hash>(value: &T) -> u64 {
                Fixed::default().hash_one(value)
            }

            impl<T: Make> Collection for HashTable<T> {
                fn new(room: usize) -> Self {
                    HashTable::with_capacity(room)
                }
                fn insert(&mut self, n: u64) {
                    let value = T::make(n);
                    self.insert_unique(hash(&value), value, hash);
                }
                fn remove(&mut self, n: u64) {
                    let value = T::make(n);
                    if let Ok(entry) = self.find_entry(hash(&value), |other| *other == value) {
                        entry.remove();
                    }
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit(hash);
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room, hash);
                }
            }

            pub(crate) fn cases(judge: &mut Judge) {
                check::<HashMap<u64, String, Fixed>>(judge, concat!($count, " HashMap"));
                check::<HashMap<String, Uneven, Fixed>>(judge, concat!($count, " HashMap of enums"));
                check::<HashMap<Padded, (), Fixed>>(judge, concat!($count, " HashMap without values"));
                check::<HashMap<(), String, Fixed>>(judge, concat!($count, " HashMap without keys"));
                check::<HashMap<(), (), Fixed>>(judge, concat!($count, " HashMap of nothing"));
                check::<HashMap<u8, Aligned, Fixed>>(judge, concat!($count, " HashMap, over-aligned"));
                check::<HashSet<u8, Fixed>>(judge, concat!($count, " HashSet of bytes"));
                check::<HashSet<u16, Fixed>>(judge, concat!($count, " HashSet of numbers"));
                check::<HashSet<Option<Box<String>>, Fixed>>(judge, concat!($count, " HashSet"));
                check::<HashTable<u8>>(judge, concat!($count, " HashTable of bytes"));
                check::<HashTable<String>>(judge, concat!($count, " HashTable"));
                check::<HashTable<Uneven>>(judge, concat!($count, " HashTable of enums"));
                check::<HashTable<()>>(judge, concat!($count, " HashTable of nothing"));
                judge.check(concat!($count, " HashMap with a hasher of its own"), || {
                    let state = std::hash::RandomState::new();
                    let map: HashMap<u64, u64, _> = HashMap::with_hasher(state.clone());
                    let mut set: HashSet<u64, _> = HashSet::with_hasher(state);
                    set.insert(1);
                    vec![(map, set)]
                });
                judge.check(concat!($count, " HashMap emptied without a gap"), || {
                    // All that is erased leaves a mark, so there is room for nothing.
                    type Hash = BuildHasherDefault<Identity>;
                    let mut map: HashMap<u64, u64, Hash> = (0..112).map(|n| (n, n)).collect();
                    for n in 0..112 {
                        map.remove(&n);
                    }
                    assert_eq!(map.capacity(), 0);
                    map
                });
            }
        }
    };
}

hash_tables!(hashbrown_17, hashbrown, "hashbrown 0.17");
hash_tables!(hashbrown_16, hashbrown_0_16, "hashbrown 0.16");
hash_tables!(hashbrown_15, hashbrown_0_15, "hashbrown 0.15");
hash_tables!(hashbrown_14, hashbrown_0_14, "hashbrown 0.14");

macro_rules! index_maps {
    ($module:ident, $krate:ident, $name:literal) => {
        mod $module {
            use super::*;
            use ::$krate::{IndexMap, IndexSet};

            impl<K: Make, V: Make> Collection for IndexMap<K, V, Fixed> {
                fn new(room: usize) -> Self {
                    IndexMap::with_capacity_and_hasher(room, Fixed::default())
                }
                fn insert(&mut self, n: u64) {
                    self.insert(K::make(n), V::make(n));
                }
                fn remove(&mut self, n: u64) {
                    match n % 2 {
                        0 => self.swap_remove(&K::make(n)),
                        _ => self.shift_remove(&K::make(n)),
                    };
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room);
                }
            }

            impl<T: Make> Collection for IndexSet<T, Fixed> {
                fn new(room: usize) -> Self {
                    IndexSet::with_capacity_and_hasher(room, Fixed::default())
                }
                fn insert(&mut self, n: u64) {
                    self.insert(T::make(n));
                }
                fn remove(&mut self, n: u64) {
                    self.swap_remove(&T::make(n));
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room);
                }
            }

            pub(crate) fn cases(judge: &mut Judge) {
                check::<IndexMap<u64, String, Fixed>>(judge, concat!($name, " IndexMap"));
                check::<IndexMap<String, Uneven, Fixed>>(judge, concat!($name, " IndexMap of enums"));
                check::<IndexMap<Padded, (), Fixed>>(judge, concat!($name, " IndexMap without values"));
                check::<IndexMap<(), String, Fixed>>(judge, concat!($name, " IndexMap without keys"));
                check::<IndexMap<(), (), Fixed>>(judge, concat!($name, " IndexMap of nothing"));
                check::<IndexMap<u8, Aligned, Fixed>>(judge, concat!($name, " IndexMap, over-aligned"));
                check::<IndexSet<Uneven, Fixed>>(judge, concat!($name, " IndexSet of enums"));
                check::<IndexSet<String, Fixed>>(judge, concat!($name, " IndexSet"));
                judge.check(concat!($name, " IndexSet, as large as its table"), || {
                    // Ten entries of 16 bytes, and a table of 16 positions: 160 bytes each.
                    let mut set: IndexSet<u64, Fixed> = (0..10).collect();
                    set.shrink_to_fit();
                    vec![set]
                });
                judge.check(concat!($name, " IndexSet, as large as its table, emptied"), || {
                    let mut set: IndexSet<u64, Fixed> = (0..10).collect();
                    set.shrink_to_fit();
                    set.clear();
                    set
                });
            }
        }
    };
}

index_maps!(indexmap_two, indexmap, "indexmap 2");
index_maps!(indexmap_one, indexmap_1, "indexmap 1");

macro_rules! graphs {
    ($module:ident, $krate:ident, $name:literal) => {
        mod $module {
            use super::*;
            use ::$krate::graph::{DefaultIx, Graph, IndexType, NodeIndex};
            use ::$krate::graphmap::{DiGraphMap, UnGraphMap};
            use ::$krate::stable_graph::StableGraph;
            use ::$krate::{Directed, Undirected};

            impl<N: Make, E: Make, Ix: IndexType + 'static> Collection for Graph<N, E, Directed, Ix> {
                fn new(room: usize) -> Self {
                    Graph::with_capacity(room, room / 2)
                }
                fn insert(&mut self, n: u64) {
                    let node = self.node_count() < 200;
                    if node {
                        self.add_node(N::make(n));
                    }
                    let count = self.node_count() as u64;
                    if self.edge_count() < 200 && n % 3 > 0 {
                        let at = |n: u64| NodeIndex::new((n % count) as usize);
                        self.add_edge(at(n), at(n / 1000), E::make(n));
                    }
                }
                fn remove(&mut self, n: u64) {
                    if self.node_count() > 0 {
                        self.remove_node(NodeIndex::new(n as usize % self.node_count()));
                    }
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve_exact_nodes(room);
                    self.reserve_edges(room);
                }
            }

            impl<N: Make, E: Make> Collection for StableGraph<N, E, Undirected> {
                fn new(room: usize) -> Self {
                    StableGraph::with_capacity(room, room / 2)
                }
                fn insert(&mut self, n: u64) {
                    let node = self.add_node(N::make(n));
                    let indices = self.node_indices();
                    if let Some(other) = indices.into_iter().nth(n as usize % 7) {
                        self.add_edge(node, other, E::make(n));
                    }
                }
                fn remove(&mut self, n: u64) {
                    self.remove_node(NodeIndex::new(n as usize % 64));
                    self.remove_edge(::$krate::graph::EdgeIndex::new(n as usize % 50));
                }
                fn clear(&mut self) {
                    self.clear();
                }
            }

            pub(crate) fn cases(judge: &mut Judge) {
                check::<Graph<String, u64, Directed, DefaultIx>>(judge, concat!($name, " Graph"));
                check::<Graph<Uneven, Uneven, Directed, u8>>(judge, concat!($name, " Graph of enums"));
                check::<Graph<(), (), Directed, u16>>(judge, concat!($name, " Graph of nothing"));
                check::<Graph<u8, Aligned, Directed, usize>>(judge, concat!($name, " Graph, over-aligned"));
                check::<StableGraph<String, Uneven, Undirected>>(judge, concat!($name, " StableGraph"));
                check::<StableGraph<(), u8, Undirected>>(judge, concat!($name, " StableGraph without nodes"));
                check::<StableGraph<Padded, (), Undirected>>(
                    judge,
                    concat!($name, " StableGraph without edges"),
                );
            }

            pub(crate) fn raw(judge: &mut Judge) {
                judge.check(concat!($name, " GraphMap"), || {
                    // Not grown at random: a raw scan takes what old pointers lead to, too.
                    let mut map = UnGraphMap::<u16, String>::with_capacity(4, 4);
                    for n in 0..4 {
                        map.add_edge(n, (n + 1) % 4, String::make(20));
                    }
                    map
                });
                judge.check(concat!($name, " GraphMap without weights"), || {
                    let mut map = DiGraphMap::<u64, ()>::new();
                    map.add_edge(1, 2, ());
                    map.add_node(3);
                    map
                });
                judge.check(concat!($name, " GraphMap of enums"), || {
                    let mut map = DiGraphMap::<std::cmp::Ordering, Uneven>::new();
                    map.add_edge(std::cmp::Ordering::Less, std::cmp::Ordering::Equal, Uneven::make(2));
                    map
                });
                judge.check(concat!($name, " others"), || {
                    let mut list = ::$krate::adj::List::<String>::new();
                    let (a, b) = (list.add_node(), list.add_node());
                    list.add_edge(a, b, String::make(9));
                    let mut csr = ::$krate::csr::Csr::<String, String>::new();
                    let (a, b) = (csr.add_node(String::make(3)), csr.add_node(String::new()));
                    csr.add_edge(a, b, String::make(4));
                    (list, csr, ::$krate::unionfind::UnionFind::<u32>::new(9))
                });
            }
        }
    };
}

graphs!(petgraph_8, petgraph, "petgraph 0.8");
graphs!(petgraph_7, petgraph_0_7, "petgraph 0.7");
graphs!(petgraph_6, petgraph_0_6, "petgraph 0.6");

mod slot_maps {
    #![allow(deprecated, reason = "`HopSlotMap` is still in use")]

    use super::*;
    use ::slotmap::{
        DefaultKey, DenseSlotMap, HopSlotMap, Key, KeyData, SecondaryMap, SlotMap, SparseSecondaryMap,
    };

    macro_rules! primary {
        ($($ty:ident)*) => {$(
            impl<V: Make> Collection for $ty<DefaultKey, V> {
                fn new(room: usize) -> Self {
                    $ty::with_capacity_and_key(room)
                }
                fn insert(&mut self, n: u64) {
                    self.insert(V::make(n));
                }
                fn remove(&mut self, n: u64) {
                    let key = self.keys().nth(n as usize % 40);
                    if let Some(key) = key {
                        self.remove(key);
                    }
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room);
                }
            }
        )*};
    }

    primary!(SlotMap HopSlotMap DenseSlotMap);

    /// Keys as a slot map would make them.
    fn key(n: u64) -> DefaultKey {
        let (index, version) = (1 + n % 90, 1 | n >> 20 & 7);
        KeyData::from_ffi(version << 32 | index).into()
    }

    impl<V: Make> Collection for SecondaryMap<DefaultKey, V> {
        fn new(room: usize) -> Self {
            SecondaryMap::with_capacity(room)
        }
        fn insert(&mut self, n: u64) {
            self.insert(key(n), V::make(n));
        }
        fn remove(&mut self, n: u64) {
            let key = self.keys().nth(n as usize % 40);
            if let Some(key) = key {
                self.remove(key);
            }
        }
        fn clear(&mut self) {
            self.clear();
        }
    }

    impl<V: Make> Collection for SparseSecondaryMap<DefaultKey, V, Fixed> {
        fn new(room: usize) -> Self {
            SparseSecondaryMap::with_capacity_and_hasher(room, Fixed::default())
        }
        fn insert(&mut self, n: u64) {
            self.insert(key(n), V::make(n));
        }
        fn remove(&mut self, n: u64) {
            let key = self.keys().nth(n as usize % 40);
            if let Some(key) = key {
                self.remove(key);
            }
        }
        fn clear(&mut self) {
            self.clear();
        }
        fn reserve(&mut self, room: usize) {
            self.reserve(room);
        }
    }

    macro_rules! of_values {
        ($judge:ident $($ty:ident)*) => {$(
            check::<$ty<DefaultKey, String>>($judge, stringify!($ty));
            check::<$ty<DefaultKey, Uneven>>($judge, concat!(stringify!($ty), " of enums"));
            check::<$ty<DefaultKey, u8>>($judge, concat!(stringify!($ty), " of bytes"));
            check::<$ty<DefaultKey, ()>>($judge, concat!(stringify!($ty), " of nothing"));
            check::<$ty<DefaultKey, Aligned>>($judge, concat!(stringify!($ty), ", over-aligned"));
        )*};
    }

    pub(crate) fn cases(judge: &mut Judge) {
        of_values!(judge SlotMap HopSlotMap DenseSlotMap SecondaryMap);
        check::<SparseSecondaryMap<DefaultKey, String, Fixed>>(judge, "SparseSecondaryMap");
        check::<SparseSecondaryMap<DefaultKey, Uneven, Fixed>>(judge, "SparseSecondaryMap of enums");
        check::<SparseSecondaryMap<DefaultKey, (), Fixed>>(judge, "SparseSecondaryMap of nothing");
        judge.check("keys", || {
            ::slotmap::new_key_type! {
                struct MyKey;
            }
            let mut map = DenseSlotMap::<MyKey, String>::with_key();
            let key = map.insert(String::make(9));
            (vec![key.data(), KeyData::default()], vec![DefaultKey::default()], map)
        });
    }
}

mod vectors {
    use super::*;
    use ::arrayvec::{ArrayString, ArrayVec};
    use ::smallvec::SmallVec;
    use ::thin_vec::ThinVec;

    macro_rules! growing {
        ($([$($param:tt)*] $ty:ty, $item:ty, $with_room:expr;)*) => {$(
            impl<$($param)*> Collection for $ty {
                fn new(room: usize) -> Self {
                    let with_room: fn(usize) -> Self = $with_room;
                    with_room(room)
                }
                fn insert(&mut self, n: u64) {
                    self.push(<$item>::make(n));
                }
                fn remove(&mut self, n: u64) {
                    if !self.is_empty() {
                        let at = n as usize % self.len();
                        self.remove(at);
                    }
                }
                fn clear(&mut self) {
                    self.clear();
                }
                fn shrink(&mut self) {
                    self.shrink_to_fit();
                }
                fn reserve(&mut self, room: usize) {
                    self.reserve(room);
                }
            }
        )*};
    }

    growing! {
        [T: Make] ThinVec<T>, T, ThinVec::with_capacity;
        [T: Make] SmallVec<[T; 1]>, T, SmallVec::with_capacity;
        [T: Make] SmallVec<[T; 4]>, T, SmallVec::with_capacity;
        [T: Make] SmallVec<[T; 16]>, T, SmallVec::with_capacity;
    }

    impl<T: Make, const CAP: usize> Collection for ArrayVec<T, CAP> {
        fn new(_: usize) -> Self {
            ArrayVec::new()
        }
        fn insert(&mut self, n: u64) {
            if !self.is_full() {
                self.push(T::make(n));
            }
        }
        fn remove(&mut self, n: u64) {
            if !self.is_empty() {
                self.remove(n as usize % self.len());
            }
        }
        fn clear(&mut self) {
            self.clear();
        }
    }

    macro_rules! of_values {
        ($judge:ident $name:literal $($of:ident)*) => {$(
            check::<$of<String>>($judge, $name);
            check::<$of<Uneven>>($judge, concat!($name, " of enums"));
            check::<$of<u8>>($judge, concat!($name, " of bytes"));
            check::<$of<()>>($judge, concat!($name, " of nothing"));
            check::<$of<Padded>>($judge, concat!($name, ", padded"));
            check::<$of<Aligned>>($judge, concat!($name, ", over-aligned"));
            check::<$of<Option<Box<u64>>>>($judge, concat!($name, " of boxes"));
        )*};
    }

    type Small1<T> = SmallVec<[T; 1]>;
    type Small4<T> = SmallVec<[T; 4]>;
    type Small16<T> = SmallVec<[T; 16]>;
    type Array0<T> = ArrayVec<T, 0>;
    type Array7<T> = ArrayVec<T, 7>;

    pub(crate) fn cases(judge: &mut Judge) {
        of_values!(judge "ThinVec" ThinVec);
        of_values!(judge "SmallVec of 1" Small1);
        of_values!(judge "SmallVec of 4" Small4);
        of_values!(judge "SmallVec of 16" Small16);
        of_values!(judge "ArrayVec of 0" Array0);
        of_values!(judge "ArrayVec of 7" Array7);
        let texts = || {
            let text = |len| ArrayString::<21>::from(&"x".repeat(len)).expect("it fits");
            (0..=21).map(text).collect::<Vec<_>>()
        };
        judge.check("ArrayString", texts);
        typed(judge, "ArrayString", &texts());
    }
}

mod arenas {
    use super::*;
    use ::la_arena::ArenaMap;

    impl<T: Make> Collection for ::la_arena::Arena<T> {
        fn new(room: usize) -> Self {
            ::la_arena::Arena::with_capacity(room)
        }
        fn insert(&mut self, n: u64) {
            self.alloc(T::make(n));
        }
        fn remove(&mut self, n: u64) {
            if n.is_multiple_of(16) {
                self.clear();
            }
        }
        fn clear(&mut self) {
            self.clear();
        }
        fn shrink(&mut self) {
            self.shrink_to_fit();
        }
    }

    fn idx(n: u64) -> ::la_arena::Idx<()> {
        ::la_arena::Idx::from_raw((n as u32 % 90).into())
    }

    impl<T: Make> Collection for ArenaMap<::la_arena::Idx<()>, T> {
        fn new(room: usize) -> Self {
            ArenaMap::with_capacity(room)
        }
        fn insert(&mut self, n: u64) {
            self.insert(idx(n), T::make(n));
        }
        fn remove(&mut self, n: u64) {
            self.remove(idx(n));
        }
        fn clear(&mut self) {
            self.clear();
        }
        fn shrink(&mut self) {
            self.shrink_to_fit();
        }
    }

    impl<T: Make> Collection for ::id_arena::Arena<T> {
        fn new(room: usize) -> Self {
            ::id_arena::Arena::with_capacity(room)
        }
        fn insert(&mut self, n: u64) {
            self.alloc(T::make(n));
        }
        fn remove(&mut self, _: u64) {}
        fn clear(&mut self) {}
    }

    pub(crate) fn cases(judge: &mut Judge) {
        check::<::la_arena::Arena<String>>(judge, "la-arena Arena");
        check::<::la_arena::Arena<Uneven>>(judge, "la-arena Arena of enums");
        check::<::la_arena::Arena<()>>(judge, "la-arena Arena of nothing");
        check::<::la_arena::Arena<Aligned>>(judge, "la-arena Arena, over-aligned");
        check::<ArenaMap<::la_arena::Idx<()>, String>>(judge, "ArenaMap");
        check::<ArenaMap<::la_arena::Idx<()>, u8>>(judge, "ArenaMap of bytes");
        check::<ArenaMap<::la_arena::Idx<()>, Uneven>>(judge, "ArenaMap of enums");
        check::<ArenaMap<::la_arena::Idx<()>, ()>>(judge, "ArenaMap of nothing");
        check::<::id_arena::Arena<String>>(judge, "id-arena Arena");
        check::<::id_arena::Arena<Uneven>>(judge, "id-arena Arena of enums");
        check::<::id_arena::Arena<()>>(judge, "id-arena Arena of nothing");
        judge.check("ids", || {
            let mut arena = ::id_arena::Arena::<u8>::new();
            let id = arena.alloc(1);
            (vec![id; 3], arena, vec![idx(1)], vec![::la_arena::IdxRange::new(idx(1)..idx(3))])
        });
    }
}

mod tables {
    use super::*;
    use ::datafrog::{Iteration, Relation, Variable};
    use ::ena::snapshot_vec::{SnapshotVec, SnapshotVecDelegate, UndoLog};
    use ::ena::undo_log::{NoUndo, Snapshots, UndoLogs, VecLog};
    use ::ena::unify::{
        InPlace, InPlaceUnificationTable, NoError, UnificationTableStorage, UnifyKey, UnifyValue,
    };
    use std::marker::PhantomData;

    /// Delegate of vectors of any value.
    #[derive(Clone)]
    struct Of<T>(PhantomData<T>);

    impl<T> SnapshotVecDelegate for Of<T> {
        type Value = T;
        type Undo = ();
        fn reverse(_: &mut Vec<T>, (): ()) {}
    }

    impl<T: Make> Collection for SnapshotVec<Of<T>, Vec<T>, NoUndoLog> {
        fn new(room: usize) -> Self {
            SnapshotVec::with_capacity(room)
        }
        fn insert(&mut self, n: u64) {
            self.push(T::make(n));
        }
        fn remove(&mut self, n: u64) {
            if !self.is_empty() {
                self.set(n as usize % self.len(), T::make(n));
            }
        }
        fn clear(&mut self) {}
        fn reserve(&mut self, room: usize) {
            self.reserve(room);
        }
    }

    /// A log that keeps nothing and can be cloned.
    #[derive(Clone, Default)]
    struct NoUndoLog;

    impl<T> ::ena::undo_log::UndoLogs<T> for NoUndoLog {
        fn num_open_snapshots(&self) -> usize {
            0
        }
        fn push(&mut self, _: T) {}
        fn clear(&mut self) {}
    }

    macro_rules! key {
        ($name:ident $value:ty) => {
            #[derive(Walk, Clone, Copy, PartialEq, Debug)]
            struct $name(u32);

            impl UnifyKey for $name {
                type Value = $value;
                fn index(&self) -> u32 {
                    self.0
                }
                fn from_index(index: u32) -> Self {
                    $name(index)
                }
                fn tag() -> &'static str {
                    stringify!($name)
                }
            }
        };
    }

    #[derive(Walk, Clone, PartialEq, Debug)]
    struct Count(u16);

    impl UnifyValue for Count {
        type Error = NoError;
        fn unify_values(a: &Self, b: &Self) -> Result<Self, NoError> {
            Ok(Count(a.0.wrapping_add(b.0)))
        }
    }

    #[derive(Walk, Clone, PartialEq, Debug)]
    struct Text(String);

    impl UnifyValue for Text {
        type Error = NoError;
        fn unify_values(a: &Self, _: &Self) -> Result<Self, NoError> {
            Ok(a.clone())
        }
    }

    #[derive(Walk, Clone, PartialEq, Debug)]
    struct Maybe(Option<u8>);

    impl UnifyValue for Maybe {
        type Error = NoError;
        fn unify_values(a: &Self, _: &Self) -> Result<Self, NoError> {
            Ok(a.clone())
        }
    }

    key!(CountKey Count);
    key!(TextKey Text);
    key!(MaybeKey Maybe);

    /// As many keys, some of them one.
    fn unified<K: UnifyKey<Value = V>, V: UnifyValue<Error = NoError>>(
        table: &mut InPlaceUnificationTable<K>,
        len: usize,
        value: impl Fn() -> V,
    ) {
        let keys: Vec<K> = (0..len).map(|_| table.new_key(value())).collect();
        for pair in keys.windows(3).step_by(2) {
            table.union(pair[0], pair[2]);
        }
    }

    pub(crate) fn cases(judge: &mut Judge) {
        check::<SnapshotVec<Of<String>, Vec<String>, NoUndoLog>>(judge, "SnapshotVec");
        check::<SnapshotVec<Of<Uneven>, Vec<Uneven>, NoUndoLog>>(judge, "SnapshotVec of enums");
        check::<SnapshotVec<Of<()>, Vec<()>, NoUndoLog>>(judge, "SnapshotVec of nothing");
        let counts = || {
            (0..70)
                .map(|len| {
                    let mut table = InPlaceUnificationTable::<CountKey>::new();
                    unified(&mut table, len, || Count(1));
                    table
                })
                .collect::<Vec<_>>()
        };
        judge.check("UnificationTable", counts);
        judge.check("UnificationTable of enums", || {
            let mut table = InPlaceUnificationTable::<MaybeKey>::new();
            unified(&mut table, 9, || Maybe(Some(3)));
            (table, InPlaceUnificationTable::<MaybeKey>::new(), InPlace::<CountKey>::default())
        });
        judge.check("UnificationTable without a log of its own", || {
            let mut table = UnificationTableStorage::<CountKey>::new();
            let key = table.with_log(NoUndo).new_key(Count(1));
            assert_eq!(key.0, 0);
            table
        });
        judge.check("Relation", || {
            let words = Relation::from_iter((0..99).map(|n| (n % 7, String::make(n))));
            (words, Relation::<u8>::from_vec(Vec::new()), vec![Relation::from_vec(vec![3u32, 1, 2])])
        });
    }

    pub(crate) fn raw(judge: &mut Judge) {
        judge.check("SnapshotVec, snapshot open", || {
            let mut vec = SnapshotVec::<Of<String>>::new();
            vec.push(String::make(20));
            let _open = vec.start_snapshot();
            vec.push(String::make(21));
            vec.set(0, String::make(22));
            vec
        });
        judge.check("UnificationTable of text", || {
            let mut table = InPlaceUnificationTable::<TextKey>::new();
            unified(&mut table, 9, || Text(String::make(9)));
            table
        });
        judge.check("UnificationTable, snapshot open", || {
            let mut table = InPlaceUnificationTable::<CountKey>::new();
            unified(&mut table, 9, || Count(1));
            let open = table.snapshot();
            unified(&mut table, 9, || Count(1));
            // Neither committed nor rolled back, so the log stays.
            let _ = open;
            table
        });
        judge.check("Variable", || {
            let mut iteration = Iteration::new();
            let reached: Variable<(u32, String)> = iteration.variable("reached");
            reached.insert((0..40).map(|n| (n, String::make(u64::from(n)))).collect());
            assert!(iteration.changed());
            reached.extend((20..60).map(|n| (n, String::make(u64::from(n)))));
            (reached, iteration)
        });
        judge.check("VecLog", || {
            let mut log = VecLog::<UndoLog<Of<String>>>::default();
            let _open = Snapshots::start_snapshot(&mut log);
            for number in 20..30 {
                log.push(UndoLog::SetElem(0, String::make(number)));
            }
            (log, UndoLog::<Of<String>>::SetElem(1, String::make(31)))
        });
    }
}

mod index_vectors {
    use super::*;
    use ::rustc_index::bit_set::{
        BitMatrix, ChunkedBitSet, DenseBitSet, GrowableBitSet, MixedBitSet, SparseBitMatrix,
    };
    use ::rustc_index::{IndexSlice, IndexVec};

    impl<T: Make> Collection for IndexVec<u32, T> {
        fn new(room: usize) -> Self {
            IndexVec::with_capacity(room)
        }
        fn insert(&mut self, n: u64) {
            self.push(T::make(n));
        }
        fn remove(&mut self, _: u64) {
            self.pop();
        }
        fn clear(&mut self) {
            self.raw.clear();
        }
        fn shrink(&mut self) {
            self.shrink_to_fit();
        }
        fn reserve(&mut self, room: usize) {
            self.raw.reserve(room);
        }
    }

    impl Collection for SparseBitMatrix<u32, u32> {
        fn new(room: usize) -> Self {
            SparseBitMatrix::new(room * 10)
        }
        fn insert(&mut self, n: u64) {
            if let Some(columns) = self.row(0).map(DenseBitSet::domain_size).or(Some(1)) {
                self.clear((n % 30) as u32);
                if columns > 1 {
                    self.insert_all_into_row((n % 50) as u32);
                }
            }
            self.insert_all_into_row((n % 20) as u32);
        }
        fn remove(&mut self, n: u64) {
            self.clear((n % 20) as u32);
        }
        fn clear(&mut self) {
            self.rows().for_each(|_| {});
        }
    }

    pub(crate) fn cases(judge: &mut Judge) {
        check::<IndexVec<u32, String>>(judge, "IndexVec");
        check::<IndexVec<u32, Uneven>>(judge, "IndexVec of enums");
        check::<IndexVec<u32, ()>>(judge, "IndexVec of nothing");
        check::<SparseBitMatrix<u32, u32>>(judge, "SparseBitMatrix");
        judge.check("IndexSlice", || {
            let boxed: Box<[String]> = vec![String::make(5); 4].into();
            let slice: &'static IndexSlice<u32, u8> = IndexSlice::from_raw(&[1, 2]);
            (boxed, slice)
        });
        let sets = || (0..300).step_by(7).map(DenseBitSet::<u32>::new_filled).collect::<Vec<_>>();
        judge.check("DenseBitSet", sets);
        typed(judge, "DenseBitSet", &sets());
        let matrices = || (0..20).map(|n| BitMatrix::<u32, u32>::new(n, n * 10)).collect::<Vec<_>>();
        judge.check("BitMatrix", matrices);
        typed(judge, "BitMatrix", &matrices());
        judge.check("GrowableBitSet", || {
            let mut set = GrowableBitSet::<u32>::new_empty();
            set.insert(1000);
            (set, GrowableBitSet::<u32>::with_capacity(200), GrowableBitSet::<u32>::new_empty())
        });
        judge.check("MixedBitSet, small", || vec![MixedBitSet::<u32>::new_empty(100)]);
    }

    pub(crate) fn raw(judge: &mut Judge) {
        judge.check("ChunkedBitSet", || {
            let mut set = ChunkedBitSet::<u32>::new_empty(10_000);
            set.insert(5000);
            (set.clone(), set)
        });
        judge.check("MixedBitSet, large", || {
            let mut set = MixedBitSet::<u32>::new_empty(10_000);
            set.insert(7);
            vec![set, MixedBitSet::new_empty(10)]
        });
    }
}

mod json {
    use super::*;
    use serde_json::{Map, Value};

    fn value(numbers: &mut impl Iterator<Item = u64>, depth: u32) -> Value {
        let n = numbers.next().expect("there is no end");
        match n % if depth == 0 { 4 } else { 6 } {
            0 => Value::Null,
            1 => n.is_multiple_of(3).into(),
            2 => (n as f64).into(),
            3 => String::make(n / 8).into(),
            4 => (0..n / 8 % 20).map(|_| value(numbers, depth - 1)).collect::<Vec<_>>().into(),
            _ => {
                let mut map: Map<String, Value> =
                    (0..n / 8 % 40).map(|at| (format!("field {at}"), value(numbers, depth - 1))).collect();
                if (n / 512).is_multiple_of(5) {
                    map.clear();
                }
                map.into()
            }
        }
    }

    pub(crate) fn cases(judge: &mut Judge) {
        let values = || (0..60).map(|seed| value(&mut random(seed * 1_000_003), 4)).collect::<Vec<_>>();
        judge.check("serde_json Value", values);
        typed(judge, "serde_json Value", &values());
        judge.check("serde_json Map emptied one by one", || {
            let mut map: Map<String, Value> = (0..30).map(|n| (n.to_string(), Value::Null)).collect();
            for n in 0..30 {
                map.remove(&n.to_string());
            }
            (map, Map::<String, Value>::new())
        });
    }

    pub(crate) fn raw(judge: &mut Judge) {
        judge
            .check("serde_json Error", || serde_json::from_str::<Value>("[1, 2").expect_err("it has no end"));
    }
}

mod once {
    use super::*;
    use once_cell::race::{OnceBool, OnceBox, OnceNonZeroUsize};
    use once_cell::{sync, unsync};

    pub(crate) fn cases(judge: &mut Judge) {
        let cells = || {
            let cells: Vec<unsync::OnceCell<String>> = vec![unsync::OnceCell::new(), String::make(9).into()];
            let wide: Vec<unsync::OnceCell<u64>> = vec![unsync::OnceCell::new(), 1.into()];
            let shared: Vec<sync::OnceCell<Vec<String>>> =
                vec![sync::OnceCell::new(), vec![String::make(7)].into()];
            let boxes = vec![OnceBox::new(), OnceBox::with_value(Box::new(String::make(6)))];
            (cells, wide, shared, boxes, (OnceBool::new(), OnceNonZeroUsize::new()))
        };
        judge.check("OnceCell", cells);
        typed(judge, "OnceCell", &cells());
        judge.check("Lazy", || {
            let lazy = |is_forced: bool| {
                let lazy: sync::Lazy<String> = sync::Lazy::new(|| "lazy".to_owned());
                if is_forced {
                    sync::Lazy::force(&lazy);
                }
                lazy
            };
            let unsync: unsync::Lazy<u8> = unsync::Lazy::new(|| 7);
            (vec![lazy(true), lazy(false)], vec![unsync])
        });
    }

    pub(crate) fn raw(judge: &mut Judge) {
        judge.check("Lazy that owns", || {
            let text = String::make(20);
            vec![unsync::Lazy::new(move || text)]
        });
    }
}

fn main() {
    Judge::run("collections", RAW, UNCLAIMED, |judge| {
        hashbrown_17::cases(judge);
        hashbrown_16::cases(judge);
        hashbrown_15::cases(judge);
        hashbrown_14::cases(judge);
        indexmap_two::cases(judge);
        indexmap_one::cases(judge);
        petgraph_8::cases(judge);
        petgraph_7::cases(judge);
        petgraph_6::cases(judge);
        slot_maps::cases(judge);
        vectors::cases(judge);
        arenas::cases(judge);
        tables::cases(judge);
        index_vectors::cases(judge);
        json::cases(judge);
        once::cases(judge);

        petgraph_8::raw(judge);
        petgraph_7::raw(judge);
        petgraph_6::raw(judge);
        tables::raw(judge);
        index_vectors::raw(judge);
        json::raw(judge);
        once::raw(judge);
    });
}

/// Two blocks of one size, and no entry that tells which is which.
const UNCLAIMED: &[&str] = &["indexmap 1 IndexSet, as large as its table, emptied"];

/// What cannot be referenced, and so is claimed raw.
const RAW: &[&str] = &[
    "petgraph 0.8 GraphMap",
    "petgraph 0.8 GraphMap without weights",
    "petgraph 0.8 GraphMap of enums",
    "petgraph 0.8 others",
    "petgraph 0.7 GraphMap",
    "petgraph 0.7 GraphMap without weights",
    "petgraph 0.7 GraphMap of enums",
    "petgraph 0.7 others",
    "petgraph 0.6 GraphMap",
    "petgraph 0.6 GraphMap without weights",
    "petgraph 0.6 GraphMap of enums",
    "petgraph 0.6 others",
    "SnapshotVec, snapshot open",
    "UnificationTable of text",
    "UnificationTable, snapshot open",
    "Variable",
    "VecLog",
    "ChunkedBitSet",
    "MixedBitSet, large",
    "serde_json Error",
    "Lazy that owns",
];
