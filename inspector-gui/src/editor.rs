//! Opening the place where a type is defined in the user's editor: a command in
//! the environment, since no desktop has a way to name a line.

use std::io;
use std::process::{Command, Stdio};

/// The environment variable with the command: `code -g {file}:{line}`.
pub const VARIABLE: &str = "HEAP_INSPECTOR_EDITOR";

/// The program and its arguments for a place; `None` where the template names no
/// program. A word `{file}` or `{line}`, or a part of one, stands for the place's.
pub fn command(template: &str, file: &str, line: u32) -> Option<(String, Vec<String>)> {
    let mut words = template.split_whitespace();
    let program = words.next()?.to_owned();
    let fill = |word: &str| word.replace("{line}", &line.to_string()).replace("{file}", file);
    let mut arguments: Vec<String> = words.map(fill).collect();
    if !template.contains("{file}") {
        arguments.push(file.to_owned());
    }
    Some((program, arguments))
}

/// Starts the editor and does not wait for it.
///
/// # Errors
///
/// Where no editor is named, or it cannot be started: what to do.
pub fn open(file: &str, line: u32) -> Result<(), String> {
    let template = std::env::var(VARIABLE).unwrap_or_default();
    let Some((program, arguments)) = command(&template, file, line) else {
        return Err(format!("set {VARIABLE} to your editor's command, such as `code -g {{file}}:{{line}}`"));
    };
    let mut editor = Command::new(&program);
    editor.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let wait = |mut child: std::process::Child| {
        // On a thread of its own, so that it does not stay behind when it has ended.
        std::thread::Builder::new().name("editor".into()).spawn(move || child.wait()).map(|_| ())
    };
    editor
        .spawn()
        .and_then(wait)
        .map_err(|error: io::Error| format!("{program} cannot be started: {error}: correct {VARIABLE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in() {
        let check = |template: &str, expected: &[&str]| {
            let (program, arguments) = command(template, "src/a b.rs", 7).unwrap();
            let all: Vec<&str> =
                std::iter::once(program.as_str()).chain(arguments.iter().map(String::as_str)).collect();
            assert_eq!(all, expected);
        };
        check("code -g {file}:{line}", &["code", "-g", "src/a b.rs:7"]);
        check("gvim +{line} {file}", &["gvim", "+7", "src/a b.rs"]);
        check("kate", &["kate", "src/a b.rs"]);
        assert_eq!(command("  ", "a.rs", 1), None);
    }
}
