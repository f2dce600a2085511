//! From facts to a body: what each location does is read off the facts that hold there.
//!
//! Facts are the borrow checker's view of a function, so not everything comes back: constants have
//! no value, operators no name. What does come back is exact, given how rustc emits facts: a
//! terminator's successors in their order with the unwind target last, a local's storage as a
//! definition without an assignment of its path, a call's result as a definition in a terminator.

use heap_walk::Walk;
use rustc_hash::FxHashMap;
use rustc_index::IndexVec;

use crate::facts::AllFacts;
use crate::gcx::{DefId, GlobalCtxt};
use crate::index::{BasicBlock, Loan, Local, MovePathIndex, Origin, Point};
use crate::location::{Location, LocationTable, RichLocation};
use crate::mir::{
    AggregateFields, BasicBlockData, BasicBlocks, Body, BorrowKind, ConstOperand, FakeReadCause, LocalDecl,
    LocalKind, Operand, Rvalue, Statement, StatementKind, Terminator, TerminatorKind, UnwindAction,
};
use crate::move_data::MoveData;
use crate::ty::{Place, PlaceElem, Region, TyKind};

/// The facts that hold in the middle of one location.
#[derive(Debug, Default, Walk)]
struct FactsAt {
    issued: Vec<(Origin, Loan)>,
    assigned: Vec<MovePathIndex>,
    moved: Vec<MovePathIndex>,
    accessed: Vec<MovePathIndex>,
    used: Vec<Local>,
    defined: Vec<Local>,
    dropped: Vec<Local>,
}

/// What building needs to know.
#[derive(Debug, Walk)]
struct Builder<'a, 'tcx> {
    gcx: &'a GlobalCtxt<'tcx>,
    table: &'a LocationTable,
    move_data: &'a MoveData<'tcx>,
    regions: &'a [Region<'tcx>],
    at: FxHashMap<Point, FactsAt>,
    reborrows: FxHashMap<(Origin, Point), Vec<Origin>>,
    mutable: FxHashMap<Loan, Point>,
    nothing: FactsAt,
}

/// Builds a body. `regions` has the region of every origin.
///
/// Linear in the facts but for the subset facts at borrows.
pub fn body<'tcx>(
    gcx: &GlobalCtxt<'tcx>,
    source: DefId,
    name: &str,
    facts: &AllFacts,
    table: &LocationTable,
    move_data: &MoveData<'tcx>,
    regions: &[Region<'tcx>],
) -> Body<'tcx> {
    let mut builder = Builder {
        gcx,
        table,
        move_data,
        regions,
        at: facts_by_point(facts),
        reborrows: FxHashMap::default(),
        mutable: FxHashMap::default(),
        nothing: FactsAt::default(),
    };
    let borrow_points: FxHashMap<Point, Origin> =
        facts.loan_issued_at.iter().map(|&(origin, _, point)| (point, origin)).collect();
    for &(sup, sub, point) in &facts.subset_base {
        if borrow_points.get(&point) == Some(&sub) {
            builder.reborrows.entry((sub, point)).or_default().push(sup);
        }
    }
    for &(point, loan) in &facts.loan_invalidated_at {
        if builder.is_mere_read(point) {
            builder.mutable.entry(loan).or_insert(point);
        }
    }

    let mut successors: IndexVec<BasicBlock, Vec<BasicBlock>> =
        IndexVec::from_elem_n(Vec::new(), table.num_blocks());
    for &(from, to) in &facts.cfg_edge {
        let (from, to) = (table.rich(from), table.rich(to));
        if let (RichLocation::Mid(from), RichLocation::Start(to)) = (from, to) {
            if from == table.terminator(from.block) {
                successors[from.block].push(to.block);
            }
        }
    }
    let cleanup = builder.cleanup_blocks(&successors);
    let blocks = successors.iter_enumerated().map(|(block, successors)| BasicBlockData {
        statements: (0..table.locations_in(block) - 1)
            .map(|statement_index| builder.statement(Location { block, statement_index }))
            .collect(),
        terminator: builder.terminator(table.terminator(block), successors, &cleanup),
        is_cleanup: cleanup[block],
    });
    let basic_blocks = BasicBlocks::new(blocks.collect());

    let entry = Point::ZERO;
    let on_entry = facts.path_assigned_at_base.iter().filter(|&&(_, point)| point == entry);
    let mut kinds = IndexVec::from_elem(LocalKind::Temporary, &move_data.local_tys);
    kinds[Local::ZERO] = LocalKind::ReturnPlace;
    for &(path, _) in on_entry {
        kinds[move_data.place(path).local] = LocalKind::Argument;
    }
    let arg_count = kinds.iter().filter(|&&kind| kind == LocalKind::Argument).count();
    let decls = move_data.local_tys.iter().zip(kinds);
    Body {
        source,
        name: gcx.intern_symbol(name),
        basic_blocks,
        local_decls: decls.map(|(&ty, kind)| LocalDecl { ty, kind }).collect(),
        arg_count,
    }
}

