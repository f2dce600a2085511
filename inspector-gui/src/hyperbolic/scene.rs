//! What of a layout is large enough to be drawn, seen from an anchor, and what
//! the rest amounts to: every byte is at a dot, or in a counted remainder.
//!
//! Best first: of all that is still to be drawn the largest comes next. A
//! subtree that extends over no more than a threshold of pixels is left out, and its
//! bytes are counted at the dot it hangs on.

use super::disk::{Motion, Point};
use super::layout::{Layout, PlaceId};
use heap_analysis::Analysis;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What decides how much is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Detail {
    /// Radius of the disk in pixels.
    pub radius: f64,
    /// Subtrees that extend over no more pixels are left out.
    pub threshold: f64,
    /// Dots at most.
    pub budget: usize,
}

/// A place that is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Dot {
    /// Where it is in the layout.
    pub place: PlaceId,
    /// Its frame: the centre goes to where it is drawn.
    pub frame: Motion,
    /// Position of the dot above it, if that is drawn.
    pub above: Option<u32>,
    /// Nodes directly below it, and in bundles there, that are left out.
    pub rest_count: u64,
    /// Bytes that these retain.
    pub rest_bytes: u64,
}

impl Dot {
    /// Where it is, in the disk.
    pub fn at(&self) -> Point {
        self.frame.center()
    }

    /// How large things are there, with 1 in the middle.
    pub fn scale(&self) -> f64 {
        1.0 - self.at().norm2()
    }
}

/// What is drawn.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Scene {
    /// Dots, in the order in which they were found: largest first.
    pub dots: Vec<Dot>,
    /// Own bytes of all dots.
    pub drawn_bytes: u64,
    /// Bytes of the subtrees left out, which are counted at the dots.
    pub rest_bytes: u64,
    /// Bytes of what lies above the topmost dot and beside it.
    pub outside_bytes: u64,
}

/// What is still to be drawn.
struct Open {
    extent: f64,
    place: PlaceId,
    frame: Motion,
    /// The dot it was met from.
    from: u32,
    /// Whether that stands below it.
    is_up: bool,
}

impl PartialEq for Open {
    fn eq(&self, other: &Open) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Open) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Open) -> Ordering {
        self.extent.total_cmp(&other.extent).then(other.place.cmp(&self.place))
    }
}

/// What is drawn of `layout`, with the frame of `anchor`.
pub fn scene(
    layout: &mut Layout,
    analysis: &Analysis,
    anchor: PlaceId,
    frame: Motion,
    detail: Detail,
) -> Scene {
    const NOBODY: u32 = u32::MAX;
    let mut scene = Scene::default();
    let mut open = BinaryHeap::new();
    open.push(Open { extent: f64::INFINITY, place: anchor, frame, from: NOBODY, is_up: false });
    let leave_out = |scene: &mut Scene, at: u32, layout: &Layout, place: PlaceId| {
        let dot = &mut scene.dots[at as usize];
        let bytes = layout.bytes(place);
        dot.rest_bytes += bytes;
        dot.rest_count += layout.nodes(place);
        scene.rest_bytes += bytes;
    };
    let mut top = anchor;
    while let Some(next) = open.pop() {
        if scene.dots.len() == detail.budget {
            if next.from != NOBODY && !next.is_up {
                leave_out(&mut scene, next.from, layout, next.place);
            }
            continue;
        }
        let own = scene.dots.len() as u32;
        let Open { place, frame, from, is_up, .. } = next;
        let above = (from != NOBODY && !is_up).then_some(from);
        scene.dots.push(Dot { place, frame, above, rest_count: 0, rest_bytes: 0 });
        scene.drawn_bytes += layout.own_bytes(analysis, place);
        let met = (from != NOBODY).then(|| scene.dots[from as usize].place);
        if is_up {
            scene.dots[from as usize].above = Some(own);
            top = place;
        }
        if let Some(above) = layout.above(place).filter(|above| Some(*above) != met) {
            let frame = layout.frame_above(frame, place);
            let extent = 4.0 * detail.radius * (1.0 - frame.center().norm2());
            if extent > detail.threshold {
                open.push(Open { extent, place: above, frame, from: own, is_up: true });
            }
        }
        for below in layout.expand(analysis, place) {
            if Some(below) == met {
                continue;
            }
            if layout.is_small(frame, below, detail.threshold / detail.radius) {
                leave_out(&mut scene, own, layout, below);
                continue;
            }
            let extent = detail.radius * layout.sector(frame, below).extent();
            if extent > detail.threshold {
                let frame = layout.frame_below(frame, below);
                open.push(Open { extent, place: below, frame, from: own, is_up: false });
            } else {
                leave_out(&mut scene, own, layout, below);
            }
        }
    }
    scene.outside_bytes = analysis.dominated().total() - layout.bytes(top);
    scene
}

