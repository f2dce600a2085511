//! `roots`: who holds the heap.

use super::{id, Out};
use crate::table::{Column, Table};
use heap_analysis::owners::{RootRow, Sizes};
use heap_analysis::units::bytes;

pub(crate) fn run(out: &Out<'_>) -> String {
    let roots = out.analysis.roots();
    if out.is_json {
        return out.json(&roots);
    }
    if roots.is_empty() {
        return out.end("no roots: the checkpoint was given nothing to walk from\n".into());
    }
    let mut text = table(roots).render(out.width);
    for root in roots {
        if let Some(of) = root.name_for.as_ref().filter(|of| !of.is_empty()) {
            text.push_str(&format!("\n{} is a name for {of}", root.name));
        }
    }
    if roots.iter().any(|root| root.name_for.is_some()) {
        text.push('\n');
    }
    out.end(text)
}

/// Roots; one with parts has a second line for all of them together.
pub(crate) fn table(roots: &[RootRow]) -> Table {
    let mut table = Table::new(&[
        Column::Text("root"),
        Column::Text("type"),
        Column::Number("alone"),
        Column::Number("in all"),
        Column::Number("shared"),
        Column::Number("nodes"),
        Column::Number("id"),
    ]);
    let mut add = |name: String, type_name: &str, sizes: &Sizes, id: String| {
        table.row([
            name,
            type_name.to_owned(),
            bytes(sizes.alone),
            bytes(sizes.in_all),
            bytes(sizes.shared),
            sizes.nodes.to_string(),
            id,
        ]);
    };
    for root in roots {
        if let Some(sizes) = &root.with_parts {
            add(format!("{} + parts", root.name), "", sizes, String::new());
        }
        let type_name = match &root.source {
            Some(source) => format!("{} at {source}", root.type_name),
            None => root.type_name.clone(),
        };
        add(root.name.clone(), &type_name, &root.sizes, id(root.node));
    }
    table
}
