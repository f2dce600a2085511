//! The standard library, judged by the allocator: containers after random
//! sequences of what programs do with them, and one of everything else.

use end_to_end::judge::Judge;
use foreign::{parts, random};
use heap_snapshot::record::Split;
use heap_walk::Walk;
use std::any::TypeId;
use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::cell::{Cell, LazyCell, RefCell, UnsafeCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, Bound, HashMap, HashSet, LinkedList, VecDeque};
use std::error::Error;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Cursor, LineWriter, Read, Write};
use std::mem::{discriminant, Discriminant, ManuallyDrop, MaybeUninit};
use std::num::{NonZeroU32, Saturating, Wrapping};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::{self, Rc};
use std::sync::atomic::{AtomicPtr, AtomicU64};
use std::sync::{mpsc, Arc, Barrier, Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, RwLock};
use std::task::{Poll, Wake, Waker};
use std::thread::{LocalKey, ThreadId};
use std::time::{Duration, Instant, SystemTime};

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

type FixedHash = BuildHasherDefault<DefaultHasher>;

/// What containers are filled with.
trait Element: Walk + Clone + Ord + Hash + Debug + 'static {
    fn make(number: u64) -> Self;
}

impl Element for u8 {
    fn make(number: u64) -> u8 {
        number as u8
    }
}

impl Element for () {
    fn make(_: u64) {}
}

impl Element for String {
    fn make(number: u64) -> String {
        "s".repeat((number % 40) as usize)
    }
}

/// Needs more than an allocator's usual alignment.
#[derive(Walk, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(align(64))]
struct Aligned(u8);

impl Element for Aligned {
    fn make(number: u64) -> Aligned {
        Aligned(number as u8)
    }
}

#[derive(Walk, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Uneven {
    Nothing,
    Byte(u8),
    Wide { text: String, numbers: [u16; 9] },
    Boxed(Box<Uneven>),
}

impl Element for Uneven {
    fn make(number: u64) -> Uneven {
        match number % 4 {
            0 => Uneven::Nothing,
            1 => Uneven::Byte(number as u8),
            2 => Uneven::Wide { text: String::make(number / 4), numbers: [7; 9] },
            _ => Uneven::Boxed(Box::new(Uneven::make(number / 4))),
        }
    }
}

fn vec<T: Element>(seed: u64, steps: usize) -> Vec<T> {
    let mut vec = Vec::new();
    for number in random(seed).take(steps) {
        let at = (number >> 32) as usize % (vec.len() + 1);
        match number % 12 {
            0..=3 => vec.push(T::make(number >> 8)),
            4 => vec.insert(at, T::make(number >> 8)),
            5 => vec.truncate(at),
            6 if at < vec.len() => drop(vec.remove(at)),
            7 if at < vec.len() => drop(vec.swap_remove(at)),
            8 => vec.shrink_to_fit(),
            9 => vec.reserve((number >> 8) as usize % 50),
            10 => vec = vec.clone(),
            11 => vec.extend((0..number >> 60).map(T::make)),
            _ => vec.retain(|element| *element > T::make(number >> 8)),
        }
    }
    vec
}

fn deque<T: Element>(seed: u64, steps: usize) -> VecDeque<T> {
    let mut deque = VecDeque::new();
    for number in random(seed).take(steps) {
        let at = (number >> 32) as usize % (deque.len() + 1);
        match number % 12 {
            0..=2 => deque.push_back(T::make(number >> 8)),
            3 | 4 => deque.push_front(T::make(number >> 8)),
            5 => drop(deque.pop_front()),
            6 => deque.rotate_left(at),
            7 => deque.shrink_to_fit(),
            8 => deque.reserve((number >> 8) as usize % 50),
            9 => deque = deque.clone(),
            10 => deque.insert(at, T::make(number >> 8)),
            _ => drop(deque.drain(at..)),
        }
    }
    deque
}

fn heap<T: Element>(seed: u64, steps: usize) -> BinaryHeap<T> {
    let mut heap = BinaryHeap::new();
    for number in random(seed).take(steps) {
        match number % 8 {
            0..=3 => heap.push(T::make(number >> 8)),
            4 => drop(heap.pop()),
            5 => heap.shrink_to_fit(),
            6 => heap = heap.clone(),
            _ if number >> 61 == 0 => heap.clear(),
            _ => heap.reserve((number >> 8) as usize % 20),
        }
    }
    heap
}

