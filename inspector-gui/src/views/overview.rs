//! What the snapshot is, from the process's memory down to payload, who holds it,
//! and the ledger: whether every byte is accounted for.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::export::{Sheet, Value};
use crate::selection::{History, Selection};
use crate::source::{Document, Origin};
use crate::theme::{self, Part};
use egui::{
    pos2, vec2, Align2, Color32, FontId, Label, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo,
};
use heap_analysis::ledger::{CountRow, Ledger};
use heap_analysis::memory::{Level, Memory, Source};
use heap_analysis::owners::{RootRow, Sizes};
use heap_analysis::preview::{Footer, Header};
use heap_analysis::summary::Summary;
use heap_analysis::{units, Analysis};
use std::sync::Arc;

/// Lines of a list that are shown; the rest is counted.
const MAX_LISTED: usize = 50;

/// Roots that have bars; the pane beside lists all.
const MAX_ROOTS: usize = 12;

/// Width of the numbers beside bars, in points.
const NUMBERS: f32 = 78.0;

/// Its figures as a table: the parts of all bytes, and the classes of the ledger.
pub fn sheet(document: &Document) -> Sheet {
    let ledger = document.analysis.ledger();
    let bytes = |name: &str, bytes: u64| vec![Value::text(name), Value::Nothing, bytes.into()];
    let row = |name: &str, blocks: u64, bytes: u64| vec![Value::text(name), blocks.into(), bytes.into()];
    let mut rows: Vec<Vec<Value>> =
        parts(ledger).iter().map(|(part, sum)| bytes(part.name(), *sum)).collect();
    rows.push(bytes("all parts", ledger.waterfall.total));
    rows.extend(ledger.classes.iter().map(|class| row(class.class.name(), class.blocks, class.bytes)));
    rows.push(row("population", ledger.population.blocks, ledger.population.bytes));
    rows.extend(ledger.beside.iter().map(|beside| row(&beside.name, beside.blocks, beside.bytes)));
    rows.push(bytes("table of blocks", ledger.enumerated));
    rows.extend(ledger.allocator_live.map(|live| bytes("allocator", live)));
    let heads = ["What", "Blocks", "Bytes"].map(str::to_owned).to_vec();
    Sheet { name: "ledger".into(), heads, rows }
}

/// State of the view.
#[derive(Debug, Default)]
pub struct Overview {
    found: Answer<(), Found>,
}

/// What is worked out for it.
#[derive(Debug)]
struct Found {
    memory: Memory,
    /// Positions of whole roots that are no names, those that reach most first.
    roots: Vec<usize>,
}

impl Found {
    fn of(analysis: &Analysis) -> Found {
        let roots = analysis.roots();
        let mut order: Vec<usize> = (0..roots.len())
            .filter(|&at| roots[at].name_for.is_none() && roots[at].part_of.is_none())
            .collect();
        order.sort_by_key(|&at| std::cmp::Reverse(sizes(&roots[at]).in_all));
        Found { memory: analysis.memory(), roots: order }
    }
}

/// Of a root with its parts.
fn sizes(root: &RootRow) -> Sizes {
    root.with_parts.unwrap_or(root.sizes)
}

impl Overview {
    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.found.is_working()
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History) {
        let analysis = Arc::clone(&document.analysis);
        let found = self.found.get(ui.ctx(), (), || move || Found::of(&analysis));
        overview_ui(ui, document, history, found);
    }
}

