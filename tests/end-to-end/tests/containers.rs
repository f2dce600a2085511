//! The allocator judges every container: the blocks and bytes that the walk
//! claims are those that the allocator gave the value, no more, no fewer, and
//! each divides into its usable size.

use end_to_end::judge::Judge;
use heap_walk::Walk;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::BuildHasherDefault;
use std::path::PathBuf;
use std::rc::{self, Rc};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

fn strings(count: usize) -> Vec<String> {
    (0..count).map(|n| "x".repeat(n % 40)).collect()
}

#[derive(Walk, Clone)]
enum Uneven {
    Nothing,
    Small(u8),
    Large { text: String, numbers: [u64; 6] },
    Boxed(Box<Uneven>),
}

fn uneven(depth: usize) -> Uneven {
    match depth % 4 {
        0 => Uneven::Nothing,
        1 => Uneven::Small(depth as u8),
        2 => Uneven::Large { text: "y".repeat(depth), numbers: [1; 6] },
        _ => Uneven::Boxed(Box::new(uneven(depth / 2))),
    }
}

#[derive(Walk)]
struct Nothing;

#[derive(Walk, PartialEq, Eq, Hash, PartialOrd, Ord, Clone)]
struct Padded {
    a: u8,
    b: u64,
    c: u16,
}

fn padded(n: u64) -> Padded {
    Padded { a: n as u8, b: n, c: n as u16 }
}

trait Shape: Walk {
    fn sides(&self) -> usize;
}

#[derive(Walk)]
struct Polygon {
    corners: Vec<(f64, f64)>,
}

impl Shape for Polygon {
    fn sides(&self) -> usize {
        self.corners.len()
    }
}

#[derive(Walk)]
struct Circle {
    radius: f64,
}

impl Shape for Circle {
    fn sides(&self) -> usize {
        usize::from(self.radius > 0.0)
    }
}

#[derive(Walk)]
struct Opaque {
    #[walk(opaque)]
    hidden: Vec<String>,
    shown: Vec<String>,
    #[walk(skip)]
    skipped: u32,
}

type FixedHash = BuildHasherDefault<std::hash::DefaultHasher>;

fn sequences(judge: &mut Judge) {
    judge.check("Box", || Box::new(7u64));
    judge.check("Box tiny", || (Box::new(1u8), Box::new(2u8), Box::new([3u8; 8])));
    judge.check("Box zero-sized", || (Box::new(()), Box::new(Nothing)));
    judge.check("Box over-aligned", || {
        #[derive(Walk)]
        #[repr(align(64))]
        struct Aligned(u8);
        vec![Box::new(Aligned(1)), Box::new(Aligned(2))]
    });
    judge.check("Box<[T]>", || strings(9).into_boxed_slice());
    judge.check("Box<[T]> empty", || (Vec::<u64>::new().into_boxed_slice(), vec![(); 5].into_boxed_slice()));
    judge.check("Box<str>", || ("hello".to_owned().into_boxed_str(), String::new().into_boxed_str()));
    judge.check("Box<dyn>", || {
        let shapes: Vec<Box<dyn Shape>> =
            vec![Box::new(Polygon { corners: vec![(0.0, 1.0); 5] }), Box::new(Circle { radius: 1.0 })];
        assert_eq!(shapes.iter().map(|shape| shape.sides()).sum::<usize>(), 6);
        shapes
    });
    judge.check("Vec", || strings(1000));
    judge.check("Vec with room", || {
        let mut vec = Vec::with_capacity(100);
        vec.extend(strings(3));
        vec
    });
    judge.check("Vec emptied", || {
        let mut vec = strings(50);
        vec.clear();
        vec
    });
    judge.check("Vec retained", || {
        let mut vec = strings(500);
        vec.retain(|text| text.len() % 3 == 0);
        vec.remove(1);
        vec.swap_remove(1);
        vec.truncate(90);
        vec
    });
    judge.check("Vec shrunk", || {
        let mut vec = strings(500);
        vec.truncate(7);
        vec.shrink_to_fit();
        vec
    });
    judge.check("Vec zero-sized", || (vec![(); 1000], vec![Nothing, Nothing]));
    judge.check("Vec of nothing", Vec::<String>::new);
    judge.check("String", || {
        let mut text = String::with_capacity(1000);
        text.push('ä');
        (text, String::new(), "abc".to_owned())
    });
    judge.check("PathBuf", || (PathBuf::from("/usr/share"), std::ffi::OsString::from("name")));
    judge.check("array", || [strings(3), strings(0), strings(1)]);
    judge.check("tuple", || (1u8, strings(2), 2u64, Some(Box::new(3u16))));
    judge.check("Option and Result", || {
        let results: Vec<Result<String, Box<u32>>> =
            vec![Ok("fine".into()), Err(Box::new(7)), Ok(String::new())];
        let options: Vec<Option<Box<u64>>> = vec![None, Some(Box::new(1)), None];
        let wide: Vec<Option<u64>> = vec![None, Some(1)];
        (results, options, wide)
    });
    judge.check("Cow", || {
        let cows: Vec<Cow<'static, str>> = vec![Cow::Borrowed("static"), Cow::Owned("owned".to_owned())];
        cows
    });
    judge.check("enum", || (0..200).map(uneven).collect::<Vec<_>>());
    judge.check("VecDeque", || {
        let mut deque: VecDeque<String> = strings(100).into();
        deque.rotate_left(30);
        deque.drain(..20);
        deque.extend(strings(15));
        deque
    });
    judge.check("VecDeque emptied", || {
        let mut deque: VecDeque<u64> = (0..100).collect();
        deque.clear();
        deque
    });
    judge.check("VecDeque of a slice", || VecDeque::from(vec![1u8]));
    judge.check("BinaryHeap", || strings(100).into_iter().collect::<BinaryHeap<_>>());
    judge.check("LinkedList", || strings(100).into_iter().collect::<LinkedList<_>>());
    judge.check("LinkedList of numbers", || (0..100u16).collect::<LinkedList<_>>());
}

