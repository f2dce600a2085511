//! Ten million links in a thread with a stack of 256 KiB, and nothing is left
//! locked, borrowed or poisoned, whatever happened in between.

use end_to_end::take;
use heap_snapshot::live::ToolScope;
use heap_snapshot::record::EdgeKind;
use heap_walk::{Walk, Walker};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{mpsc, Arc, Mutex};

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

const LINKS: u64 = 10_000_000;

#[derive(Walk)]
struct Boxed {
    value: u64,
    next: Option<Box<Boxed>>,
}

#[derive(Walk)]
struct Shared {
    value: u64,
    next: Option<Rc<RefCell<Shared>>>,
}

#[derive(Walk)]
struct Locked {
    value: u64,
    next: Option<Arc<Mutex<Locked>>>,
}

/// Runs in a thread of its own with a small stack.
fn with_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).expect("a thread").join().expect("no panic");
}

/// Walks, and counts nodes without keeping what is written.
fn nodes(roots: &[(&str, &dyn Walk)]) -> u64 {
    let _tool = ToolScope::enter();
    let path = std::env::temp_dir().join(format!("heap-walk-deep-{}.heapsnap", std::process::id()));
    heap_walk::snapshot(std::fs::File::create(&path).expect("a file"), roots).expect("written");
    let file = std::io::BufReader::new(std::fs::File::open(&path).expect("the file"));
    let file = heap_snapshot::read::read(file, |_| true).expect("a snapshot");
    std::fs::remove_file(&path).expect("removed");
    assert!(file.problems.is_empty(), "{:?}", file.problems);
    let footer = file.snapshots[0].footer.as_ref().expect("complete");
    assert_eq!((footer.unreadable, footer.quiescent), (0, true));
    assert_eq!(footer.nodes, file.snapshots[0].nodes.count() as u64);
    footer.nodes
}

fn boxed_list() {
    let mut list = None;
    for value in 0..LINKS {
        list = Some(Box::new(Boxed { value, next: list }));
    }
    assert_eq!(nodes(&[("list", &list)]), LINKS + 1);
    let mut sum = 0;
    while let Some(link) = list {
        sum += link.value;
        list = link.next;
    }
    assert_eq!(sum, LINKS * (LINKS - 1) / 2);
}

fn shared_chain() {
    let mut chain = None;
    for value in 0..LINKS {
        chain = Some(Rc::new(RefCell::new(Shared { value, next: chain })));
    }
    assert_eq!(nodes(&[("chain", &chain)]), LINKS + 1);
    let mut sum = 0;
    while let Some(link) = chain {
        let mut link = link.try_borrow_mut().expect("nothing is left borrowed");
        sum += link.value;
        chain = link.next.take();
    }
    assert_eq!(sum, LINKS * (LINKS - 1) / 2);
}

fn locked_chain() {
    let mut chain = None;
    for value in 0..LINKS / 100 {
        chain = Some(Arc::new(Mutex::new(Locked { value, next: chain })));
    }
    assert_eq!(nodes(&[("chain", &chain)]), LINKS / 100 + 1);
    while let Some(link) = chain {
        let mut link = link.try_lock().expect("nothing is left locked or poisoned");
        assert!(link.value < LINKS);
        chain = link.next.take();
    }
}

struct Panics;

impl Walk for Panics {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        panic!("a wrong impl");
    }
}

/// A panic deep behind locks and borrows ends that root's walk and nothing else.
fn panicking_impl() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let behind = Mutex::new(RefCell::new(vec![Mutex::new((String::from("before"), Panics))]));
    let other = vec![String::from("another root")];
    let snapshot = take(&[("behind", &behind), ("other", &other)]);
    std::panic::set_hook(hook);
    let footer = snapshot.footer.as_ref().expect("complete");
    assert_eq!(footer.unreadable, 1);
    assert_eq!(snapshot.unreadable[0].reason, "panicked");
    assert_eq!(footer.problems.len(), 1, "{:?}", footer.problems);
    assert!(footer.problems[0].contains("root `behind` panicked (a wrong impl)"), "{:?}", footer.problems);
    assert_eq!(snapshot.nodes.count(), 2 + 2 + 2, "what was reported before the panic, and the other root");
    assert!(!behind.is_poisoned());
    let mut outer = behind.try_lock().expect("released");
    assert!(!outer.get_mut()[0].is_poisoned());
    assert!(outer.try_borrow_mut().expect("released")[0].try_lock().is_ok());
}

