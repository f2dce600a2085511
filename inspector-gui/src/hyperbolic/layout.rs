//! Where the nodes of the dominator tree lie, each relative to the one above it.
//!
//! A node is at a direction and a distance from the node above it and has a
//! wedge, in which everything below it lies. There are no absolute positions: a
//! chain of ten million links loses no precision. What is below a node is placed
//! when it is first looked at; it depends on the node's wedge and the sizes of its
//! children alone.
//!
//! A node with more than [`FAN`] children shows the largest and bundles the
//! others, which are a run of siblings each, and open the same way. So no node
//! has more than [`FAN`] places below it, and a fan-out of millions is a few levels.
//!
//! With a half wedge Φ for a node, a child of weight w gets the half sector
//! f = Φ w / Σw, lies at ρ = max(ρ₀, asinh(sinh s / sin f)), which keeps it the
//! separation s away from the ends of its sector, and has itself the half wedge
//! 2 atan(e^ρ tan(f / 2)): its sector, seen from where it is (less, where that
//! would reach back to the node above).

use super::disk::{Motion, Point};
use heap_analysis::dominator_tree::Above;
use heap_analysis::{Analysis, NodeId};
use std::f64::consts::PI;
use std::ops::Range;

/// Places below one.
pub const FAN: u32 = 64;

/// Children of a node with more than [`FAN`] that stand for themselves.
const SINGLE: u32 = 48;

/// Distance that a place keeps from the ends of its sector.
const SEPARATION: f64 = 0.12;

/// Half wedge of a first place that is not everything: the rest is for what is above it.
const CUT_WEDGE: f64 = 0.85 * PI;

/// Largest radius of a disc, by the smallest distance between a place and the one above.
const ROOM: f64 = 0.45;

/// A sector wider than this keeps no further away.
const MAX_SECTOR: f64 = 1.45;

/// Weight of a place: its bytes to this power, so that small ones are seen as well.
const POWER: f64 = 0.7;

/// No place weighs less than this part of the mean of its siblings.
const FLOOR: f64 = 0.02;

/// Levels above a node that are placed with it. At the smallest step a node so
/// far up is a hyperbolic distance of 50 away: beyond every rim.
const LEVELS_ABOVE: usize = 128;

/// A place in a [`Layout`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PlaceId(u32);

/// What stands at a place.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Item {
    /// The virtual root: everything reachable.
    All,
    /// A node.
    Node(NodeId),
    /// A bundle: siblings, by their positions in the dominator tree.
    Run(Range<u32>),
}

/// A place as it is seen in the disk, and the part of the rim that everything below it leads to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sector {
    /// The place.
    pub at: Point,
    /// One end, on the rim.
    pub one: Point,
    /// The other.
    pub other: Point,
    /// Between them, on the rim.
    pub middle: Point,
}

impl Sector {
    /// Width of the disk's part that everything below the place lies in; no less
    /// than it is, for a disk of radius 1.
    #[inline]
    pub fn extent(&self) -> f64 {
        let Sector { at, one, other, middle } = *self;
        let chord = other - one;
        let side = |point: Point| chord.x * (point.y - one.y) - chord.y * (point.x - one.x);
        // More than half of the rim.
        if side(middle) * side(Point::ZERO) > 0.0 {
            return 2.0;
        }
        chord.norm2().max((one - at).norm2()).max((other - at).norm2()).sqrt()
    }
}

/// What has not been placed yet.
const UNKNOWN: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Place {
    item: Item,
    above: u32,
    /// Places below it, once known: first and number.
    first: u32,
    count: u32,
    /// The distances with which those below were placed last.
    placed: u32,
    /// Bytes that are drawn at it and below it.
    bytes: u64,
    /// Its part of the wedge of the place above, before that is divided.
    weight: f64,
    /// Half of its sector, and direction and distance, from the place above.
    sector: f64,
    angle: f64,
    step: f64,
    /// In the frame of the place above: where it lies, and the ideal ends and middle of its sector.
    at: Point,
    ends: [Point; 3],
}

/// Where nodes lie, as far as they have been looked at.
#[derive(Debug)]
pub struct Layout {
    places: Vec<Place>,
    /// Smallest distance between a place and the one above it.
    step: f64,
    /// Changes with the distances.
    placed: u32,
}

