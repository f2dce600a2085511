//! Checkpoints that meet each other, and a program that goes on meanwhile.
//!
//! Runs itself again with `HEAP_WALK` set; `SCENARIO` says what to do.

use end_to_end::{analyse, folder};
use heap_snapshot::read;
use heap_walk::{checkpoint, Walk, Walker};
use std::process::Command;
use std::sync::mpsc;
use std::sync::Mutex;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// Meets a checkpoint while it is walked.
struct Nested;

impl Walk for Nested {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        checkpoint!("inner");
        checkpoint!("outer");
    }
}

/// Says that it is being walked, and waits until it may go on.
struct Slow {
    begun: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Walk for Slow {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {
        let _ = self.begun.send(());
        let _ = self.go_on.lock().expect("one thread").recv();
    }
}

fn slow() -> (Slow, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    (Slow { begun, go_on: Mutex::new(go_on) }, has_begun, go)
}

/// What the child does.
fn scenario(name: &str) {
    match name {
        "nested" => {
            checkpoint!("outer", nested = &Nested);
            checkpoint!("outer");
        }
        "two threads" => {
            let (slow, has_begun, go) = slow();
            std::thread::scope(|scope| {
                scope.spawn(|| checkpoint!("both", slow = &slow));
                has_begun.recv().expect("the walk begins");
                // Returns at once, though the other one is waiting for us.
                checkpoint!("both");
                go.send(()).expect("the walk waits");
            });
            checkpoint!("both");
        }
        "traffic" => {
            let old: Vec<Vec<u8>> = (0..100).map(|n| vec![1; 100 + n]).collect();
            let (slow, has_begun, go) = slow();
            std::thread::scope(|scope| {
                scope.spawn(|| checkpoint!("busy", slow = &slow));
                has_begun.recv().expect("the walk begins");
                drop(old);
                let new: Vec<Vec<u8>> = (0..50).map(|n| vec![1; 5000 + n]).collect();
                go.send(()).expect("the walk waits");
                std::mem::forget(new);
            });
        }
        "panics" => {
            std::panic::set_hook(Box::new(|_| {}));
            struct Shapeless;
            impl Walk for Shapeless {
                fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
                fn shape(&self) -> &'static heap_walk::Shape {
                    panic!("a wrong impl")
                }
            }
            struct WrongLabel;
            impl std::fmt::Display for WrongLabel {
                fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    panic!("a wrong label")
                }
            }
            checkpoint!("wrong", root = &Shapeless);
            checkpoint!("wrong"; label = WrongLabel);
            checkpoint!("wrong");
        }
        "labels" => {
            fn never() -> &'static str {
                panic!("labels are made only while a directive names the checkpoint")
            }
            checkpoint!("unnamed"; label = never());
            checkpoint!("named"; label = "a,b", other = 7);
        }
        _ => unreachable!("{name}"),
    }
}

/// Runs a scenario and gives what it said and the files it wrote.
fn run(name: &str, walk: &str) -> (String, Vec<Vec<u8>>) {
    let directory = folder(&format!("checkpoints-{}", name.replace(' ', "-")));
    let output = Command::new(std::env::current_exe().expect("this test"))
        .env("SCENARIO", name)
        .env("HEAP_WALK", walk)
        .env("HEAP_WALK_DIR", &*directory)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}: {said}");
    let entries = std::fs::read_dir(&*directory).expect("the folder");
    let read = |entry: std::fs::DirEntry| std::fs::read(entry.path()).expect("a snapshot");
    (said, entries.map(|entry| read(entry.expect("an entry"))).collect())
}

fn main() {
    if let Ok(name) = std::env::var("SCENARIO") {
        return scenario(&name);
    }
    println!("running checkpoints");

    let (said, files) = run("nested", "*");
    assert_eq!(files.len(), 2, "{said}");
    assert!(said.contains("heap-walk: outer hit 2"), "hits inside a walk are not counted as hits: {said}");
    assert!(
        said.contains("heap-walk: 2 hits were ignored because they came from inside a checkpoint"),
        "{said}"
    );

    let (said, files) = run("two threads", "both");
    assert_eq!(files.len(), 2, "{said}");
    assert!(
        said.contains("heap-walk: 1 checkpoints were skipped because another thread was at one"),
        "{said}"
    );

    let (said, files) = run("traffic", "busy");
    assert_eq!(files.len(), 1, "{said}");
    let mut file = read::read(&files[0][..], |_| true).expect("a snapshot");
    let snapshot = file.snapshots.remove(0);
    let footer = snapshot.footer.clone().expect("complete");
    assert!(!footer.quiescent);
    // Waiting in a channel takes a block or two of its own.
    assert!((51..55).contains(&footer.born.blocks) && footer.born.bytes > 50 * 5120, "{footer:?}");
    assert!((101..105).contains(&footer.freed.blocks), "{footer:?}");
    let analysis = analyse(snapshot);
    let ledger = analysis.ledger();
    assert_eq!(ledger.is_quiescent, Some(false));
    assert_eq!(ledger.difference, Some(0), "nothing moves while the blocks are listed: {:?}", ledger.verdict);
    assert!(!ledger.closes, "a concurrent snapshot does not claim to: {:?}", ledger.verdict);

    let (said, files) = run("labels", "named[label=\"a,?\"][other!=8]");
    assert_eq!(files.len(), 1, "{said}");
    assert!(said.contains("named hit 1, label a,b, other 7: "), "{said}");
    let (said, files) = run("panics", "wrong");
    assert!(said.contains("reached from root `root` panicked (a wrong impl)"), "{said}");
    assert_eq!(
        said.matches("something panicked at this checkpoint; the program goes on").count(),
        1,
        "a label: {said}"
    );
    assert!(said.contains("heap-walk: wrong hit 2: "), "later ones are taken: {said}");
    assert!(!said.contains("skipped"), "{said}");
    assert_eq!(files.len(), 2, "the snapshot without that root is written");
    println!("5 passed, 0 failed");
}
