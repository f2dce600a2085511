//! The allocator judges what the derive generates: padding, dead space and
//! discriminants of types of every kind, foreign types that are mirrored,
//! missing or opaque, references that are followed, hidden handles.

use end_to_end::judge::Judge;
use end_to_end::take;
use heap_snapshot::live::ToolScope;
use heap_snapshot::record::{Split, TypeDesc};
use heap_walk::{Owned, Walk};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// Types that nobody can give a `Walk`.
#[expect(unreachable_pub, reason = "stands for another crate")]
mod foreign {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Point {
        pub tag: u8,
        pub name: String,
        pub at: (u32, u64),
    }

    pub struct Guarded<T> {
        pub shown: Vec<T>,
        hidden: Box<u64>,
        pub byte: u8,
    }

    impl<T> Guarded<T> {
        pub fn new(shown: Vec<T>) -> Guarded<T> {
            Guarded { shown, hidden: Box::new(1), byte: 2 }
        }
        pub fn hidden(&self) -> u64 {
            *self.hidden
        }
    }

    pub enum Event {
        Nothing,
        Moved(Point, Point),
        Typed { text: String, times: u16 },
    }

    #[non_exhaustive]
    #[expect(dead_code, reason = "as large as it is")]
    pub enum Open {
        Known(String),
        Large([u64; 9], Box<u8>),
    }

    pub trait Behave: Debug {
        fn behave(&self) -> usize;
    }
    #[derive(Debug)]
    #[expect(dead_code, reason = "as large as it is")]
    pub struct Behaviour(pub Vec<u8>, pub [u64; 5]);
    impl Behave for Behaviour {
        fn behave(&self) -> usize {
            self.0.len()
        }
    }

    /// A pointer whose lowest bit says something.
    pub struct Tagged(usize);
    impl Tagged {
        pub fn new(value: Box<super::Node>, tag: bool) -> Tagged {
            Tagged(Box::into_raw(value) as usize | usize::from(tag))
        }
        #[expect(unsafe_code, reason = "a tagged pointer, as programs have them")]
        pub fn node(&self) -> &super::Node {
            // SAFETY: `new` made it from a box that `drop` takes back.
            unsafe { &*((self.0 & !1) as *const super::Node) }
        }
    }
    impl Drop for Tagged {
        #[expect(unsafe_code, reason = "a tagged pointer, as programs have them")]
        fn drop(&mut self) {
            // SAFETY: `new` made it from a box, and this runs once.
            drop(unsafe { Box::from_raw((self.0 & !1) as *mut super::Node) });
        }
    }
}

fn point(n: usize) -> foreign::Point {
    foreign::Point { tag: n as u8, name: "n".repeat(n % 50), at: (n as u32, n as u64) }
}

fn points(count: usize) -> Vec<foreign::Point> {
    (0..count).map(point).collect()
}

#[derive(Walk)]
#[walk(remote = "foreign::Point")]
struct PointDef {
    tag: u8,
    name: String,
    at: (u32, u64),
}

#[derive(Walk)]
#[walk(remote = "foreign::Guarded<T>", partial)]
struct GuardedDef<T> {
    shown: Vec<T>,
    byte: u8,
}

