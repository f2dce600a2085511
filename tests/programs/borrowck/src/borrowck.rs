//! The check of one function: facts in, errors and tables out.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use heap_walk::{checkpoint, Walk};
use polonius_engine::Algorithm;
use rustc_hash::{FxHashMap, FxHashSet};
use rustc_index::bit_set::DenseBitSet;
use rustc_index::IndexVec;

use crate::arena::Arena;
use crate::borrow_set::BorrowSet;
use crate::build;
use crate::facts::{Output, PoloniusFacts, PoloniusOutput};
use crate::gcx::{DefId, GlobalCtxt, Statistics};
use crate::index::{BasicBlock, CrateNum, Loan, Local, MovePathIndex, Origin, Point, Symbol};
use crate::location::{Location, LocationTable};
use crate::mir::{Body, BorrowKind, LocalKind, Rvalue, StatementKind, TerminatorKind};
use crate::move_data::MoveData;
use crate::parse::FunctionFacts;
use crate::region::{self, RegionInferenceContext, RegionOrigin};
use crate::ty::{Place, RegionKind};

/// The state of one check; most of it lies in its caller's frame.
#[derive(Debug, Walk)]
pub struct MirBorrowckCtxt<'a, 'tcx> {
    gcx: &'a GlobalCtxt<'tcx>,
    body: &'a Body<'tcx>,
    move_data: &'a MoveData<'tcx>,
    location_table: &'a LocationTable,
    regioncx: &'a RegionInferenceContext<'tcx>,
    borrow_set: &'a BorrowSet<'tcx>,
    facts: &'a PoloniusFacts,
    polonius_output: Rc<PoloniusOutput>,
    /// Places whose conflicting use was reported, so that it is reported once.
    access_place_error_reported: FxHashSet<(Place<'tcx>, Location)>,
    /// Paths whose use after a move was reported.
    uninitialized_error_reported: BTreeSet<MovePathIndex>,
    /// Locals that are written after their first assignment, or mutably borrowed.
    used_mut: FxHashSet<Local>,
    /// Named on the first error.
    local_names: OnceCell<LocalNames>,
    region_names: RefCell<BTreeMap<Origin, RegionName>>,
    next_region_name: RefCell<usize>,
    /// Reported last, sorted by path.
    move_errors: Vec<MoveError<'tcx>>,
    errors: Vec<BorrowckError<'tcx>>,
    diags: Vec<Diag>,
    closure_requirements: Vec<ClosureRequirement>,
}

/// A relation between a closure's universal regions that the function around it must prove.
#[derive(Clone, Debug, PartialEq, Eq, Walk)]
pub struct ClosureRequirement {
    /// What must outlive the other.
    pub sup: Origin,
    /// The other.
    pub sub: Origin,
    /// Where the closure needs it first.
    pub location: Location,
}

#[derive(Debug, Walk)]
struct LocalNames(#[walk(with = crate::index::walk_index_vec)] IndexVec<Local, Symbol>);

/// What a region is called in messages.
#[derive(Clone, Debug, Walk)]
struct RegionName {
    name: Symbol,
    source: RegionNameSource,
}

/// Why a region is called so.
#[derive(Clone, Debug, Walk)]
enum RegionNameSource {
    Static,
    Signature,
    Borrow { loan: Loan, location: Location },
    Body,
}

/// A use of a path that may have been moved out of.
#[derive(Debug, Walk)]
struct MoveError<'tcx> {
    path: MovePathIndex,
    place: Place<'tcx>,
    location: Location,
    moved_at: Vec<Location>,
}

/// A message for people.
#[derive(Debug, Walk)]
pub struct Diag {
    /// Where.
    pub location: Location,
    /// What.
    pub message: String,
}

/// What the check found.
#[derive(Clone, Debug, PartialEq, Eq, Walk)]
pub enum BorrowckError<'tcx> {
    /// A place is used in a way that a live loan of it forbids.
    LoanInvalidated {
        /// The use.
        location: Location,
        /// The loan.
        loan: Loan,
        /// What is borrowed.
        place: Place<'tcx>,
        /// Where the loan was made.
        borrowed_at: Location,
    },
    /// A placeholder loan is invalidated: a universal region's referent goes away.
    PlaceholderInvalidated {
        /// Where.
        location: Location,
        /// The placeholder loan.
        loan: Loan,
    },
    /// One universal region flows into another that the signature doesn't relate it to.
    IllegalSubset {
        /// Where.
        location: Location,
        /// What would have to be outlived by the other.
        sup: Origin,
        /// The other.
        sub: Origin,
    },
    /// A path is used that may have been moved out of.
    UseOfMoved {
        /// The use.
        location: Location,
        /// The path.
        path: MovePathIndex,
    },
}

