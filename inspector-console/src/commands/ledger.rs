//! `ledger`: whether the snapshot adds up.

use super::{id, Out};
use crate::table::{Column, Table};
use heap_analysis::ledger::{Class, CountRow, Ledger};
use heap_analysis::units::{bytes, count, percent, signed_bytes};

/// Rows of each list.
const ROWS: usize = 15;

pub(crate) fn run(out: &Out<'_>) -> String {
    let ledger = out.analysis.ledger();
    if out.is_json {
        return out.json(ledger);
    }
    let mut text = verdict(ledger);
    if ledger.is_tracked {
        text.push('\n');
        text.push_str(&classes(ledger).render(out.width));
        text.push('\n');
        text.push_str(&counts("by what is known", &ledger.coverage, Some(ledger)).render(out.width));
        text.push('\n');
        text.push_str(&counts("beside it", &ledger.beside, None).render(out.width));
        text.push('\n');
        if ledger.outside.iter().any(|row| row.blocks > 0) {
            text.push_str(&counts("held from outside", &ledger.outside, Some(ledger)).render(out.width));
            text.push('\n');
        }
        text.push_str(&waterfall(ledger).render(out.width));
        text.push_str(&lists(out, ledger));
    }
    out.end(text)
}

/// `unclaimed`: by size class.
pub(crate) fn unclaimed_by_size(out: &Out<'_>, top: usize) -> String {
    let ledger = out.analysis.ledger();
    if out.is_json {
        return out.json(&ledger.unclaimed);
    }
    let text = match ledger.unclaimed.is_empty() {
        true if ledger.is_tracked => "every block of the program is claimed\n".into(),
        true => verdict(ledger),
        false => unclaimed(out, ledger, if top == 0 { usize::MAX } else { top }),
    };
    out.end(text)
}

fn unclaimed(out: &Out<'_>, ledger: &Ledger, top: usize) -> String {
    // Only of jemalloc is it known which sizes are classes.
    let has_classes = ledger.allocator_live.is_some();
    let mut table = Table::new(&[
        Column::Number(if has_classes { "size class" } else { "usable" }),
        Column::Number("blocks"),
        Column::Number("bytes"),
        Column::Number("sizes"),
        Column::Number("most ask for"),
        Column::Number("for example"),
    ]);
    for row in ledger.unclaimed.iter().take(top) {
        table.row([
            row.usable.to_string(),
            count(row.blocks),
            bytes(row.bytes),
            count(row.sizes),
            row.most.0.to_string(),
            format!("{:#x}", row.example),
        ]);
    }
    let mut text = table.render(out.width);
    if ledger.unclaimed.len() > top {
        text.push_str(&format!("and {} more classes\n", count((ledger.unclaimed.len() - top) as u64)));
    }
    text
}

pub(crate) fn verdict(ledger: &Ledger) -> String {
    ledger.verdict.iter().map(|sentence| format!("{sentence}\n")).collect()
}

fn classes(ledger: &Ledger) -> Table {
    let mut table = Table::new(&[
        Column::Text("class"),
        Column::Number("blocks"),
        Column::Number("bytes"),
        Column::Number(""),
        Column::Number("exactly"),
    ]);
    let total = ledger.population.bytes;
    for row in &ledger.classes {
        let (blocks, bytes_) = (row.blocks, row.bytes);
        table.row([
            row.class.name().into(),
            count(blocks),
            bytes(bytes_),
            percent(bytes_, total),
            count(bytes_),
        ]);
    }
    table.row([
        "population".into(),
        count(ledger.population.blocks),
        bytes(total),
        String::new(),
        count(total),
    ]);
    if let Some(live) = ledger.allocator_live {
        table.row(["allocator says".into(), String::new(), bytes(live), String::new(), count(live)]);
    }
    if let Some(difference) = ledger.difference.filter(|difference| *difference != 0) {
        table.row([
            "difference".into(),
            String::new(),
            signed_bytes(difference),
            String::new(),
            difference.to_string(),
        ]);
    }
    table
}

