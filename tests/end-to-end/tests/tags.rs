//! Tags on blocks, and tasks as roots: through threads, nesting, resizing and
//! panics, in every mode, with a ledger that closes.
//!
//! Its own `main`, which starts itself again in each mode.

use end_to_end::{analyse, take};
use heap_analysis::ledger::Class;
use heap_analysis::Analysis;
use heap_snapshot::live::ToolScope;
use heap_snapshot::read::Snapshot;
use heap_walk::{tag, TagFuture, Walk};
use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::{pin, Pin};
use std::process::Command;
use std::task::{Context, Poll, Waker};
use tracking_alloc::TrackingAlloc;

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

type Bytes = Vec<u8>;

fn bytes(size: usize) -> Bytes {
    black_box(vec![1; black_box(size)])
}

/// The tags of a block as the snapshot has them, outer ones first, joined.
fn tags_of(snapshot: &Snapshot, addr: u64) -> String {
    let at = snapshot.blocks.iter().position(|other| other.addr == addr).expect("live");
    let mut number = snapshot.block_stacks.get(at).copied().unwrap_or(0);
    let mut names = Vec::new();
    while number != 0 {
        let frame = snapshot.stack_frames[number as usize - 1];
        names.extend(frame.tag().map(|tag| snapshot.tags[tag as usize].clone()));
        number = frame.parent;
    }
    names.reverse();
    names.join(" > ")
}

fn assert_closes(analysis: &Analysis) {
    assert!(analysis.ledger().closes, "{:?}", analysis.ledger().verdict);
}

/// Waits once: what it was given is in it meanwhile.
struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.0, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// In modes that keep tags and in those that do not.
fn scopes(has_tags: bool) {
    let plain = bytes(100);
    let (outer, inner, tiny, after_inner, mut grown);
    {
        let _tag = tag("outer");
        outer = bytes(100);
        {
            let _tag = tag(String::from("inner").leak());
            inner = bytes(100);
            tiny = (bytes(8), bytes(3));
        }
        after_inner = bytes(5000);
        grown = bytes(20);
    }
    for n in 0..100_000_u32 {
        grown.push(n as u8);
    }
    let inner_again = {
        // The same name at another address, in the other order.
        let _inner = tag("inner");
        let _outer = tag("outer");
        bytes(100)
    };
    let mut in_panic = Bytes::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _tag = tag("panics");
        in_panic = bytes(200);
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    let after_panic = bytes(200);
    let from_thread = {
        let _tag = tag("spawns");
        let thread = std::thread::spawn(|| {
            let plain = bytes(300);
            let _tag = tag("thread");
            (plain, bytes(300))
        });
        thread.join().expect("a thread")
    };
    let reused: Vec<Bytes> = {
        let kept = {
            let _tag = tag("freed");
            (0..500).map(|_| bytes(64)).collect::<Vec<_>>()
        };
        drop(kept);
        (0..500).map(|_| bytes(64)).collect()
    };

    let kept = (
        (&plain, &outer, &inner, &tiny, &after_inner, &grown),
        (&inner_again, &in_panic, &after_panic, &from_thread, &reused),
    );
    let snapshot = take(&[]);
    let _tool = ToolScope::enter();
    let expected = |tags: &'static str| if has_tags { tags } else { "" };
    for (block, tags) in [
        (&plain, ""),
        (&outer, "outer"),
        (&inner, "outer > inner"),
        (&tiny.0, "outer > inner"),
        (&tiny.1, "outer > inner"),
        (&after_inner, "outer"),
        (&grown, "outer"),
        (&inner_again, "inner > outer"),
        (&in_panic, "panics"),
        (&after_panic, ""),
        (&from_thread.0, ""),
        (&from_thread.1, "thread"),
    ] {
        assert_eq!(tags_of(&snapshot, block.as_ptr() as u64), expected(tags));
    }
    assert!(
        reused.iter().all(|block| tags_of(&snapshot, block.as_ptr() as u64).is_empty()),
        "a freed block's tags are gone"
    );
    assert_eq!(snapshot.tags.iter().filter(|tag| *tag == "inner").count(), usize::from(has_tags));
    let total: u64 = snapshot.blocks.iter().map(|block| block.usable).sum();
    let analysis = analyse(snapshot);
    assert_closes(&analysis);
    for only_unclaimed in [false, true] {
        let rows = analysis.tags(only_unclaimed);
        assert_eq!(rows.total, total, "nothing is claimed here");
        assert_eq!(rows.problems.len(), usize::from(!has_tags), "{:?}", rows.problems);
        let row = |tags: &str| rows.rows.iter().find(|row| row.tags.join(" > ") == tags);
        let count = |tags: &str| row(tags).map_or(0, |row| row.blocks);
        // The name of the inner one is a block too.
        let sizes = ["outer", "outer > inner", "inner > outer", "panics", "freed"].map(count);
        assert_eq!(sizes, if has_tags { [4, 3, 1, 1, 0] } else { [0; 5] });
        assert_eq!(rows.rows.iter().map(|row| row.bytes).sum::<u64>(), total);
        if has_tags {
            assert_eq!(row("panics").map(|row| row.bytes), Some(224));
        }
    }
    black_box(kept);
}

