//! `stacks` and `unclaimed --by stack`: which code allocated the blocks.

use super::Out;
use heap_analysis::addresses::Code;
use heap_analysis::stacks::StackRows;
use heap_analysis::units::{bytes, count, percent};
use std::fmt::Write as _;

/// Frames shown at each end of a long stack.
const ENDS: usize = 20;

pub(crate) fn run(out: &Out<'_>, only_unclaimed: bool, top: usize) -> String {
    let stacks = out.analysis.stacks(only_unclaimed, top);
    if out.is_json {
        return out.json(&stacks);
    }
    out.end(text(&stacks))
}

fn text(stacks: &StackRows) -> String {
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
            if row.frames.is_empty() {
                text.push_str("  without a stack\n");
            }
            frames(&mut text, &row.frames);
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

/// A line for each function, innermost first.
pub(crate) fn frames(text: &mut String, frames: &[Code]) {
    for (at, code) in frames.iter().enumerate() {
        if at == ENDS && frames.len() > 2 * ENDS {
            let _ = writeln!(text, "  … {} frames …", frames.len() - 2 * ENDS);
        }
        if at >= ENDS && at + ENDS < frames.len() {
            continue;
        }
        if code.functions.is_empty() {
            let _ = writeln!(text, "  {}", code.place);
        }
        for function in &code.functions {
            let _ = match function.file.as_str() {
                "" => writeln!(text, "  {}", function.name),
                file => writeln!(text, "  {}  {file}:{}", function.name, function.line),
            };
        }
    }
}
