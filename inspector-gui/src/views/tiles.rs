//! The icicle and the treemap: what goes with what, as wide or as large as what
//! is retained. A band below a rectangle is the waste in the node's own bytes, to scale.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::colors::{By, Colors};
use crate::dump::TilesState;
use crate::export::{Sheet, Value};
use crate::filter::Filter;
use crate::hyperbolic::layout::Item;
use crate::hyperbolic::paint::Canvas;
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::theme::Part;
use crate::tiles::{self, Tile, Tiles};
use crate::views::tree_item::{self, hover_ui, name, row_color, Crumbs};
use egui::{
    vec2, Color32, EventFilter, FontId, Galley, Id, Key, Mesh, Pos2, Rect, Role, Sense, Shape, Stroke,
    StrokeKind, Ui, WidgetInfo,
};
use heap_analysis::dominator_tree::Above;
use heap_analysis::{units, Analysis, NodeId};
use std::sync::Arc;

/// Height of a row of the icicle.
const ROW: f32 = 22.0;

/// Names on rectangles at most; the largest rectangles come first.
const MAX_NAMES: usize = 160;

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// In rows.
    Icicle,
    /// One inside the other.
    Treemap,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Icicle => "icicle",
            Kind::Treemap => "treemap",
        }
    }
}

#[derive(Clone, PartialEq)]
struct PictureKey {
    top: Item,
    area: Rect,
    filter: String,
    is_filtering: bool,
    is_dark: bool,
    by: By,
    pixels: f32,
}

struct Label {
    rect: Rect,
    item: Item,
    name: String,
    galley: Arc<Galley>,
    ink: Color32,
}

#[derive(Default)]
struct Picture {
    tiles: Tiles,
    mesh: Arc<Mesh>,
    labels: Vec<Label>,
}

/// State of one of the two views.
pub struct TilesView {
    kind: Kind,
    top: Item,
    by: By,
    ready: Answer<(), ()>,
    colors: Answer<By, Colors>,
    crumbs: Option<(Item, Crumbs)>,
    key: Option<PictureKey>,
    picture: Picture,
    bytes: u64,
}

impl std::fmt::Debug for TilesView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TilesView").field("kind", &self.kind).field("top", &self.top).finish_non_exhaustive()
    }
}

impl TilesView {
    /// Of everything.
    pub fn new(kind: Kind) -> TilesView {
        TilesView {
            kind,
            top: Item::All,
            by: By::default(),
            ready: Answer::default(),
            colors: Answer::default(),
            crumbs: None,
            key: None,
            picture: Picture::default(),
            bytes: 0,
        }
    }

    /// Whether something is being worked out.
    pub fn is_working(&self) -> bool {
        self.ready.is_working() || self.colors.is_working()
    }

    /// What is on the screen, once it has been drawn.
    pub fn state(&self) -> Option<TilesState> {
        self.key.as_ref()?;
        Some(TilesState {
            top: self.crumbs.as_ref().map_or_else(String::new, |(_, crumbs)| crumbs.name()),
            tiles: self.picture.tiles.tiles.len(),
            bytes: self.bytes,
            hidden_bytes: self.picture.tiles.hidden_bytes,
            labels: self.picture.labels.iter().map(|label| label.name.clone()).collect(),
        })
    }

