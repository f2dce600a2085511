//! The dominator tree in a disk: what is in focus large in the middle, all the
//! rest around it, ever smaller. Or the same subtree as a plain tree.
//!
//! A frame costs what is on the screen, not what is in the heap: the layout is
//! made as it is looked at, and the picture anew only when something has changed.

use crate::answer::{Answer, Shown};
use crate::cells;
use crate::colors::{By, Colors};
use crate::dump::Disk;
use crate::export::{Sheet, Value};
use crate::filter::Filter;
use crate::hyperbolic::disk::{self, Motion, Point};
use crate::hyperbolic::labels;
use crate::hyperbolic::layout::{Item, Layout, PlaceId};
use crate::hyperbolic::paint::Canvas;
use crate::hyperbolic::scene::{scene, Detail, Scene};
use crate::hyperbolic::tidy::{self, Leaf};
use crate::selection::{History, Selection};
use crate::source::Document;
use crate::theme;
use crate::views::tree_item::{self, hover_ui, name, row_color, Crumbs};
use egui::{
    pos2, vec2, Color32, CornerRadius, EventFilter, FontId, Galley, Id, Key, Mesh, Pos2, Rect, Response,
    Role, ScrollArea, Sense, Shape, Stroke, Ui, WidgetInfo,
};
use heap_analysis::dominator_tree::Above;
use heap_analysis::heap::Edge;
use heap_analysis::{units, Analysis, Lens, NodeId};
use std::collections::HashMap;
use std::sync::Arc;

/// Smallest and largest distance between a node and the one above it, and that at first.
const STEPS: (f64, f64, f64) = (0.4, 1.6, 0.9);

/// What is left out and how much is drawn, at rest and while moving.
const AT_REST: (f64, usize) = (2.0, 4000);
const MOVING: (f64, usize) = (8.0, 1200);

/// A layout of more places is begun anew around the focus.
const MAX_PLACES: usize = 100_000;

/// A focus less deep below a first place that is not everything gets more above it.
const MIN_DEPTH: usize = 40;

/// Characters of a label.
const LABEL_LENGTH: usize = 26;

/// Dots smaller than this (of the size in the middle) have no label.
const MIN_LABEL_SCALE: f64 = 0.25;

/// Edges outside of the tree that are drawn at most.
const MAX_ARCS: usize = 300;

/// Levels that the other end of such an edge is followed up to a dot.
const MAX_CLIMB: usize = 20_000;

/// Height of a line of the plain tree, and width of a level.
const LINE: f32 = 19.0;
const LEVEL: f32 = 178.0;

/// Characters of a name in it.
const PLAIN_LENGTH: usize = 16;

/// What the area of a disc stands for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Size {
    /// A node's own bytes.
    #[default]
    Own,
    /// What it retains.
    Retained,
    /// Nothing: all are alike.
    Equal,
}

impl Size {
    const ALL: [(Size, &'static str); 3] =
        [(Size::Own, "own bytes"), (Size::Retained, "retained bytes"), (Size::Equal, "all alike")];
}

/// What stays with another document.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    size: Size,
    color: By,
    step: f64,
    /// What is above the focus lies to its left.
    is_locked: bool,
    /// Jumps instead of moving.
    is_reduced: bool,
    is_tidy: bool,
    shows_shared: bool,
    shows_borrows: bool,
    shows_keys: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            size: Size::default(),
            color: By::default(),
            step: STEPS.2,
            is_locked: true,
            is_reduced: false,
            is_tidy: false,
            shows_shared: true,
            shows_borrows: true,
            shows_keys: true,
        }
    }
}

/// A movement of a place to the middle.
#[derive(Clone, Copy, Debug)]
struct Move {
    target: PlaceId,
    /// Where it was when the movement began.
    from: Point,
    /// How far everything turns meanwhile.
    turn: f64,
    began: f64,
    seconds: f64,
    /// How far it is, from 0 to 1.
    done: f64,
}

impl Move {
    fn motion(&self, done: f64) -> Motion {
        Motion::turn(self.turn * done).after(Motion::toward_center(self.from, done))
    }
}

/// What a picture depends on.
#[derive(Clone, PartialEq, Debug)]
struct PictureKey {
    anchor: PlaceId,
    frame: Motion,
    rect: Rect,
    settings: Settings,
    selected: Option<NodeId>,
    filter: String,
    is_filtering: bool,
    is_dark: bool,
    is_moving: bool,
    pixels: f32,
}

/// What is on the screen.
#[derive(Default)]
struct Picture {
    mesh: Arc<Mesh>,
    /// Discs in the order of the scene's dots.
    discs: Vec<(Pos2, f32)>,
    /// Edges of the selected node that are not in the tree.
    arcs: Vec<Drawn>,
    labels: Vec<Label>,
}

/// An arc on the screen.
struct Drawn {
    points: Vec<Pos2>,
    edge: Edge,
    /// The node at its other end, seen from the selected one; it may not be on the screen.
    other: NodeId,
}

