//! Regions of a function: which are universal, which must outlive which, where each is live.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use heap_walk::Walk;
use rustc_hash::FxHashMap;
use rustc_index::bit_set::SparseBitMatrix;
use rustc_index::IndexVec;

use crate::facts::{AllFacts, Output};
use crate::gcx::GlobalCtxt;
use crate::index::{ConstraintIndex, Loan, Origin, Point, SccIndex};
use crate::location::{Location, LocationTable};
use crate::ty::{Region, RegionKind};

/// The regions that a function is generic over, and what its signature says of them.
#[derive(Debug, Walk)]
pub struct UniversalRegions<'tcx> {
    /// In the order of the facts; the first is `'static`.
    pub regions: Vec<Region<'tcx>>,
    /// The placeholder loan of each.
    pub placeholders: FxHashMap<Origin, Loan>,
}

/// What the signature says of universal regions; shares them with the inference context.
#[derive(Debug, Walk)]
pub struct UniversalRegionRelations<'tcx> {
    /// The regions.
    pub universal_regions: Rc<UniversalRegions<'tcx>>,
    /// `(a, b)` when `a: b` is declared, or implied by another.
    pub outlives: BTreeSet<(Origin, Origin)>,
}

/// Everything about the regions of one function.
#[derive(Debug, Walk)]
pub struct RegionInferenceContext<'tcx> {
    /// What each region is.
    #[walk(with = crate::index::walk_index_vec)]
    pub definitions: IndexVec<Origin, RegionDefinition<'tcx>>,
    /// Where each region is live; shared with the type check's side.
    pub liveness_constraints: Rc<LivenessValues>,
    /// What must outlive what.
    #[walk(with = crate::index::walk_index_vec)]
    pub constraints: IndexVec<ConstraintIndex, OutlivesConstraint<'tcx>>,
    /// The constraints by the region that must outlive.
    pub constraint_graph: ConstraintGraph,
    /// Regions that outlive each other.
    pub constraint_sccs: Sccs,
    /// The points of each component, its successors' included; its words are private to the matrix.
    #[walk(opaque)]
    pub scc_values: SparseBitMatrix<SccIndex, Point>,
    /// The regions that the function is generic over.
    pub universal_regions: Rc<UniversalRegions<'tcx>>,
    /// What its signature says of them.
    pub universal_region_relations: UniversalRegionRelations<'tcx>,
}

/// What a region is.
#[derive(Debug, Walk)]
pub struct RegionDefinition<'tcx> {
    /// Why it exists.
    pub origin: RegionOrigin,
    /// Its interned form.
    pub region: Region<'tcx>,
    /// The points of its component with no gap between them; empty for a region that isn't live.
    pub hull: Option<Range<Point>>,
}

/// Why a region exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Walk)]
pub enum RegionOrigin {
    /// The function is generic over it.
    FreeRegion {
        /// The loan that stands for its referents.
        placeholder: Loan,
    },
    /// A borrow expression makes references with it.
    Borrow(Loan),
    /// A type in the body has it.
    Existential,
}

/// Where each region is live, as intervals of points.
#[derive(Debug, Walk)]
pub struct LivenessValues {
    /// The number of points.
    pub domain: usize,
    /// By region.
    #[walk(with = crate::index::walk_index_vec)]
    pub points: IndexVec<Origin, IntervalSet>,
}

/// A set of points as disjoint inclusive intervals in order, no two of them adjacent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Walk)]
pub struct IntervalSet {
    map: Vec<(Point, Point)>,
}

/// `sup: sub`.
#[derive(Debug, Walk)]
pub struct OutlivesConstraint<'tcx> {
    /// The region that outlives.
    pub sup: Origin,
    /// The region that is outlived.
    pub sub: Origin,
    /// Where it must hold.
    pub locations: Locations,
    /// Why it must hold.
    pub category: ConstraintCategory<'tcx>,
}

/// Where a constraint must hold.
#[derive(Clone, Debug, PartialEq, Eq, Walk)]
pub enum Locations {
    /// Everywhere that facts name: this many locations, up to that one.
    Many {
        /// How many locations.
        count: usize,
        /// The last of them.
        last: Location,
    },
    /// At one location.
    Single(Location),
}

