//! The borrow checker on real facts, observed: every snapshot's ledger closes,
//! `HEAP_WALK` does what it says, and the console answers.

use end_to_end::{folder, program};
use heap_analysis::config::Config;
use heap_analysis::ledger::Class;
use heap_analysis::{load, Analysis, Lens};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Facts made once for all tests of this binary, in a folder of their own for all its runs;
/// the program then reads them.
fn facts() -> &'static Path {
    static FACTS: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    FACTS.get_or_init(|| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("facts");
        let _ = std::fs::remove_dir_all(&kept);
        std::fs::create_dir_all(&kept).expect("a folder");
        let output =
            Command::new(program("borrowck")).arg("--keep-facts").arg(&kept).output().expect("borrowck");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        // Real facts of the installed rustc, not the ones that stand in for them.
        assert!(String::from_utf8_lossy(&output.stdout).contains("datafrog: 126 functions"), "{output:?}");
        kept
    })
}

/// Runs the program with this `HEAP_WALK`; what it said on standard error.
fn run(walk: &str, directory: &Path, more: &[(&str, &str)]) -> String {
    let mut command = Command::new(program("borrowck"));
    command.arg("--facts").arg(facts()).env("HEAP_WALK", walk).env("HEAP_WALK_DIR", directory);
    command.envs(more.iter().copied()).current_dir(std::env::temp_dir());
    let output = command.output().expect("borrowck");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the program goes on whatever HEAP_WALK says: {said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("no errors"), "{output:?}");
    said
}

fn snapshots(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "heapsnap"))
        .collect();
    paths.sort();
    paths
}

fn analyse(path: &Path) -> Analysis {
    let loaded = load::load(path, None, &mut |_| true).expect("a snapshot");
    assert_eq!(loaded.heap.problems(), [] as [String; 0]);
    Analysis::new(Arc::new(loaded.heap), Arc::new(Config::default()), Lens::default())
}

/// Asserts both identities, and returns the share of bytes claimed typed and claimed at all.
fn assert_closes(analysis: &Analysis, what: &str) -> (f64, f64) {
    let ledger = analysis.ledger();
    assert_eq!(ledger.is_quiescent, Some(true), "{what}");
    assert_eq!(ledger.difference, Some(0), "{what}: {:?}", ledger.verdict);
    assert_eq!(ledger.mismatches, [], "{what}");
    assert_eq!(ledger.claimed_twice, [], "{what}");
    assert_eq!(ledger.moved_count, 0, "{what}");
    assert!(ledger.closes, "{what}: {:?}", ledger.verdict);
    let waterfall = &ledger.waterfall;
    assert_eq!(waterfall.total, ledger.population.bytes, "{what}");
    let classes: u64 = ledger.classes.iter().map(|row| row.bytes).sum();
    assert_eq!(classes, ledger.population.bytes, "{what}");
    let share = |names: &[&str]| {
        let bytes: u64 = ledger
            .coverage
            .iter()
            .filter(|row| names.contains(&row.name.as_str()))
            .map(|row| row.bytes)
            .sum();
        bytes as f64 / ledger.population.bytes as f64
    };
    (share(&["typed"]), share(&["typed", "opaque", "raw"]))
}

#[test]
fn the_ledger_closes_at_the_end() {
    let directory = folder("end");
    let said = run("end", &directory, &[]);
    assert!(said.contains("heap-walk: end hit 1: "), "{said}");
    let paths = snapshots(&directory);
    assert_eq!(paths.len(), 1, "{paths:?}");
    let name = paths[0].file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with("borrowck.") && name.ends_with(".end.1.heapsnap"), "{name}");
    assert!(said.contains(&name), "{said}");

    let analysis = analyse(&paths[0]);
    let (typed, claimed) = assert_closes(&analysis, "end");
    println!("typed {:.2} %, claimed {:.2} %", 100.0 * typed, 100.0 * claimed);
    assert!(claimed >= 0.99, "claimed {claimed}");
    assert!(typed >= 0.99, "typed {typed}");
    let unclaimed =
        analysis.ledger().classes.iter().find(|row| row.class == Class::Unclaimed).expect("a row");
    let listed: u64 = analysis.ledger().unclaimed.iter().map(|row| row.bytes).sum();
    assert_eq!(listed, unclaimed.bytes, "what is unclaimed is listed");

    // What is retained at the top of the dominator tree adds up to all that is reached.
    let row = analysis.roots().iter().find(|row| row.name == "gcx").expect("the root");
    assert!(row.sizes.in_all > 30 << 20, "a real heap: {row:?}");
    assert!(row.sizes.alone <= row.sizes.in_all);
    assert_eq!(row.sizes.shared, row.sizes.in_all - row.sizes.alone);
}

