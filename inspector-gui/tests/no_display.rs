//! The program on a machine without a display.

#![cfg(all(unix, not(target_os = "macos")))]

use std::process::{Command, Output};

fn run(arguments: &[&str], display: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inspector-gui"));
    command.args(arguments);
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(name);
    }
    if let Some(display) = display {
        command.env("DISPLAY", display);
    }
    command.output().unwrap()
}

#[track_caller]
fn check(display: Option<&str>, what: &str) {
    let output = run(&["--sample"], display);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(what) && error.contains("inspector-console"), "{error}");
}

#[test]
fn without_a_display_there_is_one_line_and_exit_code_2() {
    check(None, "neither WAYLAND_DISPLAY nor DISPLAY is set");
}

#[test]
fn a_display_that_does_not_answer_is_the_same() {
    check(Some(":65000"), "cannot open a window");
}

#[test]
fn help_needs_no_display() {
    let output = run(&["--help"], None);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for option in ["--config", "--snapshot", "--sample", "--view", "--dump-state"] {
        assert!(text.contains(option), "{option} is not in:\n{text}");
    }
}
