//! What the snapshot is, and the ledger: whether every byte is accounted for.

use crate::cells;
use crate::export::{Sheet, Value};
use crate::source::Document;
use crate::theme::{self, Part};
use egui::{Label, RichText, ScrollArea, Ui};
use heap_analysis::ledger::{CountRow, Ledger};
use heap_analysis::summary::Summary;
use heap_analysis::units;

/// Lines of a list that are shown; the rest is counted.
const MAX_LISTED: usize = 50;

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

/// Draws it.
pub fn ui(ui: &mut Ui, document: &Document) {
    let summary = document.analysis.summary();
    let ledger = document.analysis.ledger();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        verdict_ui(ui, ledger);
        heading(ui, "Where the bytes go");
        waterfall_ui(ui, ledger);
        let left = |ui: &mut Ui| {
            heading(ui, "This snapshot");
            snapshot_ui(ui, document, summary);
        };
        let right = |ui: &mut Ui| {
            heading(ui, "Who holds the blocks");
            classes_ui(ui, ledger);
            heading(ui, "What is known of their contents");
            counts_ui(ui, "coverage", &ledger.coverage, ledger.population.bytes);
            heading(ui, "Counted beside");
            counts_ui(ui, "beside", &ledger.beside, 0);
        };
        beside(ui, left, right);
        lists_ui(ui, summary, ledger);
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(12.0);
    ui.label(RichText::new(text).strong().size(14.5));
    ui.add_space(2.0);
}

/// Two columns where there is room for them, else one below the other.
fn beside(ui: &mut Ui, left: impl FnOnce(&mut Ui), right: impl FnOnce(&mut Ui)) {
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

fn waterfall_ui(ui: &mut Ui, ledger: &Ledger) {
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

fn snapshot_ui(ui: &mut Ui, document: &Document, summary: &Summary) {
    let header = &summary.header;
    egui::Grid::new("summary").num_columns(2).spacing([14.0, 3.0]).show(ui, |ui| {
        cells::fact(ui, "file", "", |ui| {
            let file = document.request.origin.to_string();
            ui.add(Label::new(document.request.origin.name()).truncate()).on_hover_text(file);
        });
        cells::fact(ui, "program", "", |ui| {
            ui.label(format!("{} (process {})", header.program, header.pid));
        });
        cells::fact(ui, "checkpoint", "Its name, and which of its hits this was.", |ui| {
            ui.label(format!("{}, hit {}", header.checkpoint, units::count(header.hit)));
        });
        for (name, value) in &header.labels {
            cells::fact(ui, name, "Label of this hit.", |ui| {
                // One line, like its neighbours; the whole of it is a hover away.
                ui.add(Label::new(value).truncate()).on_hover_text(value);
            });
        }
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

fn lists_ui(ui: &mut Ui, summary: &Summary, ledger: &Ledger) {
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
            "{} blocks of {} ({} requested), {} in all, the first at {:#x}",
            units::count(row.blocks),
            units::bytes(row.usable),
            units::bytes(row.requested),
            units::bytes(row.bytes),
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
