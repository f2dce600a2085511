//! `owns`: what would go with an owner.

use super::{id, Out};
use crate::table::{Column, Table};
use heap_analysis::find::Subject;
use heap_analysis::owners::Sizes;
use heap_analysis::units::{bytes, count};

/// Outside owners that are listed.
const OUTSIDE: usize = 20;

pub(crate) fn run(out: &Out<'_>, subject: &str) -> Result<String, String> {
    let found = out.find(subject)?;
    let owns = out.analysis.owns(found).ok_or_else(|| format!("`{subject}` stands for nothing"))?;
    if out.is_json {
        return Ok(out.json(&owns));
    }
    if owns.owner_nodes == 0 {
        return Ok(
            out.end(format!("{} occurs only inside other values: their owners have its bytes\n", owns.name))
        );
    }
    let mut table = Table::new(&[
        Column::Text("owner"),
        Column::Number("alone"),
        Column::Number("in all"),
        Column::Number("shared"),
        Column::Number("nodes"),
    ]);
    let mut add = |name: String, sizes: &Sizes| {
        table.row([name, bytes(sizes.alone), bytes(sizes.in_all), bytes(sizes.shared), count(sizes.nodes)]);
    };
    let name = match owns.kind {
        "type" if owns.owner_nodes == 1 => format!("{} (one node)", owns.name),
        "type" => format!("{} ({} nodes)", owns.name, count(owns.owner_nodes)),
        _ => owns.name.clone(),
    };
    add(name, &owns.sizes);
    if let Some(sizes) = &owns.with_parts {
        let parts = match owns.parts.len() {
            0..=2 => owns.parts.join(" and "),
            parts => format!("its {parts} parts"),
        };
        add(format!("with {parts}"), sizes);
    }
    let mut text = table.render(out.width);
    if owns.parts.len() > 2 {
        text.push_str(&format!("\nParts: {}\n", owns.parts.join(", ")));
    }
    if !owns.outside.is_empty() {
        let heading = match owns.outside.iter().all(|row| row.is_maybe) {
            true => "\nMaybe shared with owners that the walk did not see\n",
            false => "\nShared with owners that the walk did not see\n",
        };
        text.push_str(heading);
        let mut table = Table::new(&[
            Column::Text("type"),
            Column::Number("handles"),
            Column::Number("met"),
            Column::Number("missing"),
            Column::Number("retained"),
            Column::Number("id"),
        ]);
        for row in owns.outside.iter().take(OUTSIDE) {
            table.row([
                row.type_name.clone(),
                match row.is_maybe {
                    true => row.handles.to_owned(),
                    false => format!("{} {}", row.counted, row.handles),
                },
                row.met.to_string(),
                if row.is_maybe { "maybe outside".into() } else { row.gap.to_string() },
                bytes(row.retained),
                id(row.node),
            ]);
        }
        text.push_str(&table.render(out.width));
        if owns.outside.len() > OUTSIDE {
            text.push_str(&format!("and {} more\n", count((owns.outside.len() - OUTSIDE) as u64)));
        }
    }
    if let Subject::Node(node) = found {
        let stack = out.analysis.stack_of(node);
        if !stack.is_empty() {
            text.push_str("\nAllocated by\n");
            super::stacks::frames(&mut text, &stack, false);
        }
    }
    Ok(out.end(text))
}
