//! Where bytes are wasted: by kind and type, by size class, and at cliffs, where
//! a few bytes less would put blocks into a smaller class.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::export::Value;
use crate::filter::Filter;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme::{self, Part};
use egui::{RichText, Ui};
use heap_analysis::fragmentation::{ClassRow, CliffRow, Fragmentation, WasteRow};
use heap_analysis::type_table::{self, RowId};
use heap_analysis::{units, Analysis};
use std::collections::HashSet;
use std::sync::Arc;

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Tab {
    #[default]
    Types,
    Classes,
    Cliffs,
}

impl Tab {
    const ALL: [Tab; 3] = [Tab::Types, Tab::Classes, Tab::Cliffs];

    fn title(self) -> &'static str {
        match self {
            Tab::Types => "Waste by type",
            Tab::Classes => "Size classes",
            Tab::Cliffs => "Cliffs",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Tab::Types => "Which types waste how much, by kind.",
            Tab::Classes => {
                "The allocator's size classes in use: blocks, what they ask for, what is rounded up."
            }
            Tab::Cliffs => "Blocks that a few bytes less would put into the next smaller class.",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Tab::Types => TYPES,
            Tab::Classes => CLASSES,
            Tab::Cliffs => CLIFFS,
        }
    }

    /// The column that it is sorted by at first.
    fn first(self) -> (usize, bool) {
        match self {
            Tab::Types => (1, true),
            Tab::Classes => (0, false),
            Tab::Cliffs => (1, true),
        }
    }
}

const TYPES: &[Column] = &[
    Column::text("Type", 200.0, "Type of the blocks; unclaimed blocks waste by rounding alone."),
    Column::number("Slack", 76.0, "Waste of all kinds."),
    Column::number("Of bytes", 116.0, "Slack by the usable bytes of its blocks."),
    Column::number("Padding", 72.0, Part::Padding.help()),
    Column::number("Dead", 72.0, Part::Dead.help()),
    Column::number("Overhead", 76.0, Part::Overhead.help()),
    Column::number("Spare", 72.0, Part::Spare.help()),
    Column::number("Rounding", 76.0, Part::Rounding.help()),
];

const CLASSES: &[Column] = &[
    Column::number("Class", 80.0, "Usable bytes of each block: what the allocator sets aside."),
    Column::number("Blocks", 84.0, "Blocks of this class."),
    Column::number("Bytes", 84.0, "Their usable bytes."),
    Column::number("Of all", 116.0, "Their share of all live bytes."),
    Column::number("Rounding", 84.0, Part::Rounding.help()),
    Column::number("Rounded up", 116.0, "Rounding by the bytes of the class."),
    Column::number("Sizes", 62.0, "Different sizes that were asked for."),
    Column::number("Most ask for", 100.0, "The size that most of the blocks ask for."),
    Column::number("Unclaimed", 84.0, "Blocks that nobody claims."),
];

const CLIFFS: &[Column] = &[
    Column::text("Type", 200.0, "Type of the blocks."),
    Column::number(
        "Saving",
        80.0,
        "Usable bytes that the smaller class would save, if all of them dropped to it.",
    ),
    Column::number("Less", 62.0, "Bytes that each block would have to ask for less."),
    Column::number("Elements", 76.0, "Of buffers: elements of capacity that this is."),
    Column::number("Blocks", 80.0, "Blocks of this type and size."),
    Column::number("Ask for", 80.0, "Bytes that each asks for."),
    Column::number("Get", 72.0, "Bytes that each gets."),
    Column::number("Would get", 80.0, "The next smaller class."),
];

/// What the order of the rows depends on.
#[derive(Clone, PartialEq, Debug)]
struct Question {
    tab: Tab,
    column: usize,
    descending: bool,
    filter: String,
}

/// State of the view.
#[derive(Debug, Default)]
pub struct FragmentationView {
    tab: Tab,
    /// By tab: column and direction.
    sorted: [Option<(usize, bool)>; 3],
    found: Answer<(), Arc<Fragmentation>>,
    order: Answer<Question, Vec<u32>>,
    visible: Vec<String>,
}

