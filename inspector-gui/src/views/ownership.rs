//! The ownership tree, as virtual rows. What hangs below a node is asked for
//! when it is opened, on a thread, and only the entries that retain most; the
//! others are one line that counts them and asks for more.

use crate::answer::{Answer, Shown};
use crate::cells::{self, Pointing};
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme;
use egui::{RichText, Sense, Ui};
use heap_analysis::dominators::Dominator;
use heap_analysis::path::PathStep;
use heap_analysis::tree::{Children, TreeRow};
use heap_analysis::{units, Analysis, NodeId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Entries that are shown below a node at first, and how many more each time.
const FIRST: usize = 100;

/// Trees deeper than this indent no further.
const MAX_INDENT: usize = 40;

/// Entries that are fetched to find one of them; beyond, it is added by itself.
const MAX_SEARCHED: usize = 1600;

const INDENT: f32 = 15.0;

const COLUMNS: &[Column] = &[
    Column::text("Node", 260.0, "The field or position that holds the node, and its type."),
    Column::number(
        "Retained",
        72.0,
        "Bytes that would be freed with it: the shallow sizes of its dominator subtree.",
    ),
    Column::number(
        "Of holder",
        112.0,
        "What it retains, by what the node above it retains. Shared nodes go with nobody alone.",
    ),
    Column::number("Shallow", 72.0, "Usable bytes of its own block, nothing it points to."),
    Column::number("Below", 64.0, "How many edges of the lens leave it."),
];

/// A node in the tree.
#[derive(Debug)]
struct Entry {
    row: TreeRow,
    depth: usize,
    parent: Option<usize>,
    /// The same node stands above it: it is not opened a second time.
    is_cycle: bool,
    is_open: bool,
    /// What is below it could not be worked out.
    is_failed: bool,
    /// Entries below it and what was left out, once fetched.
    below: Option<Below>,
    /// How many entries below it are wanted.
    wanted: usize,
}

#[derive(Debug)]
struct Below {
    entries: Vec<usize>,
    rest: Children,
    fetched: usize,
}

/// The way to a node, opened as far as `at`.
#[derive(Debug)]
struct Reveal {
    at: usize,
    /// Steps below `at`.
    rest: VecDeque<PathStep>,
}

/// A row on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    /// A node.
    Entry(usize),
    /// What was left out below a node.
    Rest(usize),
    /// What is below a node is on its way.
    Fetching(usize),
}

/// State of the pane.
#[derive(Debug, Default)]
pub struct Ownership {
    /// Where the tree starts; `None`: at the roots.
    top: Option<NodeId>,
    /// Nodes met so far; grows as the tree is opened.
    entries: Vec<Entry>,
    lines: Vec<Line>,
    fetch: Answer<(usize, usize), Children>,
    /// Entries to be fetched, the next one last.
    queue: Vec<usize>,
    visible: Vec<String>,
    last_selection: Selection,
    scroll_to: Option<u64>,
    /// Way to a node that is being opened.
    reveal: Option<Reveal>,
    /// Line the keyboard is at, where a node stands in the tree more than once.
    cursor: Option<u64>,
}

