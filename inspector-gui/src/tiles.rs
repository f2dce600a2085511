//! The dominator tree as rectangles: an icicle, with a row for each level, or a
//! treemap, with what goes with a node inside it (squarified: Bruls, Huizing, van
//! Wijk, 2000). Areas, and widths in a row, are bytes. What is too small to be
//! seen is one rectangle for all of it among its siblings, or counted.

pub use crate::hyperbolic::layout::bytes;
use crate::hyperbolic::layout::Item;
use egui::{pos2, Pos2, Rect};
use heap_analysis::dominator_tree::Above;
use heap_analysis::Analysis;
use std::collections::VecDeque;
use std::ops::Range;

/// Rectangles at most.
pub const MAX_TILES: usize = 6000;

/// Narrower columns of an icicle, in points, are one together.
const MIN_WIDTH: f32 = 1.5;

/// Smaller areas of a treemap, in square points, are one together.
const MIN_AREA: f64 = 32.0;

/// Height of the title of a rectangle that has others in it, where there is room.
pub const TITLE: f32 = 14.0;

/// A rectangle.
#[derive(Clone, PartialEq, Debug)]
pub struct Tile {
    /// What it stands for: a node, or siblings that are too small.
    pub item: Item,
    /// Where it is.
    pub rect: Rect,
    /// Levels below the first.
    pub depth: usize,
    /// Only the node's own bytes, beside what goes with it.
    pub is_own: bool,
    /// Bytes of the item with all that goes with it, which is its area or width unless `is_own`.
    pub bytes: u64,
    /// Its own bytes.
    pub own: u64,
}

/// Rectangles, each after the one it is in or below.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Tiles {
    /// The rectangles.
    pub tiles: Vec<Tile>,
    /// Bytes that have none: below the last row, or too small for any.
    pub hidden_bytes: u64,
}

/// Its own bytes.
pub fn own_bytes(analysis: &Analysis, item: &Item) -> u64 {
    match item {
        Item::Node(node) => analysis.heap().shallow(*node),
        Item::All | Item::Run(_) => 0,
    }
}

fn below(analysis: &Analysis, item: &Item) -> Range<u32> {
    match item {
        Item::All => analysis.dominated().children(Above::Virtual),
        Item::Node(node) => analysis.dominated().children(Above::Node(*node)),
        Item::Run(run) => run.clone(),
    }
}

fn run_item(analysis: &Analysis, run: Range<u32>) -> Item {
    match run.len() {
        1 => Item::Node(analysis.dominated().at(run.start)),
        _ => Item::Run(run),
    }
}

/// The subtree at `top` in rows of a height, as many as `area` has room for.
pub fn icicle(analysis: &Analysis, top: &Item, area: Rect, row: f32) -> Tiles {
    let mut all = Tiles::default();
    let mut open = VecDeque::from([(top.clone(), bytes(analysis, top), area.left(), area.right(), 0)]);
    while let Some((item, whole, left, right, depth)) = open.pop_front() {
        let y = area.top() + depth as f32 * row;
        let is_bundle = depth > 0 && matches!(item, Item::Run(_));
        let run = below(analysis, &item);
        let own = own_bytes(analysis, &item);
        let mut rest = whole - own;
        let rect = Rect::from_min_max(pos2(left, y), pos2(right, y + row));
        all.tiles.push(Tile { item, rect, depth, is_own: false, bytes: whole, own });
        if is_bundle || rest == 0 {
            continue;
        }
        if y + 2.0 * row > area.bottom() || all.tiles.len() + open.len() >= MAX_TILES {
            all.hidden_bytes += rest;
            continue;
        }
        let scale = f64::from(right - left) / whole as f64;
        let mut x = f64::from(left);
        let mut at = run.start;
        while at < run.end {
            let retained = analysis.retained(analysis.dominated().at(at));
            let is_wide = retained as f64 * scale >= f64::from(MIN_WIDTH);
            // What comes now and everything after it is smaller.
            let (next, part) = if is_wide { (at..at + 1, retained) } else { (at..run.end, rest) };
            rest -= part;
            let end = x + part as f64 * scale;
            if end - x >= 0.5 {
                open.push_back((run_item(analysis, next.clone()), part, x as f32, end as f32, depth + 1));
            } else {
                all.hidden_bytes += part;
            }
            (x, at) = (end, next.end);
        }
    }
    all
}