/// Why a constraint must hold, as far as facts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Walk)]
pub enum ConstraintCategory<'tcx> {
    /// The reference to a place lives no longer than a reference on its way.
    Reborrow {
        /// The new reference's loan.
        loan: Loan,
        /// The region on the way.
        through: Region<'tcx>,
    },
    /// One of the regions belongs to the function's signature.
    Signature,
    /// A value flows.
    Flow,
}

/// Constraints as linked lists through two tables.
#[derive(Debug, Walk)]
pub struct ConstraintGraph {
    /// The last constraint of each region.
    #[walk(with = crate::index::walk_index_vec)]
    pub first_constraints: IndexVec<Origin, Option<ConstraintIndex>>,
    /// The constraint before each with the same region.
    #[walk(with = crate::index::walk_index_vec)]
    pub next_constraints: IndexVec<ConstraintIndex, Option<ConstraintIndex>>,
}

/// Strongly connected components, each numbered after those it reaches.
#[derive(Debug, Walk)]
pub struct Sccs {
    /// The component of each region.
    #[walk(with = crate::index::walk_index_vec)]
    pub scc_indices: IndexVec<Origin, SccIndex>,
    /// Where each component's successors lie in `all_successors`.
    #[walk(with = crate::index::walk_index_vec)]
    pub scc_ranges: IndexVec<SccIndex, Range<usize>>,
    /// Successors of all components, one after the other.
    pub all_successors: Vec<SccIndex>,
}

/// The interned regions of a function, by origin.
///
/// The first universal region is `'static`, others are placeholders, all else is to be inferred.
pub fn regions_of<'tcx>(gcx: &GlobalCtxt<'tcx>, facts: &AllFacts) -> Vec<Region<'tcx>> {
    let placeholders: FxHashMap<Origin, Loan> = facts.placeholder.iter().copied().collect();
    let first = facts.universal_region.first().copied();
    let kind = |origin| match placeholders.get(&origin) {
        _ if Some(origin) == first => RegionKind::Static,
        Some(&loan) => RegionKind::Placeholder { origin, loan },
        None => RegionKind::Var(origin),
    };
    (0..origin_count(facts)).map(|i| gcx.mk_region(kind(Origin::from_usize(i)))).collect()
}

/// One more than the largest origin in the facts.
fn origin_count(facts: &AllFacts) -> usize {
    let issued = facts.loan_issued_at.iter().map(|row| row.0);
    let subset = facts.subset_base.iter().flat_map(|&(a, b, _)| [a, b]);
    let known = facts.known_placeholder_subset.iter().flat_map(|&(a, b)| [a, b]);
    let derefs = [&facts.use_of_var_derefs_origin, &facts.drop_of_var_derefs_origin];
    let derefs = derefs.into_iter().flatten().map(|row| row.1);
    let universal = facts.universal_region.iter().copied();
    let placeholder = facts.placeholder.iter().map(|row| row.0);
    let all = issued.chain(subset).chain(known).chain(derefs).chain(universal).chain(placeholder);
    all.map(|origin| origin.index() + 1).max().unwrap_or(0)
}

