//! The selected type: its variants and what their dead space costs, its
//! fields, and the lengths of its buffers against their capacities.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::export::Value;
use crate::ruler::{self, Ruler};
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::table::{self, Column, Keyboard, Table};
use crate::theme::{self, Part};
use egui::{RichText, Ui};
use heap_analysis::tree::TreeRow;
use heap_analysis::type_detail::{FieldRow, LengthBucket, Lengths, TypeDetail, VariantRow};
use heap_analysis::type_table::RowId;
use heap_analysis::units;
use std::sync::Arc;

/// Nodes of a type that are listed.
const MAX_NODES: usize = 1000;

/// State of the pane.
#[derive(Debug, Default)]
pub struct TypeDetails {
    detail: Answer<RowId, Option<TypeDetail>>,
    nodes: Answer<RowId, Vec<TreeRow>>,
    tab: Option<Tab>,
}

/// What is shown of the type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tab {
    Variants,
    Layout,
    Fields,
    Lengths,
    Nodes,
}

impl Tab {
    const ALL: [Tab; 5] = [Tab::Variants, Tab::Layout, Tab::Fields, Tab::Lengths, Tab::Nodes];

    fn title(self) -> &'static str {
        match self {
            Tab::Variants => "Variants",
            Tab::Layout => "Layout",
            Tab::Fields => "Fields",
            Tab::Lengths => "Lengths",
            Tab::Nodes => "Nodes",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Tab::Variants => "Which variants live, and what their dead space costs.",
            Tab::Layout => "A value to scale: fields, padding, and what is dead while a variant is active.",
            Tab::Fields => "Where its fields lie in a value, and the gaps between them.",
            Tab::Lengths => "Lengths of its buffers against their capacities.",
            Tab::Nodes => "Its nodes, those that retain most first.",
        }
    }

    fn applies(self, detail: &TypeDetail) -> bool {
        match self {
            Tab::Variants => !detail.variants.is_empty(),
            Tab::Layout => detail.size > 0 && !(detail.fields.is_empty() && detail.variants.is_empty()),
            Tab::Fields => !detail.fields.is_empty(),
            Tab::Lengths => !detail.lengths.is_empty(),
            Tab::Nodes => detail.row.count > 0,
        }
    }
}

impl TypeDetails {
    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.detail.is_working() || self.nodes.is_working()
    }

    /// Draws it for the row `id` of the type table.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History, id: RowId) {
        let analysis = Arc::clone(&document.analysis);
        let detail = match self.detail.get(ui.ctx(), id, || move || analysis.type_detail(id)) {
            Shown::Ready(Some(detail)) => detail,
            Shown::Ready(None) => {
                ui.weak("Nothing more is known of this type.");
                return;
            }
            Shown::Working(_) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let tab = self
            .tab
            .filter(|tab| tab.applies(detail))
            .or_else(|| Tab::ALL.into_iter().find(|tab| tab.applies(detail)));
        ui.horizontal(|ui| {
            for one in Tab::ALL.into_iter().filter(|tab| tab.applies(detail)) {
                if ui.selectable_label(tab == Some(one), one.title()).on_hover_text(one.help()).clicked() {
                    self.tab = Some(one);
                }
            }
            ui.separator();
            ui.add(egui::Label::new(RichText::new(headline(detail)).weak()).truncate());
        });
        ui.separator();
        match tab {
            Some(Tab::Variants) => variants_ui(ui, detail),
            Some(Tab::Layout) => layout_ui(ui, detail),
            Some(Tab::Fields) => fields_ui(ui, detail),
            Some(Tab::Lengths) => lengths_ui(ui, detail),
            Some(Tab::Nodes) => {
                let analysis = Arc::clone(&document.analysis);
                match self.nodes.get(ui.ctx(), id, || move || analysis.nodes_of(id, MAX_NODES)) {
                    Shown::Ready(nodes) => nodes_ui(ui, nodes, detail.row.count, history),
                    Shown::Working(_) => cells::working(ui),
                    Shown::Failed => cells::failed(ui),
                }
            }
            None => {
                ui.weak(format!("{} has neither variants, fields nor buffers.", detail.row.name));
            }
        }
    }
}