#[test]
fn ranges_labels_and_the_heaviest_hit() {
    let directory = folder("ranges");
    let said = run("after_borrowck@2..4,after_borrowck@max", &directory, &[]);
    assert!(said.contains("of 126 hits the heaviest, but for 1/16 at most: after_borrowck hit "), "{said}");
    let paths = snapshots(&directory);
    assert_eq!(paths.len(), 4, "three of the range and the heaviest: {paths:?}");
    for path in &paths {
        let analysis = analyse(path);
        let (_, claimed) = assert_closes(&analysis, &path.to_string_lossy());
        assert!(claimed > 0.9, "{}: {claimed}", path.display());
        let names: Vec<&str> = analysis.roots().iter().map(|row| row.name.as_str()).collect();
        for name in ["mbcx", "mbcx.body", "mbcx.regioncx", "gcx"] {
            assert!(names.contains(&name), "{names:?}");
        }
        let mbcx = analysis.roots().iter().find(|row| row.name == "mbcx").expect("the root");
        let with_parts = mbcx.with_parts.expect("it has parts");
        assert!(with_parts.alone >= mbcx.sizes.alone, "{mbcx:?}");
        assert!(with_parts.in_all > mbcx.sizes.in_all, "what it borrows is its parts': {mbcx:?}");
    }
    let said = run("after_borrowck[def=*changed*][def!=*closure*]", &folder("labels"), &[]);
    let lines: Vec<&str> = said.lines().filter(|line| line.contains(" hit ")).collect();
    assert!(!lines.is_empty(), "{said}");
    assert!(lines.iter().all(|line| line.contains("changed") && !line.contains("closure")), "{said}");
}

#[test]
fn at_most_so_many_files_and_the_rest_is_counted() {
    let directory = folder("many");
    let said = run("after_*", &directory, &[("HEAP_WALK_MAX", "3")]);
    assert_eq!(snapshots(&directory).len(), 3);
    assert!(said.contains("heap-walk: 123 hits were not written"), "{said}");
}

#[test]
fn a_query_writes_nothing_and_lists_the_checkpoints() {
    let directory = folder("query");
    let said = run("?", &directory, &[]);
    assert_eq!(snapshots(&directory), [] as [PathBuf; 0]);
    assert!(said.contains("heap-walk: after_borrowck: 126 hits, "), "{said}");
    assert!(said.contains("heap-walk: end: 1 hits, "), "{said}");
    // A line to paste, which chooses that hit.
    let line =
        said.lines().find(|line| line.contains("HEAP_WALK='after_borrowck[def=")).expect("a directive");
    let directive = line.split('\'').nth(1).expect("quoted");
    let pasted = run(directive, &directory, &[]);
    assert!(pasted.contains("heap-walk: after_borrowck hit 1, def "), "{directive}: {pasted}");
    assert_eq!(snapshots(&directory).len(), 1);
}

#[test]
fn what_is_wrong_is_said_and_the_program_goes_on() {
    let directory = folder("wrong");
    let said = run("ende,after_borrowck@0,end[x=y]", &directory, &[]);
    assert!(
        said.contains("column 21: `0` is no hit: hits are counted from 1; this item is left out"),
        "{said}"
    );
    assert!(said.contains("no checkpoint is named `ende` (is it `end`?); there are: "), "{said}");
    assert!(said.contains("checkpoint `end` was hit, but never with labels that match"), "{said}");
    assert_eq!(snapshots(&directory), [] as [PathBuf; 0]);

    let said = run("end=pause", &directory, &[]);
    assert!(said.contains("pausing comes with a later version: a file is written instead"), "{said}");
    assert_eq!(snapshots(&directory).len(), 1);

    let said = run("end", &directory.join("not/there"), &[]);
    assert!(said.contains("cannot be written: No such file or directory"), "{said}");

    let log = directory.join("log");
    let said = run("end", &directory, &[("HEAP_WALK_LOG", log.to_str().expect("text"))]);
    assert!(!said.contains("heap-walk:"), "{said}");
    assert!(std::fs::read_to_string(log).expect("the log").contains("heap-walk: end hit 1"));
}

#[test]
fn a_full_disk_costs_the_snapshot_and_not_the_program() {
    if !Path::new("/dev/full").exists() {
        println!("no /dev/full here");
        return;
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let error = heap_walk::snapshot(full, &[("value", &vec![1u8])]).expect_err("nothing fits");
    assert!(error.to_string().contains("No space left"), "{error}");
}

#[test]
fn the_console_answers() {
    let directory = folder("console");
    run("end", &directory, &[]);
    let path = snapshots(&directory).remove(0);
    let ask = |arguments: &[&str]| {
        let output =
            Command::new(program("inspector-console")).arg(&path).args(arguments).output().expect("console");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let summary = ask(&["summary"]);
    assert!(summary.contains("the ledger closes"), "{summary}");
    let levels = ["resident set", "resident", "active", "allocated", "live blocks", "requested", "payload"];
    for level in levels {
        assert!(summary.lines().any(|line| line.starts_with(level)), "{level}: {summary}");
    }
    assert!(summary.contains("address space of the allocator: "), "{summary}");
    assert!(ask(&["roots"]).contains("gcx.arena"));
    assert!(ask(&["types", "--top", "5"]).contains("payload"));
    assert!(ask(&["type", "TyKind"]).contains("Adt"), "{}", ask(&["type", "TyKind"]));
    assert!(ask(&["owns", "gcx"]).contains("with gcx.arena"));
    assert!(ask(&["tree", "gcx", "--depth", "2"]).contains("borrowck_results"));
    assert!(ask(&["path", "BorrowCheckResult"]).contains("gcx"));
    assert!(ask(&["ledger"]).contains("allocator says"));
    for command in [&["--json", "roots"][..], &["--json", "types"], &["--json", "ledger"]] {
        let json = ask(command);
        assert!(json.trim_start().starts_with(['{', '[']), "{command:?}: {json}");
    }
}
