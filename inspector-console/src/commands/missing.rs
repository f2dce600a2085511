//! `missing`: what the walk could not read, and what to write.

use super::{first, more, Out};
use crate::table::{Column, Table};
use heap_analysis::missing::{MissingRow, Why};
use heap_analysis::units::{bytes, count};
use std::fmt::Write as _;

/// Fields named for each type.
const FIELDS: usize = 4;

pub(crate) fn run(out: &Out<'_>, top: usize) -> String {
    let missing = out.analysis.missing();
    if out.is_json {
        return out.json(&missing);
    }
    let mut text = String::new();
    if missing.missing.is_empty() {
        text.push_str("every type that was met has a `Walk`, or its fields say otherwise\n");
    } else {
        section(out, &mut text, "type without a `Walk`", &missing.missing, top);
    }
    if !missing.opaque.is_empty() {
        text.push('\n');
        section(out, &mut text, "opaque type", &missing.opaque, top);
    }
    if missing.missing.iter().chain(&missing.opaque).any(|row| row.is_lower_bound) {
        text.push_str("\n+: in holders that nobody counted there are more, or none\n");
    }
    if !missing.is_tracked {
        text.push_str(
            "\nthe program ran without the tracking allocator, or with HEAP_TRACK=off: blocks that such values own are not known\n",
        );
    }
    out.end(text)
}

fn section(out: &Out<'_>, text: &mut String, heading: &'static str, rows: &[MissingRow], top: usize) {
    let shown = first(rows, top);
    let mut table = Table::new(&[
        Column::Text(heading),
        Column::Number("bytes"),
        Column::Number("values"),
        Column::Number("inline"),
        Column::Number("blocks"),
        Column::Number("in blocks"),
    ]);
    for row in shown {
        let more = if row.is_lower_bound { "+" } else { "" };
        table.row([
            row.name.clone(),
            bytes(row.bytes),
            match row.values {
                0 if row.is_lower_bound => "?".into(),
                values => format!("{}{more}", count(values)),
            },
            format!("{}{more}", bytes(row.inline_bytes)),
            count(row.blocks),
            bytes(row.block_bytes),
        ]);
    }
    text.push_str(&table.render(out.width));
    for row in shown {
        advice(text, row);
    }
    if rows.len() > shown.len() {
        text.push('\n');
    }
    more(text, rows.len() - shown.len());
}

/// Where a type occurs, and what to write. Whole lines: they are there to be copied.
fn advice(text: &mut String, row: &MissingRow) {
    let _ = writeln!(text, "\n{}", row.name);
    for field in row.fields.iter().take(FIELDS) {
        let _ = write!(text, "  in {}.{}", field.holder, field.field);
        if let Some(source) = &field.source {
            let _ = write!(text, ", {}:{}", source.file, source.line);
        }
        text.push_str(if field.values.is_none() { ", holders not counted\n" } else { "\n" });
    }
    if row.fields.len() > FIELDS {
        let _ = writeln!(text, "  and in {} more fields", row.fields.len() - FIELDS);
    }
    for advice in &row.advice {
        let _ = writeln!(text, "  write  {}", advice.line);
        let about = if advice.path == row.path { String::new() } else { format!("for {}: ", advice.path) };
        let _ = writeln!(text, "         {about}{}", advice.note);
    }
    if row.advice.is_empty() && row.why == Why::OpaqueType {
        text.push_str("  nothing to write: its `Walk` cannot look inside\n");
    }
}