impl Layout {
    /// From everything reachable on, at a smallest distance between a place and the one above.
    pub fn new(analysis: &Analysis, step: f64) -> Layout {
        Layout::at(analysis, Item::All, step)
    }

    fn at(analysis: &Analysis, item: Item, step: f64) -> Layout {
        let place = Place { bytes: bytes(analysis, &item), ..Place::new(item, UNKNOWN) };
        Layout { places: vec![place], step, placed: 0 }
    }

    /// Other distances between the same places. They are placed when they are looked at; `kept`
    /// at once, so that their frames are known.
    pub fn set_step(&mut self, step: f64, kept: &[PlaceId]) {
        self.step = step;
        self.placed += 1;
        for place in kept {
            self.place(place.0 as usize);
        }
    }

    /// Places one with the present distances, and what is above it first.
    fn place(&mut self, at: usize) {
        let above = |at: usize| Some(self.places[at].above).filter(|above| *above != UNKNOWN);
        let chain = std::iter::successors(above(at), |&up| above(up as usize));
        let late = |&up: &u32| self.places[up as usize].placed != self.placed;
        let late: Vec<u32> = chain.take_while(late).collect();
        for up in late.into_iter().rev() {
            self.place_below(up as usize);
        }
    }

    /// A layout in which `item` has its surroundings: some levels above it, and
    /// all that is below those. Everything where nothing reaches it.
    pub fn around(analysis: &Analysis, item: &Item, step: f64) -> (Layout, PlaceId) {
        let mut top = above_of(analysis, item);
        for _ in 0..LEVELS_ABOVE {
            let Some(Above::Node(node)) = top else { break };
            top = analysis.dominators().above(node);
        }
        let top = match top {
            Some(Above::Node(node)) => Item::Node(node),
            Some(Above::Virtual) | None => Item::All,
        };
        let mut layout = Layout::at(analysis, top, step);
        let root = layout.root();
        let place = layout.find(analysis, item).unwrap_or(root);
        (layout, place)
    }

    /// The first place: everything, or an ancestor far away.
    pub fn root(&self) -> PlaceId {
        PlaceId(0)
    }

    /// Whether there is something above the first place.
    pub fn is_cut(&self) -> bool {
        self.places[0].item != Item::All
    }

    /// Levels from the first place to this one.
    pub fn depth(&self, place: PlaceId) -> usize {
        std::iter::successors(self.above(place), |&place| self.above(place)).count()
    }

    /// Places known so far.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never: there is always a first place.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What stands there.
    pub fn item(&self, place: PlaceId) -> &Item {
        &self.places[place.0 as usize].item
    }

    /// The place above.
    pub fn above(&self, place: PlaceId) -> Option<PlaceId> {
        let above = self.places[place.0 as usize].above;
        (above != UNKNOWN).then_some(PlaceId(above))
    }

    /// Bytes that are drawn at a place and below it: what it retains.
    #[inline]
    pub fn bytes(&self, place: PlaceId) -> u64 {
        self.places[place.0 as usize].bytes
    }

    /// Its own bytes, nothing below it.
    pub fn own_bytes(&self, analysis: &Analysis, place: PlaceId) -> u64 {
        match self.item(place) {
            Item::Node(node) => analysis.heap().shallow(*node),
            Item::All | Item::Run(_) => 0,
        }
    }

    /// Nodes that it stands for, without those below them.
    pub fn nodes(&self, place: PlaceId) -> u64 {
        match self.item(place) {
            Item::All => 0,
            Item::Node(_) => 1,
            Item::Run(run) => u64::from(run.end - run.start),
        }
    }

    /// Hyperbolic radius that a disc there may have without touching another one.
    pub fn room(&self, place: PlaceId) -> f64 {
        let Place { step, sector, above, .. } = self.places[place.0 as usize];
        if above == UNKNOWN {
            return ROOM * self.step;
        }
        let to_end = (step.sinh() * sector.min(PI / 2.0).sin()).asinh();
        (0.9 * to_end).min(ROOM * self.step)
    }

