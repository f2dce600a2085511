//! The ledger notices what is wrong, and names it; and roots that lie in each
//! other are names, not second owners.

use end_to_end::{analyse, analysis, done, take, take_bytes};
use heap_analysis::ledger::Class;
use heap_analysis::{Analysis, NodeId};
use heap_snapshot::live::ToolScope;
use heap_snapshot::record::Layout;
use heap_walk::{Block, Container, Describe, Handle, Shape, Walk, Walker};
use std::rc::Rc;
use std::sync::Arc;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

fn bytes_in(analysis: &Analysis, class: Class) -> u64 {
    analysis.ledger().classes.iter().find(|row| row.class == class).map_or(0, |row| row.bytes)
}

/// Reports somebody else's buffer as its own.
struct Thief {
    stolen: *const Vec<u64>,
}

impl Walk for Thief {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        static STOLEN: Container = Container::new("Thief", Layout::BUFFER);
        #[allow(unsafe_code)]
        // SAFETY: the vector outlives the thief in this test.
        let vec: &Vec<u64> = unsafe { &*self.stolen };
        w.own(self, Block::slots(&STOLEN, vec.as_ptr(), vec.len(), vec.capacity()));
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl Handle for Thief {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

fn a_doubled_claim() {
    let owner = vec![1u64; 100];
    let thief = Thief { stolen: &owner };
    let analysis = analysis(&[("owner", &owner), ("thief", &thief)]);
    let ledger = analysis.ledger();
    assert!(!ledger.closes);
    assert_eq!(bytes_in(&analysis, Class::ClaimedTwice), 896);
    assert_eq!(ledger.claimed_twice.len(), 1);
    let claims = ledger.claimed_twice[0].claims.join(" and ");
    assert!(claims.contains("owner") && claims.contains("thief"), "both paths: {claims}");
    done(analysis);
}

/// Says that its buffer is twice as large as it is.
struct Boaster(Vec<u64>);

impl Walk for Boaster {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        static BOAST: Container = Container::new("Boaster", Layout::BUFFER);
        w.own(self, Block::slots(&BOAST, self.0.as_ptr(), self.0.len(), 2 * self.0.capacity()));
    }
}

impl Handle for Boaster {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

/// Reports a field twice, so that more of its own bytes are typed than it has.
struct Repeater {
    text: String,
}

impl Walk for Repeater {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("text", &self.text);
        w.field("again", &self.text);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

fn a_wrong_impl() {
    let boaster = Boaster(vec![1; 100]);
    let analysis_of_boaster = analysis(&[("boaster", &boaster)]);
    let ledger = analysis_of_boaster.ledger();
    assert!(!ledger.closes);
    assert_eq!(ledger.mismatches.len(), 1, "{:?}", ledger.mismatches);
    assert!(ledger.mismatches[0].type_name.contains("Boaster"), "{:?}", ledger.mismatches);
    assert_eq!(ledger.mismatches[0].difference, 800);
    done(analysis_of_boaster);

    let repeater = Box::new(Repeater { text: String::from("text") });
    let analysis_of_repeater = analysis(&[("repeater", &repeater)]);
    let ledger = analysis_of_repeater.ledger();
    assert!(!ledger.closes);
    assert!(ledger.mismatches[0].type_name.contains("Repeater"), "{:?}", ledger.mismatches);
    done(analysis_of_repeater);
}

fn a_lost_record() {
    let kept = vec![1u8; 5000];
    let analysis_before = analysis(&[("kept", &kept)]);
    assert!(analysis_before.ledger().closes, "{:?}", analysis_before.ledger().verdict);
    done(analysis_before);
    assert!(tracking_alloc::lose_record(kept.as_ptr() as usize));
    let analysis_after = analysis(&[("kept", &kept)]);
    let ledger = analysis_after.ledger();
    assert!(!ledger.closes);
    assert_eq!(ledger.difference, Some(5120));
    done(analysis_after);
    // So that what follows is not off.
    std::mem::forget(kept);
}

#[derive(Walk)]
struct Context {
    own: Vec<String>,
    borrowed: &'static str,
}

fn names_and_parts() {
    let context = Context { own: vec![String::from("a"), String::from("b")], borrowed: "" };
    let _ = context.borrowed;
    let boxed = Box::new(vec![Some(Box::new(5u64)), None]);
    // A part of a root, an element in a block, and a value that only later is found to be owned.
    let snapshot = take(&[
        ("element", &boxed[0]),
        ("context.own", &context.own),
        ("context", &context),
        ("vec", &*boxed),
        ("boxed", &boxed),
    ]);
    let options: u64 = snapshot.census.iter().map(|row| row.count).sum();
    assert_eq!(options, 2, "the element is counted once, though it is also a root");
    let names: Vec<&str> =
        snapshot.roots.iter().filter(|root| root.is_name).map(|root| root.name.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let analysis_named = {
        let _tool = ToolScope::enter();
        analyse(snapshot)
    };
    let ledger = analysis_named.ledger();
    assert_eq!(ledger.claimed_twice, []);
    assert_eq!(ledger.mismatches, []);
    assert!(ledger.closes, "{:?}", ledger.verdict);
    done(analysis_named);
}

fn outside_owners_and_weak_handles() {
    let shared = Rc::new(vec![1u64; 100]);
    let root = vec![shared.clone()];
    let analysis_outside = analysis(&[("root", &root)]);
    let row = analysis_outside.roots().iter().find(|row| row.name == "root").expect("the root");
    assert!(row.sizes.in_all > 800 && row.sizes.alone < 100, "our own handle is outside: {row:?}");
    done(analysis_outside);

    let weak = (Rc::downgrade(&shared), 1);
    let analysis_unseen = analysis(&[("weak", &weak)]);
    assert_eq!(bytes_in(&analysis_unseen, Class::WeakPinned), 0, "strong handles that the walk did not meet");
    assert!(bytes_in(&analysis_unseen, Class::Unclaimed) >= 48 + 896);
    done(analysis_unseen);
    drop((root, shared));
    let analysis_weak = analysis(&[("weak", &weak)]);
    assert_eq!(bytes_in(&analysis_weak, Class::WeakPinned), 48, "the value is gone, its block is not");
    assert!(analysis_weak.ledger().closes);
    done(analysis_weak);
}

fn registered_roots() {
    let state = Arc::new(vec![1u64; 100]);
    heap_walk::register_arc("state", &state);
    static TABLE: [Option<&str>; 2] = [Some("static"), None];
    heap_walk::register_static("table", &TABLE);
    let cache = vec![String::from("scoped")];
    let analysis_registered = heap_walk::with_root("cache", &cache, || analysis(&[]));
    let names: Vec<&str> = analysis_registered.roots().iter().map(|row| row.name.as_str()).collect();
    for name in ["state", "table", "cache"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let row = analysis_registered.roots().iter().find(|row| row.name == "state").expect("a row");
    assert!(row.sizes.alone > 800, "our own handle is what the root stands for: {row:?}");
    assert_eq!(analysis_registered.ledger().mismatches, []);
    assert!(analysis_registered.ledger().closes, "{:?}", analysis_registered.ledger().verdict);
    done(analysis_registered);

    // Reached from another root, it is a name for what that one holds.
    let app = (state.clone(), 7);
    let snapshot = take(&[("app", &app)]);
    let state_node = snapshot.shared.first().expect("the state").node;
    assert!(snapshot.roots.iter().find(|root| root.name == "state").expect("the root").is_name);
    let analysis_app = {
        let _tool = ToolScope::enter();
        analyse(snapshot)
    };
    let row = analysis_app.heap().shared(NodeId(state_node as u32)).expect("its counts");
    assert_eq!((row.strong, row.weak, row.met), (2, 0, 1), "the registry's own handles are left out");
    assert!(analysis_app.ledger().closes, "{:?}", analysis_app.ledger().verdict);
    done(analysis_app);
    drop(app);

    // A root that is found to be owned only after it was walked: nothing of it counts twice.
    struct Inner(Rc<String>, Option<u8>);
    impl Walk for Inner {
        fn walk<'a>(&'a self, w: &mut Walker<'a>) {
            w.field("shared", &self.0);
            w.field("option", &self.1);
        }
        fn shape(&self) -> &'static Shape {
            Shape::of::<Self>()
        }
    }
    let owner = Box::new(Box::new(Inner(Rc::new(String::from("text")), Some(1))));
    let snapshot = take(&[("inner", &**owner), ("owner", &*owner)]);
    let text = snapshot.shared.first().expect("the text").node;
    assert_eq!(
        snapshot.census.iter().map(|row| row.count).sum::<u64>(),
        1 + 2,
        "and two in the static table"
    );
    assert!(snapshot.roots.iter().find(|root| root.name == "inner").expect("the root").is_name);
    let analysis_owner = {
        let _tool = ToolScope::enter();
        analyse(snapshot)
    };
    let row = analysis_owner.heap().shared(NodeId(text as u32)).expect("its counts");
    assert_eq!((row.strong, row.met), (1, 1));
    assert_eq!(bytes_in(&analysis_owner, Class::MultiplyHeld), 0);
    assert!(analysis_owner.ledger().closes, "{:?}", analysis_owner.ledger().verdict);
    done(analysis_owner);
    drop(state);
    let analysis_gone = analysis(&[]);
    assert!(!analysis_gone.roots().iter().any(|row| row.name == "state"), "only a weak handle was kept");
    done(analysis_gone);
}

/// Every cut gives what was whole before it; none panics.
fn truncation_at_every_byte() {
    let _tool = ToolScope::enter();
    let value = vec![Some(Box::new(1u32)), None];
    let bytes = take_bytes(&[("value", &value)]);
    // The list of blocks depends on the machine; the head of the file is enough.
    let whole = heap_snapshot::read::read(&bytes[..], |_| true).expect("whole");
    assert!(whole.problems.is_empty());
    let mut nodes_seen = 0;
    for len in 0..bytes.len() {
        match heap_snapshot::read::read(&bytes[..len], |_| true) {
            Err(_) => assert!(len < 8, "only a cut in the first eight bytes is no snapshot"),
            Ok(file) => {
                let nodes = file.snapshots.first().map_or(0, |snapshot| snapshot.nodes.count());
                assert!(nodes >= nodes_seen, "more bytes, more nodes");
                nodes_seen = nodes;
                assert!(file.snapshots.first().is_none_or(|snapshot| snapshot.footer.is_none()));
            }
        }
    }
    assert_eq!(nodes_seen, whole.snapshots[0].nodes.count());
}

#[derive(Clone, Walk)]
enum Small<T> {
    One(T),
    Two { a: u8, b: T },
    Three,
}

#[derive(Clone, Copy, Walk)]
#[rustfmt::skip]
enum Letter { A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R }

#[derive(Walk)]
struct Rows {
    leaves: Vec<Small<u32>>,
    owners: Vec<Small<String>>,
    letters: Vec<Letter>,
    arrays: Vec<[Small<u32>; 20]>,
}

/// Values that stand side by side are counted by the run: the sum by variant and
/// their bytes are those of the values, however many there are.
fn enums_side_by_side() {
    #[rustfmt::skip]
    const LETTERS: [Letter; 18] = {
        use Letter::*;
        [A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R]
    };
    fn number<T>(value: &Small<T>) -> usize {
        match value {
            Small::One(_) => 0,
            Small::Two { .. } => 1,
            Small::Three => 2,
        }
    }
    for len in [0, 1, 15, 16, 17, 1000] {
        let leaf = |at: usize| match at * at % 7 {
            0 => Small::One(5),
            1 | 2 => Small::Two { a: 1, b: 2 },
            _ => Small::Three,
        };
        let owner = |at: usize| match at % 3 {
            0 => Small::One(String::from("text")),
            1 => Small::Two { a: 1, b: String::new() },
            _ => Small::Three,
        };
        let rows = Rows {
            leaves: (0..len).map(leaf).collect(),
            owners: (0..len).map(owner).collect(),
            letters: (0..len).map(|at| LETTERS[at * 7 % 18]).collect(),
            arrays: (0..len).map(|at| std::array::from_fn(|other| leaf(at + other))).collect(),
        };
        let mut expected = [[0; 18]; 3];
        for value in rows.leaves.iter().chain(rows.arrays.iter().flatten()) {
            expected[0][number(value)] += 1;
        }
        for value in &rows.owners {
            expected[1][number(value)] += 1;
        }
        for letter in &rows.letters {
            expected[2][*letter as usize] += 1;
        }
        let report = heap_walk::measure(&rows);
        assert_eq!(report.split.total() + report.rounding, report.in_all, "{len}: {report}");
        let snapshot = take(&[("rows", &rows)]);
        let mut found = [[0; 18]; 3];
        for row in &snapshot.census {
            let name = &snapshot.types[row.ty as usize].name;
            let kind = ["Small<u32>", "String>", "Letter"].iter().position(|end| name.ends_with(end));
            if let Some(kind) = kind {
                found[kind][row.variant as usize] += row.count;
            }
        }
        assert_eq!(found, expected, "{len}");
        let analysis_rows = {
            let _tool = ToolScope::enter();
            analyse(snapshot)
        };
        assert_eq!(analysis_rows.ledger().mismatches, [], "{len}");
        assert!(analysis_rows.ledger().closes, "{len}: {:?}", analysis_rows.ledger().verdict);
        done(analysis_rows);
    }
}

fn main() {
    println!("running ledger");
    a_doubled_claim();
    a_wrong_impl();
    names_and_parts();
    outside_owners_and_weak_handles();
    registered_roots();
    truncation_at_every_byte();
    enums_side_by_side();
    a_lost_record();
    println!("8 passed, 0 failed");
}
