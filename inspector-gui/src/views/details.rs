//! Everything about the selection: of a node its sizes, how its bytes divide,
//! who holds it and why it is alive; of a type what all its nodes are.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::editor;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::theme::{self, Part};
use crate::views::details_text::{of_node, of_type};
use crate::views::unclaimed::frames_ui;
use egui::{Button, RichText, ScrollArea, Ui};
use heap_analysis::addresses::Code;
use heap_analysis::find::Subject;
use heap_analysis::keys::KeyRow;
use heap_analysis::owners::{OutsideOwner, Owns, Sizes};
use heap_analysis::path::PathStep;
use heap_analysis::tree::{Holder, NodeDetail};
use heap_analysis::type_table::{RowId, TypeRow};
use heap_analysis::{units, NodeId};
use std::sync::Arc;

/// Holders and references that are listed; the rest is counted.
const MAX_LISTED: usize = 30;

/// State of the pane.
#[derive(Debug, Default)]
pub struct Details {
    node: Answer<NodeId, Option<(NodeDetail, Vec<PathStep>)>>,
    owns: Answer<RowId, Option<Owns>>,
    keys: Answer<RowId, Vec<KeyRow>>,
    stack: Answer<NodeId, Vec<Code>>,
    stack_error: Option<(NodeId, String)>,
    /// Why the editor did not open, and for which type.
    editor_error: Option<(RowId, String)>,
}

/// What the user asked for in the pane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Show a node in the ownership tree: the way to it, and the node.
    ShowTree(Vec<PathStep>, NodeId),
    /// Show a type in the type table.
    ShowType(RowId),
}

