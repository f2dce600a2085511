//! `stacks`, `unclaimed --by stack` and `--by tag`: which code allocated the blocks, and for what.

use super::{first, more, problems, Out};
use crate::table::{Column, Table};
use heap_analysis::addresses::Code;
use heap_analysis::stacks::{lines, StackRows, TagRows};
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
    let shown = first(&tags.rows, top);
    for row in shown {
        let is_estimate = tags.mean > 0 && row.estimated_bytes > 0;
        table.row([
            row.name(),
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
    more(&mut text, tags.rows.len() - shown.len());
    problems(&mut text, &tags.problems);
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
            text.push('\n');
        }
        more(&mut text, stacks.stacks - stacks.rows.len());
    }
    problems(&mut text, &stacks.problems);
    text
}

/// The lines of a stack. Unless all are asked for, of a long one only its ends.
pub(crate) fn frames(text: &mut String, frames: &[Code], is_full: bool) {
    let lines = lines(frames, is_full);
    let is_long = !is_full && lines.len() > 2 * ENDS;
    for (at, line) in lines.iter().enumerate() {
        if is_long && at == ENDS {
            let _ = writeln!(text, "  … {} more …", lines.len() - 2 * ENDS);
        }
        if !is_long || at < ENDS || at + ENDS >= lines.len() {
            let _ = writeln!(text, "  {}", line.text);
        }
    }
}