impl Drawn {
    /// How far a point of the screen is from it.
    fn distance(&self, pos: Pos2) -> f32 {
        let apart = |ends: &[Pos2]| {
            let (along, to) = (ends[1] - ends[0], pos - ends[0]);
            let share = (to.dot(along) / along.length_sq().max(1e-6)).clamp(0.0, 1.0);
            (to - along * share).length()
        };
        self.points.windows(2).map(apart).fold(f32::INFINITY, f32::min)
    }

    fn text(&self, analysis: &Analysis) -> String {
        let way = if self.edge.to == self.other { "to" } else { "from" };
        format!("{} {way} {}", analysis.heap().edge_name(self.edge.kind), analysis.label(self.other))
    }

    fn middle(&self) -> Pos2 {
        match &self.points[..] {
            [from, to] => *from + (*to - *from) * 0.5,
            points => points[points.len() / 2],
        }
    }
}

/// Arcs that a screen reader is told of.
const MAX_NAMED_ARCS: usize = 25;

struct Label {
    dot: usize,
    rect: Rect,
    name: String,
    galley: Arc<Galley>,
}

/// State of the view.
#[derive(Default)]
pub struct Hyperbolic {
    settings: Settings,
    ready: Answer<(), ()>,
    colors: Answer<By, Colors>,
    state: Option<State>,
}

struct State {
    layout: Layout,
    focus: PlaceId,
    anchor: PlaceId,
    /// Frame of the anchor.
    frame: Motion,
    moving: Option<Move>,
    grabbed: Option<Point>,
    last_selection: Selection,
    crumbs: (PlaceId, Crumbs),
    key: Option<PictureKey>,
    scene: Scene,
    picture: Picture,
    plain: Option<(PlaceId, Vec<Leaf>)>,
    scroll_to: bool,
}

impl std::fmt::Debug for Hyperbolic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hyperbolic").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Hyperbolic {
    /// For a new document.
    pub fn with_settings(settings: Settings) -> Hyperbolic {
        Hyperbolic { settings, ..Hyperbolic::default() }
    }

    /// What stays with another document.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Whether something is being worked out, or moves.
    pub fn is_working(&self) -> bool {
        let is_moving = self.state.as_ref().is_some_and(|state| state.moving.is_some());
        self.ready.is_working() || self.colors.is_working() || is_moving
    }

    /// What is on the screen, once it has been drawn.
    pub fn state(&self) -> Option<Disk> {
        let state = self.state.as_ref()?;
        let labels = state.picture.labels.iter().map(|label| label.name.clone()).collect();
        let plain = state.plain.as_ref().filter(|_| self.settings.is_tidy);
        Some(Disk {
            focus: state.crumbs.1.name(),
            is_moving: state.moving.is_some(),
            dots: plain.map_or(state.scene.dots.len(), |(_, leaves)| leaves.len()),
            drawn_bytes: state.scene.drawn_bytes,
            rest_bytes: state.scene.rest_bytes,
            outside_bytes: state.scene.outside_bytes,
            labels,
            step: self.settings.step,
        })
    }

    /// What is drawn, as a table, once it has been.
    pub fn sheet(&self, analysis: &Analysis) -> Option<Sheet> {
        let state = self.state.as_ref()?;
        let row = |place: PlaceId, rest: u64| {
            vec![
                Value::text(name(analysis, state.layout.item(place))),
                state.layout.bytes(place).into(),
                state.layout.own_bytes(analysis, place).into(),
                rest.into(),
            ]
        };
        let rows = match state.plain.as_ref().filter(|_| self.settings.is_tidy) {
            Some((_, leaves)) => leaves.iter().map(|leaf| row(leaf.place, leaf.rest_bytes)).collect(),
            None => state.scene.dots.iter().map(|dot| row(dot.place, dot.rest_bytes)).collect(),
        };
        let heads = ["Node", "Retained", "Own bytes", "Left out below"].map(str::to_owned).to_vec();
        Some(Sheet { name: "tree".into(), heads, rows })
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, document: &Document, history: &mut History, filter: &Filter) {
        let analysis = &document.analysis;
        if !analysis.has_dominated() {
            let of = Arc::clone(analysis);
            return match self.ready.get(ui.ctx(), (), || {
                move || {
                    of.dominated();
                }
            }) {
                Shown::Failed => cells::failed(ui),
                Shown::Ready(()) | Shown::Working(_) => cells::working(ui),
            };
        }
        self.ready = Answer::default();
        let of = Arc::clone(analysis);
        let by = self.settings.color;
        let colors = match self.colors.get(ui.ctx(), by, || move || Colors::new(of.types(), by)) {
            Shown::Ready(colors) | Shown::Working(Some(colors)) => colors,
            Shown::Working(None) => return cells::working(ui),
            Shown::Failed => return cells::failed(ui),
        };
        let now = ui.input(|input| input.time);
        let settings = &mut self.settings;
        let before = *settings;
        settings_ui(ui, settings, colors);
        let state = self.state.get_or_insert_with(|| State::new(analysis, history.current(), *settings));
        state.follow(analysis, history.current(), settings, now);
        if settings.step != before.step {
            state.begin_anew(settings);
        }
        if let Some(item) = state.crumbs_ui(ui, analysis) {
            state.go_to(analysis, &item, settings, now, history);
        }
        if settings.is_tidy {
            state.plain_ui(ui, analysis, settings, colors, history, filter);
        } else {
            state.disk_ui(ui, analysis, settings, colors, history, filter);
        }
    }
}