/// An error without its place, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Walk)]
pub enum ErrorKind {
    /// [`BorrowckError::LoanInvalidated`] and [`BorrowckError::PlaceholderInvalidated`].
    LoanInvalidated,
    /// [`BorrowckError::IllegalSubset`].
    IllegalSubset,
    /// [`BorrowckError::UseOfMoved`].
    UseOfMoved,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::LoanInvalidated => "borrowed values used",
            ErrorKind::IllegalSubset => "lifetimes too short",
            ErrorKind::UseOfMoved => "moved values used",
        })
    }
}

impl BorrowckError<'_> {
    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            BorrowckError::LoanInvalidated { .. } | BorrowckError::PlaceholderInvalidated { .. } => {
                ErrorKind::LoanInvalidated
            }
            BorrowckError::IllegalSubset { .. } => ErrorKind::IllegalSubset,
            BorrowckError::UseOfMoved { .. } => ErrorKind::UseOfMoved,
        }
    }

    /// Where it is.
    pub fn location(&self) -> Location {
        match *self {
            BorrowckError::LoanInvalidated { location, .. }
            | BorrowckError::PlaceholderInvalidated { location, .. }
            | BorrowckError::IllegalSubset { location, .. }
            | BorrowckError::UseOfMoved { location, .. } => location,
        }
    }
}

/// What a check leaves behind.
#[derive(Debug, Walk)]
pub struct BorrowCheckResult<'tcx> {
    /// The errors by location.
    pub errors: Vec<BorrowckError<'tcx>>,
    /// The messages of the errors, in the same order.
    pub diags: Vec<Diag>,
    /// Locals that need `mut`, in order.
    pub used_mut: Vec<Local>,
    /// What a closure leaves to the function around it; that one's facts hold the proof.
    pub closure_requirements: Vec<ClosureRequirement>,
    /// What the check worked on, for whoever looks at it later.
    pub facts: Box<BodyWithBorrowckFacts<'tcx>>,
}

/// The tables of a check, kept after it.
#[derive(Debug, Walk)]
pub struct BodyWithBorrowckFacts<'tcx> {
    /// The function.
    pub body: Body<'tcx>,
    /// Its borrows.
    pub borrow_set: BorrowSet<'tcx>,
    /// Its moves.
    pub move_data: MoveData<'tcx>,
    /// Its regions.
    pub region_inference_context: RegionInferenceContext<'tcx>,
    /// The state on entry of each block.
    pub flow: FlowResults,
    /// The numbering of its points.
    pub location_table: LocationTable,
    /// What rustc told.
    pub input_facts: PoloniusFacts,
    /// What follows.
    pub output_facts: Rc<PoloniusOutput>,
}

/// The state on entry of each block.
#[derive(Debug, Walk)]
pub struct FlowResults {
    /// By block.
    #[walk(with = crate::index::walk_index_vec)]
    pub entry_sets: IndexVec<BasicBlock, BlockState>,
}

/// What holds when a block begins.
#[derive(Debug, Walk)]
pub enum BlockState {
    /// No path leads to it.
    Unreached,
    /// No loan is live, and the paths are as given.
    NoLoans {
        /// See [`BlockState::Live`].
        uninits: Rc<[MovePathIndex]>,
    },
    /// Loans are live.
    Live {
        /// One bit for each loan; its words are private to the set.
        #[walk(opaque)]
        borrows: DenseBitSet<Loan>,
        /// Paths that may not be initialised; blocks with the same ones share them.
        uninits: Rc<[MovePathIndex]>,
    },
}

