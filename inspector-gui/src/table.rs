//! One table for all panes: virtual rows, a sticky first column, headers that
//! sort and explain themselves, a selected row, and the keyboard.
//!
//! Only visible cells are drawn. Rows lie on an `f32` scale, which is exact to
//! the pixel up to some 500 000 rows; no pane shows more.

use crate::cells::{self, Pointing};
use crate::export::{self, Sheet, Value, Wish};
use egui::{Align, EventFilter, Id, Key, Label, Layout, Rect, Response, Role, Sense, Ui, WidgetInfo};
use egui_table::{CellInfo, HeaderCellInfo, HeaderRow, PrefetchInfo, TableDelegate, TableState};
use std::ops::Range;

/// Height of a row in points.
pub const ROW_HEIGHT: f32 = 21.0;

/// Height of the header in points.
const HEADER_HEIGHT: f32 = 24.0;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Text of its header, the name by which it is found.
    pub title: &'static str,
    /// What it shows, in one sentence.
    pub help: &'static str,
    /// Width in points; of the first column, the smallest one: it takes what is left.
    pub width: f32,
    /// Right-aligned.
    pub is_number: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(title: &'static str, width: f32, help: &'static str) -> Column {
        Column { title, help, width, is_number: false }
    }

    /// A column of numbers.
    pub const fn number(title: &'static str, width: f32, help: &'static str) -> Column {
        Column { title, help, width, is_number: true }
    }
}

/// Whether a table hears the arrow keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keyboard {
    /// Where it has been clicked or tabbed to.
    Focused,
    /// Also where nothing else has the focus.
    Main,
}

/// A table to show.
#[derive(Debug)]
pub struct Table<'a> {
    /// Name of the table, for screen readers and for its state.
    pub name: &'static str,
    /// Columns.
    pub columns: &'a [Column],
    /// Number of rows.
    pub rows: u64,
    /// Row that is selected.
    pub selected: Option<u64>,
    /// Row to bring into view.
    pub scroll_to: Option<u64>,
    /// Column that the rows are sorted by, and whether the largest come first.
    /// Without it, clicks on headers do nothing.
    pub sorted: Option<(usize, bool)>,
    /// When it hears arrow keys.
    pub keyboard: Keyboard,
}

/// What happened in a table.
#[derive(Debug, Default)]
pub struct Shown {
    /// Header that was clicked.
    pub header: Option<usize>,
    /// Row that was clicked, or that arrow keys went to.
    pub row: Option<u64>,
    /// Whether `row` was reached by arrow keys.
    pub is_by_key: bool,
    /// Row that was double-clicked, or the selected one when Enter was pressed.
    pub entered: Option<u64>,
    /// Whether Enter was pressed.
    pub is_entered_by_key: bool,
    /// Arrow key to the right: the selected row is to be opened.
    pub open: bool,
    /// Arrow key to the left: the selected row is to be closed.
    pub close: bool,
    /// Rows on the screen.
    pub visible: Range<u64>,
    /// What the menu of a row asks for.
    asked: Option<(Wish, u64)>,
    /// Columns whose headers are on the screen, with their visible parts in points.
    pub headers: Vec<(usize, Rect)>,
}