fn tables(judge: &mut Judge) {
    judge.check("HashMap", || {
        strings(1000).into_iter().enumerate().map(|(n, text)| (n, vec![text])).collect::<HashMap<_, _>>()
    });
    judge.check("HashMap of every size", || {
        (0..130usize)
            .map(|len| (0..len as u64).map(|n| (n, padded(n))).collect::<HashMap<_, _>>())
            .collect::<Vec<_>>()
    });
    judge.check("HashMap of tiny entries", || {
        (0..70usize)
            .map(|len| (0..len as u8).map(|n| (n, ())).collect::<HashMap<_, _, FixedHash>>())
            .collect::<Vec<_>>()
    });
    judge.check("HashMap emptied", || {
        let mut map: HashMap<u64, String> = (0..100).map(|n| (n, "z".repeat(9))).collect();
        map.clear();
        map
    });
    judge.check("HashMap of one, removed", || {
        let mut map = HashMap::new();
        map.insert(String::from("key"), String::from("value"));
        map.remove("key");
        map
    });
    judge.check("HashMap retained", || {
        let mut map: HashMap<u64, String> = (0..500).map(|n| (n, "z".repeat(9))).collect();
        map.retain(|key, _| key % 7 == 0);
        map
    });
    judge.check("HashMap with room", || {
        (HashMap::<u8, u8>::with_capacity(10_000), HashMap::<Padded, String>::with_capacity(3))
    });
    judge.check("HashMap with zero-sized keys", || {
        let mut map = HashMap::new();
        map.insert((), String::from("value"));
        let mut empty = HashMap::new();
        empty.insert((), ());
        (map, empty)
    });
    judge.check("HashMap without a block", HashMap::<String, String>::new);
    judge.check("HashSet", || strings(300).into_iter().collect::<HashSet<_>>());
    judge.check("HashMap emptied when nearly full", || {
        // Erasing among full groups leaves marks that take room.
        let mut map: HashMap<u64, u64, FixedHash> = (0..112).map(|n| (n, n)).collect();
        for key in 0..112 {
            map.remove(&key);
        }
        let mut set: HashSet<u32, FixedHash> = (0..440).collect();
        set.retain(|_| false);
        (map, set)
    });
    judge.check("HashMap emptied when full", || {
        [3u64, 7, 14, 28, 56, 112, 448].map(|len| {
            let mut map: HashMap<u64, u64, FixedHash> = (0..len).map(|n| (n, n)).collect();
            (0..len).for_each(|n| assert_eq!(map.remove(&n), Some(n)));
            map
        })
    });
    judge.check("Cow of numbers", || {
        let cows: Vec<Cow<'static, u64>> = vec![Cow::Borrowed(&7), Cow::Owned(7)];
        let lists: Vec<Cow<'static, [String]>> = vec![Cow::Borrowed(&[]), Cow::Owned(strings(3))];
        (cows, lists)
    });
    judge.check("HashSet emptied", || {
        let mut set: HashSet<u32> = (0..77).collect();
        set.retain(|_| false);
        set
    });
    judge.check("BTreeMap", || {
        strings(2000).into_iter().enumerate().map(|(n, text)| (n as u16, text)).collect::<BTreeMap<_, _>>()
    });
    judge.check("BTreeMap of every size", || {
        (0..200u64)
            .map(|len| (0..len).map(|n| (padded(n), n as u8)).collect::<BTreeMap<_, _>>())
            .collect::<Vec<_>>()
    });
    judge.check("BTreeMap of padded keys", || {
        (0..50).map(|n| (padded(n), vec![Some(padded(n))])).collect::<BTreeMap<_, _>>()
    });
    judge.check("BTreeMap of trees", || {
        (0..30u32)
            .map(|n| (n, (0..n).map(|m| (m, uneven(m as usize))).collect::<BTreeMap<_, _>>()))
            .collect::<BTreeMap<_, _>>()
    });
    judge.check("BTreeMap thinned", || {
        let mut map: BTreeMap<u64, String> = (0..3000).map(|n| (n, "z".repeat(20))).collect();
        map.retain(|key, _| key % 50 == 0);
        map
    });
    judge.check("BTreeMap emptied", || {
        let mut map: BTreeMap<u64, u32> = (0..100).map(|n| (n, 1)).collect();
        while map.pop_first().is_some() {}
        map
    });
    judge.check("BTreeMap cleared", || {
        let mut map: BTreeMap<u64, String> = (0..100).map(|n| (n, "z".repeat(9))).collect();
        map.clear();
        map
    });
    judge.check("BTreeMap with zero-sized values", || {
        let map: BTreeMap<u64, ()> = (0..100).map(|n| (n, ())).collect();
        let unit: BTreeMap<(), String> = std::iter::once(((), String::from("one"))).collect();
        let empty: BTreeMap<(), ()> = std::iter::once(((), ())).collect();
        (map, unit, empty)
    });
    judge.check("BTreeSet", || strings(500).into_iter().collect::<BTreeSet<_>>());
}