impl FragmentationView {
    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.found.is_working() || self.order.is_working()
    }

    /// Names of the rows on the screen.
    pub fn visible(&self) -> &[String] {
        &self.visible
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History, filter: &mut Filter) {
        let analysis = Arc::clone(&document.analysis);
        if !analysis.heap().header().tracked {
            ui.add_space(8.0);
            let color = theme::warning(ui);
            let fix = "install tracking_alloc::TrackingAlloc as the program's global allocator and take the snapshot again";
            return cells::notice(
                ui,
                color,
                "without the tracking allocator nothing is known of blocks and classes",
                fix,
            );
        }
        let of = Arc::clone(&analysis);
        let found = match self.found.get(ui.ctx(), (), || move || Arc::new(of.fragmentation())) {
            Shown::Ready(found) | Shown::Working(Some(found)) => Arc::clone(found),
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        summary_ui(ui, &found);
        ui.horizontal(|ui| {
            ui.add_space(8.0);
            for tab in Tab::ALL {
                if ui.selectable_label(self.tab == tab, tab.title()).on_hover_text(tab.help()).clicked() {
                    self.tab = tab;
                }
            }
            if self.tab == Tab::Cliffs {
                ui.separator();
                ui.weak(match found.is_spacing_known {
                    true => "blocks that at most 16 bytes, or an eighth, less would put into a smaller class",
                    false => {
                        "the allocator's classes are not known: compared with the next smaller one in use"
                    }
                });
            }
        });
        let tab = self.tab;
        let sorted = self.sorted[tab as usize].unwrap_or(tab.first());
        let question =
            Question { tab, column: sorted.0, descending: sorted.1, filter: filter.text().to_owned() };
        let of = Arc::clone(&found);
        let order =
            match self.order.get(ui.ctx(), question.clone(), || move || order(&analysis, &of, &question)) {
                Shown::Ready(order) => order,
                // Rows of another tab mean nothing here.
                Shown::Working(_) => return cells::working(ui),
                Shown::Failed => return cells::failed(ui),
            };
        if order.is_empty() {
            ui.add_space(8.0);
            ui.weak("Nothing here has such a name, or there is nothing to tell.");
            self.visible.clear();
            return;
        }
        let row_of = |row: u64| match tab {
            Tab::Types => found.types[order[row as usize] as usize].row,
            Tab::Cliffs => found.cliffs[order[row as usize] as usize].row,
            Tab::Classes => None,
        };
        let selected = match history.current() {
            Selection::Type(id) => (0..order.len() as u64).take(2000).find(|&row| row_of(row) == Some(id)),
            Selection::Node(_) | Selection::Nothing => None,
        };
        let name = |row: u64| {
            let at = order[row as usize] as usize;
            match tab {
                Tab::Types => format!("waste of {}", found.types[at].type_name),
                Tab::Classes => format!("class {}", units::bytes(found.classes[at].usable)),
                Tab::Cliffs => {
                    format!("cliff of {} at {} B", found.cliffs[at].type_name, found.cliffs[at].requested)
                }
            }
        };
        let table = Table {
            name: tab.title(),
            columns: tab.columns(),
            rows: order.len() as u64,
            selected,
            scroll_to: None,
            sorted: Some(sorted),
            keyboard: Keyboard::Main,
        };
        let shown = table.show(
            ui,
            &mut |row| name(row),
            &mut |ui, row, column| {
                let at = order[row as usize] as usize;
                match tab {
                    Tab::Types => waste_ui(ui, &found.types[at], column),
                    Tab::Classes => class_ui(ui, &found.classes[at], found.population.bytes, column),
                    Tab::Cliffs => cliff_ui(ui, &found.cliffs[at], column),
                }
            },
            &mut |row, column| {
                let at = order[row as usize] as usize;
                match tab {
                    Tab::Types => waste_value(&found.types[at], column),
                    Tab::Classes => class_value(&found.classes[at], found.population.bytes, column),
                    Tab::Cliffs => cliff_value(&found.cliffs[at], column),
                }
            },
        );
        self.visible = shown.visible.clone().filter(|row| *row < order.len() as u64).map(name).collect();
        if let Some(id) = shown.row.and_then(row_of) {
            history.select(Selection::Type(id));
        }
        if let Some(column) = shown.header {
            let is_text = !tab.columns()[column].is_number;
            let is_descending = if column == sorted.0 { !sorted.1 } else { !is_text };
            self.sorted[tab as usize] = Some((column, is_descending));
        }
    }
}