/// Checks a function and keeps the result in the global tables. Returns its definition.
///
/// Polonius dominates the cost: worse than linear in the facts of the largest functions.
///
/// # Errors
///
/// Facts that contradict each other, as text that names the function.
#[cfg_attr(
    not(feature = "heap-walk"),
    expect(unused_variables, reason = "only the checkpoint looks at the arenas")
)]
pub fn check_function<'tcx>(
    gcx: &GlobalCtxt<'tcx>,
    arena: &'tcx Arena<'tcx>,
    krate: CrateNum,
    function: FunctionFacts,
) -> Result<DefId, String> {
    let FunctionFacts { function: name, location_table, facts } = function;
    let in_function = |problem: String| format!("{problem}: function {name}");
    let def = gcx.define(krate, &name);
    let regions = region::regions_of(gcx, &facts.0);
    let region = |origin: Origin| regions[origin.index()];
    let move_data = MoveData::new(gcx, &facts.0, &location_table, region).map_err(in_function)?;
    let body = build::body(gcx, def, &name, &facts.0, &location_table, &move_data, &regions);
    let borrow_set = BorrowSet::new(&body, &facts.0, &location_table).map_err(in_function)?;
    let output = PoloniusOutput(Output::compute(&facts.0, Algorithm::Naive, true));
    let output = Rc::new(output);
    let regioncx = RegionInferenceContext::new(&facts.0, &output.0, &location_table, &regions);
    let flow = FlowResults::new(&body, &output.0, &location_table, borrow_set.len());

    let mut mbcx = MirBorrowckCtxt {
        gcx,
        body: &body,
        move_data: &move_data,
        location_table: &location_table,
        regioncx: &regioncx,
        borrow_set: &borrow_set,
        facts: &facts,
        polonius_output: output.clone(),
        access_place_error_reported: FxHashSet::default(),
        uninitialized_error_reported: BTreeSet::new(),
        used_mut: FxHashSet::default(),
        local_names: OnceCell::new(),
        region_names: RefCell::default(),
        next_region_name: RefCell::new(1),
        move_errors: Vec::new(),
        errors: Vec::new(),
        diags: Vec::new(),
        closure_requirements: Vec::new(),
    };
    mbcx.name_universal_regions();
    mbcx.gather_used_mut();
    mbcx.check_loans();
    mbcx.check_subsets();
    mbcx.check_moves();
    mbcx.report_moves();

    checkpoint!(
        "after_borrowck",
        mbcx = &mbcx,
        mbcx.body = &body,
        mbcx.move_data = &move_data,
        mbcx.location_table = &location_table,
        mbcx.regioncx = &regioncx,
        mbcx.borrow_set = &borrow_set,
        mbcx.facts = &facts,
        mbcx.flow = &flow,
        gcx = gcx,
        gcx.arena = arena;
        def = name
    );

    let figures = mbcx.figures();
    let MirBorrowckCtxt { errors, diags, used_mut, closure_requirements, .. } = mbcx;
    let mut used_mut: Vec<Local> = used_mut.into_iter().collect();
    used_mut.sort_unstable();
    let facts = Box::new(BodyWithBorrowckFacts {
        body,
        borrow_set,
        move_data,
        region_inference_context: regioncx,
        flow,
        location_table,
        input_facts: facts,
        output_facts: output,
    });
    let result = BorrowCheckResult { errors, diags, used_mut, closure_requirements, facts };
    gcx.finish(def, result, figures);
    Ok(def)
}

