//! What references and guards lead to, in every order in which they can be met:
//! nothing is read behind a lock that was let go of, no chain overflows the
//! stack, nothing is counted twice. Without an allocator, so sizes are estimates;
//! what counts here are relations between them.
#![cfg(feature = "enabled")]

use heap_snapshot::record::{EdgeKind, Layout};
use heap_walk::{
    measure_paths, Arena, As, Chunk, Container, Follow, FollowInArena, Handle, Label, Report, Shape, Walk,
    Walker,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};

fn quietly<R>(run: impl FnOnce() -> R) -> R {
    // The hook is the process's.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = run();
    std::panic::set_hook(hook);
    result
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

macro_rules! shape {
    () => {
        fn shape(&self) -> &'static Shape {
            Shape::of::<Self>()
        }
    };
}

struct Leaf {
    name: String,
}

impl Walk for Leaf {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("name", &self.name);
    }
    shape!();
}

static LOCK: Mutex<Option<Outer>> = Mutex::new(None);

thread_local! {
    static ENTERED: Cell<u32> = const { Cell::new(0) };
}

/// Two references behind one lock, the second behind the first.
struct Outer(&'static mut Middle);
struct Middle(&'static mut Leaf);

macro_rules! followed {
    ($ty:ident) => {
        impl Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.follow(self, EdgeKind::BORROW_MUT, &*self.0, false);
            }
            shape!();
        }

        impl Handle for $ty {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                assert!(LOCK.try_lock().is_err(), "what is read here is behind the lock");
                ENTERED.set(ENTERED.get() + 1);
                (*self.0).walk(w);
            }
        }
    };
}

/// The quick way and the one that keeps paths say the same.
fn measure<T: ?Sized + Walk>(value: &T) -> Report {
    let report = heap_walk::measure(value);
    assert_eq!(report, measure_paths(value).0);
    report
}

followed!(Outer);
followed!(Middle);

#[test]
fn a_lock_is_held_until_the_last_reference_behind_it_was_entered() {
    let leaf = leak(Leaf { name: "leaf".into() });
    *LOCK.lock().expect("free") = Some(Outer(leak(Middle(leaf))));
    let report = heap_walk::measure(&LOCK);
    assert_eq!(report.problems, [] as [&str; 0]);
    assert_eq!(ENTERED.get(), 2);
    assert!(LOCK.try_lock().is_ok(), "released");
}

/// Two handles in one copy, the second met only when the first is entered.
#[derive(Clone, Copy)]
struct Pair<'r> {
    first: &'r Leaf,
    second: Second<'r>,
}

#[derive(Clone, Copy)]
struct Second<'r>(&'r Leaf, u64);

const MAGIC: u64 = 0x00c0_ffee;

impl Walk for Pair<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.follow(self, EdgeKind::BORROW, self.first, false);
    }
    shape!();
}

impl Handle for Pair<'_> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        self.first.walk(w);
        w.follow(&self.second, EdgeKind::BORROW, self.second.0, false);
    }
}

impl Handle for Second<'_> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        assert_eq!(self.1, MAGIC, "the copy is still there");
        ENTERED.set(ENTERED.get() + 1);
        self.0.walk(w);
    }
}

struct Holder {
    a: &'static Leaf,
    b: &'static Leaf,
}

static VIA: Label = Label::field("via");

impl Walk for Holder {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit_via(&VIA, self, |holder: &'a Holder| Pair {
            first: holder.a,
            second: Second(holder.b, MAGIC),
        });
    }
    shape!();
}

#[test]
fn a_copy_is_kept_until_everything_in_it_was_entered() {
    let leaf = || &*leak(Leaf { name: "leaf".into() });
    let holder = Holder { a: leaf(), b: leaf() };
    ENTERED.set(0);
    assert_eq!(heap_walk::measure(&holder).blocks, 2);
    assert_eq!(ENTERED.get(), 1);
}

struct Link {
    next: RefCell<Option<&'static Link>>,
}

impl Walk for Link {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("next", As::<_, RefCell<Option<Follow>>>::new(&self.next));
    }
    shape!();
}

#[test]
fn a_chain_of_references_behind_borrows_takes_no_stack() {
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(|| {
        let mut last: Option<&'static Link> = None;
        for _ in 0..200_000 {
            last = Some(leak(Link { next: RefCell::new(last) }));
        }
        let first = last.expect("a chain");
        assert_eq!(measure(first).problems, [] as [&str; 0]);
        assert!(first.next.try_borrow_mut().is_ok(), "released");
    });
    thread.expect("a thread").join().expect("no overflow");
}

struct Record<'r> {
    tagged: &'r Leaf,
    numbers: Vec<u32>,
}

