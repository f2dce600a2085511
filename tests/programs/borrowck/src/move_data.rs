//! Move paths: the tree of places that are moved or assigned as a whole, and every move out of one.

use heap_walk::Walk;
use rustc_index::{Idx, IndexVec};

use crate::facts::AllFacts;
use crate::gcx::GlobalCtxt;
use crate::index::{FieldIdx, Local, MoveOutIndex, MovePathIndex, Origin};
use crate::location::{Location, LocationTable};
use crate::ty::{Place, PlaceElem, Region, Ty, TyKind};

/// All paths and moves of a function.
#[derive(Debug, Walk)]
pub struct MoveData<'tcx> {
    /// The paths; a parent comes before its children.
    #[walk(with = crate::index::walk_index_vec)]
    pub move_paths: IndexVec<MovePathIndex, MovePath<'tcx>>,
    /// The moves in the order of the facts.
    #[walk(with = crate::index::walk_index_vec)]
    pub moves: IndexVec<MoveOutIndex, MoveOut>,
    /// The moves of each path.
    #[walk(with = crate::index::walk_index_vec)]
    pub path_map: IndexVec<MovePathIndex, Vec<MoveOutIndex>>,
    /// The path of each local that has one.
    #[walk(with = crate::index::walk_index_vec)]
    pub rev_lookup: IndexVec<Local, Option<MovePathIndex>>,
    /// What is known of each local's type.
    #[walk(with = crate::index::walk_index_vec)]
    pub local_tys: IndexVec<Local, Ty<'tcx>>,
}

/// A path, in a tree whose children are a linked list.
#[derive(Debug, Walk)]
pub struct MovePath<'tcx> {
    /// The last of its siblings found before it.
    pub next_sibling: Option<MovePathIndex>,
    /// Its last child found.
    pub first_child: Option<MovePathIndex>,
    /// What it is a part of.
    pub parent: Option<MovePathIndex>,
    /// The place.
    pub place: Place<'tcx>,
}

/// One move out of a path.
#[derive(Clone, Copy, Debug, Walk)]
pub struct MoveOut {
    /// What is moved.
    pub path: MovePathIndex,
    /// Where.
    pub source: Location,
}