    /// Half of the wedge that everything below a place lies in.
    fn wedge(&self, at: usize) -> f64 {
        let place = &self.places[at];
        match (place.above, &place.item) {
            (UNKNOWN, Item::All) => return PI,
            (UNKNOWN, _) => return CUT_WEDGE,
            _ => {}
        }
        let Place { step, sector, .. } = *place;
        // The wedge keeps off the disc of the place above, which lies right behind.
        let widest = PI - ((ROOM * self.step).sinh() / step.sinh()).asin();
        (2.0 * (step.exp() * (sector / 2.0).min(PI / 2.0 - 1e-9).tan()).atan()).min(widest)
    }

    /// The frame of a place, from that of the place above.
    pub fn frame_below(&self, above: Motion, place: PlaceId) -> Motion {
        above.after(self.step_to(place))
    }

    /// The frame of the place above, from that of a place.
    pub fn frame_above(&self, below: Motion, place: PlaceId) -> Motion {
        below.after(self.step_to(place).inverse())
    }

    fn step_to(&self, place: PlaceId) -> Motion {
        let place = &self.places[place.0 as usize];
        Motion::turn(place.angle).after(Motion::forward(place.step))
    }

    /// Where a place is, and the ideal ends and middle of its sector, in the disk,
    /// from the frame of the place above: everything below it lies between them.
    #[inline]
    pub fn sector(&self, above: Motion, place: PlaceId) -> Sector {
        let place = &self.places[place.0 as usize];
        let [one, other, middle] = place.ends.map(|end| above.apply(end));
        Sector { at: above.apply(place.at), one, other, middle }
    }

    /// Whether [`Sector::extent`] is at most `size`, which is less than 1. Most places are that
    /// small, and here it costs no division.
    #[inline]
    pub fn is_small(&self, above: Motion, place: PlaceId, size: f64) -> bool {
        let Place { at, ends: [one, other, middle], .. } = &self.places[place.0 as usize];
        let [to_at, to_one, to_other, to_middle] =
            [*at, *one, *other, *middle].map(|point| above.shrinks(point));
        let size2 = size * size;
        // Both ends are as far from the place, and from the middle between them.
        let (side, half) = ((*one - *at).norm2(), (*one - *middle).norm2());
        let is_near = |length: f64, a: f64, b: f64| length <= size2 * a * b;
        is_near(side, to_at, to_one)
            && is_near(side, to_at, to_other)
            && is_near((*other - *one).norm2(), to_one, to_other)
            // Else the sector is nearly all of the rim.
            && is_near(half, to_one, to_middle)
    }

    /// The frame of `to`, where `from` has the frame `frame`.
    pub fn frame_at(&self, from: PlaceId, frame: Motion, to: PlaceId) -> Motion {
        let way = |place| std::iter::successors(Some(place), |&place| self.above(place));
        let up: Vec<PlaceId> = way(from).collect();
        let mut down = Vec::new();
        let mut common = self.root();
        for place in way(to) {
            if up.contains(&place) {
                common = place;
                break;
            }
            down.push(place);
        }
        let rise = up.iter().take_while(|&&place| place != common);
        let frame = rise.fold(frame, |frame, &place| self.frame_above(frame, place));
        down.into_iter().rev().fold(frame, |frame, place| self.frame_below(frame, place))
    }

    /// The places directly below one, largest first.
    pub fn expand(
        &mut self,
        analysis: &Analysis,
        place: PlaceId,
    ) -> impl DoubleEndedIterator<Item = PlaceId> {
        let at = place.0 as usize;
        if self.places[at].first == UNKNOWN {
            self.find_items(analysis, at);
        }
        if self.places[at].placed != self.placed {
            self.place(at);
            self.place_below(at);
        }
        let Place { first, count, .. } = self.places[at];
        (first..first + count).map(PlaceId)
    }