fn list<T: Element>(seed: u64, steps: usize) -> LinkedList<T> {
    let mut list = LinkedList::new();
    for number in random(seed).take(steps) {
        match number % 8 {
            0..=2 => list.push_back(T::make(number >> 8)),
            3 | 4 => list.push_front(T::make(number >> 8)),
            5 => drop(list.pop_front()),
            6 => list = list.clone(),
            _ => drop(list.split_off((number >> 32) as usize % (list.len() + 1))),
        }
    }
    list
}

fn hash_map<K: Element, V: Element>(seed: u64, steps: usize) -> HashMap<K, V, FixedHash> {
    let mut map = HashMap::default();
    for number in random(seed).take(steps) {
        let key = K::make(number >> 32);
        match number % 12 {
            0..=5 => drop(map.insert(key, V::make(number >> 8))),
            6 | 7 => drop(map.remove(&key)),
            8 => map.shrink_to_fit(),
            9 => map = map.clone(),
            10 => map.reserve((number >> 8) as usize % 30),
            _ if number >> 61 == 0 => map.clear(),
            _ => map.retain(|kept, _| *kept != key),
        }
    }
    map
}

fn hash_set<T: Element>(seed: u64, steps: usize) -> HashSet<T, FixedHash> {
    let mut set = HashSet::default();
    for number in random(seed).take(steps) {
        let key = T::make(number >> 32);
        match number % 8 {
            0..=4 => drop(set.insert(key)),
            5 => drop(set.remove(&key)),
            6 => set.shrink_to_fit(),
            _ => set = set.clone(),
        }
    }
    set
}

fn btree_map<K: Element, V: Element>(seed: u64, steps: usize) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for number in random(seed).take(steps) {
        let key = K::make(number >> 32);
        match number % 12 {
            0..=7 => drop(map.insert(key, V::make(number >> 8))),
            8 | 9 => drop(map.remove(&key)),
            10 => map = map.clone(),
            _ if number >> 60 == 0 => drop(map.split_off(&key)),
            _ => drop(map.pop_first()),
        }
    }
    map
}

fn btree_set<T: Element>(seed: u64, steps: usize) -> BTreeSet<T> {
    btree_map::<T, ()>(seed, steps).into_keys().collect()
}

/// Handles of shared values, weak ones only beside strong ones.
#[derive(Walk, Default)]
struct Handles<T> {
    strong: Vec<Rc<T>>,
    weak: Vec<rc::Weak<T>>,
    atomic: Vec<Option<Arc<T>>>,
    slices: Vec<Arc<[T]>>,
    cells: Vec<Rc<RefCell<Vec<T>>>>,
}

fn handles<T: Element>(seed: u64, steps: usize) -> Handles<T> {
    let mut handles = Handles { strong: vec![], weak: vec![], atomic: vec![], slices: vec![], cells: vec![] };
    for number in random(seed).take(steps) {
        let pick = (number >> 32) as usize;
        match number % 12 {
            0 | 1 => handles.strong.push(Rc::new(T::make(number >> 8))),
            2 if !handles.strong.is_empty() => {
                let shared = handles.strong[pick % handles.strong.len()].clone();
                handles.strong.push(shared);
            }
            3 if !handles.strong.is_empty() => {
                let shared = &handles.strong[pick % handles.strong.len()];
                handles.weak.push(Rc::downgrade(shared));
            }
            4 if !handles.strong.is_empty() => {
                handles.strong.swap_remove(pick % handles.strong.len());
                handles.weak.retain(|weak| weak.strong_count() > 0);
            }
            5 => handles.atomic.push(Some(Arc::new(T::make(number >> 8)))),
            6 if !handles.atomic.is_empty() => {
                let shared = handles.atomic[pick % handles.atomic.len()].clone();
                handles.atomic.push(shared);
            }
            7 if !handles.atomic.is_empty() => {
                let last = handles.atomic.len() - 1;
                handles.atomic[pick % (last + 1)] = None;
            }
            8 => handles.slices.push((0..pick as u64 % 5).map(T::make).collect()),
            9 => {
                let slices = handles.slices.clone();
                handles.slices.extend(slices.into_iter().take(2));
            }
            10 => handles.cells.push(Rc::new(RefCell::new(vec![T::make(number >> 8)]))),
            _ => {
                if let Some(cell) = handles.cells.last() {
                    cell.borrow_mut().push(T::make(number >> 8));
                    let cell = cell.clone();
                    handles.cells.insert(0, cell);
                }
            }
        }
    }
    handles
}