impl Walk for Record<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        #[derive(Clone, Copy)]
        struct Followed<'r>(&'r Leaf);
        impl Walk for Followed<'_> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.follow(self, EdgeKind::BORROW, self.0, false);
            }
            shape!();
        }
        impl Handle for Followed<'_> {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                self.0.walk(w);
            }
        }
        w.visit_via(&VIA, &self.tagged, |leaf: &'a &Leaf| Followed(leaf));
        w.field("numbers", &self.numbers);
    }
    shape!();
}

#[test]
fn what_follows_a_copy_has_its_own_path() {
    let leaf = Leaf { name: "leaf".into() };
    let record = Box::new(Record { tagged: &leaf, numbers: vec![1, 2, 3] });
    let (report, paths) = measure_paths(&record);
    assert!(paths.iter().any(|row| row.name == ".numbers"), "{paths:?}");
    assert_eq!(report.split.total() + report.rounding, report.in_all, "{report:?}");
}

struct Counted {
    rc: Rc<u8>,
}

impl Walk for Counted {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("rc", &self.rc);
    }
    shape!();
}

/// References to an element, to what holds that, and the owner itself.
struct Cursor<'r> {
    element: RefCell<Option<&'r Counted>>,
    locked: Mutex<Option<&'r Counted>>,
    all: RefCell<&'r [Counted]>,
    owner: &'r Vec<Counted>,
}

impl Walk for Cursor<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("element", As::<_, RefCell<Option<Follow>>>::new(&self.element));
        w.field("locked", As::<_, Mutex<Option<Follow>>>::new(&self.locked));
        w.field("all", As::<_, RefCell<Follow>>::new(&self.all));
        let owner: &'a Vec<Counted> = self.owner;
        w.field("owner", owner);
    }
    shape!();
}

#[test]
fn a_handle_is_counted_once_however_it_is_reached() {
    let rc = Rc::new(7u8);
    let elsewhere = rc.clone();
    let owner = vec![Counted { rc: Rc::new(1) }, Counted { rc }];
    let alone_without = {
        let none = Cursor {
            element: RefCell::new(None),
            locked: Mutex::new(None),
            all: RefCell::new(&[]),
            owner: &owner,
        };
        measure(&none).alone
    };
    for which in 1..8 {
        let cursor = Cursor {
            element: RefCell::new((which & 1 > 0).then_some(&owner[1])),
            locked: Mutex::new((which & 2 > 0).then_some(&owner[1])),
            all: RefCell::new(if which & 4 > 0 { &owner } else { &[] }),
            owner: &owner,
        };
        let report = measure(&cursor);
        assert_eq!(report.alone, alone_without, "{which}: somebody else has a handle: {report:?}");
        assert!(report.alone < report.in_all);
    }
    drop(elsewhere);
}

/// An arena whose elements are referred to before and after it is walked.
#[expect(clippy::vec_box, reason = "chunks stay where they are")]
struct Pool(Vec<Box<[Leaf; 4]>>);

static POOL: Container = Container::new("Pool", Layout::CHUNK);

impl Arena for Pool {
    fn chunks(&self, found: &mut dyn FnMut(Chunk)) {
        for chunk in &self.0 {
            let addr = chunk.as_ptr() as usize;
            found(Chunk { container: &POOL, addr, elem: Shape::of::<Leaf>(), len: 4, cap: 4 });
        }
    }
}

struct Context<'r> {
    guarded: Mutex<Vec<&'r Leaf>>,
    pool: &'r Pool,
    plain: Vec<&'r Leaf>,
}

impl Walk for Context<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("guarded", As::<_, Mutex<Vec<FollowInArena>>>::new(&self.guarded));
        let pool: &'a Pool = self.pool;
        heap_walk::arena(pool, w);
        w.field("plain", As::<_, Vec<FollowInArena>>::new(&self.plain));
    }
    shape!();
}

#[test]
fn a_reference_met_before_its_arena_hides_no_later_one() {
    let leaf = || Leaf { name: "n".repeat(100) };
    let pool = Pool(vec![Box::new([leaf(), leaf(), leaf(), leaf()])]);
    let all: Vec<&Leaf> = pool.0[0].iter().collect();
    let without = Context { guarded: Mutex::new(Vec::new()), pool: &pool, plain: all.clone() };
    let with = Context { guarded: Mutex::new(all.clone()), pool: &pool, plain: all };
    let names = |context: &Context<'_>| {
        let report = measure(context);
        report.types.iter().filter(|row| row.name.starts_with("String")).map(|row| row.blocks).sum::<u64>()
    };
    assert_eq!(names(&without), 4);
    assert_eq!(names(&with), 4);
}

/// A lock that is taken while the walk comes by and free when it tries again.
struct Taken {
    take: Take,
    lock: &'static Mutex<Vec<Vec<u8>>>,
    give: Give,
}

