//! `keys`: which tables keys lead into, and which lead nowhere.

use super::{id, more, Out};
use crate::table::{Column, Table};
use heap_analysis::keys::{DanglingKey, KeyRow};
use heap_analysis::units::count;
use serde::Serialize;

#[derive(Serialize)]
struct Answer {
    keys: Vec<KeyRow>,
    dangling: Vec<DanglingKey>,
}

pub(crate) fn run(out: &Out<'_>, top: usize) -> String {
    let limit = if top == 0 { usize::MAX } else { top };
    let answer = Answer { keys: out.analysis.keys(), dangling: out.analysis.dangling_keys(limit) };
    if out.is_json {
        return out.json(&answer);
    }
    if answer.keys.is_empty() {
        return out.end("no keys: the program marks none with `#[walk(key)]`\n".into());
    }
    let mut text = table(&answer.keys, true).render(out.width);
    let dangling: u64 = answer.keys.iter().map(|row| row.dangling).sum();
    if dangling > 0 {
        text.push_str("\nPast the end of their table\n");
        let mut table = Table::new(&[
            Column::Text("key"),
            Column::Number("number"),
            Column::Text("table"),
            Column::Number("entries"),
            Column::Number("in node"),
            Column::Text("at"),
        ]);
        for row in &answer.dangling {
            let (table_name, node) = (format!("{} {}", row.table, id(row.table_node)), id(row.node));
            let at = row.place.trim_start_matches('.').to_owned();
            table.row([row.type_name.clone(), row.key.to_string(), table_name, count(row.len), node, at]);
        }
        text.push_str(&table.render(out.width));
        more(&mut text, dangling as usize - answer.dangling.len());
    }
    out.end(text)
}

/// Keys by table; with their types, or of one type.
pub(crate) fn table(rows: &[KeyRow], has_types: bool) -> Table {
    let mut columns = vec![
        Column::Text("table"),
        Column::Number("keys"),
        Column::Number("different"),
        Column::Number("lead there"),
        Column::Number("dangle"),
    ];
    if has_types {
        columns.insert(0, Column::Text("key"));
    }
    let mut table = Table::new(&columns);
    for row in rows {
        let name = match row.table.as_str() {
            "" => "(no rule finds one)",
            name => name,
        };
        let mut cells = vec![
            name.to_owned(),
            count(row.keys),
            count(row.distinct),
            count(row.linked),
            count(row.dangling),
        ];
        if has_types {
            cells.insert(0, row.type_name.clone());
        }
        table.row(cells);
    }
    table
}