#[derive(Walk)]
#[walk(remote = "foreign::Event")]
enum EventDef {
    Nothing,
    Moved(#[walk(as = PointDef)] foreign::Point, #[walk(as = PointDef)] foreign::Point),
    Typed { text: String, times: u16 },
}

#[derive(Walk)]
#[walk(remote = "foreign::Open", partial)]
enum OpenDef {
    Known(String),
}

#[derive(Walk)]
struct Ways {
    #[walk(as = PointDef)]
    point: foreign::Point,
    #[walk(as = Vec<PointDef>)]
    list: Vec<foreign::Point>,
    #[walk(as = Option<Box<PointDef>>)]
    boxed: Option<Box<foreign::Point>>,
    #[walk(as = Box<[PointDef]>)]
    slice: Box<[foreign::Point]>,
    #[walk(as = (Rc<PointDef>, Arc<[PointDef]>, _))]
    shared: (Rc<foreign::Point>, Arc<[foreign::Point]>, String),
    #[walk(as = HashMap<_, PointDef>)]
    map: HashMap<String, foreign::Point>,
    #[walk(as = HashMap<PointDef, Vec<PointDef>>)]
    both: HashMap<foreign::Point, Vec<foreign::Point>>,
    #[walk(as = HashSet<PointDef>)]
    set: HashSet<foreign::Point>,
    #[walk(as = BTreeMap<_, PointDef>)]
    tree: BTreeMap<u16, foreign::Point>,
    #[walk(as = BTreeSet<PointDef>)]
    sorted: BTreeSet<foreign::Point>,
    #[walk(as = VecDeque<PointDef>)]
    deque: VecDeque<foreign::Point>,
    #[walk(as = [PointDef; 2])]
    array: [foreign::Point; 2],
    #[walk(as = RefCell<PointDef>)]
    cell: RefCell<foreign::Point>,
    #[walk(as = Mutex<Vec<PointDef>>)]
    lock: Mutex<Vec<foreign::Point>>,
    #[walk(as = RwLock<Option<PointDef>>)]
    shared_lock: RwLock<Option<foreign::Point>>,
    #[walk(as = Result<PointDef, _>)]
    result: Result<foreign::Point, String>,
}

fn ways(n: usize) -> Ways {
    Ways {
        point: point(n),
        list: points(n),
        boxed: (n > 0).then(|| Box::new(point(n))),
        slice: points(n).into_boxed_slice(),
        shared: (Rc::new(point(n)), points(n).into(), "s".repeat(n)),
        map: (0..n).map(|n| (n.to_string(), point(n))).collect(),
        both: (0..n).map(|n| (point(n), points(n))).collect(),
        set: (0..n).map(point).collect(),
        tree: (0..n).map(|n| (n as u16, point(n))).collect(),
        sorted: (0..n).map(point).collect(),
        deque: (0..n).map(point).collect(),
        array: [point(n), point(n + 1)],
        cell: RefCell::new(point(n)),
        lock: Mutex::new(points(n)),
        shared_lock: RwLock::new((n > 1).then(|| point(n))),
        result: if n.is_multiple_of(2) { Ok(point(n)) } else { Err("e".repeat(n)) },
    }
}

#[derive(Walk)]
struct Mirrors {
    #[walk(as = Vec<EventDef>)]
    events: Vec<foreign::Event>,
    #[walk(as = Box<GuardedDef<String>>)]
    guarded: Box<foreign::Guarded<String>>,
    #[walk(as = Vec<OpenDef>)]
    open: Vec<foreign::Open>,
}

fn mirrors() -> Mirrors {
    let guarded = Box::new(foreign::Guarded::new(vec!["x".repeat(40); 3]));
    assert_eq!(guarded.hidden(), 1);
    Mirrors {
        events: vec![
            foreign::Event::Nothing,
            foreign::Event::Moved(point(3), point(40)),
            foreign::Event::Typed { text: "t".repeat(20), times: 1 },
        ],
        guarded,
        open: vec![
            foreign::Open::Known("known".into()),
            foreign::Open::Large([1; 9], Box::new(1)),
            foreign::Open::Known(String::new()),
        ],
    }
}

/// Nothing but the attribute, over types without a `Walk`.
#[derive(Walk)]
#[walk(missing = opaque)]
struct Lenient<'a, T> {
    generic: Vec<T>,
    walked: Vec<String>,
    point: foreign::Point,
    list: Vec<foreign::Point>,
    map: HashMap<String, foreign::Point>,
    boxed: Box<foreign::Point>,
    dynamic: Box<dyn foreign::Behave>,
    counted: Vec<Rc<u8>>,
    shared: Rc<dyn foreign::Behave>,
    again: Arc<foreign::Behaviour>,
    borrowed: &'a foreign::Point,
    borrowed_list: Vec<&'a str>,
    recursive: Vec<LenientOther<'a>>,
    number: u32,
    plain: std::sync::mpsc::TryRecvError,
}

