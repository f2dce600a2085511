//! What the views of the dominator tree have in common: how a node or a bundle is
//! called and coloured, what it says at the pointer, and the way to it.

use crate::cells;
use crate::colors::Colors;
use crate::filter::Filter;
use crate::hyperbolic::labels;
use crate::hyperbolic::layout::Item;
use crate::theme;
use egui::{Color32, Role, Ui, WidgetInfo};
use heap_analysis::dominator_tree::Above;
use heap_analysis::{units, Analysis};
use std::collections::HashMap;

/// Nodes of a bundle whose types are counted: its largest.
const SAMPLE: usize = 1000;

/// Name of an item.
pub fn name(analysis: &Analysis, item: &Item) -> String {
    match item {
        Item::All => "everything reachable".into(),
        Item::Node(node) => analysis.label(*node),
        Item::Run(run) => format!("{} smaller", units::count(run.len() as u64)),
    }
}

/// The colour of an item; faint where the filter does not let it through.
pub fn row_color(
    analysis: &Analysis,
    colors: &Colors,
    filter: &Filter,
    item: &Item,
    is_dark: bool,
) -> Color32 {
    match item {
        Item::All => theme::OTHER,
        Item::Run(_) if is_dark => Color32::from_rgb(0x55, 0x5A, 0x62),
        Item::Run(_) => Color32::from_rgb(0xB8, 0xBD, 0xC4),
        Item::Node(node) => {
            let row = analysis.row_of(*node);
            let color = colors.of(row);
            if filter.lets(row) {
                color
            } else {
                color.gamma_multiply(0.22)
            }
        }
    }
}

/// Which colour is what.
pub fn legend_ui(ui: &mut Ui, colors: &Colors) {
    cells::line(ui, |ui| {
        for (name, color) in colors.legend().chain([("other", theme::OTHER)]) {
            let name = labels::shorten(name, 30);
            // A square stays with its name.
            if ui.available_size_before_wrap().x < 24.0 + 7.0 * name.chars().count() as f32 {
                ui.end_row();
            }
            cells::swatch(ui, color);
            ui.weak(name).on_hover_text(format!("Palette: {}.", theme::PALETTE_NAME));
        }
    });
}

/// The way from everything to an item: the first of it, how much is left out, and the last.
#[derive(Debug, Default)]
pub struct Crumbs {
    first: Vec<(String, Item)>,
    hidden: usize,
    is_endless: bool,
    last: Vec<(String, Item)>,
}

impl Crumbs {
    /// The way to an item. O(levels), of which a hundred thousand are gone at most.
    pub fn new(analysis: &Analysis, item: &Item) -> Crumbs {
        const FIRST: usize = 2;
        const LAST: usize = 5;
        const MAX: usize = 100_000;
        let mut way = vec![item.clone()];
        let mut above = match item {
            Item::All => None,
            Item::Node(node) => analysis.dominators().above(*node),
            Item::Run(run) => analysis.dominators().above(analysis.dominated().at(run.start)),
        };
        let mut is_endless = false;
        while let Some(one) = above {
            if way.len() > MAX {
                is_endless = true;
                break;
            }
            match one {
                Above::Virtual => {
                    way.push(Item::All);
                    above = None;
                }
                Above::Node(node) => {
                    way.push(Item::Node(node));
                    above = analysis.dominators().above(node);
                }
            }
        }
        way.reverse();
        let named = |items: &[Item]| items.iter().map(|item| (name(analysis, item), item.clone())).collect();
        if way.len() <= FIRST + LAST {
            return Crumbs { last: named(&way), ..Crumbs::default() };
        }
        let hidden = way.len() - FIRST - LAST;
        Crumbs { first: named(&way[..FIRST]), hidden, is_endless, last: named(&way[FIRST + hidden..]) }
    }

    /// Name of the item at its end.
    pub fn name(&self) -> String {
        self.last.last().map_or_else(String::new, |(name, _)| name.clone())
    }

    /// The item above that.
    pub fn above(&self) -> Option<Item> {
        self.last.iter().rev().nth(1).map(|(_, item)| item.clone())
    }

    /// Draws it. Returns what was clicked.
    pub fn ui(&self, ui: &mut Ui) -> Option<Item> {
        let mut clicked = None;
        cells::line(ui, |ui| {
            let mut crumb = |ui: &mut Ui, (text, item): &(String, Item)| {
                let button = ui.add(egui::Button::new(labels::shorten(text, 32)).frame(false).small());
                let button = button.on_hover_text(format!("{text}\nGo there."));
                button.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("to {text}")));
                if button.clicked() {
                    clicked = Some(item.clone());
                }
            };
            self.first.iter().for_each(|one| {
                crumb(ui, one);
                ui.weak("›");
            });
            if self.hidden > 0 {
                let more = if self.is_endless { "more than " } else { "" };
                ui.weak(format!("… {more}{} levels … ›", units::count(self.hidden as u64)));
            }
            for (at, one) in self.last.iter().enumerate() {
                if at + 1 == self.last.len() {
                    ui.strong(labels::shorten(&one.0, 48));
                } else {
                    crumb(ui, one);
                    ui.weak("›");
                }
            }
        });
        clicked
    }
}

/// What an item is, at the pointer.
pub fn hover_ui(ui: &mut Ui, analysis: &Analysis, item: &Item, (rest_count, rest_bytes): (u64, u64)) {
    ui.set_max_width(420.0);
    ui.strong(name(analysis, item));
    match item {
        Item::All => {
            ui.label(units::bytes(analysis.dominated().total()));
        }
        Item::Node(node) => {
            let row = analysis.row_of(*node).and_then(|row| analysis.types().get(row.0 as usize));
            if let Some(row) = row {
                ui.weak(&row.name);
                if !row.group.is_empty() {
                    ui.weak(format!("component {}", row.group));
                }
            }
            let below = analysis.dominated().children(Above::Node(*node)).len() as u64;
            ui.label(format!(
                "{} retained, {} own, {} directly below",
                units::bytes(analysis.retained(*node)),
                units::bytes(analysis.heap().shallow(*node)),
                units::count(below)
            ));
        }
        Item::Run(run) => {
            let bytes = units::bytes(analysis.retained_by(run.clone()));
            ui.label(format!("{bytes} retained by {} nodes", units::count(run.len() as u64)));
            let mut types: HashMap<String, usize> = HashMap::new();
            for node in analysis.dominated().nodes(run.clone()).take(SAMPLE) {
                let row = analysis.row_of(node).and_then(|row| analysis.types().get(row.0 as usize));
                *types.entry(row.map_or_else(String::new, |row| row.name.clone())).or_default() += 1;
            }
            let mut types: Vec<(String, usize)> = types.into_iter().collect();
            types.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            if run.len() > SAMPLE {
                ui.weak(format!("of the {} largest of them:", units::count(SAMPLE as u64)));
            }
            for (name, count) in types.iter().take(3) {
                ui.label(format!("{} × {name}", units::count(*count as u64)));
            }
        }
    }
    if rest_count > 0 {
        ui.weak(format!(
            "{} below it are left out here: {}",
            units::count(rest_count),
            units::bytes(rest_bytes)
        ));
    }
}
