//! A guest in somebody's program: no code of the program's runs but impls of `Walk`
//! and what is shown, and nothing is held any more when a walk cannot be written.
#![cfg(feature = "enabled")]

use heap_walk::{measure, Walk};
use std::borrow::{Borrow, Cow};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::Deref;
use std::rc::{self, Rc};
use std::sync::{Mutex, MutexGuard, PoisonError};

thread_local! {
    /// Calls of the program's code in this thread.
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static SHOWN: Cell<u32> = const { Cell::new(0) };
}

fn called() {
    CALLS.set(CALLS.get() + 1);
}

/// A process takes one snapshot at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of all that a walk could call, everything is noticed.
#[derive(Walk)]
struct Loud {
    text: String,
}

impl Drop for Loud {
    fn drop(&mut self) {
        called();
    }
}

impl Clone for Loud {
    fn clone(&self) -> Loud {
        called();
        Loud { text: self.text.clone() }
    }
}

impl PartialEq for Loud {
    fn eq(&self, other: &Loud) -> bool {
        called();
        self.text == other.text
    }
}

impl Eq for Loud {}

impl PartialOrd for Loud {
    fn partial_cmp(&self, other: &Loud) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Loud {
    fn cmp(&self, other: &Loud) -> Ordering {
        called();
        self.text.cmp(&other.text)
    }
}

impl Hash for Loud {
    fn hash<H: Hasher>(&self, state: &mut H) {
        called();
        self.text.hash(state);
    }
}

impl fmt::Debug for Loud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        called();
        f.write_str(&self.text)
    }
}

impl Deref for Loud {
    type Target = str;
    fn deref(&self) -> &str {
        called();
        &self.text
    }
}

impl Borrow<str> for Loud {
    fn borrow(&self) -> &str {
        called();
        &self.text
    }
}

#[derive(Clone, Default)]
struct LoudHasher;

impl BuildHasher for LoudHasher {
    type Hasher = DefaultHasher;
    fn build_hasher(&self) -> DefaultHasher {
        called();
        DefaultHasher::new()
    }
}

#[derive(Walk)]
struct Shown(u8);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SHOWN.set(SHOWN.get() + 1);
        write!(f, "shown {}", self.0)
    }
}

#[derive(Walk)]
struct Value {
    map: HashMap<Loud, Loud, LoudHasher>,
    tree: BTreeMap<Loud, Vec<Loud>>,
    set: BTreeSet<Loud>,
    heap: BinaryHeap<Loud>,
    shared: (Rc<Loud>, Rc<Loud>, rc::Weak<Loud>),
    cells: (RefCell<Loud>, Mutex<Option<Loud>>),
    borrowed: Cow<'static, [Loud]>,
    #[walk(show)]
    shown: Shown,
    #[walk(opaque)]
    opaque: Loud,
    #[walk(skip)]
    skipped: Loud,
}

fn loud(n: usize) -> Loud {
    Loud { text: format!("number {n}") }
}

fn value() -> Value {
    let shared = Rc::new(loud(0));
    Value {
        map: (0..40).map(|n| (loud(n), loud(n + 1))).collect(),
        tree: (0..40).map(|n| (loud(n), vec![loud(n), loud(n)])).collect(),
        set: (0..40).map(loud).collect(),
        heap: (0..40).map(loud).collect(),
        shared: (Rc::clone(&shared), Rc::clone(&shared), Rc::downgrade(&shared)),
        cells: (RefCell::new(loud(1)), Mutex::new(Some(loud(2)))),
        borrowed: Cow::Owned(vec![loud(3)]),
        shown: Shown(7),
        opaque: loud(4),
        skipped: loud(5),
    }
}

#[test]
fn no_code_of_the_program_runs_but_walk_and_what_is_shown() {
    let value = value();
    CALLS.set(0);
    {
        let _alone = alone();
        heap_walk::snapshot(io::sink(), &[("value", &value)]).expect("written");
    }
    assert_eq!((CALLS.get(), SHOWN.get()), (0, 1));
    let report = measure(&value);
    assert_eq!(CALLS.get(), 0);
    assert!(report.blocks > 40 * 8 && report.unreadable == 0, "all of it was walked: {report:?}");
    assert!(report.is_estimate && report.to_string().contains("estimated: no tracking allocator"));
    // The test would notice.
    assert!(value.map.contains_key(&value.skipped) && CALLS.get() >= 3);
}

/// A disk with so much room.
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(room) => self.0 = room,
            None => return Err(io::Error::from_raw_os_error(28)),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_walk_that_cannot_be_written_holds_nothing_afterwards() {
    let value: Mutex<Vec<RefCell<Vec<String>>>> =
        Mutex::new((0..5000).map(|n| RefCell::new(vec![n.to_string()])).collect());
    let _alone = alone();
    for room in [0, 100, 1000, 10_000, 20_000] {
        let error = heap_walk::snapshot(Full(room), &[("value", &value)]).expect_err("no room");
        assert_eq!(error.raw_os_error(), Some(28), "{room}: {error}");
        let cells = value.try_lock().expect("neither locked nor poisoned");
        assert!(cells.iter().all(|cell| cell.try_borrow_mut().is_ok()), "{room}");
    }
    heap_walk::snapshot(io::sink(), &[("value", &value)]).expect("the next one is written");
}