/// Random sequences for each container of each element, short and long.
macro_rules! sequences {
    ($judge:expr, $($element:ty),*) => {$(
        for seed in 0..8 {
            let steps = [3, 20, 100, 400][seed as usize % 4];
            let judge = &mut *$judge;
            judge.check(concat!("Vec of ", stringify!($element)), || vec::<$element>(seed, steps));
            judge.check(concat!("VecDeque of ", stringify!($element)), || deque::<$element>(seed, steps));
            judge.check(concat!("BinaryHeap of ", stringify!($element)), || heap::<$element>(seed, steps));
            judge.check(concat!("LinkedList of ", stringify!($element)), || list::<$element>(seed, steps));
            judge.check(concat!("HashSet of ", stringify!($element)), || hash_set::<$element>(seed, steps));
            judge.check(concat!("BTreeSet of ", stringify!($element)), || btree_set::<$element>(seed, steps));
            judge.check(concat!("HashMap of ", stringify!($element)), || {
                (hash_map::<$element, u8>(seed, steps), hash_map::<String, $element>(seed + 1, steps))
            });
            judge.check(concat!("BTreeMap of ", stringify!($element)), || {
                (btree_map::<$element, u8>(seed, steps), btree_map::<String, $element>(seed + 1, steps))
            });
            judge.check(concat!("emptied, of ", stringify!($element)), || {
                let (mut vec, mut deque) = (vec::<$element>(seed, steps), deque::<$element>(seed, steps));
                let (mut heap, mut list) = (heap::<$element>(seed, steps), list::<$element>(seed, steps));
                let (mut map, mut set) =
                    (hash_map::<$element, u8>(seed, steps), hash_set::<$element>(seed, steps));
                let mut tree = btree_map::<$element, u8>(seed, steps);
                vec.clear();
                deque.clear();
                heap.clear();
                list.clear();
                map.retain(|_, _| false);
                set.clear();
                while tree.pop_last().is_some() {}
                (vec, deque, heap, list, map, set, tree)
            });
            judge.check(concat!("handles of ", stringify!($element)), || handles::<$element>(seed, steps));
            judge.check(concat!("vec::IntoIter of ", stringify!($element)), || {
                let mut left = vec::<$element>(seed, steps).into_iter();
                left.by_ref().take(seed as usize).for_each(drop);
                (left, vec![<$element>::make(2); 3].into_iter())
            });
        }
    )*};
}

fn text(judge: &mut Judge) {
    judge.check("CString", || {
        let name = CString::new("name").expect("no zero in it");
        (name.clone(), name.clone().into_boxed_c_str(), Rc::<CStr>::from(name.as_c_str()), CString::default())
    });
    judge.check("Path and OsStr", || {
        let path = PathBuf::from("/usr/share");
        let name = OsString::from("name");
        (
            path.clone().into_boxed_path(),
            Rc::<Path>::from(path.as_path()),
            name.clone().into_boxed_os_str(),
            Arc::<OsStr>::from(name.as_os_str()),
            (path, name, Box::<Path>::from(Path::new(""))),
        )
    });
    judge.check("Cow", || {
        let cows: Vec<Cow<'static, Path>> =
            vec![Cow::Borrowed(Path::new("a")), Cow::Owned(PathBuf::from("owned"))];
        cows
    });
}

#[derive(Walk)]
struct Plain {
    ranges: (std::ops::Range<u8>, std::ops::RangeInclusive<u64>, std::ops::RangeToInclusive<u16>),
    order: Reverse<u32>,
    wrapping: (Wrapping<u8>, Saturating<i64>),
    nonzero: Option<NonZeroU32>,
    times: (Duration, Instant, SystemTime),
    addresses: (std::net::IpAddr, std::net::SocketAddr),
    function: fn(&str) -> usize,
    foreign_function: extern "C" fn(),
    function_of_two: fn(&u8, &mut String),
    unsafe_function: unsafe fn(u32) -> char,
    states: (Condvar, Barrier, Once, AtomicU64),
    file: std::fs::File,
    descriptor: OwnedFd,
    identities: (ThreadId, TypeId, Discriminant<Option<u8>>, &'static Location<'static>),
    local: &'static LocalKey<Cell<u8>>,
    streams: (io::Empty, io::Sink, io::Stdout),
    uninit: MaybeUninit<u8>,
    empty: std::marker::PhantomData<String>,
    never: Option<std::convert::Infallible>,
    guard: MutexGuard<'static, u64>,
}