impl Details {
    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.node.is_working() || self.owns.is_working() || self.keys.is_working() || self.stack.is_working()
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History) -> Option<Action> {
        let selection = history.current();
        ScrollArea::vertical()
            .id_salt(selection)
            .auto_shrink(false)
            .show(ui, |ui| match selection {
                Selection::Nothing => {
                    ui.add_space(8.0);
                    ui.weak(
                        "Select a root, a type or a node to see what it is, what it costs and who holds it.",
                    );
                    None
                }
                Selection::Type(id) => self.type_ui(ui, document, id),
                Selection::Node(node) => self.node_ui(ui, document, history, node),
            })
            .inner
    }

    fn type_ui(&mut self, ui: &mut Ui, document: &Document, id: RowId) -> Option<Action> {
        let row = document.analysis.types().get(id.0 as usize)?;
        title_ui(ui, &row.name, &row.path);
        let size = format!("{}, {} each", row.kind, units::bytes(row.size));
        ui.weak(if row.group.is_empty() { size } else { format!("{size}, component {}", row.group) });
        self.source_ui(ui, document, id);
        let analysis = Arc::clone(&document.analysis);
        let owns =
            (row.count > 0).then(|| self.owns.get(ui.ctx(), id, || move || analysis.owns(Subject::Type(id))));
        let is_ready = !matches!(owns, Some(Shown::Working(_)));
        if copy_ui(ui, is_ready) {
            let source = document.analysis.source(id).filter(|source| !source.file.is_empty());
            let place = source.map_or_else(String::new, |source| format!("{}:{}", source.file, source.line));
            let owns = match &owns {
                Some(Shown::Ready(owns)) => owns.as_ref(),
                _ => None,
            };
            ui.ctx().copy_text(of_type(row, &type_parts(row), &place, owns));
        }
        ui.add_space(4.0);
        if let Some(owns) = owns {
            heading(ui, "What it owns");
            match owns {
                Shown::Ready(Some(owns)) => {
                    sizes_ui(ui, "type sizes", &owns.sizes, document);
                    outside_ui(ui, &owns.outside);
                }
                Shown::Ready(None) => {
                    ui.weak("Nothing is known of what it owns.");
                }
                Shown::Working(_) => cells::working(ui),
                Shown::Failed => cells::failed(ui),
            }
            heading(ui, "Where its bytes go");
            parts_ui(ui, &type_parts(row));
        } else {
            ui.add_space(4.0);
            ui.label(
                "It has no blocks of its own: its values lie inside other values, and their bytes count \
                 for the types of the blocks around them.",
            );
        }
        heading(ui, "How many");
        egui::Grid::new("type counts").num_columns(2).spacing([12.0, 3.0]).show(ui, |ui| {
            cells::fact(ui, "nodes", "Blocks and roots of this type.", |ui| {
                ui.label(units::count(row.count));
            });
            cells::fact(ui, "inline values", "Values that lie inside other values or buffers.", |ui| {
                ui.label(units::count(row.inline_values));
            });
            cells::fact(ui, "inline size", "Their bytes, which are part of other types' bytes.", |ui| {
                ui.label(units::bytes(row.inline_bytes)).on_hover_text(cells::exact(row.inline_bytes));
            });
        });
        let analysis = Arc::clone(&document.analysis);
        let of_type = move || analysis.keys().into_iter().filter(|keys| keys.row == Some(id)).collect();
        if let Shown::Ready(keys) = self.keys.get(ui.ctx(), id, || of_type) {
            if !keys.is_empty() {
                heading(ui, "Keys into tables");
            }
            for keys in keys {
                let table = if keys.table.is_empty() { "a table that is not named" } else { &keys.table };
                let (all, distinct) = (units::count(keys.keys), units::count(keys.distinct));
                let (linked, dangling) = (units::count(keys.linked), units::count(keys.dangling));
                ui.label(format!(
                    "{all} keys into {table}, {distinct} different; {linked} lead to an entry, {dangling} dangle"
                ));
            }
        }
        None
    }

    /// Where the type is defined, to open in an editor.
    fn source_ui(&mut self, ui: &mut Ui, document: &Document, id: RowId) {
        let Some(source) = document.analysis.source(id).filter(|source| !source.file.is_empty()) else {
            return;
        };
        let place = format!("{}:{}", source.file, source.line);
        ui.horizontal_wrapped(|ui| {
            let text = RichText::new(&place).color(ui.visuals().hyperlink_color);
            let link = ui.add(Button::new(text).frame(false));
            let help = format!("Open it in your editor: the command in {}.", editor::VARIABLE);
            if link.on_hover_text(help).clicked() {
                self.editor_error = editor::open(&source.file, source.line).err().map(|error| (id, error));
            }
            if ui.button("Copy place").clicked() {
                ui.ctx().copy_text(place);
            }
            ui.weak(format!("{} {}", source.package, source.version));
        });
        if let Some((_, error)) = self.editor_error.as_ref().filter(|(of, _)| *of == id) {
            let color = theme::warning(ui);
            cells::notice(ui, color, error, "");
        }
    }

    fn node_ui(
        &mut self,
        ui: &mut Ui,
        document: &Document,
        history: &mut History,
        node: NodeId,
    ) -> Option<Action> {
        let analysis = Arc::clone(&document.analysis);
        let work = || move || analysis.node(node).map(|detail| (detail, analysis.path(node)));
        let (detail, path) = match self.node.get(ui.ctx(), node, work) {
            Shown::Ready(Some(answer)) => answer,
            Shown::Ready(None) => {
                ui.weak("This snapshot has no such node.");
                return None;
            }
            Shown::Working(_) => {
                cells::working(ui);
                return None;
            }
            Shown::Failed => {
                cells::failed(ui);
                return None;
            }
        };
        let mut action = None;
        let row = &detail.row;
        let of = Arc::clone(&document.analysis);
        let stack = of.has_stacks().then(|| self.stack.get(ui.ctx(), node, || move || of.stack_of(node)));
        title_ui(ui, &row.type_name, &detail.path);
        ui.horizontal_wrapped(|ui| {
            if ui.button("Show in tree").on_hover_text("Open the ownership tree at this node.").clicked() {
                action = Some(Action::ShowTree(path.clone(), node));
            }
            if let Some(id) = row.row {
                if ui.button("Show type").on_hover_text("Select its type in the type table.").clicked() {
                    action = Some(Action::ShowType(id));
                }
            }
            if ui.button("Copy address").on_hover_text("Copy the address of its block.").clicked() {
                ui.ctx().copy_text(format!("{:#x}", detail.addr));
            }
            let stack = match &stack {
                Some(Shown::Ready(frames)) => Some(Some(frames.as_slice())),
                Some(_) => None,
                None => Some(None),
            };
            if copy_ui(ui, stack.is_some()) {
                ui.ctx().copy_text(of_node(detail, &node_parts(detail), path, stack.flatten()));
            }
        });
        for (field, reason) in &detail.unreadable {
            let what = if field.is_empty() { "its value" } else { field };
            let color = theme::warning(ui);
            let text = format!("{what} could not be read: {reason}");
            cells::notice(ui, color, &text, "What hangs below it is missing from the sizes.");
        }
        identity_ui(ui, detail);
        heading(ui, "Sizes");
        sizes_ui(ui, "node sizes", &detail.sizes, document);
        outside_ui(ui, &detail.outside);
        if detail.usable > 0 {
            heading(ui, "Where its bytes go");
            parts_ui(ui, &node_parts(detail));
        }
        if !detail.values.is_empty() {
            heading(ui, "Recorded values");
            egui::Grid::new("values").num_columns(2).spacing([12.0, 3.0]).show(ui, |ui| {
                for (field, value) in &detail.values {
                    cells::fact(ui, field, "", |ui| {
                        ui.monospace(value);
                    });
                }
            });
        }
        heading(ui, "Why it is alive");
        path_ui(ui, path, node, history);
        if let Some(stack) = stack {
            heading(ui, "Allocated in");
            match stack {
                Shown::Ready(frames) if frames.is_empty() => {
                    ui.weak("no stack of it was recorded");
                }
                Shown::Ready(frames) => {
                    let mut opened = None;
                    frames_ui(ui, frames, MAX_LISTED, &mut opened);
                    if let Some(outcome) = opened {
                        self.stack_error = outcome.err().map(|error| (node, error));
                    }
                }
                Shown::Working(_) => cells::working(ui),
                Shown::Failed => cells::failed(ui),
            }
            if let Some((_, error)) = self.stack_error.as_ref().filter(|(of, _)| *of == node) {
                let color = theme::warning(ui);
                cells::notice(ui, color, error, "");
            }
        }
        heading(ui, &format!("Held by ({})", units::count(detail.owner_count)));
        if detail.owner_count == 0 {
            ui.weak(if detail.roots.is_empty() { "nobody the walk met" } else { "it is a root" });
        }
        holders_ui(ui, detail.holders.iter().filter(|holder| holder.is_owner), detail.owner_count, history);
        let referrers = detail.holder_count - detail.owner_count;
        if referrers > 0 {
            heading(ui, &format!("Referred to by ({})", units::count(referrers)));
            holders_ui(ui, detail.holders.iter().filter(|holder| !holder.is_owner), referrers, history);
        }
        let out = detail.references.len();
        let more = if out >= 100 { "100 or more".to_owned() } else { units::count(out as u64) };
        heading(ui, &format!("Leaving it ({} held, {more} referred to)", units::count(row.children)));
        for reference in detail.references.iter().take(MAX_LISTED) {
            let name = format!("{} {}", reference.place, reference.type_name);
            link_ui(ui, &reference.edge, name.trim(), reference.node, history);
        }
        more_ui(ui, out as u64, out.min(MAX_LISTED));
        action
    }
}

