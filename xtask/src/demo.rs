//! The main job: a borrow checker's heap, in the terminal and in the window.

use crate::system::{self, cargo, ensure_build_tools, target};
use crate::Done;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn run_program(arguments: &[&str], snapshots: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(snapshots).map_err(|error| format!("{error}: {}", snapshots.display()))?;
    let before = list(snapshots);
    let mut program = Command::new(target().join("release/borrowck"));
    program.args(arguments).env("HEAP_WALK", "end").env("HEAP_WALK_DIR", snapshots);
    eprintln!("\n$ HEAP_WALK=end borrowck {}", arguments.join(" "));
    let status = program.status().map_err(|error| format!("borrowck cannot be started: {error}"))?;
    if !status.success() {
        return Err(format!("borrowck failed ({status})"));
    }
    list(snapshots)
        .into_iter()
        .find(|path| !before.contains(path))
        .ok_or_else(|| format!("borrowck wrote no snapshot to {}", snapshots.display()))
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "heapsnap"))
        .collect()
}

pub(crate) fn run(arguments: &[&str]) -> Done {
    let arguments = arguments.strip_prefix(&["--"]).unwrap_or(arguments);
    ensure_build_tools()?;
    system::run(&mut cargo(&["build", "--release", "-p", "borrowck", "-p", "inspector-console"]))?;
    // The window takes minutes to build the first time; meanwhile there are tables to read.
    let mut window = cargo(&["build", "--release", "--quiet", "-p", "inspector-gui"])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;

    let tables = run_program(arguments, &target().join("demo")).and_then(|snapshot| {
        for command in
            [&["summary"][..], &["roots"], &["types", "--top", "15"], &["owns", "gcx"], &["ledger"]]
        {
            let mut console = Command::new(target().join("release/inspector-console"));
            system::run(console.arg(&snapshot).args(command))?;
        }
        Ok(snapshot)
    });
    eprintln!("\nbuilding the window (some minutes the first time) …");
    let built = window.wait().map_err(|error| format!("cargo was lost: {error}"))?;
    let snapshot = tables?;
    if !built.success() {
        return Err("the window cannot be built: see the messages above".into());
    }
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !has_display {
        println!(
            "\nThere is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so the window stays closed.\n\
             Where there is one: {} {}",
            target().join("release/inspector-gui").display(),
            snapshot.display()
        );
        return Ok(());
    }
    system::run(Command::new(target().join("release/inspector-gui")).arg(&snapshot))
}
