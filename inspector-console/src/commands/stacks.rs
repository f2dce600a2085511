//! `stacks`, `unclaimed --by stack` and `--by tag`: which code allocated the blocks, and for what.

use super::Out;
use crate::table::{Column, Table};
use heap_analysis::addresses::Code;
use heap_analysis::stacks::{StackRows, TagRows};
use heap_analysis::units::{bytes, count, percent};
use std::fmt::Write as _;

/// Lines shown at each end of a long stack.
const ENDS: usize = 20;

pub(crate) fn run(out: &Out<'_>, only_unclaimed: bool, top: usize, is_full: bool) -> String {
    let stacks = out.analysis.stacks(only_unclaimed, top);
    if out.is_json {
        return out.json(&stacks);
    }
    out.end(text(&stacks, is_full))
}

/// Blocks by the tags under which they were allocated; `top` rows, or all for 0.
pub(crate) fn by_tag(out: &Out<'_>, only_unclaimed: bool, top: usize) -> String {
    let tags = out.analysis.tags(only_unclaimed);
    if out.is_json {
        return out.json(&tags);
    }
    out.end(tag_text(&tags, top, out.width))
}

fn tag_text(tags: &TagRows, top: usize, width: Option<usize>) -> String {
    let bytes_title = if tags.mean > 0 { "~ requested" } else { "bytes" };
    let mut table = Table::new(&[
        Column::Text("tags"),
        Column::Number(bytes_title),
        Column::Number("blocks"),
        Column::Text("one at"),
    ]);
    let shown = if top == 0 { tags.rows.len() } else { top };
    for row in tags.rows.iter().take(shown) {
        let is_estimate = tags.mean > 0 && row.estimated_bytes > 0;
        table.row([
            if row.tags.is_empty() { "(none)".to_owned() } else { row.tags.join(" > ") },
            bytes(if is_estimate { row.estimated_bytes } else { row.bytes }),
            count(row.blocks),
            format!("{:#x}", row.example),
        ]);
    }
    let mut text = table.render(width);
    if tags.mean > 0 {
        let _ = writeln!(
            text,
            "\nestimates: tags are known of a block for each {} on average; (none) holds all others",
            bytes(tags.mean)
        );
    }
    if shown < tags.rows.len() {
        let _ = writeln!(text, "\n{} more: `--top 0` shows all", count((tags.rows.len() - shown) as u64));
    }
    for problem in &tags.problems {
        let _ = writeln!(text, "problem: {problem}");
    }
    text
}

fn text(stacks: &StackRows, is_full: bool) -> String {
    let mut text = String::new();
    if !stacks.way.is_empty() {
        let _ = write!(
            text,
            "{} in {} stacks, found by {}",
            bytes(stacks.total),
            count(stacks.stacks as u64),
            stacks.way
        );
        if stacks.mean > 0 {
            let _ = write!(
                text,
                "; a stack for each {} on average, and ~ what it stands for",
                bytes(stacks.mean)
            );
        }
        text.push('\n');
        for row in &stacks.rows {
            let _ = match stacks.mean {
                0 => write!(text, "\n{} ({})", bytes(row.bytes), percent(row.bytes, stacks.total)),
                _ if row.frames.is_empty() => write!(text, "\n{}", bytes(row.bytes)),
                _ => write!(text, "\n~ {}", bytes(row.estimated_bytes)),
            };
            let _ = writeln!(text, " in {} blocks, one at {:#x}", count(row.blocks), row.example);
            if !row.tags.is_empty() {
                let _ = writeln!(text, "  tagged {}", row.tags.join(" > "));
            }
            if row.frames.is_empty() {
                text.push_str("  without a stack\n");
            }
            frames(&mut text, &row.frames, is_full);
        }
        if stacks.rows.len() < stacks.stacks {
            let more = (stacks.stacks - stacks.rows.len()) as u64;
            let _ = writeln!(text, "\n{} more: `--top 0` shows all", count(more));
        }
    }
    for problem in &stacks.problems {
        let _ = writeln!(text, "problem: {problem}");
    }
    text
}

/// A line for each function, innermost first. Unless all are asked for, of calls
/// within the standard library only the outermost is shown, and of those around
/// `main` or a thread's function none.
pub(crate) fn frames(text: &mut String, frames: &[Code], is_full: bool) {
    let lines = lines(frames, is_full);
    let is_long = !is_full && lines.len() > 2 * ENDS;
    for (at, line) in lines.iter().enumerate() {
        if is_long && at == ENDS {
            let _ = writeln!(text, "  … {} more …", lines.len() - 2 * ENDS);
        }
        if !is_long || at < ENDS || at + ENDS >= lines.len() {
            let _ = writeln!(text, "  {line}");
        }
    }
}

fn lines(frames: &[Code], is_full: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut std = None;
    // Where the standard library's own backtraces end too.
    let is_end = |code: &Code| {
        code.functions.iter().any(|function| function.name.contains("__rust_begin_short_backtrace"))
    };
    let end = frames.iter().position(|code| !is_full && is_end(code)).unwrap_or(frames.len());
    for code in &frames[..end] {
        if code.functions.is_empty() {
            lines.extend(std.take());
            lines.push(code.place.clone());
        }
        for function in &code.functions {
            let (file, is_std) = short_path(&function.file);
            let line = match file {
                "" => function.name.clone(),
                file => format!("{}  {file}:{}", function.name, function.line),
            };
            if is_std && !is_full {
                std = Some(line);
            } else {
                lines.extend(std.take());
                lines.push(line);
            }
        }
    }
    // A stack with nothing else shows what it has.
    if lines.is_empty() {
        lines.extend(std);
    }
    lines
}

/// A source file's path from the standard library's folder or the package's on, and
/// whether it is the standard library's.
fn short_path(file: &str) -> (&str, bool) {
    let behind = |marks: &[&str]| {
        marks.iter().find_map(|mark| file.find(mark).and_then(|at| file[at + mark.len()..].split_once('/')))
    };
    if file.starts_with("/rustc/") || file.contains("/rustlib/src/rust/") {
        if let Some((_, at)) = file.split_once("/library/") {
            return (at, true);
        }
    }
    match behind(&["/registry/src/", "/git/checkouts/"]) {
        Some((_, rest)) => (rest, false),
        None => (file, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_analysis::addresses::Function;

    const STD: &str = "/rustc/59807616e1fa/library/std/src/io/stdio.rs";

    fn code(functions: &[(&str, &str)]) -> Code {
        let functions = functions
            .iter()
            .map(|(name, file)| Function { name: (*name).into(), file: (*file).into(), line: 7 })
            .collect();
        Code { address: 0x10, place: "app+0x10".into(), functions }
    }

    #[test]
    fn of_the_standard_library_only_what_was_called_is_shown() {
        let stack = [
            code(&[("with_capacity", STD), ("print", STD)]),
            code(&[("app::run", "/home/me/.cargo/registry/src/index-1a2b/app-1.2.0/src/lib.rs")]),
            code(&[]),
            code(&[("app::main", "src/main.rs")]),
            code(&[("call_once", STD)]),
            code(&[("std::sys::backtrace::__rust_begin_short_backtrace", STD)]),
            code(&[]),
        ];
        let short = [
            "print  std/src/io/stdio.rs:7",
            "app::run  app-1.2.0/src/lib.rs:7",
            "app+0x10",
            "app::main  src/main.rs:7",
        ];
        assert_eq!(lines(&stack, false), short);
        assert_eq!(lines(&stack, true).len(), 8);
        assert_eq!(lines(&stack[4..], false), ["call_once  std/src/io/stdio.rs:7"]);
    }
}