/// What another thread holds is reported as unreadable, and never waited for;
/// what this thread has borrowed likewise.
fn held_locks() {
    let lock = Arc::new(Mutex::new(vec![String::from("held")]));
    let free = Mutex::new(vec![String::from("free")]);
    let cell = RefCell::new(vec![String::from("borrowed")]);
    let borrowed = cell.borrow_mut();
    let (held, is_held) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let holder = {
        let lock = lock.clone();
        std::thread::spawn(move || {
            let guard = lock.lock().expect("free");
            held.send(()).expect("main listens");
            let _ = gate.recv();
            drop(guard);
        })
    };
    is_held.recv().expect("held");
    // The holder may still be on its way into `recv`; it allocates nothing there that is kept.
    let snapshot = take(&[("lock", &*lock), ("free", &free), ("cell", &cell)]);
    let reasons: Vec<&str> = snapshot.unreadable.iter().map(|part| part.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons.contains(&"locked") && reasons.contains(&"borrowed"), "{reasons:?}");
    drop(borrowed);
    drop(go);
    holder.join().expect("the holder");
    let snapshot = take(&[("lock", &*lock), ("free", &free), ("cell", &cell)]);
    assert!(snapshot.unreadable.is_empty());
}

/// Has the holder of a lock let go of it, in the middle of a walk.
struct LetsGo {
    go: mpsc::Sender<()>,
    gone: Mutex<mpsc::Receiver<()>>,
}

impl Walk for LetsGo {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        let _ = self.go.send(());
        let _ = self.gone.lock().expect("one thread").recv();
    }
}

type Guarded = Arc<Mutex<Vec<Option<Box<[String; 1]>>>>>;

#[derive(Walk)]
struct Late<'l> {
    lock: &'l str,
    contended: Guarded,
    // Behind a borrow, so that the second try comes before that borrow is released.
    behind: RefCell<(Guarded, LetsGo)>,
}

/// A lock that another thread gives back during the walk is entered after all,
/// and its block divides into its size as if it had been free all along.
fn late_locks() {
    let value = || Arc::new(Mutex::new(vec![Some(Box::new([String::from("late")])), None]));
    let (first, second) = (value(), value());
    let (held, is_held) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let (gone, is_gone) = mpsc::channel();
    let holder = {
        let (first, second) = (first.clone(), second.clone());
        std::thread::spawn(move || {
            let guards = (first.lock().expect("free"), second.lock().expect("free"));
            held.send(()).expect("main listens");
            let _ = gate.recv();
            drop(guards);
            let _ = gone.send(());
        })
    };
    is_held.recv().expect("held");
    let lets_go = LetsGo { go, gone: Mutex::new(is_gone) };
    let late = Late { lock: "", contended: first, behind: RefCell::new((second, lets_go)) };
    assert!(late.lock.is_empty());
    let snapshot = take(&[("late", &late)]);
    assert!(snapshot.unreadable.is_empty(), "{:?}", snapshot.unreadable);
    let footer = snapshot.footer.as_ref().expect("complete");
    assert_eq!(footer.guards, 1 + 2, "a borrow and two locks");
    // Each: the counted block, the buffer, the box, the text.
    assert_eq!(snapshot.nodes.count(), 1 + 2 * 4);
    let analysis = {
        let _tool = ToolScope::enter();
        end_to_end::analyse(snapshot)
    };
    assert_eq!(analysis.ledger().mismatches, []);
    {
        let _tool = ToolScope::enter();
        drop(analysis);
    }
    assert!(late.behind.try_borrow_mut().is_ok());
    holder.join().expect("the holder");
    assert!(late.contended.try_lock().is_ok());
}

