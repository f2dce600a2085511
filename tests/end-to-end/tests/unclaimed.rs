//! Who holds what nobody claims, in a process in which that is known.

use end_to_end::{analysis, done};
use heap_analysis::ledger::Class;
use heap_analysis::unclaimed::{HolderRow, State, Unclaimed};
use heap_analysis::Analysis;
use heap_snapshot::record::NotSearched;
use heap_walk::Walk;
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Mutex;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// Writes over what calls before have left on the stack.
#[inline(never)]
fn scrub() {
    black_box([0_u8; 64 << 10]);
}

/// No `Walk`: a list that nobody describes.
struct Entry {
    next: Option<Box<Entry>>,
    bytes: [u8; 1000],
}

#[derive(Walk)]
struct Shard {
    name: String,
    #[walk(skip)]
    cache: Option<Box<Entry>>,
    #[walk(opaque)]
    raw: Option<Box<Entry>>,
}

#[derive(Walk)]
struct Server {
    shards: Vec<Shard>,
}

fn list(len: usize) -> Option<Box<Entry>> {
    (0..len).fold(None, |next, _| Some(Box::new(Entry { next, bytes: [0; 1000] })))
}

fn row<'a>(unclaimed: &'a Unclaimed, state: State, field: &str) -> Option<&'a HolderRow> {
    unclaimed.rows.iter().find(|row| row.state == state && row.field == field)
}

fn in_state(unclaimed: &Unclaimed, state: State) -> (u64, u64) {
    let row = unclaimed.states.iter().find(|row| row.state == state).expect("all are there");
    (row.blocks, row.bytes)
}

/// Every unclaimed block is in one state, and in one row.
fn check(analysis: &Analysis) -> Unclaimed {
    let ledger = analysis.ledger();
    assert!(ledger.closes, "{:?}", ledger.verdict);
    let unclaimed = analysis.unclaimed();
    let of_ledger = ledger.classes.iter().find(|row| row.class == Class::Unclaimed).expect("a class");
    let blocks: u64 = unclaimed.states.iter().map(|row| row.blocks).sum();
    let bytes: u64 = unclaimed.states.iter().map(|row| row.bytes).sum();
    assert_eq!((blocks, bytes), (of_ledger.blocks, of_ledger.bytes));
    assert_eq!(unclaimed.rows.iter().map(|row| row.bytes).sum::<u64>(), bytes);
    assert!(unclaimed.rows.iter().all(|row| row.direct <= row.blocks && row.direct > 0));
    unclaimed
}

fn fields() {
    let shard = |name: &str| Shard { name: name.into(), cache: list(300), raw: list(10) };
    let server = Server { shards: vec![shard("a"), shard("b"), shard("c")] };
    let analysis = analysis(&[("server", &server)]);
    let unclaimed = check(&analysis);
    let cache = row(&unclaimed, State::Block, "[].cache").unwrap_or_else(|| panic!("{unclaimed:#?}"));
    // What is opaque is claimed raw, and not in it.
    let raw = analysis.ledger().classes.iter().find(|row| row.class == Class::ClaimedRaw).expect("a class");
    assert_eq!((raw.blocks, raw.bytes), (3 * 10, 3 * 10 * 1024), "{:?}", analysis.ledger().classes);
    assert!(!unclaimed.rows.iter().any(|row| row.field.contains("raw")), "{unclaimed:#?}");
    assert_eq!((cache.direct, cache.blocks, cache.bytes), (3, 900, 900 * 1024));
    assert!(cache.holder.contains("Shard"), "{cache:?}");
    assert!(cache.advice.contains("field `cache`") && cache.advice.contains("#[walk(skip)]"), "{cache:?}");
    assert!(cache.advice.contains("900.0 KiB"), "{cache:?}");
    let holder = analysis.heap().addr(cache.example_holder.expect("a node"));
    assert_eq!(holder, server.shards.as_ptr() as u64);
    assert_eq!(unclaimed.rows[0].field, "[].cache", "most bytes first");
    done(unclaimed);
    done(analysis);
    black_box(&server.shards[0].name);
    assert!(server.shards[0].cache.as_ref().is_some_and(|entry| entry.bytes[7] == 0 && entry.next.is_some()));
    black_box(&server.shards[0].raw);
}

/// The value of a root, which lies on the stack, is the root's and not the stack's.
fn a_root_on_the_stack() {
    let shard = Shard { name: String::new(), cache: list(20), raw: None };
    let analysis = analysis(&[("shard", &shard)]);
    let unclaimed = check(&analysis);
    let cache = row(&unclaimed, State::Block, ".cache").unwrap_or_else(|| panic!("{unclaimed:#?}"));
    assert_eq!((cache.direct, cache.blocks), (1, 20));
    done(unclaimed);
    done(analysis);
    black_box(&shard);
}

struct Link {
    other: RefCell<Option<Rc<Link>>>,
    bytes: [u8; 200],
}