impl<'tcx> RegionInferenceContext<'tcx> {
    /// Gathers what facts and output say of regions, and propagates liveness over the constraints.
    ///
    /// Linear in facts, output and constraints, but for the propagation's bit rows (components times
    /// points in the worst case).
    pub fn new(facts: &AllFacts, output: &Output, table: &LocationTable, regions: &[Region<'tcx>]) -> Self {
        let count = regions.len();
        let placeholders: FxHashMap<Origin, Loan> = facts.placeholder.iter().copied().collect();
        let loans: FxHashMap<Origin, Loan> =
            facts.loan_issued_at.iter().map(|&(origin, loan, _)| (origin, loan)).collect();
        let liveness = LivenessValues::new(output, table.num_points(), count);
        let constraints = constraints(facts, table, regions, &placeholders, &loans);
        let constraint_graph = ConstraintGraph::new(&constraints, count);
        let successors =
            |origin| constraint_graph.outgoing(origin).map(|constraint| constraints[constraint].sub);
        let constraint_sccs = Sccs::new(count, successors);
        let scc_values = scc_values(&constraint_sccs, &liveness);

        let definitions = regions.iter().zip(constraint_sccs.scc_indices.iter_enumerated());
        let definitions = definitions.map(|(&region, (origin, &scc))| RegionDefinition {
            origin: match (placeholders.get(&origin), loans.get(&origin)) {
                (Some(&placeholder), _) => RegionOrigin::FreeRegion { placeholder },
                (None, Some(&loan)) => RegionOrigin::Borrow(loan),
                (None, None) => RegionOrigin::Existential,
            },
            region,
            hull: hull(&scc_values, scc),
        });
        let definitions = definitions.collect();
        let universal_regions = Rc::new(UniversalRegions {
            regions: facts.universal_region.iter().map(|&origin| regions[origin.index()]).collect(),
            placeholders,
        });
        let universal_region_relations = UniversalRegionRelations {
            universal_regions: universal_regions.clone(),
            outlives: transitive_closure(&facts.known_placeholder_subset),
        };
        RegionInferenceContext {
            definitions,
            liveness_constraints: Rc::new(liveness),
            constraints,
            constraint_graph,
            constraint_sccs,
            scc_values,
            universal_regions,
            universal_region_relations,
        }
    }

    /// True when the region may be dereferenced at the point, itself or through one it flows into.
    pub fn region_contains(&self, origin: Origin, point: Point) -> bool {
        self.scc_values.contains(self.constraint_sccs.scc_indices[origin], point)
    }
}

impl LivenessValues {
    fn new(output: &Output, domain: usize, count: usize) -> LivenessValues {
        let mut by_origin: IndexVec<Origin, Vec<Point>> = IndexVec::from_elem_n(Vec::new(), count);
        for (&point, origins) in &output.origin_live_on_entry {
            for &origin in origins {
                by_origin[origin].push(point);
            }
        }
        let points = by_origin.into_iter().map(IntervalSet::from_points).collect();
        LivenessValues { domain, points }
    }
}

impl IntervalSet {
    /// The set of these points. Sorting them is what it costs.
    pub fn from_points(mut points: Vec<Point>) -> IntervalSet {
        points.sort_unstable();
        let mut map: Vec<(Point, Point)> = Vec::new();
        for point in points {
            match map.last_mut() {
                Some((_, end)) if point.index() <= end.index() + 1 => *end = point,
                _ => map.push((point, point)),
            }
        }
        IntervalSet { map }
    }

    /// The points in order.
    pub fn iter(&self) -> impl Iterator<Item = Point> + '_ {
        self.map.iter().flat_map(|&(start, end)| (start.index()..=end.index()).map(Point::from_usize))
    }

    /// True when the point is in the set. A binary search.
    pub fn contains(&self, point: Point) -> bool {
        let after = self.map.partition_point(|&(start, _)| start <= point);
        after > 0 && point <= self.map[after - 1].1
    }

    /// How many intervals there are.
    pub fn intervals(&self) -> usize {
        self.map.len()
    }
}

impl ConstraintGraph {
    fn new(constraints: &IndexVec<ConstraintIndex, OutlivesConstraint<'_>>, count: usize) -> Self {
        let mut first_constraints = IndexVec::from_elem_n(None, count);
        let mut next_constraints = IndexVec::from_elem(None, constraints);
        for (index, constraint) in constraints.iter_enumerated() {
            next_constraints[index] = first_constraints[constraint.sup].replace(index);
        }
        ConstraintGraph { first_constraints, next_constraints }
    }

    /// The constraints that make a region outlive another, last first.
    pub fn outgoing(&self, origin: Origin) -> impl Iterator<Item = ConstraintIndex> + '_ {
        let first = self.first_constraints[origin];
        std::iter::successors(first, |&constraint| self.next_constraints[constraint])
    }
}

