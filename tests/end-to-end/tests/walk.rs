//! What the walk does beside containers: arenas, references that are followed,
//! values behind `dyn`, keys, panicking impls, and reports in memory.

use end_to_end::judge::Judge;
use end_to_end::{analyse, take};
use heap_analysis::config::Config;
use heap_analysis::{Analysis, Heap, Lens};
use heap_snapshot::live::ToolScope;
use heap_snapshot::read::Snapshot;
use heap_snapshot::record::{EdgeKind, Layout, Target};
use heap_walk::{Arena, Chunk, Container, Handle, Report, Shape, Split, TypeRow, Walk, Walker};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// An arena of anything whose alignment is 8 at most: one chunk, from its beginning on.
struct Pool {
    chunk: UnsafeCell<Vec<u64>>,
    used: Cell<usize>,
}

impl Pool {
    fn new(words: usize) -> Pool {
        Pool { chunk: UnsafeCell::new(vec![0; words]), used: Cell::new(0) }
    }

    #[expect(unsafe_code, reason = "an arena")]
    #[expect(clippy::mut_from_ref, reason = "each call gives other memory")]
    fn alloc<T>(&self, value: T) -> &mut T {
        let words = size_of::<T>().div_ceil(8);
        let at = self.used.get();
        self.used.set(at + words);
        // SAFETY: the chunk has room (checked), nobody has a reference to these
        // words, and the chunk stays where it is as long as the pool lives.
        unsafe {
            assert!(self.used.get() <= (*self.chunk.get()).len());
            let slot = (*self.chunk.get()).as_mut_ptr().add(at).cast::<T>();
            slot.write(value);
            &mut *slot
        }
    }
}

static POOL: Container = Container::new("Pool", Layout::CHUNK);

impl Arena for Pool {
    fn chunks(&self, found: &mut dyn FnMut(Chunk)) {
        let addr = self.chunk.get();
        #[expect(unsafe_code, reason = "an arena")]
        // SAFETY: nobody changes the vector itself after it was made.
        let chunk = unsafe { &*addr };
        found(Chunk {
            container: &POOL,
            addr: chunk.as_ptr() as usize,
            elem: Shape::bytes(),
            len: self.used.get() * 8,
            cap: chunk.capacity() * 8,
        });
    }
}

struct Expr<'p> {
    name: String,
    next: Option<&'p Expr<'p>>,
}

/// A reference that the walk enters: what `#[walk(follow)]` derives.
struct Followed<'p>(&'p Expr<'p>);

impl Walk for Followed<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.follow(self, EdgeKind::BORROW, self.0, false);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
    fn describe(d: &mut heap_walk::Describe<'_>) {
        d.leaf();
    }
}

impl Handle for Followed<'_> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        self.0.walk(w);
    }
}

impl Walk for Expr<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("name", &self.name);
        w.field("next", &self.next);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

#[derive(Walk)]
struct Session<'p> {
    #[walk(with = heap_walk::arena)]
    pool: Pool,
    first: Option<Followed<'p>>,
    again: Option<Followed<'p>>,
}

fn nodes(snapshot: &Snapshot, layout: Layout) -> usize {
    (0..snapshot.nodes.count())
        .filter(|&id| {
            let ty = snapshot.nodes.get(id).ty.0 as usize;
            snapshot.node_types[ty].layout == layout.0
        })
        .count()
}

