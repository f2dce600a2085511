//! The program from outside: its arguments, its fallback, and rustc's facts where there are any.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("borrowck-test-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borrowck"));
    command.env_remove("HEAP_WALK");
    command
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn run(args: &[&str]) -> (bool, String, String) {
    let output = program().args(args).output().unwrap();
    let (out, err) = texts(&output);
    (output.status.success(), out, err)
}

#[test]
fn without_a_compiler_the_committed_facts_are_used() {
    let mut command = program();
    command.env("PATH", "").env("RUSTC", "/no/such/rustc").env("CARGO", "/no/such/cargo");
    let output = command.output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("emits no facts") && err.contains("committed"), "{err}");
    assert!(out.contains("facts_fallback: 13 functions"), "{out}");
    assert!(out.contains("undeclared at bb0[0]: `'2` must outlive `'1`"), "{out}");
}

#[test]
fn rustc_writes_the_facts_of_a_crate() {
    let folder = Folder::new("generate");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("facts-fallback/Cargo.toml");
    let keep = folder.0.join("kept");
    let args = ["--manifest", manifest.to_str().unwrap(), "--keep-facts", keep.to_str().unwrap()];
    let (success, out, err) = run(&args);
    assert!(success, "{err}");
    if err.contains("emits no facts") {
        eprintln!("this rustc emits no facts: nothing to test");
        return;
    }
    // It doesn't compile, which doesn't keep its facts from being checked.
    assert!(err.contains("facts_fallback doesn't compile: error"), "{err}");
    assert!(out.contains("facts_fallback: 13 functions"), "{out}");
    assert!(out.contains("1 lifetimes too short, 1 moved values used"), "{out}");
    assert!(keep.join("facts_fallback/undeclared/cfg_edge.facts").exists());

    // Kept facts give the same again, and a limit holds.
    let findings =
        |out: &str| out.lines().filter(|l| l.contains(" at bb")).map(str::to_owned).collect::<Vec<_>>();
    let (success, again, err) = run(&["--facts", keep.to_str().unwrap()]);
    assert!(success, "{err}");
    assert_eq!(findings(&again), findings(&out));
    let (_, out, _) = run(&["--facts", keep.to_str().unwrap(), "--functions", "2"]);
    assert!(out.contains(": 2 functions"), "{out}");

    let (success, _, err) = run(&args);
    assert!(!success && err.contains("the folder is not empty"), "{err}");
}

#[test]
fn bad_facts_are_named() {
    let folder = Folder::new("bad");
    let function = folder.0.join("f");
    fs::create_dir_all(&function).unwrap();
    let dir = folder.0.to_str().unwrap();
    let (success, _, err) = run(&["--facts", dir]);
    assert!(!success && err.contains("no folder with a cfg_edge.facts"), "{err}");

    fs::write(function.join("cfg_edge.facts"), "\"Start(bb0[0])\"\t\"Mid(bb0[0])\"\n\"x\"\n").unwrap();
    let (success, _, err) = run(&["--facts", dir]);
    assert!(!success);
    assert!(err.starts_with("borrowck: expected 2 columns, found 1: "), "{err}");
    assert!(err.trim_end().ends_with("cfg_edge.facts:2"), "{err}");

    let (success, _, err) = run(&["--facts", "/no/such/folder"]);
    assert!(!success && err.contains("facts can't be read"), "{err}");
}

#[test]
fn bad_arguments_are_refused_with_the_usage() {
    for (args, problem) in [
        (&["--nonsense"] as &[&str], "unknown argument `--nonsense`"),
        (&["--crate"], "--crate needs a value"),
        (&["--functions", "many"], "--functions needs a number"),
        (&["--facts", "a", "--crate", "b"], "--facts goes with neither"),
    ] {
        let (success, out, err) = run(args);
        assert!(!success && out.is_empty());
        assert!(err.contains(problem) && err.contains("usage: borrowck"), "{err}");
    }
    let (success, out, _) = run(&["--help"]);
    assert!(success && out.starts_with("usage: borrowck"));
}