/// The subtree at `top` with everything inside what it goes with.
pub fn treemap(analysis: &Analysis, top: &Item, area: Rect) -> Tiles {
    let mut all = Tiles::default();
    let mut open = VecDeque::from([(top.clone(), bytes(analysis, top), area, 0)]);
    while let Some((item, whole, rect, depth)) = open.pop_front() {
        let own = own_bytes(analysis, &item);
        let is_bundle = depth > 0 && matches!(item, Item::Run(_));
        all.tiles.push(Tile { item: item.clone(), rect, depth, is_own: false, bytes: whole, own });
        if is_bundle || whole == own {
            continue;
        }
        let inner = inner(rect);
        let scale = f64::from(inner.width()) * f64::from(inner.height()) / whole as f64;
        let run = below(analysis, &item);
        let mut parts: Vec<(u64, Item, bool)> = Vec::new();
        let mut at = run.start;
        // One for what is too small, one for its own bytes.
        let room = MAX_TILES.saturating_sub(all.tiles.len() + open.len() + 2);
        if inner.width() < 4.0 || inner.height() < 4.0 || room == 0 {
            all.hidden_bytes += whole - own;
            continue;
        }
        let mut rest = whole - own;
        while at < run.end {
            let retained = analysis.retained(analysis.dominated().at(at));
            let is_large = retained as f64 * scale >= MIN_AREA && parts.len() < room;
            let (next, part) = if is_large { (at..at + 1, retained) } else { (at..run.end, rest) };
            rest -= part;
            at = next.end;
            parts.push((part, run_item(analysis, next), false));
        }
        if own > 0 {
            parts.push((own, item.clone(), true));
        }
        parts.sort_by_key(|(bytes, _, is_own)| (std::cmp::Reverse(*bytes), *is_own));
        let sizes: Vec<f64> = parts.iter().map(|(bytes, ..)| *bytes as f64).collect();
        for ((bytes, item, is_own), rect) in parts.into_iter().zip(squarify(&sizes, inner)) {
            if is_own {
                all.tiles.push(Tile { item, rect, depth: depth + 1, is_own, bytes: whole, own });
            } else if f64::from(rect.width()) * f64::from(rect.height()) >= 1.0 {
                open.push_back((item, bytes, rect, depth + 1));
            } else {
                all.hidden_bytes += bytes;
            }
        }
    }
    all
}

/// Whether a rectangle of a treemap has room for a title above what is in it.
pub fn has_title(rect: Rect) -> bool {
    rect.width() > 60.0 && rect.height() > 3.0 * TITLE
}

/// Where in a rectangle others are: below its title.
fn inner(rect: Rect) -> Rect {
    let mut inner = rect.shrink(1.5);
    if has_title(rect) {
        inner.min.y += TITLE;
    }
    inner
}

