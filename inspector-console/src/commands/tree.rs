//! `tree`: what hangs below a node.

use super::{id, Out};
use crate::table::{Column, Table};
use heap_analysis::find::Subject;
use heap_analysis::tree::{Children, TreeRow};
use heap_analysis::units::{bytes, count};
use heap_analysis::NodeId;
use serde::Serialize;

/// Nodes of a type that begin a tree each.
const STARTS: usize = 3;

/// Deeper levels than these are not shown, whatever is asked.
const MAX_DEPTH: usize = 100;

/// A node with what hangs below it.
#[derive(Serialize)]
struct Tree {
    #[serde(flatten)]
    row: TreeRow,
    below: Vec<Tree>,
    /// Entries left out, and what they retain.
    rest_count: u64,
    rest_retained: u64,
}

pub(crate) fn run(out: &Out<'_>, node: Option<&str>, depth: usize, top: usize) -> Result<String, String> {
    let rows =
        |nodes: Vec<NodeId>| nodes.into_iter().filter_map(|node| out.analysis.tree_row(node)).collect();
    let starts: Vec<TreeRow> = match node {
        None => rows(
            out.analysis
                .roots()
                .iter()
                .filter(|root| root.name_for.is_none())
                .map(|root| root.node)
                .collect(),
        ),
        Some(text) => {
            let starts = match out.find(text)? {
                Subject::Type(row) => out.analysis.nodes_of(row, STARTS),
                subject => rows(out.analysis.nodes(subject)),
            };
            if starts.is_empty() {
                out.find_node(text)?;
            }
            starts
        }
    };
    let depth = depth.min(MAX_DEPTH);
    let trees: Vec<Tree> =
        starts.into_iter().map(|row| grow(out, row, depth, top, &mut Vec::new())).collect();
    if out.is_json {
        return Ok(out.json(&trees));
    }
    let mut table = Table::new(&[
        Column::Text("place"),
        Column::Text("type"),
        Column::Number("retained"),
        Column::Number("shallow"),
        Column::Text("edge"),
        Column::Number("id"),
    ]);
    for tree in &trees {
        lines(tree, "", "", &mut table);
    }
    Ok(out.end(table.render(out.width)))
}

fn grow(out: &Out<'_>, row: TreeRow, depth: usize, top: usize, above: &mut Vec<NodeId>) -> Tree {
    // What is held from above itself is not followed around the cycle.
    let children = match depth == 0 || above.contains(&row.node) {
        true => Children { rest_count: row.children, ..Children::default() },
        false => out.analysis.children(row.node, top),
    };
    above.push(row.node);
    let below =
        children.rows.into_iter().map(|row| grow(out, row, depth.saturating_sub(1), top, above)).collect();
    above.pop();
    Tree { row, below, rest_count: children.rest_count, rest_retained: children.rest_retained }
}

fn lines(tree: &Tree, own: &str, below: &str, table: &mut Table) {
    let row = &tree.row;
    let mut type_name = row.type_name.clone();
    if let Some(variant) = &row.variant {
        type_name.push_str(&format!("::{variant}"));
    }
    if let Some((len, cap)) = row.len_cap {
        type_name.push_str(&match len == cap {
            true => format!(" [{len}]"),
            false => format!(" [{len} of {cap}]"),
        });
    }
    if row.outside_bytes > 0 {
        type_name.push_str(&format!(", {} outside the allocator", bytes(row.outside_bytes)));
    }
    let mut edge = super::edge_text(&row.edge, &row.into);
    if row.holders > 1 {
        edge.push_str(&format!(", {} holders", count(row.holders)));
    }
    let place = match row.place.is_empty() {
        true => id(row.node),
        false => row.place.clone(),
    };
    table.row([
        format!("{own}{place}"),
        type_name,
        bytes(row.retained),
        bytes(row.shallow),
        edge,
        id(row.node),
    ]);
    let has_rest = tree.rest_count > 0 && !tree.below.is_empty();
    for (at, child) in tree.below.iter().enumerate() {
        let is_last = at + 1 == tree.below.len() && !has_rest;
        let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines(child, &format!("{below}{branch}"), &format!("{below}{trunk}"), table);
    }
    if has_rest {
        table.row([
            format!("{below}└─ {} more", count(tree.rest_count)),
            String::new(),
            bytes(tree.rest_retained),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
}