impl Table<'_> {
    /// Draws it. `name` names a row for screen readers, `cell` draws a cell,
    /// `value` is what is in one, where the table is copied or exported.
    pub fn show(
        self,
        ui: &mut Ui,
        name: &mut dyn FnMut(u64) -> String,
        cell: &mut dyn FnMut(&mut Ui, u64, usize),
        value: &mut dyn FnMut(u64, usize) -> Value,
    ) -> Shown {
        let mut table = egui_table::Table::new().id_salt(self.name).num_rows(self.rows).num_sticky_cols(1);
        let id = table.get_id(ui);
        let keys_id = id.with("keys");
        let width = ui.available_width();
        self.fit(ui.ctx(), id, width);
        let columns: Vec<egui_table::Column> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let range = if at == 0 { column.width..=4000.0 } else { column.width..=column.width };
                egui_table::Column::new(column.width).range(range).resizable(at == 0)
            })
            .collect();
        let mut shown = Shown::default();
        let area = ui.available_rect_before_wrap();
        let keys = ui.interact(area, keys_id, Sense::focusable_noninteractive());
        keys.widget_info(|| WidgetInfo::labeled(Role::Table, true, self.name));
        self.keys(ui, &keys, &mut shown);

        table = table.columns(columns).headers([HeaderRow::new(HEADER_HEIGHT)]);
        if let Some(row) = shown.row.or(self.scroll_to).filter(|row| *row < self.rows) {
            table = table.scroll_to_row(row, None);
        }
        let mut delegate = Delegate { table: &self, name, cell, shown: &mut shown, keys: keys_id, area };
        table.show(ui, &mut delegate);
        self.export(ui, &keys, &shown, value);
        shown
    }

    /// Grants what is wanted of this table.
    fn export(&self, ui: &Ui, keys: &Response, shown: &Shown, value: &mut dyn FnMut(u64, usize) -> Value) {
        if keys.has_focus() {
            export::arrive(ui.ctx(), keys.id);
        }
        let is_main = self.keyboard == Keyboard::Main;
        let asked = shown.asked.map(|(wish, row)| (wish, true, Some(row)));
        let wanted = export::wanted(ui.ctx(), keys.id, is_main);
        let wanted = wanted.map(|(wish, is_certain)| (wish, is_certain, self.selected));
        let Some((wish, is_certain, row)) = asked.or(wanted) else { return };
        let rows = match row.filter(|_| wish == Wish::CopyRow) {
            Some(row) => row..row + 1,
            None => 0..self.rows,
        };
        // Of a table without a selected row all is copied, with its heads.
        let wish = if row.is_none() && wish == Wish::CopyRow { Wish::CopyTable } else { wish };
        let columns = 0..self.columns.len();
        let sheet = Sheet {
            name: self.name.to_owned(),
            heads: self.columns.iter().map(|column| column.title.to_owned()).collect(),
            rows: rows.map(|row| columns.clone().map(|column| value(row, column)).collect()).collect(),
        };
        export::grant(ui.ctx(), wish, sheet, is_certain);
    }

    /// Gives the first column what the others leave, and later what the pane
    /// wins or loses. (Given widths also keep the table from measuring what
    /// happens to be visible first.)
    fn fit(&self, ctx: &egui::Context, id: Id, available: f32) {
        let Some(first) = self.columns.first() else { return };
        let first_id = egui_table::Column::new(first.width).id_for(0);
        let state = TableState::load(ctx, id);
        if state.as_ref().is_some_and(|state| state.parent_width == Some(available)) {
            return;
        }
        let mut state = state.unwrap_or_default();
        let wanted = match (state.parent_width, state.col_widths.get(&first_id)) {
            (Some(before), Some(width)) => width + available - before,
            _ => {
                let others: f32 = self.columns.iter().skip(1).map(|column| column.width).sum();
                // Some points for the scroll bar.
                available - others - 10.0
            }
        };
        state.col_widths.insert(first_id, wanted.floor().max(first.width));
        state.parent_width = Some(available);
        state.store(ctx, id);
    }

    fn keys(&self, ui: &Ui, keys: &Response, shown: &mut Shown) {
        let focused = ui.memory(|memory| memory.focused());
        let hears = match self.keyboard {
            Keyboard::Focused => keys.has_focus(),
            Keyboard::Main => keys.has_focus() || focused.is_none(),
        };
        if keys.has_focus() {
            let filter =
                EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(keys.id, filter));
        }
        if !hears || self.rows == 0 {
            return;
        }
        let last = self.rows - 1;
        ui.input(|input| {
            if input.modifiers.any() {
                return;
            }
            let step = |down: u64, up: u64| match self.selected {
                Some(row) => row.saturating_add(down).min(last).saturating_sub(up),
                None => 0,
            };
            let down = input.num_presses(Key::ArrowDown) as u64;
            let up = input.num_presses(Key::ArrowUp) as u64;
            let page = (input.num_presses(Key::PageDown) as u64, input.num_presses(Key::PageUp) as u64);
            if down + up > 0 {
                shown.row = Some(step(down, up));
            } else if page.0 + page.1 > 0 {
                shown.row = Some(step(page.0 * 20, page.1 * 20));
            } else if input.key_pressed(Key::Home) {
                shown.row = Some(0);
            } else if input.key_pressed(Key::End) {
                shown.row = Some(last);
            }
            shown.is_by_key = shown.row.is_some();
            shown.open = input.key_pressed(Key::ArrowRight);
            shown.close = input.key_pressed(Key::ArrowLeft);
            if input.key_pressed(Key::Enter) {
                shown.entered = self.selected;
                shown.is_entered_by_key = true;
            }
        });
    }
}

struct Delegate<'a, 'b> {
    table: &'a Table<'a>,
    name: &'b mut dyn FnMut(u64) -> String,
    cell: &'b mut dyn FnMut(&mut Ui, u64, usize),
    shown: &'b mut Shown,
    keys: Id,
    area: Rect,
}

impl Delegate<'_, '_> {
    fn rows_top(&self) -> f32 {
        self.area.top() + HEADER_HEIGHT
    }
}

impl TableDelegate for Delegate<'_, '_> {
    fn prepare(&mut self, info: &PrefetchInfo) {
        self.shown.visible = info.visible_rows.clone();
    }