fn counts(heading: &'static str, rows: &[CountRow], ledger: Option<&Ledger>) -> Table {
    let mut table = Table::new(&[
        Column::Text(heading),
        Column::Number("blocks"),
        Column::Number("bytes"),
        Column::Number(""),
    ]);
    for row in rows {
        let part = ledger.map_or_else(String::new, |ledger| percent(row.bytes, ledger.population.bytes));
        table.row([row.name.clone(), count(row.blocks), bytes(row.bytes), part]);
    }
    table
}

fn waterfall(ledger: &Ledger) -> Table {
    let mut table = Table::new(&[Column::Text("of its bytes"), Column::Number("bytes"), Column::Number("")]);
    let parts = &ledger.waterfall;
    for (name, part) in [
        ("payload", parts.payload),
        ("padding", parts.padding),
        ("dead variant space", parts.dead),
        ("container overhead", parts.overhead),
        ("spare capacity", parts.spare),
        ("rounding", parts.rounding),
        ("untyped", parts.untyped),
        ("all", parts.total),
    ] {
        table.row([name.into(), bytes(part), percent(part, ledger.population.bytes)]);
    }
    table
}

fn lists(out: &Out<'_>, ledger: &Ledger) -> String {
    let mut text = String::new();
    if !ledger.claimed_twice.is_empty() {
        text.push_str("\nClaimed twice\n");
        for row in ledger.claimed_twice.iter().take(ROWS) {
            text.push_str(&format!("{} {} ({}), by\n", id(row.node), row.type_name, bytes(row.bytes)));
            for claim in &row.claims {
                text.push_str(&format!("    {claim}\n"));
            }
        }
    }
    if !ledger.mismatches.is_empty() {
        text.push_str("\nBlocks that do not divide into their size\n");
        let mut table = Table::new(&[
            Column::Text("type"),
            Column::Text("layout"),
            Column::Number("blocks"),
            Column::Number("difference"),
            Column::Number("example"),
            Column::Number("described"),
            Column::Number("requested"),
        ]);
        for row in ledger.mismatches.iter().take(ROWS) {
            table.row([
                row.type_name.clone(),
                row.layout.clone(),
                count(row.blocks),
                row.difference.to_string(),
                id(row.example),
                (row.example_described as i64).to_string(),
                row.example_requested.to_string(),
            ]);
        }
        text.push_str(&table.render(out.width));
    }
    if !ledger.unclaimed.is_empty() {
        text.push_str("\nUnclaimed\n");
        text.push_str(&unclaimed(out, ledger, ROWS));
    }
    if !ledger.pinned.is_empty() {
        text.push_str("\nKept by weak handles, their values gone\n");
        let mut table = Table::new(&[
            Column::Text("type"),
            Column::Number("bytes"),
            Column::Number("weak handles"),
            Column::Number("met"),
            Column::Number("id"),
        ]);
        for row in ledger.pinned.iter().take(ROWS) {
            table.row([
                row.type_name.clone(),
                bytes(row.bytes),
                count(row.handles),
                count(row.met),
                id(row.node),
            ]);
        }
        text.push_str(&table.render(out.width));
        let all =
            ledger.classes.iter().find(|row| row.class == Class::WeakPinned).map_or(0, |row| row.blocks);
        let shown = ledger.pinned.len().min(ROWS) as u64;
        if all > shown {
            text.push_str(&format!("and {} more blocks\n", count(all - shown)));
        }
    }
    if !ledger.moved.is_empty() {
        text.push_str("\nHandles that moved during the walk\n");
        let mut table = Table::new(&[
            Column::Text("type"),
            Column::Text("handles"),
            Column::Number("counted"),
            Column::Number("met"),
            Column::Number("id"),
        ]);
        for row in ledger.moved.iter().take(ROWS) {
            table.row([
                row.type_name.clone(),
                row.handles.into(),
                row.counted.to_string(),
                row.met.to_string(),
                id(row.node),
            ]);
        }
        text.push_str(&table.render(out.width));
    }
    text
}