extern "C" fn nothing() {}

fn plain() -> Plain {
    static LOCK: Mutex<u64> = Mutex::new(1);
    thread_local!(static LOCAL: Cell<u8> = const { Cell::new(1) });
    Plain {
        ranges: (1..2, 3..=4, ..=5),
        order: Reverse(1),
        wrapping: (Wrapping(1), Saturating(2)),
        nonzero: NonZeroU32::new(7),
        times: (Duration::from_secs(1), Instant::now(), SystemTime::now()),
        addresses: ([127, 0, 0, 1].into(), ([127, 0, 0, 1], 80).into()),
        function: str::len,
        foreign_function: nothing,
        function_of_two: |byte, text| text.push(char::from(*byte)),
        unsafe_function: char::from_u32_unchecked,
        states: (Condvar::new(), Barrier::new(2), Once::new(), AtomicU64::new(3)),
        file: std::fs::File::open("/dev/null").expect("the null device"),
        descriptor: std::fs::File::open("/dev/null").expect("the null device").into(),
        identities: (
            std::thread::current().id(),
            TypeId::of::<String>(),
            discriminant(&Some(1)),
            Location::caller(),
        ),
        local: &LOCAL,
        streams: (io::empty(), io::sink(), io::stdout()),
        uninit: MaybeUninit::uninit(),
        empty: std::marker::PhantomData,
        never: None,
        guard: LOCK.lock().expect("not poisoned"),
    }
}

fn values(judge: &mut Judge) {
    judge.check("plain values", || vec![Box::new(plain())]);
    judge.check("wrappers", || {
        (
            vec![String::make(3)..String::make(4)],
            vec![String::make(3)..=String::make(4)],
            vec![
                (Bound::Included(String::make(3)), Bound::Excluded(Box::new(1u8))),
                (Bound::Unbounded, Bound::Unbounded),
            ],
            vec![Reverse(String::make(5)), Reverse(String::make(6))],
            vec![ControlFlow::Continue(String::make(7)), ControlFlow::Break(Box::new(1u8))],
            vec![Poll::Ready(String::make(8)), Poll::Pending],
            vec![Some(ManuallyDrop::new(1u8))],
        )
    });
    judge.check("Pin", || {
        let text: &'static str = "text";
        (
            Box::pin(String::make(9)),
            vec![Pin::new(text)],
            Box::pin([String::make(9), String::make(10)]) as Pin<Box<[String]>>,
        )
    });
    judge.check("Pin of shared", || {
        let shared = Rc::pin(String::make(11));
        (shared.clone(), shared, vec![Arc::pin(Uneven::make(2))], Pin::new(Arc::<[u8]>::from([1, 2])))
    });
    judge.check("steps", || {
        static NUMBERS: [u8; 2] = [1, 2];
        let text: &'static str = "text";
        (text.chars(), text.char_indices(), NUMBERS.iter(), Box::new("".chars()))
    });
    judge.check("Weak of what is gone", || {
        let text = Arc::new(String::make(9));
        (Rc::downgrade(&Rc::new(String::make(9))), vec![Arc::downgrade(&text), Arc::downgrade(&text)])
    });
    judge.check("AtomicPtr", || {
        let mut boxed = Box::new(5u32);
        let pointer = AtomicPtr::new(&raw mut *boxed);
        (boxed, pointer, AtomicPtr::<u8>::default())
    });
    // Values of others, from before the case: nothing is claimed through a reference.
    let lent: &'static RefCell<String> = Box::leak(Box::new(RefCell::new(String::make(9))));
    let lent_mut: &'static RefCell<Vec<u8>> = Box::leak(Box::new(RefCell::new(vec![1; 9])));
    judge.check("references", || {
        let mut boxed = Box::new(5u32);
        let pointers = (NonNull::from(&mut *boxed), NonNull::<String>::dangling(), &raw const *boxed);
        (pointers, boxed, lent.borrow(), lent_mut.borrow_mut(), vec![lent, lent])
    });
    judge.check("cells of slices", || {
        (
            Rc::new(RefCell::new([String::make(3), String::make(4), String::make(5)]))
                as Rc<RefCell<[String]>>,
            Box::new(RefCell::new([1u8, 2, 3])) as Box<RefCell<[u8]>>,
            Arc::new(Mutex::new([Uneven::make(2), Uneven::make(3)])) as Arc<Mutex<[Uneven]>>,
            Arc::new(RwLock::new([Aligned(1), Aligned(2)])) as Arc<RwLock<[Aligned]>>,
            Box::new(Mutex::new([0u8; 0])) as Box<Mutex<[u8]>>,
        )
    });
    judge.check("locks", || {
        (
            vec![Mutex::new(Some(String::make(3)))],
            Box::new(RwLock::new(Uneven::make(2))),
            OnceLock::from(String::make(9)),
        )
    });
}

