//! The one filter of all views, over the names of types. Tables leave out what
//! it does not let through; trees and pictures, whose sums would be wrong
//! without it, show it faint.

use crate::answer::Answer;
use crate::source::Document;
use egui::{Id, Key, TextEdit, Ui};
use heap_analysis::type_table::{self, Column, RowId};
use std::sync::Arc;

/// The filter. Which types it lets through is worked out on a thread.
#[derive(Debug, Default)]
pub struct Filter {
    text: String,
    rows: Answer<String, Vec<bool>>,
}

impl Filter {
    /// As it stands, for another document.
    pub fn new(text: String) -> Filter {
        Filter { text, ..Filter::default() }
    }

    /// Id of its field, to focus it.
    pub fn id() -> Id {
        Id::unique("type filter")
    }

    /// Its text, without the spaces around it.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// Lets everything through.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.rows.is_working()
    }

    /// Whether it lets a row of the type table through. What has no row passes
    /// only where there is no filter. Until that is worked out, everything passes.
    pub fn lets(&self, row: Option<RowId>) -> bool {
        if self.text().is_empty() {
            return true;
        }
        match (self.rows.last(), row) {
            (Some(rows), Some(row)) => rows.get(row.0 as usize).copied().unwrap_or(false),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// Draws its field.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document) {
        let label = ui.label("Filter");
        let edit = TextEdit::singleline(&mut self.text)
            .id(Filter::id())
            .hint_text("part of a type's name, * for anything")
            .desired_width(220.0);
        let response = ui.add(edit).labelled_by(label.id);
        response
            .clone()
            .on_hover_text("Types that all views show; trees and pictures show the others faint (Ctrl+F).");
        if response.has_focus() && ui.input(|input| input.key_pressed(Key::ArrowDown)) {
            response.surrender_focus();
        }
        if !self.text.is_empty() && ui.button("Clear").on_hover_text("Let all types through.").clicked() {
            self.clear();
        }
        if !self.text().is_empty() {
            let (analysis, text) = (Arc::clone(&document.analysis), self.text().to_owned());
            self.rows.get(ui.ctx(), text.clone(), || {
                move || {
                    let types = analysis.types();
                    let mut rows = vec![false; types.len()];
                    for id in type_table::select(types, &text, Column::Name, false) {
                        rows[id.0 as usize] = true;
                    }
                    rows
                }
            });
        }
    }
}