fn facts_by_point(facts: &AllFacts) -> FxHashMap<Point, FactsAt> {
    let mut at: FxHashMap<Point, FactsAt> = FxHashMap::default();
    for &(origin, loan, point) in &facts.loan_issued_at {
        at.entry(point).or_default().issued.push((origin, loan));
    }
    for &(path, point) in &facts.path_assigned_at_base {
        at.entry(point).or_default().assigned.push(path);
    }
    for &(path, point) in &facts.path_moved_at_base {
        at.entry(point).or_default().moved.push(path);
    }
    for &(path, point) in &facts.path_accessed_at_base {
        at.entry(point).or_default().accessed.push(path);
    }
    for &(local, point) in &facts.var_used_at {
        at.entry(point).or_default().used.push(local);
    }
    for &(local, point) in &facts.var_defined_at {
        at.entry(point).or_default().defined.push(local);
    }
    for &(local, point) in &facts.var_dropped_at {
        at.entry(point).or_default().dropped.push(local);
    }
    at
}

impl<'tcx> Builder<'_, 'tcx> {
    fn facts(&self, location: Location) -> &FactsAt {
        self.at.get(&self.table.mid(location)).unwrap_or(&self.nothing)
    }

    /// True when the location of a point only looks at places: no write, drop, move or borrow.
    fn is_mere_read(&self, point: Point) -> bool {
        let location = self.table.location(point);
        let facts = self.facts(location);
        let is_statement = location != self.table.terminator(location.block);
        is_statement
            && facts.issued.is_empty()
            && facts.moved.is_empty()
            && facts.dropped.is_empty()
            && !facts.used.is_empty()
            && facts.defined.iter().all(|local| !facts.used.contains(local))
    }

    fn statement(&self, location: Location) -> Statement<'tcx> {
        let facts = self.facts(location);
        let kind = match (self.assigned_place(facts), facts.defined.as_slice()) {
            (Some(place), _) => StatementKind::Assign(Box::new((place, self.rvalue(location, place)))),
            (None, &[local, ..]) => {
                let moved = facts.moved.iter().any(|&path| self.is_local(path, local));
                if moved {
                    StatementKind::StorageDead(local)
                } else {
                    StatementKind::StorageLive(local)
                }
            }
            (None, []) => match (facts.used.as_slice(), facts.accessed.as_slice()) {
                (&[local, ..], _) => {
                    StatementKind::FakeRead(FakeReadCause::ForUse, Place { local, projection: &[] })
                }
                ([], &[path, ..]) => {
                    StatementKind::FakeRead(FakeReadCause::ForPath, self.move_data.place(path))
                }
                ([], []) => StatementKind::Nop,
            },
        };
        Statement { point: self.table.start(location), kind }
    }

    /// The place that a statement writes. A borrow always writes one, though not always a path.
    fn assigned_place(&self, facts: &FactsAt) -> Option<Place<'tcx>> {
        match (facts.assigned.as_slice(), facts.issued.as_slice()) {
            (&[path, ..], _) => Some(self.move_data.place(path)),
            ([], []) => None,
            ([], [..]) => {
                let local = *facts.defined.first().or(facts.used.last())?;
                Some(Place { local, projection: &[] })
            }
        }
    }

    fn rvalue(&self, location: Location, place: Place<'tcx>) -> Rvalue<'tcx> {
        let facts = self.facts(location);
        if let Some(&(origin, loan)) = facts.issued.first() {
            let kind = match self.mutable.get(&loan) {
                Some(&shown_by) => BorrowKind::Mut { shown_by },
                None => BorrowKind::Shared,
            };
            let borrowed = self.borrowed_place(location, origin).unwrap_or(place);
            return Rvalue::Ref(self.regions[origin.index()], kind, borrowed);
        }
        let mut operands = self.operands(facts);
        match operands.len() {
            0 => Rvalue::Use(self.constant()),
            1 => Rvalue::Use(operands.remove(0)),
            2 => {
                let second = operands.remove(1);
                Rvalue::BinaryOp(Box::new((operands.remove(0), second)))
            }
            _ => Rvalue::Aggregate(AggregateFields(IndexVec::from_raw(operands))),
        }
    }

    /// What a borrow expression borrows: the path accessed there if it belongs to the variable used
    /// there, else the variable. A subset fact from a region of its type makes it a reborrow.
    fn borrowed_place(&self, location: Location, origin: Origin) -> Option<Place<'tcx>> {
        let facts = self.facts(location);
        let &local = facts.used.first()?;
        let accessed = facts.accessed.iter().map(|&path| self.move_data.place(path));
        let place = accessed
            .filter(|place| place.local == local)
            .max_by_key(|place| place.projection.len())
            .unwrap_or(Place { local, projection: &[] });
        let reborrowed = self.reborrows.get(&(origin, self.table.mid(location)));
        let of_local = |sup: &Origin| match self.move_data.local_tys[local].kind() {
            TyKind::Plain => false,
            TyKind::Ref(region, _) => region.as_var() == Some(*sup),
            TyKind::Adt { regions, .. } => regions.iter().any(|r| r.as_var() == Some(*sup)),
        };
        if !reborrowed.is_some_and(|sups| sups.iter().any(of_local)) {
            return Some(place);
        }
        let elems = place.projection.iter().copied().chain([PlaceElem::Deref]).collect();
        Some(Place { local, projection: self.gcx.mk_projection(elems) })
    }

    /// The moved paths, then the variables that are used and not moved.
    fn operands(&self, facts: &FactsAt) -> Vec<Operand<'tcx>> {
        let moved: Vec<Place<'tcx>> = facts
            .moved
            .iter()
            .map(|&path| self.move_data.place(path))
            .filter(|place| facts.used.contains(&place.local))
            .collect();
        let copied = facts.used.iter().filter(|&&local| moved.iter().all(|m| m.local != local));
        let copied: Vec<Place<'tcx>> = copied.map(|&local| Place { local, projection: &[] }).collect();
        let moved = moved.into_iter().map(Operand::Move);
        moved.chain(copied.into_iter().map(Operand::Copy)).collect()
    }

    fn constant(&self) -> Operand<'tcx> {
        Operand::Constant(Box::new(ConstOperand { ty: self.gcx.common().plain, def: None }))
    }

    fn is_local(&self, path: MovePathIndex, local: Local) -> bool {
        let place = self.move_data.place(path);
        place.local == local && place.projection.is_empty()
    }

    /// Blocks that run during unwinding: the second successors of calls and drops, and what follows.
    fn cleanup_blocks(
        &self,
        successors: &IndexVec<BasicBlock, Vec<BasicBlock>>,
    ) -> IndexVec<BasicBlock, bool> {
        let mut cleanup = IndexVec::from_elem(false, successors);
        let mut reached: Vec<BasicBlock> = Vec::new();
        for (block, successors) in successors.iter_enumerated() {
            let facts = self.facts(self.table.terminator(block));
            let may_unwind = !facts.dropped.is_empty() || !facts.defined.is_empty();
            match successors.as_slice() {
                [_, unwind] if may_unwind => reached.push(*unwind),
                _ => {}
            }
        }
        while let Some(block) = reached.pop() {
            if !std::mem::replace(&mut cleanup[block], true) {
                reached.extend(&successors[block]);
            }
        }
        cleanup
    }

    fn terminator(
        &self,
        location: Location,
        successors: &[BasicBlock],
        cleanup: &IndexVec<BasicBlock, bool>,
    ) -> Terminator<'tcx> {
        let facts = self.facts(location);
        let here = cleanup[location.block];
        // A lone successor of a call that never returns is its unwind target.
        let is_unwind = |block: BasicBlock| cleanup[block] && !here;
        let dropped = facts.dropped.first().map(|&local| Place { local, projection: &[] });
        let unwind = |block: Option<&BasicBlock>| {
            block.map_or(UnwindAction::Continue, |&block| UnwindAction::Cleanup(block))
        };
        let kind = match (dropped, facts.defined.as_slice(), successors) {
            (Some(place), _, [target, rest @ ..]) => {
                TerminatorKind::Drop { place, target: *target, unwind: unwind(rest.first()) }
            }
            (_, &[local, ..], _) => {
                let (target, after) = match successors {
                    [only] if is_unwind(*only) => (None, Some(only)),
                    [target, rest @ ..] => (Some(*target), rest.first()),
                    [] => (None, None),
                };
                TerminatorKind::Call {
                    func: self.constant(),
                    args: self.operands(facts),
                    destination: Place { local, projection: &[] },
                    target,
                    unwind: unwind(after),
                }
            }
            (_, [], []) if facts.used.contains(&Local::ZERO) => TerminatorKind::Return,
            (_, [], []) if here => TerminatorKind::UnwindResume,
            (_, [], []) => TerminatorKind::Unreachable,
            (_, [], &[target]) => TerminatorKind::Goto { target },
            (_, [], &[target, after]) => match self.operands(facts).pop() {
                None => TerminatorKind::FalseEdge { real_target: target, imaginary_target: after },
                Some(cond) if is_unwind(after) => {
                    TerminatorKind::Assert { cond, target, unwind: UnwindAction::Cleanup(after) }
                }
                Some(discr) => TerminatorKind::SwitchInt { discr, targets: successors.to_vec() },
            },
            (_, [], _) => {
                let discr = self.operands(facts).pop().unwrap_or_else(|| self.constant());
                TerminatorKind::SwitchInt { discr, targets: successors.to_vec() }
            }
        };
        Terminator { point: self.table.start(location), kind }
    }
}