fn settings_ui(ui: &mut Ui, settings: &mut Settings, colors: &Colors) {
    cells::line(ui, |ui| {
        ui.checkbox(&mut settings.is_tidy, "Plain tree").on_hover_text(format!(
            "Draw what is below the focus as a plain tree: the {} largest nodes.",
            tidy::MAX_NODES
        ));
        ui.separator();
        let size = Size::ALL.iter().find(|(size, _)| *size == settings.size).map_or("", |(_, name)| name);
        cells::choice(ui, "Size", 118.0, size, |ui| {
            for (size, name) in Size::ALL {
                ui.selectable_value(&mut settings.size, size, name);
            }
        });
        let color = if settings.color == By::Component { "component" } else { "type" };
        cells::choice(ui, "Colour", 98.0, color, |ui| {
            ui.selectable_value(&mut settings.color, By::Component, "component");
            ui.selectable_value(&mut settings.color, By::Type, "type");
        });
        ui.separator();
        let help = "Edges of the selected node that are not in the tree:";
        ui.menu_button("Arcs", |ui| {
            ui.checkbox(&mut settings.shows_shared, "Shared").on_hover_text(format!(
                "{help} own and shared ones, from and to others than what it goes with, as thick arcs."
            ));
            ui.checkbox(&mut settings.shows_borrows, "References")
                .on_hover_text(format!("{help} references and pointers, as thin arcs."));
            ui.checkbox(&mut settings.shows_keys, "Keys").on_hover_text(format!(
                "{help} keys into tables, as dotted arcs. (None where nothing tells which entry a key stands for.)"
            ));
        })
        .response
        .on_hover_text("Which edges of the selected node are drawn that are not in the tree.");
        ui.menu_button("Motion", |ui| {
            ui.checkbox(&mut settings.is_locked, "Lock direction")
                .on_hover_text("Turn so that what is above the focus lies to its left.");
            ui.checkbox(&mut settings.is_reduced, "Reduce motion").on_hover_text("Jump instead of moving.");
        })
        .response
        .on_hover_text("How a node is brought to the middle.");
    });
    tree_item::legend_ui(ui, colors);
}

/// Name and bytes, as they stand at a dot.
fn label_text(analysis: &Analysis, layout: &Layout, place: PlaceId, length: usize) -> String {
    let bytes = units::bytes(layout.bytes(place));
    format!("{}  {bytes}", labels::shorten(&name(analysis, layout.item(place)), length))
}

impl State {
    fn new(analysis: &Analysis, selection: Selection, settings: Settings) -> State {
        let item = match selection {
            Selection::Node(node) if analysis.dominators().is_reachable(node) => Item::Node(node),
            _ => Item::All,
        };
        let (layout, focus) = Layout::around(analysis, &item, settings.step);
        State {
            crumbs: (focus, Crumbs::new(analysis, layout.item(focus))),
            layout,
            focus,
            anchor: focus,
            frame: Motion::IDENTITY,
            moving: None,
            grabbed: None,
            last_selection: selection,
            key: None,
            scene: Scene::default(),
            picture: Picture::default(),
            plain: None,
            scroll_to: true,
        }
    }

    /// Goes to what was selected elsewhere.
    fn follow(&mut self, analysis: &Analysis, selection: Selection, settings: &Settings, now: f64) {
        if std::mem::replace(&mut self.last_selection, selection) == selection {
            return;
        }
        let Selection::Node(node) = selection else { return };
        if analysis.dominators().is_reachable(node) && *self.layout.item(self.focus) != Item::Node(node) {
            self.center(analysis, &Item::Node(node), settings, now);
        }
    }

    /// Goes to an item and selects it, where it is a node.
    fn go_to(
        &mut self,
        analysis: &Analysis,
        item: &Item,
        settings: &Settings,
        now: f64,
        history: &mut History,
    ) {
        if let Item::Node(node) = item {
            self.last_selection = Selection::Node(*node);
            history.select(self.last_selection);
        }
        self.center(analysis, item, settings, now);
    }

    /// Brings an item to the middle.
    fn center(&mut self, analysis: &Analysis, item: &Item, settings: &Settings, now: f64) {
        let is_full = self.layout.len() > MAX_PLACES;
        let found = if is_full { None } else { self.layout.find(analysis, item) };
        let found = found.filter(|&place| !self.layout.is_cut() || self.layout.depth(place) >= MIN_DEPTH);
        self.scroll_to = true;
        let Some(target) = found else {
            // Far from everything on the screen, or the layout has grown too large.
            let (layout, focus) = Layout::around(analysis, item, settings.step);
            (self.layout, self.focus, self.anchor) = (layout, focus, focus);
            (self.frame, self.moving, self.plain, self.key) = (Motion::IDENTITY, None, None, None);
            self.crumbs = (focus, Crumbs::new(analysis, self.layout.item(focus)));
            return;
        };
        self.focus = target;
        self.crumbs = (target, Crumbs::new(analysis, item));
        let frame = self.layout.frame_at(self.anchor, self.frame, target);
        let from = frame.center();
        let left = Motion::to_center(from).after(frame).angle();
        let turn = if settings.is_locked && self.layout.above(target).is_some() { -left } else { 0.0 };
        let way = disk::distance(Point::ZERO, from);
        let is_far = way > 25.0;
        if settings.is_reduced || settings.is_tidy || is_far || way < 1e-9 && turn == 0.0 {
            self.anchor = target;
            self.frame = if settings.is_locked || is_far { Motion::IDENTITY } else { Motion::turn(left) };
            self.moving = None;
        } else {
            let seconds = (0.18 + 0.12 * way).clamp(0.2, 0.6);
            self.moving = Some(Move { target, from, turn, began: now, seconds, done: 0.0 });
        }
    }