    /// What is drawn, as a table.
    pub fn sheet(&self, analysis: &Analysis) -> Sheet {
        let tiles = self.picture.tiles.tiles.iter().filter(|tile| !tile.is_own);
        let row = |tile: &Tile| {
            let name = Value::text(name(analysis, &tile.item));
            vec![(tile.depth as u64).into(), name, tile.bytes.into(), tile.own.into()]
        };
        let heads = ["Level", "Node", "Retained", "Own bytes"].map(str::to_owned).to_vec();
        Sheet { name: self.kind.name().into(), heads, rows: tiles.map(row).collect() }
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History, filter: &Filter) {
        let analysis = &document.analysis;
        if !analysis.has_dominated() {
            let of = Arc::clone(analysis);
            let work = || {
                move || {
                    of.dominated();
                }
            };
            return match self.ready.get(ui.ctx(), (), work) {
                Shown::Failed => cells::failed(ui),
                Shown::Ready(()) | Shown::Working(_) => cells::working(ui),
            };
        }
        self.ready = Answer::default();
        let (of, by) = (Arc::clone(analysis), self.by);
        let colors = match self.colors.get(ui.ctx(), by, || move || Colors::new(of.types(), by)) {
            Shown::Ready(colors) | Shown::Working(Some(colors)) => colors,
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let selected = match history.current() {
            Selection::Node(node) if analysis.dominators().is_reachable(node) => Some(node),
            _ => None,
        };
        let mut next = None;
        cells::line(ui, |ui| {
            ui.weak("Colour");
            ui.selectable_value(&mut self.by, By::Component, "by component");
            ui.selectable_value(&mut self.by, By::Type, "by type");
            ui.separator();
            if let Some(node) = selected.filter(|node| self.top != Item::Node(*node)) {
                let help = "Show only what goes with the selected node (Enter, or a double click).";
                if ui.button("Start at selection").on_hover_text(help).clicked() {
                    next = Some(Item::Node(node));
                }
            }
            cells::swatch(ui, Part::Spare.color());
            ui.weak("waste in the node's own bytes, to scale");
            let hidden = self.picture.tiles.hidden_bytes;
            if hidden > 0 {
                ui.weak(format!(
                    "{} of {} too small or too deep",
                    units::bytes(hidden),
                    units::bytes(self.bytes)
                ))
                .on_hover_text(
                    "Too small or too deep: they are part of the rectangles above or around them.",
                );
            }
        });
        tree_item::legend_ui(ui, colors);
        if self.crumbs.as_ref().is_none_or(|(top, _)| *top != self.top) {
            self.crumbs = Some((self.top.clone(), Crumbs::new(analysis, &self.top)));
        }
        if let Some((_, crumbs)) = &self.crumbs {
            next = crumbs.ui(ui).or(next);
        }
        next = self.picture_ui(ui, analysis, history, filter, selected).or(next);
        if let Some(top) = next {
            self.top = top;
            ui.ctx().request_repaint();
        }
    }

    /// Draws the rectangles. Returns what is to be shown alone.
    fn picture_ui(
        &mut self,
        ui: &mut Ui,
        analysis: &Analysis,
        history: &mut History,
        filter: &Filter,
        selected: Option<NodeId>,
    ) -> Option<Item> {
        let title = self.kind.name();
        let id = Id::unique(title);
        let area = ui.available_rect_before_wrap().shrink2(vec2(8.0, 4.0));
        let response = ui.interact(area, id, Sense::click());
        let top_name = name(analysis, &self.top);
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("{title} of {top_name}")));
        self.draw(ui, analysis, filter, area);
        let painter = ui.painter().with_clip_rect(area.expand(1.0));
        painter.add(Shape::Mesh(Arc::clone(&self.picture.mesh)));
        let strong = ui.visuals().strong_text_color();
        let hovered = response.hover_pos().and_then(|pos| self.hit(pos)).cloned();
        let tiles = &self.picture.tiles.tiles;
        let is_it = |tile: &&Tile| {
            !tile.is_own
                && matches!((&tile.item, selected), (Item::Node(node), Some(selected)) if *node == selected)
        };
        if let Some(tile) = tiles.iter().find(is_it) {
            painter.rect_stroke(tile.rect, 0.0, Stroke::new(2.5, strong), StrokeKind::Inside);
        }
        if let Some(tile) = &hovered {
            painter.rect_stroke(
                tile.rect,
                0.0,
                Stroke::new(1.5, strong.gamma_multiply(0.7)),
                StrokeKind::Inside,
            );
        }
        let mut clicked = None;
        let mut next = None;
        for (at, label) in self.picture.labels.iter().enumerate() {
            let clip = painter.with_clip_rect(label.rect.intersect(area));
            clip.galley(label.rect.min + vec2(4.0, 2.0), Arc::clone(&label.galley), label.ink);
            // For screen readers; the pointer is the canvas's.
            let button = ui.interact(label.rect, id.with(("name", at)), Sense::focusable_noninteractive());
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("node {}", label.name)));
            if button.has_focus() && ui.input(|input| input.key_pressed(Key::Space)) {
                clicked = Some(label.item.clone());
            }
        }
        if response.clicked() {
            response.request_focus();
            clicked = hovered.as_ref().map(|tile| tile.item.clone());
        }
        if response.double_clicked() {
            next = hovered.as_ref().map(|tile| tile.item.clone());
        }
        let is_key = self.keys(ui, analysis, &response, selected);
        match is_key {
            Some(Moved::To(item)) => clicked = Some(item),
            Some(Moved::Into(item)) => next = Some(item),
            None => {}
        }
        if let Some(Item::Node(node)) = clicked {
            history.select(Selection::Node(node));
        }
        if let Some(tile) = hovered {
            response.on_hover_ui_at_pointer(|ui| hover_ui(ui, analysis, &tile.item, (0, 0)));
        }
        next
    }

    /// The innermost rectangle at a point.
    fn hit(&self, pos: Pos2) -> Option<&Tile> {
        let at = self.picture.tiles.tiles.iter().filter(|tile| tile.rect.contains(pos));
        at.max_by_key(|tile| tile.depth)
    }

    fn keys(
        &self,
        ui: &Ui,
        analysis: &Analysis,
        response: &egui::Response,
        selected: Option<NodeId>,
    ) -> Option<Moved> {
        let focused = ui.memory(|memory| memory.focused());
        if response.has_focus() {
            let filter =
                EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        }
        if !(response.has_focus() || focused.is_none()) || ui.input(|input| input.modifiers.any()) {
            return None;
        }
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        if pressed(Key::Home) {
            return Some(Moved::Into(Item::All));
        }
        if pressed(Key::Backspace) {
            return self.crumbs.as_ref().and_then(|(_, crumbs)| crumbs.above()).map(Moved::Into);
        }
        if pressed(Key::Enter) {
            return selected.map(|node| Moved::Into(Item::Node(node)));
        }
        let tree = analysis.dominated();
        let largest = |above| {
            let run = tree.children(above);
            (!run.is_empty()).then(|| Moved::To(Item::Node(tree.at(run.start))))
        };
        let arrows = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight];
        let Some(node) = selected else {
            let is_any = arrows.into_iter().any(pressed);
            return if is_any { largest(Above::Virtual) } else { None };
        };
        let above = analysis.dominators().above(node)?;
        if pressed(Key::ArrowUp) {
            return match above {
                Above::Node(above) => Some(Moved::To(Item::Node(above))),
                Above::Virtual => None,
            };
        }
        if pressed(Key::ArrowDown) {
            return largest(Above::Node(node));
        }
        let step = if pressed(Key::ArrowRight) {
            1
        } else if pressed(Key::ArrowLeft) {
            u32::MAX
        } else {
            return None;
        };
        let beside = analysis.dominated_position(node)?.wrapping_add(step);
        tree.children(above).contains(&beside).then(|| Moved::To(Item::Node(tree.at(beside))))
    }

    /// Makes the picture, where something has changed.
    fn draw(&mut self, ui: &Ui, analysis: &Analysis, filter: &Filter, area: Rect) {
        let Some(colors) = self.colors.last() else { return };
        let key = PictureKey {
            top: self.top.clone(),
            area,
            filter: filter.text().to_owned(),
            is_filtering: filter.is_working(),
            is_dark: ui.visuals().dark_mode,
            by: self.by,
            pixels: ui.ctx().pixels_per_point(),
        };
        if self.key.as_ref() == Some(&key) {
            return;
        }
        let tiles = match self.kind {
            Kind::Icicle => tiles::icicle(analysis, &self.top, area, ROW),
            Kind::Treemap => tiles::treemap(analysis, &self.top, area),
        };
        self.bytes = tiles::bytes(analysis, &self.top);
        let mut canvas = Canvas::default();
        let mut labels = Vec::new();
        let edge = ui.visuals().panel_fill;
        for tile in &tiles.tiles {
            let Tile { item, rect, is_own, .. } = tile;
            let color = row_color(analysis, colors, filter, item, key.is_dark);
            // Own bytes are lighter than what they are in.
            let fill = match (self.kind, is_own) {
                (Kind::Icicle, _) | (_, true) => color,
                (Kind::Treemap, false) => color.lerp_to_gamma(edge, 0.35),
            };
            let gap = if rect.width() > 3.0 && rect.height() > 3.0 { 0.5 } else { 0.0 };
            // What shows between rectangles is what they lie on.
            if tile.depth == 0 {
                canvas.rect(*rect, edge);
            }
            canvas.rect(rect.shrink(gap), fill);
            if let Item::Node(node) = item {
                let of = if *is_own { tile.own } else { tile.bytes };
                let is_band = self.kind == Kind::Icicle || *is_own;
                let share = |bytes: u64| (bytes as f64 / of.max(1) as f64).min(1.0) as f32;
                // No more is wasted than there is; most have no room for a band anyway.
                let may_be_seen = is_band && share(tile.own) * rect.width() >= 1.0;
                let wide = if may_be_seen { share(waste(analysis, *node)) } else { 0.0 };
                if wide * rect.width() >= 1.0 {
                    let high = (rect.height() * 0.22).clamp(2.0, 6.0);
                    let size = vec2(rect.width() * wide, high);
                    let band = Rect::from_min_size(egui::pos2(rect.left(), rect.bottom() - high - gap), size);
                    canvas.rect(band, Part::Spare.color());
                }
            }
            let high = if self.kind == Kind::Icicle || *is_own { 16.0 } else { tiles::TITLE + 2.0 };
            // Where others are inside, a name needs room of its own.
            let is_full =
                self.kind == Kind::Treemap && !is_own && !matches!(item, Item::Run(_) if tile.depth > 0);
            let is_leaf = tile.bytes == tile.own;
            let has_room = !is_full || is_leaf || tiles::has_title(*rect);
            if has_room && rect.width() > 44.0 && rect.height() >= high && labels.len() < MAX_NAMES {
                let name = match is_own {
                    true => "own bytes".into(),
                    false => {
                        format!("{}  {}", name(analysis, item), units::bytes(tiles::bytes(analysis, item)))
                    }
                };
                // Black or white, whichever is told apart better.
                let light =
                    0.3 * f32::from(fill.r()) + 0.59 * f32::from(fill.g()) + 0.11 * f32::from(fill.b());
                let ink = if light > 125.0 { Color32::BLACK } else { Color32::WHITE };
                // As much of it as there may be room for: names are long, rectangles are not.
                let shown = name.chars().take((rect.width() / 3.5) as usize + 1).collect();
                let galley = ui.painter().layout_no_wrap(shown, FontId::proportional(11.0), ink);
                let label = Rect::from_min_size(rect.min, vec2(rect.width() - 3.0, high));
                labels.push(Label { rect: label, item: item.clone(), name, galley, ink });
            }
        }
        self.picture = Picture { tiles, mesh: Arc::new(canvas.finish()), labels };
        self.key = Some(key);
    }
}

/// What keys ask for.
enum Moved {
    /// Select it.
    To(Item),
    /// Show it alone.
    Into(Item),
}

/// Waste in a node's own bytes.
fn waste(analysis: &Analysis, node: NodeId) -> u64 {
    let heap = analysis.heap();
    let split = heap.split(node);
    let rounding = heap.block(node).map_or(0, |block| block.usable.saturating_sub(block.requested));
    [split.padding, split.dead, split.overhead, split.spare, rounding]
        .into_iter()
        .fold(0, u64::saturating_add)
}
