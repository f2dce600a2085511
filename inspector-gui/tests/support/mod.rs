//! A rasteriser on the CPU, so that pictures need no GPU and no package:
//! triangles with textures and vertex colours, as the tessellator makes them,
//! blended in gamma space with premultiplied alpha, as the window blends them.

use egui::epaint::{ImageDelta, Primitive, Vertex};
use egui::{Color32, Context, FullOutput, Mesh, TextureId, TexturesDelta};
use egui_kittest::TestRenderer;
use image::{Rgba, RgbaImage};
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct Rasteriser {
    textures: HashMap<TextureId, Texture>,
}

#[derive(Default)]
struct Texture {
    width: usize,
    height: usize,
    pixels: Vec<Color32>,
}

impl Texture {
    fn set(&mut self, delta: &ImageDelta) {
        let egui::ImageData::Color(image) = &delta.image;
        let [width, height] = image.size;
        match delta.pos {
            None => *self = Texture { width, height, pixels: image.pixels.clone() },
            Some([x, y]) => {
                for (row, pixels) in image.pixels.chunks(width).enumerate() {
                    let start = (y + row) * self.width + x;
                    self.pixels[start..start + width].copy_from_slice(pixels);
                }
            }
        }
    }

    /// Between the four texels around a point, from 0 to 1 in both directions.
    fn at(&self, u: f32, v: f32) -> [f32; 4] {
        let (x, y) = (u * self.width as f32 - 0.5, v * self.height as f32 - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let mut sum = [0.0; 4];
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let weight = (1.0 - (x - left - dx).abs()) * (1.0 - (y - top - dy).abs());
            if weight > 0.0 {
                let column = ((left + dx).max(0.0) as usize).min(self.width - 1);
                let row = ((top + dy).max(0.0) as usize).min(self.height - 1);
                let texel = self.pixels[row * self.width + column].to_array();
                sum.iter_mut().zip(texel).for_each(|(sum, part)| *sum += weight * f32::from(part));
            }
        }
        sum
    }
}

/// Points have this many steps in a pixel: edges are exact, so that triangles
/// that share one neither overlap nor leave a gap.
const STEPS: f32 = 256.0;

impl Rasteriser {
    fn mesh(&self, mesh: &Mesh, clip: [u32; 4], pixels_per_point: f32, image: &mut RgbaImage) {
        let Some(texture) = self.textures.get(&mesh.texture_id) else { return };
        for corner in mesh.indices.chunks_exact(3) {
            let corner = [corner[0], corner[1], corner[2]].map(|at| mesh.vertices[at as usize]);
            triangle(texture, corner, clip, pixels_per_point, image);
        }
    }
}

fn triangle(texture: &Texture, mut corner: [Vertex; 3], clip: [u32; 4], scale: f32, image: &mut RgbaImage) {
    let fixed = |vertex: Vertex| [vertex.pos.x, vertex.pos.y].map(|at| (at * scale * STEPS).round() as i64);
    // Twice the area to the left of a point, as seen along an edge.
    let side =
        |a: [i64; 2], b: [i64; 2], p: [i64; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
    let mut at = corner.map(fixed);
    let mut area = side(at[0], at[1], at[2]);
    if area < 0 {
        corner.swap(1, 2);
        at.swap(1, 2);
        area = -area;
    }
    if area == 0 {
        return;
    }
    let bound = |axis: usize, low: u32, high: u32| {
        let min = at.iter().map(|at| at[axis]).min().unwrap_or(0) as f32 / STEPS;
        let max = at.iter().map(|at| at[axis]).max().unwrap_or(0) as f32 / STEPS;
        (min.floor().max(low as f32) as u32)..(max.ceil().clamp(0.0, high as f32) as u32)
    };
    let edges = [(1, 2), (2, 0), (0, 1)];
    // A pixel's middle on an edge belongs to the triangle to the right of it or below.
    let bias = edges.map(|(a, b): (usize, usize)| {
        let along = [at[b][0] - at[a][0], at[b][1] - at[a][1]];
        i64::from(!(along[1] < 0 || along[1] == 0 && along[0] > 0))
    });
    let colors = corner.map(|vertex| vertex.color.to_array().map(f32::from));
    // One colour and one texel: nothing to work out for each pixel.
    let is_flat = corner.iter().all(|vertex| vertex.color == corner[0].color && vertex.uv == corner[0].uv);
    let flat = is_flat.then(|| shade(texture.at(corner[0].uv.x, corner[0].uv.y), colors[0]));
    for y in bound(1, clip[1], clip[3]) {
        for x in bound(0, clip[0], clip[2]) {
            let middle = [x, y].map(|at| ((at as f32 + 0.5) * STEPS) as i64);
            let sides = edges.map(|(a, b)| side(at[a], at[b], middle));
            if sides.iter().zip(bias).any(|(side, bias)| *side < bias) {
                continue;
            }
            let color = flat.unwrap_or_else(|| {
                let share = sides.map(|side| side as f32 / area as f32);
                let mix = |part: [f32; 3]| part[0] * share[0] + part[1] * share[1] + part[2] * share[2];
                let texel =
                    texture.at(mix(corner.map(|vertex| vertex.uv.x)), mix(corner.map(|vertex| vertex.uv.y)));
                shade(texel, [0, 1, 2, 3].map(|channel| mix(colors.map(|color| color[channel]))))
            });
            let pixel = image.get_pixel_mut(x, y);
            for channel in 0..4 {
                let below = f32::from(pixel[channel]) * (1.0 - color[3] / 255.0);
                pixel[channel] = (color[channel] + below).round().min(255.0) as u8;
            }
        }
    }
}

fn shade(texel: [f32; 4], color: [f32; 4]) -> [f32; 4] {
    [0, 1, 2, 3].map(|channel| texel[channel] * color[channel] / 255.0)
}

impl TestRenderer for Rasteriser {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for (id, deltas) in delta.set.drain() {
            let texture = self.textures.entry(id).or_default();
            deltas.iter().for_each(|delta| texture.set(delta));
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = output.pixels_per_point;
        let size = ctx.content_rect().size() * scale;
        let (width, height) = (size.x.round() as u32, size.y.round() as u32);
        let mut image = RgbaImage::from_pixel(width, height, Rgba([0, 0, 0, 255]));
        for clipped in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = &clipped.primitive else {
                return Err("a paint callback: views draw with meshes alone".into());
            };
            let edge = |at: f32, end: u32| (at * scale).round().clamp(0.0, end as f32) as u32;
            let rect = clipped.clip_rect;
            let clip = [
                edge(rect.left(), width),
                edge(rect.top(), height),
                edge(rect.right(), width),
                edge(rect.bottom(), height),
            ];
            self.mesh(mesh, clip, scale, &mut image);
        }
        Ok(image)
    }
}
