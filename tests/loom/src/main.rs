//! Models of tracking-alloc's lock-free parts. Its own files, over loom's atomics: each
//! model is run in every order in which its threads can run, and with every value that
//! the memory model lets a load see.

// What a model does not use of a file.
#![allow(dead_code)]

#[path = "../../../tracking-alloc/src/contexts.rs"]
mod contexts;
#[path = "../../../tracking-alloc/src/memory.rs"]
mod memory;
#[path = "../../../tracking-alloc/src/samples.rs"]
mod samples;
#[path = "../../../tracking-alloc/src/side.rs"]
mod side;
#[path = "../../../tracking-alloc/src/slot.rs"]
mod slot;
mod sync;
#[path = "../../../tracking-alloc/src/table.rs"]
mod table;

use contexts::{Before, Contexts, Frame, NONE};
use loom::sync::{Arc, Mutex};
use loom::thread;
use samples::Samples;
use side::Side;
use slot::Record;
use std::sync::atomic::{AtomicU64, Ordering};
use sync::CHUNK_LOG2;
use table::{Head, Table};

/// A block's address in the third chunk, of which nothing is there at first.
const BASE: usize = 3 << CHUNK_LOG2;

/// Shared, with its atomics.
fn fresh<T>(value: T) -> Arc<T> {
    let value = Arc::new(value);
    sync::made(std::ptr::from_ref(&*value).cast_mut());
    value
}

fn usable(_addr: usize, record: Record) -> usize {
    match record.size {
        0..=8 if record.align_log2 < 4 => 8,
        size => size.next_multiple_of(16),
    }
}

fn record(size: usize) -> Record {
    Record { size, align_log2: 3, epoch: 1, is_tool: false, has_sample: false }
}

/// One that takes six slots.
fn long() -> Record {
    Record { size: 96, align_log2: 20, epoch: 1, is_tool: false, has_sample: false }
}

/// The slots of a [`record`].
fn plain(size: usize) -> u32 {
    slot::plain(size, 8, slot::stamp(1))
}

fn put(table: &Table, addr: usize, record: Record) {
    assert!(table.record(addr, record, usable(addr, record)));
}

fn all(table: &Table) -> Vec<(usize, usize)> {
    let mut met = Vec::new();
    table.for_each(|addr, record| {
        met.push((addr, record.size));
        usable(addr, record)
    });
    met
}

/// Two threads record the first blocks of a chunk: it is made once, and neither is lost.
fn a_chunk_is_made_once() {
    let table = fresh(Table::new());
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || put(&table, BASE + 64, record(20)))
    };
    put(&table, BASE, record(10));
    other.join().unwrap();
    assert_eq!(all(&table), [(BASE, 10), (BASE + 64, 20)]);
}

/// Two threads record the first blocks of two chunks: both are between the first and the last one in use.
fn two_chunks_are_made() {
    let table = fresh(Table::new());
    let far = BASE + (2 << CHUNK_LOG2);
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || put(&table, far, record(20)))
    };
    put(&table, BASE, record(10));
    other.join().unwrap();
    assert_eq!(all(&table), [(BASE, 10), (far, 20)]);
}

/// A block in a chunk that another thread has just made: who recorded it enumerates it at once.
fn a_chunk_is_enumerated_from_the_first() {
    let table = fresh(Table::new());
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || put(&table, BASE + 64, record(20)))
    };
    if table.head(BASE).is_some() {
        put(&table, BASE, record(10));
        let met = all(&table);
        assert!(met.contains(&(BASE, 10)), "{met:?}");
    }
    other.join().unwrap();
}

/// Who finds a record that takes several slots finds all of it.
fn a_long_record_is_whole() {
    let table = fresh(Table::new());
    put(&table, BASE + 256, record(10));
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || put(&table, BASE, long()))
    };
    let found = table.begins_at(BASE);
    assert!(found.is_none() || found == Some(long()), "{found:?}");
    other.join().unwrap();
    assert_eq!(table.lookup(BASE + 95, usable), Some((BASE, long(), 96)));
}

/// One block after another at an address, of which one is recorded and forgotten as on the hot path: who
/// looks on sees either or none, whichever way it asks.
fn a_plain_block_after_another() {
    let table = fresh(Table::new());
    put(&table, BASE, long());
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || {
            assert!(table.forget(BASE, usable).is_some());
            assert!(table.record_plain(BASE, plain(20)));
        })
    };
    let found = table.begins_at(BASE);
    assert!(found.is_none_or(|found| found == record(20) || found == long()), "{found:?}");
    other.join().unwrap();
    assert_eq!(all(&table), [(BASE, 20)]);
}

fn another_after_a_plain_block() {
    let table = fresh(Table::new());
    put(&table, BASE, record(20));
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || {
            assert!(table.forget_plain(BASE));
            put(&table, BASE, long());
        })
    };
    let size = table.at(BASE).and_then(Head::plain_size);
    assert!(matches!(size, None | Some(20)), "{size:?}");
    let found = table.begins_at(BASE);
    assert!(found.is_none_or(|found| found == record(20) || found == long()), "{found:?}");
    other.join().unwrap();
    assert_eq!(all(&table), [(BASE, 96)]);
}

