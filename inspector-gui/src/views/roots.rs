//! Roots: what would go with each, alone and in all.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::export::Value;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme;
use egui::{RichText, Ui};
use heap_analysis::find::Subject;
use heap_analysis::owners::Sizes;
use heap_analysis::units;
use std::sync::Arc;

/// Roots whose outside owners are looked for: each costs a search over the whole heap.
const MAX_SEARCHED: usize = 100;

const COLUMNS: &[Column] = &[
    Column::text("Root", 96.0, "A tagged place where the walk started; parts of a root follow it."),
    Column::number(
        "Alone",
        74.0,
        "Retained: bytes reachable from this root only. A lower bound of what dropping it frees.",
    ),
    Column::number("In all", 74.0, "Reachable: bytes of everything that can be reached from this root."),
    Column::number(
        "Shared",
        74.0,
        "In all less alone: bytes that other roots, or owners outside the walk, hold as well.",
    ),
];

/// State of the pane.
#[derive(Debug, Default)]
pub struct Roots {
    lines: Vec<Line>,
    outside: Answer<(), Vec<Option<Outside>>>,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// A root that has parts, together with them.
    Whole(usize),
    /// A root by itself, and whether it stands under a whole.
    One(usize, bool),
}

impl Line {
    fn root(self) -> usize {
        match self {
            Line::Whole(root) | Line::One(root, _) => root,
        }
    }
}

/// Owners outside of the walk, of blocks below a root.
#[derive(Clone, Copy, Debug)]
struct Outside {
    blocks: usize,
    retained: u64,
}

impl Roots {
    /// For a new document.
    pub fn new(document: &Document) -> Roots {
        let roots = document.analysis.roots();
        let mut lines = Vec::new();
        for (index, root) in roots.iter().enumerate() {
            if root.with_parts.is_some() {
                lines.push(Line::Whole(index));
            }
            lines.push(Line::One(index, root.with_parts.is_some() || root.part_of.is_some()));
        }
        Roots { lines, outside: Answer::default() }
    }

    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.outside.is_working()
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History) {
        let analysis = &document.analysis;
        let roots = analysis.roots();
        if roots.is_empty() {
            ui.weak("This snapshot names no roots.");
            return;
        }
        let shared = Arc::clone(analysis);
        let outside = self.outside.get(ui.ctx(), (), || {
            move || {
                let is_any = !shared.heap().outside().is_empty();
                (0..shared.roots().len())
                    .map(|at| {
                        let owners =
                            (is_any && at < MAX_SEARCHED).then(|| shared.owns(Subject::Root(at)))??.outside;
                        Some(Outside {
                            blocks: owners.len(),
                            retained: owners.iter().fold(0, |sum, owner| sum.saturating_add(owner.retained)),
                        })
                    })
                    .collect::<Vec<_>>()
            }
        });
        let outside = match outside {
            Shown::Ready(outside) => outside.as_slice(),
            _ => &[],
        };
        let lines = &self.lines;
        let reachable = analysis.summary().reachable;
        let selected = match history.current() {
            Selection::Node(node) => lines
                .iter()
                .position(|line| matches!(line, Line::One(..)) && roots[line.root()].node == node)
                .map(|at| at as u64),
            _ => None,
        };
        let table = Table {
            name: "roots",
            columns: COLUMNS,
            rows: lines.len() as u64,
            selected,
            scroll_to: None,
            sorted: None,
            keyboard: Keyboard::Focused,
        };
        let shown = table.show(
            ui,
            &mut |row| {
                let line = lines[row as usize];
                let name = &roots[line.root()].name;
                match line {
                    Line::Whole(_) => format!("root {name} with its parts"),
                    Line::One(..) => format!("root {name}"),
                }
            },
            &mut |ui, row, column| {
                let line = lines[row as usize];
                let root = &roots[line.root()];
                let sizes = match line {
                    Line::Whole(_) => root.with_parts.unwrap_or_default(),
                    Line::One(..) => root.sizes,
                };
                match column {
                    0 => name_ui(ui, line, root, outside.get(line.root()).copied().flatten()),
                    _ => size_ui(ui, sizes, column, reachable),
                }
            },
            &mut |row, column| {
                let line = lines[row as usize];
                let root = &roots[line.root()];
                let sizes = match line {
                    Line::Whole(_) => root.with_parts.unwrap_or_default(),
                    Line::One(..) => root.sizes,
                };
                match (column, line) {
                    (0, Line::Whole(_)) => Value::text(format!("{} with its parts", root.name)),
                    (0, Line::One(..)) => Value::text(&root.name),
                    _ => size(sizes, column).into(),
                }
            },
        );
        if let Some(row) = shown.row.or(shown.entered) {
            if let Some(line) = lines.get(row as usize) {
                history.select(Selection::Node(roots[line.root()].node));
            }
        }
    }
}

fn size(sizes: Sizes, column: usize) -> u64 {
    [sizes.alone, sizes.in_all, sizes.shared][(column - 1).min(2)]
}

fn size_ui(ui: &mut Ui, sizes: Sizes, column: usize, reachable: u64) {
    let bytes = size(sizes, column);
    if column < 3 {
        let color = theme::bar(ui);
        cells::bar_behind(ui, bytes, reachable, color);
    }
    cells::bytes(ui, bytes, reachable);
}

fn name_ui(ui: &mut Ui, line: Line, root: &heap_analysis::owners::RootRow, outside: Option<Outside>) {
    let text = match line {
        Line::Whole(_) => RichText::new(&root.name).strong(),
        Line::One(_, true) => {
            ui.add_space(12.0);
            match &root.part_of {
                Some(whole) => {
                    let part = root.name.strip_prefix(whole.as_str()).unwrap_or(&root.name);
                    RichText::new(part)
                }
                None => RichText::new("by itself").weak(),
            }
        }
        Line::One(_, false) => RichText::new(&root.name).strong(),
    };
    let text = if root.name_for.is_some() { text.italics() } else { text };
    table::text(ui, text).on_hover_ui(|ui| {
        ui.strong(&root.name);
        ui.label(&root.type_name);
        ui.label(format!("{}, {} at {:#x}", root.origin, cells::exact(root.size), root.addr));
        if let Some(place) = &root.name_for {
            ui.label(format!("a name for {place}, which holds the same value"));
        }
        if matches!(line, Line::Whole(_)) {
            ui.label("Sizes of the root and its parts taken as one owner.");
        }
    });
    if let Some(outside) = outside.filter(|outside| outside.blocks > 0) {
        let color = theme::warning(ui);
        let help = format!(
            "{} below it {} owners that the walk did not see: {} hang on them and are nobody's alone.",
            match outside.blocks {
                1 => "1 shared block".to_owned(),
                blocks => format!("{} shared blocks", units::count(blocks as u64)),
            },
            if outside.blocks == 1 { "has" } else { "have" },
            units::bytes(outside.retained)
        );
        cells::badge(ui, "outside", color, &help);
    }
}
