//! Discs and lines as one mesh, with edges that fade over a pixel. (egui's own
//! circles and lines cost five times as much, its stroked circles thirty times.)

use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Color32, Pos2, Rect, Vec2};

/// Half of the width over which an edge fades.
const FADE: f32 = 0.6;

/// Something to draw into.
#[derive(Debug, Default)]
pub struct Canvas {
    mesh: Mesh,
}

impl Canvas {
    /// What was drawn.
    pub fn finish(self) -> Mesh {
        self.mesh
    }

    fn vertex(&mut self, pos: Pos2, color: Color32) -> u32 {
        self.mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color });
        self.mesh.vertices.len() as u32 - 1
    }

    /// A filled disc.
    pub fn disc(&mut self, center: Pos2, radius: f32, color: Color32) {
        // A corner every three pixels is round enough.
        let corners = ((radius * 2.1) as usize).clamp(6, 64);
        let turn = std::f32::consts::TAU / corners as f32;
        let first = self.mesh.vertices.len() as u32;
        self.vertex(center, color);
        for corner in 0..corners {
            let direction = Vec2::angled(turn * corner as f32);
            self.vertex(center + direction * (radius - FADE).max(0.0), color);
            self.vertex(center + direction * (radius + FADE), Color32::TRANSPARENT);
        }
        for corner in 0..corners as u32 {
            let next = (corner + 1) % corners as u32;
            let [inner, outer] = [first + 1 + 2 * corner, first + 2 + 2 * corner];
            let [inner_next, outer_next] = [first + 1 + 2 * next, first + 2 + 2 * next];
            self.mesh.indices.extend([first, inner, inner_next]);
            self.mesh.indices.extend([inner, outer, inner_next, inner_next, outer, outer_next]);
        }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, rect: Rect, color: Color32) {
        self.mesh.add_colored_rect(rect, color);
    }

    /// A line of `width` through some points.
    pub fn line(&mut self, points: &[Pos2], width: f32, color: Color32) {
        // Thinner than a pixel is fainter.
        let color = if width < 1.0 { color.gamma_multiply(width) } else { color };
        let half = width.max(1.0) / 2.0 + FADE;
        let mut before: Option<[u32; 3]> = None;
        for at in 0..points.len() {
            let (from, to) = (points[at.saturating_sub(1)], points[(at + 1).min(points.len() - 1)]);
            let across = (to - from).normalized().rot90() * half;
            let left = self.vertex(points[at] + across, Color32::TRANSPARENT);
            let middle = self.vertex(points[at], color);
            let right = self.vertex(points[at] - across, Color32::TRANSPARENT);
            if let Some([l, m, r]) = before {
                self.mesh.indices.extend([l, m, left, left, m, middle, m, r, middle, middle, r, right]);
            }
            before = Some([left, middle, right]);
        }
    }

    /// A dotted line through some points: every other of its parts.
    pub fn dots(&mut self, points: &[Pos2], width: f32, color: Color32) {
        let mut way = 0.0;
        for pair in points.windows(2) {
            let (length, direction) = ((pair[1] - pair[0]).length(), (pair[1] - pair[0]).normalized());
            while way < length {
                self.disc(pair[0] + direction * way, width, color);
                way += width * 4.0;
            }
            way -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn meshes_are_valid_and_where_they_should_be() {
        let mut canvas = Canvas::default();
        canvas.disc(pos2(10.0, 10.0), 5.0, Color32::RED);
        canvas.line(&[pos2(0.0, 0.0), pos2(20.0, 0.0), pos2(20.0, 20.0)], 1.0, Color32::RED);
        canvas.line(&[pos2(0.0, 0.0)], 1.0, Color32::RED);
        canvas.dots(&[pos2(0.0, 0.0), pos2(30.0, 0.0)], 1.0, Color32::RED);
        let mesh = canvas.finish();
        assert!(mesh.is_valid());
        let bounds = mesh.calc_bounds();
        assert!(bounds.min.x >= -2.0 && bounds.max.x <= 32.0 && bounds.max.y <= 22.0, "{bounds:?}");
    }
}
