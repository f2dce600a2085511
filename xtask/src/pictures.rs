//! The pictures in README and docs, of the real window on a virtual screen.

use crate::system::{self, cargo, ensure_virtual_screen, root, target};
use crate::Done;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The compiler's own heap; else it is the sample that comes with the window.
const COMPILER: &str = "rustc-config/sample/rustc.heapsnap";

/// What a picture shows: its name, of what, the view, and what is typed meanwhile:
/// keys as xdotool names them, or text behind a `"`.
const SCENES: &[(&str, &str, &str, &[&str])] = &[
    ("overview", "--sample", "overview", &[]),
    ("window", "--sample", "types", &["Down", "Down", "Down"]),
    ("variants", COMPILER, "types", &["ctrl+f", "\"LocalInfo", "Down"]),
    ("ownership", "--sample", "ownership", &["Down", "Right", "Down", "Right", "Down"]),
    ("hyperbolic", "--sample", "hyperbolic", &["Right", "Right"]),
    ("icicle", "--sample", "icicle", &["Down"]),
    ("treemap", "--sample", "treemap", &["Down", "Down"]),
    ("fragmentation", "--sample", "fragmentation", &["Down"]),
];

/// Ends the process it holds.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Result<Child, String> {
    command.spawn().map_err(|error| format!("{} cannot be started: {error}", command.get_program().display()))
}

/// Makes the pictures of these names, or all.
pub(crate) fn run(names: &[&str]) -> Done {
    if let Some(name) = names.iter().find(|name| !SCENES.iter().any(|scene| scene.0 == **name)) {
        return Err(format!("there is no picture `{name}`: xtask/src/pictures.rs has their names"));
    }
    ensure_virtual_screen()?;
    system::run(&mut cargo(&["build", "--release", "-p", "inspector-gui"]))?;
    let screen = ["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"];
    let mut screen =
        Killed(start(Command::new("Xvfb").args(screen).stdout(Stdio::piped()).stderr(Stdio::null()))?);
    let mut number = String::new();
    let output = screen.0.stdout.take().ok_or("Xvfb has no output")?;
    BufReader::new(output).read_line(&mut number).map_err(|error| format!("Xvfb: {error}"))?;
    let display = format!(":{}", number.trim());
    for (name, of, view, typed) in SCENES {
        if names.is_empty() || names.contains(name) {
            picture(&display, name, of, view, typed).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

fn picture(display: &str, name: &str, of: &str, view: &str, typed: &[&str]) -> Done {
    let state = target().join("pictures.json");
    let _ = std::fs::remove_file(&state);
    let mut window = Command::new(target().join("release/inspector-gui"));
    window.args([of, "--view", view, "--dump-state"]).arg(&state).current_dir(root());
    window.env("DISPLAY", display).env("LIBGL_ALWAYS_SOFTWARE", "1").env_remove("WAYLAND_DISPLAY");
    let _window = Killed(start(window.stderr(Stdio::null()))?);
    let xdotool = |arguments: &[&str]| {
        let done = Command::new("xdotool").args(arguments).env("DISPLAY", display).status();
        done.ok().filter(|status| status.success()).map(|_| ()).ok_or("xdotool failed".to_owned())
    };
    settle(&state)?;
    // Without a window manager nobody has the keyboard.
    xdotool(&["search", "--sync", "--name", "heap inspector", "windowfocus"])?;
    xdotool(&["mousemove", "1399", "899"])?;
    for one in typed {
        match one.strip_prefix('"') {
            Some(text) => xdotool(&["type", "--delay", "80", text])?,
            None => xdotool(&["key", "--delay", "80", one])?,
        }
        std::thread::sleep(Duration::from_millis(700));
        settle(&state)?;
    }
    std::thread::sleep(Duration::from_secs(2));
    let path = root().join(format!("docs/{name}.png"));
    // So few colours that the picture stays small; nobody sees the difference.
    let mut import = Command::new("import");
    import.args(["-window", "root", "-colors", "160", "+dither"]).arg(format!("png8:{}", path.display()));
    system::run(import.env("DISPLAY", display))
}

/// Waits until nothing is loaded or worked out.
fn settle(state: &Path) -> Done {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(120) {
        let text = std::fs::read_to_string(state).unwrap_or_default();
        if text.contains("\"is_busy\": false") && !text.contains("\"nodes\": null") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("the window does not settle".into())
}