#[derive(Walk)]
#[walk(missing = opaque)]
enum LenientOther<'a> {
    Back(Vec<Lenient<'a, u8>>),
    Foreign(foreign::Point, &'a foreign::Point),
    Dyn { dynamic: Box<dyn foreign::Behave>, count: u8 },
    Nothing,
}

fn lenient<'a, T>(point: &'a foreign::Point, generic: Vec<T>, depth: usize) -> Lenient<'a, T> {
    let behaviour = |n: usize| foreign::Behaviour(vec![1; n], [0; 5]);
    let shared: Rc<dyn foreign::Behave> = Rc::new(behaviour(10));
    assert_eq!(shared.behave(), 10);
    let recursive = match depth {
        0 => Vec::new(),
        depth => vec![
            LenientOther::Back(vec![lenient(point, vec![1], depth - 1)]),
            LenientOther::Foreign(point.clone(), point),
            LenientOther::Dyn { dynamic: Box::new(behaviour(11)), count: 1 },
            LenientOther::Nothing,
        ],
    };
    Lenient {
        generic,
        walked: vec!["w".repeat(30); 3],
        point: point.clone(),
        list: points(5),
        map: (0..5).map(|n| (n.to_string(), self::point(n))).collect(),
        boxed: Box::new(self::point(7)),
        dynamic: Box::new(behaviour(12)),
        counted: vec![Rc::new(1)],
        shared,
        again: Arc::new(behaviour(13)),
        borrowed: point,
        borrowed_list: vec!["static"],
        recursive,
        number: 1,
        plain: std::sync::mpsc::TryRecvError::Empty,
    }
}

#[derive(Walk)]
struct Opaque {
    #[walk(opaque)]
    dynamic: Box<dyn foreign::Behave>,
    #[walk(opaque)]
    shared: Arc<dyn foreign::Behave>,
    #[walk(missing = opaque)]
    one: Vec<foreign::Point>,
    text: String,
}

#[derive(Walk)]
struct Node {
    text: String,
    kind: Option<Box<u16>>,
}

fn node(n: usize) -> Node {
    Node { text: "n".repeat(n), kind: n.is_multiple_of(2).then(|| Box::new(1)) }
}

fn boxed_node(tagged: &foreign::Tagged) -> Owned<'_, Node> {
    Owned(tagged.node())
}

fn maybe_node(tagged: &Option<foreign::Tagged>) -> Option<Owned<'_, Node>> {
    tagged.as_ref().map(|tagged| Owned(tagged.node()))
}

#[derive(Walk)]
struct Hidden {
    #[walk(via = boxed_node)]
    tagged: foreign::Tagged,
    #[walk(via = maybe_node)]
    maybe: Option<foreign::Tagged>,
    #[walk(via = maybe_node, follow)]
    none: Option<foreign::Tagged>,
}

/// A newtype that disappears.
#[derive(Walk)]
#[walk(transparent)]
struct Wrapper<T>(T, std::marker::PhantomData<u8>);

#[derive(Walk)]
#[walk(transparent)]
struct Choice {
    inside: Option<Box<u64>>,
}

#[derive(Walk)]
#[repr(C, packed)]
struct Packed {
    a: u8,
    b: u32,
    c: (u16, u8),
    choice: Small,
    #[walk(skip)]
    skipped: [u8; 3],
    borrowed: &'static str,
}

#[derive(Walk, Clone, Copy)]
enum Small {
    None,
    Some(u32),
}

#[derive(Walk)]
#[repr(Rust, packed(2))]
struct PackedGeneric<T: Copy>(u8, T);

#[derive(Walk)]
struct Tail<T: ?Sized> {
    byte: u8,
    text: String,
    tail: T,
}

#[derive(Walk)]
enum Uneven<T, const N: usize> {
    A,
    B(T, u8),
    C { array: [T; N], flag: bool },
    D(Box<Uneven<T, N>>, u16, u64),
}

#[derive(Walk)]
#[repr(u8)]
enum Numbered<T> {
    A(u8, T, u16),
    B { x: u64 },
    C,
}

#[derive(Walk)]
#[repr(C)]
struct Ordered<T> {
    a: u8,
    b: T,
    c: u8,
}

