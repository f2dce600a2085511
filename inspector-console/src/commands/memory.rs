//! `memory`: from the resident set down to payload.

use super::{problems, Out};
use crate::table::{Column, Table};
use heap_analysis::memory::{Level, Memory, Source};
use heap_analysis::units::{bytes, count, signed_bytes};

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
    let beside = address_space(&memory);
    if !beside.is_empty() {
        text.push('\n');
        text.push_str(&beside);
    }
    problems(&mut text, &memory.problems);
    out.end(text)
}

/// What stands beside the levels; empty where the allocator does not tell.
pub(crate) fn address_space(memory: &Memory) -> String {
    match (memory.mapped, memory.retained) {
        (Some(mapped), Some(retained)) => format!(
            "address space of the allocator: {} mapped, {} kept without memory behind it\n",
            bytes(mapped),
            bytes(retained)
        ),
        _ => String::new(),
    }
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