/// The first plain block at an address is there with its size.
fn a_plain_record_is_whole() {
    let table = fresh(Table::new());
    put(&table, BASE + 256, record(10));
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || assert!(table.record_plain(BASE, plain(20))))
    };
    let size = table.at(BASE).and_then(Head::plain_size);
    assert!(matches!(size, None | Some(20)), "{size:?}");
    let found = table.begins_at(BASE);
    assert!(found.is_none_or(|found| found == record(20)), "{found:?}");
    other.join().unwrap();
    assert_eq!(table.lookup(BASE + 19, usable), Some((BASE, record(20), 32)));
}

/// Two blocks of 8 bytes that share a granule: one is born while the other dies.
fn halves_of_a_granule() {
    let table = fresh(Table::new());
    put(&table, BASE, record(3));
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || put(&table, BASE + 8, record(8)))
    };
    assert_eq!(table.forget(BASE, usable), Some(record(3)));
    other.join().unwrap();
    assert_eq!(all(&table), [(BASE + 8, 8)]);
}

/// A block is forgotten before it is freed, so who is given its address next keeps its record.
/// A third thread that looks on sees one of the two blocks or none.
fn an_address_is_used_again() {
    let table = fresh(Table::new());
    let free = Arc::new(Mutex::new(None));
    put(&table, BASE, record(16));
    let next = {
        let (table, free) = (Arc::clone(&table), Arc::clone(&free));
        thread::spawn(move || {
            let given = free.lock().unwrap().take();
            if let Some(addr) = given {
                put(&table, addr, record(32));
            }
            given.is_some()
        })
    };
    let onlooker = {
        let table = Arc::clone(&table);
        thread::spawn(move || {
            let found = table.begins_at(BASE).map(|record| record.size);
            assert!(matches!(found, None | Some(16 | 32)), "{found:?}");
        })
    };
    assert_eq!(table.forget(BASE, usable), Some(record(16)));
    *free.lock().unwrap() = Some(BASE);
    let is_used_again = next.join().unwrap();
    onlooker.join().unwrap();
    assert_eq!(table.begins_at(BASE), is_used_again.then(|| record(32)));
}

/// An enumeration meets what lives through all of it, once, and nothing that never lived.
fn enumeration_under_traffic() {
    let table = fresh(Table::new());
    put(&table, BASE, record(10));
    put(&table, BASE + 64, record(20));
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || {
            put(&table, BASE + 128, long());
            assert!(table.forget(BASE + 64, usable).is_some());
            put(&table, BASE + 64, record(30));
        })
    };
    let met = all(&table);
    assert_eq!(met.iter().filter(|block| **block == (BASE, 10)).count(), 1, "{met:?}");
    for block in &met {
        assert!(
            [(BASE, 10), (BASE + 64, 20), (BASE + 64, 30), (BASE + 128, 96)].contains(block),
            "never lived: {met:?}"
        );
    }
    other.join().unwrap();
    assert_eq!(all(&table), [(BASE, 10), (BASE + 64, 30), (BASE + 128, 96)]);
}

/// Who finds a block finds the stack that was noted for it.
fn a_stack_is_there_before_its_block() {
    let (table, side) = (fresh(Table::new()), fresh(Side::new()));
    put(&table, BASE + 64, record(20));
    assert!(side.set(BASE, 5), "of a block that was there before");
    let other = {
        let (table, side) = (Arc::clone(&table), Arc::clone(&side));
        thread::spawn(move || {
            assert!(side.set(BASE, 9));
            put(&table, BASE, record(16));
        })
    };
    if table.begins_at(BASE).is_some() {
        assert_eq!(side.get(BASE), 9);
    }
    other.join().unwrap();
}

/// Who finds a block with a sample finds the stack that was noted for it, in the place of one that is gone.
fn a_sample_is_there_before_its_block() {
    let (table, samples) = (fresh(Table::new()), fresh(Samples::new()));
    put(&table, BASE + 64, record(20));
    assert!(samples.set(BASE + 64, 5));
    samples.clear(BASE + 64);
    let sampled = Record { has_sample: true, ..record(16) };
    let other = {
        let (table, samples) = (Arc::clone(&table), Arc::clone(&samples));
        thread::spawn(move || {
            assert!(samples.set(BASE, 9));
            put(&table, BASE, sampled);
        })
    };
    if table.begins_at(BASE) == Some(sampled) {
        assert_eq!(samples.get(BASE), 9);
    }
    other.join().unwrap();
    assert_eq!(samples.get(BASE), 9);
}