    fn header_cell_ui(&mut self, ui: &mut Ui, cell: &HeaderCellInfo) {
        let Some(column) = self.table.columns.get(cell.col_range.start) else { return };
        let at = cell.col_range.start;
        let rect = ui.max_rect();
        ui.painter().rect_filled(rect, 0.0, ui.visuals().extreme_bg_color);
        let visible = rect.intersect(ui.clip_rect());
        if visible.is_positive() {
            self.shown.headers.push((at, visible));
        }
        let sorted = self.table.sorted.filter(|(sorted, _)| *sorted == at);
        let can_sort = self.table.sorted.is_some();
        let sense = if can_sort { Sense::click() } else { Sense::hover() };
        // The resize handle takes the last points.
        let clickable = rect.shrink2(egui::vec2(4.0, 0.0));
        let response = ui.interact(clickable, ui.scope_id().with("sort"), sense);
        let role = Role::ColumnHeader;
        response.widget_info(|| WidgetInfo::selected(role, true, sorted.is_some(), column.title));
        let text_color = if response.hovered() && can_sort || sorted.is_some() {
            ui.visuals().strong_text_color()
        } else {
            ui.visuals().weak_text_color()
        };
        let (align, anchor) = if column.is_number {
            (egui::Align2::RIGHT_CENTER, rect.right_center() - egui::vec2(8.0, 0.0))
        } else {
            (egui::Align2::LEFT_CENTER, rect.left_center() + egui::vec2(8.0, 0.0))
        };
        let font = egui::FontId::proportional(12.5);
        let text = ui.painter().text(anchor, align, column.title, font, text_color);
        if let Some((_, is_descending)) = sorted {
            let x = if column.is_number { text.left() - 8.0 } else { text.right() + 8.0 };
            let pointing = if is_descending { Pointing::Down } else { Pointing::Up };
            cells::triangle(ui, egui::pos2(x, rect.center().y), pointing);
        }
        if response.clicked() {
            self.shown.header = Some(at);
            ui.memory_mut(|memory| memory.request_focus(self.keys));
        }
        response.on_hover_ui(|ui| {
            ui.set_max_width(320.0);
            ui.label(column.help);
        });
    }

    fn row_ui(&mut self, ui: &mut Ui, row: u64) {
        let rect = ui.max_rect();
        let response = ui.interact(rect, ui.scope_id().with("row"), Sense::click());
        let is_selected = self.table.selected == Some(row);
        // A row is drawn twice, for the sticky column and for the others: under the
        // pointer are both halves.
        let pointer = ui.ctx().pointer_hover_pos();
        let is_hovered = pointer.is_some_and(|at| {
            self.area.contains(at) && rect.y_range().contains(at.y) && at.y > self.rows_top()
        });
        if is_selected {
            ui.painter().rect_filled(rect, 0.0, ui.visuals().selection.bg_fill);
            ui.visuals_mut().override_text_color = Some(ui.visuals().selection.stroke.color);
        } else if is_hovered {
            ui.painter().rect_filled(rect, 0.0, ui.visuals().widgets.hovered.weak_bg_fill);
        } else if row % 2 == 1 {
            ui.painter().rect_filled(rect, 0.0, ui.visuals().faint_bg_color);
        }
        if ui.clip_rect().left() < self.area.left() + 1.0 {
            let name = (self.name)(row);
            response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_selected, &name));
        }
        if response.clicked() {
            self.shown.row = Some(row);
            self.shown.is_by_key = false;
            ui.memory_mut(|memory| memory.request_focus(self.keys));
        }
        if response.double_clicked() {
            self.shown.entered = Some(row);
        }
        response.context_menu(|ui| {
            for (text, wish) in [
                ("Copy row", Wish::CopyRow),
                ("Copy table", Wish::CopyTable),
                ("Export table as CSV…", Wish::Csv),
            ] {
                if ui.button(text).clicked() {
                    self.shown.asked = Some((wish, row));
                }
            }
        });
    }

    fn cell_ui(&mut self, ui: &mut Ui, cell: &CellInfo) {
        let Some(column) = self.table.columns.get(cell.col_nr) else { return };
        let rect = ui.max_rect().shrink2(egui::vec2(8.0, 0.0));
        let layout = if column.is_number {
            Layout::right_to_left(Align::Center)
        } else {
            Layout::left_to_right(Align::Center)
        };
        let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(layout));
        let clip = rect.expand2(egui::vec2(4.0, 0.0));
        ui.shrink_clip_rect(clip);
        ui.spacing_mut().item_spacing.x = 6.0;
        (self.cell)(&mut ui, cell.row_nr, cell.col_nr);
    }

    fn default_row_height(&self) -> f32 {
        ROW_HEIGHT
    }
}

/// Text in a cell, cut off at its end where the column is too narrow.
pub fn text(ui: &mut Ui, text: impl Into<egui::WidgetText>) -> Response {
    ui.add(Label::new(text).truncate())
}