/// A budget for locks leaves out what is behind one held too long, and says so.
fn lock_budget() {
    std::env::set_var("HEAP_WALK_LOCK_MS", "0");
    let locked = Mutex::new(vec![Some(Box::new(String::from("behind"))), None]);
    let free = vec![Some(Box::new(String::from("free")))];
    let snapshot = take(&[("locked", &locked), ("free", &free)]);
    std::env::remove_var("HEAP_WALK_LOCK_MS");
    assert_eq!(snapshot.unreadable.len(), 1);
    assert_eq!(snapshot.unreadable[0].reason, "lock held too long");
    assert_eq!(snapshot.nodes.count(), 2 + 1 + 3, "the buffer behind the lock, and all that is free");
    let analysis = {
        let _tool = ToolScope::enter();
        end_to_end::analyse(snapshot)
    };
    assert_eq!(analysis.ledger().mismatches, []);
    let _tool = ToolScope::enter();
    drop(analysis);
}

/// A shared block that goes during the walk, and another that comes in its
/// place, are two.
fn reborn_block() {
    struct Replaces {
        go: mpsc::Sender<()>,
        done: Mutex<mpsc::Receiver<()>>,
    }
    impl Walk for Replaces {
        fn walk<'a>(&'a self, _: &mut Walker<'a>) {
            let _ = self.go.send(());
            let _ = self.done.lock().expect("one thread").recv();
        }
    }
    type Slot = Arc<Mutex<Option<Arc<[u64; 500]>>>>;
    struct Value((RefCell<Slot>, Replaces, RefCell<Slot>));
    impl Walk for Value {
        fn walk<'a>(&'a self, w: &mut Walker<'a>) {
            let Value((old, replaces, new)) = self;
            // Behind a borrow, so that the first is done with before the next is begun.
            w.field("old", old);
            w.field("replaces", replaces);
            w.field("new", new);
        }
    }
    let (old, new): (Slot, Slot) = (Arc::default(), Arc::default());
    let (go, gate) = mpsc::channel();
    let (tell, done) = mpsc::channel();
    let (filled, is_filled) = mpsc::channel();
    let thread = {
        let (old, new) = (old.clone(), new.clone());
        std::thread::spawn(move || {
            *old.lock().expect("free") = Some(Arc::new([1; 500]));
            filled.send(()).expect("main listens");
            gate.recv().expect("the walk comes");
            let gone = old.lock().expect("released").take().expect("filled");
            let addr = Arc::as_ptr(&gone) as usize;
            drop(gone);
            let fresh = Arc::new([2; 500]);
            let is_same = Arc::as_ptr(&fresh) as usize == addr;
            *new.lock().expect("free") = Some(fresh);
            tell.send(()).expect("the walk waits");
            is_same
        })
    };
    is_filled.recv().expect("filled");
    let replaces = Replaces { go, done: Mutex::new(done) };
    // One root, so that its parts are walked in this order.
    let value = (RefCell::new(old), replaces, RefCell::new(new));
    let snapshot = take(&[("value", &Value(value))]);
    let is_same = thread.join().expect("no panic");
    let blocks = (0..snapshot.nodes.count()).filter(|&id| snapshot.nodes.edge[id] == EdgeKind::SHARE).count();
    // Two locks and what was in each.
    assert_eq!(blocks, 4, "the new one is where the old one was: {is_same}");
    assert_eq!(snapshot.shared.len(), 4);
    assert!(!snapshot.footer.as_ref().expect("complete").quiescent);
    let _tool = ToolScope::enter();
    drop(snapshot);
}

fn main() {
    println!("running deep");
    with_small_stack(boxed_list);
    println!("test boxed_list ... ok");
    with_small_stack(shared_chain);
    println!("test shared_chain ... ok");
    with_small_stack(locked_chain);
    println!("test locked_chain ... ok");
    panicking_impl();
    println!("test panicking_impl ... ok");
    held_locks();
    println!("test held_locks ... ok");
    late_locks();
    println!("test late_locks ... ok");
    lock_budget();
    println!("test lock_budget ... ok");
    reborn_block();
    println!("test reborn_block ... ok");
    println!("8 passed, 0 failed");
}
