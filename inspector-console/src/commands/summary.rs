//! `summary`: the snapshot on one page.

use super::memory::address_space;
use super::{ledger, problems, roots, types, Out};
use crate::table::{Column, Table};
use heap_analysis::load::SnapshotInfo;
use heap_analysis::memory::{Level, Memory};
use heap_analysis::owners::RootRow;
use heap_analysis::summary::Summary;
use heap_analysis::type_table::TypeRow;
use heap_analysis::units::{bytes, count, nanoseconds, percent};
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt::Write as _;

/// Types and roots shown.
const TOP: usize = 12;

#[derive(Serialize)]
struct Page<'a> {
    snapshot: usize,
    snapshots: &'a [SnapshotInfo],
    summary: &'a Summary,
    memory: &'a Memory,
    roots: &'a [RootRow],
    types: &'a [TypeRow],
    closes: bool,
    verdict: &'a [String],
}

pub(crate) fn run(out: &Out<'_>, index: usize, snapshots: &[SnapshotInfo]) -> String {
    let analysis = out.analysis;
    let types = &analysis.types()[..analysis.types().len().min(TOP)];
    let (summary, roots, memory) = (analysis.summary(), analysis.roots(), analysis.memory());
    if out.is_json {
        return out.json(&Page {
            snapshot: index + 1,
            snapshots,
            summary,
            memory: &memory,
            roots,
            types,
            closes: analysis.ledger().closes,
            verdict: &analysis.ledger().verdict,
        });
    }
    let mut text = head(summary);
    if snapshots.len() > 1 {
        let _ = writeln!(text, "snapshot {} of {}: `--snapshot N` shows another", index + 1, snapshots.len());
    }
    text.push('\n');
    if !memory.levels.is_empty() {
        text.push_str(&waterfall(&memory.levels).render(out.width));
        text.push_str(&address_space(&memory));
        text.push('\n');
    }
    text.push_str(&roots::table(&roots[..roots.len().min(TOP)]).render(out.width));
    if roots.len() > TOP {
        let _ = writeln!(text, "and {} more roots: `roots` shows all", count((roots.len() - TOP) as u64));
    }
    text.push('\n');
    text.push_str(&types::table(&types.iter().collect::<Vec<_>>(), "type", out.width).render(out.width));
    if analysis.types().len() > TOP {
        let more = count((analysis.types().len() - TOP) as u64);
        let _ = writeln!(text, "and {more} more types: `types` shows them");
    }
    text.push('\n');
    text.push_str(&ledger::verdict(analysis.ledger()));
    for row in &summary.unreadable {
        let field = if row.field.is_empty() { String::new() } else { format!(" in field `{}`", row.field) };
        let _ = writeln!(text, "unreadable ({}), {} times: {}{field}", row.reason, row.count, row.type_name);
    }
    if summary.outside_owners > 0 {
        let _ = writeln!(
            text,
            "{} shared blocks have outside owners: more strong handles than the walk met",
            count(summary.outside_owners)
        );
    }
    if summary.maybe_outside > 0 {
        let _ = writeln!(
            text,
            "{} shared blocks are maybe held outside: their handles cannot be counted",
            count(summary.maybe_outside)
        );
    }
    if summary.regions > 0 {
        let _ = writeln!(
            text,
            "{} regions outside the allocator, {}, in no other number",
            count(summary.regions),
            bytes(summary.region_bytes)
        );
    }
    for row in summary.keys.iter().take(TOP) {
        let table = if row.table.is_empty() { "a table that no rule finds" } else { &row.table };
        let _ = write!(text, "{} keys of {} into {table}", count(row.keys), row.type_name);
        let _ = write!(text, ", {} different", count(row.distinct));
        if row.dangling > 0 {
            let _ = write!(text, ", {} past its end", count(row.dangling));
        }
        text.push('\n');
    }
    if summary.keys.len() > TOP {
        let _ = writeln!(text, "and {} more types of keys: `keys` shows all", summary.keys.len() - TOP);
    }
    problems(&mut text, &summary.problems);
    if !summary.rules.is_empty() {
        let touched = summary.rules.iter().filter(|rule| rule.types > 0).count();
        let _ = writeln!(text, "\n{touched} of {} rules of the type config apply", summary.rules.len());
    }
    out.end(text)
}

fn head(summary: &Summary) -> String {
    let header = &summary.header;
    let mut text = format!("{} at checkpoint {}, hit {}", header.program, header.checkpoint, header.hit);
    for (name, value) in &header.labels {
        let _ = write!(text, ", {name}={value}");
    }
    let _ = write!(text, "\npid {}, {}", header.pid, date(header.unix_ms));
    if let Some(footer) = &summary.footer {
        let state = if footer.quiescent { "quiescent" } else { "concurrent" };
        let _ = write!(
            text,
            ", {state}, walked in {} and enumerated in {}",
            nanoseconds(footer.walk_ns),
            nanoseconds(footer.blocks_ns)
        );
    }
    let _ = write!(text, "\n{} nodes, {} edges", count(summary.nodes), count(summary.edges));
    match summary.is_estimate {
        true => text.push_str("; without the tracking allocator sizes are estimates from layouts"),
        false => {
            let _ = write!(
                text,
                "; {} live blocks of {}, {} of it reached",
                count(summary.population_blocks),
                bytes(summary.population_bytes),
                percent(summary.reachable, summary.population_bytes)
            );
        }
    }
    text.push('\n');
    text
}

/// The levels of the memory, a line each, and the most of what is in one and not in the next.
fn waterfall(levels: &[Level]) -> Table {
    let mut table = Table::new(&[
        Column::Text("memory"),
        Column::Number("bytes"),
        Column::Text("less (`memory` has all)"),
    ]);
    for level in levels.iter().filter(|level| level.bytes > 0) {
        let mut less = level.less.clone();
        less.sort_by_key(|less| Reverse(less.bytes));
        let less: Vec<String> =
            less.iter().take(2).map(|less| format!("{} {}", bytes(less.bytes), less.name)).collect();
        table.row([level.name.into(), bytes(level.bytes), less.join(", ")]);
    }
    table
}

/// A moment as date and time of day (UTC). Civil calendar from days since 1970,
/// by Howard Hinnant's `civil_from_days`.
fn date(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = days.min(3_000_000) + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400_000), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_767_225_599_000), "2025-12-31 23:59 UTC");
    }
}