impl Ownership {
    /// For a new document: the tree below its roots.
    pub fn new(document: &Document) -> Ownership {
        let mut tree = Ownership::default();
        tree.start(&document.analysis, None);
        tree
    }

    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.fetch.is_working() || !self.queue.is_empty()
    }

    /// Names of the rows on the screen.
    pub fn visible(&self) -> &[String] {
        &self.visible
    }

    /// Shows the tree below `node` alone.
    pub fn focus(&mut self, analysis: &Analysis, node: NodeId) {
        self.start(analysis, Some(node));
    }

    /// Opens the way to a node, given as [`Analysis::path`] gives it, and scrolls
    /// there. Where it does not begin at a root, shows the tree below the node alone.
    pub fn reveal(&mut self, analysis: &Analysis, path: &[PathStep], node: NodeId) {
        if self.top.is_some() {
            self.start(analysis, None);
        }
        let is_first = |entry: &Entry| path.first().is_some_and(|step| entry.row.node == step.node);
        let first = self.entries.iter().position(|entry| entry.parent.is_none() && is_first(entry));
        match first {
            Some(at) => self.reveal = Some(Reveal { at, rest: path.iter().skip(1).cloned().collect() }),
            None => self.focus(analysis, node),
        }
    }

    /// Opens a way further, as far as its entries have been fetched.
    fn advance(&mut self, analysis: &Analysis) {
        while let Some(Reveal { at, mut rest }) = self.reveal.take() {
            if rest.is_empty() {
                self.cursor = self.lines.iter().position(|line| *line == Line::Entry(at)).map(|at| at as u64);
                self.scroll_to = self.cursor;
                return;
            }
            self.open(at);
            let entry = &self.entries[at];
            let Some(below) = entry.below.as_ref().filter(|_| !self.queue.contains(&at)) else {
                if entry.is_open && !entry.is_failed {
                    self.reveal = Some(Reveal { at, rest });
                }
                return;
            };
            // Nodes of hidden types are no entries: what comes after them is.
            let found = rest.iter().enumerate().rev().find_map(|(step, on_way)| {
                let is_it = |entry: &&usize| self.entries[**entry].row.node == on_way.node;
                Some((step, *below.entries.iter().find(is_it)?))
            });
            if let Some((step, child)) = found {
                rest.drain(..=step);
                self.reveal = Some(Reveal { at: child, rest });
            } else if below.rest.rest_count == 0 {
                return;
            } else if below.fetched < MAX_SEARCHED {
                self.more(at);
                self.reveal = Some(Reveal { at, rest });
                return;
            } else {
                let Some(child) = rest.pop_front().and_then(|step| self.add(analysis, at, step)) else {
                    return;
                };
                self.reveal = Some(Reveal { at: child, rest });
            }
        }
    }

    /// Adds one of the entries that were left out below `at`.
    fn add(&mut self, analysis: &Analysis, at: usize, step: PathStep) -> Option<usize> {
        let holder = Dominator::Node(self.entries[at].row.node);
        let row = TreeRow {
            place: step.place.trim_start_matches('.').to_owned(),
            edge: step.edge,
            is_dominated: analysis.dominators().of(step.node) == holder,
            ..analysis.tree_row(step.node)?
        };
        let child = self.push(at, row);
        let entry = &self.entries[child].row;
        let (shallow, retained) = (entry.shallow, entry.retained);
        if let Some(Below { entries, rest, .. }) = &mut self.entries[at].below {
            entries.push(child);
            // It is no longer one of the others.
            rest.rest_count = rest.rest_count.saturating_sub(1);
            rest.rest_shallow = rest.rest_shallow.saturating_sub(shallow);
            rest.rest_retained = rest.rest_retained.saturating_sub(retained);
        }
        self.refresh(at);
        Some(child)
    }

    fn start(&mut self, analysis: &Analysis, top: Option<NodeId>) {
        *self = Ownership { top, ..Ownership::default() };
        match top {
            Some(node) => {
                let Some(row) = analysis.tree_row(node) else { return self.start(analysis, None) };
                self.push_top(row);
                self.open(0);
            }
            None => {
                for root in analysis.roots().iter().filter(|root| root.name_for.is_none()) {
                    if let Some(row) = analysis.tree_row(root.node) {
                        self.push_top(TreeRow { place: root.name.clone(), edge: "root".into(), ..row });
                    }
                }
            }
        }
    }

    fn push_top(&mut self, row: TreeRow) {
        self.lines.push(Line::Entry(self.entries.len()));
        self.entries.push(Entry {
            row,
            depth: 0,
            parent: None,
            is_cycle: false,
            is_open: false,
            is_failed: false,
            below: None,
            wanted: FIRST,
        });
    }

    fn open(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        if entry.is_open || entry.is_cycle || entry.row.children == 0 {
            return;
        }
        entry.is_open = true;
        if entry.below.is_none() && !entry.is_failed {
            self.queue.push(at);
        }
        self.refresh(at);
    }

    fn close(&mut self, at: usize) {
        self.entries[at].is_open = false;
        self.refresh(at);
    }

    fn more(&mut self, at: usize) {
        let fetched = self.entries[at].below.as_ref().map_or(0, |below| below.fetched);
        self.entries[at].wanted = fetched.saturating_mul(4).max(FIRST);
        self.queue.push(at);
    }

    /// Lines below an entry that are on the screen, in order.
    fn lines_below(&self, at: usize, lines: &mut Vec<Line>) {
        // A stack of its own: trees of lists are deep.
        let mut stack = vec![(at, 0)];
        while let Some((at, next)) = stack.pop() {
            let entry = &self.entries[at];
            if !entry.is_open {
                continue;
            }
            let Some(below) = &entry.below else {
                lines.push(Line::Fetching(at));
                continue;
            };
            if let Some(child) = below.entries.get(next) {
                lines.push(Line::Entry(*child));
                stack.push((at, next + 1));
                stack.push((*child, 0));
            } else if below.rest.rest_count > 0 {
                lines.push(Line::Rest(at));
            }
        }
    }

    /// Puts the lines below an entry anew. O(lines).
    fn refresh(&mut self, at: usize) {
        let Some(start) = self.lines.iter().position(|line| *line == Line::Entry(at)) else { return };
        let depth = self.entries[at].depth;
        let is_below = |line: &Line| match *line {
            Line::Entry(entry) => self.entries[entry].depth > depth,
            Line::Rest(entry) | Line::Fetching(entry) => self.entries[entry].depth >= depth,
        };
        let count = self.lines[start + 1..].iter().take_while(|line| is_below(line)).count();
        let mut below = Vec::new();
        self.lines_below(at, &mut below);
        self.lines.splice(start + 1..start + 1 + count, below);
    }

    /// Fetches what is to be fetched.
    fn fetch(&mut self, ctx: &egui::Context, analysis: &Arc<Analysis>) {
        let Some(&at) = self.queue.last() else { return };
        let (node, wanted) = (self.entries[at].row.node, self.entries[at].wanted);
        let analysis = Arc::clone(analysis);
        let work = || move || analysis.children(node, wanted);
        let children = match self.fetch.get(ctx, (at, wanted), work) {
            Shown::Ready(children) => children.clone(),
            Shown::Working(_) => return,
            Shown::Failed => {
                self.queue.pop();
                self.entries[at].is_failed = true;
                return self.refresh(at);
            }
        };
        self.queue.pop();
        let known: HashMap<(NodeId, String), usize> = self.entries[at]
            .below
            .take()
            .into_iter()
            .flat_map(|below| below.entries)
            .map(|entry| ((self.entries[entry].row.node, self.entries[entry].row.place.clone()), entry))
            .collect();
        let Children { rows, rest_count, rest_shallow, rest_retained } = children;
        let fetched = rows.len();
        let mut entries = Vec::with_capacity(fetched);
        for row in rows {
            // What was open stays open.
            let same = known.get(&(row.node, row.place.clone())).copied();
            entries.push(same.unwrap_or_else(|| self.push(at, row)));
        }
        let rest = Children { rows: Vec::new(), rest_count, rest_shallow, rest_retained };
        self.entries[at].below = Some(Below { entries, rest, fetched });
        self.refresh(at);
        if !self.queue.is_empty() {
            ctx.request_repaint();
        }
    }

    fn push(&mut self, parent: usize, row: TreeRow) -> usize {
        let mut above = Some(parent);
        let mut is_cycle = false;
        while let Some(at) = above {
            is_cycle |= self.entries[at].row.node == row.node;
            above = self.entries[at].parent;
        }
        self.entries.push(Entry {
            row,
            depth: self.entries[parent].depth + 1,
            parent: Some(parent),
            is_cycle,
            is_open: false,
            is_failed: false,
            below: None,
            wanted: FIRST,
        });
        self.entries.len() - 1
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History) {
        self.fetch(ui.ctx(), &document.analysis);
        self.follow(history.current());
        self.advance(&document.analysis);
        self.top_ui(ui, document, history);
        if self.lines.is_empty() {
            ui.weak("This snapshot names no roots.");
            return;
        }
        let selected = self.cursor;
        let table = Table {
            name: "ownership tree",
            columns: COLUMNS,
            rows: self.lines.len() as u64,
            selected,
            scroll_to: self.scroll_to.take(),
            sorted: None,
            keyboard: Keyboard::Main,
        };
        let (entries, lines) = (&self.entries, &self.lines);
        let reachable = document.analysis.summary().reachable;
        let mut toggled = None;
        let shown =
            table.show(ui, &mut |row| line_name(entries, lines[row as usize]), &mut |ui, row, column| {
                let line = lines[row as usize];
                if column == 0 {
                    if name_ui(ui, entries, line) {
                        toggled = Some(row);
                    }
                } else {
                    number_ui(ui, entries, line, column, reachable);
                }
            });
        self.visible = shown
            .visible
            .clone()
            .filter(|row| *row < lines.len() as u64)
            .map(|row| line_name(entries, lines[row as usize]))
            .collect();
        if let Some(row) = shown.row {
            self.select(row, shown.is_by_key, history);
        }
        let toggle = toggled.or(shown.entered);
        if let Some(row) = toggle {
            match self.lines.get(row as usize) {
                Some(&Line::Entry(at)) if self.entries[at].is_open => self.close(at),
                Some(&Line::Entry(at)) => self.open(at),
                Some(&Line::Rest(at)) => self.more(at),
                _ => {}
            }
        } else if let Some(row) = selected.filter(|_| shown.open || shown.close) {
            self.step(row, shown.open, history);
        }
        if !self.queue.is_empty() && !self.fetch.is_working() {
            // What was just opened is fetched before the window goes idle.
            ui.ctx().request_repaint();
        }
    }

    fn select(&mut self, row: u64, is_by_key: bool, history: &mut History) {
        self.cursor = Some(row);
        match self.lines.get(row as usize) {
            Some(&Line::Entry(at)) => {
                let selection = Selection::Node(self.entries[at].row.node);
                self.last_selection = selection;
                history.select(selection);
            }
            // Keys pass over it; Enter asks for more.
            Some(&Line::Rest(at)) if !is_by_key => self.more(at),
            _ => {}
        }
    }

    /// Arrow right opens, or goes to the first entry below; arrow left closes, or goes to the holder.
    fn step(&mut self, row: u64, is_right: bool, history: &mut History) {
        let Some(&Line::Entry(at)) = self.lines.get(row as usize) else { return };
        let entry = &self.entries[at];
        match (is_right, entry.is_open) {
            (true, false) => self.open(at),
            (true, true) => {
                self.select((row + 1).min(self.lines.len() as u64 - 1), true, history);
                self.scroll_to = self.cursor;
            }
            (false, true) => self.close(at),
            (false, false) => {
                let holder = entry
                    .parent
                    .and_then(|parent| self.lines.iter().position(|line| *line == Line::Entry(parent)));
                if let Some(holder) = holder {
                    self.select(holder as u64, true, history);
                    self.scroll_to = self.cursor;
                }
            }
        }
    }

    /// Finds the line of what was selected elsewhere.
    fn follow(&mut self, selection: Selection) {
        let is_new = std::mem::replace(&mut self.last_selection, selection) != selection;
        let node = match selection {
            Selection::Node(node) => node,
            Selection::Type(_) | Selection::Nothing => {
                self.cursor = None;
                return;
            }
        };
        let is_at =
            |line: Option<&Line>| matches!(line, Some(&Line::Entry(at)) if self.entries[at].row.node == node);
        let is_here = |cursor: u64| is_at(self.lines.get(cursor as usize));
        // Lines move when others open and close above.
        let is_at_rest = |cursor: u64| matches!(self.lines.get(cursor as usize), Some(Line::Rest(_)));
        let stays = self.cursor.is_some_and(|cursor| is_here(cursor) || !is_new && is_at_rest(cursor));
        if !stays {
            self.cursor = self.lines.iter().position(|line| is_at(Some(line))).map(|at| at as u64);
            if is_new {
                self.scroll_to = self.cursor;
            }
        }
    }

    /// Where the tree starts, and the way to the selection where it is not in the tree.
    fn top_ui(&mut self, ui: &mut Ui, document: &Document, history: &History) {
        let selected = match history.current() {
            Selection::Node(node) => Some(node),
            Selection::Type(_) | Selection::Nothing => None,
        };
        ui.horizontal(|ui| {
            ui.add_space(8.0);
            match self.top {
                None => {
                    ui.label("All roots");
                }
                Some(top) => {
                    if ui.button("All roots").on_hover_text("Show the tree from its roots.").clicked() {
                        self.start(&document.analysis, None);
                        self.follow(history.current());
                        return;
                    }
                    ui.weak("below");
                    let name = self.entries.first().map_or("", |entry| entry.row.type_name.as_str());
                    table::text(ui, format!("#{} {name}", top.0));
                }
            }
            let Some(node) = selected.filter(|node| self.top != Some(*node)) else { return };
            let help = "Show only the tree below the selected node.";
            if ui.button("Start at selection").on_hover_text(help).clicked() {
                self.focus(&document.analysis, node);
                self.follow(history.current());
            }
            if self.cursor.is_none() {
                ui.weak("the selected node is not among the lines that are open");
            }
        });
    }
}

