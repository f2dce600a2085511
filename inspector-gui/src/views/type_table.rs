//! The type table: sorted and filtered on a thread, one kind of waste a column.

use crate::answer::{Answer, Shown};
use crate::cells::{self, Pointing};
use crate::export::Value;
use crate::filter::Filter;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme::{self, Part};
use egui::{Rect, RichText, Ui};
use heap_analysis::type_table::{self as rows, Column as By, GroupRow, Grouping, RowId, TypeRow};
use heap_analysis::units;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Columns with what they sort by.
pub(super) const COLUMNS: &[(By, Column)] = &[
    (By::Name, Column::text("Type", 206.0, "Displayed name after the type config. The bytes of a block count for the type of its node; values inside other values are counted in Inline.")),
    (By::Count, Column::number("Count", 74.0, "Blocks (and roots) of this type.")),
    (By::InlineValues, Column::number("Inline", 74.0, "Values of the type that lie inside other values or buffers.")),
    (By::Shallow, Column::number("Shallow", 72.0, "Usable bytes of its blocks, nothing they point to. Adds up over all types.")),
    (By::Retained, Column::number("Retained", 72.0, "Bytes that would go if all its nodes went: of nodes that no other node of the type dominates. Does not add up over types.")),
    (By::Slack, Column::number("Slack", 72.0, "Waste: padding, dead variant space, overhead, spare capacity and rounding together.")),
    (By::Padding, Column::number("Padding", 68.0, Part::Padding.help())),
    (By::Dead, Column::number("Dead", 68.0, Part::Dead.help())),
    (By::Spare, Column::number("Spare", 68.0, Part::Spare.help())),
    (By::Overhead, Column::number("Overhead", 74.0, Part::Overhead.help())),
    (By::Rounding, Column::number("Rounding", 74.0, Part::Rounding.help())),
    (By::Untyped, Column::number("Untyped", 74.0, Part::Untyped.help())),
    (By::Payload, Column::number("Payload", 74.0, Part::Payload.help())),
    (By::InlineBytes, Column::number("Inline size", 80.0, "Bytes of the inline values; they are part of other types' bytes.")),
    (By::Size, Column::number("Size", 60.0, "Size of one value, or of one element.")),
    (By::Kind, Column::text("Kind", 84.0, "Struct, enum or leaf; for containers how their blocks are laid out.")),
];

/// What the rows depend on.
#[derive(Clone, PartialEq, Debug)]
struct Question {
    /// Text of the filter of all views, as of the last frame.
    filter: String,
    column: usize,
    descending: bool,
    grouping: Option<Grouping>,
    closed: BTreeSet<String>,
}

/// A row on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Group(usize),
    Type(RowId),
}

/// Rows in the order in which they are shown.
#[derive(Debug, Default)]
struct Lines {
    lines: Vec<Line>,
    /// Position of each type that is shown.
    position: BTreeMap<RowId, u64>,
    groups: Vec<GroupRow>,
    /// By group: its types that the filter let through.
    members: Vec<u64>,
    /// Types that the filter let through, also those in closed groups.
    found: usize,
    scale: Scale,
}

/// What numbers are compared with.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Scale {
    /// Largest shallow and retained bytes: full bars.
    pub(super) most: (u64, u64),
    /// All bytes; 0 where they are not known.
    pub(super) total: u64,
}

/// State of the pane.
#[derive(Debug)]
pub struct TypeTable {
    question: Question,
    lines: Answer<Question, Lines>,
    has_groups: bool,
    visible: Vec<String>,
    headers: Vec<(&'static str, Rect)>,
    scroll_to_selection: bool,
    last_type: Option<RowId>,
    /// Component that the keyboard is at.
    group_cursor: Option<String>,
}

impl TypeTable {
    /// For a new document; sorting and filter stay as they were in `before`.
    pub fn new(document: &Document, before: Option<TypeTable>) -> TypeTable {
        let has_groups = document.analysis.types().iter().any(|row| !row.group.is_empty());
        let mut question = before.map_or_else(
            || Question {
                filter: String::new(),
                column: 3,
                descending: true,
                grouping: None,
                closed: BTreeSet::new(),
            },
            |before| before.question,
        );
        question.grouping = question.grouping.filter(|by| has_groups || *by != Grouping::Component);
        TypeTable {
            question,
            lines: Answer::default(),
            has_groups,
            visible: Vec::new(),
            headers: Vec::new(),
            scroll_to_selection: false,
            last_type: None,
            group_cursor: None,
        }
    }

    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.lines.is_working()
    }

