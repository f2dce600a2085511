//! A value to scale: where its fields lie, what is padding, dead, or discriminant.

use crate::theme::Part;
use egui::{pos2, Color32, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use heap_analysis::type_detail::FieldRow;
use heap_analysis::units;

/// What a stretch of a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A field; its position among the fields.
    Field(usize),
    /// Bytes that alignment asks for.
    Padding,
    /// The discriminant of an enum, where it has bytes of its own.
    Discriminant,
    /// Dead variant space.
    Dead,
    /// Bytes of which it is not known what they are.
    Unknown,
}

/// A stretch of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// First byte.
    pub from: u64,
    /// Byte after the last.
    pub to: u64,
    /// What it is.
    pub kind: Kind,
}

/// What a value of `size` bytes is made of, from its first byte to its last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruler {
    /// Stretches without gaps, from 0 to `size`.
    pub stretches: Vec<Stretch>,
    /// Whether fields lie where they are drawn; otherwise only how large they are is known.
    pub is_placed: bool,
}

/// Divides a value. Of an enum's variant `dead` and `discriminant` say how much
/// of the rest is which; of a struct the rest is padding.
pub fn ruler(fields: &[FieldRow], size: u64, discriminant: u64, dead: u64) -> Ruler {
    let fields: Vec<(usize, &FieldRow)> =
        fields.iter().enumerate().filter(|(_, field)| field.size > 0 && !field.is_padding).collect();
    let mut placed: Vec<(u64, u64, usize)> = fields
        .iter()
        .filter_map(|(at, field)| Some((field.offset?, field.offset?.checked_add(field.size)?, *at)))
        .collect();
    placed.sort_unstable();
    let is_apart = placed.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    let is_inside = placed.last().is_none_or(|last| last.1 <= size);
    let is_placed = placed.len() == fields.len() && is_apart && is_inside;
    if !is_placed {
        // One after the other, by size, as far as they fit.
        let mut end = 0_u64;
        placed = fields
            .iter()
            .map(|(at, field)| {
                let from = end;
                end = end.saturating_add(field.size).min(size);
                (from, end, *at)
            })
            .filter(|(from, to, _)| from < to)
            .collect();
    }
    let mut stretches = Vec::new();
    let mut end = 0;
    let gap = |from: u64, to: u64, stretches: &mut Vec<Stretch>| {
        if from < to {
            stretches.push(Stretch { from, to, kind: Kind::Padding });
        }
    };
    for &(from, to, at) in &placed {
        gap(end, from, &mut stretches);
        stretches.push(Stretch { from, to, kind: Kind::Field(at) });
        end = to;
    }
    gap(end, size, &mut stretches);
    // Of what no field covers: the discriminant lies at an end, what is dead behind everything else.
    if discriminant > 0 {
        let at_front =
            stretches.first().filter(|first| first.kind == Kind::Padding && first.to >= discriminant);
        if at_front.is_some() && (is_placed || stretches.len() == 1) {
            carve(&mut stretches, 0, discriminant, true, Kind::Discriminant);
        } else if let Some(last) = stretches.len().checked_sub(1) {
            carve(&mut stretches, last, discriminant, true, Kind::Discriminant);
        }
    }
    let mut dead = dead;
    for at in (0..stretches.len()).rev() {
        if dead > 0 && stretches[at].kind == Kind::Padding {
            let part = dead.min(stretches[at].to - stretches[at].from);
            carve(&mut stretches, at, part, false, Kind::Dead);
            dead -= part;
        }
    }
    if fields.is_empty() && discriminant == 0 && stretches.iter().all(|one| one.kind == Kind::Padding) {
        stretches.iter_mut().for_each(|one| one.kind = Kind::Unknown);
    }
    Ruler { stretches, is_placed }
}

/// Makes the first or the last `bytes` of a stretch of padding something else.
fn carve(stretches: &mut Vec<Stretch>, at: usize, bytes: u64, is_front: bool, kind: Kind) {
    let Stretch { from, to, kind: before } = stretches[at];
    if before != Kind::Padding || bytes > to - from {
        return;
    }
    let middle = if is_front { from + bytes } else { to - bytes };
    let new = if is_front {
        [Stretch { from, to: middle, kind }, Stretch { from: middle, to, kind: before }]
    } else {
        [Stretch { from, to: middle, kind: before }, Stretch { from: middle, to, kind }]
    };
    stretches.splice(at..=at, new.into_iter().filter(|one| one.from < one.to));
}