fn line_name(entries: &[Entry], line: Line) -> String {
    match line {
        Line::Entry(at) => {
            let row = &entries[at].row;
            match row.place.as_str() {
                "" => format!("node {}", row.type_name),
                place => format!("node {place}: {}", row.type_name),
            }
        }
        Line::Rest(at) => rest_text(entries, at),
        Line::Fetching(_) => "fetching".into(),
    }
}

fn rest_text(entries: &[Entry], at: usize) -> String {
    let count = entries[at].below.as_ref().map_or(0, |below| below.rest.rest_count);
    format!("{} more: show more", units::count(count))
}

/// Draws the name of a line; whether its triangle was clicked.
fn name_ui(ui: &mut Ui, entries: &[Entry], line: Line) -> bool {
    let (at, is_entry) = match line {
        Line::Entry(at) => (at, true),
        Line::Rest(at) | Line::Fetching(at) => (at, false),
    };
    let entry = &entries[at];
    let depth = if is_entry { entry.depth } else { entry.depth + 1 };
    ui.add_space(depth.min(MAX_INDENT) as f32 * INDENT);
    if !is_entry {
        ui.add_space(18.0);
        match line {
            Line::Fetching(_) if entry.is_failed => {
                let color = theme::error(ui);
                ui.colored_label(
                    color,
                    "could not be worked out: an error of the inspector, please report it",
                )
            }
            Line::Rest(_) => ui.add(egui::Label::new(RichText::new(rest_text(entries, at)).italics())),
            _ => ui.weak("fetching…"),
        };
        return false;
    }
    let row = &entry.row;
    let can_open = row.children > 0 && !entry.is_cycle;
    let (rect, response) = ui.allocate_exact_size(
        egui::vec2(12.0, table::ROW_HEIGHT),
        if can_open { Sense::click() } else { Sense::hover() },
    );
    if can_open {
        response.widget_info(|| {
            let what = if entry.is_open { "Close" } else { "Open" };
            let name = if row.place.is_empty() { &row.type_name } else { &row.place };
            egui::WidgetInfo::labeled(egui::Role::DisclosureTriangle, true, format!("{what} {name}"))
        });
        cells::triangle(ui, rect.center(), if entry.is_open { Pointing::Down } else { Pointing::Right });
    }
    if depth > MAX_INDENT {
        ui.weak(format!("{depth}"));
    }
    if !row.place.is_empty() {
        table::text(ui, RichText::new(&row.place).strong());
    }
    badges_ui(ui, entry);
    let mut kind = row.type_name.clone();
    if let Some(variant) = &row.variant {
        kind.push_str("::");
        kind.push_str(variant);
    }
    if let Some((len, cap)) = row.len_cap {
        kind.push_str(&if len == cap { format!(" [{len}]") } else { format!(" [{len} of {cap}]") });
    }
    table::text(ui, RichText::new(kind).weak()).on_hover_ui(|ui| {
        ui.strong(&row.type_name);
        ui.label(format!("{} {}", row.edge, row.place));
        ui.label(format!("node #{}", row.node.0));
        if let Some((len, cap)) = row.len_cap {
            ui.label(format!("{} of {} elements in use", units::count(len), units::count(cap)));
        }
    });
    response.clicked()
}

