//! The real window on a virtual screen: opened on the borrow checker's
//! snapshot, sorted by a real click, looked at.

use end_to_end::{folder, program};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends the process it holds.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A virtual screen and its name.
fn screen() -> (Killed, String) {
    let mut screen = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb starts");
    let mut number = String::new();
    let output = screen.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut number).expect("Xvfb says its number");
    (Killed(screen), format!(":{}", number.trim()))
}

/// Waits until the window's state is as wanted.
fn wait_for(window: &mut Killed, state: &Path, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    let mut last = Value::Null;
    while begun.elapsed() < Duration::from_secs(120) {
        if let Ok(text) = std::fs::read_to_string(state) {
            if let Ok(value) = serde_json::from_str(&text) {
                last = value;
                if is_so(&last) {
                    return last;
                }
            }
        }
        if let Some(status) = window.0.try_wait().expect("the window's status") {
            panic!("the window closed ({status}) before {what}; last state: {last:#}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come; last state: {last:#}");
}

fn xdotool(display: &str, arguments: &[&str]) {
    let output = Command::new("xdotool").args(arguments).env("DISPLAY", display).output().expect("xdotool");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Number of colours in a picture of the screen.
fn colours(display: &str, picture: &Path) -> u32 {
    let status = Command::new("import")
        .args(["-window", "root"])
        .arg(picture)
        .env("DISPLAY", display)
        .status()
        .expect("import");
    assert!(status.success());
    let output = Command::new("identify").args(["-format", "%k"]).arg(picture).output().expect("identify");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

fn snapshot(directory: &Path) -> PathBuf {
    let output = Command::new(program("borrowck"))
        .env("HEAP_WALK", "end")
        .env("HEAP_WALK_DIR", directory)
        .output()
        .expect("borrowck");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let entries = std::fs::read_dir(directory).expect("the folder");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "heapsnap")).expect("a snapshot")
}

fn names(state: &Value) -> Vec<String> {
    let visible = state["types"]["visible"].as_array().cloned().unwrap_or_default();
    visible.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

#[test]
fn opened_sorted_by_a_click_and_looked_at() {
    if !["Xvfb", "xdotool", "import", "identify"].iter().all(|name| has(name)) {
        // `cargo xtask test` installs them and says that they must be there.
        assert!(std::env::var_os("WINDOW_TEST").is_none(), "Xvfb, xdotool and imagemagick are needed");
        println!("skipped: Xvfb, xdotool or imagemagick is missing (`cargo xtask test` installs them)");
        return;
    }
    let directory = folder("window");
    let snapshot = snapshot(&directory);
    let state = directory.join("state.json");
    let (_screen, display) = screen();
    let window = Command::new(program("inspector-gui"))
        .arg(&snapshot)
        .arg("--dump-state")
        .arg(&state)
        .env("DISPLAY", &display)
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env_remove("WAYLAND_DISPLAY")
        .current_dir(&*directory)
        .spawn()
        .expect("the window");
    let mut window = Killed(window);

    let opened = wait_for(&mut window, &state, "the table", |state| {
        state["is_busy"] == false && names(state).len() > 10
    });
    assert_eq!(opened["program"], "borrowck", "{opened:#}");
    assert_eq!(opened["checkpoint"], "end", "{opened:#}");
    assert_eq!(opened["ledger_closes"], true, "{opened:#}");
    assert_eq!(opened["error"], Value::Null, "{opened:#}");
    let sorted_by = opened["types"]["sorted_by"].as_str().expect("a column").to_owned();
    assert_eq!(opened["types"]["descending"], true);

    // A header that is on the screen and not the one in force.
    let headers = opened["types"]["headers"].as_object().expect("headers");
    let (column, at) =
        headers.iter().find(|(name, _)| **name != sorted_by && *name == "name").expect("the names' header");
    let pixel = |axis: usize| format!("{:.0}", at[axis].as_f64().expect("a number"));
    xdotool(&display, &["mousemove", &pixel(0), &pixel(1)]);
    std::thread::sleep(Duration::from_millis(200));
    xdotool(&display, &["click", "1"]);
    let sorted = wait_for(&mut window, &state, "the new order", |state| {
        state["types"]["sorted_by"] == column.as_str() && names(state) != names(&opened)
    });
    let by_name = names(&sorted);
    let is_descending = sorted["types"]["descending"] == true;
    let is_ordered =
        by_name.windows(2).all(|pair| if is_descending { pair[0] >= pair[1] } else { pair[0] <= pair[1] });
    assert!(is_ordered, "{by_name:?}");

    // Every view draws, and says that nothing is missing from it.
    xdotool(&display, &["search", "--sync", "--name", "heap inspector", "windowfocus"]);
    for (key, view) in [
        ("ctrl+1", "overview"),
        ("ctrl+2", "types"),
        ("ctrl+8", "unclaimed"),
        ("ctrl+3", "ownership"),
        ("ctrl+4", "hyperbolic"),
        ("ctrl+5", "icicle"),
        ("ctrl+6", "treemap"),
        ("ctrl+7", "fragmentation"),
    ] {
        xdotool(&display, &["key", key]);
        let shown = wait_for(&mut window, &state, view, |state| {
            state["view"] == view && state["is_busy"] == false && {
                let (disk, tiles) = (&state["disk"], &state["tiles"]);
                match view {
                    "hyperbolic" => disk["dots"].as_u64() > Some(50),
                    "icicle" | "treemap" => tiles["tiles"].as_u64() > Some(50),
                    "fragmentation" => state["waste"].as_array().is_some_and(|rows| rows.len() > 5),
                    "ownership" => state["tree"].as_array().is_some_and(|rows| !rows.is_empty()),
                    _ => true,
                }
            }
        });
        assert_eq!(shown["error"], Value::Null, "{shown:#}");
        let picture = directory.join(format!("{view}.png"));
        assert!(colours(&display, &picture) > 100, "a blank window; see {}", picture.display());
    }

    // The disk is recentred, by a key and by a click on what lies in it, and comes to rest.
    xdotool(&display, &["key", "ctrl+4"]);
    let focus = |state: &Value| state["disk"]["focus"].as_str().unwrap_or_default().to_owned();
    let at_rest = |state: &Value| state["is_busy"] == false && state["disk"]["is_moving"] == false;
    let before =
        wait_for(&mut window, &state, "the disk", |state| state["view"] == "hyperbolic" && at_rest(state));
    xdotool(&display, &["key", "Right"]);
    let moved = wait_for(&mut window, &state, "another focus", |state| {
        at_rest(state) && focus(state) != focus(&before)
    });
    assert_eq!(moved["selection"]["kind"], "node", "{moved:#}");
    xdotool(&display, &["key", "Home"]);
    wait_for(&mut window, &state, "everything", |state| {
        at_rest(state) && focus(state) == "everything reachable"
    });

    let picture = directory.join("window.png");
    let found = colours(&display, &picture);
    assert!(found > 100, "{found} colours: a blank window; see {}", picture.display());
}

#[test]
fn without_a_display_it_says_so() {
    let output = Command::new(program("inspector-gui"))
        .arg("--sample")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("DISPLAY") && said.contains("inspector-console"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