    /// Column sorted by, and whether the largest come first.
    pub fn sorted(&self) -> (&'static str, bool) {
        (COLUMNS[self.question.column].0.name(), self.question.descending)
    }

    /// What rows are grouped by.
    pub fn grouping(&self) -> Option<Grouping> {
        self.question.grouping
    }

    /// Names of the rows on the screen.
    pub fn visible(&self) -> &[String] {
        &self.visible
    }

    /// Number of rows, on the screen or scrolled away.
    pub fn row_count(&self) -> usize {
        self.lines.last().map_or(0, |lines| lines.lines.len())
    }

    /// Where the headers are, in points, by the names of their columns.
    pub fn headers(&self) -> &[(&'static str, Rect)] {
        &self.headers
    }

    /// Draws it, with the row of `shown_type` marked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        document: &Document,
        history: &mut History,
        filter: &mut Filter,
        shown_type: Option<RowId>,
    ) {
        if self.question.filter != filter.text() {
            self.question.filter = filter.text().to_owned();
        }
        // An answer that has come is taken first, for the line with the filter counts its rows.
        ask(&mut self.lines, &self.question, ui.ctx(), document);
        self.head_ui(ui, document);
        let answer = ask(&mut self.lines, &self.question, ui.ctx(), document);
        let lines = match answer {
            Shown::Ready(lines) => lines,
            Shown::Working(Some(lines)) => lines,
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let types = document.analysis.types();
        let group_line =
            self.group_cursor.as_ref().filter(|_| shown_type == self.last_type).and_then(|group| {
                let is_it =
                    |line: &Line| matches!(line, Line::Group(at) if lines.groups[*at].group == *group);
                lines.lines.iter().position(is_it).map(|at| at as u64)
            });
        let selected = group_line.or_else(|| shown_type.and_then(|row| lines.position.get(&row).copied()));
        // Chosen elsewhere: brought into view once.
        let is_new = std::mem::replace(&mut self.last_type, shown_type) != shown_type;
        let scroll_to = if is_new || self.scroll_to_selection { selected } else { None };
        self.scroll_to_selection = false;
        if lines.lines.is_empty() {
            ui.add_space(12.0);
            ui.vertical_centered(|ui| {
                if self.question.filter.is_empty() {
                    ui.weak("This snapshot has no types.");
                } else {
                    ui.weak(format!("No type has `{}` in its name.", self.question.filter));
                    if ui.button("Clear filter").clicked() {
                        filter.clear();
                    }
                }
            });
            self.visible.clear();
            return;
        }
        let columns: Vec<Column> = COLUMNS.iter().map(|(_, column)| *column).collect();
        let table = Table {
            name: "types",
            columns: &columns,
            rows: lines.lines.len() as u64,
            selected,
            scroll_to,
            sorted: Some((self.question.column, self.question.descending)),
            keyboard: Keyboard::Main,
        };
        let closed = &self.question.closed;
        let grouping = self.question.grouping;
        let is_grouped = grouping.is_some();
        let name = |row: u64| match lines.lines[row as usize] {
            Line::Group(at) => {
                let kind = grouping.map_or("group", grouping_name);
                format!("{kind} {}", group_name(&lines.groups[at].group))
            }
            Line::Type(id) => format!("type {}", types[id.0 as usize].name),
        };
        let shown = table.show(
            ui,
            &mut |row| name(row),
            &mut |ui, row, column| match lines.lines[row as usize] {
                Line::Group(at) => {
                    let group = &lines.groups[at];
                    if column == 0 {
                        let is_closed = closed.contains(&group.group);
                        let pointing = if is_closed { Pointing::Right } else { Pointing::Down };
                        let (rect, _) = ui.allocate_exact_size(egui::vec2(12.0, 12.0), egui::Sense::hover());
                        cells::triangle(ui, rect.center(), pointing);
                        table::text(ui, RichText::new(group_name(&group.group)).strong());
                        ui.weak(match lines.members[at] {
                            found if found == group.types => format!("{} types", units::count(found)),
                            found => {
                                format!("{} of {} types", units::count(found), units::count(group.types))
                            }
                        });
                    } else {
                        number_ui(ui, &group.total, COLUMNS[column].0, &lines.scale);
                    }
                }
                Line::Type(id) => {
                    let row = &types[id.0 as usize];
                    if column == 0 {
                        if is_grouped {
                            ui.add_space(16.0);
                        }
                        name_ui(ui, row);
                    } else {
                        number_ui(ui, row, COLUMNS[column].0, &lines.scale);
                    }
                }
            },
            &mut |row, column| match (lines.lines[row as usize], COLUMNS[column].0) {
                (Line::Group(at), By::Name) => {
                    Value::text(format!("{} (all)", group_name(&lines.groups[at].group)))
                }
                (Line::Group(_), By::Kind | By::Size) => Value::Nothing,
                (Line::Group(at), by) => by.number(&lines.groups[at].total).into(),
                (Line::Type(id), By::Name) => Value::text(&types[id.0 as usize].name),
                (Line::Type(id), By::Kind) => Value::text(&types[id.0 as usize].kind),
                (Line::Type(id), by) => by.number(&types[id.0 as usize]).into(),
            },
        );
        self.visible =
            shown.visible.clone().filter(|row| *row < lines.lines.len() as u64).map(name).collect();
        let mut toggled = None;
        let line = |row: u64| lines.lines.get(row as usize).copied();
        match shown.row.and_then(line) {
            Some(Line::Type(id)) => {
                self.last_type = Some(id);
                self.group_cursor = None;
                history.select(Selection::Type(id));
            }
            Some(Line::Group(at)) => {
                self.last_type = shown_type;
                self.group_cursor = Some(lines.groups[at].group.clone());
                if !shown.is_by_key {
                    toggled = self.group_cursor.clone();
                }
            }
            None => {}
        }
        if let Some(Line::Group(at)) = selected.and_then(line) {
            let group = &lines.groups[at].group;
            let is_closed = closed.contains(group);
            let is_entered = shown.is_entered_by_key;
            if is_entered || shown.open && is_closed || shown.close && !is_closed {
                toggled = Some(group.clone());
            }
        }
        self.headers =
            shown.headers.iter().map(|(column, rect)| (COLUMNS[*column].0.name(), *rect)).collect();
        if let Some(group) = toggled {
            if !self.question.closed.remove(&group) {
                self.question.closed.insert(group);
            }
        }
        if let Some(column) = shown.header {
            self.sort_by(column);
        }
    }

    fn sort_by(&mut self, column: usize) {
        if self.question.column == column {
            self.question.descending = !self.question.descending;
        } else {
            self.question.column = column;
            self.question.descending = !COLUMNS[column].0.is_text();
        }
        self.scroll_to_selection = true;
    }

    fn head_ui(&mut self, ui: &mut Ui, document: &Document) {
        cells::line(ui, |ui| {
            let by = &mut self.question.grouping;
            let chosen = by.map_or("by nothing", grouping_text);
            cells::choice(ui, "Group", 118.0, chosen, |ui| {
                ui.selectable_value(by, None, "by nothing");
                for one in [Grouping::Component, Grouping::Crate, Grouping::Module, Grouping::Generic] {
                    if one != Grouping::Component || self.has_groups {
                        ui.selectable_value(by, Some(one), grouping_text(one))
                            .on_hover_text(grouping_help(one));
                    }
                }
            });
            let all = document.analysis.types().len() as u64;
            let found = self.lines.last().map_or(0, |lines| lines.found as u64);
            if found == all {
                ui.weak(format!("{} types", units::count(all)));
            } else {
                ui.weak(format!("{} of {} types", units::count(found), units::count(all)));
            }
            if self.lines.is_working() {
                ui.weak("sorting…");
            }
        });
    }
}

fn grouping_name(by: Grouping) -> &'static str {
    match by {
        Grouping::Component => "component",
        Grouping::Crate => "crate",
        Grouping::Module => "module",
        Grouping::Generic => "generic type",
    }
}