fn shared(judge: &mut Judge) {
    judge.check("Rc", || {
        let rc = Rc::new(strings(5));
        vec![rc.clone(), rc.clone(), rc]
    });
    judge.check("Rc zero-sized", || {
        let unit = Rc::new(());
        (unit.clone(), unit, Rc::new(Nothing), Arc::<[u64]>::from([]), Rc::<str>::from(""))
    });
    judge.check("Rc over-aligned", || {
        #[derive(Walk)]
        #[repr(align(32))]
        struct Aligned([u8; 40]);
        (Rc::new(Aligned([1; 40])), Arc::new(Aligned([2; 40])))
    });
    judge.check("Rc unsized", || {
        let shape: Rc<dyn Shape> = Rc::new(Polygon { corners: vec![(1.0, 2.0)] });
        (Rc::<str>::from("text"), Arc::<[String]>::from(strings(6)), shape, Arc::<[u8]>::from([1, 2, 3]))
    });
    judge.check("Rc in a cycle", || {
        #[derive(Walk)]
        struct Node {
            next: RefCell<Option<Rc<Node>>>,
            back: RefCell<rc::Weak<Node>>,
        }
        let node = || Rc::new(Node { next: RefCell::default(), back: RefCell::default() });
        let (a, b) = (node(), node());
        *a.next.borrow_mut() = Some(b.clone());
        *b.back.borrow_mut() = Rc::downgrade(&a);
        *b.next.borrow_mut() = Some(a.clone());
        a
    });
    judge.check("Weak", || {
        let kept = Rc::new(String::from("kept"));
        (Rc::downgrade(&kept), kept, rc::Weak::<u32>::new(), std::sync::Weak::<String>::new())
    });
    judge.check("Arc", || {
        let arc = Arc::new(Mutex::new(strings(5)));
        let poisoned = Arc::new(Mutex::new(strings(3)));
        (arc.clone(), arc, poisoned)
    });
}

fn cells(judge: &mut Judge) {
    judge.check("RefCell", || (RefCell::new(strings(4)), Box::new(RefCell::new((1u8, Some(2u64))))));
    judge.check("Mutex and RwLock", || {
        let locks: Vec<Mutex<Option<String>>> = vec![Mutex::new(None), Mutex::new(Some("locked".to_owned()))];
        (locks, Box::new(RwLock::new(strings(4))), vec![RwLock::new(1u8), RwLock::new(2)])
    });
    judge.check("OnceCell", || {
        let cells: Vec<OnceCell<String>> = vec![OnceCell::new(), OnceCell::from(String::from("once"))];
        let wide: Vec<OnceCell<u64>> = vec![OnceCell::new(), OnceCell::from(1)];
        let locks: Vec<OnceLock<String>> = vec![OnceLock::new(), OnceLock::from(String::from("once"))];
        (cells, wide, locks)
    });
    judge.check("Cell of numbers", || vec![Cell::new(1u8), Cell::new(2)]);
    judge.check("Cell of a box", || vec![Cell::new(Some(Box::new(String::from("hidden"))))]);
    judge.check("Cell, copied", || {
        #[derive(Walk, Clone, Copy)]
        enum State {
            Idle,
            Busy { since: u64, what: Option<&'static str> },
        }
        #[derive(Walk)]
        struct Task {
            #[walk(copy)]
            state: Cell<State>,
            #[walk(copy)]
            count: Cell<u32>,
        }
        let task = |state| Box::new(Task { state: Cell::new(state), count: Cell::new(1) });
        vec![task(State::Idle), task(State::Busy { since: 1, what: Some("text") })]
    });
    judge.check("opaque", || Opaque { hidden: strings(20), shown: strings(20), skipped: 1 });
    judge.check("references", || {
        let text: &'static str = "text";
        let numbers: &'static [u64] = &[1, 2];
        (vec![text; 3], vec![numbers; 3], vec![Some(&7u8)])
    });
}

fn main() {
    Judge::run("containers", &["Cell of a box", "opaque"], &[], |judge| {
        sequences(judge);
        tables(judge);
        shared(judge);
        cells(judge);
    });
}