fn overview_ui(ui: &mut Ui, document: &Document, history: &mut History, found: Shown<'_, Found>) {
    let summary = document.analysis.summary();
    let ledger = document.analysis.ledger();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        verdict_ui(ui, ledger);
        heading(ui, "From the process's memory to payload");
        match found {
            Shown::Ready(found) => {
                levels_ui(ui, &found.memory, &parts(ledger));
                heading(ui, "Who holds it");
                roots_ui(ui, document, &found.roots, history);
            }
            Shown::Working(_) => cells::working(ui),
            Shown::Failed => cells::failed(ui),
        }
        heading(ui, "Where the bytes go");
        parts_ui(ui, ledger);
        let left = |ui: &mut Ui| {
            heading(ui, "This snapshot");
            snapshot_ui(ui, document, summary);
        };
        let right = |ui: &mut Ui| {
            heading(ui, "Classes of blocks");
            classes_ui(ui, ledger);
            heading(ui, "What is known of their contents");
            counts_ui(ui, "coverage", &ledger.coverage, ledger.population.bytes);
            heading(ui, "Counted beside");
            counts_ui(ui, "beside", &ledger.beside, 0);
        };
        beside(ui, left, right);
        lists_ui(ui, document, summary, ledger);
    });
}

pub(super) fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(12.0);
    ui.label(RichText::new(text).strong().size(14.5));
    ui.add_space(2.0);
}

/// Two columns where there is room for them, else one below the other.
pub(super) fn beside(ui: &mut Ui, left: impl FnOnce(&mut Ui), right: impl FnOnce(&mut Ui)) {
    if ui.available_width() < 620.0 {
        left(ui);
        right(ui);
    } else {
        ui.columns_const(|[one, two]| {
            left(one);
            right(two);
        });
    }
}

fn verdict_ui(ui: &mut Ui, ledger: &Ledger) {
    let color = if ledger.closes { theme::good(ui) } else { theme::warning(ui) };
    let mut sentences = ledger.verdict.iter();
    let first = sentences.next().map_or("there is no ledger", String::as_str);
    let rest: Vec<&str> = sentences.map(String::as_str).collect();
    cells::notice(ui, color, first, &rest.join("\n"));
}

/// The parts of all bytes.
fn parts(ledger: &Ledger) -> Vec<(Part, u64)> {
    let water = &ledger.waterfall;
    let bytes = [
        water.payload,
        water.padding,
        water.dead,
        water.overhead,
        water.spare,
        water.rounding,
        water.untyped,
    ];
    Part::ALL.into_iter().zip(bytes).collect()
}

/// Width of the names beside bars.
fn names_width(ui: &Ui) -> f32 {
    (ui.available_width() * 0.3).clamp(96.0, 190.0)
}

/// A name, what is to be drawn to scale, and bytes.
fn bar_ui(
    ui: &mut Ui,
    (name, help): (&str, &str),
    bytes: u64,
    sense: Sense,
    draw: impl FnOnce(&Ui, Rect),
) -> egui::Response {
    let width = names_width(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), sense);
    let font = FontId::proportional(13.0);
    let color = ui.visuals().text_color();
    let names = ui.painter().with_clip_rect(rect.with_max_x(rect.left() + width - 6.0));
    names.text(rect.left_center(), Align2::LEFT_CENTER, name, font.clone(), color);
    let numbers = rect.right_center();
    ui.painter().text(numbers, Align2::RIGHT_CENTER, units::bytes(bytes), font, color);
    let bar = Rect::from_min_max(
        rect.min + vec2(width, 3.0),
        pos2((rect.right() - NUMBERS).max(rect.left() + width + 1.0), rect.bottom() - 3.0),
    );
    draw(ui, bar);
    response.on_hover_ui(|ui| {
        ui.set_max_width(420.0);
        ui.strong(name);
        ui.label(help);
        ui.label(cells::exact(bytes));
    })
}

fn part_of(bar: Rect, from: f64, to: f64, whole: u64) -> Rect {
    let at = |bytes: f64| bar.left() + bar.width() * (bytes / whole.max(1) as f64).clamp(0.0, 1.0) as f32;
    Rect::from_min_max(pos2(at(from), bar.top()), pos2(at(to), bar.bottom()))
}

