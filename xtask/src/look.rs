//! A snapshot in the terminal and in the window.

use crate::system::{self, cargo, target};
use crate::Done;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The snapshots in a folder.
pub(crate) fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "heapsnap"))
        .collect()
}

/// The window, while it is being built: minutes the first time, in which there are tables to read.
pub(crate) struct Window(Child);

impl Window {
    /// Begins to build it.
    pub(crate) fn build() -> Result<Window, String> {
        cargo(&["build", "--release", "--quiet", "-p", "inspector-gui"])
            .stdin(Stdio::null())
            .spawn()
            .map(Window)
            .map_err(|error| format!("cargo cannot be started: {error}"))
    }

    /// Waits for it, and opens it on what `snapshot` gave.
    pub(crate) fn open(mut self, snapshot: Result<PathBuf, String>) -> Done {
        eprintln!("\nbuilding the window (some minutes the first time) …");
        let built = self.0.wait().map_err(|error| format!("cargo was lost: {error}"))?;
        let snapshot = snapshot?;
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
}

/// Asks the console about a snapshot.
pub(crate) fn tables(snapshot: &Path, commands: &[&[&str]]) -> Done {
    for command in commands {
        let mut console = Command::new(target().join("release/inspector-console"));
        system::run(console.arg(snapshot).args(*command))?;
    }
    Ok(())
}