/// A task that is polled by three threads in turn, and at last dropped while it waits.
fn tasks(has_tags: bool) {
    let work = async {
        let first = bytes(1000);
        Yield(false).await;
        let second = (bytes(2000), vec![bytes(10), bytes(10)]);
        Yield(false).await;
        let inside = take(&[]);
        let third = bytes(3000);
        Yield(false).await;
        black_box((&first, &second, &third, &inside));
        Yield(false).await;
    };
    let line = line!() + 1;
    let mut task = Box::pin(work.tagged("work"));
    let begin = &raw const *task as u64;
    let place = begin..begin + size_of_val(&*task) as u64;
    // Each poll in a thread of its own; the last one has a tag beforehand.
    for at in 0..2 {
        std::thread::scope(|scope| {
            let task = task.as_mut();
            let polled = scope.spawn(move || {
                let _tag = (at == 1).then(|| tag("worker"));
                poll(task).is_pending()
            });
            assert!(polled.join().expect("a thread"));
        });
    }

    let snapshot = take(&[]);
    let tool = ToolScope::enter();
    let roots: Vec<_> = snapshot.roots.iter().filter(|root| root.origin == "task").collect();
    assert_eq!(roots.len(), 1);
    let (root, source) = (roots[0], roots[0].source.as_ref().expect("a line"));
    assert!(root.name.starts_with("work#") && !root.is_name, "{root:?}");
    assert_eq!((source.file.as_str(), source.line), (file!(), line));
    assert!(place.contains(&root.addr) && place.contains(&(root.addr + root.size - 1)));
    assert!(snapshot.unreadable.is_empty());
    // Claimed by the task: its three vectors, and what one of these holds.
    let find = |size: u64| snapshot.blocks.iter().find(|block| block.requested == size).expect("live");
    let sizes = [1000, 2000, 48, 10];
    for size in sizes {
        let addr = find(size).addr;
        let at = (0..snapshot.nodes.count()).map(|at| snapshot.nodes.get(at)).find(|node| node.addr == addr);
        let node = at.unwrap_or_else(|| panic!("nobody claims the block of {size}"));
        assert_eq!(node.edge, heap_snapshot::record::EdgeKind::CLAIM_RAW);
        let parent = node.parent.expect("an owner");
        assert!(size == 10 || parent == root.node, "{size}: {parent}");
    }
    let expected = |tags: &'static str| if has_tags { tags } else { "" };
    assert_eq!(tags_of(&snapshot, find(1000).addr), expected("work"));
    assert_eq!(tags_of(&snapshot, find(2000).addr), expected("worker > work"));
    let root_size = root.size;
    let analysis = analyse(snapshot);
    assert_closes(&analysis);
    let ledger = analysis.ledger();
    let raw = ledger.classes.iter().find(|row| row.class == Class::ClaimedRaw).expect("a row");
    assert_eq!((raw.blocks, raw.bytes), (5, 1024 + 2048 + 48 + 16 + 16), "{:?}", ledger.classes);
    let roots = analysis.roots();
    let row = roots.iter().find(|row| row.origin == "task").expect("the task");
    assert_eq!(row.source.as_deref(), Some(format!("{}:{line}", file!()).as_str()));
    // The future's own block, and what only it leads to.
    assert!(row.sizes.alone >= raw.bytes + root_size, "{:?}", row.sizes);
    drop((analysis, tool));

    // While it is polled nobody knows what is in it.
    assert!(poll(task.as_mut()).is_pending());
    drop(task);
    let snapshot = take(&[]);
    let _tool = ToolScope::enter();
    assert!(snapshot.roots.is_empty(), "it is gone");
    assert_closes(&analyse(snapshot));
}

fn while_polled() {
    let seen = Cell::new(None);
    let work = async {
        let held = bytes(700);
        Yield(false).await;
        seen.set(Some(take(&[])));
        black_box(held);
    };
    let mut task = pin!(work.tagged("polled"));
    assert!(poll(task.as_mut()).is_pending());
    assert!(poll(task.as_mut()).is_ready());
    let _tool = ToolScope::enter();
    let snapshot = seen.take().expect("taken");
    let root = snapshot.roots.iter().find(|root| root.name.starts_with("polled#")).expect("a root");
    let unreadable: Vec<_> = snapshot.unreadable.iter().filter(|part| part.node == root.node).collect();
    assert_eq!(unreadable.len(), 1);
    assert_eq!(unreadable[0].reason, "is being polled");
    assert_closes(&analyse(snapshot));
}