fn arenas() {
    let mut session = Session { pool: Pool::new(64), first: None, again: None };
    {
        let pool: &Pool = &session.pool;
        // The pool outlives what borrows from it here: both end with this function.
        #[expect(unsafe_code, reason = "a session that borrows from itself")]
        // SAFETY: the chunk does not move when the session does, and nothing is dropped before it.
        let pool: &'static Pool = unsafe { &*std::ptr::from_ref(pool) };
        let last = pool.alloc(Expr { name: "y".repeat(40), next: None });
        let first = pool.alloc(Expr { name: "x".repeat(30), next: Some(last) });
        session.first = Some(Followed(first));
        session.again = Some(Followed(first));
    }
    let snapshot = take(&[("session", &session)]);
    let _tool = ToolScope::enter();
    assert_eq!(nodes(&snapshot, Layout::CHUNK), 1);
    assert_eq!(nodes(&snapshot, Layout::INSIDE), 1, "met twice, entered once; a plain `&` is not entered");
    let names = (0..snapshot.nodes.count())
        .filter(|&id| snapshot.node_types[snapshot.nodes.get(id).ty.0 as usize].container == "String")
        .count();
    assert_eq!(names, 1, "the text of the first expression is typed, that of the second raw");
    let analysis = analyse(snapshot);
    let ledger = analysis.ledger();
    assert!(ledger.mismatches.is_empty(), "{:#?}", ledger.mismatches);
    assert_eq!(ledger.difference, Some(0));
}

struct Key32(u32);

impl Walk for Key32 {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.key(self, u64::from(self.0));
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
    fn describe(d: &mut heap_walk::Describe<'_>) {
        d.leaf();
    }
}

