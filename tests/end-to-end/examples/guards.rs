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
    let links = if cfg!(miri) { 20 } else { 5000 };
    for n in 0..links {
        let lock = Mutex::new((0..n % 5).map(|n| RwLock::new(Some(Box::new(n)))).collect());
        chain = Some(Rc::new(RefCell::new(Link { text: n.to_string(), next: chain, lock })));
    }
    let mixed = Mixed {
        cells: (0..100).map(|n| RefCell::new(Box::new(RefCell::new(n.to_string())))).collect(),
        large: Arc::new(Mutex::new(std::array::from_fn(|n| n.to_string()))),
        map: RwLock::new((0..300).map(|n| (n, RefCell::new(vec![n.to_string()]))).collect()),
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

    for _ in 0..3 {
        let roots: [(&str, &dyn Walk); 4] =
            [("chain", &chain), ("mixed", &mixed), ("panicking", &panicking), ("poisoned", &poisoned)];
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