/// All waste as a bar, and what the allocator says of the gaps between blocks.
fn summary_ui(ui: &mut Ui, found: &Fragmentation) {
    egui::Frame::new().inner_margin(8.0).show(ui, |ui| {
        let live = found.population.bytes;
        ui.horizontal_wrapped(|ui| {
            ui.strong(format!("{} slack", units::bytes(found.slack))).on_hover_text(cells::exact(found.slack));
            ui.label(format!("{} of {} live", units::percent(found.slack, live), units::bytes(live)));
            if let Some(gaps) = found.gaps {
                ui.separator();
                ui.label(format!("{} free between blocks", units::bytes(gaps))).on_hover_text(
                    "External fragmentation: bytes of the allocator's active pages that it has not handed out.",
                );
            }
            if let Some(cached) = found.cached {
                ui.separator();
                ui.label(format!("{} in thread caches", units::bytes(cached)))
                    .on_hover_text("Freed bytes that wait in the threads' caches to be handed out again.");
            }
        });
        let parts = [Part::Padding, Part::Dead, Part::Overhead, Part::Spare, Part::Rounding];
        let parts: Vec<(Part, u64)> = parts.into_iter().zip(found.kinds).collect();
        cells::split_bar(ui, &parts, 14.0);
        ui.horizontal_wrapped(|ui| {
            for (part, bytes) in parts {
                // A square stays with its name.
                let width = 60.0 + 8.0 * (part.name().len() + units::bytes(bytes).len()) as f32;
                if ui.available_size_before_wrap().x < width {
                    ui.end_row();
                }
                cells::swatch(ui, part.color());
                ui.label(part.name()).on_hover_text(part.help());
                ui.weak(units::bytes(bytes)).on_hover_text(cells::exact(bytes));
            }
        });
    });
}

/// Filters and sorts. O(n log n).
fn order(analysis: &Analysis, found: &Fragmentation, question: &Question) -> Vec<u32> {
    let types = analysis.types();
    let let_through: Option<HashSet<RowId>> = (!question.filter.is_empty()).then(|| {
        let rows = type_table::select(types, &question.filter, type_table::Column::Name, false);
        rows.into_iter().collect()
    });
    let passes = |row: Option<RowId>| match (&let_through, row) {
        (None, _) => true,
        (Some(rows), Some(row)) => rows.contains(&row),
        (Some(_), None) => false,
    };
    // Text in the first column, numbers in all others.
    let mut rows: Vec<(u32, &str, u128)> = match question.tab {
        Tab::Types => keyed(&found.types, |row| {
            passes(row.row).then(|| (row.type_name.as_str(), number(waste_value(row, question.column))))
        }),
        Tab::Classes => {
            let population = found.population.bytes;
            keyed(&found.classes, |row| Some(("", number(class_value(row, population, question.column)))))
        }
        Tab::Cliffs => keyed(&found.cliffs, |row| {
            passes(row.row).then(|| (row.type_name.as_str(), number(cliff_value(row, question.column))))
        }),
    };
    let is_text = !question.tab.columns()[question.column].is_number;
    rows.sort_by(|a, b| {
        let order = if is_text { a.1.cmp(b.1) } else { a.2.cmp(&b.2) };
        let order = if question.descending { order.reverse() } else { order };
        order.then(a.0.cmp(&b.0))
    });
    rows.into_iter().map(|(at, ..)| at).collect()
}

fn keyed<'a, T>(rows: &'a [T], key: impl Fn(&'a T) -> Option<(&'a str, u128)>) -> Vec<(u32, &'a str, u128)> {
    let keyed = |(at, row)| key(row).map(|(name, number)| (at as u32, name, number));
    rows.iter().enumerate().filter_map(keyed).collect()
}

