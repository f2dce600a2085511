//! What nobody claims: live blocks that the walk met no holder of, by the code
//! that allocated them, its tags, by size class, and by who seems to hold them.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::editor;
use crate::export::{self, Value};
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme;
use egui::{Panel, RichText, ScrollArea, Ui};
use heap_analysis::addresses::Code;
use heap_analysis::ledger::{Class, UnclaimedRow};
use heap_analysis::stacks::{lines, Line, StackRow, StackRows, TagRow, TagRows};
use heap_analysis::unclaimed::{HolderRow, Unclaimed};
use heap_analysis::units;
use std::sync::Arc;

/// Stacks that are listed; the rest is counted.
const MAX_STACKS: usize = 2000;

/// What they are listed by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tab {
    Stacks,
    Sizes,
    Holders,
    Tags,
}

impl Tab {
    const ALL: [Tab; 4] = [Tab::Stacks, Tab::Sizes, Tab::Holders, Tab::Tags];

    fn title(self) -> &'static str {
        match self {
            Tab::Stacks => "By stack",
            Tab::Sizes => "By size class",
            Tab::Holders => "By holder",
            Tab::Tags => "By tag",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Tab::Stacks => "Which code allocated them.",
            Tab::Sizes => "How large they are, as the allocator rounds sizes up.",
            Tab::Holders => "Where a word stands that is their address: who seems to hold them, not proven.",
            Tab::Tags => "Under which tags of the program they were allocated.",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Tab::Stacks => STACKS,
            Tab::Sizes => SIZES,
            Tab::Holders => HOLDERS,
            Tab::Tags => TAGS,
        }
    }
}

const STANDS_FOR: Column = Column::number(
    "Stands for",
    92.0,
    "Where only a part of the blocks has its stack and tags: requested bytes of all that the part stands for, an estimate.",
);

const STACKS: &[Column] = &[
    Column::text(
        "Allocated in",
        240.0,
        "The functions of the stack, from the innermost that is not the standard library's on; all of it stands below when the row is selected.",
    ),
    Column::number("Bytes", 84.0, "Usable bytes of the blocks that have this stack."),
    Column::number("Share", 116.0, "Their share of all unclaimed bytes."),
    Column::number("Blocks", 84.0, "Blocks that have this stack."),
    STANDS_FOR,
    Column::number("Example", 130.0, "Address of one of the blocks."),
];

const SIZES: &[Column] = &[
    Column::number("Class", 90.0, "Usable bytes of each: its size class."),
    Column::number("Bytes", 90.0, "Their usable bytes."),
    Column::number("Share", 116.0, "Their share of all unclaimed bytes."),
    Column::number("Blocks", 90.0, "Blocks of this class."),
    Column::number("Sizes", 62.0, "Different sizes that they asked for."),
    Column::number("Most ask for", 100.0, "The size that most of them asked for."),
    Column::number("Example", 130.0, "Address of the first that asked for it."),
];

const HOLDERS: &[Column] = &[
    Column::text("Holder", 220.0, "The type and field, or the memory, in which a word is their address."),
    Column::number(
        "Bytes",
        84.0,
        "Usable bytes, with what hangs from the blocks that are held at first hand.",
    ),
    Column::number("Share", 116.0, "Their share of all unclaimed bytes."),
    Column::number("Blocks", 76.0, "Blocks, those that hang from others included."),
    Column::number("First hand", 84.0, "Blocks that the words lead to; of what is leaked, groups."),
    Column::text("State", 170.0, "Why they are there, as far as the search can tell."),
    Column::text("What to do", 360.0, "So that they are claimed."),
];

const TAGS: &[Column] = &[
    Column::text("Tags", 240.0, "Tags of the program, the outer of nested ones first."),
    Column::number("Bytes", 84.0, "Usable bytes of the blocks that were allocated under these tags."),
    Column::number("Share", 116.0, "Their share of all unclaimed bytes."),
    Column::number("Blocks", 84.0, "Blocks with these tags."),
    STANDS_FOR,
    Column::number("Example", 130.0, "Address of one of the blocks."),
];

/// State of the view.
#[derive(Debug)]
pub struct UnclaimedView {
    /// Once one was chosen.
    tab: Option<Tab>,
    /// By tab: column and direction.
    sorted: [(usize, bool); 4],
    stacks: Answer<(), Arc<StackRows>>,
    holders: Answer<(), Arc<Unclaimed>>,
    tags: Answer<(), Arc<TagRows>>,
    order: Answer<(Tab, usize, bool), Vec<u32>>,
    /// By tab: position among its rows.
    selected: [Option<u32>; 4],
    visible: Vec<String>,
    editor_error: Option<String>,
}