/// Draws a ruler over the width, `whole` bytes to scale.
pub fn ui(ui: &mut Ui, name: &str, ruler: &Ruler, fields: &[FieldRow], whole: u64) {
    let size = Vec2::new(ui.available_width(), 26.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let scale = rect.width() / whole.max(1) as f32;
    let text = |stretch: &Stretch| {
        let what = match stretch.kind {
            Kind::Field(at) => fields[at].name.clone(),
            Kind::Padding => "padding".into(),
            Kind::Discriminant => "discriminant".into(),
            Kind::Dead => "dead".into(),
            Kind::Unknown => "not described".into(),
        };
        format!("{what} {}", units::bytes(stretch.to - stretch.from))
    };
    response.widget_info(|| {
        let parts: Vec<String> = ruler.stretches.iter().map(text).collect();
        WidgetInfo::labeled(Role::Image, true, format!("{name}: {}", parts.join(", ")))
    });
    let edge = ui.visuals().panel_fill;
    for stretch in &ruler.stretches {
        let left = rect.left() + stretch.from as f32 * scale;
        let right = rect.left() + stretch.to as f32 * scale;
        let part = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
        let (fill, ink) = match stretch.kind {
            Kind::Field(_) => (Part::Payload.color(), Color32::WHITE),
            Kind::Discriminant => (Color32::from_rgb(0x00, 0x9E, 0x73), Color32::WHITE),
            Kind::Padding => (Part::Padding.color(), Color32::BLACK),
            Kind::Dead => (Part::Dead.color(), Color32::WHITE),
            Kind::Unknown => (Part::Untyped.color(), Color32::WHITE),
        };
        ui.painter().rect(part, 2.0, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
        let galley = ui.painter().layout_no_wrap(text(stretch), FontId::proportional(10.5), ink);
        if galley.size().x + 6.0 < part.width() {
            ui.painter().galley(part.center() - galley.size() / 2.0, galley, ink);
        }
    }
    response.on_hover_ui_at_pointer(|ui| {
        for stretch in &ruler.stretches {
            let place = match (ruler.is_placed, stretch.kind) {
                (true, _) => format!("{}..{}: ", stretch.from, stretch.to),
                (false, _) => String::new(),
            };
            let of = match stretch.kind {
                Kind::Field(at) => format!(": {}", fields[at].type_name),
                _ => String::new(),
            };
            ui.label(format!("{place}{}{of}", text(stretch)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, offset: Option<u64>, size: u64) -> FieldRow {
        FieldRow {
            name: name.into(),
            type_name: "T".into(),
            offset,
            size,
            mode: String::new(),
            is_padding: false,
        }
    }

    fn check(fields: &[FieldRow], size: u64, discriminant: u64, dead: u64, expected: &str) {
        let ruler = ruler(fields, size, discriminant, dead);
        let mut end = 0;
        for stretch in &ruler.stretches {
            assert!(stretch.from == end && stretch.to > end, "without gaps: {ruler:?}");
            end = stretch.to;
        }
        assert_eq!(end, size);
        let text = |one: &Stretch| {
            let what = match one.kind {
                Kind::Field(at) => fields[at].name.as_str(),
                Kind::Padding => "padding",
                Kind::Discriminant => "discriminant",
                Kind::Dead => "dead",
                Kind::Unknown => "unknown",
            };
            format!("{what} {}", one.to - one.from)
        };
        assert_eq!(ruler.stretches.iter().map(text).collect::<Vec<_>>().join(", "), expected);
    }

    #[test]
    fn every_byte_is_something() {
        check(&[field("a", Some(8), 8), field("b", Some(0), 4)], 16, 0, 0, "b 4, padding 4, a 8");
        check(&[field("a", Some(8), 8)], 32, 8, 16, "discriminant 8, a 8, dead 16");
        check(&[field("a", Some(0), 24)], 32, 8, 0, "a 24, discriminant 8");
        check(&[], 32, 8, 24, "discriminant 8, dead 24");
        check(&[], 8, 0, 8, "dead 8");
        check(&[], 8, 0, 0, "unknown 8");
        check(&[field("a", None, 4), field("b", None, 8)], 24, 4, 8, "a 4, b 8, discriminant 4, dead 8");
        // What a damaged file says is drawn as far as it fits.
        check(&[field("a", Some(8), u64::MAX), field("b", Some(0), 9)], 16, 0, 99, "a 16");
        check(&[], 0, 0, 0, "");
    }
}