fn holders_ui<'a>(ui: &mut Ui, holders: impl Iterator<Item = &'a Holder>, all: u64, history: &mut History) {
    let mut listed = 0;
    for holder in holders.take(MAX_LISTED) {
        let is_apart = holder.place.is_empty() || holder.place.starts_with(['.', '[']);
        let dot = if is_apart { "" } else { "." };
        let name = format!("{}{dot}{}", holder.type_name, holder.place);
        link_ui(ui, &holder.edge, &name, holder.node, history);
        listed += 1;
    }
    more_ui(ui, all, listed);
}

/// Whether all of the pane is to be copied.
fn copy_ui(ui: &mut Ui, is_ready: bool) -> bool {
    let button = ui.add_enabled(is_ready, Button::new("Copy all"));
    button.on_hover_text("Everything that the details say, as text.").clicked()
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(10.0);
    ui.label(RichText::new(text).strong().size(13.5));
    ui.add_space(1.0);
}

fn title_ui(ui: &mut Ui, name: &str, path: &str) {
    ui.label(RichText::new(name).strong().size(16.0));
    if !path.is_empty() && path != name {
        ui.weak(path);
    }
}

fn identity_ui(ui: &mut Ui, detail: &NodeDetail) {
    ui.add_space(4.0);
    let row = &detail.row;
    egui::Grid::new("identity").num_columns(2).spacing([12.0, 3.0]).show(ui, |ui| {
        if !detail.roots.is_empty() {
            cells::fact(ui, "root", "Names of roots that are this node.", |ui| {
                ui.label(detail.roots.join(", "));
            });
        }
        cells::fact(ui, "node", "Its number in this snapshot.", |ui| {
            ui.label(format!("#{}", row.node.0));
        });
        cells::fact(ui, "address", "Of its block, or of the value of a root.", |ui| {
            ui.monospace(format!("{:#x}", detail.addr));
        });
        if let Some(variant) = &row.variant {
            cells::fact(ui, "variant", "The active variant.", |ui| {
                ui.label(variant);
            });
        }
        if let Some((len, cap)) = row.len_cap {
            cells::fact(ui, "length", "Elements in use, of those there is room for.", |ui| {
                ui.label(format!("{} of {}", units::count(len), units::count(cap)));
            });
        }
        if detail.usable > 0 {
            cells::fact(ui, "block", "Bytes asked for, and bytes the allocator set aside.", |ui| {
                ui.label(format!("{} requested", units::bytes(detail.requested)))
                    .on_hover_text(cells::exact(detail.requested));
                ui.label(format!("{} usable", units::bytes(detail.usable)))
                    .on_hover_text(cells::exact(detail.usable));
            });
        }
        if let Some(align) = detail.align {
            cells::fact(ui, "alignment", "Alignment that was asked for.", |ui| {
                ui.label(units::count(align));
            });
        }
        if let Some(epoch) = detail.epoch {
            let help = "Number of the checkpoint interval in which the block was allocated.";
            cells::fact(ui, "birth epoch", help, |ui| {
                ui.label(epoch.to_string());
            });
        }
    });
}

