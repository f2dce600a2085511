//! Locks, concurrent maps, channels and queues, judged by the allocator.

use end_to_end::judge::Judge;
use foreign::{parts, random};
use heap_snapshot::record::Split;
use heap_walk::{Walk, Walker};
use std::cell::Cell;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

type FixedHash = BuildHasherDefault<DefaultHasher>;

fn text(number: u64) -> String {
    "s".repeat((number % 40) as usize)
}

#[derive(Walk, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(align(64))]
struct Aligned(u8);

fn parking_lot_locks(judge: &mut Judge) {
    use parking_lot::{Condvar, FairMutex, Mutex, Once, ReentrantMutex, RwLock};
    judge.check("parking_lot", || {
        (
            vec![Mutex::new(text(3)), Mutex::new(text(0))],
            Box::new(RwLock::new(vec![text(4); 3])),
            vec![FairMutex::new(Some(Box::new(1u8))), FairMutex::new(None)],
            Arc::new(ReentrantMutex::new((1u8, text(9)))),
            (Condvar::new(), Once::new(), Mutex::new(1u8), RwLock::new(Aligned(2))),
            Vec::<Mutex<u64>>::with_capacity(3),
        )
    });
    judge.check("parking_lot, slices", || {
        (
            Arc::new(Mutex::new([text(3), text(4)])) as Arc<Mutex<[String]>>,
            Box::new(RwLock::new([1u8, 2, 3])) as Box<RwLock<[u8]>>,
            Arc::new(ReentrantMutex::new([Aligned(1)])) as Arc<ReentrantMutex<[Aligned]>>,
        )
    });
    judge.check("parking_lot, guards", || {
        static LOCK: Mutex<u64> = Mutex::new(1);
        static SHARED: RwLock<u64> = RwLock::new(1);
        (vec![LOCK.lock()], vec![SHARED.read(), SHARED.read()])
    });
    judge.check("parking_lot, nested", || {
        let inner = Arc::new(Mutex::new(text(5)));
        RwLock::new(vec![inner.clone(), inner, Arc::new(Mutex::new(text(6)))])
    });
}

/// A lock that somebody holds is not entered, and what it protects is nobody's.
fn held_locks(judge: &mut Judge) {
    judge.check("parking_lot, held", || {
        let lock = Arc::new(parking_lot::Mutex::new(text(30)));
        std::mem::forget(lock.lock());
        lock
    });
    judge.check("dashmap, held", || {
        let map = Arc::new(dashmap::DashMap::<u8, String, FixedHash>::default());
        map.insert(1, text(30));
        std::mem::forget(map.get_mut(&1));
        map
    });
    judge.check("tokio, held", || {
        let lock = Arc::new(tokio::sync::RwLock::new(text(30)));
        std::mem::forget(lock.try_write());
        lock
    });
}

/// Walks what it refers to as if it stood there.
struct Through<'t, T>(&'t T);

impl<T: Walk> Walk for Through<'_, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.0.walk(w);
    }
}

/// Lets go of a guard when the walk comes by.
struct LetsGo<G>(Cell<Option<G>>);

impl<G> Walk for LetsGo<G> {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        drop(self.0.take());
    }
}

/// What is locked when the walk meets it, and no longer when it ends, is entered then.
fn contended_locks(judge: &mut Judge) {
    macro_rules! contended {
        ($what:literal, $lock:ident = $new:expr, $write:expr) => {
            let $lock = $new;
            judge.check($what, || {
                *$write = text(30);
                (Through(&$lock), LetsGo(Cell::new(Some($write))))
            });
        };
    }
    contended!("parking_lot::Mutex, contended", lock = parking_lot::Mutex::default(), lock.lock());
    contended!("parking_lot::FairMutex, contended", lock = parking_lot::FairMutex::default(), lock.lock());
    contended!("parking_lot::RwLock, contended", lock = parking_lot::RwLock::default(), lock.write());
    contended!(
        "tokio::Mutex, contended",
        lock = tokio::sync::Mutex::default(),
        lock.try_lock().expect("nobody else has it")
    );
    contended!(
        "tokio::RwLock, contended",
        lock = tokio::sync::RwLock::default(),
        lock.try_write().expect("nobody else has it")
    );
}