    /// What stands below a place, and how much each weighs.
    fn find_items(&mut self, analysis: &Analysis, at: usize) {
        let tree = analysis.dominated();
        let run = match &self.places[at].item {
            Item::All => tree.children(Above::Virtual),
            Item::Node(node) => tree.children(Above::Node(*node)),
            Item::Run(run) => run.clone(),
        };
        let first = self.places.len();
        // By a quarter at a time: twice as many as are needed would be most of the window's memory.
        if self.places.capacity() - first < FAN as usize {
            self.places.reserve_exact(first / 4 + FAN as usize);
        }
        self.places.extend(split(run).map(|run| {
            let item = match run.len() {
                1 => Item::Node(tree.at(run.start)),
                _ => Item::Run(run),
            };
            let bytes = bytes(analysis, &item);
            Place { bytes, weight: (bytes as f64).powf(POWER), ..Place::new(item, at as u32) }
        }));
        let below = &mut self.places[first..];
        let mean = below.iter().map(|place| place.weight).sum::<f64>() / below.len().max(1) as f64;
        // Where nothing has bytes, all are alike.
        let floor = if mean > 0.0 { mean * FLOOR } else { 1.0 };
        below.iter_mut().for_each(|place| place.weight = place.weight.max(floor));
        let count = below.len() as u32;
        let place = &mut self.places[at];
        (place.first, place.count, place.placed) = (first as u32, count, UNKNOWN);
    }

    /// Where the places below one lie.
    fn place_below(&mut self, at: usize) {
        let wedge = self.wedge(at);
        let Place { first, count, .. } = self.places[at];
        self.places[at].placed = self.placed;
        let (smallest, least) = (self.step, self.step.sinh());
        let below = &mut self.places[first as usize..(first + count) as usize];
        let per_weight = wedge / below.iter().map(|place| place.weight).sum::<f64>();
        // The largest in the middle, the others outward from it on alternate sides.
        let odd = (0..below.len()).rev().filter(|index| index % 2 == 1);
        let even = (0..below.len()).step_by(2);
        let mut start = -wedge;
        for index in odd.chain(even) {
            let place = &mut below[index];
            let sector = per_weight * place.weight;
            let angle = start + sector;
            start += 2.0 * sector;
            let end = Point::unit(sector);
            let kept = if sector <= MAX_SECTOR { end.y } else { MAX_SECTOR.sin() };
            // Sine of the hyperbolic distance; the distance itself where it is not the smallest.
            let sinh = (SEPARATION.sinh() / kept).max(least);
            let step = if sinh > least { sinh.asinh() } else { smallest };
            let out = sinh / (1.0 + (1.0 + sinh * sinh).sqrt());
            let middle = Point::unit(angle);
            (place.sector, place.angle, place.step) = (sector, angle, step);
            place.at = middle.scale(out);
            place.ends = [middle * end.conj(), middle * end, middle];
        }
    }

    /// The place of an item; `None` where it is not below the first place, or
    /// more than [`LEVELS_ABOVE`] levels and some more.
    pub fn find(&mut self, analysis: &Analysis, item: &Item) -> Option<PlaceId> {
        // Up to the first place, then down the same way.
        let mut way = vec![item.clone()];
        while way.last() != Some(&self.places[0].item) {
            let above = match above_of(analysis, way.last()?)? {
                Above::Virtual => Item::All,
                Above::Node(node) => Item::Node(node),
            };
            if way.len() > 2 * LEVELS_ABOVE {
                return None;
            }
            way.push(above);
        }
        way.pop();
        let mut place = self.root();
        while let Some(next) = way.pop() {
            place = self.find_below(analysis, place, &next)?;
        }
        Some(place)
    }

    /// A child of what stands at `place`, in whichever bundle it is.
    fn find_below(&mut self, analysis: &Analysis, mut place: PlaceId, item: &Item) -> Option<PlaceId> {
        let run = match item {
            Item::All => return None,
            Item::Node(node) => {
                let position = analysis.dominated_position(*node)?;
                position..position + 1
            }
            Item::Run(run) => run.clone(),
        };
        loop {
            let mut below = self.expand(analysis, place);
            place = below.find(|&below| match self.item(below) {
                Item::All => false,
                Item::Node(node) => run.len() == 1 && *item == Item::Node(*node),
                Item::Run(other) => other.start <= run.start && run.end <= other.end,
            })?;
            if self.item(place) == item {
                return Some(place);
            }
        }
    }
}

impl Place {
    fn new(item: Item, above: u32) -> Place {
        Place {
            item,
            above,
            first: UNKNOWN,
            count: 0,
            placed: UNKNOWN,
            bytes: 0,
            weight: 0.0,
            sector: 0.0,
            angle: 0.0,
            step: 0.0,
            at: Point::ZERO,
            ends: [Point::ZERO; 3],
        }
    }
}