fn buffers(judge: &mut Judge) {
    judge.check("BufReader", || {
        let text = || Cursor::new(vec![b'a'; 100]);
        let mut read = BufReader::with_capacity(40, text());
        let mut line = [0; 7];
        read.read_exact(&mut line).expect("there are as many");
        let mut emptied = BufReader::with_capacity(40, text());
        emptied.fill_buf().expect("nothing fails");
        emptied.consume(40);
        (read, emptied, Box::new(BufReader::new(text())), BufReader::with_capacity(0, io::empty()))
    });
    judge.check("BufWriter", || {
        let mut written = BufWriter::new(Vec::new());
        written.write_all(b"text").expect("memory takes everything");
        (written, BufWriter::with_capacity(10, io::sink()))
    });
    judge
        .check("Take and Chain", || vec![Cursor::new(String::make(3)).take(2).chain(Cursor::new(vec![1u8]))]);
    judge.check("LineWriter", || {
        let mut written = LineWriter::new(vec![0u8; 3]);
        written.write_all(b"text").expect("memory takes everything");
        written
    });
    judge.check("io::Error", || {
        (io::Error::from_raw_os_error(2), vec![io::Error::from(io::ErrorKind::NotFound)])
    });
    judge.check("io::Error around another", || vec![io::Error::other(String::make(9))]);
}

struct Wakes(#[expect(dead_code, reason = "only held")] String);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {}
}

fn opaque(judge: &mut Judge) {
    judge.check("dyn Fn", || {
        let (text, other, last) = (String::make(30), String::make(31), String::make(32));
        (
            Box::new(move |more: u32| text.len() as u32 + more) as Box<dyn Fn(u32) -> u32>,
            Box::new(move |more: &str| other.len() + more.len()) as Box<dyn FnMut(&str) -> usize + Send>,
            Arc::new(|more: &mut u8, _: &str| *more += 1) as Arc<dyn Fn(&mut u8, &str) + Send + Sync>,
            Box::new(move || last) as Box<dyn FnOnce() -> String>,
        )
    });
    judge.check("dyn Error, Future, Iterator", || {
        let text = String::make(20);
        (
            Box::<dyn Error + Send + Sync>::from(String::make(9)),
            Box::pin(async move { text }) as Pin<Box<dyn Future<Output = String> + Send>>,
            Box::new(vec![1u8, 2].into_iter()) as Box<dyn Iterator<Item = u8>>,
            Rc::new(RefCell::new(3u8)) as Rc<dyn Debug>,
        )
    });
    judge.check("channels", || {
        let (sender, receiver) = mpsc::channel();
        let (bounded, full) = mpsc::sync_channel(3);
        for number in 0..40 {
            sender.send(String::make(number)).expect("not closed");
        }
        bounded.send(Uneven::make(2)).expect("not closed");
        (sender.clone(), (sender, receiver), bounded, full)
    });
    judge.check("JoinHandle", || {
        let handle = std::thread::spawn(|| String::make(20));
        while !handle.is_finished() {
            std::thread::yield_now();
        }
        handle
    });
    judge.check("Lazy", || {
        let cell = LazyCell::new(|| String::make(9));
        let lock: LazyLock<Vec<String>> = LazyLock::new(|| vec![String::make(9)]);
        assert_eq!((cell.len(), lock.len()), (9, 1));
        (cell, lock, LazyLock::<String>::new(|| unreachable!("nobody asks for it")))
    });
    judge.check("Waker", || (Waker::from(Arc::new(Wakes(String::make(9)))), Waker::noop().clone()));
    judge.check("Command", || {
        let mut command = std::process::Command::new("true");
        command.arg("--version").env("NAME", "value");
        command
    });
    judge.check("Cell of a text", || (Cell::new(String::make(9)), Cell::new(1u8)));
    judge.check("UnsafeCell", || (UnsafeCell::new(String::make(9)), Box::new(UnsafeCell::new(1u8))));
    judge.check("dyn Read, Write, Display, Hasher", || {
        let text = || Cursor::new(String::make(9).into_bytes());
        (
            Box::new(text()) as Box<dyn Read>,
            Box::new(BufReader::with_capacity(7, text())) as Box<dyn BufRead + Send>,
            Box::new(Vec::<u8>::with_capacity(9)) as Box<dyn Write>,
            Box::new(String::make(9)) as Box<dyn Display + Send + Sync>,
            Box::new(DefaultHasher::new()) as Box<dyn Hasher>,
        )
    });
    judge.check("errors that own", || {
        let text = String::from_utf8(vec![0xff; 9]).expect_err("no text");
        (text, CString::new("a\0b").expect_err("a zero in it"))
    });
    // The library keeps it in memory of the system's allocator, and there alone stands where the name is.
    judge.check("Thread", || {
        let handle = std::thread::Builder::new().name("named".into()).spawn(|| ()).expect("a thread");
        let thread = handle.thread().clone();
        handle.join().expect("it does nothing");
        thread
    });
    judge.check("Args, Vars, ReadDir", || {
        let mut entries = std::fs::read_dir("/").expect("the root");
        (std::env::args(), std::env::vars(), entries.next().expect("an entry").expect("an entry"), entries)
    });
    judge.check("Backtrace", Backtrace::force_capture);
}

