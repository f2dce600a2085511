//! Where bytes are wasted: by kind and type, by size class, and at cliffs, where
//! a few bytes less would put blocks into a smaller class.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::export::{self, Value};
use crate::filter::Filter;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme::{self, Part};
use egui::{RichText, Ui};
use heap_analysis::fragmentation::{ClassRow, CliffRow, Fragmentation, WasteRow};
use heap_analysis::pages::{ClassPages, Pages, PinRow};
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
    Slabs,
    Pins,
}

impl Tab {
    const ALL: [Tab; 5] = [Tab::Types, Tab::Classes, Tab::Cliffs, Tab::Slabs, Tab::Pins];

    fn title(self) -> &'static str {
        match self {
            Tab::Types => "Waste by type",
            Tab::Classes => "Size classes",
            Tab::Cliffs => "Cliffs",
            Tab::Slabs => "Slabs",
            Tab::Pins => "Pinned pages",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Tab::Types => "Which types waste how much, by kind.",
            Tab::Classes => {
                "The allocator's size classes in use: blocks, what they ask for, what is rounded up."
            }
            Tab::Cliffs => "Blocks that a few bytes less would put into the next smaller class.",
            Tab::Slabs => {
                "How full the runs of pages are that blocks of a class share, and what would come back."
            }
            Tab::Pins => "Types whose blocks keep slabs that are at most half full.",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Tab::Types => TYPES,
            Tab::Classes => CLASSES,
            Tab::Cliffs => CLIFFS,
            Tab::Slabs => SLABS,
            Tab::Pins => PINS,
        }
    }

    /// The column that it is sorted by at first.
    fn first(self) -> (usize, bool) {
        match self {
            Tab::Types => (1, true),
            Tab::Classes => (0, false),
            Tab::Cliffs => (1, true),
            Tab::Slabs => (6, true),
            Tab::Pins => (1, true),
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

const SLABS: &[Column] = &[
    Column::number("Class", 80.0, "Usable bytes of a block."),
    Column::number(
        "Slab",
        72.0,
        "Bytes of a slab: the pages that blocks of the class share, given back only whole.",
    ),
    Column::number("Slabs", 72.0, "Slabs, or blocks with pages of their own."),
    Column::number("Half empty", 84.0, "Slabs with a live block in at most half of their places."),
    Column::number("In use", 116.0, "Usable bytes of live blocks by the bytes of all pages of the class."),
    Column::number("Gaps", 80.0, "Bytes of its pages without a live block: free and cached places."),
    Column::number(
        "Would free",
        88.0,
        "Bytes that would come back if its live blocks stood in as few slabs as hold them.",
    ),
    Column::number(
        "Empty pages",
        92.0,
        "Bytes of whole pages without a byte of a live block, in slabs that have one.",
    ),
];

const PINS: &[Column] = &[
    Column::text("Type", 200.0, "Type of the blocks."),
    Column::number(
        "Pinned",
        84.0,
        "Bytes of empty places in its half-empty slabs, shared out by number of blocks.",
    ),
    Column::number("Slabs", 72.0, "Half-empty slabs with a block of it."),
    Column::number(
        "Alone in",
        76.0,
        "Those of them in which no other type has a block: they would go with its blocks.",
    ),
    Column::number("Would free", 88.0, "Bytes of those: what would come back."),
    Column::number("Blocks", 80.0, "Its blocks in half-empty slabs."),
];

/// What the order of the rows depends on.
#[derive(Clone, PartialEq, Debug)]
struct Question {
    tab: Tab,
    column: usize,
    descending: bool,
    filter: String,
}

/// What was found.
#[derive(Debug)]
struct Found {
    waste: Fragmentation,
    pages: Pages,
}

/// State of the view.
#[derive(Debug, Default)]
pub struct FragmentationView {
    tab: Tab,
    /// By tab: column and direction.
    sorted: [Option<(usize, bool)>; 5],
    found: Answer<(), Arc<Found>>,
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
        let work = || move || Arc::new(Found { waste: of.fragmentation(), pages: of.pages() });
        let found = match self.found.get(ui.ctx(), (), work) {
            Shown::Ready(found) | Shown::Working(Some(found)) => Arc::clone(found),
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        summary_ui(ui, &found.waste);
        ui.horizontal(|ui| {
            ui.add_space(8.0);
            for tab in Tab::ALL {
                if ui.selectable_label(self.tab == tab, tab.title()).on_hover_text(tab.help()).clicked() {
                    self.tab = tab;
                }
            }
            if self.tab == Tab::Cliffs {
                ui.separator();
                ui.weak(match found.waste.is_spacing_known {
                    true => "blocks that at most 16 bytes, or an eighth, less would put into a smaller class",
                    false => {
                        "the allocator's classes are not known: compared with the next smaller one in use"
                    }
                });
            }
        });
        match self.tab {
            Tab::Slabs | Tab::Pins => pages_ui(ui, &found.pages),
            Tab::Classes | Tab::Cliffs => {
                for problem in &found.waste.problems {
                    cells::line(ui, |ui| ui.weak(problem));
                }
            }
            Tab::Types => {}
        }
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
        let row_of = |row: u64| {
            let at = order[row as usize] as usize;
            match tab {
                Tab::Types => found.waste.types[at].row,
                Tab::Cliffs => found.waste.cliffs[at].row,
                Tab::Pins => found.pages.types[at].row,
                Tab::Classes | Tab::Slabs => None,
            }
        };
        let selected = match history.current() {
            Selection::Type(id) => (0..order.len() as u64).take(2000).find(|&row| row_of(row) == Some(id)),
            Selection::Node(_) | Selection::Nothing => None,
        };
        let name = |row: u64| {
            let at = order[row as usize] as usize;
            match tab {
                Tab::Types => format!("waste of {}", found.waste.types[at].type_name),
                Tab::Classes => format!("class {}", units::bytes(found.waste.classes[at].usable)),
                Tab::Cliffs => {
                    let cliff = &found.waste.cliffs[at];
                    format!("cliff of {} at {} B", cliff.type_name, cliff.requested)
                }
                Tab::Slabs => format!("slabs of {}", units::bytes(found.pages.classes[at].size)),
                Tab::Pins => format!("pinned by {}", found.pages.types[at].type_name),
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
                    Tab::Types => waste_ui(ui, &found.waste.types[at], column),
                    Tab::Classes => {
                        class_ui(ui, &found.waste.classes[at], found.waste.population.bytes, column);
                    }
                    Tab::Cliffs => cliff_ui(ui, &found.waste.cliffs[at], column),
                    Tab::Slabs => slab_ui(ui, &found.pages.classes[at], column),
                    Tab::Pins => pin_ui(ui, &found.pages.types[at], column),
                }
            },
            &mut |row, column| value(&found, tab, order[row as usize] as usize, column),
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
fn order(analysis: &Analysis, found: &Found, question: &Question) -> Vec<u32> {
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
    let rows = match question.tab {
        Tab::Types => found.waste.types.len(),
        Tab::Classes => found.waste.classes.len(),
        Tab::Cliffs => found.waste.cliffs.len(),
        Tab::Slabs => found.pages.classes.len(),
        Tab::Pins => found.pages.types.len(),
    };
    let is_shown = |at: &usize| match question.tab {
        Tab::Types => passes(found.waste.types[*at].row),
        Tab::Cliffs => passes(found.waste.cliffs[*at].row),
        Tab::Pins => passes(found.pages.types[*at].row),
        Tab::Classes | Tab::Slabs => true,
    };
    let value = |at| (at as u32, value(found, question.tab, at, question.column));
    export::order((0..rows).filter(is_shown).map(value), question.descending)
}

/// What is in a cell.
fn value(found: &Found, tab: Tab, at: usize, column: usize) -> Value {
    match tab {
        Tab::Types => waste_value(&found.waste.types[at], column),
        Tab::Classes => class_value(&found.waste.classes[at], found.waste.population.bytes, column),
        Tab::Cliffs => cliff_value(&found.waste.cliffs[at], column),
        Tab::Slabs => slab_value(&found.pages.classes[at], column),
        Tab::Pins => pin_value(&found.pages.types[at], column),
    }
}

fn slab_value(row: &ClassPages, column: usize) -> Value {
    match column {
        0 => row.size.into(),
        1 if row.slab_size == 0 => Value::Nothing,
        1 => row.slab_size.into(),
        2 => row.slabs.into(),
        3 if row.slab_size == 0 => Value::Nothing,
        3 => row.half_empty.into(),
        4 => Value::Share(row.bytes.saturating_sub(row.gaps), row.bytes),
        5 => row.gaps.into(),
        6 => row.could_save.into(),
        _ => row.empty_pages.into(),
    }
}

fn slab_ui(ui: &mut Ui, row: &ClassPages, column: usize) {
    match (column, slab_value(row, column)) {
        (4, Value::Share(part, whole)) => cells::percent_bar(ui, part, whole),
        (2 | 3, Value::Number(count)) => {
            cells::count(ui, count).on_hover_ui(|ui| {
                ui.label("Slabs with a live block, by how full they are:");
                for (at, slabs) in row.fill.iter().enumerate().filter(|(_, slabs)| **slabs > 0) {
                    ui.label(format!("up to {} %: {}", (at + 1) * 10, units::count(*slabs)));
                }
            });
        }
        (0 | 1, Value::Number(bytes)) => {
            cells::bytes(ui, bytes, 0);
        }
        (_, Value::Number(bytes)) => {
            cells::bytes(ui, bytes, row.bytes);
        }
        _ => {
            ui.weak("own pages").on_hover_text("Each block has pages of its own.");
        }
    }
}

fn pin_value(row: &PinRow, column: usize) -> Value {
    match column {
        0 => Value::text(&row.type_name),
        1 => row.pinned.into(),
        2 => row.slabs.into(),
        3 => row.alone.into(),
        4 => row.alone_bytes.into(),
        _ => row.blocks.into(),
    }
}

fn pin_ui(ui: &mut Ui, row: &PinRow, column: usize) {
    match (column, pin_value(row, column)) {
        (0, _) => {
            let text = RichText::new(&row.type_name);
            table::text(ui, if row.row.is_none() { text.italics() } else { text });
        }
        (1 | 4, Value::Number(bytes)) => {
            cells::bytes(ui, bytes, 0);
        }
        (_, Value::Number(count)) => {
            cells::count(ui, count);
        }
        _ => {}
    }
}

/// What the pages hold in all, and what is not known of them.
fn pages_ui(ui: &mut Ui, pages: &Pages) {
    cells::line(ui, |ui| {
        ui.label(format!("{} of pages, {} live", units::bytes(pages.bytes), units::bytes(pages.live)));
        ui.weak(format!("{} in gaps", units::bytes(pages.gaps)));
        ui.weak(format!(
            "{} would come back from as few slabs as hold the blocks",
            units::bytes(pages.could_save)
        ));
        if pages.is_estimate {
            let color = theme::warning(ui);
            ui.colored_label(color, "an estimate").on_hover_text(
                "The snapshot does not hold the allocator's count of slabs: jemalloc's usual ones are assumed.",
            );
        }
    });
    for problem in &pages.problems {
        cells::line(ui, |ui| ui.weak(problem));
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
