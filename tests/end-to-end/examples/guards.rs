//! The walk's unsafe core on its own, for memcheck and sanitizers: guards of
//! every shape, parked for long and short, released in order and after a panic.
//! Without the tracking allocator: memcheck watches the system's.
//!
//! `cargo xtask deep valgrind`, `cargo xtask deep miri`

use heap_walk::{Walk, Walker};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

#[derive(Walk)]
struct Link {
    text: String,
    next: Option<Rc<RefCell<Link>>>,
    lock: Mutex<Vec<RwLock<Option<Box<u64>>>>>,
}

#[derive(Walk)]
struct Mixed {
    cells: Vec<RefCell<Box<RefCell<String>>>>,
    // Guards of more than two words do not exist for sized values; large values do.
    large: Arc<Mutex<[String; 64]>>,
    map: RwLock<BTreeMap<u32, RefCell<Vec<String>>>>,
    hidden: Cell<Option<Box<u32>>>,
}

/// A type of somebody else's.
mod foreign {
    pub(crate) struct Point {
        pub(crate) names: Vec<String>,
        pub(crate) next: Option<Box<u32>>,
    }
}

#[derive(Walk)]
#[walk(remote = "foreign::Point")]
struct PointDef {
    names: Vec<String>,
    next: Option<Box<u32>>,
}

/// A text and a number in one word, as packed pointers have it.
struct Tagged<'t>(&'t (String, RefCell<String>), u8);

impl<'t> Tagged<'t> {
    fn text(&self) -> &'t (String, RefCell<String>) {
        self.0
    }
}

/// All that makes references out of others.
#[derive(Walk)]
struct Ways<'t> {
    #[walk(as = Vec<PointDef>)]
    points: Vec<foreign::Point>,
    #[walk(as = Mutex<Option<Box<PointDef>>>)]
    locked: Mutex<Option<Box<foreign::Point>>>,
    #[walk(as = RefCell<Rc<PointDef>>)]
    shared: RefCell<Rc<foreign::Point>>,
    #[walk(follow)]
    followed: Vec<&'t RefCell<Link>>,
    #[walk(via = Tagged::text)]
    tagged: Tagged<'t>,
    #[walk(via = Tagged::text, follow)]
    tagged_followed: Tagged<'t>,
    erased: Vec<Box<dyn std::any::Any>>,
    #[walk(missing = opaque)]
    handler: Box<dyn Handler>,
}

trait Handler {
    fn handle(&self) -> usize;
}

impl Handler for String {
    fn handle(&self) -> usize {
        self.len()
    }
}

struct PanicsAt(u32);

impl Walk for PanicsAt {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        assert!(self.0 != 7, "an impl that panics");
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut chain = None;
    // An interpreter takes a thousand times as long.
    let some = |many: u64| if cfg!(miri) { many.min(20) } else { many };
    for n in 0..some(5000) {
        let lock = Mutex::new((0..n % 5).map(|n| RwLock::new(Some(Box::new(n)))).collect());
        chain = Some(Rc::new(RefCell::new(Link { text: n.to_string(), next: chain, lock })));
    }
    let mixed = Mixed {
        cells: (0..some(100)).map(|n| RefCell::new(Box::new(RefCell::new(n.to_string())))).collect(),
        large: Arc::new(Mutex::new(std::array::from_fn(|n| n.to_string()))),
        map: RwLock::new((0..some(300) as u32).map(|n| (n, RefCell::new(vec![n.to_string()]))).collect()),
        hidden: Cell::new(Some(Box::new(1))),
    };
    let panicking: Vec<Mutex<RefCell<PanicsAt>>> =
        (0..20).map(|n| Mutex::new(RefCell::new(PanicsAt(n)))).collect();
    let poisoned = Arc::new(Mutex::new(vec![String::from("poisoned")]));
    let also = poisoned.clone();
    let thread = std::thread::spawn(move || {
        let _guard = also.lock();
        panic!("poisons it");
    });
    assert!(thread.join().is_err());

    let point = |n: u32| foreign::Point { names: vec![n.to_string(); 3], next: Some(Box::new(n)) };
    let lock = || Mutex::new(vec![RwLock::new(Some(Box::new(1)))]);
    let linked: Vec<RefCell<Link>> =
        (0..5).map(|n| RefCell::new(Link { text: n.to_string(), next: None, lock: lock() })).collect();
    let tagged = (String::from("tagged"), RefCell::new(String::from("cell")));
    heap_walk::register::<Mutex<Vec<String>>>();
    let ways = Ways {
        points: (0..20).map(point).collect(),
        locked: Mutex::new(Some(Box::new(point(1)))),
        shared: RefCell::new(Rc::new(point(2))),
        followed: linked.iter().chain(&linked).collect(),
        tagged: Tagged(&tagged, 1),
        tagged_followed: Tagged(&tagged, 2),
        erased: vec![Box::new(Mutex::new(vec![String::from("named")])), Box::new(7u8)],
        handler: Box::new(String::from("handler")),
    };
    assert_eq!(ways.tagged.1 + ways.tagged_followed.1, 3);
    assert_eq!(ways.handler.handle(), 7);
    assert!(heap_walk::measure(&ways).in_all > 0);
    assert!(heap_walk::measure(&mixed).unreadable == 0);

    for _ in 0..if cfg!(miri) { 1 } else { 3 } {
        let roots: [(&str, &dyn Walk); 5] = [
            ("chain", &chain),
            ("mixed", &mixed),
            ("panicking", &panicking),
            ("poisoned", &poisoned),
            ("ways", &ways),
        ];
        heap_walk::snapshot(std::io::sink(), &roots).expect("a sink takes everything");
        assert!(panicking.iter().all(|lock| !lock.is_poisoned()));
        assert!(panicking.iter().all(|lock| lock.lock().expect("free").try_borrow_mut().is_ok()));
        assert!(mixed.cells.iter().all(|cell| cell.borrow_mut().try_borrow_mut().is_ok()));
        assert!(mixed.large.try_lock().is_ok() && mixed.map.try_write().is_ok());
    }
    let mut links = 0;
    while let Some(link) = chain {
        let mut link = link.try_borrow_mut().expect("released");
        assert!(link.lock.try_lock().expect("released").iter().all(|lock| lock.try_write().is_ok()));
        links += usize::from(!link.text.is_empty());
        chain = link.next.take();
    }
    println!("{links} links, all released");
}