#[cfg(test)]
mod tests {
    use super::super::disk;
    use super::super::layout::tests::demo;
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn laws(
        layout: &mut Layout,
        analysis: &Analysis,
        anchor: PlaceId,
        frame: Motion,
        detail: Detail,
    ) -> Scene {
        let scene = scene(layout, analysis, anchor, frame, detail);
        let all = scene.drawn_bytes + scene.rest_bytes + scene.outside_bytes;
        assert_eq!(all, analysis.dominated().total(), "every byte is drawn or counted");
        let places: HashMap<PlaceId, &Dot> = scene.dots.iter().map(|dot| (dot.place, dot)).collect();
        assert_eq!(places.len(), scene.dots.len(), "each place once");
        assert!(scene.dots.len() <= detail.budget);
        let rest: u64 = scene.dots.iter().map(|dot| dot.rest_bytes).sum();
        assert_eq!(rest, scene.rest_bytes);
        for dot in &scene.dots {
            assert!(dot.at().norm() < 1.0, "everything stays in the disk");
            if let Some(above) = dot.above {
                assert_eq!(layout.above(dot.place), Some(scene.dots[above as usize].place));
            }
            // Nothing larger than the threshold is left out, but beyond the budget.
            let below: Vec<PlaceId> = layout.expand(analysis, dot.place).collect();
            for place in below.into_iter().filter(|place| !places.contains_key(place)) {
                let extent = detail.radius * layout.sector(dot.frame, place).extent();
                assert!(extent <= detail.threshold || scene.dots.len() == detail.budget, "{extent}");
            }
        }
        let drawn: HashSet<_> = scene.dots.iter().map(|dot| dot.place).collect();
        assert!(drawn.contains(&anchor));
        scene
    }

    #[test]
    fn all_is_drawn_or_counted_from_wherever_it_is_seen() {
        let analysis = demo(20_000);
        for step in [0.4, 0.9, 1.6] {
            let mut layout = Layout::new(&analysis, step);
            let mut anchor = layout.root();
            let mut count = 0;
            loop {
                for threshold in [2.0, 8.0] {
                    for budget in [50, 4000] {
                        let detail = Detail { radius: 400.0, threshold, budget };
                        let frame = Motion::turn(1.0).after(Motion::forward(0.7));
                        count += laws(&mut layout, &analysis, anchor, frame, detail).dots.len();
                    }
                }
                let Some(below) = layout.expand(&analysis, anchor).nth(1) else { break };
                anchor = below;
            }
            assert!(count > 400, "{count}");
        }
    }

    /// Everything below a place lies between the ends of its wedge: the extent is
    /// an upper bound of what is left out.
    #[test]
    fn subtrees_lie_in_their_wedges() {
        let analysis = demo(5000);
        let mut layout = Layout::new(&analysis, 0.9);
        let detail = Detail { radius: 400.0, threshold: 1.0, budget: 4000 };
        let root = layout.root();
        let first = laws(&mut layout, &analysis, root, Motion::IDENTITY, detail);
        let seen = first.dots[first.dots.len() / 10];
        let beside = Motion::forward(2.0).after(Motion::to_center(seen.at())).after(seen.frame);
        let second = laws(&mut layout, &analysis, seen.place, beside, detail);
        for scene in [first, second] {
            for dot in &scene.dots {
                let mut above = dot.above;
                while let Some(at) = above {
                    let over = &scene.dots[at as usize];
                    if let Some(over_above) = over.above {
                        let sector = layout.sector(scene.dots[over_above as usize].frame, over.place);
                        let size = detail.radius * sector.extent();
                        let apart = (dot.at() - over.at()).norm() * detail.radius;
                        assert!(apart <= size + 1e-6, "{apart} {size}");
                    }
                    above = over.above;
                }
            }
        }
    }

    /// The same picture from another anchor.
    #[test]
    fn the_anchor_does_not_matter() {
        let analysis = demo(5000);
        let mut layout = Layout::new(&analysis, 0.9);
        let detail = Detail { radius: 400.0, threshold: 4.0, budget: 4000 };
        let root = layout.root();
        let one = laws(&mut layout, &analysis, root, Motion::IDENTITY, detail);
        let other = one.dots[one.dots.len() / 20];
        let two = laws(&mut layout, &analysis, other.place, other.frame, detail);
        let places: HashMap<PlaceId, Point> = one.dots.iter().map(|dot| (dot.place, dot.at())).collect();
        for dot in &two.dots {
            if let Some(&at) = places.get(&dot.place) {
                assert!(disk::distance(at, dot.at()) < 1e-6);
            }
        }
        let both = two.dots.iter().filter(|dot| places.contains_key(&dot.place)).count();
        assert!(both * 10 >= one.dots.len() * 9, "{both} of {}", one.dots.len());
    }
}