#[derive(Walk, Clone, Copy, PartialEq, Eq, Hash)]
#[walk(key = "Body::locals")]
struct Local(u32);

#[derive(Walk, Clone, Copy)]
#[walk(key)]
struct Outer<T>(T);

#[derive(Walk)]
struct Keys {
    locals: Vec<Local>,
    map: HashMap<Local, String>,
    #[walk(key = "Files::names")]
    file: usize,
    #[walk(key)]
    outer: Outer<Local>,
    plain: Option<Outer<u16>>,
}

#[derive(Walk)]
enum Json {
    Null,
    Array(Vec<Self>),
    Object(HashMap<String, Self>),
}

fn json(depth: usize) -> Json {
    match depth {
        0 => Json::Null,
        depth => Json::Object(
            (0..3).map(|n| (n.to_string(), Json::Array(vec![json(depth - 1), Json::Null]))).collect(),
        ),
    }
}

fn mirrored(judge: &mut Judge) {
    for n in [0, 1, 2, 3, 17] {
        judge.check("ways", || ways(n));
    }
    judge.check("ways emptied", || {
        let mut value = ways(20);
        value.map.clear();
        value.both.retain(|point, _| point.tag > 10);
        value.deque.clear();
        value.list.truncate(3);
        value.tree.clear();
        value.set.clear();
        value
    });
    judge.check("mirrors", mirrors);
}

fn missing(judge: &mut Judge) {
    let point = {
        let _tool = ToolScope::enter();
        point(9)
    };
    judge.check("lenient", || lenient(&point, vec![String::from("x")], 2));
    judge.check("opaque", || Opaque {
        dynamic: Box::new(foreign::Behaviour(vec![1; 100], [1; 5])),
        shared: Arc::new(foreign::Behaviour(vec![1; 100], [1; 5])),
        one: points(4),
        text: "text".into(),
    });
}

fn layouts(judge: &mut Judge) {
    judge.check("transparent", || {
        (
            Box::new(Wrapper(vec![Wrapper(1u8, Default::default())], Default::default())),
            vec![Choice { inside: Some(Box::new(1)) }, Choice { inside: None }],
            Box::new(Wrapper(Some(1u32), Default::default())),
        )
    });
    judge.check("packed", || {
        let packed = |choice| Packed { a: 1, b: 2, c: (3, 4), choice, skipped: [0; 3], borrowed: "text" };
        (
            vec![packed(Small::None), packed(Small::Some(1))],
            Box::new(packed(Small::Some(2))),
            vec![PackedGeneric(1, 2u64), PackedGeneric(3, 4)],
            Box::new(PackedGeneric(1, Some(2u64))),
        )
    });
    judge.check("unsized tails", || {
        let slice: Box<Tail<[Option<u16>]>> =
            Box::new(Tail { byte: 1, text: "t".into(), tail: [None, Some(1), None] });
        let object: Rc<Tail<dyn Walk>> = Rc::new(Tail { byte: 1, text: "t".into(), tail: vec![1u8, 2] });
        let sized = Box::new(Tail { byte: 1, text: "t".into(), tail: Some(7u32) });
        (slice, object, sized, vec![Tail { byte: 1, text: "u".into(), tail: (1u8, 2u32) }])
    });
    judge.check("enums", || {
        let nested = Uneven::D(Box::new(Uneven::C { array: [1u16; 5], flag: true }), 1, 2);
        (
            vec![Uneven::A, Uneven::B(1, 2), nested],
            Box::new(Uneven::<String, 2>::C { array: ["a".into(), String::new()], flag: false }),
            vec![Uneven::<Option<Box<u8>>, 0>::B(Some(Box::new(1)), 1), Uneven::A],
            vec![Numbered::A(1, 2u64, 3), Numbered::B { x: 1 }, Numbered::C],
            Box::new(Numbered::A(1, 2u8, 3)),
            vec![Ordered { a: 1, b: 2u64, c: 3 }],
            Box::new(Ordered { a: 1, b: Ordered { a: 1, b: 2u16, c: 3 }, c: 3 }),
        )
    });
    judge.check("recursive", || json(4));
    judge.check("keys", || Keys {
        locals: (0..5).map(Local).collect(),
        map: (0..5).map(|n| (Local(n), "l".repeat(n as usize))).collect(),
        file: 7,
        outer: Outer(Local(3)),
        plain: Some(Outer(4)),
    });
    judge.check("hidden", || Hidden {
        tagged: foreign::Tagged::new(Box::new(node(4)), true),
        maybe: Some(foreign::Tagged::new(Box::new(node(5)), false)),
        none: None,
    });
}

