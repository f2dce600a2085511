//! The borrow expressions of a body.

use std::collections::{BTreeMap, BTreeSet};

use heap_walk::Walk;
use rustc_hash::FxHashMap;
use rustc_index::bit_set::DenseBitSet;
use rustc_index::IndexVec;

use crate::facts::AllFacts;
use crate::index::{Loan, Local};
use crate::location::{Location, LocationTable};
use crate::mir::{Body, BorrowKind, Rvalue, StatementKind};
use crate::ty::{Place, Region};

/// All borrows of a body, and the ways to find them.
#[derive(Debug, Walk)]
pub struct BorrowSet<'tcx> {
    /// The borrows.
    #[walk(with = crate::index::walk_index_vec)]
    pub borrows: IndexVec<Loan, BorrowData<'tcx>>,
    /// The borrow made at a location.
    pub location_map: FxHashMap<Location, Loan>,
    /// The borrows that a location ends by using their place.
    pub invalidations: BTreeMap<Location, Vec<Loan>>,
    /// The borrows of each local.
    pub local_map: FxHashMap<Local, BTreeSet<Loan>>,
    /// Which locals are gone when the function returns.
    pub locals_state_at_exit: LocalsStateAtExit,
}

/// Which locals are gone when the function returns.
#[derive(Debug, Walk)]
pub enum LocalsStateAtExit {
    /// No storage ends in the body, so all of them.
    AllAreInvalidated,
    /// Those whose storage ends, and those moved out of.
    SomeAreInvalidated {
        /// One bit for each local; its words are private to the set.
        #[walk(opaque)]
        has_storage_dead_or_moved: DenseBitSet<Local>,
    },
}

/// A borrow.
#[derive(Debug, Walk)]
pub struct BorrowData<'tcx> {
    /// Where it is made.
    pub reserve_location: Location,
    /// What it allows.
    pub kind: BorrowKind,
    /// The region of the reference.
    pub region: Region<'tcx>,
    /// What is borrowed.
    pub borrowed_place: Place<'tcx>,
    /// Where the reference goes.
    pub assigned_place: Place<'tcx>,
    /// Where an assignment makes the loan pointless.
    pub killed_at: Vec<Location>,
}

impl<'tcx> BorrowSet<'tcx> {
    /// Finds the borrows of a body. Linear in the facts about loans and in the body.
    ///
    /// # Errors
    ///
    /// Loans that aren't numbered from 0 on, or that no statement of the body makes, as text.
    pub fn new(body: &Body<'tcx>, facts: &AllFacts, table: &LocationTable) -> Result<Self, String> {
        let mut issued: Vec<_> = facts.loan_issued_at.clone();
        issued.sort_unstable_by_key(|&(_, loan, _)| loan);
        let mut borrows = IndexVec::with_capacity(issued.len());
        let mut location_map = FxHashMap::default();
        let mut local_map: FxHashMap<Local, BTreeSet<Loan>> = FxHashMap::default();
        for (_, loan, point) in issued {
            if loan != borrows.next_index() {
                return Err(format!("{loan:?} is issued, but {:?} is not", borrows.next_index()));
            }
            let location = table.location(point);
            let (assigned_place, region, kind, borrowed_place) = borrow_at(body, location)
                .ok_or_else(|| format!("{loan:?} is issued at {location:?}, which borrows nothing"))?;
            location_map.insert(location, loan);
            local_map.entry(borrowed_place.local).or_default().insert(loan);
            borrows.push(BorrowData {
                reserve_location: location,
                kind,
                region,
                borrowed_place,
                assigned_place,
                killed_at: Vec::new(),
            });
        }
        for &(loan, point) in &facts.loan_killed_at {
            if let Some(borrow) = borrows.get_mut(loan) {
                borrow.killed_at.push(table.location(point));
            }
        }
        let mut invalidations: BTreeMap<Location, Vec<Loan>> = BTreeMap::new();
        for &(point, loan) in &facts.loan_invalidated_at {
            invalidations.entry(table.location(point)).or_default().push(loan);
        }
        let locals_state_at_exit = locals_state_at_exit(body);
        Ok(BorrowSet { borrows, location_map, invalidations, local_map, locals_state_at_exit })
    }

    /// How many borrows there are, placeholder loans not among them.
    pub fn len(&self) -> usize {
        self.borrows.len()
    }

    /// True for a body that borrows nothing.
    pub fn is_empty(&self) -> bool {
        self.borrows.is_empty()
    }
}

/// The borrow that a statement makes.
fn borrow_at<'tcx>(
    body: &Body<'tcx>,
    location: Location,
) -> Option<(Place<'tcx>, Region<'tcx>, BorrowKind, Place<'tcx>)> {
    let block = &body.basic_blocks.blocks()[location.block];
    match &block.statements.get(location.statement_index)?.kind {
        StatementKind::Assign(assign) => match **assign {
            (assigned, Rvalue::Ref(region, kind, borrowed)) => Some((assigned, region, kind, borrowed)),
            _ => None,
        },
        _ => None,
    }
}

fn locals_state_at_exit(body: &Body<'_>) -> LocalsStateAtExit {
    let mut gone = DenseBitSet::new_empty(body.local_decls.len());
    let statements = body.basic_blocks.blocks().iter().flat_map(|block| &block.statements);
    for statement in statements {
        if let StatementKind::StorageDead(local) = statement.kind {
            gone.insert(local);
        }
    }
    if gone.is_empty() {
        LocalsStateAtExit::AllAreInvalidated
    } else {
        LocalsStateAtExit::SomeAreInvalidated { has_storage_dead_or_moved: gone }
    }
}