/// Samples of two threads meet in a bucket, where there is room for one, and one that goes makes room for
/// another: each is found until it goes, and has its own stack.
fn samples_meet_in_a_bucket() {
    let samples = fresh(Samples::new());
    assert!(samples.set(BASE, 5));
    let other = {
        let samples = Arc::clone(&samples);
        thread::spawn(move || {
            assert!(samples.set(BASE + 64, 6));
            assert_eq!(samples.get(BASE + 64), 6);
            samples.clear(BASE + 64);
            assert_eq!(samples.get(BASE + 64), 0);
            assert!(samples.set(BASE + 128, 7));
        })
    };
    assert_eq!(samples.get(BASE), 5);
    samples.clear(BASE);
    assert_eq!(samples.get(BASE), 0);
    assert!(samples.set(BASE, 8));
    assert_eq!(samples.get(BASE), 8);
    other.join().unwrap();
    assert_eq!([0, 64, 128].map(|at| samples.get(BASE + at)), [8, 0, 7]);
}

/// The number of a stack of one frame, which is found under it.
fn intern(tree: &Contexts, addr: u64) -> u32 {
    let number = tree.child(NONE, addr).unwrap();
    assert_eq!(tree.frame(number), Some((NONE, addr)));
    number
}

/// Two threads intern the same stack: it has one number.
fn a_stack_is_interned_once() {
    let tree = fresh(Contexts::new());
    let other = {
        let tree = Arc::clone(&tree);
        thread::spawn(move || intern(&tree, 7))
    };
    let mine = intern(&tree, 7);
    assert_eq!(mine, other.join().unwrap());
    assert_eq!(tree.child(NONE, 7), Some(mine));
}

/// Two threads put different stacks into the same list (7 and 10 hash alike): neither is lost.
fn stacks_meet_in_a_list() {
    let tree = fresh(Contexts::new());
    let other = {
        let tree = Arc::clone(&tree);
        thread::spawn(move || intern(&tree, 10))
    };
    let mine = intern(&tree, 7);
    let another = other.join().unwrap();
    assert_ne!(mine, another);
    assert_eq!([tree.child(NONE, 7), tree.child(NONE, 10)], [Some(mine), Some(another)]);
    assert_eq!(tree.count(), 4, "found, not made again: two nodes for each");
}

/// Two threads intern stacks that begin alike, as those do that take them one after the
/// other: each stack has one number, also where it is guessed from what another thread put down.
fn stacks_are_guessed() {
    let tree = fresh(Contexts::new());
    let intern = |tree: &Contexts| {
        let (frames, before) = ([Frame::new(), Frame::new()], Before::new());
        let one = |inner: u64, same: usize| {
            frames[0].address.set(7);
            frames[1].address.set(inner);
            let id = tree.intern(NONE, &frames, same, &before).unwrap();
            let (outer, addr) = tree.frame(id).unwrap();
            assert_eq!((addr, tree.frame(outer)), (inner, Some((NONE, 7))));
            id
        };
        let ids = [one(9, 0), one(8, 1)];
        assert_eq!([one(9, 1), one(8, 0)], ids);
        ids
    };
    let other = {
        let tree = Arc::clone(&tree);
        thread::spawn(move || intern(&tree))
    };
    let mine = intern(&tree);
    assert_eq!(mine, other.join().unwrap());
}

fn main() {
    let only = std::env::args().nth(1);
    let models: [(&str, fn(), Option<usize>); 16] = [
        ("a_chunk_is_made_once", a_chunk_is_made_once, Some(3)),
        ("two_chunks_are_made", two_chunks_are_made, Some(3)),
        ("a_chunk_is_enumerated_from_the_first", a_chunk_is_enumerated_from_the_first, None),
        ("a_long_record_is_whole", a_long_record_is_whole, None),
        ("a_plain_record_is_whole", a_plain_record_is_whole, None),
        ("a_plain_block_after_another", a_plain_block_after_another, None),
        ("another_after_a_plain_block", another_after_a_plain_block, None),
        ("halves_of_a_granule", halves_of_a_granule, None),
        ("an_address_is_used_again", an_address_is_used_again, Some(2)),
        ("enumeration_under_traffic", enumeration_under_traffic, Some(3)),
        ("a_stack_is_there_before_its_block", a_stack_is_there_before_its_block, None),
        ("a_sample_is_there_before_its_block", a_sample_is_there_before_its_block, None),
        ("samples_meet_in_a_bucket", samples_meet_in_a_bucket, Some(3)),
        ("a_stack_is_interned_once", a_stack_is_interned_once, Some(3)),
        ("stacks_meet_in_a_list", stacks_meet_in_a_list, Some(3)),
        ("stacks_are_guessed", stacks_are_guessed, Some(2)),
    ];
    for (name, model, preemptions) in models {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let orders = std::sync::Arc::new(AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&orders);
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 20_000;
        // Where all orders are too many: those in which a thread is interrupted so often at most.
        builder.preemption_bound = preemptions;
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            model();
        });
        println!("model {name} ... ok, {} orders", orders.load(Ordering::Relaxed));
    }
}