/// Bytes of an item with all that goes with it.
pub fn bytes(analysis: &Analysis, item: &Item) -> u64 {
    match item {
        Item::All => analysis.dominated().total(),
        Item::Node(node) => analysis.retained(*node),
        Item::Run(run) => analysis.retained_by(run.clone()),
    }
}

/// What stands above an item in the dominator tree; above a bundle the node whose children it has.
fn above_of(analysis: &Analysis, item: &Item) -> Option<Above> {
    match item {
        Item::All => None,
        Item::Node(node) => analysis.dominators().above(*node),
        Item::Run(run) => analysis.dominators().above(analysis.dominated().at(run.start)),
    }
}

/// Siblings as at most [`FAN`] runs: each by itself, or the first ones and bundles of the rest.
fn split(run: Range<u32>) -> impl Iterator<Item = Range<u32>> {
    let count = run.end - run.start;
    let single = if count <= FAN { count } else { SINGLE };
    let rest = count - single;
    let bundles = rest.div_ceil(FAN).min(FAN - SINGLE);
    let start = run.start;
    let one = move |at: u32| start + at..start + at + 1;
    let bundle = move |at: u32| {
        let edge = |at: u32| start + single + (u64::from(rest) * u64::from(at) / u64::from(bundles)) as u32;
        edge(at)..edge(at + 1)
    };
    (0..single).map(one).chain((0..bundles).map(bundle))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::disk;
    use super::*;
    use heap_analysis::config::Config;
    use heap_analysis::{demo, Heap, Lens};
    use std::collections::VecDeque;
    use std::sync::Arc;

    pub(crate) fn demo(nodes: usize) -> Analysis {
        let heap = Arc::new(Heap::from_snapshot(demo::snapshot(nodes)));
        Analysis::new(heap, Arc::new(Config::default()), Lens::default())
    }

    #[test]
    fn runs_are_split_without_gaps() {
        for count in [0, 1, 48, 64, 65, 112, 113, 1000, 70_000, 10_000_000] {
            let runs: Vec<Range<u32>> = split(7..7 + count).collect();
            assert!(runs.len() <= FAN as usize, "{count}");
            assert!(runs.iter().all(|run| !run.is_empty()));
            let mut at = 7;
            for run in runs {
                assert_eq!(run.start, at);
                at = run.end;
            }
            assert_eq!(at, 7 + count);
        }
    }

    /// The same places with other distances are those of a layout that never had others.
    #[test]
    fn distances_change_as_if_they_had_always_been_so() {
        let analysis = demo(20_000);
        let mut changed = Layout::new(&analysis, 0.9);
        let mut places = vec![changed.root()];
        for at in 0..400 {
            let below: Vec<PlaceId> = changed.expand(&analysis, places[at]).collect();
            places.extend(below);
        }
        for step in [0.4, 1.6, 1.0] {
            let last = places[places.len() - 1];
            changed.set_step(step, &[last]);
            let mut fresh = Layout::new(&analysis, step);
            // Backwards: what is above is placed on the way.
            for &place in places[..400].iter().rev() {
                let item = changed.item(place).clone();
                let same = fresh.find(&analysis, &item).unwrap();
                let one: Vec<PlaceId> = changed.expand(&analysis, place).collect();
                let other: Vec<PlaceId> = fresh.expand(&analysis, same).collect();
                for (one, other) in one.into_iter().zip(other) {
                    assert_eq!(changed.item(one), fresh.item(other));
                    assert_eq!(changed.room(one), fresh.room(other));
                    let frame = Motion::forward(0.3);
                    assert_eq!(changed.sector(frame, one), fresh.sector(frame, other));
                    assert_eq!(changed.frame_below(frame, one), fresh.frame_below(frame, other));
                }
            }
        }
    }

    /// What is called small is small, and nearly all that is small is called so.
    #[test]
    fn small_places_are_found_without_a_division() {
        let analysis = demo(20_000);
        let mut layout = Layout::new(&analysis, 0.9);
        let mut open = vec![layout.root()];
        let (mut said, mut small) = (0, 0);
        for at in 0..600 {
            let place = open[at];
            let below: Vec<PlaceId> = layout.expand(&analysis, place).collect();
            for turn in 0..7 {
                let frame = Motion::turn(f64::from(turn)).after(Motion::forward(f64::from(turn) * 1.5 - 4.0));
                for &place in &below {
                    let extent = layout.sector(frame, place).extent();
                    for size in [0.005, 0.02, 0.4] {
                        let is_small = layout.is_small(frame, place, size);
                        assert!(!is_small || extent <= size * (1.0 + 1e-9), "{extent} {size}");
                        said += usize::from(is_small);
                        small += usize::from(extent <= size);
                    }
                }
            }
            open.extend(below);
        }
        assert!(said * 100 > small * 95 && small > 5_000, "{said} of {small}");
    }

    /// Below every place are its bytes, less its own; and every item is found where it is.
    #[test]
    fn places_below_have_all_bytes() {
        let analysis = demo(20_000);
        let mut layout = Layout::new(&analysis, 0.9);
        let mut open = vec![layout.root()];
        let mut met = 0;
        while let Some(place) = open.pop() {
            met += layout.nodes(place) * u64::from(matches!(layout.item(place), Item::Node(_)));
            let below: Vec<PlaceId> = layout.expand(&analysis, place).collect();
            let sum: u64 = below.iter().map(|&below| layout.bytes(below)).sum();
            assert_eq!(sum + layout.own_bytes(&analysis, place), layout.bytes(place));
            let item = layout.item(place).clone();
            assert_eq!(layout.find(&analysis, &item), Some(place), "{item:?}");
            open.extend(below);
        }
        let reachable = analysis.heap().node_ids().filter(|&node| analysis.dominators().is_reachable(node));
        assert_eq!(met, reachable.count() as u64);
    }

    /// Discs of all places near the middle keep off each other.
    #[test]
    fn discs_do_not_overlap() {
        let analysis = demo(20_000);
        for step in [0.4, 0.9, 1.6] {
            let mut layout = Layout::new(&analysis, step);
            let mut open = VecDeque::from([(layout.root(), Motion::IDENTITY)]);
            let mut discs: Vec<(Point, f64)> = Vec::new();
            while let Some((place, frame)) = open.pop_front() {
                discs.push((frame.center(), layout.room(place)));
                if discs.len() == 1200 {
                    break;
                }
                let below: Vec<PlaceId> = layout.expand(&analysis, place).collect();
                open.extend(below.into_iter().map(|below| (below, layout.frame_below(frame, below))));
            }
            for (at, &(p, own)) in discs.iter().enumerate() {
                for &(q, other) in &discs[..at] {
                    let distance = disk::distance(p, q);
                    assert!(p.norm() < 1.0 && distance > own + other, "{distance} {own} {other} at {step}");
                }
            }
        }
    }

    /// Frames are the same whichever way they were reached.
    #[test]
    fn frames_agree() {
        let analysis = demo(2000);
        let mut layout = Layout::new(&analysis, 0.9);
        let deep = {
            let mut place = layout.root();
            while let Some(below) = layout.expand(&analysis, place).next() {
                place = below;
            }
            place
        };
        let frame = layout.frame_at(layout.root(), Motion::IDENTITY, deep);
        let back = layout.frame_at(deep, frame, layout.root());
        assert!(disk::distance(Point::ZERO, back.center()) < 1e-3, "{back:?}");
        if let Some(above) = layout.above(deep) {
            let here = layout.frame_at(deep, Motion::IDENTITY, above);
            assert!(
                (disk::distance(Point::ZERO, here.center()) - layout.places[deep.0 as usize].step).abs()
                    < 1e-9
            );
            // What is above lies to the left.
            assert!(here.center().x < 0.0 && here.center().y.abs() < 1e-9);
        }
    }

    /// The surroundings of a node do not depend on how far up the layout begins, but for the wedge.
    #[test]
    fn a_deep_node_has_its_surroundings() {
        let analysis = demo(2000);
        let node = analysis.heap().node_ids().filter(|&node| analysis.dominators().is_reachable(node)).last();
        let item = Item::Node(node.unwrap());
        let (layout, place) = Layout::around(&analysis, &item, 0.9);
        assert_eq!(*layout.item(place), item);
        assert!(layout.depth(place) > 0 && !layout.is_cut());
    }
}