#[inline(never)]
fn leak_cycles(count: usize) {
    for _ in 0..count {
        let link = || Rc::new(Link { other: RefCell::new(None), bytes: [1; 200] });
        let (a, b) = (link(), link());
        *a.other.borrow_mut() = Some(Rc::clone(&b));
        *b.other.borrow_mut() = Some(Rc::clone(&a));
        black_box(&a.bytes);
    }
}

#[inline(never)]
fn leak_blocks(count: usize) {
    for _ in 0..count {
        std::mem::forget(black_box(vec![1_u8; 3000]));
    }
}

#[inline(never)]
fn hold_statically(held: &Mutex<Option<Box<Entry>>>, len: usize) {
    *held.lock().expect("nobody else") = list(len);
}

fn leaks_and_statics() {
    static HELD: Mutex<Option<Box<Entry>>> = Mutex::new(None);
    // Not all zeros: it stands in another mapping.
    static COUNTED: (u64, Mutex<Option<Box<Entry>>>) = (7, Mutex::new(None));
    let before = analysis(&[]);
    let unclaimed = check(&before);
    let [cycles, alone, statics] =
        [State::Cycle, State::Unreferenced, State::Static].map(|state| in_state(&unclaimed, state));
    done(unclaimed);
    done(before);
    leak_cycles(500);
    leak_blocks(400);
    hold_statically(&HELD, 50);
    hold_statically(&COUNTED.1, 20);
    scrub();
    let after = analysis(&[]);
    let unclaimed = check(&after);
    // A word left over somewhere may seem to hold one or the other.
    let more = |state, before: (u64, u64)| in_state(&unclaimed, state).0 - before.0;
    assert!((990..=1000).contains(&more(State::Cycle, cycles)), "{:#?}", unclaimed.states);
    assert!((395..=400).contains(&more(State::Unreferenced, alone)), "{:#?}", unclaimed.states);
    assert!(more(State::Static, statics) >= 70, "{:#?}", unclaimed.states);
    let cycle = unclaimed.rows.iter().find(|row| row.state == State::Cycle).expect("cycles");
    assert_eq!((cycle.blocks, cycle.example_requested), (2 * cycle.direct, 232));
    for (name, blocks) in [("HELD", 50), ("COUNTED", 20)] {
        let path = format!("unclaimed::leaks_and_statics::{name}");
        let held = row(&unclaimed, State::Static, &path).unwrap_or_else(|| panic!("{unclaimed:#?}"));
        assert_eq!((held.direct, held.blocks, held.bytes), (1, blocks, blocks * 1024));
        assert!(held.holder.starts_with("unclaimed"), "the program's file: {held:?}");
        assert_eq!(held.name(), format!("static {path}"));
        assert!(held.advice.contains(&format!("register_static(\"{name}\", &{name})")), "{held:?}");
    }
    assert!(unclaimed.problems.iter().all(|problem| !problem.contains("names")), "{:?}", unclaimed.problems);
    done(unclaimed);
    done(after);
    for held in [&HELD, &COUNTED.1] {
        *held.lock().expect("nobody else") = None;
    }
    black_box(COUNTED.0);
}

/// Where little is unclaimed and much would have to be read, nobody searches unless told to.
fn where_it_pays() {
    // Not written to, so not in memory; claimed all the same.
    let much = vec![0_u8; 64 << 20];
    let search = |why: NotSearched| {
        let analysis = analysis(&[("much", &much)]);
        let unclaimed = analysis.unclaimed();
        assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
        let footer = analysis.heap().footer().expect("complete");
        assert_eq!(NotSearched(footer.not_searched), why, "{unclaimed:#?}");
        assert_eq!(unclaimed.states.is_empty(), why != NotSearched::UNKNOWN);
        let problem = unclaimed.problems.first().cloned().unwrap_or_default();
        done(unclaimed);
        done(analysis);
        problem
    };
    std::mem::forget(black_box(vec![1_u8; 3000]));
    let problem = search(NotSearched::LITTLE);
    assert!(problem.contains("less than a thousandth") && problem.contains("HEAP_WALK_HOLDERS=on"));
    std::env::set_var("HEAP_WALK_HOLDERS", "on");
    search(NotSearched::UNKNOWN);
    std::env::set_var("HEAP_WALK_HOLDERS", "off");
    let problem = search(NotSearched::OFF);
    assert!(problem.contains("HEAP_WALK_HOLDERS=off"), "{problem}");
    std::env::remove_var("HEAP_WALK_HOLDERS");
    std::mem::forget(black_box(vec![1_u8; 100 << 10]));
    search(NotSearched::UNKNOWN);
    black_box(&much[0]);
}

fn main() {
    println!("running unclaimed");
    where_it_pays();
    fields();
    a_root_on_the_stack();
    leaks_and_statics();
    println!("4 passed, 0 failed");
}
