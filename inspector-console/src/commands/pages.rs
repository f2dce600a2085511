//! `classes` and `pages`: size classes and cliffs, slabs and what keeps them half empty.

use super::{first, more, problems, Out};
use crate::table::{Column, Table};
use heap_analysis::fragmentation::CliffRow;
use heap_analysis::pages::{ClassPages, Pages, PinRow};
use heap_analysis::units::{bytes, count, percent};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct Classes<'a> {
    classes: &'a [ClassPages],
    cliffs: &'a [CliffRow],
    problems: &'a [String],
}

/// `classes`.
pub(crate) fn classes(out: &Out<'_>, top: usize) -> String {
    let pages = out.analysis.pages();
    let cliffs = out.analysis.fragmentation().cliffs;
    if out.is_json {
        let Pages { classes, problems, .. } = &pages;
        return out.json(&Classes { classes, cliffs: &cliffs, problems });
    }
    let mut text = String::new();
    if !pages.classes.is_empty() {
        let mut table = Table::new(&[
            Column::Number("class"),
            Column::Number("blocks"),
            Column::Number("requested"),
            Column::Number("rounding"),
            Column::Number("slabs"),
            Column::Number("of"),
            Column::Number("cached"),
            Column::Number("free"),
            Column::Number("full"),
        ]);
        for row in &pages.classes {
            table.row([
                row.size.to_string(),
                count(row.blocks),
                bytes(row.requested),
                bytes(row.rounding),
                count(row.slabs),
                if row.slab_size == 0 { "pages".into() } else { bytes(row.slab_size) },
                row.cached.map_or_else(|| "?".into(), count),
                count(row.free),
                percent(row.usable, row.bytes),
            ]);
        }
        text.push_str(&table.render(out.width));
    }
    let shown = first(&cliffs, top);
    if !shown.is_empty() {
        text.push_str("\nA few bytes less, and blocks drop into the next class\n");
        let mut table = Table::new(&[
            Column::Text("type"),
            Column::Number("blocks"),
            Column::Number("requested"),
            Column::Number("class"),
            Column::Number("less"),
            Column::Number("drops to"),
            Column::Number("saves"),
        ]);
        for row in shown {
            table.row([
                row.type_name.clone(),
                count(row.blocks),
                row.requested.to_string(),
                row.usable.to_string(),
                row.less.to_string(),
                row.below.to_string(),
                bytes(row.saving),
            ]);
        }
        text.push_str(&table.render(out.width));
        more(&mut text, cliffs.len() - shown.len());
    }
    problems(&mut text, &pages.problems);
    out.end(text)
}

/// `pages`.
pub(crate) fn pages(out: &Out<'_>, top: usize) -> String {
    let pages = out.analysis.pages();
    if out.is_json {
        return out.json(&pages);
    }
    let mut text = String::new();
    if !pages.classes.is_empty() {
        let _ = writeln!(
            text,
            "{} in pages of the program's blocks, {} of them live blocks ({})",
            bytes(pages.bytes),
            bytes(pages.live),
            percent(pages.live, pages.bytes)
        );
        let cached = pages.cached.map_or_else(|| "an unknown part".into(), bytes);
        let _ = writeln!(
            text,
            "{} in gaps between live blocks: {cached} wait in caches of threads, {} are whole pages",
            bytes(pages.gaps),
            bytes(pages.empty_pages)
        );
        let _ = writeln!(text, "{} would come back if blocks stood side by side\n", bytes(pages.could_save));
        text.push_str(&half_empty(&pages.classes, top).render(out.width));
    }
    if !pages.types.is_empty() {
        text.push('\n');
        let shown = first(&pages.types, top);
        text.push_str(&pins(shown).render(out.width));
        more(&mut text, pages.types.len() - shown.len());
    }
    problems(&mut text, &pages.problems);
    out.end(text)
}

fn half_empty(classes: &[ClassPages], top: usize) -> Table {
    let mut table = Table::new(&[
        Column::Number("class"),
        Column::Number("slabs"),
        Column::Number("half empty"),
        Column::Number("pinned"),
        Column::Number("gaps"),
        Column::Number("whole pages"),
        Column::Number("could save"),
        Column::Text("slabs by how full, in tenths"),
    ]);
    let mut rows: Vec<&ClassPages> = classes.iter().filter(|row| row.gaps > 0).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.gaps), row.size));
    for row in first(&rows, top) {
        let fill: Vec<String> = row.fill.iter().map(u64::to_string).collect();
        table.row([
            row.size.to_string(),
            count(row.slabs),
            if row.slab_size == 0 { String::new() } else { count(row.half_empty) },
            bytes(row.pinned),
            bytes(row.gaps),
            bytes(row.empty_pages),
            bytes(row.could_save),
            if row.slab_size == 0 { String::new() } else { fill.join(" ") },
        ]);
    }
    table
}

fn pins(rows: &[PinRow]) -> Table {
    let mut table = Table::new(&[
        Column::Text("type in half-empty slabs"),
        Column::Number("blocks"),
        Column::Number("slabs"),
        Column::Number("pinned"),
        Column::Number("alone in"),
        Column::Number("would come back"),
    ]);
    for row in rows {
        table.row([
            row.type_name.clone(),
            count(row.blocks),
            count(row.slabs),
            bytes(row.pinned),
            count(row.alone),
            bytes(row.alone_bytes),
        ]);
    }
    table
}