/// The waterfall: of each level what goes on to the next one, and what is lost. `parts` are those of the population,
/// where they are known.
pub(super) fn levels_ui(ui: &mut Ui, memory: &Memory, parts: &[(Part, u64)]) {
    if memory.levels.is_empty() {
        ui.weak("Neither the kernel's nor an allocator's figures are in this snapshot.");
        return;
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let whole = memory.levels.iter().map(|level| level.bytes).max().unwrap_or(0);
        for (at, level) in memory.levels.iter().enumerate() {
            let next = memory.levels.get(at + 1).map(|next| next.bytes);
            level_ui(ui, level, next, whole, parts);
        }
    });
    let space = |name: &str, bytes: Option<u64>| bytes.map(|bytes| format!("{} {name}", units::bytes(bytes)));
    let spaces =
        [space("mapped for pages in use", memory.mapped), space("kept without memory", memory.retained)];
    let spaces: Vec<String> = spaces.into_iter().flatten().collect();
    if !spaces.is_empty() {
        ui.label(
            RichText::new(format!("address space of the allocator: {}", spaces.join(", "))).size(11.0).weak(),
        );
    }
    let color = theme::warning(ui);
    for problem in &memory.problems {
        ui.colored_label(color, problem);
    }
}

fn level_ui(ui: &mut Ui, level: &Level, next: Option<u64>, whole: u64, parts: &[(Part, u64)]) {
    let color = Part::Rounding.color();
    let mut less: Vec<String> =
        level.less.iter().map(|less| format!("{} {}", units::bytes(less.bytes), less.name)).collect();
    if level.difference != 0 {
        let sign = if level.difference < 0 { "−" } else { "" };
        less.push(format!("{sign}{} not told apart", units::bytes(level.difference.unsigned_abs())));
    }
    let draw = |ui: &Ui, bar: Rect| {
        let all = part_of(bar, 0.0, level.bytes as f64, whole);
        match level.name {
            // Its parts have colours that are explained below.
            "population" if !parts.is_empty() => {
                let mut from = 0.0;
                for (part, bytes) in parts {
                    let piece = part_of(bar, from, from + *bytes as f64, whole);
                    ui.painter().rect_filled(piece, 0.0, part.color());
                    from += *bytes as f64;
                }
            }
            "payload" => {
                ui.painter().rect_filled(all, 2.0, Part::Payload.color());
            }
            _ => {
                ui.painter().rect_filled(all, 2.0, color.gamma_multiply(0.28));
                // Of the last one that is known, nothing is known to be lost.
                let kept = part_of(bar, 0.0, next.unwrap_or(u64::MAX).min(level.bytes) as f64, whole);
                ui.painter().rect_filled(kept, 2.0, color);
            }
        }
    };
    let help = match level.source {
        Source::Kernel => "By the kernel's map of the process.",
        Source::Allocator => "By the allocator's own account.",
        Source::Table => "By the tracking allocator's table of live blocks.",
        Source::Walk => "By the walk, as the types describe themselves.",
    };
    let response = bar_ui(ui, (level.name, help), level.bytes, Sense::hover(), draw);
    let text = match &less[..] {
        [] => format!("{}: {}", level.name, cells::exact(level.bytes)),
        less => format!("{}: {}, less {}", level.name, cells::exact(level.bytes), less.join(", ")),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &text));
    if !less.is_empty() {
        let text = format!("less {}", less.join(", "));
        let names = names_width(ui);
        ui.horizontal(|ui| {
            ui.add_space(names - ui.spacing().item_spacing.x);
            ui.set_max_height(14.0);
            ui.add(Label::new(RichText::new(&text).size(11.0).weak()).truncate()).on_hover_text(&text);
        });
    }
}

