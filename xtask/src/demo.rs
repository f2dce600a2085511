//! The main job: a borrow checker's heap, in the terminal and in the window.

use crate::look::{self, Window};
use crate::system::{self, cargo, ensure_build_tools, target};
use crate::Done;
use std::path::{Path, PathBuf};
use std::process::Command;

fn run_program(arguments: &[&str], snapshots: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(snapshots).map_err(|error| format!("{error}: {}", snapshots.display()))?;
    let before = look::snapshots(snapshots);
    let mut program = Command::new(target().join("release/borrowck"));
    program.args(arguments).env("HEAP_WALK", "end").env("HEAP_WALK_DIR", snapshots);
    eprintln!("\n$ HEAP_WALK=end borrowck {}", arguments.join(" "));
    let status = program.status().map_err(|error| format!("borrowck cannot be started: {error}"))?;
    if !status.success() {
        return Err(format!("borrowck failed ({status})"));
    }
    look::snapshots(snapshots)
        .into_iter()
        .find(|path| !before.contains(path))
        .ok_or_else(|| format!("borrowck wrote no snapshot to {}", snapshots.display()))
}

pub(crate) fn run(arguments: &[&str]) -> Done {
    let arguments = arguments.strip_prefix(&["--"]).unwrap_or(arguments);
    ensure_build_tools()?;
    system::run(&mut cargo(&["build", "--release", "-p", "borrowck", "-p", "inspector-console"]))?;
    let window = Window::build()?;
    let snapshot = run_program(arguments, &target().join("demo")).and_then(|snapshot| {
        look::tables(
            &snapshot,
            &[&["summary"], &["roots"], &["types", "--top", "15"], &["owns", "gcx"], &["ledger"]],
        )?;
        Ok(snapshot)
    });
    window.open(snapshot)
}
