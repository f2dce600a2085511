//! `memory`: from the resident set down to payload.

use super::{problems, Out};
use crate::table::{Column, Table};
use heap_analysis::memory::{Level, Source};
use heap_analysis::units::{bytes, count, signed_bytes};
use std::fmt::Write as _;

pub(crate) fn run(out: &Out<'_>) -> String {
    let memory = out.analysis.memory();
    if out.is_json {
        return out.json(&memory);
    }
    let mut text = String::new();
    if memory.levels.is_empty() {
        text.push_str("the snapshot has neither the kernel's figures nor an allocator's\n");
    } else {
        text.push_str(&levels(&memory.levels).render(out.width));
    }
    if let (Some(mapped), Some(retained)) = (memory.mapped, memory.retained) {
        let _ = writeln!(
            text,
            "\naddress space of the allocator: {} mapped, {} kept without memory behind it",
            bytes(mapped),
            bytes(retained)
        );
    }
    problems(&mut text, &memory.problems);
    out.end(text)
}

fn levels(levels: &[Level]) -> Table {
    let mut table = Table::new(&[
        Column::Text("memory"),
        Column::Number("bytes"),
        Column::Number("less"),
        Column::Number("exactly"),
        Column::Text("by"),
    ]);
    for level in levels {
        let by = match level.source {
            Source::Kernel => "kernel",
            Source::Allocator => "allocator",
            Source::Table => "table of blocks",
            Source::Walk => "walk",
        };
        table.row([level.name.into(), bytes(level.bytes), String::new(), count(level.bytes), by.into()]);
        for less in &level.less {
            table.row([
                format!("  {}", less.name),
                String::new(),
                bytes(less.bytes),
                count(less.bytes),
                String::new(),
            ]);
        }
        if level.difference != 0 {
            table.row([
                "  counted differently".into(),
                String::new(),
                signed_bytes(level.difference),
                level.difference.to_string(),
                String::new(),
            ]);
        }
    }
    table
}
