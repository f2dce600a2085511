//! `unclaimed --by holder`: who holds what nobody claims, and what to write.

use super::{first, more, problems, Out};
use crate::table::{Column, Table};
use heap_analysis::unclaimed::Unclaimed;
use heap_analysis::units::{bytes, count, nanoseconds};
use std::fmt::Write as _;

pub(crate) fn by_holder(out: &Out<'_>, top: usize) -> String {
    let unclaimed = out.analysis.unclaimed();
    if out.is_json {
        return out.json(&unclaimed);
    }
    let mut text = String::new();
    if unclaimed.states.iter().any(|row| row.blocks > 0) {
        tables(out, &mut text, &unclaimed, top);
    } else if unclaimed.problems.is_empty() {
        text.push_str("every block of the program is claimed\n");
    }
    problems(&mut text, &unclaimed.problems);
    out.end(text)
}

fn tables(out: &Out<'_>, text: &mut String, unclaimed: &Unclaimed, top: usize) {
    let mut table =
        Table::new(&[Column::Text("unclaimed"), Column::Number("blocks"), Column::Number("bytes")]);
    for row in unclaimed.states.iter().filter(|row| row.blocks > 0) {
        table.row([row.state.name().into(), count(row.blocks), bytes(row.bytes)]);
    }
    text.push_str(&table.render(out.width));
    text.push('\n');
    let shown = first(&unclaimed.rows, top);
    let mut table = Table::new(&[
        Column::Text("holder"),
        Column::Number("directly"),
        Column::Number("blocks"),
        Column::Number("bytes"),
        Column::Number("for example"),
    ]);
    for row in shown {
        table.row([
            row.name(),
            count(row.direct),
            count(row.blocks),
            bytes(row.bytes),
            format!("{:#x}", row.example),
        ]);
    }
    text.push_str(&table.render(out.width));
    more(text, unclaimed.rows.len() - shown.len());
    let advice: Vec<&str> =
        shown.iter().map(|row| row.advice.as_str()).filter(|line| !line.is_empty()).collect();
    if !advice.is_empty() {
        text.push('\n');
    }
    for line in advice {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "\n{} searched in {}; a word that looks like an address may be none",
        bytes(unclaimed.searched),
        nanoseconds(unclaimed.search_ns)
    );
}