fn headline(detail: &TypeDetail) -> String {
    let mut text = format!(
        "{}: {}, {}, align {}",
        detail.row.name,
        detail.row.kind,
        units::bytes(detail.size),
        detail.align
    );
    if !detail.variants.is_empty() {
        match detail.discriminant {
            0 => text.push_str(", discriminant in a niche"),
            bytes => text.push_str(&format!(", discriminant {bytes} B")),
        }
    }
    text
}

const VARIANTS: &[Column] = &[
    Column::text("Variant", 110.0, "Name of the variant, with its fields on hover."),
    Column::number("Live", 66.0, "Values with this variant active, wherever they stand."),
    Column::number("Share", 94.0, "Their share of all values of the type."),
    Column::number("Tuple", 54.0, "Size of the variant's fields as a tuple: what it needs by itself."),
    Column::number(
        "Dead each",
        74.0,
        "Dead variant space of one value: the largest variant's tuple less this one's.",
    ),
    Column::number("Dead", 70.0, "Dead variant space of all these values."),
    Column::number("Dead share", 94.0, "Its share of all dead variant space of the type."),
    Column::number("Payload", 70.0, "Payload of all these values, less what is in enums nested in them."),
    Column::number("Padding", 70.0, Part::Padding.help()),
];

fn variants_ui(ui: &mut Ui, detail: &TypeDetail) {
    let variants = &detail.variants;
    let sum = |part: fn(&VariantRow) -> u64| variants.iter().map(part).fold(0_u64, u64::saturating_add);
    let (count, dead) = (sum(|variant| variant.count), sum(|variant| variant.dead));
    let table = Table {
        name: "variants",
        columns: VARIANTS,
        rows: variants.len() as u64,
        selected: None,
        scroll_to: None,
        sorted: None,
        keyboard: Keyboard::Focused,
    };
    let name = &mut |row| format!("variant {}", variants[row as usize].name);
    let value = &mut |row, column| {
        let variant: &VariantRow = &variants[row as usize];
        match column {
            0 => Value::text(&variant.name),
            1 => variant.count.into(),
            2 => Value::Share(variant.count, count),
            3 => variant.tuple_size.into(),
            4 => variant.dead_each.into(),
            5 => variant.dead.into(),
            6 => Value::Share(variant.dead, dead),
            7 => variant.payload.into(),
            _ => variant.padding.into(),
        }
    };
    let cell = &mut |ui: &mut Ui, row, column| {
        let variant: &VariantRow = &variants[row as usize];
        match column {
            0 => {
                let text = RichText::new(&variant.name);
                let text = if variant.count == 0 { text.weak() } else { text };
                table::text(ui, text).on_hover_ui(|ui| variant_hover(ui, variant));
            }
            1 => {
                cells::count(ui, variant.count);
            }
            2 => cells::percent_bar(ui, variant.count, count),
            3 => {
                cells::bytes(ui, variant.tuple_size, detail.size);
            }
            4 => {
                cells::bytes(ui, variant.dead_each, detail.size);
            }
            5 => {
                cells::bytes(ui, variant.dead, dead);
            }
            6 => cells::percent_bar(ui, variant.dead, dead),
            7 => {
                cells::bytes(ui, variant.payload, 0);
            }
            _ => {
                cells::bytes(ui, variant.padding, 0);
            }
        }
    };
    table.show(ui, name, cell, value);
}

fn variant_hover(ui: &mut Ui, variant: &VariantRow) {
    ui.strong(&variant.name);
    for field in &variant.fields {
        ui.label(field_text(field));
    }
    for (place, count) in &variant.places {
        ui.weak(format!("{} as {place}", units::count(*count)));
    }
}

fn field_text(field: &FieldRow) -> String {
    let at = field.offset.map_or_else(|| "at ?".to_owned(), |offset| format!("at {offset}"));
    if field.is_padding {
        format!("{at}: {} padding", units::bytes(field.size))
    } else {
        format!("{at}: {}: {}, {}", field.name, field.type_name, units::bytes(field.size))
    }
}

/// A value to scale; of an enum one with each variant active.
fn layout_ui(ui: &mut Ui, detail: &TypeDetail) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if detail.variants.is_empty() {
            let ruler = ruler::ruler(&detail.fields, detail.size, 0, 0);
            note_ui(ui, &ruler, "");
            ruler::ui(ui, &detail.row.name, &ruler, &detail.fields, detail.size);
        }
        for variant in &detail.variants {
            let ruler = ruler::ruler(&variant.fields, detail.size, detail.discriminant, variant.dead_each);
            note_ui(ui, &ruler, &format!("{}  {} live", variant.name, units::count(variant.count)));
            ruler::ui(ui, &variant.name, &ruler, &variant.fields, detail.size);
        }
    });
}

