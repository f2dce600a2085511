//! `path`: why a node is alive.

use super::{id, Out};
use crate::table::{Column, Table};
use heap_analysis::path::PathStep;
use heap_analysis::units::bytes;
use serde::Serialize;

/// Steps at each end of a long way.
const ENDS: usize = 25;

#[derive(Serialize)]
struct Paths {
    text: String,
    steps: Vec<PathStep>,
    dominators: Vec<PathStep>,
}

pub(crate) fn run(out: &Out<'_>, text: &str) -> Result<String, String> {
    let node = out.find_node(text)?;
    let steps = out.analysis.path(node);
    let paths = Paths {
        text: steps.iter().map(|step| step.place.as_str()).collect(),
        steps,
        dominators: out.analysis.dominator_chain(node),
    };
    if out.is_json {
        return Ok(out.json(&paths));
    }
    if paths.steps.is_empty() {
        return Ok(out.end(format!("nothing reaches {} along {}\n", id(node), out.analysis.lens())));
    }
    let mut answer = format!("{}\n\nShortest way from a root\n", paths.text);
    answer.push_str(&steps_table(&paths.steps).render(out.width));
    answer.push_str("\nWhat it cannot live without\n");
    answer.push_str(&steps_table(&paths.dominators).render(out.width));
    Ok(out.end(answer))
}

fn steps_table(steps: &[PathStep]) -> Table {
    let mut table = Table::new(&[
        Column::Text("place"),
        Column::Text("type"),
        Column::Text("edge"),
        Column::Number("retained"),
        Column::Number("id"),
    ]);
    for (at, step) in steps.iter().enumerate() {
        if at == ENDS && steps.len() > 2 * ENDS {
            let left_out = format!("… {} steps …", steps.len() - 2 * ENDS);
            table.row([left_out, String::new(), String::new(), String::new(), String::new()]);
        }
        if at < ENDS || at + ENDS >= steps.len() {
            let place = if step.place.is_empty() { "*" } else { &step.place };
            table.row([
                place.to_owned(),
                step.type_name.clone(),
                super::edge_text(&step.edge, &step.into),
                bytes(step.retained),
                id(step.node),
            ]);
        }
    }
    table
}