struct Take(&'static Mutex<Vec<Vec<u8>>>, bool);
struct Give;

thread_local! {
    static HELD: RefCell<Option<MutexGuard<'static, Vec<Vec<u8>>>>> = const { RefCell::new(None) };
}

impl Walk for Take {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        if self.1 {
            HELD.set(self.0.lock().ok());
        }
    }
    shape!();
}

impl Walk for Give {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        HELD.set(None);
    }
    shape!();
}

impl Walk for Taken {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("take", &self.take);
        let lock: &'a Mutex<Vec<Vec<u8>>> = self.lock;
        w.field("lock", lock);
        w.field("give", &self.give);
    }
    shape!();
}

#[test]
fn what_is_behind_a_lock_tried_again_is_shared_like_the_lock() {
    for is_taken in [false, true] {
        let lock: &'static Mutex<Vec<Vec<u8>>> = leak(Mutex::new(vec![vec![1; 1000]; 3]));
        let value = Arc::new(Taken { take: Take(lock, is_taken), lock, give: Give });
        let elsewhere = value.clone();
        let report = measure(&value);
        assert!(report.in_all > 3000 && report.unreadable == 0, "{report:?}");
        assert_eq!(report.alone, 0, "lock taken at first: {is_taken}");
        drop(elsewhere);
    }
}

struct Faulty(bool);

impl Walk for Faulty {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        assert!(!self.0, "a fault");
    }
    shape!();
}

#[test]
fn after_a_panic_every_byte_is_told_once() {
    quietly(|| {
        let tree: BTreeMap<u64, Faulty> = (0..40).map(|n| (n, Faulty(n == 3))).collect();
        let optional: BTreeMap<u64, Option<Box<Faulty>>> =
            (0..40).map(|n| (n, Some(Box::new(Faulty(n % 7 == 3))))).collect();
        let enums: Vec<Option<Box<Option<Faulty>>>> =
            (0..40).map(|n| Some(Box::new(Some(Faulty(n == 3))))).collect();
        for report in [measure(&tree), measure(&optional), measure(&enums)] {
            assert!(report.unreadable > 0);
            assert_eq!(report.split.total() + report.rounding, report.in_all, "{report:?}");
        }
    });
}

/// Measures itself while it is measured.
struct Curious;

impl Walk for Curious {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        for _ in 0..2 {
            let report = measure(&vec![1u8]);
            assert!(!report.is_measured(), "{report:?}");
            let error = heap_walk::snapshot(std::io::sink(), &[]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
        ENTERED.set(ENTERED.get() + 1);
    }
    shape!();
}

#[test]
fn threads_measure_at_the_same_time_and_a_walk_does_not_begin_another() {
    let (begin, end) = (Barrier::new(4), Barrier::new(4));
    std::thread::scope(|scope| {
        for n in 1..=4_usize {
            let (begin, end) = (&begin, &end);
            scope.spawn(move || {
                let value = Meets(begin, end, vec![vec![0u8; 8]; n]);
                let report = heap_walk::measure(&value);
                assert_eq!((report.blocks, report.problems.len()), (n as u64 + 1, 0), "{report:?}");
            });
        }
    });
    ENTERED.set(0);
    assert_eq!(heap_walk::measure(&Curious).problems, [] as [&str; 0]);
    assert_eq!(ENTERED.get(), 1);
}

#[test]
fn one_snapshot_at_a_time() {
    let (begin, end) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let value = Meets(&begin, &end, Vec::new());
            heap_walk::snapshot(std::io::sink(), &[("value", &value)]).expect("the first");
        });
        begin.wait();
        for _ in 0..3 {
            let error = heap_walk::snapshot(std::io::sink(), &[]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
        end.wait();
    });
    heap_walk::snapshot(std::io::sink(), &[]).expect("there is no other");
}

/// Is walked while the others are.
struct Meets<'b>(&'b Barrier, &'b Barrier, Vec<Vec<u8>>);

impl Walk for Meets<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.0.wait();
        w.field("2", &self.2);
        self.1.wait();
    }
    shape!();
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a payload that panics when it is dropped");
    }
}

struct Throws(u8);

impl Walk for Throws {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        std::panic::panic_any((Bomb, self.0));
    }
    fn name() -> &'static str {
        panic!("no name either");
    }
    shape!();
}

#[test]
fn no_panic_gets_out() {
    quietly(|| {
        let lock = Mutex::new(vec![Box::new(Throws(1))]);
        let report = measure(&lock);
        assert!(report.unreadable > 0);
        assert!(!lock.is_poisoned() && lock.try_lock().is_ok());
        assert!(measure(&Throws(1)).unreadable > 0);
    });
}
