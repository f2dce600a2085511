//! The ownership tree and the dominator tree, as virtual rows. What hangs below
//! a node is asked for when it is opened, on a thread, and only the entries that
//! retain most; the others are one line that counts them and asks for more.
//! Siblings of one type can be merged to a line, which opens like a node.

use crate::answer::{Answer, Shown};
use crate::cells::{self, Pointing};
use crate::export::Value;
use crate::filter::Filter;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme;
use egui::{Button, Popup, RichText, ScrollArea, Sense, Ui};
use heap_analysis::dominator_tree::Above;
use heap_analysis::dominators::Dominator;
use heap_analysis::path::PathStep;
use heap_analysis::tree::{Children, Merged, MergedRow, Tree, TreeRow};
use heap_analysis::type_table::RowId;
use heap_analysis::{units, Analysis, Lens, NodeId};
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

/// Holders of a shared node that are listed to jump to.
const MAX_HOLDERS: usize = 30;

/// Lenses to choose from: the default, and what else may count as holding.
const LENSES: [(&str, Lens); 5] = [
    ("owned and shared", Lens::OWN.and(Lens::SHARE)),
    ("and weak handles", Lens::OWN.and(Lens::SHARE).and(Lens::WEAK)),
    ("and references", Lens::OWN.and(Lens::SHARE).and(Lens::BORROW)),
    ("and keys", Lens::OWN.and(Lens::SHARE).and(Lens::KEY)),
    (
        "and all of these",
        Lens::OWN.and(Lens::SHARE).and(Lens::WEAK).and(Lens::BORROW).and(Lens::RAW).and(Lens::KEY),
    ),
];

/// What stands in a line of the tree.
#[derive(Debug)]
enum What {
    /// Everything reachable: the top of the dominator tree.
    All { retained: u64 },
    /// A node.
    Node(TreeRow),
    /// Several siblings of one type.
    Merged(MergedRow),
}

/// A line of the tree that may be opened.
#[derive(Debug)]
struct Entry {
    what: What,
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

impl Entry {
    fn new(what: What, parent: Option<usize>, depth: usize, is_cycle: bool) -> Entry {
        Entry { what, depth, parent, is_cycle, is_open: false, is_failed: false, below: None, wanted: FIRST }
    }

    /// The node, where it is one.
    fn node(&self) -> Option<NodeId> {
        match &self.what {
            What::Node(row) => Some(row.node),
            What::All { .. } | What::Merged(_) => None,
        }
    }

    fn can_open(&self) -> bool {
        match &self.what {
            What::Node(row) => row.children > 0 && !self.is_cycle,
            What::All { .. } | What::Merged(_) => true,
        }
    }

    fn retained(&self) -> u64 {
        match &self.what {
            What::All { retained } => *retained,
            What::Node(row) => row.retained,
            What::Merged(row) => row.retained,
        }
    }