fn keys() {
    let keys: Vec<Key32> = [7, 9, 7].map(Key32).into();
    let snapshot = take(&[("keys", &keys)]);
    let _tool = ToolScope::enter();
    let numbers: Vec<u64> = snapshot
        .edges
        .iter()
        .filter(|edge| edge.kind == EdgeKind::KEY)
        .map(|edge| match edge.target {
            Target::Key(key) => key,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, [7, 9, 7]);
    assert!(analyse(snapshot).ledger().closes);
}

#[derive(Walk)]
struct Body {
    name: String,
    parts: Parts,
    promoted: Vec<Body>,
    /// Positions in a table of the root `session`.
    files: [FileId; 2],
}

#[derive(Walk)]
struct Parts {
    locals: Vec<[u64; 3]>,
    uses: Vec<Use>,
    next: Option<Local>,
}

#[derive(Walk)]
enum Use {
    Copy(u8, Local),
    Boxed(Box<Local>),
}

#[derive(Walk)]
#[walk(key)]
struct Local(u32);

#[derive(Walk)]
#[walk(key = "Sources::files")]
struct FileId(u16);

#[derive(Walk)]
struct Sources {
    other: Vec<u64>,
    files: Box<[String]>,
}

fn body(locals: u64, uses: &[u32]) -> Body {
    let a_use = |(at, local): (usize, &u32)| match at % 2 {
        0 => Use::Copy(1, Local(*local)),
        _ => Use::Boxed(Box::new(Local(*local))),
    };
    let uses = uses.iter().enumerate().map(a_use).collect();
    let parts = Parts { locals: (0..locals).map(|n| [n; 3]).collect(), uses, next: None };
    Body { name: "body".into(), parts, promoted: Vec::new(), files: [FileId(0), FileId(1)] }
}

/// A key leads to the entry of the nearest table around it, else of a root's that is a part of the same.
fn keys_lead_to_entries() {
    let session = Sources { other: vec![1], files: Box::new(["a".into(), "b".into()]) };
    let mut outer = body(3, &[0, 1, 2]);
    outer.promoted = vec![body(5, &[4]), body(2, &[1, 2])];
    outer.promoted[0].parts.next = Some(Local(3));
    let loose = vec![Local(2), Local(7)];
    let (context, elsewhere) = (vec![1_u64], vec![Local(1)]);
    let snapshot = take(&[
        ("cx", &context),
        ("cx.session", &session),
        ("cx.body", &outer),
        ("cx.loose", &loose),
        ("elsewhere", &elsewhere),
    ]);
    let _tool = ToolScope::enter();
    let config = "[[key]]\nmatch = \"*::Local\"\ntable = \"*::Body::parts.locals\"\nroot = \"cx.body\"\n\
                  [[key]]\nmatch = \"*::FileId\"\ntable = \"*::Sources::files\"\nroot = \"cx.session\"\n";
    let config = Config::parse(config, "test").unwrap();
    let heap = Heap::from_snapshot(snapshot);
    let analysis = Analysis::new(Arc::new(heap), Arc::new(config.clone()), Lens::default());
    assert!(analysis.ledger().closes);
    let rows: Vec<_> = analysis
        .keys()
        .into_iter()
        .map(|row| (row.table, row.keys, row.distinct, row.linked, row.dangling))
        .collect();
    assert_eq!(
        rows,
        [
            ("Body::parts.locals".into(), 9, 6, 7, 2),
            ("Sources::files".into(), 6, 2, 6, 0),
            (String::new(), 1, 1, 0, 0)
        ]
    );
    // Tables by where they are in memory, and entries of them.
    let bodies = [&outer, &outer.promoted[0], &outer.promoted[1]];
    let locals = bodies.map(|body| body.parts.locals.as_ptr() as usize as u64);
    let files = session.files.as_ptr() as usize as u64;
    let mut expected: Vec<(u64, String)> = [(0, 0), (0, 1), (0, 2), (1, 4), (1, 3), (2, 1), (0, 2)]
        .map(|(body, local): (usize, u32)| (locals[body], format!("[{local}]")))
        .to_vec();
    for _ in 0..bodies.len() {
        expected.extend([(files, "[0]".into()), (files, "[1]".into())]);
    }
    let heap = analysis.heap();
    let mut found = Vec::new();
    for table in locals.into_iter().chain([files]) {
        let detail = analysis.node(heap.node_at(table).unwrap()).unwrap();
        let keys = detail.holders.into_iter().filter(|holder| holder.edge == "key");
        found.extend(keys.map(|holder| (table, holder.into)));
    }
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let dangling: Vec<(u64, u64)> = analysis.dangling_keys(9).iter().map(|row| (row.key, row.len)).collect();
    assert_eq!(dangling, [(2, 2), (7, 3)], "in the second promoted body, and in `loose`");
    // Under the lens `key` the tables are not solely their owners'.
    let lens = Lens::default() | Lens::KEY;
    let again = Analysis::new(heap.clone(), Arc::new(config), lens);
    assert!(Arc::ptr_eq(heap, again.heap()), "the heap has these edges already");
    let in_all = |analysis: &Analysis| {
        analysis.roots().iter().find(|row| row.name == "cx.loose").unwrap().sizes.in_all
    };
    assert_eq!(in_all(&again) - in_all(&analysis), {
        let locals = outer.parts.locals.as_ptr() as u64;
        heap.shallow(heap.node_at(locals).unwrap())
    });
    // Without the config the program's own names are left.
    let plain = Analysis::new(heap.clone(), Arc::default(), Lens::default());
    let rows: Vec<_> = plain.keys().into_iter().map(|row| (row.table, row.keys, row.linked)).collect();
    assert_eq!(rows, [(String::new(), 10, 0), ("Sources::files".into(), 6, 0)]);
}

#[derive(Walk)]
struct User {
    name: String,
    tags: Vec<String>,
}

fn user(n: usize) -> User {
    User { name: "n".repeat(n), tags: vec!["t".repeat(n)] }
}

trait Unwalked {
    fn number(&self) -> usize;
}

struct Hidden(Vec<u64>, u8);

impl Unwalked for Hidden {
    fn number(&self) -> usize {
        self.0.len() + usize::from(self.1)
    }
}

struct Handlers {
    handlers: Vec<Box<dyn Unwalked>>,
}

impl Walk for Handlers {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        static HANDLER: heap_walk::Label = heap_walk::Label::field("handlers");
        for handler in &self.handlers {
            w.visit_opaque_box(&HANDLER, handler);
        }
        w.visit_opaque(&HANDLER, &self.handlers);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

fn behind_dyn(judge: &mut Judge) {
    heap_walk::register::<User>();
    judge.check("dyn Any, named", || {
        let stores: Vec<Box<dyn Any + Send>> = vec![Box::new(user(30)), Box::new(user(3))];
        stores
    });
    judge.check("dyn Any, not named", || {
        let stores: Vec<Box<dyn Any>> = vec![Box::new((1u8, vec![1u64])), Box::new(7u32)];
        stores
    });
    judge.check("dyn Any, over-aligned", || {
        #[repr(align(64))]
        struct Aligned([u8; 70]);
        #[repr(align(32))]
        struct Small(u8);
        let aligned: Rc<dyn Any> = Rc::new(Aligned([1; 70]));
        assert_eq!(aligned.downcast_ref::<Aligned>().map(|aligned| aligned.0[69]), Some(1));
        let small: Box<dyn Any> = Box::new(Small(1));
        assert_eq!(small.downcast_ref::<Small>().map(|small| small.0), Some(1));
        (aligned, small, Rc::new(7u8) as Rc<dyn Any>)
    });
    judge.check("dyn without an impl", || {
        let handlers: Vec<Box<dyn Unwalked>> = vec![Box::new(Hidden(vec![1; 9], 1))];
        assert_eq!(handlers[0].number(), 10);
        Handlers { handlers }
    });
    let handlers = Handlers { handlers: vec![Box::new(Hidden(vec![1; 9], 1))] };
    let snapshot = take(&[("handlers", &handlers)]);
    let _tool = ToolScope::enter();
    let [value] = snapshot.dyn_values.as_slice() else { panic!("{:?}", snapshot.dyn_values) };
    assert_eq!(value.size, size_of::<Hidden>() as u64);
    assert!(value.functions.len() >= 2 && value.functions[0] != 0, "{value:?}");
    let image = &snapshot.images[value.image as usize];
    let this = std::env::current_exe().expect("the path of this test");
    assert_eq!(std::path::Path::new(&image.path), this.canonicalize().expect("a path"));
    // The vtable's symbols say what is behind it.
    let analysis = analyse(snapshot);
    let rows = analysis.types();
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.contains(&"Box<dyn walk::Unwalked = walk::Hidden>"), "{names:?}");
}

/// What two opaque fields lead to belongs to the one that is nearer.
fn raw_claims() {
    #[expect(clippy::redundant_allocation, reason = "two steps away")]
    #[derive(Walk)]
    struct Opaque {
        #[walk(opaque)]
        near: Rc<[u64; 100]>,
        #[walk(opaque)]
        far: Box<Box<Rc<[u64; 100]>>>,
    }
    let near = Rc::new([1; 100]);
    let opaque = Opaque { far: Box::new(Box::new(near.clone())), near };
    assert_eq!(opaque.near[0], opaque.far[99]);
    let snapshot = take(&[("opaque", &opaque)]);
    let _tool = ToolScope::enter();
    let claims: Vec<(&str, u64)> = (0..snapshot.nodes.count())
        .map(|id| snapshot.nodes.get(id))
        .filter(|node| node.edge == EdgeKind::CLAIM_RAW && node.parent == Some(0))
        .map(|node| (snapshot.labels[node.label.0 as usize].name.as_str(), node.place))
        .collect();
    let places = [&raw const opaque.near as u64, &raw const opaque.far as u64];
    assert_eq!(claims, [("near", places[0]), ("far", places[1])]);
    let shared = Rc::as_ptr(&opaque.near) as u64;
    let near = (0..snapshot.nodes.count())
        .map(|id| snapshot.nodes.get(id))
        .find(|node| node.edge == EdgeKind::CLAIM_RAW && (node.addr..node.addr + 100).contains(&shared))
        .expect("claimed");
    assert_eq!(near.parent, Some(0), "by the field, not by what lies behind the other");
}

/// An impl that reports one field and panics before the other.
struct Faulty {
    kind: Option<u64>,
    before: Vec<String>,
    after: Vec<String>,
}

impl Walk for Faulty {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.field("kind", &self.kind);
        w.field("before", &self.before);
        assert!(self.after.is_empty(), "a fault");
        w.field("after", &self.after);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

fn panics() {
    let text = |n: usize| vec!["z".repeat(n); 3];
    let value: Vec<Box<Faulty>> = (0..40)
        .map(|n| {
            let after = if n % 10 == 5 { text(8) } else { Vec::new() };
            Box::new(Faulty { kind: Some(n), before: text(20), after })
        })
        .collect();
    let locked = Mutex::new(vec![Box::new(Faulty { kind: None, before: text(20), after: text(8) })]);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let snapshot = take(&[("value", &value), ("locked", &locked)]);
    assert!(locked.try_lock().is_ok(), "released");
    let report = measure(&value);
    assert_eq!((report.unreadable, report.problems.len()), (4, 4), "{report:?}");
    let faulty = 4 * size_of::<Faulty>() as u64;
    assert_eq!(report.split.untyped, faulty, "nothing is said of a value that says only a part");
    assert!(locked.try_lock().is_ok() && measure(&locked).unreadable == 1 && locked.try_lock().is_ok());
    std::panic::set_hook(hook);
    let _tool = ToolScope::enter();
    assert_eq!(snapshot.unreadable.len(), 5);
    assert!(snapshot.unreadable.iter().all(|part| part.reason == "panicked"));
    let texts = (0..snapshot.nodes.count())
        .filter(|&id| snapshot.node_types[snapshot.nodes.get(id).ty.0 as usize].container == "String")
        .count();
    assert_eq!(texts, 41 * 3, "all that was reported before each fault, and all values around it");
    let analysis = analyse(snapshot);
    let ledger = analysis.ledger();
    assert!(ledger.mismatches.is_empty(), "{:#?}", ledger.mismatches);
    assert_eq!(ledger.difference, Some(0));
}

#[derive(Walk)]
struct Row {
    name: String,
    weight: u32,
}

#[derive(Walk)]
struct Rows {
    id: u64,
    rows: Vec<Row>,
}

#[derive(Walk)]
struct Views<'r> {
    row: &'r Row,
    weight: &'r u32,
    whole: &'r Rows,
    id: Option<&'r u64>,
}

/// An arc ends at the place in its node that the reference points to.
fn references() {
    let rows = (0..9).map(|n| Row { name: "n".repeat(n), weight: n as u32 }).collect();
    let table = Box::new(Rows { id: 1, rows });
    let views =
        Views { row: &table.rows[3], weight: &table.rows[5].weight, whole: &table, id: Some(&table.id) };
    let snapshot = take(&[("table", &table), ("views", &views)]);
    let _tool = ToolScope::enter();
    let analysis = analyse(snapshot);
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
    let arcs_at = |addr: usize| {
        let node = analysis.heap().node_at(addr as u64).expect("a node");
        let holders = analysis.node(node).expect("a node").holders;
        let mut arcs: Vec<(String, String)> = holders
            .into_iter()
            .filter(|holder| holder.edge != "own")
            .map(|holder| (holder.place, holder.into))
            .collect();
        arcs.sort();
        arcs
    };
    let arc = |from: &str, into: &str| (from.to_owned(), into.to_owned());
    assert_eq!(arcs_at(table.rows.as_ptr() as usize), [arc("row", "[3]"), arc("weight", "[5].weight")]);
    assert_eq!(arcs_at(std::ptr::from_ref(&*table) as usize), [arc("id", "id"), arc("whole", "")]);
}

/// Memory that no allocator gave, as a memory map is.
static TABLE: [u8; 3 * 4096] = [7; 3 * 4096];

struct Mapped {
    table: &'static [u8],
    name: String,
}

impl Walk for Mapped {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let place = std::ptr::from_ref(&self.table) as usize;
        w.region(place, "table", self.table.as_ptr() as usize, self.table.len());
        w.field("name", &self.name);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

/// A region is there with address, length and name, and in nobody's sum.
fn regions() {
    let mapped = Mapped { table: &TABLE, name: "m".repeat(100) };
    let report = heap_walk::measure(&mapped);
    assert_eq!((report.blocks, report.in_all), (1, 112));
    drop(report);
    let snapshot = take(&[("mapped", &mapped)]);
    let _tool = ToolScope::enter();
    let mut nodes = (0..snapshot.nodes.count()).map(|id| snapshot.nodes.get(id));
    let is_region = |node: &heap_snapshot::record::Node| {
        Layout(snapshot.node_types[node.ty.0 as usize].layout) == Layout::REGION
    };
    let region = nodes.find(is_region).expect("the region");
    assert_eq!((region.addr, region.len_cap), (TABLE.as_ptr() as u64, Some((3 * 4096, 3 * 4096))));
    assert_eq!(snapshot.labels[region.label.0 as usize].name, "table");
    let analysis = analyse(snapshot);
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
    let summary = analysis.summary();
    assert_eq!((summary.regions, summary.region_bytes), (1, 3 * 4096));
    let root = &analysis.roots()[0];
    assert_eq!((root.sizes.alone, root.sizes.in_all), (112, 112));
}

/// Usable bytes of the program's live blocks that were born in `make`.
fn given<T>(make: impl FnOnce() -> T) -> (T, u64, u64) {
    let epoch = tracking_alloc::blocks().begin().0;
    tracking_alloc::blocks().end();
    let value = make();
    let (mut blocks, mut bytes) = (0, 0);
    tracking_alloc::blocks().for_each(&mut |block| {
        if block.epoch == epoch && !block.is_tool {
            blocks += 1;
            bytes += block.usable;
        }
    });
    (value, blocks, bytes)
}

/// What the quick way says, which is what the one that keeps paths says; and every byte is told once.
fn measure<T: ?Sized + heap_walk::Walk>(value: &T) -> heap_walk::Report {
    let report = heap_walk::measure(value);
    assert_eq!(report, heap_walk::measure_paths(value).0);
    assert_eq!(report.split.total() + report.rounding, report.in_all, "{report:?}");
    report
}

/// A lock that is borrowed, as if it stood here.
struct InPlace<'v>(&'v (&'v Mutex<Vec<User>>, Vec<User>));

impl Walk for InPlace<'_> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.0 .0.walk(w);
        w.field("users", &self.0 .1);
    }
    fn shape(&self) -> &'static Shape {
        Shape::of::<Self>()
    }
}