fn badges_ui(ui: &mut Ui, entry: &Entry) {
    let row = &entry.row;
    let warning = theme::warning(ui);
    let weak = ui.visuals().weak_text_color();
    if entry.is_cycle {
        cells::badge(ui, "cycle", warning, "The same node stands above: it holds itself.");
    }
    match row.edge.as_str() {
        "claim raw" => {
            let help = "Found by scanning opaque bytes: the owner is plausible, not proven.";
            cells::badge(ui, "raw", warning, help);
        }
        "own by handle" => {
            let help = "The container shows no address in its block; found by the words of its handle.";
            cells::badge(ui, "by handle", weak, help);
        }
        "weak" => {
            cells::badge(ui, "weak", weak, "A weak handle: it keeps the block's bytes, not its value.");
        }
        _ => {}
    }
    if entry.parent.is_some() && !row.is_dominated {
        let color = theme::Part::Overhead.color();
        let help = "Held by others as well: what it retains does not go with the node above.";
        let text = if row.holders > 1 { format!("shared ×{}", row.holders) } else { "shared".to_owned() };
        cells::badge(ui, &text, color, help);
    }
}

fn number_ui(ui: &mut Ui, entries: &[Entry], line: Line, column: usize, reachable: u64) {
    let (at, is_entry) = match line {
        Line::Entry(at) => (at, true),
        Line::Rest(at) => (at, false),
        Line::Fetching(_) => return,
    };
    let entry = &entries[at];
    let (retained, shallow, count, holder, is_dominated) = if is_entry {
        let row = &entry.row;
        let holder = entry.parent.map_or(reachable, |parent| entries[parent].row.retained);
        (row.retained, row.shallow, row.children, holder, entry.parent.is_none() || row.is_dominated)
    } else {
        let Some(Below { rest, .. }) = &entry.below else { return };
        (rest.rest_retained, rest.rest_shallow, rest.rest_count, entry.row.retained, true)
    };
    match column {
        1 => {
            cells::bytes(ui, retained, reachable);
        }
        2 if is_dominated => cells::percent_bar(ui, retained, holder),
        2 => {
            ui.weak("shared");
        }
        3 => {
            cells::bytes(ui, shallow, retained);
        }
        _ if is_entry => {
            cells::count(ui, count);
        }
        _ => {}
    }
}