    fn row_id(&self) -> Option<RowId> {
        match &self.what {
            What::All { .. } => None,
            What::Node(row) => row.row,
            What::Merged(row) => row.row,
        }
    }
}

#[derive(Debug)]
struct Below {
    entries: Vec<usize>,
    rest: Rest,
    fetched: usize,
}

/// What was left out below an entry.
#[derive(Clone, Copy, Debug)]
struct Rest {
    /// Lines.
    count: u64,
    shallow: u64,
    retained: u64,
}

/// What is below an entry, as it was fetched.
#[derive(Clone, Debug)]
enum Fetched {
    Nodes(Children),
    Merged(Merged),
}

/// What to fetch.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Query {
    at: usize,
    tree: Tree,
    above: Above,
    /// Members of a merged line.
    only: Option<Option<RowId>>,
    is_merged: bool,
    wanted: usize,
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
    /// Which tree it is.
    tree: Tree,
    /// Whether siblings of one type are one line.
    is_merged: bool,
    /// Where the tree starts; `None`: at the roots.
    top: Option<NodeId>,
    /// Nodes met so far; grows as the tree is opened.
    entries: Vec<Entry>,
    lines: Vec<Line>,
    fetch: Answer<Query, Fetched>,
    /// Entries to be fetched, the next one last.
    queue: Vec<usize>,
    visible: Vec<String>,
    last_selection: Selection,
    scroll_to: Option<u64>,
    /// Node to go to, and the way there, while that is being looked for.
    wanted: Option<NodeId>,
    way: Answer<NodeId, Vec<PathStep>>,
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
        self.fetch.is_working() || !self.queue.is_empty() || self.wanted.is_some()
    }

    /// Names of the rows on the screen.
    pub fn visible(&self) -> &[String] {
        &self.visible
    }

    /// The settings that stay with another document or lens.
    pub fn settings(&self) -> (Tree, bool) {
        (self.tree, self.is_merged)
    }

    /// As [`Ownership::new`], with settings that it had before.
    pub fn with_settings(document: &Document, (tree, is_merged): (Tree, bool)) -> Ownership {
        let mut ownership = Ownership { tree, is_merged, ..Ownership::default() };
        ownership.start(&document.analysis, None);
        ownership
    }

    /// Shows the tree below `node` alone.
    pub fn focus(&mut self, analysis: &Analysis, node: NodeId) {
        self.start(analysis, Some(node));
    }

    /// Opens the way to a node, given as [`Analysis::path`] gives it, and scrolls
    /// there. Where it does not begin at a root, shows the tree below the node alone.
    pub fn reveal(&mut self, analysis: &Analysis, path: &[PathStep], node: NodeId) {
        // The way is one along edges, from node to node.
        if self.top.is_some() || self.settings() != (Tree::Owned, false) {
            (self.tree, self.is_merged) = (Tree::Owned, false);
            self.start(analysis, None);
        }
        let is_first = |entry: &Entry| path.first().is_some_and(|step| entry.node() == Some(step.node));
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
                let is_it = |entry: &&usize| self.entries[**entry].node() == Some(on_way.node);
                Some((step, *below.entries.iter().find(is_it)?))
            });
            if let Some((step, child)) = found {
                rest.drain(..=step);
                self.reveal = Some(Reveal { at: child, rest });
            } else if below.rest.count == 0 {
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
        let holder = Dominator::Node(self.entries[at].node()?);
        let row = TreeRow {
            place: step.place.trim_start_matches('.').to_owned(),
            edge: step.edge,
            is_dominated: analysis.dominators().of(step.node) == holder,
            ..analysis.tree_row(step.node)?
        };
        let (shallow, retained) = (row.shallow, row.retained);
        let child = self.push(at, What::Node(row));
        if let Some(Below { entries, rest, .. }) = &mut self.entries[at].below {
            entries.push(child);
            // It is no longer one of the others.
            rest.count = rest.count.saturating_sub(1);
            rest.shallow = rest.shallow.saturating_sub(shallow);
            rest.retained = rest.retained.saturating_sub(retained);
        }
        self.refresh(at);
        Some(child)
    }

    fn start(&mut self, analysis: &Analysis, top: Option<NodeId>) {
        let (tree, is_merged) = self.settings();
        *self = Ownership { tree, is_merged, top, ..Ownership::default() };
        match (top, tree) {
            (Some(node), _) => {
                let Some(row) = analysis.tree_row(node) else { return self.start(analysis, None) };
                self.push_top(What::Node(row));
                self.open(0);
            }
            (None, Tree::Owned) => {
                for root in analysis.roots().iter().filter(|root| root.name_for.is_none()) {
                    if let Some(row) = analysis.tree_row(root.node) {
                        let row = TreeRow { place: root.name.clone(), edge: "root".into(), ..row };
                        self.push_top(What::Node(row));
                    }
                }
            }
            (None, Tree::Dominated) => {
                self.push_top(What::All { retained: analysis.summary().reachable });
                self.open(0);
            }
        }
    }

    fn push_top(&mut self, what: What) {
        self.lines.push(Line::Entry(self.entries.len()));
        self.entries.push(Entry::new(what, None, 0, false));
    }

    fn open(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        if entry.is_open || !entry.can_open() {
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
            } else if below.rest.count > 0 {
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

    /// What is to be fetched for an entry.
    fn query(&self, at: usize) -> Query {
        let entry = &self.entries[at];
        let above = |entry: &Entry| entry.node().map_or(Above::Virtual, Above::Node);
        let (above, only) = match (&entry.what, entry.parent) {
            (What::Merged(row), Some(parent)) => (above(&self.entries[parent]), Some(row.row)),
            _ => (above(entry), None),
        };
        let is_merged = self.is_merged && only.is_none();
        Query { at, tree: self.tree, above, only, is_merged, wanted: entry.wanted }
    }

    /// Fetches what is to be fetched.
    fn fetch(&mut self, ctx: &egui::Context, analysis: &Arc<Analysis>) {
        let Some(&at) = self.queue.last() else { return };
        let query = self.query(at);
        let analysis = Arc::clone(analysis);
        let work = || {
            move || match query.is_merged {
                true => Fetched::Merged(analysis.below_by_type(query.tree, query.above, query.wanted)),
                false => Fetched::Nodes(analysis.below(query.tree, query.above, query.only, query.wanted)),
            }
        };
        let fetched = match self.fetch.get(ctx, query, work) {
            Shown::Ready(fetched) => fetched.clone(),
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
            .filter_map(|entry| match &self.entries[entry].what {
                What::Node(row) => Some(((row.node, row.place.clone()), entry)),
                What::All { .. } | What::Merged(_) => None,
            })
            .collect();
        let (rows, rest): (Vec<What>, Rest) = match fetched {
            Fetched::Nodes(children) => (
                children.rows.into_iter().map(What::Node).collect(),
                Rest {
                    count: children.rest_count,
                    shallow: children.rest_shallow,
                    retained: children.rest_retained,
                },
            ),
            Fetched::Merged(merged) => {
                let what = |mut row: MergedRow| match row.only.take() {
                    Some(only) => What::Node(*only),
                    None => What::Merged(row),
                };
                let rest = Rest {
                    count: merged.rest_types,
                    shallow: merged.rest_shallow,
                    retained: merged.rest_retained,
                };
                (merged.rows.into_iter().map(what).collect(), rest)
            }
        };
        let fetched = rows.len();
        let mut entries = Vec::with_capacity(fetched);
        for what in rows {
            // What was open stays open.
            let same = match &what {
                What::Node(row) => known.get(&(row.node, row.place.clone())).copied(),
                What::All { .. } | What::Merged(_) => None,
            };
            entries.push(same.unwrap_or_else(|| self.push(at, what)));
        }
        self.entries[at].below = Some(Below { entries, rest, fetched });
        self.refresh(at);
        if !self.queue.is_empty() {
            ctx.request_repaint();
        }
    }

    fn push(&mut self, parent: usize, what: What) -> usize {
        let depth = self.entries[parent].depth + 1;
        let mut entry = Entry::new(what, Some(parent), depth, false);
        let mut above = entry.node().and(Some(parent));
        while let Some(at) = above {
            entry.is_cycle |= self.entries[at].node() == entry.node();
            above = self.entries[at].parent;
        }
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// Draws it. Returns another lens, where one was chosen.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        document: &Document,
        history: &mut History,
        filter: &Filter,
    ) -> Option<Lens> {
        self.fetch(ui.ctx(), &document.analysis);
        self.jump(ui.ctx(), &document.analysis);
        self.follow(history.current());
        self.advance(&document.analysis);
        let lens = self.top_ui(ui, document, history);
        if self.lines.is_empty() {
            ui.weak("This snapshot names no roots.");
            return lens;
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
        let mut jump = None;
        let shown = table.show(
            ui,
            &mut |row| line_name(entries, lines[row as usize]),
            &mut |ui, row, column| {
                let line = lines[row as usize];
                if column == 0 {
                    match name_ui(ui, entries, line, filter, &document.analysis) {
                        Some(Clicked::Triangle) => toggled = Some(row),
                        Some(Clicked::Holder(node)) => jump = Some(node),
                        None => {}
                    }
                } else {
                    number_ui(ui, entries, line, column, reachable);
                }
            },
            &mut |row, column| value(entries, lines[row as usize], column, reachable),
        );
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
        if let Some(node) = jump {
            history.select(Selection::Node(node));
            self.wanted = Some(node);
        }
        lens
    }

    /// The way to a node that a jump goes to, on a thread: the search is one over the whole heap.
    fn jump(&mut self, ctx: &egui::Context, analysis: &Arc<Analysis>) {
        let Some(node) = self.wanted else { return };
        let of = Arc::clone(analysis);
        match self.way.get(ctx, node, || move || of.path(node)) {
            Shown::Ready(path) => {
                let path = path.clone();
                self.wanted = None;
                self.reveal(analysis, &path, node);
            }
            Shown::Working(_) => {}
            Shown::Failed => self.wanted = None,
        }
    }

    fn select(&mut self, row: u64, is_by_key: bool, history: &mut History) {
        self.cursor = Some(row);
        match self.lines.get(row as usize) {
            Some(&Line::Entry(at)) => {
                let entry = &self.entries[at];
                let selection = match (&entry.what, entry.row_id()) {
                    (What::Node(row), _) => Selection::Node(row.node),
                    (_, Some(row)) => Selection::Type(row),
                    _ => return,
                };
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
            // The line of a merged type stays where it was clicked.
            Selection::Type(_) if !is_new => return,
            Selection::Type(_) | Selection::Nothing => {
                self.cursor = None;
                return;
            }
        };
        let is_at = |line: Option<&Line>| matches!(line, Some(&Line::Entry(at)) if self.entries[at].node() == Some(node));
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

    /// Which tree it is and where it starts, and the way to the selection where
    /// that is not in the tree. Returns another lens, where one was chosen.
    fn top_ui(&mut self, ui: &mut Ui, document: &Document, history: &History) -> Option<Lens> {
        let selected = match history.current() {
            Selection::Node(node) => Some(node),
            Selection::Type(_) | Selection::Nothing => None,
        };
        let before = self.settings();
        let mut start = None;
        let mut lens = None;
        cells::line(ui, |ui| {
            let owned =
                "Below a node is what its edges lead to. What several nodes hold stands below each of them.";
            ui.selectable_value(&mut self.tree, Tree::Owned, "Who holds what").on_hover_text(owned);
            let dominated =
                "The dominator tree: below a node is what would go with it. Every node stands in it once.";
            ui.selectable_value(&mut self.tree, Tree::Dominated, "What goes with what")
                .on_hover_text(dominated);
            ui.checkbox(&mut self.is_merged, "Merge by type")
                .on_hover_text("Show siblings of one type as one line.");
            ui.separator();
            lens = lens_ui(ui, document.analysis.lens());
            ui.separator();
            if let Some(top) = self.top {
                if ui.button("All roots").on_hover_text("Show the tree from its roots.").clicked() {
                    start = Some(None);
                }
                ui.weak("below");
                let name = self.entries.first().map_or(String::new(), |entry| entry_name(&entry.what));
                table::text(ui, format!("#{} {name}", top.0));
            }
            if let Some(node) = selected.filter(|node| self.top != Some(*node)) {
                let help = "Show only the tree below the selected node.";
                if ui.button("Start at selection").on_hover_text(help).clicked() {
                    start = Some(Some(node));
                }
                if self.cursor.is_none() {
                    ui.weak("the selected node is not among the lines that are open");
                }
            }
        });
        if self.settings() != before {
            start = Some(self.top);
        }
        if let Some(top) = start {
            self.start(&document.analysis, top);
            self.follow(history.current());
        }
        lens
    }
}

/// The lens to choose; another one than is in force, where it was chosen.
fn lens_ui(ui: &mut Ui, now: Lens) -> Option<Lens> {
    let mut chosen = now;
    let name = |lens: Lens| {
        let known = LENSES.iter().find(|(_, one)| *one == lens);
        known.map_or_else(|| lens.to_string(), |(name, _)| (*name).to_owned())
    };
    cells::choice(ui, "Lens", 150.0, &name(now), |ui| {
        for (name, lens) in LENSES {
            ui.selectable_value(&mut chosen, lens, name)
                .on_hover_text(format!("Edges that count as holding memory: {lens}."));
        }
    })
    .on_hover_text("Which edges count as holding memory, in all views. Everything is worked out anew.");
    (chosen != now).then_some(chosen)
}

/// What was clicked in the name of a line.
enum Clicked {
    /// The triangle that opens and closes it.
    Triangle,
    /// Somebody else who holds it.
    Holder(NodeId),
}

fn entry_name(what: &What) -> String {
    match what {
        What::All { .. } => "everything reachable".into(),
        What::Node(row) if row.place.is_empty() => row.type_name.clone(),
        What::Node(row) => format!("{}: {}", row.place, row.type_name),
        What::Merged(row) => format!("{} × {}", units::count(row.entries), row.type_name),
    }
}

fn line_name(entries: &[Entry], line: Line) -> String {
    match line {
        Line::Entry(at) => match &entries[at].what {
            What::Node(_) => format!("node {}", entry_name(&entries[at].what)),
            what => entry_name(what),
        },
        Line::Rest(at) => rest_text(entries, at),
        Line::Fetching(_) => "fetching".into(),
    }
}

fn rest_text(entries: &[Entry], at: usize) -> String {
    let count = entries[at].below.as_ref().map_or(0, |below| below.rest.count);
    format!("{} more: show more", units::count(count))
}

/// Draws the name of a line.
fn name_ui(
    ui: &mut Ui,
    entries: &[Entry],
    line: Line,
    filter: &Filter,
    analysis: &Analysis,
) -> Option<Clicked> {
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
        return None;
    }
    let can_open = entry.can_open();
    let (rect, response) = ui.allocate_exact_size(
        egui::vec2(12.0, table::ROW_HEIGHT),
        if can_open { Sense::click() } else { Sense::hover() },
    );
    if can_open {
        response.widget_info(|| {
            let what = if entry.is_open { "Close" } else { "Open" };
            let name = match &entry.what {
                What::Node(row) if !row.place.is_empty() => row.place.clone(),
                what => entry_name(what),
            };
            egui::WidgetInfo::labeled(egui::Role::DisclosureTriangle, true, format!("{what} {name}"))
        });
        cells::triangle(ui, rect.center(), if entry.is_open { Pointing::Down } else { Pointing::Right });
    }
    if depth > MAX_INDENT {
        ui.weak(format!("{depth}"));
    }
    // The filter leaves nothing out of a tree: its sums would be wrong.
    let is_faint = !filter.lets(entry.row_id()) && !matches!(entry.what, What::All { .. });
    let strong =
        |text: &str| if is_faint { RichText::new(text).weak() } else { RichText::new(text).strong() };
    let mut clicked = response.clicked().then_some(Clicked::Triangle);
    match &entry.what {
        What::All { .. } => {
            table::text(ui, strong("everything reachable"));
        }
        What::Merged(row) => {
            table::text(ui, strong(&format!("{} ×", units::count(row.entries))));
            if row.dominated < row.entries {
                let help = "Held by others as well: they do not go with the node above.";
                let color = theme::Part::Overhead.color();
                let shared = units::count(row.entries - row.dominated);
                cells::badge(ui, &format!("{shared} shared"), color, help);
            }
            table::text(
                ui,
                if is_faint { RichText::new(&row.type_name).weak() } else { RichText::new(&row.type_name) },
            );
        }
        What::Node(row) => {
            if !row.place.is_empty() {
                table::text(ui, strong(&row.place));
            }
            if let Some(holder) = badges_ui(ui, entry, row, analysis) {
                clicked = Some(Clicked::Holder(holder));
            }
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
        }
    }
    clicked
}

/// Draws the marks of a node. Returns another holder of it, where one was chosen.
fn badges_ui(ui: &mut Ui, entry: &Entry, row: &TreeRow, analysis: &Analysis) -> Option<NodeId> {
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
    if row.unreadable > 0 {
        let help =
            "Some of it could not be entered: what hangs there is missing from the sizes. Details say why.";
        cells::badge(ui, "unreadable", theme::error(ui), help);
    }
    let is_shared = entry.parent.is_some() && (!row.is_dominated || row.holders > 1);
    if !is_shared {
        return None;
    }
    let text = if row.holders > 1 { format!("shared ×{}", row.holders) } else { "shared".to_owned() };
    let help = if row.is_dominated {
        "Held more than once, but all ways to it pass through the node above. Click for its holders."
    } else {
        "Held by others as well: what it retains does not go with the node above. Click for its holders."
    };
    let text = RichText::new(text).small().color(theme::Part::Overhead.color());
    let badge = ui.add(Button::new(text).frame(false).small()).on_hover_text(help);
    let mut chosen = None;
    Popup::menu(&badge).show(|ui| {
        ui.set_max_width(460.0);
        ui.weak("Held by");
        ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
            for holder in analysis.holders(row.node, MAX_HOLDERS) {
                let name = format!("{} {} {}", holder.edge, holder.type_name, holder.place);
                if ui.button(name.trim()).clicked() {
                    chosen = Some(holder.node);
                }
            }
        });
        let more = row.holders.saturating_sub(MAX_HOLDERS as u64);
        if more > 0 {
            ui.weak(format!("and {} more", units::count(more)));
        }
    });
    chosen
}

/// What the columns of numbers show of a line.
struct Numbers {
    retained: u64,
    /// What the node above it retains.
    of_holder: u64,
    shallow: Option<u64>,
    count: Option<u64>,
    is_dominated: bool,
}

fn numbers(entries: &[Entry], line: Line, reachable: u64) -> Option<Numbers> {
    let (at, is_entry) = match line {
        Line::Entry(at) => (at, true),
        Line::Rest(at) => (at, false),
        Line::Fetching(_) => return None,
    };
    let entry = &entries[at];
    let holder = if is_entry { entry.parent } else { Some(at) };
    // Of the members of a merged line the holder is the node above that.
    let holder = holder.map(|holder| match (&entries[holder].what, entries[holder].parent) {
        (What::Merged(_), Some(above)) => above,
        _ => holder,
    });
    let of_holder = holder.map_or(reachable, |holder| entries[holder].retained());
    let (retained, shallow, count, is_dominated) = match (&entry.what, &entry.below, is_entry) {
        (What::All { retained }, _, true) => (*retained, None, None, true),
        (What::Node(row), _, true) => {
            let is_dominated = entry.parent.is_none() || row.is_dominated;
            (row.retained, Some(row.shallow), Some(row.children), is_dominated)
        }
        (What::Merged(row), _, true) => {
            (row.retained, Some(row.shallow), Some(row.entries), row.dominated == row.entries)
        }
        (_, Some(Below { rest, .. }), false) => (rest.retained, Some(rest.shallow), Some(rest.count), true),
        (_, None, false) => return None,
    };
    let count = count.filter(|_| is_entry);
    Some(Numbers { retained, of_holder, shallow, count, is_dominated })
}

/// What is in a cell; the names of nodes are indented.
fn value(entries: &[Entry], line: Line, column: usize, reachable: u64) -> Value {
    if column == 0 {
        let (Line::Entry(at) | Line::Rest(at) | Line::Fetching(at)) = line;
        let is_entry = matches!(line, Line::Entry(_));
        let depth = entries[at].depth + usize::from(!is_entry);
        let name = if is_entry { entry_name(&entries[at].what) } else { line_name(entries, line) };
        return Value::text(format!("{}{name}", "  ".repeat(depth.min(MAX_INDENT))));
    }
    let Some(numbers) = numbers(entries, line, reachable) else { return Value::Nothing };
    let number = |number: Option<u64>| number.map_or(Value::Nothing, Value::Number);
    match column {
        1 => numbers.retained.into(),
        2 if numbers.is_dominated => Value::Share(numbers.retained, numbers.of_holder),
        2 => Value::text("shared"),
        3 => number(numbers.shallow),
        _ => number(numbers.count),
    }
}

fn number_ui(ui: &mut Ui, entries: &[Entry], line: Line, column: usize, reachable: u64) {
    let Some(Numbers { retained, of_holder, shallow, count, is_dominated }) =
        numbers(entries, line, reachable)
    else {
        return;
    };
    match column {
        1 => {
            cells::bytes(ui, retained, reachable);
        }
        2 if is_dominated => cells::percent_bar(ui, retained, of_holder),
        2 => {
            ui.weak("shared");
        }
        3 => {
            if let Some(shallow) = shallow {
                cells::bytes(ui, shallow, retained);
            }
        }
        _ => {
            if let Some(count) = count {
                cells::count(ui, count);
            }
        }
    }
}