fn note_ui(ui: &mut Ui, ruler: &Ruler, text: &str) {
    ui.horizontal(|ui| {
        if !text.is_empty() {
            ui.label(text);
        }
        if !ruler.is_placed {
            ui.weak("to scale, but not in place: offsets are not known");
        }
    });
}

const FIELDS: &[Column] = &[
    Column::text("Field", 180.0, "Name of the field; gaps that alignment asks for are padding."),
    Column::number("Offset", 62.0, "Bytes from the start of the value, where the snapshot knows it."),
    Column::number("Size", 62.0, "Size of the field."),
    Column::number("Share", 120.0, "Its share of the value."),
    Column::text("Type", 260.0, "Type of the field, and how the walk treats it where it does not enter it."),
];

fn fields_ui(ui: &mut Ui, detail: &TypeDetail) {
    let fields = &detail.fields;
    let table = Table {
        name: "fields",
        columns: FIELDS,
        rows: fields.len() as u64,
        selected: None,
        scroll_to: None,
        sorted: None,
        keyboard: Keyboard::Focused,
    };
    let name = &mut |row| format!("field {}", fields[row as usize].name);
    let value = &mut |row, column| {
        let field: &FieldRow = &fields[row as usize];
        match column {
            0 => Value::text(&field.name),
            1 => field.offset.map_or(Value::Nothing, Value::Number),
            2 => field.size.into(),
            3 => Value::Share(field.size, detail.size),
            _ => Value::text(format!("{} {}", field.mode, field.type_name).trim()),
        }
    };
    let cell = &mut |ui: &mut Ui, row, column| {
        let field: &FieldRow = &fields[row as usize];
        match column {
            0 => {
                if field.is_padding {
                    cells::swatch(ui, Part::Padding.color());
                }
                let text = RichText::new(&field.name);
                table::text(ui, if field.is_padding { text.weak() } else { text });
            }
            1 => {
                ui.label(field.offset.map_or_else(|| "?".into(), units::count));
            }
            2 => {
                cells::bytes(ui, field.size, detail.size);
            }
            3 => cells::percent_bar(ui, field.size, detail.size),
            _ => {
                if !field.mode.is_empty() {
                    ui.weak(&field.mode);
                }
                table::text(ui, &field.type_name);
            }
        }
    };
    table.show(ui, name, cell, value);
}

const LENGTHS: &[Column] = &[
    Column::text("Length", 170.0, "Elements in use, in ranges that double. Under each kind of container."),
    Column::number("Containers", 84.0, "How many containers have such a length."),
    Column::number("Elements", 84.0, "Elements in use in all of them."),
    Column::number("Capacity", 84.0, "Elements there is room for in all of them."),
    Column::number("In use", 120.0, "Elements in use by the elements there is room for."),
    Column::number("Spare", 84.0, "Room that holds no element, in bytes."),
];