/// Random sequences for one major version of dashmap.
macro_rules! dashmap {
    ($judge:expr, $krate:ident) => {
        for seed in 0..10 {
            let judge = &mut *$judge;
            let steps = [0, 5, 50, 600][seed as usize % 4];
            judge.check(concat!(stringify!($krate), "::DashMap"), || {
                let map = $krate::DashMap::<u64, String, FixedHash>::default();
                let small = $krate::DashMap::<u8, Aligned, _>::with_shard_amount(4);
                for number in random(seed).take(steps) {
                    let key = (number >> 32) % 300;
                    match number % 10 {
                        0..=5 => drop(map.insert(key, text(number >> 8))),
                        6 => drop(map.remove(&key)),
                        7 => drop(small.insert(key as u8, Aligned(1))),
                        8 if number >> 60 == 0 => map.clear(),
                        8 => map.shrink_to_fit(),
                        _ => map.retain(|kept, _| kept % 17 != key % 17),
                    }
                }
                (map.clone(), map, Box::new(small))
            });
            judge.check(concat!(stringify!($krate), "::DashSet"), || {
                let set = $krate::DashSet::<String, FixedHash>::default();
                let units = $krate::DashSet::<(), FixedHash>::default();
                for number in random(seed).take(steps) {
                    match number % 4 {
                        0..=2 => drop(set.insert(text(number >> 32))),
                        _ => drop(set.remove(&text(number >> 32))),
                    }
                    units.insert(());
                }
                (set, units)
            });
        }
        $judge.check(concat!(stringify!($krate), "::ReadOnlyView"), || {
            let map: $krate::DashMap<u16, Vec<u8>> = (0..100).map(|n| (n, vec![1; 9])).collect();
            map.into_read_only()
        });
        $judge.check(concat!(stringify!($krate), " with room"), || {
            let map = $krate::DashMap::<u16, Vec<u8>>::with_capacity(1000);
            map.insert(1, vec![2]);
            map
        });
    };
}

fn tokio_types(judge: &mut Judge) {
    use tokio::sync::{
        broadcast, mpsc, oneshot, watch, Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce,
    };
    judge.check("tokio, locks", || {
        (
            vec![Mutex::new(text(3)), Mutex::new(text(4))],
            Arc::new(RwLock::new(vec![text(5)])),
            vec![OnceCell::new(), OnceCell::new_with(Some(text(6)))],
            vec![SetOnce::new(), SetOnce::new_with(Some(text(7)))],
            (Arc::new(Notify::new()), Box::new(Semaphore::new(3))),
            Arc::new(Mutex::new([text(8), text(9)])) as Arc<Mutex<[String]>>,
        )
    });
    judge.check("tokio, owned guards", || {
        let lock = Arc::new(RwLock::new(text(9)));
        let semaphore = Arc::new(Semaphore::new(2));
        let permit = semaphore.clone().try_acquire_owned().expect("there are two");
        (lock.clone().try_read_owned().expect("nobody writes"), lock, semaphore, permit)
    });
    judge.check("tokio, mpsc", || {
        let (sender, receiver) = mpsc::channel(4);
        let (unbounded, queue) = mpsc::unbounded_channel();
        for number in 0..100 {
            unbounded.send(text(number)).expect("not closed");
        }
        sender.try_send(text(9)).expect("there is room");
        (sender.clone(), sender, receiver, unbounded.downgrade(), unbounded, queue)
    });
    judge.check("tokio, oneshot", || {
        let (sender, receiver) = oneshot::channel();
        sender.send(text(9)).expect("not closed");
        (receiver, oneshot::channel::<String>())
    });
    judge.check("tokio, broadcast", || {
        let (sender, receiver) = broadcast::channel(4);
        sender.send(text(9)).expect("somebody listens");
        (sender.subscribe(), sender, receiver)
    });
    judge.check("tokio, watch", || watch::channel(text(9)));
    judge.check("tokio, Barrier", || Barrier::new(3));
}

fn crossbeam(judge: &mut Judge) {
    use crossbeam_utils::atomic::AtomicCell;
    use crossbeam_utils::sync::{Parker, ShardedLock, WaitGroup};
    use crossbeam_utils::{Backoff, CachePadded};
    judge.check("CachePadded", || {
        (vec![CachePadded::new(text(3)), CachePadded::new(text(4))], Box::new(Backoff::new()))
    });
    judge.check("ShardedLock", || {
        (ShardedLock::new(vec![text(3)]), Box::new(ShardedLock::new(1u8)), AtomicCell::new(1u64))
    });
    judge.check("crossbeam channel", || {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let bounded = crossbeam_channel::bounded(4);
        for number in 0..100 {
            sender.send(text(number)).expect("not closed");
        }
        bounded.0.send(text(9)).expect("not closed");
        (sender, receiver.clone(), receiver, bounded, crossbeam_channel::bounded::<u8>(0))
    });
    judge.check("crossbeam queue", || {
        let array = crossbeam_queue::ArrayQueue::new(5);
        let list = crossbeam_queue::SegQueue::new();
        for number in 0..100 {
            list.push(text(number));
        }
        array.push(text(9)).expect("there is room");
        array.push(text(8)).expect("there is room");
        (array, list)
    });
    judge.check("crossbeam deque", || {
        let worker = crossbeam_deque::Worker::new_fifo();
        let injector = crossbeam_deque::Injector::new();
        for number in 0..30 {
            worker.push(text(number));
            injector.push(text(number));
        }
        (worker.stealer(), worker, injector)
    });
    judge.check("crossbeam sync", || {
        let parker = Parker::new();
        (parker.unparker().clone(), parker, WaitGroup::new())
    });
    // The first list makes what collects garbage for the whole program, and every list refers to it.
    judge.check("crossbeam skiplist", || {
        let (map, set) = (crossbeam_skiplist::SkipMap::new(), crossbeam_skiplist::SkipSet::new());
        for number in random(1).take(200) {
            map.insert(number % 100, text(number >> 32));
            set.insert(text(number % 50));
            if number % 7 == 0 {
                map.remove(&(number / 7 % 100));
            }
        }
        (map, set)
    });
}

