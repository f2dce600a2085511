//! A snapshot on its way: what is known of it by now, and what is not.
//!
//! The first picture comes when the file has been read, the types when nodes are joined with blocks. What is shown
//! stays true; what is not known has no number.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::export::Value;
use crate::hyperbolic::labels;
use crate::source::{Origin, SoFar, Stage};
use crate::table::{Column, Keyboard, Table};
use crate::theme;
use crate::views::overview::{beside, header_ui, heading, levels_ui};
use crate::views::type_table::{name_ui, number_ui, Scale, COLUMNS};
use egui::{Panel, RichText, ScrollArea, Ui};
use heap_analysis::preview::Preview;
use heap_analysis::type_table::{select, Column as By, RowId, TypeRow};
use heap_analysis::{units, Analysis};
use std::sync::Arc;

/// Roots that are listed; the rest is counted.
const MAX_ROOTS: usize = 40;

/// What stands in place of a number that is not known yet.
const NOT_YET: &str = "…";

/// Why it is not known.
const NOT_YET_HELP: &str = "Not known yet: it comes when the analysis is done.";

/// State of the page.
#[derive(Debug)]
pub struct Opening {
    /// Column that types are sorted by, and whether the largest come first.
    by: (usize, bool),
    types: Answer<(usize, bool), Vec<RowId>>,
}

impl Default for Opening {
    fn default() -> Opening {
        let shallow = COLUMNS.iter().position(|(by, _)| *by == By::Shallow);
        Opening { by: (shallow.unwrap_or(0), true), types: Answer::default() }
    }
}

impl Opening {
    /// Draws what is known, once the file has been read.
    pub fn ui(&mut self, ui: &mut Ui, origin: &Origin, stage: &Stage, so_far: &SoFar) {
        let Some(preview) = &so_far.preview else { return };
        let height = ui.available_height();
        let pane = Panel::bottom("types so far").resizable(true).default_size(height * 0.42);
        pane.size_range(90.0..=(height * 0.7).max(90.0)).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            match &so_far.analysis {
                Some(analysis) => self.types_ui(ui, analysis),
                None => {
                    heading(ui, "Types");
                    ui.weak("come when nodes are joined with blocks");
                }
            }
        });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            progress_ui(ui, stage, so_far);
            heading(ui, "From the process's memory to what was requested");
            levels_ui(ui, &preview.memory, &[]);
            let left = |ui: &mut Ui| {
                heading(ui, "This snapshot");
                facts_ui(ui, origin, preview);
            };
            let right = |ui: &mut Ui| {
                heading(ui, "Roots");
                roots_ui(ui, preview);
            };
            beside(ui, left, right);
            if !preview.problems.is_empty() {
                heading(ui, "Problems");
                let color = theme::warning(ui);
                for problem in preview.problems.iter().take(MAX_ROOTS) {
                    ui.colored_label(color, problem);
                }
            }
        });
    }

    /// The type table, without what the types retain.
    fn types_ui(&mut self, ui: &mut Ui, analysis: &Arc<Analysis>) {
        let types = analysis.types_without_retained();
        ui.horizontal(|ui| {
            ui.label(RichText::new("Types").strong().size(14.5));
            ui.weak(format!("{}; what they retain comes later", units::count(types.len() as u64)));
        });
        let (column, is_descending) = self.by;
        let answer = self.types.get(ui.ctx(), self.by, || {
            let analysis = Arc::clone(analysis);
            move || select(analysis.types_without_retained(), "", COLUMNS[column].0, is_descending)
        });
        let order = match answer {
            Shown::Ready(order) | Shown::Working(Some(order)) => order,
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let row = |at: u64| &types[order[at as usize].0 as usize];
        let most = types.first().map_or(0, |largest| largest.shallow);
        let scale = Scale { most: (most, 0), total: 0 };
        let columns: Vec<Column> = COLUMNS.iter().map(|(_, column)| *column).collect();
        let table = Table {
            name: "types so far",
            columns: &columns,
            rows: order.len() as u64,
            selected: None,
            scroll_to: None,
            sorted: Some(self.by),
            keyboard: Keyboard::Focused,
        };
        let shown = table.show(
            ui,
            &mut |at| format!("type {}", row(at).name),
            &mut |ui, at, column| cell_ui(ui, row(at), COLUMNS[column].0, &scale),
            &mut |at, column| match COLUMNS[column].0 {
                By::Name => Value::text(&row(at).name),
                By::Kind => Value::text(&row(at).kind),
                By::Retained => Value::Nothing,
                by => by.number(row(at)).into(),
            },
        );
        // Nothing can be sorted by what is not known.
        if let Some(header) = shown.header.filter(|at| COLUMNS[*at].0 != By::Retained) {
            let is_same = header == column;
            self.by = (header, if is_same { !is_descending } else { !COLUMNS[header].0.is_text() });
        }
    }
}

