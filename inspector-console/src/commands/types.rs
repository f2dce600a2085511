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
    let mut text = table(&chosen, "type").render(out.width);
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
    out.end(table(&rows.iter().collect::<Vec<_>>(), "component").render(out.width))
}

pub(crate) fn table(rows: &[&TypeRow], heading: &'static str) -> Table {
    let mut table = Table::new(&[
        Column::Text(heading),
        Column::Number("count"),
        Column::Number("inline"),
        Column::Number("shallow"),
        Column::Number("retained"),
        Column::Number("payload"),
        Column::Number("padding"),
        Column::Number("dead"),
        Column::Number("overhead"),
        Column::Number("spare"),
        Column::Number("rounding"),
        Column::Number("untyped"),
    ]);
    for row in rows {
        let bytes = |number: u64| if number == 0 { "·".into() } else { bytes(number) };
        let count = |number: u64| if number == 0 { "·".into() } else { count(number) };
        table.row([
            row.name.clone(),
            count(row.count),
            count(row.inline_values),
            bytes(row.shallow),
            bytes(row.retained),
            bytes(row.payload),
            bytes(row.padding),
            bytes(row.dead),
            bytes(row.overhead),
            bytes(row.spare),
            bytes(row.rounding),
            bytes(row.untyped),
        ]);
    }
    table
}