/// A share as a number to sort by.
fn share(part: u64, whole: u64) -> u128 {
    u128::from(part) * 1_000_000_000 / u128::from(whole.max(1))
}

/// What a value is sorted by, where it is a number.
fn number(value: Value) -> u128 {
    match value {
        Value::Number(number) => number.into(),
        Value::Share(part, whole) => share(part, whole),
        Value::Nothing | Value::Text(_) => 0,
    }
}

fn waste_value(row: &WasteRow, column: usize) -> Value {
    match column {
        0 => Value::text(&row.type_name),
        1 => row.slack.into(),
        2 => Value::Share(row.slack, row.bytes),
        kind => row.kinds[kind - 3].into(),
    }
}

fn waste_ui(ui: &mut Ui, row: &WasteRow, column: usize) {
    match column {
        0 => {
            let text = RichText::new(&row.type_name);
            table::text(ui, if row.row.is_none() { text.italics() } else { text });
        }
        1 => {
            cells::bytes(ui, row.slack, row.bytes);
        }
        2 => cells::percent_bar(ui, row.slack, row.bytes),
        kind => {
            cells::bytes(ui, row.kinds[kind - 3], row.bytes);
        }
    }
}

fn class_value(row: &ClassRow, population: u64, column: usize) -> Value {
    match column {
        0 => row.usable.into(),
        1 => row.blocks.into(),
        2 => row.bytes.into(),
        3 => Value::Share(row.bytes, population),
        4 => row.rounding.into(),
        5 => Value::Share(row.rounding, row.bytes),
        6 => row.sizes.into(),
        7 => row.most.0.into(),
        _ => row.unclaimed.into(),
    }
}

fn class_ui(ui: &mut Ui, row: &ClassRow, population: u64, column: usize) {
    match column {
        0 => {
            cells::bytes(ui, row.usable, 0);
        }
        1 => {
            cells::count(ui, row.blocks);
        }
        2 => {
            cells::bytes(ui, row.bytes, population);
        }
        3 => cells::percent_bar(ui, row.bytes, population),
        4 => {
            cells::bytes(ui, row.rounding, row.bytes);
        }
        5 => cells::percent_bar(ui, row.rounding, row.bytes),
        6 => {
            cells::count(ui, row.sizes);
        }
        7 => {
            let help = format!("{} of {} blocks", units::count(row.most.1), units::count(row.blocks));
            cells::bytes(ui, row.most.0, 0).on_hover_text(help);
        }
        _ => {
            cells::count(ui, row.unclaimed);
        }
    }
}

fn cliff_value(row: &CliffRow, column: usize) -> Value {
    match column {
        0 => Value::text(&row.type_name),
        1 => row.saving.into(),
        2 => row.less.into(),
        3 => row.elements.map_or(Value::Nothing, Value::Number),
        4 => row.blocks.into(),
        5 => row.requested.into(),
        6 => row.usable.into(),
        _ => row.below.into(),
    }
}

fn cliff_ui(ui: &mut Ui, row: &CliffRow, column: usize) {
    match column {
        0 => {
            table::text(ui, &row.type_name).on_hover_text(format!(
                "{} less and these {} blocks drop from {} to {}: {} saved",
                cells::exact(row.less),
                units::count(row.blocks),
                units::bytes(row.usable),
                units::bytes(row.below),
                units::bytes(row.saving)
            ));
        }
        1 => {
            cells::bytes(ui, row.saving, row.usable.saturating_mul(row.blocks));
        }
        2 => {
            cells::bytes(ui, row.less, row.requested);
        }
        3 => {
            if let Some(elements) = row.elements {
                cells::count(ui, elements);
            }
        }
        4 => {
            cells::count(ui, row.blocks);
        }
        5 => {
            cells::bytes(ui, row.requested, row.usable);
        }
        6 => {
            cells::bytes(ui, row.usable, 0);
        }
        _ => {
            cells::bytes(ui, row.below, 0);
        }
    }
}