impl Default for UnclaimedView {
    fn default() -> UnclaimedView {
        UnclaimedView {
            tab: None,
            sorted: [(1, true); 4],
            stacks: Answer::default(),
            holders: Answer::default(),
            tags: Answer::default(),
            order: Answer::default(),
            selected: [None; 4],
            visible: Vec::new(),
            editor_error: None,
        }
    }
}

impl UnclaimedView {
    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.stacks.is_working()
            || self.holders.is_working()
            || self.tags.is_working()
            || self.order.is_working()
    }

    /// Names of the rows on the screen.
    pub fn visible(&self) -> &[String] {
        &self.visible
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History) {
        self.visible.clear();
        let ledger = document.analysis.ledger();
        let unclaimed = ledger.classes.iter().find(|class| class.class == Class::Unclaimed);
        let (Some(all), true) = (unclaimed, ledger.is_tracked) else {
            ui.add_space(8.0);
            let fix = "install tracking_alloc::TrackingAlloc as the program's global allocator and take the snapshot again";
            let color = theme::warning(ui);
            let what = "without the tracking allocator nothing is known of blocks that nobody claims";
            return cells::notice(ui, color, what, fix);
        };
        egui::Frame::new().inner_margin(8.0).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.strong(format!("{} unclaimed", units::bytes(all.bytes)))
                    .on_hover_text(cells::exact(all.bytes));
                let share = units::percent(all.bytes, ledger.population.bytes);
                let blocks = units::count(all.blocks);
                ui.label(format!("in {blocks} blocks, {share} of {} live", units::bytes(ledger.population.bytes)));
            });
            ui.weak("Live blocks that no root leads to: held by what has no Walk, by a local variable, by C code, or by nobody.");
        });
        if all.blocks == 0 {
            ui.add_space(8.0);
            ui.vertical_centered(|ui| ui.weak("Every block has a holder."));
            return;
        }
        // Without stacks the sizes are what is always known.
        let first = if document.analysis.has_stacks() { Tab::Stacks } else { Tab::Sizes };
        let chosen = self.tab.unwrap_or(first);
        cells::line(ui, |ui| {
            for tab in Tab::ALL {
                if ui.selectable_label(chosen == tab, tab.title()).on_hover_text(tab.help()).clicked() {
                    self.tab = Some(tab);
                }
            }
        });
        match chosen {
            Tab::Stacks => self.stacks_ui(ui, document),
            Tab::Sizes => self.sizes_ui(ui, document, all.bytes),
            Tab::Holders => self.holders_ui(ui, document, history, all.bytes),
            Tab::Tags => self.tags_ui(ui, document),
        }
    }

    fn stacks_ui(&mut self, ui: &mut Ui, document: &Document) {
        let analysis = &document.analysis;
        if !analysis.has_stacks() {
            ui.add_space(8.0);
            let color = theme::warning(ui);
            let fix = "run the program with HEAP_TRACK=stacks, or stacks:512K for those of a part, and take the snapshot again";
            return cells::notice(ui, color, "the stacks that allocated blocks were not recorded", fix);
        }
        let of = Arc::clone(analysis);
        let found = match self.stacks.get(ui.ctx(), (), || move || Arc::new(of.stacks(true, MAX_STACKS))) {
            Shown::Ready(found) | Shown::Working(Some(found)) => Arc::clone(found),
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        cells::line(ui, |ui| {
            let mut text = format!("{} stacks, found by {}", units::count(found.stacks as u64), found.way);
            if found.mean > 0 {
                text.push_str(&format!("; a stack for each {} on average", units::bytes(found.mean)));
            }
            if found.rows.len() < found.stacks {
                text.push_str(&format!("; the {} with most bytes", units::count(found.rows.len() as u64)));
            }
            ui.weak(text);
        });
        let color = theme::warning(ui);
        for problem in &found.problems {
            cells::line(ui, |ui| ui.colored_label(color, problem));
        }
        if let Some(row) = self.selected[Tab::Stacks as usize].and_then(|at| found.rows.get(at as usize)) {
            Panel::bottom("stack").resizable(true).default_size(200.0).min_size(80.0).show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                if let Some(error) = stack_ui(ui, row) {
                    self.editor_error = error.err();
                }
                if let Some(error) = &self.editor_error {
                    cells::notice(ui, color, error, "");
                }
            });
        }
        let (column, descending) = self.sorted[Tab::Stacks as usize];
        let of = Arc::clone(&found);
        let order = self.order.get(ui.ctx(), (Tab::Stacks, column, descending), || {
            move || order(&of.rows, column, descending, |row, column| stack_value(row, of.total, column))
        });
        let order = match order {
            Shown::Ready(order) => order,
            Shown::Working(_) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let row_at = |row: u64| &found.rows[order[row as usize] as usize];
        let selected =
            self.selected[Tab::Stacks as usize].and_then(|at| order.iter().position(|one| *one == at));
        let shown = table(Tab::Stacks, order.len(), selected, (column, descending)).show(
            ui,
            &mut |row| format!("stack {}", row_at(row).name()),
            &mut |ui, row, column| {
                let row = row_at(row);
                match column {
                    0 => {
                        let text = RichText::new(row.name());
                        let text = if row.frames.is_empty() { text.italics() } else { text };
                        table::text(ui, text).on_hover_ui(|ui| frames_ui(ui, &row.frames, 12, &mut None));
                    }
                    1 => {
                        cells::bytes(ui, row.bytes, found.total);
                    }
                    2 => cells::percent_bar(ui, row.bytes, found.total),
                    3 => {
                        cells::count(ui, row.blocks);
                    }
                    4 if found.mean > 0 && !row.frames.is_empty() => {
                        ui.label(format!("~ {}", units::bytes(row.estimated_bytes)));
                    }
                    4 => {}
                    _ => {
                        ui.monospace(format!("{:#x}", row.example));
                    }
                }
            },
            &mut |row, column| stack_value(row_at(row), found.total, column),
        );
        self.visible = shown
            .visible
            .clone()
            .filter(|row| *row < order.len() as u64)
            .map(|row| row_at(row).name())
            .collect();
        if let Some(row) = shown.row {
            self.selected[Tab::Stacks as usize] = order.get(row as usize).copied();
            self.editor_error = None;
        }
        self.sort(Tab::Stacks, shown.header);
    }

    fn sizes_ui(&mut self, ui: &mut Ui, document: &Document, whole: u64) {
        let analysis = Arc::clone(&document.analysis);
        let rows = &document.analysis.ledger().unclaimed;
        let (column, descending) = self.sorted[Tab::Sizes as usize];
        let order = self.order.get(ui.ctx(), (Tab::Sizes, column, descending), || {
            move || {
                let rows = &analysis.ledger().unclaimed;
                order(rows, column, descending, |row, column| size_value(row, whole, column))
            }
        });
        let order = match order {
            Shown::Ready(order) => order,
            Shown::Working(_) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let row_at = |row: u64| &rows[order[row as usize] as usize];
        let name = |row: u64| format!("unclaimed {} B", row_at(row).usable);
        let selected =
            self.selected[Tab::Sizes as usize].and_then(|at| order.iter().position(|one| *one == at));
        let shown = table(Tab::Sizes, order.len(), selected, (column, descending)).show(
            ui,
            &mut |row| name(row),
            &mut |ui, row, column| {
                let row = row_at(row);
                match column {
                    0 => {
                        cells::bytes(ui, row.usable, 0);
                    }
                    1 => {
                        cells::bytes(ui, row.bytes, whole);
                    }
                    2 => cells::percent_bar(ui, row.bytes, whole),
                    3 => {
                        cells::count(ui, row.blocks);
                    }
                    4 => {
                        cells::count(ui, row.sizes);
                    }
                    5 => {
                        let (size, blocks) = row.most;
                        let help = format!("{} of {}", units::count(blocks), units::count(row.blocks));
                        cells::bytes(ui, size, row.usable).on_hover_text(help);
                    }
                    _ => {
                        ui.monospace(format!("{:#x}", row.example));
                    }
                }
            },
            &mut |row, column| size_value(row_at(row), whole, column),
        );
        self.visible = shown.visible.clone().filter(|row| *row < order.len() as u64).map(name).collect();
        if let Some(row) = shown.row {
            self.selected[Tab::Sizes as usize] = order.get(row as usize).copied();
        }
        self.sort(Tab::Sizes, shown.header);
    }

    fn holders_ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History, whole: u64) {
        let of = Arc::clone(&document.analysis);
        let found = match self.holders.get(ui.ctx(), (), || move || Arc::new(of.unclaimed())) {
            Shown::Ready(found) | Shown::Working(Some(found)) => Arc::clone(found),
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        cells::line(ui, |ui| {
            for state in found.states.iter().filter(|state| state.blocks > 0) {
                ui.weak(format!("{} {}", units::bytes(state.bytes), state.state.name()));
            }
            if found.searched > 0 {
                ui.weak(format!("{} searched", units::bytes(found.searched)));
            }
        });
        let color = theme::warning(ui);
        for problem in &found.problems {
            cells::line(ui, |ui| ui.colored_label(color, problem));
        }
        let (column, descending) = self.sorted[Tab::Holders as usize];
        let of = Arc::clone(&found);
        let order = self.order.get(ui.ctx(), (Tab::Holders, column, descending), || {
            move || order(&of.rows, column, descending, |row, column| holder_value(row, whole, column))
        });
        let order = match order {
            Shown::Ready(order) => order,
            Shown::Working(_) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let row_at = |row: u64| &found.rows[order[row as usize] as usize];
        let selected =
            self.selected[Tab::Holders as usize].and_then(|at| order.iter().position(|one| *one == at));
        let shown = table(Tab::Holders, order.len(), selected, (column, descending)).show(
            ui,
            &mut |row| format!("holder {}", row_at(row).name()),
            &mut |ui, row, column| {
                let row = row_at(row);
                match (column, holder_value(row, whole, column)) {
                    (_, Value::Text(text)) => {
                        table::text(ui, &text).on_hover_text(&text);
                    }
                    (1, Value::Number(bytes)) => {
                        cells::bytes(ui, bytes, whole);
                    }
                    (_, Value::Share(part, whole)) => cells::percent_bar(ui, part, whole),
                    (_, Value::Number(count)) => {
                        cells::count(ui, count);
                    }
                    (_, Value::Nothing) => {}
                }
            },
            &mut |row, column| holder_value(row_at(row), whole, column),
        );
        self.visible = shown
            .visible
            .clone()
            .filter(|row| *row < order.len() as u64)
            .map(|row| row_at(row).name())
            .collect();
        if let Some(row) = shown.row {
            self.selected[Tab::Holders as usize] = order.get(row as usize).copied();
            if let Some(node) =
                self.selected[Tab::Holders as usize].and_then(|at| found.rows[at as usize].example_holder)
            {
                history.select(Selection::Node(node));
            }
        }
        self.sort(Tab::Holders, shown.header);
    }

    fn tags_ui(&mut self, ui: &mut Ui, document: &Document) {
        let of = Arc::clone(&document.analysis);
        let found = match self.tags.get(ui.ctx(), (), || move || Arc::new(of.tags(true))) {
            Shown::Ready(found) | Shown::Working(Some(found)) => Arc::clone(found),
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        if found.mean > 0 {
            let each = units::bytes(found.mean);
            let text =
                format!("tags are known of a block for each {each} on average; (none) holds all others");
            cells::line(ui, |ui| ui.weak(text));
        }
        let color = theme::warning(ui);
        for problem in &found.problems {
            cells::line(ui, |ui| ui.colored_label(color, problem));
        }
        let (column, descending) = self.sorted[Tab::Tags as usize];
        let of = Arc::clone(&found);
        let order = self.order.get(ui.ctx(), (Tab::Tags, column, descending), || {
            move || order(&of.rows, column, descending, |row, column| tag_value(row, &of, column))
        });
        let order = match order {
            Shown::Ready(order) => order,
            Shown::Working(_) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let row_at = |row: u64| &found.rows[order[row as usize] as usize];
        let selected =
            self.selected[Tab::Tags as usize].and_then(|at| order.iter().position(|one| *one == at));
        let shown = table(Tab::Tags, order.len(), selected, (column, descending)).show(
            ui,
            &mut |row| format!("tags {}", row_at(row).name()),
            &mut |ui, row, column| match (column, tag_value(row_at(row), &found, column)) {
                (0, Value::Text(text)) => {
                    table::text(ui, text);
                }
                (_, Value::Text(text)) => {
                    ui.monospace(text);
                }
                (1, Value::Number(bytes)) => {
                    cells::bytes(ui, bytes, found.total);
                }
                (4, Value::Number(bytes)) => {
                    ui.label(format!("~ {}", units::bytes(bytes)));
                }
                (_, Value::Share(part, whole)) => cells::percent_bar(ui, part, whole),
                (_, Value::Number(count)) => {
                    cells::count(ui, count);
                }
                (_, Value::Nothing) => {}
            },
            &mut |row, column| tag_value(row_at(row), &found, column),
        );
        self.visible = shown
            .visible
            .clone()
            .filter(|row| *row < order.len() as u64)
            .map(|row| row_at(row).name())
            .collect();
        if let Some(row) = shown.row {
            self.selected[Tab::Tags as usize] = order.get(row as usize).copied();
        }
        self.sort(Tab::Tags, shown.header);
    }

    fn sort(&mut self, tab: Tab, header: Option<usize>) {
        let Some(column) = header else { return };
        let (before, descending) = self.sorted[tab as usize];
        let is_descending = if before == column { !descending } else { tab.columns()[column].is_number };
        self.sorted[tab as usize] = (column, is_descending);
    }
}

fn table(tab: Tab, rows: usize, selected: Option<usize>, sorted: (usize, bool)) -> Table<'static> {
    Table {
        name: match tab {
            Tab::Stacks => "unclaimed by stack",
            Tab::Sizes => "unclaimed by size class",
            Tab::Holders => "unclaimed by holder",
            Tab::Tags => "unclaimed by tag",
        },
        columns: tab.columns(),
        rows: rows as u64,
        selected: selected.map(|at| at as u64),
        scroll_to: None,
        sorted: Some(sorted),
        keyboard: Keyboard::Main,
    }
}

fn stack_value(row: &StackRow, whole: u64, column: usize) -> Value {
    match column {
        0 => Value::text(row.name()),
        1 => row.bytes.into(),
        2 => Value::Share(row.bytes, whole),
        3 => row.blocks.into(),
        4 => row.estimated_bytes.into(),
        _ => Value::text(format!("{:#x}", row.example)),
    }
}

fn holder_value(row: &HolderRow, whole: u64, column: usize) -> Value {
    match column {
        0 => Value::text(row.name()),
        1 => row.bytes.into(),
        2 => Value::Share(row.bytes, whole),
        3 => row.blocks.into(),
        4 => row.direct.into(),
        5 => Value::text(row.state.name()),
        _ => Value::text(&row.advice),
    }
}

fn tag_value(row: &TagRow, rows: &TagRows, column: usize) -> Value {
    match column {
        0 => Value::text(row.name()),
        1 => row.bytes.into(),
        2 => Value::Share(row.bytes, rows.total),
        3 => row.blocks.into(),
        4 if rows.mean > 0 && row.estimated_bytes > 0 => row.estimated_bytes.into(),
        4 => Value::Nothing,
        _ => Value::text(format!("{:#x}", row.example)),
    }
}

fn size_value(row: &UnclaimedRow, whole: u64, column: usize) -> Value {
    match column {
        0 => row.usable.into(),
        1 => row.bytes.into(),
        2 => Value::Share(row.bytes, whole),
        3 => row.blocks.into(),
        4 => row.sizes.into(),
        5 => row.most.0.into(),
        _ => Value::text(format!("{:#x}", row.example)),
    }
}

/// Sorts by a column.
fn order<T>(rows: &[T], column: usize, descending: bool, value: impl Fn(&T, usize) -> Value) -> Vec<u32> {
    export::order(rows.iter().enumerate().map(|(at, row)| (at as u32, value(row, column))), descending)
}

/// The selected stack. Returns how it went to open a place in the editor, where one was clicked.
fn stack_ui(ui: &mut Ui, row: &StackRow) -> Option<Result<(), String>> {
    ui.horizontal(|ui| {
        let bytes = units::bytes(row.bytes);
        ui.strong(format!("{bytes} in {} blocks, allocated in", units::count(row.blocks)));
        let help = "All its functions as text, those of the standard library too, a line each.";
        if ui.button("Copy stack").on_hover_text(help).clicked() {
            let lines: Vec<String> = lines(&row.frames, true).into_iter().map(|line| line.text).collect();
            ui.ctx().copy_text(lines.join("\n"));
        }
    });
    if row.frames.is_empty() {
        ui.weak("No stack is known of these blocks.");
    }
    let mut opened = None;
    ScrollArea::both().auto_shrink(false).show(ui, |ui| frames_ui(ui, &row.frames, usize::MAX, &mut opened));
    opened
}

/// Functions of a stack, a line each, innermost first, without the inside of the standard library; `opened` says
/// how it went to open the place of one in the editor, where it was clicked.
pub(crate) fn frames_ui(ui: &mut Ui, frames: &[Code], most: usize, opened: &mut Option<Result<(), String>>) {
    for Line { text, source, .. } in lines(frames, false).into_iter().take(most) {
        match source {
            Some((file, line)) => {
                let link = egui::Button::new(RichText::new(&text).monospace().size(12.0)).frame(false);
                let help = format!("Open it in your editor: the command in {}.", editor::VARIABLE);
                if ui.add(link).on_hover_text(help).clicked() {
                    *opened = Some(editor::open(file, line));
                }
            }
            None => {
                ui.label(RichText::new(&text).monospace().size(12.0));
            }
        }
    }
}