/// A tagged future in another one is a name; tasks that know each other do not own each other.
fn nested_and_mutual() {
    let child = Box::pin(async {
        let own = bytes(900);
        Yield(false).await;
        black_box(own);
    });
    let mut child = Box::pin(child.tagged("child"));
    assert!(poll(child.as_mut()).is_pending());
    let known = &raw const *child as usize;
    let outer = async {
        let step = async {
            let own = bytes(400);
            Yield(false).await;
            black_box(own);
        };
        let pointer = black_box(known);
        step.tagged("step").await;
        black_box(pointer);
    };
    let mut outer = pin!(outer.tagged("outer"));
    assert!(poll(outer.as_mut()).is_pending());
    let snapshot = take(&[]);
    let _tool = ToolScope::enter();
    let root = |name: &str| {
        let is_it = |root: &&heap_snapshot::record::Root| root.name.starts_with(name);
        snapshot.roots.iter().find(is_it).unwrap_or_else(|| panic!("{name}: {:?}", snapshot.roots))
    };
    assert!(!root("child#").is_name && !root("outer#").is_name && root("step#").is_name);
    let holder = |size: u64| {
        let block = snapshot.blocks.iter().find(|block| block.requested == size).expect("live");
        let nodes = (0..snapshot.nodes.count()).map(|at| snapshot.nodes.get(at));
        nodes.filter(|node| node.addr == block.addr).find_map(|node| node.parent).expect("claimed")
    };
    assert_eq!(holder(400), root("outer#").node);
    // The boxed future is the child's, and its bytes hold what it owns.
    let boxed = snapshot.nodes.get(holder(900) as usize);
    assert_eq!(boxed.parent, Some(root("child#").node));
    assert_closes(&analyse(snapshot));
}

#[derive(Walk)]
struct Executor {
    /// As a runtime has them: bytes that lead to every task.
    #[walk(opaque)]
    queue: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

/// A task that only bytes of somebody else lead to is its own, with what it holds.
fn behind_opaque_bytes() {
    let shared = std::rc::Rc::new(bytes(777));
    let known = std::rc::Rc::clone(&shared);
    let work = async move {
        let own = bytes(900);
        Yield(false).await;
        black_box((own, known));
    };
    let mut executor = Executor { queue: vec![Box::pin(work.tagged("queued"))] };
    assert!(poll(executor.queue[0].as_mut()).is_pending());
    let snapshot = take(&[("shared", &shared), ("executor", &executor)]);
    let _tool = ToolScope::enter();
    let is_it = |root: &&heap_snapshot::record::Root| root.name.starts_with("queued#");
    let (node, is_name) =
        snapshot.roots.iter().find(is_it).map(|root| (root.node, root.is_name)).expect("it");
    assert!(!is_name);
    let block = snapshot.blocks.iter().find(|block| block.requested == 900).expect("live");
    let nodes = || (0..snapshot.nodes.count()).map(|at| snapshot.nodes.get(at));
    assert_eq!(nodes().find(|node| node.addr == block.addr).and_then(|held| held.parent), Some(node));
    let analysis = analyse(snapshot);
    assert_closes(&analysis);
    let raw =
        analysis.ledger().classes.iter().find(|row| row.class == Class::ClaimedRaw).map(|row| row.blocks);
    assert_eq!(raw, Some(2), "the queue's buffer, and what the task holds: {:?}", analysis.ledger().classes);
    let row = analysis.roots().iter().find(|row| row.origin == "task").expect("the task");
    assert!(row.sizes.alone >= 900 && row.sizes.alone < 2000, "{row:?}");
}

fn many() {
    let mut all: Vec<_> = (0..1000)
        .map(|at| {
            Box::pin(
                async move {
                    let own = bytes(100 + at);
                    Yield(false).await;
                    black_box(own);
                }
                .tagged("many"),
            )
        })
        .collect();
    for task in &mut all {
        assert!(poll(task.as_mut()).is_pending());
    }
    // Others come and go where they were.
    let mut at = 0;
    all.retain(|_| {
        at += 1;
        at % 3 == 0
    });
    let kept = all.len();
    let snapshot = take(&[]);
    {
        let _tool = ToolScope::enter();
        let roots = snapshot.roots.iter().filter(|root| root.name.starts_with("many#"));
        assert_eq!(roots.count(), kept);
        let analysis = analyse(snapshot);
        assert_closes(&analysis);
        let row =
            analysis.ledger().classes.iter().find(|row| row.class == Class::ClaimedRaw).map(|row| row.blocks);
        assert_eq!(row, Some(kept as u64));
        drop(analysis);
    }
    for mut task in all {
        assert!(poll(task.as_mut()).is_ready());
    }
}

fn main() {
    if let Some(mode) = std::env::args().nth(1) {
        let has_tags = ["tags", "stacks"].contains(&mode.as_str());
        scopes(has_tags);
        tasks(has_tags);
        while_polled();
        nested_and_mutual();
        behind_opaque_bytes();
        many();
        return;
    }
    for mode in ["tags", "stacks", "sizes"] {
        let exe = std::env::current_exe().expect("this test");
        let output = Command::new(exe).arg(mode).env("HEAP_TRACK", mode).output().expect("started again");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{mode}: {said}");
    }
    println!("test tags ... ok\n1 passed, 0 failed");
}
