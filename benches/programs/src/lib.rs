//! Four programs that allocate as real ones do, to be run on every kind of
//! allocator: each binary in `src/bin` is the same but for its allocator.
//!
//! | program | what it does |
//! |---|---|
//! | `json` | parses a large JSON file into values and writes it out again |
//! | `syn` | parses Rust sources, all trees of a package alive at a time |
//! | `naga` | a compiler's front end: parses, resolves and checks a large shader module |
//! | `threads` | two threads make data for each other; each reads what it was given, and frees it |

pub mod inputs;

use std::hint::black_box;
use std::path::Path;
use std::sync::mpsc;

/// What is asked of the allocator when a program holds most: blocks that are live, and bytes of its table.
pub type Look = fn() -> Option<(u64, u64)>;

/// Environment variable with which a program looks at the table.
pub const LOOK: &str = "PROGRAMS_LOOK";

/// Names of the programs.
pub const PROGRAMS: [&str; 4] = ["json", "syn", "naga", "threads"];

/// Runs the program that the arguments name on the input that they name, and
/// prints what was measured, a figure a line.
///
/// # Panics
///
/// Where the arguments or the input are not what the driver makes.
pub fn main(look: Look) {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, program, input] = &arguments[..] else { panic!("a program and its input are expected") };
    let mut most = None;
    // It takes time, so that it has a run of its own.
    let is_looking = std::env::var_os(LOOK).is_some();
    let mut look = || most = most.max(if is_looking { look() } else { None });
    match program.as_str() {
        "json" => json(Path::new(input), &mut look),
        "syn" => syn(Path::new(input), &mut look),
        "naga" => naga(Path::new(input), &mut look),
        "threads" => threads(input.parse().expect("a number of batches"), &mut look),
        _ => panic!("no program is named `{program}`"),
    }
    if let Some((blocks, bytes)) = most {
        println!("blocks {blocks}\ntable {bytes}");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.map_or("0", |line| line.trim().trim_end_matches(" kB"));
    println!("peak_kib {peak}");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()))
}

fn json(input: &Path, look: &mut dyn FnMut()) {
    let text = read(input);
    for _ in 0..3 {
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        look();
        let out = serde_json::to_string(&value).expect("a value");
        assert_eq!(black_box(out).len(), text.len());
    }
}

fn syn(list: &Path, look: &mut dyn FnMut()) {
    let list = read(list);
    for package in list.split("\n\n") {
        let mut trees = Vec::new();
        for path in package.lines() {
            // Some files of a package are no Rust.
            trees.extend(syn::parse_file(&read(Path::new(path))));
        }
        if trees.len() > 60 {
            look();
        }
        black_box(trees);
    }
}

fn naga(input: &Path, look: &mut dyn FnMut()) {
    let text = read(input);
    for _ in 0..3 {
        let module =
            naga::front::wgsl::parse_str(&text).unwrap_or_else(|error| panic!("{}", error.message()));
        let (flags, capabilities) = (naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all());
        let info =
            naga::valid::Validator::new(flags, capabilities).validate(&module).expect("a valid module");
        look();
        black_box((module, info));
    }
}

/// A record as services hand on to each other.
struct Record {
    name: String,
    tags: Vec<Box<str>>,
    body: Vec<u8>,
}

fn threads(batches: usize, look: &mut dyn FnMut()) {
    const BATCH: usize = 200;
    let (to_left, at_left) = mpsc::sync_channel::<Vec<Record>>(8);
    let (to_right, at_right) = mpsc::sync_channel::<Vec<Record>>(8);
    let side = |seed: u64, send: mpsc::SyncSender<Vec<Record>>, receive: mpsc::Receiver<Vec<Record>>| {
        move || {
            let mut random = inputs::Random(seed);
            let mut kept: Vec<Vec<Record>> = Vec::new();
            let mut seen = 0;
            let bytes = |record: &Record| {
                let text = |text: &str| text.bytes().map(u64::from).sum::<u64>();
                let body = record.body.iter().copied().map(u64::from).sum::<u64>();
                text(&record.name) + record.tags.iter().map(|tag| text(tag)).sum::<u64>() + body
            };
            for _ in 0..batches {
                let record = |_| Record {
                    name: format!("record {}", random.below(1_000_000)),
                    tags: (0..random.below(4)).map(|tag| format!("tag {tag}").into()).collect(),
                    body: vec![1; 16 + random.below(500)],
                };
                if send.send((0..BATCH).map(record).collect()).is_err() {
                    return kept; // the other side panicked, and that is said where it is joined
                }
                // What was sent is read, and freed some batches later.
                if let Ok(batch) = receive.try_recv() {
                    seen += batch.iter().map(bytes).sum::<u64>();
                    kept.push(batch);
                }
                if kept.len() > 20 {
                    kept.drain(..10);
                }
            }
            drop(send);
            seen += receive.into_iter().flatten().map(|record| bytes(&record)).sum::<u64>();
            black_box(seen);
            kept
        }
    };
    let sides = std::thread::scope(|scope| {
        let sides = [scope.spawn(side(2, to_right, at_left)), scope.spawn(side(3, to_left, at_right))];
        sides.map(|side| side.join().expect("it does not panic"))
    });
    // What each was given last.
    look();
    black_box(sides);
}