fn grouping_text(by: Grouping) -> &'static str {
    match by {
        Grouping::Component => "by component",
        Grouping::Crate => "by crate",
        Grouping::Module => "by module",
        Grouping::Generic => "by generic type",
    }
}

fn grouping_help(by: Grouping) -> &'static str {
    match by {
        Grouping::Component => "Groups that the type config names.",
        Grouping::Crate => "The first crate in the name that is not the standard library.",
        Grouping::Module => "The module of that crate.",
        Grouping::Generic => "Types that differ in their arguments alone: all Vec<…> together.",
    }
}

fn group_name(group: &str) -> &str {
    if group.is_empty() {
        "(other)"
    } else {
        group
    }
}

pub(super) fn name_ui(ui: &mut Ui, row: &TypeRow) {
    table::text(ui, &row.name).on_hover_ui(|ui| {
        ui.set_max_width(520.0);
        ui.strong(&row.name);
        if row.path != row.name {
            ui.label(&row.path);
        }
        ui.label(format!("{}, {} each", row.kind, cells::exact(row.size)));
        if !row.group.is_empty() {
            ui.label(format!("component {}", row.group));
        }
    });
}

pub(super) fn number_ui(ui: &mut Ui, row: &TypeRow, column: By, scale: &Scale) {
    let number = column.number(row);
    let color = theme::bar(ui);
    match column {
        By::Kind => {
            table::text(ui, &row.kind);
        }
        By::Count | By::InlineValues => {
            cells::count(ui, number);
        }
        By::Size if row.kind.is_empty() => {}
        By::Size => {
            cells::bytes(ui, number, 0);
        }
        By::Shallow | By::Retained if row.kind.is_empty() => {
            cells::bytes(ui, number, scale.total);
        }
        By::Shallow => {
            cells::bar_behind(ui, number, scale.most.0, color);
            cells::bytes(ui, number, scale.total);
        }
        By::Retained => {
            cells::bar_behind(ui, number, scale.most.1, color);
            cells::bytes(ui, number, scale.total);
        }
        // The share of a kind of waste within its own type says more than that of the heap.
        _ => {
            cells::bytes(ui, number, row.shallow);
        }
    }
}