/// Each root with what it holds in all, and alone in front of that.
fn roots_ui(ui: &mut Ui, document: &Document, roots: &[usize], history: &mut History) {
    if roots.is_empty() {
        ui.weak("This snapshot names no roots.");
        return;
    }
    let whole = document.analysis.summary().reachable;
    ui.horizontal_wrapped(|ui| {
        cells::swatch(ui, ROOT_COLORS[0]);
        ui.weak("alone: would go with it");
        cells::swatch(ui, ROOT_COLORS[1]);
        ui.weak("in all: others hold the rest as well");
    });
    for &at in roots.iter().take(MAX_ROOTS) {
        let root = &document.analysis.roots()[at];
        let sizes = sizes(root);
        let help = format!("{} alone, {} in all", units::bytes(sizes.alone), units::bytes(sizes.in_all));
        let draw = |ui: &Ui, bar: Rect| {
            ui.painter().rect_filled(bar, 2.0, ui.visuals().extreme_bg_color);
            for (bytes, color) in [(sizes.in_all, ROOT_COLORS[1]), (sizes.alone, ROOT_COLORS[0])] {
                ui.painter().rect_filled(part_of(bar, 0.0, bytes as f64, whole), 2.0, color);
            }
        };
        let response = bar_ui(ui, (&root.name, &help), sizes.in_all, Sense::click(), draw);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{}: {help}", root.name)));
        if response.clicked() {
            history.select(Selection::Node(root.node));
        }
    }
    if roots.len() > MAX_ROOTS {
        ui.weak(format!("and {} more", units::count((roots.len() - MAX_ROOTS) as u64)));
    }
}

/// Alone and in all.
const ROOT_COLORS: [Color32; 2] = [Color32::from_rgb(0x00, 0x72, 0xB2), Color32::from_rgb(0x56, 0xB4, 0xE9)];

fn parts_ui(ui: &mut Ui, ledger: &Ledger) {
    let water = &ledger.waterfall;
    let parts = parts(ledger);
    cells::split_bar(ui, &parts, 18.0);
    ui.add_space(4.0);
    let left = |ui: &mut Ui| cells::split_list(ui, "waterfall", &parts, "all parts");
    let right = |ui: &mut Ui| {
        egui::Grid::new("identity").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
            for (name, bytes, help) in [
                ("all parts", Some(water.total), "The sum of the parts, each computed on its own."),
                ("population", Some(ledger.population.bytes), "Usable bytes of the program's blocks from before the checkpoint: the sum of the classes."),
                ("table of blocks", Some(ledger.enumerated), "Population and blocks born during the checkpoint, by enumeration."),
                ("allocator", ledger.allocator_live, "What the allocator says the program's live blocks add up to at the same moment."),
            ] {
                ui.weak(name).on_hover_text(help);
                cells::right(ui, 150.0, |ui| match bytes {
                    Some(bytes) => ui.label(cells::exact(bytes)).on_hover_text(units::bytes(bytes)),
                    None => ui.weak("not known"),
                });
                ui.end_row();
            }
            ui.weak("difference").on_hover_text("The allocator's figure less the table's.");
            cells::right(ui, 150.0, |ui| match ledger.difference {
                Some(0) => ui.colored_label(theme::good(ui), "none, to the byte"),
                Some(difference) => ui.colored_label(theme::error(ui), units::signed_bytes(difference)),
                None => ui.weak("not known"),
            });
            ui.end_row();
        });
    };
    beside(ui, left, right);
}

/// Facts that the file gives: what was observed, where, and how quiet it was.
pub(super) fn header_ui(
    ui: &mut Ui,
    origin: &Origin,
    header: &Header,
    footer: Option<&Footer>,
    unreadable: u64,
) {
    cells::fact(ui, "file", "", |ui| {
        let file = origin.to_string();
        ui.add(Label::new(origin.name()).truncate()).on_hover_text(file);
    });
    cells::fact(ui, "program", "", |ui| {
        ui.label(format!("{} (process {})", header.program, header.pid));
    });
    cells::fact(ui, "checkpoint", "Its name, and which of its hits this was.", |ui| {
        ui.label(format!("{}, hit {}", header.checkpoint, units::count(header.hit)));
    });
    let quiet = match footer.map(|footer| footer.quiescent) {
        Some(true) => "quiescent: nothing was allocated or freed meanwhile",
        Some(false) => "concurrent: other threads allocated or freed meanwhile",
        None => "cut off: it was not written to its end",
    };
    cells::fact(ui, "the program was", "", |ui| {
        ui.label(quiet);
    });
    cells::fact(ui, "unreadable", "Values that could not be entered: locked, borrowed, panicked.", |ui| {
        match unreadable {
            0 => ui.label("nothing"),
            count => ui.colored_label(theme::warning(ui), format!("{} values", units::count(count))),
        };
    });
    for (name, value) in &header.labels {
        cells::fact(ui, name, "Label of this hit.", |ui| {
            // One line, like its neighbours; the whole of it is a hover away.
            ui.add(Label::new(value).truncate()).on_hover_text(value);
        });
    }
}

