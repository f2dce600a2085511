//! Commands of others: cargo, apt-get, programs we built.

use crate::Done;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo builds to.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A cargo command in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command and shows it first.
pub(crate) fn run(command: &mut Command) -> Done {
    let shown = shown(command);
    eprintln!("\n$ {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status})")),
        Err(error) => Err(format!("`{shown}` cannot be started: {error}")),
    }
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut shown = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        shown += " ";
        shown += &argument.to_string_lossy();
    }
    shown
}

/// Whether a program is in the path.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Makes sure of Debian packages: `needs` says what is missing. Installs them
/// where this user may, else says how.
pub(crate) fn ensure_packages(why: &str, packages: &[&str], is_there: impl Fn() -> bool) -> Done {
    if is_there() {
        return Ok(());
    }
    let hint = format!("{why} needs packages; install them: sudo apt-get install {}", packages.join(" "));
    if !has("apt-get") {
        return Err(hint);
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let apt = |arguments: &[&str]| {
        let mut command = if is_root {
            Command::new("apt-get")
        } else {
            let mut command = Command::new("sudo");
            command.args(["-n", "apt-get"]);
            command
        };
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    let install = [&["install", "-y", "-qq", "--no-install-recommends"], packages].concat();
    apt(&["update", "-qq"]).and_then(|()| apt(&install)).map_err(|error| format!("{hint} ({error})"))?;
    if is_there() {
        Ok(())
    } else {
        Err(hint)
    }
}

/// What building takes beside Rust: jemalloc is C, and is built with make.
pub(crate) fn ensure_build_tools() -> Done {
    ensure_packages("building jemalloc", &["gcc", "libc6-dev", "make"], || has("cc") && has("make"))
}

/// What the window needs to be opened without a screen.
pub(crate) fn ensure_virtual_screen() -> Done {
    let packages = [
        "xvfb",
        "xdotool",
        "imagemagick",
        "libgl1",
        "libgl1-mesa-dri",
        "libxcursor1",
        "libxi6",
        "libxrandr2",
        "libx11-xcb1",
        "libxkbcommon-x11-0",
    ];
    ensure_packages("testing the window", &packages, || {
        has("Xvfb")
            && has("xdotool")
            && has("import")
            && has_libraries(&["libxkbcommon-x11.so.0", "libXcursor.so.1"])
    })
}

fn has_libraries(names: &[&str]) -> bool {
    let output = Command::new("/sbin/ldconfig").arg("-p").output();
    let known = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    names.iter().all(|name| known.contains(name))
}