impl<'tcx> MoveData<'tcx> {
    /// Builds the tree from its edges. Linear in the facts.
    ///
    /// `region` gives the region of an origin.
    ///
    /// # Errors
    ///
    /// A path that isn't rooted in a variable, or not numbered after its parent, as text.
    pub fn new(
        gcx: &GlobalCtxt<'tcx>,
        facts: &AllFacts,
        table: &LocationTable,
        region: impl Fn(Origin) -> Region<'tcx>,
    ) -> Result<Self, String> {
        let (local_count, path_count) = (local_count(facts), path_count(facts));
        let mut parents: IndexVec<MovePathIndex, Option<MovePathIndex>> =
            IndexVec::from_elem_n(None, path_count);
        let mut bases: IndexVec<MovePathIndex, Option<Local>> = IndexVec::from_elem_n(None, path_count);
        let mut rev_lookup = IndexVec::from_elem_n(None, local_count);
        for &(path, local) in &facts.path_is_var {
            bases[path] = Some(local);
            rev_lookup[local] = Some(path);
        }
        let mut children: IndexVec<MovePathIndex, Vec<MovePathIndex>> =
            IndexVec::from_elem_n(Vec::new(), path_count);
        for &(child, parent) in &facts.child_path {
            if parent >= child {
                return Err(format!("path {child:?} is numbered before its parent {parent:?}"));
            }
            parents[child] = Some(parent);
            children[parent].push(child);
        }

        let local_regions = |pairs: &[(Local, Origin)]| {
            let mut by_local = IndexVec::<Local, Vec<Region<'tcx>>>::from_elem_n(Vec::new(), local_count);
            for &(local, origin) in pairs {
                by_local[local].push(region(origin));
            }
            by_local
        };
        let mut used = local_regions(&facts.use_of_var_derefs_origin);
        let mut dropped = local_regions(&facts.drop_of_var_derefs_origin);

        // Children first: a type holds the types of its parts.
        let plain = gcx.common().plain;
        let mut path_tys: IndexVec<MovePathIndex, Ty<'tcx>> = IndexVec::from_elem_n(plain, path_count);
        let mut local_tys = IndexVec::from_elem_n(plain, local_count);
        for index in (0..path_count).rev() {
            let path = MovePathIndex::from_usize(index);
            let fields = children[path].iter().map(|&child| path_tys[child]).collect();
            let (regions, dropped_regions) = match bases[path] {
                Some(local) => (std::mem::take(&mut used[local]), std::mem::take(&mut dropped[local])),
                None => (Vec::new(), Vec::new()),
            };
            path_tys[path] = ty_of(gcx, regions, dropped_regions, fields);
            if let Some(local) = bases[path] {
                local_tys[local] = path_tys[path];
            }
        }
        for local in rev_lookup.indices().filter(|&local| rev_lookup[local].is_none()) {
            let (regions, dropped) = (std::mem::take(&mut used[local]), std::mem::take(&mut dropped[local]));
            local_tys[local] = ty_of(gcx, regions, dropped, Vec::new());
        }

        let mut move_paths: IndexVec<MovePathIndex, MovePath<'tcx>> = IndexVec::with_capacity(path_count);
        for index in 0..path_count {
            let path = MovePathIndex::from_usize(index);
            let place = match (bases[path], parents[path]) {
                (Some(local), _) => Place { local, projection: &[] },
                (None, Some(parent)) => {
                    let Place { local, projection } = move_paths[parent].place;
                    let field = children[parent].binary_search(&path).unwrap_or_default();
                    let elem = PlaceElem::Field(FieldIdx::from_usize(field), path_tys[path]);
                    let elems = projection.iter().copied().chain([elem]).collect();
                    Place { local, projection: gcx.mk_projection(elems) }
                }
                (None, None) => {
                    return Err(format!("path {path:?} has neither a variable nor a parent"));
                }
            };
            let next_sibling = parents[path].and_then(|parent| move_paths[parent].first_child.replace(path));
            move_paths.push(MovePath { next_sibling, first_child: None, parent: parents[path], place });
        }

        let mut moves = IndexVec::with_capacity(facts.path_moved_at_base.len());
        let mut path_map = IndexVec::from_elem_n(Vec::new(), path_count);
        for &(path, point) in &facts.path_moved_at_base {
            path_map[path].push(moves.push(MoveOut { path, source: table.location(point) }));
        }
        Ok(MoveData { move_paths, moves, path_map, rev_lookup, local_tys })
    }

    /// The place of a path.
    pub fn place(&self, path: MovePathIndex) -> Place<'tcx> {
        self.move_paths[path].place
    }
}

/// The type with these regions and parts.
fn ty_of<'tcx>(
    gcx: &GlobalCtxt<'tcx>,
    regions: Vec<Region<'tcx>>,
    dropped_regions: Vec<Region<'tcx>>,
    fields: Vec<Ty<'tcx>>,
) -> Ty<'tcx> {
    let kind = match (regions.as_slice(), dropped_regions.is_empty() && fields.is_empty()) {
        ([], true) => return gcx.common().plain,
        ([region], true) => TyKind::Ref(*region, gcx.common().plain),
        _ => TyKind::Adt {
            regions: gcx.mk_regions(regions),
            dropped_regions: gcx.mk_regions(dropped_regions),
            fields: gcx.mk_types(fields),
        },
    };
    gcx.mk_ty(kind)
}

/// One more than the largest local in the facts; at least the return place.
fn local_count(facts: &AllFacts) -> usize {
    let with_points = [&facts.var_used_at, &facts.var_defined_at, &facts.var_dropped_at];
    let with_origins = [&facts.use_of_var_derefs_origin, &facts.drop_of_var_derefs_origin];
    let locals = with_points.into_iter().flatten().map(|row| row.0);
    let locals = locals.chain(with_origins.into_iter().flatten().map(|row| row.0));
    count(locals.chain(facts.path_is_var.iter().map(|row| row.1))).max(1)
}

/// One more than the largest path in the facts.
fn path_count(facts: &AllFacts) -> usize {
    let with_points = [&facts.path_assigned_at_base, &facts.path_moved_at_base, &facts.path_accessed_at_base];
    let paths = with_points.into_iter().flatten().map(|row| row.0);
    let paths = paths.chain(facts.path_is_var.iter().map(|row| row.0));
    count(paths.chain(facts.child_path.iter().flat_map(|&(child, parent)| [child, parent])))
}

/// One more than the largest index.
fn count<I: Idx>(indices: impl Iterator<Item = I>) -> usize {
    indices.map(|index| index.index() + 1).max().unwrap_or(0)
}