/// Divides a rectangle by some sizes, the largest first, into pieces as square as
/// can be: along the shorter side, one row after the other.
pub fn squarify(sizes: &[f64], rect: Rect) -> Vec<Rect> {
    let mut left =
        [f64::from(rect.left()), f64::from(rect.top()), f64::from(rect.right()), f64::from(rect.bottom())];
    let total: f64 = sizes.iter().sum();
    let mut pieces = Vec::with_capacity(sizes.len());
    if total <= 0.0 {
        return sizes.iter().map(|_| Rect::from_min_max(rect.min, rect.min)).collect();
    }
    let scale = (left[2] - left[0]) * (left[3] - left[1]) / total;
    let mut at = 0;
    while at < sizes.len() {
        let (wide, high) = (left[2] - left[0], left[3] - left[1]);
        let side = wide.min(high).max(1e-9);
        // The row grows while its worst piece gets no longer.
        let worst = |sum: f64, largest: f64, smallest: f64| {
            let sum2 = sum * sum;
            (side * side * largest / sum2).max(sum2 / (side * side * smallest.max(1e-12)))
        };
        let first = (sizes[at] * scale).max(1e-12);
        let (mut sum, mut end, mut shape) = (first, at + 1, worst(first, first, first));
        while end < sizes.len() {
            let next = (sizes[end] * scale).max(1e-12);
            let new = worst(sum + next, first, next);
            if new > shape {
                break;
            }
            (sum, shape, end) = (sum + next, new, end + 1);
        }
        let thick = (sum / side).min(wide.max(high));
        let mut along = if wide >= high { left[1] } else { left[0] };
        for size in &sizes[at..end] {
            let long = (size * scale).max(0.0) / thick.max(1e-12);
            let piece = match wide >= high {
                true => [left[0], along, left[0] + thick, along + long],
                false => [along, left[1], along + long, left[1] + thick],
            };
            along += long;
            let point = |x: f64, y: f64| -> Pos2 { rect.clamp(pos2(x as f32, y as f32)) };
            pieces.push(Rect::from_min_max(point(piece[0], piece[1]), point(piece[2], piece[3])));
        }
        left[usize::from(wide < high)] += thick;
        at = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperbolic::layout::tests::demo;
    use egui::vec2;

    fn area(rect: Rect) -> f64 {
        f64::from(rect.width()) * f64::from(rect.height())
    }

    /// Apart from a hair that rounding leaves.
    fn overlap(a: Rect, b: Rect) -> bool {
        let both = a.intersect(b);
        both.width() > 0.02 && both.height() > 0.02
    }

    #[test]
    fn pieces_have_their_sizes_and_lie_apart() {
        let rect = Rect::from_min_size(pos2(10.0, 20.0), vec2(600.0, 400.0));
        for sizes in [
            vec![6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0],
            vec![1.0],
            vec![1000.0, 1.0, 1.0],
            (1..200).rev().map(f64::from).collect(),
            vec![5.0, 0.0],
        ] {
            let pieces = squarify(&sizes, rect);
            let total: f64 = sizes.iter().sum();
            assert_eq!(pieces.len(), sizes.len());
            for (at, (piece, size)) in pieces.iter().zip(&sizes).enumerate() {
                assert!(rect.expand(0.01).contains_rect(*piece), "{piece:?}");
                let wanted = size / total * area(rect);
                assert!((area(*piece) - wanted).abs() < 0.02 * wanted + 1.0, "{piece:?} {wanted}");
                assert!(pieces[..at].iter().all(|other| !overlap(*piece, *other)));
            }
        }
        // The example of the paper: no piece is longer than 2.8 times its width.
        let pieces = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], rect);
        assert!(pieces.iter().all(|piece| piece.aspect_ratio().max(1.0 / piece.aspect_ratio()) < 2.8));
    }

    /// Bytes that are drawn, bundled or counted are all bytes.
    fn laws(analysis: &Analysis, top: &Item, tiles: &Tiles, area: Rect) {
        for tile in &tiles.tiles {
            let known = (bytes(analysis, &tile.item), own_bytes(analysis, &tile.item));
            assert_eq!((tile.bytes, tile.own), known, "{tile:?}");
        }
        let is_bundle = |tile: &Tile| tile.depth > 0 && matches!(tile.item, Item::Run(_));
        let drawn: u64 =
            tiles
                .tiles
                .iter()
                .filter(|tile| !tile.is_own)
                .map(|tile| {
                    if is_bundle(tile) {
                        bytes(analysis, &tile.item)
                    } else {
                        own_bytes(analysis, &tile.item)
                    }
                })
                .sum();
        assert_eq!(drawn + tiles.hidden_bytes, bytes(analysis, top), "every byte is drawn or counted");
        assert!(tiles.tiles.iter().all(|tile| area.expand(0.1).contains_rect(tile.rect)));
        for depth in 0..4 {
            let row: Vec<&Tile> = tiles.tiles.iter().filter(|tile| tile.depth == depth).take(300).collect();
            for (at, tile) in row.iter().enumerate() {
                assert!(row[..at].iter().all(|other| !overlap(tile.rect, other.rect)), "{tile:?}");
            }
        }
    }

    #[test]
    fn all_bytes_are_drawn_or_counted() {
        let analysis = demo(20_000);
        let area = Rect::from_min_size(pos2(0.0, 0.0), vec2(900.0, 500.0));
        let mut top = Item::All;
        for _ in 0..6 {
            let rows = icicle(&analysis, &top, area, 20.0);
            laws(&analysis, &top, &rows, area);
            let map = treemap(&analysis, &top, area);
            laws(&analysis, &top, &map, area);
            assert!(rows.tiles.len() <= MAX_TILES && map.tiles.len() <= MAX_TILES);
            let run = below(&analysis, &top);
            if run.is_empty() {
                break;
            }
            top = run_item(&analysis, run.start..run.start + 1);
        }
        // More than there may be rectangles, in an area that has room for them.
        let large = Rect::from_min_size(Pos2::ZERO, vec2(9000.0, 9000.0));
        let map = treemap(&analysis, &Item::All, large);
        assert!(map.tiles.len() <= MAX_TILES && map.tiles.len() > MAX_TILES / 2, "{}", map.tiles.len());
        laws(&analysis, &Item::All, &map, large);
        let run = below(&analysis, &Item::All);
        let some = Item::Run(run.start..run.end.min(run.start + 2));
        laws(&analysis, &some, &icicle(&analysis, &some, area, 20.0), area);
        laws(&analysis, &some, &treemap(&analysis, &some, area), area);
    }
}