/// What is exact is typed to the last byte, and nothing is called payload that is not.
fn are_typed() {
    let check = |what: &str, value: &dyn Walk, expected: Split| {
        assert_eq!(parts(value), expected, "{what}");
    };
    let split =
        |payload, overhead, padding, spare| Split { payload, overhead, padding, spare, ..Split::default() };

    let mut reader = BufReader::with_capacity(48, Cursor::new([7u8; 100]));
    reader.read_exact(&mut [0; 8]).expect("there are as many");
    check("BufReader", &reader, split(40, 0, 0, 8));
    let mut left = vec![1u64, 2, 3, 4].into_iter();
    left.next();
    check("vec::IntoIter", &left, split(24, 0, 0, 8));
    left.by_ref().for_each(drop);
    check("vec::IntoIter at its end", &left, split(0, 0, 0, 32));
    let units: LinkedList<()> = [(), (), ()].into_iter().collect();
    check("LinkedList<()>", &units, split(0, 48, 0, 0));
    let name = CString::new("name").expect("no zero in it");
    check("CString", &name, split(5, 0, 0, 0));
    let pinned = Box::pin(7u64);
    check("Pin<Box<T>>", &pinned, split(8, 0, 0, 0));
    // A count, and three bytes, which end a word.
    let cell: Box<RefCell<[u8]>> = Box::new(RefCell::new([1, 2, 3]));
    check("RefCell<[T]>", &cell, split(8 + 3, 0, 5, 0));
    let lock: Arc<Mutex<[u64]>> = Arc::new(Mutex::new([1, 2]));
    check("Mutex<[T]>", &lock, split(5 + 16, 16, 3, 0));
    let kept: Vec<Bound<u64>> = vec![Bound::Included(1), Bound::Unbounded];
    check("Bound", &kept, Split { payload: 8 + 8 + 8, dead: 8, ..Split::default() });
    drop((left, units, name, pinned, cell, lock, kept));
}

fn main() {
    are_typed();
    let raw = [
        "LineWriter",
        "io::Error around another",
        "dyn Fn",
        "dyn Error, Future, Iterator",
        "channels",
        "JoinHandle",
        "Lazy",
        "Waker",
        "Command",
        "Cell of a text",
        "UnsafeCell",
        "dyn Read, Write, Display, Hasher",
        "errors that own",
        "Args, Vars, ReadDir",
        "Backtrace",
    ];
    Judge::run("std", &raw, &["Weak of what is gone", "Thread"], |judge| {
        // What it lends must be older than its case, and birth epochs end at 255.
        values(judge);
        sequences!(judge, u8, (), String, Aligned, Uneven);
        text(judge);
        buffers(judge);
        opaque(judge);
    });
}