impl Sccs {
    /// Tarjan's algorithm with its own stack; linear in regions and constraints.
    pub fn new<I: Iterator<Item = Origin>>(count: usize, successors: impl Fn(Origin) -> I) -> Sccs {
        const UNSEEN: usize = usize::MAX;
        let mut order = IndexVec::<Origin, usize>::from_elem_n(UNSEEN, count);
        let mut low = order.clone();
        let mut component: IndexVec<Origin, Option<SccIndex>> = IndexVec::from_elem_n(None, count);
        let mut open = Vec::new();
        let mut frames = Vec::new();
        let mut next = 0;
        let mut sccs = 0;
        for start in (0..count).map(Origin::from_usize) {
            if order[start] != UNSEEN {
                continue;
            }
            frames.push((start, successors(start)));
            (order[start], low[start]) = (next, next);
            next += 1;
            open.push(start);
            while let Some((origin, remaining)) = frames.last_mut() {
                let origin = *origin;
                match remaining.next() {
                    Some(to) if order[to] == UNSEEN => {
                        (order[to], low[to]) = (next, next);
                        next += 1;
                        open.push(to);
                        frames.push((to, successors(to)));
                    }
                    Some(to) if component[to].is_none() => {
                        low[origin] = low[origin].min(order[to]);
                    }
                    Some(_) => {}
                    None => {
                        frames.pop();
                        if let Some(&(parent, _)) = frames.last() {
                            low[parent] = low[parent].min(low[origin]);
                        }
                        if low[origin] == order[origin] {
                            let scc = SccIndex::from_usize(sccs);
                            sccs += 1;
                            while let Some(member) = open.pop() {
                                component[member] = Some(scc);
                                if member == origin {
                                    break;
                                }
                            }
                        }
                    }
                }
            }
        }
        let scc_indices: IndexVec<Origin, SccIndex> =
            component.into_iter().map(|scc| scc.expect("every region was visited")).collect();
        let mut by_scc: IndexVec<SccIndex, Vec<SccIndex>> = IndexVec::from_elem_n(Vec::new(), sccs);
        for (origin, &scc) in scc_indices.iter_enumerated() {
            by_scc[scc].extend(successors(origin).map(|to| scc_indices[to]).filter(|&to| to != scc));
        }
        let mut all_successors = Vec::new();
        let scc_ranges = by_scc.into_iter().map(|mut successors| {
            successors.sort_unstable();
            successors.dedup();
            let start = all_successors.len();
            all_successors.extend(successors);
            start..all_successors.len()
        });
        let scc_ranges = scc_ranges.collect();
        Sccs { scc_indices, scc_ranges, all_successors }
    }

    /// The components that a component must outlive.
    pub fn successors(&self, scc: SccIndex) -> &[SccIndex] {
        &self.all_successors[self.scc_ranges[scc].clone()]
    }

    /// How many components there are.
    pub fn len(&self) -> usize {
        self.scc_ranges.len()
    }

    /// True when there are no regions.
    pub fn is_empty(&self) -> bool {
        self.scc_ranges.is_empty()
    }
}

/// One constraint per pair of regions, in the order of the facts.
fn constraints<'tcx>(
    facts: &AllFacts,
    table: &LocationTable,
    regions: &[Region<'tcx>],
    placeholders: &FxHashMap<Origin, Loan>,
    loans: &FxHashMap<Origin, Loan>,
) -> IndexVec<ConstraintIndex, OutlivesConstraint<'tcx>> {
    let mut known: FxHashMap<(Origin, Origin), ConstraintIndex> = FxHashMap::default();
    let mut constraints: IndexVec<ConstraintIndex, OutlivesConstraint<'tcx>> = IndexVec::new();
    for &(sup, sub, point) in &facts.subset_base {
        let location = table.location(point);
        if let Some(&index) = known.get(&(sup, sub)) {
            let locations = &mut constraints[index].locations;
            *locations = match *locations {
                Locations::Single(_) => Locations::Many { count: 2, last: location },
                Locations::Many { count, .. } => Locations::Many { count: count + 1, last: location },
            };
            continue;
        }
        let category = match loans.get(&sub) {
            Some(&loan) => ConstraintCategory::Reborrow { loan, through: regions[sup.index()] },
            None if [sup, sub].iter().any(|origin| placeholders.contains_key(origin)) => {
                ConstraintCategory::Signature
            }
            None => ConstraintCategory::Flow,
        };
        let locations = Locations::Single(location);
        known.insert((sup, sub), constraints.push(OutlivesConstraint { sup, sub, locations, category }));
    }
    constraints
}