/// All that a report can say, and no more than ten types of it.
fn a_report_is_a_small_table() {
    let types = (1..=12).rev().map(|n| TypeRow { name: format!("Vec<u{n}>"), blocks: n, bytes: 100 * n });
    let report = Report {
        in_all: 123_456,
        alone: 7,
        blocks: 78,
        split: Split { payload: 1, padding: 2, dead: 3, overhead: 4, spare: 5, untyped: 6 },
        rounding: 8,
        types: types.collect(),
        unreadable: 9,
        is_estimate: true,
        problems: vec!["root `value` panicked".into()],
    };
    assert_eq!(report.slack(), 2 + 3 + 4 + 5 + 8);
    let lines = [
        "        123456 bytes in 78 blocks (estimated: no tracking allocator)",
        "             7 alone",
        "             1 payload",
        "             2 padding",
        "             3 dead variant space",
        "             4 container overhead",
        "             5 spare capacity",
        "             8 rounding",
        "             6 untyped",
        "          1200 12 × Vec<u12>",
        "          1100 11 × Vec<u11>",
        "          1000 10 × Vec<u10>",
        "           900 9 × Vec<u9>",
        "           800 8 × Vec<u8>",
        "           700 7 × Vec<u7>",
        "           600 6 × Vec<u6>",
        "           500 5 × Vec<u5>",
        "           400 4 × Vec<u4>",
        "           300 3 × Vec<u3>",
        "           300 in 2 more types",
        "             9 parts could not be read",
        "root `value` panicked",
    ];
    assert_eq!(report.to_string().lines().collect::<Vec<_>>(), lines);
}