/// The definitions, worked out by hand beside what the walk says.
fn definitions() {
    let _tool = ToolScope::enter();
    let values = (
        vec![Uneven::<u64, 2>::A],
        vec![Numbered::<u64>::C],
        vec![Ordered::<u64> { a: 1, b: 2, c: 3 }],
        vec![Packed { a: 1, b: 2, c: (3, 4), choice: Small::None, skipped: [0; 3], borrowed: "" }],
        vec![None::<Box<u8>>],
    );
    let mirrors = mirrors();
    let snapshot = take(&[("values", &values), ("mirrors", &mirrors)]);
    let desc = |name: &str| -> &TypeDesc {
        snapshot.types.iter().find(|ty| ty.name.ends_with(name)).unwrap_or_else(|| panic!("no type {name}"))
    };
    let variant = |ty: &TypeDesc, at: usize| ty.variants[at].split;
    let split = |payload: usize, padding: usize, dead: usize, untyped: usize| Split {
        payload: payload as u64,
        padding: padding as u64,
        dead: dead as u64,
        untyped: untyped as u64,
        ..Split::default()
    };

    // Tuples of 0, 16, 24 and 24 bytes.
    let ty = desc("Uneven<u64, 2>");
    let tag = size_of::<Uneven<u64, 2>>() - 24;
    assert_eq!(ty.discriminant as usize, tag);
    assert_eq!(variant(ty, 0), split(tag, 0, 24, 0));
    assert_eq!(variant(ty, 1), split(tag + 9, 7, 8, 0));
    assert_eq!(variant(ty, 2), split(tag + 17, 7, 0, 0));
    assert_eq!(variant(ty, 3), split(tag + 18, 6, 0, 0));

    // In the order of declaration: 1, 7 for alignment, 8, 2, 6.
    let ty = desc("Numbered<u64>");
    let tag = size_of::<Numbered<u64>>() - 24;
    assert_eq!(ty.discriminant as usize, tag);
    assert_eq!(variant(ty, 0), split(tag + 11, 13, 0, 0));
    assert_eq!(variant(ty, 1), split(tag + 8, 0, 16, 0));
    assert_eq!(variant(ty, 2), split(tag, 0, 24, 0));

    assert_eq!(desc("Ordered<u64>").base, split(10, 14, 0, 0));
    // Of `c` one byte is padding of its own; what is skipped is untyped, and so is what is copied
    // until it was.
    let copied = size_of::<Small>() + size_of::<&str>();
    assert_eq!(desc("derive::Packed").base, split(1 + 4 + 3, 1, 0, 3 + copied));
    // A niche holds no discriminant.
    let ty = desc("Option<alloc::boxed::Box<u8>>");
    assert_eq!((variant(ty, 0), variant(ty, 1)), (split(0, 0, 8, 0), split(8, 0, 0, 0)));

    // The list is a handle, a byte is known; the box and what aligns it all are nobody's.
    assert_eq!(desc("Guarded<alloc::string::String>").base, split(25, 0, 0, 15));
    let ty = desc("foreign::Open");
    assert_eq!((ty.discriminant, ty.variants.len()), (0, 1));
    let rest = size_of::<foreign::Open>() - size_of::<String>();
    assert_eq!(variant(ty, 0), split(size_of::<String>(), 0, 0, rest));
}

fn main() {
    definitions();
    Judge::run("derive", &["mirrors", "lenient", "opaque"], &[], |judge| {
        mirrored(judge);
        missing(judge);
        layouts(judge);
    });
}