    /// The same picture with other distances.
    fn begin_anew(&mut self, settings: &Settings) {
        self.layout.set_step(settings.step, &[self.anchor, self.focus]);
        (self.moving, self.plain, self.key) = (None, None, None);
    }

    /// Moves on. Whether it still moves.
    fn advance(&mut self, now: f64) {
        let Some(mut moving) = self.moving else { return };
        let share = ((now - moving.began) / moving.seconds).clamp(0.0, 1.0);
        if share >= 1.0 {
            let end = self.layout.frame_at(self.anchor, self.frame, moving.target);
            let rest = moving.motion(1.0).after(moving.motion(moving.done).inverse()).after(end);
            // Exactly in the middle.
            (self.anchor, self.frame, self.moving) = (moving.target, Motion::turn(rest.angle()), None);
            return;
        }
        // Begins and ends slowly.
        let done = share * share * (3.0 - 2.0 * share);
        self.frame = moving.motion(done).after(moving.motion(moving.done).inverse()).after(self.frame);
        moving.done = done;
        self.moving = Some(moving);
    }

    /// The way from everything to the focus. Returns what was clicked.
    fn crumbs_ui(&mut self, ui: &mut Ui, analysis: &Analysis) -> Option<Item> {
        if self.crumbs.0 != self.focus {
            self.crumbs = (self.focus, Crumbs::new(analysis, self.layout.item(self.focus)));
        }
        self.crumbs.1.ui(ui)
    }