fn snapshot_ui(ui: &mut Ui, document: &Document, summary: &Summary) {
    egui::Grid::new("summary").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
        let unreadable: u64 = summary.unreadable.iter().map(|row| row.count).sum();
        header_ui(ui, &document.request.origin, &summary.header, summary.footer.as_ref(), unreadable);
        cells::fact(
            ui,
            "type config",
            "How types are named, hidden and grouped. Totals never change by it.",
            |ui| {
                ui.label(&summary.config);
            },
        );
        cells::fact(ui, "lens", "Kinds of edges that count as holding memory.", |ui| {
            ui.label(summary.lens.to_string());
        });
        for (name, count) in [
            ("nodes", summary.nodes),
            ("edges", summary.edges),
            ("types", summary.types),
            ("live blocks", summary.population_blocks),
        ] {
            cells::fact(ui, name, "", |ui| {
                ui.label(units::count(count));
            });
        }
        for (name, bytes, help) in [
            ("live bytes", summary.population_bytes, "Usable bytes of the population."),
            ("reachable", summary.reachable, "From roots and outside owners."),
            (
                "unreachable",
                summary.unreachable,
                "Of nodes that no root and no outside owner reaches through the lens.",
            ),
        ] {
            cells::fact(ui, name, help, |ui| {
                ui.label(units::bytes(bytes)).on_hover_text(cells::exact(bytes));
            });
        }
        if let Some(footer) = &summary.footer {
            cells::fact(
                ui,
                "walk",
                "Time the program stood still for the walk and for listing its blocks.",
                |ui| {
                    let blocks = units::nanoseconds(footer.blocks_ns);
                    ui.label(format!("{}, blocks {blocks}", units::nanoseconds(footer.walk_ns)));
                },
            );
            cells::fact(
                ui,
                "longest lock",
                "Longest time a lock or borrow was held; others may have waited for it.",
                |ui| {
                    ui.label(units::nanoseconds(footer.longest_hold_ns));
                },
            );
        }
    });
}

fn classes_ui(ui: &mut Ui, ledger: &Ledger) {
    if !ledger.is_tracked {
        ui.weak("Without the tracking allocator there is no ledger: sizes are estimates.");
        return;
    }
    egui::Grid::new("classes").num_columns(4).spacing([12.0, 3.0]).striped(true).show(ui, |ui| {
        for class in &ledger.classes {
            ui.label(class.class.name());
            count_ui(ui, class.blocks, class.bytes, ledger.population.bytes);
        }
        ui.strong("population");
        count_ui(ui, ledger.population.blocks, ledger.population.bytes, ledger.population.bytes);
    });
}

fn counts_ui(ui: &mut Ui, id: &str, rows: &[CountRow], whole: u64) {
    if rows.is_empty() {
        ui.weak("nothing");
    }
    egui::Grid::new(id).num_columns(4).spacing([12.0, 3.0]).striped(true).show(ui, |ui| {
        for row in rows {
            ui.label(&row.name);
            count_ui(ui, row.blocks, row.bytes, whole);
        }
    });
}

fn count_ui(ui: &mut Ui, blocks: u64, bytes: u64, whole: u64) {
    cells::right(ui, 92.0, |ui| cells::count(ui, blocks));
    cells::right(ui, 84.0, |ui| cells::bytes(ui, bytes, whole));
    if whole > 0 {
        cells::right(ui, 52.0, |ui| ui.weak(units::percent(bytes, whole)));
    }
    ui.end_row();
}