fn reports() {
    let (users, blocks, bytes) = given(|| (0..50).map(user).collect::<Vec<_>>());
    let report = measure(&users);
    assert_eq!((report.blocks, report.in_all), (blocks, bytes));
    assert_eq!(report.alone, bytes);
    assert_eq!(report.split.total() + report.rounding, bytes, "{report:?}");
    assert_eq!(report.split.untyped, 0);
    assert!(!report.is_estimate && report.unreadable == 0 && report.problems.is_empty());
    assert_eq!(report.types.iter().map(|row| row.bytes).sum::<u64>(), bytes);
    assert!(report.to_string().contains("spare capacity") || report.split.spare == 0);
    let (_, paths) = heap_walk::measure_paths(&users);
    assert_eq!(paths.iter().map(|row| row.bytes).sum::<u64>(), bytes);
    assert!(paths.iter().any(|row| row.name == "[].tags[]"), "{paths:?}");
    drop((report, paths));

    // Shared with somebody outside, directly and through what that holds.
    let inner = Arc::new(vec![1u64; 100]);
    let held = Arc::new((inner.clone(), "h".repeat(100)));
    let value = (held.clone(), inner, vec![held.clone()], vec![0u8; 1000]);
    let report = measure(&value);
    let alone = measure(&value.3).in_all + measure(&vec![0usize; 1]).in_all;
    assert_eq!(report.alone, alone, "the vector of bytes, and the one that holds a handle");
    drop(held);
    let report = measure(&value);
    assert_eq!(report.alone, report.in_all, "now nobody else has a handle");

    // A list does not make a path for each of its links.
    #[derive(Walk)]
    struct Link {
        next: Option<Box<Link>>,
    }
    let mut list = None;
    for _ in 0..1000 {
        list = Some(Box::new(Link { next: list }));
    }
    let (report, paths) = heap_walk::measure_paths(&list);
    assert_eq!(report.blocks, 1000);
    assert!(paths.len() <= 2, "{paths:?}");

    heap_walk::assert_within!(&users, in_all <= bytes, blocks <= blocks, untyped <= 0);
    let fails = |check: fn(&Vec<User>), users: &Vec<User>| {
        let message = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(users)));
        *message.expect_err("over budget").downcast::<String>().expect("a message")
    };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let message = fails(|users| heap_walk::assert_within!(users, in_all <= 100, spare <= 1 << 40), &users);
    assert!(message.contains("in_all is") && message.contains("users[].tags[]"), "{message}");
    assert!(!message.contains("spare is"), "{message}");
    let message = fails(|users| heap_walk::assert_within!(users, in_all <= 100), &Vec::new());
    assert!(message.contains("nothing was measured"), "{message}");
    let hidden = Mutex::new(vec![user(3)]);
    let guard = hidden.lock().expect("free");
    let value = (&hidden, vec![user(3)]);
    let check = || heap_walk::assert_within!(&InPlace(&value), in_all <= 1 << 40);
    let message =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).expect_err("not all is known");
    let message = *message.downcast::<String>().expect("a message");
    assert!(message.contains("1 parts could not be read, so the budget is not known to hold"), "{message}");
    drop(guard);
    heap_walk::assert_within!(&InPlace(&value), in_all <= 1 << 40);
    std::panic::set_hook(hook);
    let rc: Rc<str> = Rc::from("unsized");
    assert_eq!(measure(&*rc).blocks, 0, "the value's own bytes are not what it holds");
}

fn main() {
    arenas();
    keys();
    keys_lead_to_entries();
    panics();
    references();
    regions();
    raw_claims();
    reports();
    a_report_is_a_small_table();
    Judge::run("walk", &["dyn Any, not named", "dyn without an impl"], &[], behind_dyn);
}