    fn disk_ui(
        &mut self,
        ui: &mut Ui,
        analysis: &Analysis,
        settings: &mut Settings,
        colors: &Colors,
        history: &mut History,
        filter: &Filter,
    ) {
        let now = ui.input(|input| input.time);
        self.remainder_ui(ui, analysis);
        let id = Id::unique("hyperbolic tree");
        let (rect, response) = {
            let rect = ui.available_rect_before_wrap();
            ui.advance_cursor_after_rect(rect);
            (rect, ui.interact(rect, id, Sense::click_and_drag()))
        };
        let radius = f64::from(rect.width().min(rect.height()) / 2.0 - 8.0).max(20.0);
        let center = rect.center();
        let to_disk = |pos: Pos2| {
            let at = Point::new(f64::from(pos.x - center.x), f64::from(pos.y - center.y)).scale(1.0 / radius);
            // The rim is infinitely far away.
            at.scale(1.0_f64.min(0.95 / at.norm().max(1e-9)))
        };
        let focus_name = name(analysis, self.layout.item(self.focus));
        response.widget_info(|| {
            WidgetInfo::labeled(Role::Canvas, true, format!("hyperbolic tree, focus: {focus_name}"))
        });
        if let Some(item) = self.keys(ui, analysis, &response, settings) {
            self.go_to(analysis, &item, settings, now, history);
        }
        self.advance(now);
        self.drag(&response, to_disk);
        let wheel = ui.input(|input| input.smooth_scroll_delta().y);
        if response.hovered() && wheel != 0.0 {
            self.density(settings, f64::from(wheel) / 200.0);
        }
        self.draw(ui, analysis, settings, colors, filter, rect, radius);
        let picture = &self.picture;
        let painter = ui.painter().with_clip_rect(rect);
        let rim = if ui.visuals().dark_mode { 18 } else { 246 };
        painter.circle_filled(center, radius as f32 + 1.0, Color32::from_gray(rim));
        painter.add(Shape::Mesh(Arc::clone(&picture.mesh)));
        let hovered = response.hover_pos().and_then(|pos| self.hit(pos));
        let strong = ui.visuals().strong_text_color();
        if let Some((pos, size)) = hovered.and_then(|dot| picture.discs.get(dot)) {
            painter.circle_stroke(*pos, size + 2.0, Stroke::new(1.5, strong));
        }
        let mut clicked = if response.clicked() { hovered } else { None };
        let arc = response.hover_pos().filter(|_| hovered.is_none()).and_then(|pos| {
            let near = picture.arcs.iter().map(|arc| (arc, arc.distance(pos)));
            near.filter(|(_, apart)| *apart < 4.0).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(arc, _)| arc)
        });
        if let Some(arc) = arc {
            painter.line(arc.points.clone(), Stroke::new(2.5, strong));
        }
        let mut followed = arc.filter(|_| response.clicked()).map(|arc| arc.other);
        for (at, arc) in picture.arcs.iter().take(MAX_NAMED_ARCS).enumerate() {
            let spot = Rect::from_center_size(arc.middle(), vec2(6.0, 6.0)).intersect(rect);
            let spot = ui.interact(spot, id.with(("arc", at)), Sense::click());
            spot.widget_info(|| WidgetInfo::labeled(Role::Link, true, arc.text(analysis)));
            if spot.clicked() {
                followed = Some(arc.other);
            }
            spot.on_hover_ui(|ui| {
                ui.label(arc.text(analysis));
            });
        }
        for label in &picture.labels {
            let fill = ui.visuals().panel_fill.gamma_multiply(0.72);
            painter.rect_filled(label.rect, CornerRadius::same(3), fill);
            painter.galley(label.rect.min + vec2(3.0, 1.0), Arc::clone(&label.galley), strong);
            let place = self.scene.dots[label.dot].place;
            let response = ui.interact(label.rect, id.with(place), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("node {}", label.name)));
            if response.clicked() {
                clicked = Some(label.dot);
            }
        }
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        if let Some(arc) = arc {
            response.clone().on_hover_text_at_pointer(arc.text(analysis));
        }
        if let Some(other) = followed {
            self.go_to(analysis, &Item::Node(other), settings, now, history);
            ui.ctx().request_repaint();
        } else if let Some(dot) = hovered {
            let place = self.scene.dots[dot].place;
            let rest = (self.scene.dots[dot].rest_count, self.scene.dots[dot].rest_bytes);
            let item = self.layout.item(place).clone();
            response.on_hover_ui_at_pointer(|ui| hover_ui(ui, analysis, &item, rest));
        }
        if let Some(dot) = clicked {
            let item = self.layout.item(self.scene.dots[dot].place).clone();
            self.go_to(analysis, &item, settings, now, history);
            ui.ctx().request_repaint();
        }
        if self.moving.is_some() {
            ui.ctx().request_repaint();
        }
    }

    /// What is not on the screen, in a line.
    fn remainder_ui(&self, ui: &mut Ui, analysis: &Analysis) {
        let Scene { drawn_bytes, rest_bytes, outside_bytes, dots } = &self.scene;
        let unreachable = analysis.summary().unreachable;
        let mut text =
            format!("{} drawn in {} dots", units::bytes(*drawn_bytes), units::count(dots.len() as u64));
        text.push_str(&format!(", {} in subtrees too small to see", units::bytes(*rest_bytes)));
        if *outside_bytes > 0 {
            text.push_str(&format!(", {} beyond the rim", units::bytes(*outside_bytes)));
        }
        if unreachable > 0 {
            text.push_str(&format!("; {} unreachable are in no tree", units::bytes(unreachable)));
        }
        cells::line(ui, |ui| {
            ui.weak(text).on_hover_text(
                "Click: to the middle. Drag: move. Wheel, + and −: distances. \
                 Arrow keys: to what is above, to the largest below, to the next and previous beside. Home: to everything.",
            );
        });
    }

    /// The dot at a point of the screen.
    fn hit(&self, pos: Pos2) -> Option<usize> {
        let discs = self.picture.discs.iter().enumerate();
        let near = discs.map(|(at, (center, radius))| (at, (*center - pos).length() - radius));
        near.filter(|(_, apart)| *apart < 4.0).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }

    fn drag(&mut self, response: &Response, to_disk: impl Fn(Pos2) -> Point) {
        let Some(pos) = response.interact_pointer_pos().filter(|_| response.dragged()) else {
            self.grabbed = None;
            return;
        };
        let at = to_disk(pos);
        let from = self.grabbed.replace(at).unwrap_or_else(|| to_disk(pos - response.drag_delta()));
        if from != at {
            self.moving = None;
            self.frame = Motion::carry(from, at).after(self.frame);
        }
    }

    fn density(&mut self, settings: &mut Settings, by: f64) {
        let step = (settings.step * by.exp()).clamp(STEPS.0, STEPS.1);
        if step != settings.step {
            settings.step = step;
            self.begin_anew(settings);
        }
    }

    /// What keys ask to bring to the middle.
    fn keys(
        &mut self,
        ui: &Ui,
        analysis: &Analysis,
        response: &Response,
        settings: &mut Settings,
    ) -> Option<Item> {
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
        let wheel = |is_up: bool| if is_up { 0.1 } else { -0.1 };
        if pressed(Key::Plus) || pressed(Key::Equals) || pressed(Key::Minus) {
            self.density(settings, wheel(!pressed(Key::Minus)));
        }
        let above = self.layout.above(self.focus);
        let place = if pressed(Key::ArrowLeft) {
            match above {
                // The layout ends here, the tree does not.
                None => return self.crumbs.1.above(),
                above => above,
            }
        } else if pressed(Key::ArrowRight) {
            self.layout.expand(analysis, self.focus).next()
        } else if pressed(Key::ArrowDown) || pressed(Key::ArrowUp) {
            let siblings: Vec<PlaceId> = self.layout.expand(analysis, above?).collect();
            let at = siblings.iter().position(|place| *place == self.focus)?;
            let next = if pressed(Key::ArrowDown) { at + 1 } else { at.wrapping_sub(1) };
            siblings.get(next).copied()
        } else if pressed(Key::Home) {
            return Some(Item::All);
        } else {
            None
        };
        place.map(|place| self.layout.item(place).clone())
    }

    /// Makes the picture, where something has changed.
    #[allow(clippy::too_many_arguments)] // all of it is what a picture is made of
    fn draw(
        &mut self,
        ui: &Ui,
        analysis: &Analysis,
        settings: &Settings,
        colors: &Colors,
        filter: &Filter,
        rect: Rect,
        radius: f64,
    ) {
        let selected = match self.last_selection {
            Selection::Node(node) => Some(node),
            Selection::Type(_) | Selection::Nothing => None,
        };
        let is_moving = self.moving.is_some() || self.grabbed.is_some();
        let mut key = PictureKey {
            anchor: self.anchor,
            frame: self.frame,
            rect,
            settings: *settings,
            selected,
            filter: filter.text().to_owned(),
            is_filtering: filter.is_working(),
            is_dark: ui.visuals().dark_mode,
            is_moving,
            pixels: ui.ctx().pixels_per_point(),
        };
        if self.key.as_ref() == Some(&key) {
            return;
        }
        let (threshold, budget) = if is_moving { MOVING } else { AT_REST };
        let detail = Detail { radius, threshold, budget };
        self.scene = scene(&mut self.layout, analysis, self.anchor, self.frame, detail);
        // What is nearest to the middle is the anchor: all others are a few steps from it.
        let nearest = self.scene.dots.iter().min_by(|a, b| a.at().norm2().total_cmp(&b.at().norm2()));
        if let Some(dot) = nearest {
            (self.anchor, self.frame) = (dot.place, dot.frame);
            (key.anchor, key.frame) = (dot.place, dot.frame);
        }
        self.picture = self.picture(ui, analysis, &key, colors, filter, radius);
        self.key = Some(key);
    }

    fn picture(
        &self,
        ui: &Ui,
        analysis: &Analysis,
        key: &PictureKey,
        colors: &Colors,
        filter: &Filter,
        radius: f64,
    ) -> Picture {
        let Scene { dots, .. } = &self.scene;
        let (settings, center) = (&key.settings, key.rect.center());
        let to_screen =
            |at: Point| pos2(center.x + (at.x * radius) as f32, center.y + (at.y * radius) as f32);
        let curve = |from: Point, to: Point| -> Vec<Pos2> {
            let length = (to_screen(to) - to_screen(from)).length();
            let parts = if key.is_moving { 1 } else { (length / 7.0) as usize };
            disk::line_points(from, to, parts.clamp(1, 16)).map(to_screen).collect()
        };
        let mut canvas = Canvas::default();
        let edge = if key.is_dark { Color32::from_gray(92) } else { Color32::from_gray(170) };
        for dot in dots {
            if let Some(above) = dot.above {
                let above = &dots[above as usize];
                let width = (dot.scale().max(above.scale()) as f32 * 1.6).clamp(0.35, 1.4);
                canvas.line(&curve(above.at(), dot.at()), width, edge);
            }
        }
        // What is left out hangs at its dot as a short stub towards the rim.
        for dot in dots.iter().filter(|dot| dot.rest_bytes > 0 || dot.rest_count > 0) {
            let at = dot.at();
            let outward = at.scale(1.0 / at.norm().max(1e-9));
            let length = (dot.scale() * 0.05).max(3.0 / radius);
            let end = at + outward.scale(length.min(1.0 - at.norm()));
            canvas.line(&[to_screen(at), to_screen(end)], 0.8, edge);
        }
        let area = area_scale(analysis, settings.size);
        let mut discs = Vec::with_capacity(dots.len());
        let surface = Color32::from_gray(if key.is_dark { 18 } else { 246 });
        let ring = if key.is_dark { Color32::WHITE } else { Color32::BLACK };
        for dot in dots {
            let item = self.layout.item(dot.place);
            let room = self.layout.room(dot.place);
            let (size, is_clipped) = disc_size(analysis, &self.layout, dot.place, settings.size, area, room);
            let circle = disk::disc(dot.at(), size);
            let (pos, size) = (to_screen(circle.center), ((circle.radius * radius) as f32).max(1.1));
            let color = row_color(analysis, colors, filter, item, key.is_dark);
            let is_selected =
                matches!((item, key.selected), (Item::Node(node), Some(selected)) if *node == selected);
            if is_selected {
                canvas.disc(pos, size + 4.0, ring);
                canvas.disc(pos, size + 2.0, surface);
            }
            canvas.disc(pos, size, color);
            if is_clipped && size > 3.0 {
                // Larger than there is room for: a ring inside says so.
                canvas.disc(pos, size * 0.78, surface);
                canvas.disc(pos, size * 0.62, color);
            }
            discs.push((pos, size));
        }
        let arcs = match key.selected.filter(|_| !key.is_moving) {
            Some(node) => self.arcs(analysis, settings, node, &mut canvas, &curve, key.is_dark),
            None => Vec::new(),
        };
        let labels = self.labels(ui, analysis, key, &discs);
        Picture { mesh: Arc::new(canvas.finish()), discs, arcs, labels }
    }

    /// The edges of a node that are not in the tree.
    fn arcs(
        &self,
        analysis: &Analysis,
        settings: &Settings,
        node: NodeId,
        canvas: &mut Canvas,
        curve: &impl Fn(Point, Point) -> Vec<Pos2>,
        is_dark: bool,
    ) -> Vec<Drawn> {
        let heap = analysis.heap();
        let mut drawn = Vec::new();
        let mut of_node: HashMap<NodeId, Point> = HashMap::new();
        for dot in &self.scene.dots {
            if let Item::Node(node) = self.layout.item(dot.place) {
                of_node.insert(*node, dot.at());
            }
        }
        let mut climbs = MAX_CLIMB;
        let mut find = |mut node: NodeId| loop {
            if let Some(at) = of_node.get(&node) {
                return Some(*at);
            }
            climbs = climbs.checked_sub(1)?;
            match analysis.dominators().above(node)? {
                Above::Node(above) => node = above,
                Above::Virtual => return None,
            }
        };
        let held = Lens::OWN.and(Lens::SHARE).and(Lens::WEAK);
        let borrows = Lens::BORROW.and(Lens::RAW);
        let edges = heap.edges_from(node).take(MAX_ARCS).chain(heap.edges_to(node).take(MAX_ARCS));
        for edge in edges {
            let is_tree = analysis.dominators().above(edge.to) == Some(Above::Node(edge.from));
            let is_shared = held.follows(&edge) && !is_tree && settings.shows_shared;
            let is_borrow = borrows.follows(&edge) && settings.shows_borrows;
            let is_key = Lens::KEY.follows(&edge) && settings.shows_keys;
            if !(is_shared || is_borrow || is_key) {
                continue;
            }
            let (Some(from), Some(to)) = (find(edge.from), find(edge.to)) else { continue };
            if from == to {
                continue;
            }
            let points = curve(from, to);
            if is_key {
                canvas.dots(&points, 1.1, theme::PALETTE[6].1);
            } else if is_borrow {
                let color = if is_dark { theme::PALETTE[4].1 } else { theme::PALETTE[0].1 };
                canvas.line(&points, 1.0, color);
            } else {
                canvas.line(&points, 2.0, theme::PALETTE[5].1);
            }
            let other = if edge.from == node { edge.to } else { edge.from };
            drawn.push(Drawn { points, edge, other });
        }
        drawn
    }

    fn labels(&self, ui: &Ui, analysis: &Analysis, key: &PictureKey, discs: &[(Pos2, f32)]) -> Vec<Label> {
        let dots = &self.scene.dots;
        let weight = |at: usize| {
            let dot = &dots[at];
            let bytes = self.layout.bytes(dot.place) as f64;
            let is_focus = dot.place == self.focus;
            dot.scale() * (1.0 + bytes).ln() + if is_focus { 1e9 } else { 0.0 }
        };
        let is_large = |at: &usize| dots[*at].scale() >= MIN_LABEL_SCALE || dots[*at].place == self.focus;
        let mut order: Vec<usize> = (0..dots.len()).filter(is_large).collect();
        order.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)).then(a.cmp(&b)));
        // Three times as many as there is room for are enough to choose from.
        order.truncate(3 * labels::MAX_LABELS);
        let color = ui.visuals().text_color();
        let mut made: Vec<Label> = order
            .into_iter()
            .map(|dot| {
                let name = label_text(analysis, &self.layout, dots[dot].place, LABEL_LENGTH);
                let font = FontId::proportional(if dots[dot].place == self.focus { 13.0 } else { 11.0 });
                let galley = ui.painter().layout_no_wrap(name.clone(), font, color);
                let (pos, size) = discs[dot];
                // To the right of its dot, or to the left, whichever is further from the middle.
                let is_left = pos.x < key.rect.center().x - 4.0;
                let width = galley.size().x + 6.0;
                let min = if dots[dot].place == self.focus {
                    // Below it: to its right is what it retains most of.
                    pos2(pos.x - width / 2.0, pos.y + size + 6.0)
                } else {
                    let x = if is_left { pos.x - size - 3.0 - width } else { pos.x + size + 3.0 };
                    pos2(x, pos.y - galley.size().y / 2.0 - 1.0)
                };
                let rect = Rect::from_min_size(min, vec2(width, galley.size().y + 2.0));
                Label { dot, rect, name, galley }
            })
            .collect();
        let chosen = labels::choose(made.iter().map(|label| label.rect), key.rect);
        let mut at = 0;
        made.retain(|_| {
            at += 1;
            chosen.binary_search(&(at - 1)).is_ok()
        });
        made
    }

    fn plain_ui(
        &mut self,
        ui: &mut Ui,
        analysis: &Analysis,
        settings: &mut Settings,
        colors: &Colors,
        history: &mut History,
        filter: &Filter,
    ) {
        let now = ui.input(|input| input.time);
        let id = Id::unique("plain tree");
        let area = ui.available_rect_before_wrap();
        let keys = ui.interact(area, id, Sense::focusable_noninteractive());
        let focus_name = name(analysis, self.layout.item(self.focus));
        keys.widget_info(|| {
            WidgetInfo::labeled(Role::Tree, true, format!("plain tree, focus: {focus_name}"))
        });
        if let Some(item) = self.keys(ui, analysis, &keys, settings) {
            self.go_to(analysis, &item, settings, now, history);
        }
        if self.plain.as_ref().is_none_or(|(top, _)| *top != self.focus) {
            self.plain = Some((self.focus, tidy::tidy(&mut self.layout, analysis, self.focus)));
        }
        let Some((_, leaves)) = &self.plain else { return };
        let rows = leaves.iter().map(|leaf| leaf.row).max().unwrap_or(0);
        let depth = leaves.iter().map(|leaf| leaf.depth).max().unwrap_or(0);
        let size = vec2((depth + 1) as f32 * LEVEL + 60.0, (rows + 2) as f32 * LINE);
        let mut clicked = None;
        let mut scroll = ScrollArea::both().auto_shrink(false).id_salt(id);
        if std::mem::take(&mut self.scroll_to) {
            scroll = scroll.scroll_offset(egui::Vec2::ZERO);
        }
        scroll.show_viewport(ui, |ui, viewport| {
            let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
            let pos = |leaf: &Leaf| {
                rect.min + vec2(14.0 + leaf.depth as f32 * LEVEL, (leaf.row + 1) as f32 * LINE)
            };
            let visible = viewport.translate(rect.min.to_vec2()).expand(LINE * 2.0);
            let edge = ui.visuals().weak_text_color();
            let painter = ui.painter().clone();
            // Each line only as far as the one before it, so that none is drawn twice.
            let mut ends: Vec<Pos2> = leaves.iter().map(pos).collect();
            for leaf in leaves {
                let Some(above) = leaf.above else { continue };
                let at = pos(leaf);
                let corner = pos2(at.x - 16.0, at.y);
                let from = std::mem::replace(&mut ends[above], corner);
                if Rect::from_two_pos(from, at).intersects(visible) {
                    painter.line(vec![from, pos2(corner.x, from.y), corner, at], Stroke::new(0.8, edge));
                }
            }
            for leaf in leaves {
                let at = pos(leaf);
                let label = Rect::from_min_size(at - vec2(6.0, LINE / 2.0), vec2(LEVEL - 20.0, LINE));
                if !label.intersects(visible) {
                    continue;
                }
                let item = self.layout.item(leaf.place);
                let mut text = label_text(analysis, &self.layout, leaf.place, PLAIN_LENGTH);
                if leaf.rest_count > 0 {
                    text.push_str(&format!("  +{}", units::count(leaf.rest_count)));
                }
                painter.rect_filled(label, 3.0, ui.visuals().panel_fill);
                let color = row_color(analysis, colors, filter, item, ui.visuals().dark_mode);
                let selected = matches!((item, self.last_selection), (Item::Node(node), Selection::Node(of)) if *node == of);
                if selected {
                    painter.rect_filled(label, 3.0, ui.visuals().selection.bg_fill);
                }
                painter.circle_filled(at, 4.5, color);
                let galley = painter.layout_no_wrap(text.clone(), FontId::proportional(11.0), ui.visuals().text_color());
                let at_text = pos2(at.x + 8.0, at.y - galley.size().y / 2.0);
                painter.with_clip_rect(label.intersect(ui.clip_rect())).galley(at_text, galley, ui.visuals().text_color());
                let response = ui.interact(label, id.with(leaf.place), Sense::click());
                response.widget_info(|| WidgetInfo::labeled(Role::TreeItem, true, format!("node {text}")));
                if response.clicked() {
                    clicked = Some(item.clone());
                }
                let rest = (leaf.rest_count, leaf.rest_bytes);
                response.on_hover_ui_at_pointer(|ui| hover_ui(ui, analysis, item, rest));
            }
        });
        if let Some(item) = clicked {
            keys.request_focus();
            match &item {
                // The tree stays; what is selected in it is seen in the other panes.
                Item::Node(node) if self.last_selection != Selection::Node(*node) => {
                    self.last_selection = Selection::Node(*node);
                    history.select(self.last_selection);
                }
                _ => self.go_to(analysis, &item, settings, now, history),
            }
        }
    }
}

/// Factor from bytes to area (over 4π) of a hyperbolic disc.
fn area_scale(analysis: &Analysis, size: Size) -> f64 {
    let total = analysis.dominated().total().max(1) as f64;
    // So large that a thousandth of all bytes, or a twentieth of what is retained, is well seen.
    let (bytes, radius) = match size {
        Size::Own => (total / 1000.0, 0.2),
        Size::Retained | Size::Equal => (total / 20.0, 0.3),
    };
    (radius / 2.0_f64).sinh().powi(2) / bytes
}

/// Hyperbolic radius of a disc by true area, and whether it had to be made smaller.
fn disc_size(
    analysis: &Analysis,
    layout: &Layout,
    place: PlaceId,
    size: Size,
    scale: f64,
    room: f64,
) -> (f64, bool) {
    let bytes = match size {
        Size::Own => layout.own_bytes(analysis, place),
        Size::Retained => layout.bytes(place),
        Size::Equal => return (room.min(0.06), false),
    };
    let wanted = 2.0 * (bytes as f64 * scale).sqrt().asinh();
    (wanted.min(room).max(0.008), wanted > room)
}