impl<'tcx> MirBorrowckCtxt<'_, 'tcx> {
    fn figures(&self) -> Statistics {
        Statistics {
            functions: 1,
            facts: self.facts.len(),
            points: self.location_table.num_points(),
            loans: self.borrow_set.len(),
            live_loans: self.polonius_output.0.loan_live_at.values().map(Vec::len).sum(),
            regions: self.regioncx.definitions.len(),
            errors: self.errors.len(),
        }
    }

    /// Universal regions have names before anything is reported.
    fn name_universal_regions(&self) {
        for region in &self.regioncx.universal_regions.regions {
            match *region.kind() {
                RegionKind::Static | RegionKind::Var(_) => {}
                RegionKind::Placeholder { origin, .. } => {
                    self.region_name(origin);
                }
            }
        }
    }

    /// Finds locals that are assigned more than once or mutably borrowed.
    fn gather_used_mut(&mut self) {
        let mut assigned: FxHashSet<Local> = FxHashSet::default();
        let kinds = self.body.local_decls.iter_enumerated();
        let arguments = kinds.filter(|(_, decl)| decl.kind == LocalKind::Argument);
        assigned.extend(arguments.map(|(local, _)| local));
        for &block in self.body.basic_blocks.reverse_postorder() {
            let data = &self.body.basic_blocks.blocks()[block];
            for statement in &data.statements {
                let StatementKind::Assign(assign) = &statement.kind else { continue };
                let (place, rvalue) = &**assign;
                if place.projection.is_empty() && !assigned.insert(place.local) {
                    self.used_mut.insert(place.local);
                }
                if let Rvalue::Ref(_, BorrowKind::Mut { .. }, borrowed) = rvalue {
                    self.used_mut.insert(borrowed.local);
                }
            }
            if let TerminatorKind::Call { destination, .. } = &data.terminator.kind {
                if !assigned.insert(destination.local) {
                    self.used_mut.insert(destination.local);
                }
            }
        }
    }

    /// Loans that are live where they are invalidated.
    fn check_loans(&mut self) {
        let output = self.polonius_output.clone();
        for (point, loans) in sorted(&output.0.errors) {
            let location = self.location_table.location(point);
            let mut loans = loans.clone();
            loans.sort_unstable();
            loans.dedup();
            for loan in loans {
                let Some(borrow) = self.borrow_set.borrows.get(loan) else {
                    let error = BorrowckError::PlaceholderInvalidated { location, loan };
                    self.report(error, format!("{loan:?} is invalidated"));
                    continue;
                };
                let (place, borrowed_at) = (borrow.borrowed_place, borrow.reserve_location);
                if !self.access_place_error_reported.insert((place, location)) {
                    continue;
                }
                let region = match borrow.region.as_var() {
                    Some(origin) => self.describe_region(origin),
                    None => "`'static`".to_owned(),
                };
                let place_name = self.describe(place);
                let message = format!("`{place_name}` is used while it is borrowed for {region}");
                let error = BorrowckError::LoanInvalidated { location, loan, place, borrowed_at };
                self.report(error, message);
            }
        }
    }

    /// Universal regions that would have to outlive each other undeclared; each pair once. A closure
    /// has no signature to declare it in: there the function around it is asked.
    fn check_subsets(&mut self) {
        let is_closure = self.gcx.def_name(self.body.source).starts_with("{closure");
        let output = self.polonius_output.clone();
        let mut reported = FxHashSet::default();
        for (point, pairs) in sorted(&output.0.subset_errors) {
            let location = self.location_table.location(point);
            for &(sup, sub) in pairs {
                if !reported.insert((sup, sub)) {
                    continue;
                }
                if is_closure {
                    self.closure_requirements.push(ClosureRequirement { sup, sub, location });
                    continue;
                }
                let (sup_name, sub_name) = (self.describe_region(sup), self.describe_region(sub));
                let message = format!("{sup_name} must outlive {sub_name}");
                self.report(BorrowckError::IllegalSubset { location, sup, sub }, message);
            }
        }
    }

    /// Buffers uses of paths that may have been moved out of, each path once.
    fn check_moves(&mut self) {
        let output = self.polonius_output.clone();
        for (point, paths) in sorted(&output.0.move_errors) {
            let location = self.location_table.location(point);
            for &path in paths {
                if !self.uninitialized_error_reported.insert(path) {
                    continue;
                }
                let moves = self.move_data.path_map[path].iter();
                self.move_errors.push(MoveError {
                    path,
                    place: self.move_data.place(path),
                    location,
                    moved_at: moves.map(|&out| self.move_data.moves[out].source).collect(),
                });
            }
        }
        self.move_errors.sort_by_key(|error| error.path);
    }

    /// Reports what was buffered; the buffer stays for whoever looks at the context.
    fn report_moves(&mut self) {
        let reports = self.move_errors.iter().map(|error| {
            let &MoveError { path, place, location, ref moved_at } = error;
            let place = self.describe(place);
            let message = format!("`{place}` is used after a move at one of {moved_at:?}");
            (BorrowckError::UseOfMoved { location, path }, message)
        });
        let reports: Vec<_> = reports.collect();
        for (error, message) in reports {
            self.report(error, message);
        }
    }

    fn report(&mut self, error: BorrowckError<'tcx>, message: String) {
        self.diags.push(Diag { location: error.location(), message });
        self.errors.push(error);
    }

    /// A place with the name of its local.
    fn describe(&self, place: Place<'tcx>) -> String {
        let names = self.local_names.get_or_init(|| {
            let decls = self.body.local_decls.iter_enumerated();
            LocalNames(
                decls
                    .map(|(local, decl)| match decl.kind {
                        LocalKind::ReturnPlace => self.gcx.intern_symbol("result"),
                        LocalKind::Argument => self.gcx.intern_symbol(&format!("arg{local:?}")),
                        LocalKind::Temporary => self.gcx.intern_symbol(&format!("{local:?}")),
                    })
                    .collect(),
            )
        });
        let local = self.gcx.symbol_text(names.0[place.local]);
        format!("{place:?}").replacen(&format!("{:?}", place.local), local, 1)
    }

    /// A region's name, and where it comes from when the signature doesn't say.
    fn describe_region(&self, origin: Origin) -> String {
        let name = self.region_name(origin);
        let text = self.gcx.symbol_text(name.name);
        match name.source {
            RegionNameSource::Static | RegionNameSource::Signature => format!("`{text}`"),
            RegionNameSource::Borrow { loan, location } => {
                format!("`{text}` of {loan:?} at {location:?}")
            }
            RegionNameSource::Body => format!("`{text}` of a type in the body"),
        }
    }

    /// A region's name; the next free one on first use.
    fn region_name(&self, origin: Origin) -> RegionName {
        if let Some(known) = self.region_names.borrow().get(&origin) {
            return known.clone();
        }
        let definition = &self.regioncx.definitions[origin];
        let source = match (definition.region.kind(), definition.origin) {
            (RegionKind::Static, _) => RegionNameSource::Static,
            (_, RegionOrigin::FreeRegion { .. }) => RegionNameSource::Signature,
            (_, RegionOrigin::Borrow(loan)) => {
                let location = self.borrow_set.borrows[loan].reserve_location;
                RegionNameSource::Borrow { loan, location }
            }
            (_, RegionOrigin::Existential) => RegionNameSource::Body,
        };
        let name = match source {
            RegionNameSource::Static => self.gcx.intern_symbol("'static"),
            _ => {
                let number = self.next_region_name.replace_with(|number| *number + 1);
                self.gcx.intern_symbol(&format!("'{number}"))
            }
        };
        let name = RegionName { name, source };
        self.region_names.borrow_mut().insert(origin, name.clone());
        name
    }
}