fn lengths_ui(ui: &mut Ui, detail: &TypeDetail) {
    /// A kind of container in all, or one range of its lengths.
    enum Line<'a> {
        All(&'a Lengths),
        Range(&'a LengthBucket),
    }
    let lines: Vec<Line<'_>> = detail
        .lengths
        .iter()
        .flat_map(|lengths| {
            let ranges = lengths.buckets.iter().filter(|bucket| bucket.containers > 0).map(Line::Range);
            std::iter::once(Line::All(lengths)).chain(ranges)
        })
        .collect();
    let ranges = detail.lengths.iter().flat_map(|lengths| &lengths.buckets);
    let most = ranges.map(|range| range.containers).max().unwrap_or(0);
    let table = Table {
        name: "lengths",
        columns: LENGTHS,
        rows: lines.len() as u64,
        selected: None,
        scroll_to: None,
        sorted: None,
        keyboard: Keyboard::Focused,
    };
    let name = |row: u64| match &lines[row as usize] {
        Line::All(lengths) => lengths.container.clone(),
        Line::Range(bucket) if bucket.from == bucket.to => units::count(bucket.from),
        Line::Range(bucket) => format!("{} to {}", units::count(bucket.from), units::count(bucket.to)),
    };
    let numbers = |row: u64| match &lines[row as usize] {
        Line::All(all) => (all.containers, all.len, all.cap, all.spare),
        Line::Range(range) => (range.containers, range.len, range.cap, range.spare),
    };
    let value = &mut |row, column| {
        let (containers, len, cap, spare) = numbers(row);
        match column {
            0 => Value::text(name(row)),
            1 => containers.into(),
            2 => len.into(),
            3 => cap.into(),
            4 => Value::Share(len, cap),
            _ => spare.into(),
        }
    };
    let cell = &mut |ui: &mut Ui, row, column| {
        let (containers, len, cap, spare) = numbers(row);
        match column {
            0 => {
                let text = RichText::new(name(row));
                if matches!(lines[row as usize], Line::All(_)) {
                    table::text(ui, text.strong());
                } else {
                    ui.add_space(14.0);
                    ui.label(text);
                }
            }
            1 => {
                if let Line::Range(_) = &lines[row as usize] {
                    let color = theme::bar(ui);
                    cells::bar_behind(ui, containers, most, color);
                }
                cells::count(ui, containers);
            }
            2 => {
                cells::count(ui, len);
            }
            3 => {
                cells::count(ui, cap);
            }
            4 => cells::percent_bar(ui, len, cap),
            _ => {
                cells::bytes(ui, spare, 0);
            }
        }
    };
    table.show(ui, &mut |row| format!("lengths {}", name(row)), cell, value);
}

const NODES: &[Column] = &[
    Column::text("Node", 220.0, "Number of the node, and what it is."),
    Column::number("Retained", 84.0, "Bytes that would go with it."),
    Column::number("Shallow", 84.0, "Usable bytes of its block."),
    Column::number("Length", 84.0, "Elements in use."),
    Column::number("Capacity", 84.0, "Elements there is room for."),
];

/// Type of a node with its active variant.
fn node_type(node: &TreeRow) -> String {
    match &node.variant {
        Some(variant) => format!("{}::{variant}", node.type_name),
        None => node.type_name.clone(),
    }
}

fn nodes_ui(ui: &mut Ui, nodes: &[TreeRow], all: u64, history: &mut History) {
    if (nodes.len() as u64) < all {
        ui.weak(format!(
            "the {} that retain most, of {}",
            units::count(nodes.len() as u64),
            units::count(all)
        ));
    }
    let is_selected = |node: &TreeRow| history.current() == Selection::Node(node.node);
    let selected = nodes.iter().position(is_selected).map(|at| at as u64);
    let table = Table {
        name: "nodes of the type",
        columns: NODES,
        rows: nodes.len() as u64,
        selected,
        scroll_to: None,
        sorted: None,
        keyboard: Keyboard::Focused,
    };
    let most = nodes.first().map_or(0, |node| node.retained);
    let name = &mut |row| format!("node #{}", nodes[row as usize].node.0);
    let value = &mut |row, column| {
        let node: &TreeRow = &nodes[row as usize];
        let (len, cap) = node.len_cap.unzip();
        match column {
            0 => Value::text(format!("#{} {}", node.node.0, node_type(node))),
            1 => node.retained.into(),
            2 => node.shallow.into(),
            3 => len.map_or(Value::Nothing, Value::Number),
            _ => cap.map_or(Value::Nothing, Value::Number),
        }
    };
    let cell = &mut |ui: &mut Ui, row, column| {
        let node: &TreeRow = &nodes[row as usize];
        match column {
            0 => {
                ui.label(format!("#{}", node.node.0));
                table::text(ui, RichText::new(node_type(node)).weak());
            }
            1 => {
                cells::bytes(ui, node.retained, most);
            }
            2 => {
                cells::bytes(ui, node.shallow, node.retained);
            }
            3 => {
                if let Some((len, _)) = node.len_cap {
                    cells::count(ui, len);
                }
            }
            _ => {
                if let Some((_, cap)) = node.len_cap {
                    cells::count(ui, cap);
                }
            }
        }
    };
    let shown = table.show(ui, name, cell, value);
    if let Some(node) = shown.row.and_then(|row| nodes.get(row as usize)) {
        history.select(Selection::Node(node.node));
    }
}