fn lists_ui(ui: &mut Ui, document: &Document, summary: &Summary, ledger: &Ledger) {
    list_ui(ui, "Problems", summary.problems.len(), summary.problems.iter().cloned(), true);
    let twice = ledger.claimed_twice.iter().map(|row| {
        format!(
            "{} at {:#x}, {}: {}",
            row.type_name,
            row.addr,
            units::bytes(row.bytes),
            row.claims.join(" and ")
        )
    });
    list_ui(ui, "Claimed twice: two places own the same block", ledger.claimed_twice.len(), twice, true);
    let mismatches = ledger.mismatches.iter().map(|row| {
        format!(
            "{} ({}): {} blocks, {} described beside what was requested; node #{} describes {} of {}",
            row.type_name,
            row.layout,
            units::count(row.blocks),
            units::signed_bytes(row.difference),
            row.example.0,
            units::bytes(row.example_described),
            units::bytes(row.example_requested)
        )
    });
    list_ui(ui, "Blocks whose parts do not add up", ledger.mismatches.len(), mismatches, true);
    let unclaimed = ledger.unclaimed.iter().map(|row| {
        format!(
            "{} blocks of {}, {} in all; {} ask for {} B, the first at {:#x}",
            units::count(row.blocks),
            units::bytes(row.usable),
            units::bytes(row.bytes),
            units::count(row.most.1),
            row.most.0,
            row.example
        )
    });
    list_ui(ui, "Unclaimed: nobody was met who holds them", ledger.unclaimed.len(), unclaimed, false);
    let moved = ledger.moved.iter().map(|row| {
        format!("{}: {} {} handles by its count, {} met", row.type_name, row.counted, row.handles, row.met)
    });
    list_ui(ui, "Moved during the walk: fewer handles than were met", ledger.moved.len(), moved, false);
    let unreadable = summary.unreadable.iter().map(|row| {
        format!("{} {}: {}, {} times", row.type_name, row.field, row.reason, units::count(row.count))
    });
    list_ui(ui, "Unreadable: could not be entered", summary.unreadable.len(), unreadable, true);
    let rules = summary.rules.iter().map(|rule| {
        format!(
            "{} {}: {} types, {} nodes",
            rule.kind,
            rule.rule,
            units::count(rule.types),
            units::count(rule.nodes)
        )
    });
    let analysis = &document.analysis;
    let dangling: u64 = summary.keys.iter().map(|keys| keys.dangling).sum();
    let keys = analysis.dangling_keys(MAX_LISTED).into_iter().map(|key| {
        format!(
            "{} {} at {} of node #{}: {} has {} entries",
            key.type_name,
            key.key,
            key.place,
            key.node.0,
            key.table,
            units::count(key.len)
        )
    });
    list_ui(ui, "Dangling keys: past the end of their tables", dangling as usize, keys, true);
    let keys = summary.keys.iter().map(|keys| {
        let table = if keys.table.is_empty() { "a table that no rule names" } else { &keys.table };
        format!(
            "{} into {table}: {} keys, {} different, {} lead to an entry, {} dangle",
            keys.type_name,
            units::count(keys.keys),
            units::count(keys.distinct),
            units::count(keys.linked),
            units::count(keys.dangling)
        )
    });
    list_ui(ui, "Keys into tables", summary.keys.len(), keys, false);
    list_ui(ui, "Rules of the type config", summary.rules.len(), rules, false);
}

/// A list of `count` lines, of which the first are made and shown.
fn list_ui(ui: &mut Ui, title: &str, count: usize, lines: impl Iterator<Item = String>, is_warning: bool) {
    if count == 0 {
        return;
    }
    heading(ui, title);
    for line in lines.take(MAX_LISTED) {
        if is_warning {
            let color = theme::warning(ui);
            ui.colored_label(color, line);
        } else {
            ui.label(line);
        }
    }
    if count > MAX_LISTED {
        ui.weak(format!("and {} more", units::count((count - MAX_LISTED) as u64)));
    }
}
