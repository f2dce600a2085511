//! Numbers, bars and badges, the same in every pane.

use crate::theme::{self, Part};
use egui::{
    Color32, Label, Pos2, Rect, Response, RichText, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo,
};
use heap_analysis::units;

/// Bytes in a unit that people read; the exact number and its share of `whole` on hover.
pub fn bytes(ui: &mut Ui, bytes: u64, whole: u64) -> Response {
    let text = if bytes == 0 { RichText::new("0").weak() } else { RichText::new(units::bytes(bytes)) };
    ui.add(Label::new(text).extend()).on_hover_ui(|ui| {
        ui.label(exact(bytes));
        if whole > 0 {
            ui.label(format!("{} of {}", units::percent(bytes, whole), units::bytes(whole)));
        }
    })
}

/// Bytes to the byte: `1 234 567 bytes`.
pub fn exact(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".into(),
        _ => format!("{} bytes", units::count(bytes)),
    }
}

/// A number of things.
pub fn count(ui: &mut Ui, count: u64) -> Response {
    let text = if count == 0 { RichText::new("0").weak() } else { RichText::new(units::count(count)) };
    ui.add(Label::new(text).extend())
}

/// A bar over the width of a cell, behind what is drawn next.
pub fn bar_behind(ui: &Ui, part: u64, whole: u64, color: Color32) {
    if part == 0 || whole == 0 {
        return;
    }
    let rect = ui.max_rect();
    let share = (part as f64 / whole as f64).clamp(0.0, 1.0) as f32;
    let size = Vec2::new((rect.width() + 8.0) * share, rect.height() - 5.0);
    let left = rect.right() + 4.0 - size.x;
    let bar = Rect::from_min_size(egui::pos2(left, rect.top() + 2.5), size);
    ui.painter().rect_filled(bar, 2.0, color);
}

/// A bar with its percentage beside it.
pub fn percent_bar(ui: &mut Ui, part: u64, whole: u64) {
    let rect = ui.max_rect();
    let share = if whole == 0 { 0.0 } else { (part as f64 / whole as f64).clamp(0.0, 1.0) as f32 };
    let text_width = 48.0;
    let track = Rect::from_min_max(
        egui::pos2(rect.left(), rect.center().y - 4.0),
        egui::pos2((rect.right() - text_width).max(rect.left()), rect.center().y + 4.0),
    );
    ui.painter().rect_filled(track, 2.0, ui.visuals().extreme_bg_color);
    let fill = Rect::from_min_size(track.min, Vec2::new(track.width() * share, track.height()));
    ui.painter().rect_filled(fill, 2.0, Part::Rounding.color());
    ui.add(Label::new(units::percent(part, whole)).extend());
}

/// A line of controls that goes on below where the pane is narrow, with the margin of the pane.
pub fn line<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let margin = egui::Margin::symmetric(8, 0);
    egui::Frame::new().inner_margin(margin).show(ui, |ui| ui.horizontal_wrapped(add).inner).inner
}

/// A name and, after it, a list to choose from.
pub fn choice(ui: &mut Ui, name: &str, width: f32, chosen: &str, add: impl FnOnce(&mut Ui)) -> Response {
    // They stay together where a line ends.
    ui.allocate_ui(Vec2::new(width + 12.0 + 7.0 * name.len() as f32, 22.0), |ui| {
        ui.horizontal(|ui| {
            let label = ui.label(name);
            let combo = egui::ComboBox::from_id_salt(name).width(width).truncate().selected_text(chosen);
            combo.show_ui(ui, add).response.labelled_by(label.id)
        })
        .inner
    })
    .inner
}

/// A mark beside a name, with its meaning on hover.
pub fn badge(ui: &mut Ui, text: &str, color: Color32, help: &str) -> Response {
    ui.add(Label::new(RichText::new(text).small().color(color)).extend()).on_hover_text(help)
}