#[salsa::input]
struct Source {
    #[returns(ref)]
    text: String,
}

#[salsa::tracked]
fn length(db: &dyn salsa::Database, source: Source) -> usize {
    source.text(db).len()
}

fn database() -> (salsa::DatabaseImpl, Vec<salsa::Id>) {
    let db = salsa::DatabaseImpl::new();
    let sources: Vec<Source> = (0..20).map(|number| Source::new(&db, text(number))).collect();
    assert_eq!(sources.iter().map(|source| length(&db, *source)).sum::<usize>(), 190);
    let ids = sources.iter().map(salsa::plumbing::AsId::as_id).collect();
    (db, ids)
}

fn salsa_database(judge: &mut Judge) {
    // The first one leaves caches in statics, which are nobody's.
    drop(database());
    judge.check("salsa", database);
}

/// What is exact is typed to the last byte.
fn are_typed() {
    let check = |what: &str, value: &dyn Walk, expected: Split| {
        assert_eq!(parts(value), expected, "{what}");
    };
    let locks = vec![parking_lot::Mutex::new(7u64)];
    check("parking_lot::Mutex", &locks, Split { payload: 1 + 8, padding: 7, ..Split::default() });
    let lock = Box::new(parking_lot::ReentrantMutex::new(7u64));
    check("ReentrantMutex", &lock, Split { payload: 17 + 8, padding: 7, ..Split::default() });
    let slice: Box<parking_lot::RwLock<[u16]>> = Box::new(parking_lot::RwLock::new([1, 2, 3]));
    check("RwLock<[T]>", &slice, Split { payload: 8 + 6, padding: 2, ..Split::default() });
    let semaphore = size_of::<tokio::sync::Semaphore>() as u64;
    let once = Box::new(tokio::sync::OnceCell::new_with(Some(7u64)));
    check("tokio::OnceCell", &once, Split { payload: semaphore + 1 + 8, padding: 7, ..Split::default() });
    let lock = Box::new(tokio::sync::Mutex::new([7u64; 2]));
    check("tokio::Mutex", &lock, Split { payload: semaphore + 16, ..Split::default() });
    let padded = vec![crossbeam_utils::CachePadded::new(7u64)];
    let size = size_of::<crossbeam_utils::CachePadded<u64>>() as u64;
    check("CachePadded", &padded, Split { payload: 8, padding: size - 8, ..Split::default() });

    let map = dashmap::DashMap::<u32, u64, FixedHash>::with_hasher_and_shard_amount(FixedHash::default(), 2);
    map.insert(1, 2);
    // Two shards of a lock and a table each; one table of four buckets with its control bytes.
    let table = Split { payload: 12, padding: 4, overhead: 4 + 16, spare: 3 * 16, ..Split::default() };
    let mut expected = Split { payload: 2 * (8 + 32), padding: 2 * (128 - 40), ..Split::default() };
    expected.add_times(&table, 1);
    check("DashMap", &map, expected);
}

fn main() {
    are_typed();
    let raw = [
        "salsa",
        "tokio, mpsc",
        "tokio, oneshot",
        "tokio, broadcast",
        "tokio, watch",
        "tokio, Barrier",
        "crossbeam channel",
        "crossbeam queue",
        "crossbeam deque",
        "crossbeam sync",
        "crossbeam skiplist",
    ];
    // A query's dependencies hang on a pointer that is not aligned: no scan finds those.
    let unclaimed = ["salsa", "parking_lot, held", "dashmap, held", "tokio, held"];
    Judge::run("sync", &raw, &unclaimed, |judge| {
        salsa_database(judge);
        parking_lot_locks(judge);
        held_locks(judge);
        contended_locks(judge);
        dashmap!(judge, dashmap);
        dashmap!(judge, dashmap_5);
        tokio_types(judge);
        crossbeam(judge);
    });
}