/// The live points of each component, with those of the components it must outlive.
fn scc_values(sccs: &Sccs, liveness: &LivenessValues) -> SparseBitMatrix<SccIndex, Point> {
    let mut values = SparseBitMatrix::new(liveness.domain);
    for (origin, &scc) in sccs.scc_indices.iter_enumerated() {
        for point in liveness.points[origin].iter() {
            values.insert(scc, point);
        }
    }
    // Successors are numbered first, so one pass is enough.
    for scc in sccs.scc_ranges.indices() {
        for &successor in sccs.successors(scc) {
            values.union_rows(successor, scc);
        }
    }
    values
}

/// From the first to after the last point of a component.
fn hull(values: &SparseBitMatrix<SccIndex, Point>, scc: SccIndex) -> Option<Range<Point>> {
    let row = values.row(scc)?;
    let first = row.iter().next()?;
    let last = row.last_set_in(..)?;
    Some(first..last + 1)
}

/// All pairs `a: c` with `a: b` and `b: c`, reflexive pairs left out.
///
/// Signatures have few regions, so repeated passes do.
fn transitive_closure(base: &[(Origin, Origin)]) -> BTreeSet<(Origin, Origin)> {
    let mut closure: BTreeSet<(Origin, Origin)> = base.iter().copied().collect();
    loop {
        let step: Vec<(Origin, Origin)> = closure
            .iter()
            .flat_map(|&(a, b)| {
                let from_b = closure.range((b, Origin::ZERO)..=(b, Origin::MAX));
                from_b.map(move |&(_, c)| (a, c))
            })
            .filter(|pair| !closure.contains(pair) && pair.0 != pair.1)
            .collect();
        if step.is_empty() {
            return closure;
        }
        closure.extend(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(indices: &[usize]) -> Vec<Origin> {
        indices.iter().copied().map(Origin::from_usize).collect()
    }

    #[test]
    fn components_come_after_what_they_reach() {
        // 0 -> 1 -> 2 -> 1, 2 -> 3, 4 alone
        let edges = [vec![1], vec![2], vec![1, 3], vec![], vec![]];
        let sccs = Sccs::new(5, |origin: Origin| origins(&edges[origin.index()]).into_iter());
        let of = |index| sccs.scc_indices[Origin::from_usize(index)];
        assert_eq!(sccs.len(), 4);
        assert_eq!(of(1), of(2));
        assert!(of(3) < of(1) && of(1) < of(0), "{:?}", sccs.scc_indices);
        assert_eq!(sccs.successors(of(0)), [of(1)]);
        assert_eq!(sccs.successors(of(1)), [of(3)]);
        assert!(sccs.successors(of(4)).is_empty());
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let count = 200_000;
        let next = |origin: Origin| (origin.index() + 1 < count).then(|| origin + 1).into_iter();
        assert_eq!(Sccs::new(count, next).len(), count);
    }

    #[test]
    fn points_become_intervals() {
        let points = [5, 1, 2, 9, 3].map(Point::from_u32);
        let set = IntervalSet::from_points(points.to_vec());
        assert_eq!(set.intervals(), 3);
        assert!(set.iter().map(|point| point.as_u32()).eq([1, 2, 3, 5, 9]));
        for index in 0..12 {
            let point = Point::from_u32(index);
            assert_eq!(set.contains(point), points.contains(&point), "{point:?}");
        }
    }

    #[test]
    fn declared_relations_are_closed() {
        let o = Origin::from_u32;
        let closed = transitive_closure(&[(o(0), o(1)), (o(1), o(2)), (o(2), o(0))]);
        assert_eq!(closed.len(), 6);
        assert!(closed.contains(&(o(0), o(2))) && !closed.contains(&(o(1), o(1))));
    }
}
