//! `types`: the type table.

use super::Out;
use crate::table::{Column, Table};
use heap_analysis::find::near;
use heap_analysis::type_table::{select, Column as By, TypeRow};
use heap_analysis::units::{bytes, count};

pub(crate) fn run(
    out: &Out<'_>,
    filter: &str,
    sort: &str,
    top: usize,
    is_grouped: bool,
) -> Result<String, String> {
    let column = By::by_name(sort).ok_or_else(|| {
        let names = || By::ALL.iter().map(|(_, name)| *name);
        let near = near(sort, names());
        let hint = match near.first() {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("use one of {}", names().collect::<Vec<_>>().join(", ")),
        };
        format!("the type table has no column `{sort}`: {hint}")
    })?;
    if is_grouped {
        return Ok(groups(out));
    }
    let rows = out.analysis.types();
    let mut chosen = select(rows, filter, column, !column.is_text());
    let found = chosen.len();
    if top > 0 {
        chosen.truncate(top);
    }
    let chosen: Vec<&TypeRow> = chosen.into_iter().map(|id| &rows[id.0 as usize]).collect();
    if out.is_json {
        return Ok(out.json(&chosen));
    }
    if chosen.is_empty() {
        return Ok(out.end(format!("no type matches `{filter}`\n")));
    }
    let mut text = table(&chosen, "type", out.width).render(out.width);
    if found > chosen.len() {
        text.push_str(&format!(
            "\n{} more types: `--top 0` shows all\n",
            count((found - chosen.len()) as u64)
        ));
    }
    Ok(out.end(text))
}

fn groups(out: &Out<'_>) -> String {
    let groups = out.analysis.groups();
    if out.is_json {
        return out.json(&groups);
    }
    let rows: Vec<TypeRow> = groups
        .into_iter()
        .map(|group| TypeRow {
            name: if group.group.is_empty() { "(no component)".into() } else { group.group },
            ..group.total
        })
        .collect();
    out.end(table(&rows.iter().collect::<Vec<_>>(), "component", out.width).render(out.width))
}

/// Columns from which each kind of waste has one of its own; below, slack has one for all five.
const WIDE: usize = 150;

pub(crate) fn table(rows: &[&TypeRow], heading: &'static str, width: Option<usize>) -> Table {
    let is_wide = width.is_none_or(|width| width >= WIDE);
    type Number = (&'static str, fn(&TypeRow) -> u64);
    let mut sizes: Vec<Number> = vec![
        ("shallow", |row| row.shallow),
        ("retained", |row| row.retained),
        ("payload", |row| row.payload),
    ];
    let waste: [Number; 5] = [
        ("padding", |row| row.padding),
        ("dead", |row| row.dead),
        ("overhead", |row| row.overhead),
        ("spare", |row| row.spare),
        ("rounding", |row| row.rounding),
    ];
    match is_wide {
        true => sizes.extend(waste),
        false => sizes.push(("slack", |row| row.slack)),
    }
    sizes.push(("untyped", |row| row.untyped));
    let mut columns = vec![Column::Text(heading), Column::Number("count"), Column::Number("inline")];
    columns.extend(sizes.iter().map(|(name, _)| Column::Number(name)));
    let mut table = Table::new(&columns);
    // A dot is easier to skip than `0 B`.
    let shown = |number: u64, text: fn(u64) -> String| if number == 0 { "·".into() } else { text(number) };
    for row in rows {
        let mut cells = vec![row.name.clone(), shown(row.count, count), shown(row.inline_values, count)];
        cells.extend(sizes.iter().map(|(_, number)| shown(number(row), bytes)));
        table.row(cells);
    }
    table
}