impl FlowResults {
    fn new(body: &Body<'_>, output: &Output, table: &LocationTable, loans: usize) -> FlowResults {
        let mut reached = DenseBitSet::new_empty(table.num_blocks());
        for &block in body.basic_blocks.reverse_postorder() {
            reached.insert(block);
        }
        let mut shared: FxHashMap<Vec<MovePathIndex>, Rc<[MovePathIndex]>> = FxHashMap::default();
        let blocks = body.basic_blocks.blocks();
        let entry_sets = blocks.indices().map(|block| {
            if !reached.contains(block) {
                return BlockState::Unreached;
            }
            let start = table.start(Location { block, statement_index: 0 });
            let mut paths: BTreeSet<MovePathIndex> = BTreeSet::new();
            for &from in body.basic_blocks.predecessors(block) {
                let exit = table.mid(table.terminator(from));
                paths.extend(output.path_maybe_uninitialized_on_exit.get(&exit).into_iter().flatten());
            }
            let paths: Vec<MovePathIndex> = paths.into_iter().collect();
            let uninits = match shared.get(&paths) {
                Some(known) => known.clone(),
                None => {
                    let uninits: Rc<[MovePathIndex]> = paths.as_slice().into();
                    shared.insert(paths, uninits.clone());
                    uninits
                }
            };
            // Placeholder loans are live everywhere and have no bit.
            let live = output.loans_in_scope_at(start).iter().filter(|loan| loan.index() < loans);
            let mut borrows = DenseBitSet::new_empty(loans);
            for &loan in live {
                borrows.insert(loan);
            }
            if borrows.is_empty() {
                BlockState::NoLoans { uninits }
            } else {
                BlockState::Live { borrows, uninits }
            }
        });
        FlowResults { entry_sets: entry_sets.collect() }
    }
}

/// The entries of a map in the order of their points.
fn sorted<T>(map: &FxHashMap<Point, T>) -> Vec<(Point, &T)> {
    let mut entries: Vec<(Point, &T)> = map.iter().map(|(&point, value)| (point, value)).collect();
    entries.sort_unstable_by_key(|&(point, _)| point);
    entries
}