/// The parts of some bytes as one bar; parts and shares on hover.
pub fn split_bar(ui: &mut Ui, parts: &[(Part, u64)], height: f32) {
    let total: u64 = parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, height), Sense::hover());
    response.widget_info(|| {
        let text: Vec<String> = parts
            .iter()
            .filter(|(_, bytes)| *bytes > 0)
            .map(|(part, bytes)| format!("{} {}", part.name(), units::percent(*bytes, total)))
            .collect();
        WidgetInfo::labeled(Role::Image, true, text.join(", "))
    });
    ui.painter().rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    if total == 0 {
        return;
    }
    let mut left = rect.left();
    for (part, bytes) in parts {
        let width = rect.width() * (*bytes as f64 / total as f64) as f32;
        let piece = Rect::from_min_size(egui::pos2(left, rect.top()), Vec2::new(width, rect.height()));
        ui.painter().rect_filled(piece, 0.0, part.color());
        left += width;
    }
    response.on_hover_ui(|ui| {
        for (part, bytes) in parts.iter().filter(|(_, bytes)| *bytes > 0) {
            ui.horizontal(|ui| {
                swatch(ui, part.color());
                ui.label(format!(
                    "{}: {} ({})",
                    part.name(),
                    units::bytes(*bytes),
                    units::percent(*bytes, total)
                ));
            });
        }
    });
}

/// A square of a colour.
pub fn swatch(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
    ui.painter().rect_filled(rect, 2.0, color);
}

/// The parts as lines of a list that ends in their sum.
pub fn split_list(ui: &mut Ui, id: &str, parts: &[(Part, u64)], sum_name: &str) {
    let total: u64 = parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
    egui::Grid::new(id).num_columns(3).spacing([10.0, 3.0]).show(ui, |ui| {
        for (part, bytes) in parts {
            ui.horizontal(|ui| {
                swatch(ui, part.color());
                let text = RichText::new(part.name());
                ui.label(if *bytes == 0 { text.weak() } else { text }).on_hover_text(part.help());
            });
            right(ui, 74.0, |ui| self::bytes(ui, *bytes, total));
            right(ui, 52.0, |ui| ui.weak(units::percent(*bytes, total)));
            ui.end_row();
        }
        ui.strong(sum_name);
        right(ui, 74.0, |ui| ui.strong(units::bytes(total)).on_hover_text(exact(total)));
        ui.end_row();
    });
}

/// Right-aligned in a given width: numbers in grids.
pub fn right<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let size = Vec2::new(width, ui.spacing().interact_size.y.min(18.0));
    ui.allocate_ui_with_layout(size, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.set_min_width(width);
        add(ui)
    })
    .inner
}

/// A fact: its name, faint, and its value.
pub fn fact(ui: &mut Ui, name: &str, help: &str, add: impl FnOnce(&mut Ui)) {
    let response = ui.weak(name);
    if !help.is_empty() {
        response.on_hover_text(help);
    }
    ui.horizontal_wrapped(add);
    ui.end_row();
}

/// A message where the user looks: what is wrong, and what helps.
pub fn notice(ui: &mut Ui, color: Color32, what: &str, fix: &str) {
    egui::Frame::new()
        .fill(color.gamma_multiply(0.12))
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.6)))
        .corner_radius(4.0)
        .inner_margin(8.0)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.colored_label(color, what);
            if !fix.is_empty() {
                ui.label(fix);
            }
        });
}

/// What stands where an answer is on its way.
pub fn working(ui: &mut Ui) {
    ui.horizontal(|ui| {
        ui.weak("working it out…");
    });
}

/// What stands where an answer failed.
pub fn failed(ui: &mut Ui) {
    let color = theme::error(ui);
    notice(
        ui,
        color,
        "this could not be worked out: the analysis failed",
        "this is an error of the inspector: please report it with the file",
    );
}

/// Which way a triangle points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pointing {
    /// Up: the smallest come first.
    Up,
    /// Down: what is below is open, or the largest come first.
    Down,
    /// Right: what is below is closed.
    Right,
}

/// A small triangle. Painted, since not every font has one.
pub fn triangle(ui: &Ui, center: Pos2, pointing: Pointing) {
    let points = match pointing {
        Pointing::Up => [[-3.5, 2.0], [0.0, -3.0], [3.5, 2.0]],
        Pointing::Down => [[-3.5, -2.0], [3.5, -2.0], [0.0, 3.0]],
        Pointing::Right => [[-2.0, -3.5], [3.0, 0.0], [-2.0, 3.5]],
    };
    let points = points.map(|[x, y]| center + Vec2::new(x, y)).to_vec();
    let color = ui.visuals().text_color();
    ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
}