fn cell_ui(ui: &mut Ui, row: &TypeRow, column: By, scale: &Scale) {
    match column {
        By::Name => name_ui(ui, row),
        By::Retained => {
            ui.weak(NOT_YET).on_hover_text(NOT_YET_HELP);
        }
        _ => number_ui(ui, row, column, scale),
    }
}

/// What is done, what is being done, and what is still to come.
fn progress_ui(ui: &mut Ui, stage: &Stage, so_far: &SoFar) {
    let ledger = so_far.analysis.as_ref().and_then(|analysis| analysis.ledger_so_far());
    match ledger {
        Some(ledger) => {
            let color = if ledger.closes { theme::good(ui) } else { theme::warning(ui) };
            let mut sentences = ledger.verdict.iter().map(String::as_str);
            let first = sentences.next().unwrap_or("there is no ledger");
            cells::notice(ui, color, first, &sentences.collect::<Vec<_>>().join("\n"));
        }
        None => {
            ui.weak("Whether the ledger closes is not known yet.");
        }
    }
    ui.label(format!(
        "This is what is known by now ({}…). The views come when the analysis is done.",
        stage.what
    ));
}

fn facts_ui(ui: &mut Ui, origin: &Origin, preview: &Preview) {
    egui::Grid::new("so far").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
        header_ui(ui, origin, &preview.header, preview.footer.as_ref(), preview.unreadable);
        let help = "As the walk wrote them: some may turn out to be the same.";
        cells::fact(ui, "nodes in the file", help, |ui| {
            ui.label(units::count(preview.nodes));
        });
        cells::fact(ui, "types", "", |ui| {
            ui.label(units::count(preview.types));
        });
        if let Some((blocks, bytes)) = preview.population {
            cells::fact(ui, "live blocks", "", |ui| {
                ui.label(units::count(blocks));
            });
            cells::fact(ui, "live bytes", "Usable bytes of the population.", |ui| {
                ui.label(units::bytes(bytes)).on_hover_text(cells::exact(bytes));
            });
        }
    });
}

fn roots_ui(ui: &mut Ui, preview: &Preview) {
    if preview.roots.is_empty() {
        ui.weak("This snapshot names no roots.");
        return;
    }
    egui::Grid::new("roots so far").num_columns(3).spacing([12.0, 3.0]).striped(true).show(ui, |ui| {
        ui.weak("root");
        ui.weak("alone");
        ui.weak("in all");
        ui.end_row();
        for root in preview.roots.iter().take(MAX_ROOTS) {
            ui.label(labels::shorten(&root.name, 36)).on_hover_ui(|ui| {
                ui.strong(&root.name);
                ui.label(&root.type_name);
                ui.label(format!("{}, {}", root.origin, cells::exact(root.size)));
            });
            ui.weak(NOT_YET).on_hover_text(NOT_YET_HELP);
            ui.weak(NOT_YET).on_hover_text(NOT_YET_HELP);
            ui.end_row();
        }
    });
    if preview.roots.len() > MAX_ROOTS {
        ui.weak(format!("and {} more", units::count((preview.roots.len() - MAX_ROOTS) as u64)));
    }
}
