//! Arenas: `bumpalo`, `typed-arena`.

use bumpalo::boxed::Box as BumpBox;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};
use bumpalo::Bump;
use end_to_end::judge::Judge;
use end_to_end::{born_in, claims, take};
use foreign::{parts, random};
use heap_snapshot::live::ToolScope;
use heap_snapshot::record::Layout;
use heap_walk::{Walk, Walker};
use std::collections::BTreeMap;
use typed_arena::Arena;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// An arena that leaks, and what lies in it.
struct Of<A: 'static, V> {
    arena: &'static A,
    values: V,
}

impl<A: Walk, V: Walk> Walk for Of<A, V> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.arena.walk(w);
        w.field("values", &self.values);
    }
}

impl<A, V> Of<A, V> {
    fn new(arena: A, make: impl FnOnce(&'static A) -> V) -> Of<A, V> {
        // The box of the arena itself is the tool's: it is not what is judged.
        let arena = {
            let _tool = ToolScope::enter();
            Box::leak(Box::new(arena))
        };
        Of { arena, values: make(arena) }
    }
}

fn bumpalo(judge: &mut Judge) {
    // Whole words: a gap between values may hold what is left of an address there,
    // and what is used is scanned for addresses.
    judge.check("Bump", || {
        let mut all: Vec<Bump> = Vec::new();
        for seed in 0..40 {
            let mut bump = if seed % 4 == 0 { Bump::new() } else { Bump::with_capacity(seed as usize * 10) };
            for number in random(seed).take(seed as usize * 3) {
                match number >> 61 {
                    0 => _ = bump.alloc([number; 5]),
                    1 => _ = bump.alloc_slice_fill_copy(number as usize % 700, 7u64),
                    2 => _ = bump.alloc_str("16 bytes of text"),
                    3 if number % 64 == 0 => bump.reset(),
                    _ => _ = bump.alloc(number),
                }
            }
            all.push(bump);
        }
        all
    });
    let mut bump = Bump::with_capacity(1000);
    bump.alloc(7u64);
    let before = parts(&bump);
    assert_eq!((before.payload, before.untyped, before.overhead), (0, 8, 48), "{before:?}");
    assert_eq!(before.spare as usize, bump.chunk_capacity(), "{before:?}");
    bump.reset();
    assert_eq!(parts(&bump).untyped, 0);
}

/// What references find in an arena are nodes of their types inside its chunks,
/// and own what they own.
fn values_in_a_bump() {
    let epoch = tracking_alloc::blocks().begin().0;
    tracking_alloc::blocks().end();
    let of = Of::new(Bump::new(), |bump| {
        let boxes: [_; 3] = [1, 2, 3].map(|n| BumpBox::new_in("x".repeat(n * 20), bump));
        let mut list = BumpVec::new_in(bump);
        list.extend((1..50).map(|n| Some("y".repeat(n))));
        (boxes, list, BumpString::from_str_in("text", bump), BumpBox::new_in((), bump))
    });
    let snapshot = take(&[("of", &of)]);
    let _tool = ToolScope::enter();
    let (claimed, lost) = claims(&snapshot);
    assert!(lost.is_empty(), "{lost:x?}");
    assert!(claimed.values().all(|&times| times == 1), "{claimed:x?}");
    let given = born_in(&snapshot, epoch);
    assert!(given.len() > 3 + 49, "texts, and at least one chunk");
    assert!(given.keys().eq(claimed.keys()), "{given:x?} {claimed:x?}");
    let inside: BTreeMap<u64, String> = (0..snapshot.nodes.count())
        .map(|id| snapshot.nodes.get(id))
        .filter_map(|node| {
            let ty = &snapshot.node_types[node.ty.0 as usize];
            let elem = &snapshot.types[ty.elem as usize].name;
            (Layout(ty.layout) == Layout::INSIDE).then(|| (node.addr, elem.clone()))
        })
        .collect();
    let (boxes, list, text, _) = &of.values;
    let at = |addr: u64| inside.get(&addr).map(String::as_str);
    for value in boxes {
        assert_eq!(at(std::ptr::from_ref(&**value) as u64), Some("alloc::string::String"));
    }
    assert_eq!(at(list.as_ptr() as u64), Some("core::option::Option<alloc::string::String>"));
    assert_eq!(at(text.as_ptr() as u64), Some("u8"));
    assert_eq!(inside.len(), 3 + 1 + 1, "{inside:x?}");
}

fn typed_arena(judge: &mut Judge) {
    judge.check("typed_arena, one chunk", || {
        let mut all: Vec<Arena<(u8, u32)>> = Vec::new();
        for number in 0..20 {
            let arena = Arena::with_capacity(number * 3);
            arena.alloc_extend((0..number).map(|n| (1, n as u32)));
            all.push(arena);
        }
        let full = Arena::with_capacity(2);
        full.alloc_extend(["one".to_owned(), "two".to_owned()]);
        (all, Arena::<()>::new())
    });
    judge.check("typed_arena", || {
        let arena = Arena::with_capacity(2);
        for number in random(1).take(300) {
            arena.alloc(vec![number; number as usize % 5]);
        }
        arena
    });
    judge.check("values in a typed_arena", || {
        Of::new(Arena::with_capacity(4), |arena: &'static Arena<String>| {
            let mut values: Vec<&'static String> = Vec::new();
            for number in 0..50 {
                values.push(arena.alloc("z".repeat(number)));
            }
            values
        })
    });
    let arena = Arena::with_capacity(10);
    arena.alloc_extend([1u64, 2, 3]);
    let parts = parts(&arena);
    assert_eq!((parts.untyped, parts.spare), (24, 56), "{parts:?}");
}

fn main() {
    // Chunks that were filled before are out of sight.
    let raw = ["typed_arena", "values in a typed_arena"];
    values_in_a_bump();
    Judge::run("arenas", &raw, &[], |judge| {
        bumpalo(judge);
        typed_arena(judge);
    });
}