fn sizes_ui(ui: &mut Ui, id: &str, sizes: &Sizes, document: &Document) {
    let reachable = document.analysis.summary().reachable;
    egui::Grid::new(id).num_columns(3).spacing([10.0, 3.0]).show(ui, |ui| {
        for (name, bytes, help) in [
            ("shallow", sizes.shallow, "Its own blocks, nothing they point to."),
            ("alone", sizes.alone, "Retained: what dropping it frees at least."),
            ("in all", sizes.in_all, "Everything that can be reached from it."),
            ("shared", sizes.shared, "In all less alone: others hold it as well."),
        ] {
            ui.weak(name).on_hover_text(help);
            cells::right(ui, 78.0, |ui| cells::bytes(ui, bytes, reachable));
            cells::right(ui, 52.0, |ui| {
                ui.weak(units::percent(bytes, reachable)).on_hover_text("Of all reachable bytes.")
            });
            ui.end_row();
        }
        ui.weak("nodes").on_hover_text("Nodes that can be reached from it, itself included.");
        cells::right(ui, 78.0, |ui| cells::count(ui, sizes.nodes));
        ui.end_row();
    });
}

fn outside_ui(ui: &mut Ui, outside: &[OutsideOwner]) {
    let Some(first) = outside.first() else { return };
    let color = theme::warning(ui);
    let others = match outside.len() {
        1 => String::new(),
        count => format!(" and {} more", units::count(count as u64 - 1)),
    };
    let what = format!(
        "owners outside the walk: {} has {} {} handles, {} were met{others}",
        first.type_name, first.counted, first.handles, first.met
    );
    cells::notice(
        ui,
        color,
        &what,
        "What hangs there is nobody's alone. A clone in the caller's frame counts too.",
    );
}

fn type_parts(row: &TypeRow) -> Vec<(Part, u64)> {
    parts([row.payload, row.padding, row.dead, row.overhead, row.spare, row.rounding, row.untyped])
}

fn node_parts(detail: &NodeDetail) -> Vec<(Part, u64)> {
    let split = &detail.split;
    let rounding = detail.usable.saturating_sub(detail.requested);
    parts([split.payload, split.padding, split.dead, split.overhead, split.spare, rounding, split.untyped])
}

/// Bytes in the order of [`Part::ALL`].
fn parts(bytes: [u64; 7]) -> Vec<(Part, u64)> {
    Part::ALL.into_iter().zip(bytes).collect()
}

fn parts_ui(ui: &mut Ui, parts: &[(Part, u64)]) {
    cells::split_bar(ui, parts, 12.0);
    ui.add_space(3.0);
    cells::split_list(ui, "parts", parts, "usable");
}

fn path_ui(ui: &mut Ui, path: &[PathStep], node: NodeId, history: &mut History) {
    if path.is_empty() {
        ui.weak("Nothing the walk met reaches it through own and share edges.");
    }
    // Chains of lists are long: their ends tell the most.
    let hidden = path.len().saturating_sub(40);
    for (at, step) in path.iter().enumerate() {
        if hidden > 0 && at == 20 {
            ui.weak(format!("… {} steps …", units::count(hidden as u64)));
        }
        if hidden > 0 && (20..20 + hidden).contains(&at) {
            continue;
        }
        let name = if step.place.is_empty() {
            step.type_name.clone()
        } else {
            format!("{}: {}", step.place, step.type_name)
        };
        if step.node == node {
            ui.horizontal(|ui| {
                ui.weak(&step.edge);
                ui.add(egui::Label::new(RichText::new(name).strong()).truncate());
            });
        } else {
            link_ui(ui, &step.edge, &name, step.node, history);
        }
    }
}

/// A line that selects a node.
fn link_ui(ui: &mut Ui, edge: &str, name: &str, node: NodeId, history: &mut History) {
    ui.horizontal(|ui| {
        ui.weak(edge);
        let text = RichText::new(name).color(ui.visuals().hyperlink_color);
        let response = ui.add(Button::new(text).frame(false).truncate());
        if response.on_hover_text(format!("{name}\nSelect node #{}.", node.0)).clicked() {
            history.select(Selection::Node(node));
        }
    });
}

fn more_ui(ui: &mut Ui, all: u64, listed: usize) {
    let rest = all.saturating_sub(listed as u64);
    if rest > 0 {
        ui.weak(format!("and {} more", units::count(rest)));
    }
}