fn ask<'a>(
    lines: &'a mut Answer<Question, Lines>,
    question: &Question,
    ctx: &egui::Context,
    document: &Document,
) -> Shown<'a, Lines> {
    lines.get(ctx, question.clone(), || {
        let (analysis, question) = (Arc::clone(&document.analysis), question.clone());
        move || sorted(&analysis, &question)
    })
}

/// Filters, sorts and groups. O(n log n) in types; grouping is a pass over all nodes.
fn sorted(analysis: &heap_analysis::Analysis, question: &Question) -> Lines {
    let types = analysis.types();
    let by = COLUMNS[question.column].0;
    let order = rows::select(types, &question.filter, by, question.descending);
    let found = order.len();
    let number = |id: &RowId| &types[id.0 as usize];
    let most = (
        order.iter().map(|id| number(id).shallow).max().unwrap_or(0),
        order.iter().map(|id| number(id).retained).max().unwrap_or(0),
    );
    let (mut groups, mut members) = (Vec::new(), Vec::new());
    let mut lines = Vec::with_capacity(found);
    if let Some(grouping) = question.grouping {
        groups = analysis.groups_by(grouping);
        groups.sort_by(|a, b| {
            let order = if by.is_text() {
                a.group.cmp(&b.group)
            } else {
                by.number(&a.total).cmp(&by.number(&b.total))
            };
            let order = if question.descending { order.reverse() } else { order };
            order.then_with(|| a.group.cmp(&b.group))
        });
        // Rows in their order, dealt out to their groups.
        let mut of_row = vec![0; types.len()];
        for (at, group) in groups.iter().enumerate() {
            group.rows.iter().for_each(|row| of_row[row.0 as usize] = at);
        }
        let mut dealt: Vec<Vec<RowId>> = vec![Vec::new(); groups.len()];
        order.into_iter().for_each(|id| dealt[of_row[id.0 as usize]].push(id));
        for (at, (group, found)) in groups.iter().zip(dealt).enumerate() {
            members.push(found.len() as u64);
            if found.is_empty() {
                continue;
            }
            lines.push(Line::Group(at));
            if !question.closed.contains(&group.group) {
                lines.extend(found.into_iter().map(Line::Type));
            }
        }
    } else {
        lines.extend(order.into_iter().map(Line::Type));
    }
    let position = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| match line {
            Line::Type(id) => Some((*id, at as u64)),
            Line::Group(_) => None,
        })
        .collect();
    let scale = Scale { most, total: analysis.summary().reachable };
    Lines { lines, position, groups, members, found, scale }
}
