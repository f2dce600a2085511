//! The global tables: interners over the arenas, definitions, sources and results.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use heap_walk::Walk;
use rustc_hash::{FxHashMap, FxHashSet};
use rustc_index::IndexVec;

use crate::arena::{Arena, TypedArena};
use crate::borrowck::{BorrowCheckResult, ErrorKind};
use crate::index::{CrateNum, DefIndex, Symbol};
use crate::ty::{PlaceElem, Region, RegionKind, Ty, TyKind};

/// A definition, in all crates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Walk)]
pub struct DefId {
    /// Its crate.
    pub krate: CrateNum,
    /// Its place in the crate.
    pub index: DefIndex,
}

impl fmt::Debug for DefId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{:?}", self.krate, self.index)
    }
}

/// What all checks share. The arenas belong to its caller.
#[derive(Debug, Walk)]
pub struct GlobalCtxt<'tcx> {
    arena: &'tcx Arena<'tcx>,
    interners: CtxtInterners<'tcx>,
    common: CommonValues<'tcx>,
    definitions: RefCell<Definitions>,
    /// What each check left, by function.
    borrowck_results: RefCell<FxHashMap<DefId, Rc<BorrowCheckResult<'tcx>>>>,
    /// Sources by crate.
    crates: RefCell<BTreeMap<CrateNum, CrateData>>,
    /// How often each error was found.
    error_counts: Mutex<FxHashMap<ErrorKind, usize>>,
    statistics: Mutex<Statistics>,
}

/// One set per kind of interned value; the values are in the arenas.
#[derive(Debug, Default, Walk)]
struct CtxtInterners<'tcx> {
    symbols: RefCell<SymbolInterner<'tcx>>,
    types: RefCell<FxHashSet<&'tcx TyKind<'tcx>>>,
    type_lists: RefCell<FxHashSet<&'tcx [Ty<'tcx>]>>,
    regions: RefCell<FxHashSet<&'tcx RegionKind>>,
    region_lists: RefCell<FxHashSet<&'tcx [Region<'tcx>]>>,
    projections: RefCell<FxHashSet<&'tcx [PlaceElem<'tcx>]>>,
}

#[derive(Debug, Default, Walk)]
struct SymbolInterner<'tcx> {
    names: FxHashMap<&'tcx str, Symbol>,
    #[walk(with = crate::index::walk_index_vec)]
    strings: IndexVec<Symbol, &'tcx str>,
}

/// Values that every function needs.
#[derive(Clone, Copy, Debug, Walk)]
pub struct CommonValues<'tcx> {
    /// The type that nothing is known of.
    pub plain: Ty<'tcx>,
    /// The region that outlives all others.
    pub re_static: Region<'tcx>,
}

/// The tree of definitions: crates, modules, functions, closures.
#[derive(Debug, Default, Walk)]
struct Definitions {
    #[walk(with = crate::index::walk_index_vec)]
    table: IndexVec<DefIndex, DefKey>,
    index_of: FxHashMap<DefKey, DefIndex>,
    /// Closures and inner functions by what they lie in.
    nested_bodies: BTreeMap<DefIndex, Vec<DefIndex>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Walk)]
struct DefKey {
    krate: CrateNum,
    parent: Option<DefIndex>,
    name: Symbol,
}

/// A crate and what its functions were written in.
#[derive(Debug, Walk)]
pub struct CrateData {
    /// Its name.
    pub name: Symbol,
    /// Its source files by path.
    pub source_files: BTreeMap<PathBuf, Rc<SourceFile>>,
}

/// A source file as text, and where its lines start.
#[derive(Debug, Walk)]
pub struct SourceFile {
    /// Its text.
    pub text: String,
    /// The byte offset of each line.
    pub line_starts: Vec<u32>,
}

impl SourceFile {
    /// Finds the lines of a text. Files of 4 GiB and more lose the lines beyond.
    pub fn new(text: String) -> SourceFile {
        let newlines = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let starts = newlines.filter_map(|(offset, _)| u32::try_from(offset + 1).ok());
        let line_starts = std::iter::once(0).chain(starts).collect();
        SourceFile { text, line_starts }
    }
}

/// Sums over the functions checked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Walk)]
pub struct Statistics {
    /// Functions checked.
    pub functions: usize,
    /// Facts read.
    pub facts: usize,
    /// Points of their graphs.
    pub points: usize,
    /// Loans of borrow expressions, without placeholders.
    pub loans: usize,
    /// Pairs of a point and a loan live there.
    pub live_loans: usize,
    /// Regions of all kinds.
    pub regions: usize,
    /// Errors found.
    pub errors: usize,
}

impl<'tcx> GlobalCtxt<'tcx> {
    /// Empty tables over the given arenas.
    pub fn new(arena: &'tcx Arena<'tcx>) -> GlobalCtxt<'tcx> {
        let interners = CtxtInterners::default();
        let common = CommonValues {
            plain: Ty(intern(&interners.types, &arena.ty_kinds, TyKind::Plain)),
            re_static: Region(intern(&interners.regions, &arena.region_kinds, RegionKind::Static)),
        };
        GlobalCtxt {
            arena,
            interners,
            common,
            definitions: RefCell::default(),
            borrowck_results: RefCell::default(),
            crates: RefCell::default(),
            error_counts: Mutex::default(),
            statistics: Mutex::default(),
        }
    }

    /// Values that every function needs.
    pub fn common(&self) -> CommonValues<'tcx> {
        self.common
    }

    /// The symbol of a text.
    pub fn intern_symbol(&self, text: &str) -> Symbol {
        let mut symbols = self.interners.symbols.borrow_mut();
        if let Some(&symbol) = symbols.names.get(text) {
            return symbol;
        }
        let text = self.arena.alloc_str(text);
        let symbol = symbols.strings.push(text);
        symbols.names.insert(text, symbol);
        symbol
    }

    /// The text of a symbol.
    pub fn symbol_text(&self, symbol: Symbol) -> &'tcx str {
        self.interners.symbols.borrow().strings[symbol]
    }

    /// The type of a kind.
    pub fn mk_ty(&self, kind: TyKind<'tcx>) -> Ty<'tcx> {
        Ty(intern(&self.interners.types, &self.arena.ty_kinds, kind))
    }

    /// The region of a kind.
    pub fn mk_region(&self, kind: RegionKind) -> Region<'tcx> {
        Region(intern(&self.interners.regions, &self.arena.region_kinds, kind))
    }

    /// A list of types.
    pub fn mk_types(&self, types: Vec<Ty<'tcx>>) -> &'tcx [Ty<'tcx>] {
        intern_slice(&self.interners.type_lists, &self.arena.ty_lists, types)
    }

    /// A list of regions.
    pub fn mk_regions(&self, regions: Vec<Region<'tcx>>) -> &'tcx [Region<'tcx>] {
        intern_slice(&self.interners.region_lists, &self.arena.region_lists, regions)
    }

    /// The rest of a place.
    pub fn mk_projection(&self, elems: Vec<PlaceElem<'tcx>>) -> &'tcx [PlaceElem<'tcx>] {
        intern_slice(&self.interners.projections, &self.arena.projections, elems)
    }

    /// The number of a crate, entered on first use.
    pub fn crate_num(&self, name: &str) -> CrateNum {
        let name = self.intern_symbol(name);
        let mut crates = self.crates.borrow_mut();
        if let Some((&known, _)) = crates.iter().find(|(_, data)| data.name == name) {
            return known;
        }
        let num = CrateNum::from_usize(crates.len());
        crates.insert(num, CrateData { name, source_files: BTreeMap::new() });
        num
    }

    /// Remembers a crate's sources.
    pub fn add_sources(&self, krate: CrateNum, files: impl IntoIterator<Item = (PathBuf, String)>) {
        let files = files.into_iter().map(|(path, text)| (path, Rc::new(SourceFile::new(text))));
        if let Some(data) = self.crates.borrow_mut().get_mut(&krate) {
            data.source_files.extend(files);
        }
    }

    /// The definition at a path whose segments are joined by `-`, entered with its parents on first use.
    pub fn define(&self, krate: CrateNum, path: &str) -> DefId {
        let mut definitions = self.definitions.borrow_mut();
        let mut parent = None;
        for segment in path.split('-') {
            let key = DefKey { krate, parent, name: self.intern_symbol(segment) };
            let index = match definitions.index_of.get(&key) {
                Some(&known) => known,
                None => {
                    let index = definitions.table.push(key);
                    definitions.index_of.insert(key, index);
                    if let Some(parent) = parent {
                        definitions.nested_bodies.entry(parent).or_default().push(index);
                    }
                    index
                }
            };
            parent = Some(index);
        }
        let index = parent.expect("splitting gives at least one segment");
        DefId { krate, index }
    }

    /// The last segment of a definition's path.
    pub fn def_name(&self, def: DefId) -> &'tcx str {
        let name = self.definitions.borrow().table[def.index].name;
        self.symbol_text(name)
    }

    /// A definition's path, its segments joined by `-`.
    pub fn def_path(&self, def: DefId) -> String {
        let definitions = self.definitions.borrow();
        let parents = |index: &DefIndex| definitions.table[*index].parent;
        let mut names: Vec<&str> = std::iter::successors(Some(def.index), parents)
            .map(|index| self.symbol_text(definitions.table[index].name))
            .collect();
        names.reverse();
        names.join("-")
    }

    /// Keeps what a check left, and counts it.
    pub fn finish(&self, def: DefId, result: BorrowCheckResult<'tcx>, figures: Statistics) {
        let mut counts = self.error_counts.lock().unwrap_or_else(PoisonError::into_inner);
        for error in &result.errors {
            *counts.entry(error.kind()).or_default() += 1;
        }
        let mut sums = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        sums.functions += figures.functions;
        sums.facts += figures.facts;
        sums.points += figures.points;
        sums.loans += figures.loans;
        sums.live_loans += figures.live_loans;
        sums.regions += figures.regions;
        sums.errors += figures.errors;
        self.borrowck_results.borrow_mut().insert(def, Rc::new(result));
    }

    /// What a function's check left.
    pub fn result(&self, def: DefId) -> Option<Rc<BorrowCheckResult<'tcx>>> {
        self.borrowck_results.borrow().get(&def).cloned()
    }

    /// Every function's result, in the order of the definitions.
    pub fn results(&self) -> Vec<(DefId, Rc<BorrowCheckResult<'tcx>>)> {
        let results = self.borrowck_results.borrow();
        let mut sorted: Vec<_> = results.iter().map(|(&def, result)| (def, result.clone())).collect();
        sorted.sort_unstable_by_key(|&(def, _)| def);
        sorted
    }

    /// Sums over the functions checked so far.
    pub fn statistics(&self) -> Statistics {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each kind of error was found, by kind.
    pub fn error_counts(&self) -> BTreeMap<ErrorKind, usize> {
        let counts = self.error_counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(&kind, &count)| (kind, count)).collect()
    }
}

/// The arena value equal to `value`, stored on first use.
fn intern<'tcx, T: Eq + Hash>(
    set: &RefCell<FxHashSet<&'tcx T>>,
    arena: &'tcx TypedArena<T>,
    value: T,
) -> &'tcx T {
    if let Some(known) = set.borrow().get(&value) {
        return known;
    }
    let stored = arena.alloc(value);
    set.borrow_mut().insert(stored);
    stored
}

/// The arena slice equal to `values`, stored on first use.
fn intern_slice<'tcx, T: Eq + Hash>(
    set: &RefCell<FxHashSet<&'tcx [T]>>,
    arena: &'tcx TypedArena<T>,
    values: Vec<T>,
) -> &'tcx [T] {
    if let Some(known) = set.borrow().get(values.as_slice()) {
        return known;
    }
    let stored = arena.alloc_slice(values);
    set.borrow_mut().insert(stored);
    stored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Origin;

    #[test]
    fn equal_values_are_interned_once() {
        let arena = Arena::default();
        let gcx = GlobalCtxt::new(&arena);
        let region = gcx.mk_region(RegionKind::Var(Origin::from_u32(3)));
        assert_eq!(region, gcx.mk_region(RegionKind::Var(Origin::from_u32(3))));
        assert_ne!(region, gcx.common().re_static);
        let ty = gcx.mk_ty(TyKind::Ref(region, gcx.common().plain));
        assert_eq!(ty, gcx.mk_ty(TyKind::Ref(region, gcx.common().plain)));
        assert_eq!(arena.ty_kinds.len(), 2);
        let list = gcx.mk_types(vec![ty, ty]);
        assert!(std::ptr::eq(list, gcx.mk_types(vec![ty, ty])));
        assert_eq!(format!("{ty:?}"), "&'?3 _");
        let (a, b) = (gcx.intern_symbol("a"), gcx.intern_symbol("b"));
        assert_ne!(a, b);
        assert_eq!(gcx.intern_symbol("a"), a);
        assert_eq!(gcx.symbol_text(b), "b");
    }

    #[test]
    fn definitions_form_a_tree() {
        let arena = Arena::default();
        let gcx = GlobalCtxt::new(&arena);
        let krate = gcx.crate_num("k");
        assert_eq!(krate, gcx.crate_num("k"));
        let closure = gcx.define(krate, "m-f-{closure#0}");
        let function = gcx.define(krate, "m-f");
        assert_ne!(closure, function);
        assert_eq!(gcx.define(krate, "m-f-{closure#0}"), closure);
        assert_eq!(gcx.def_path(closure), "m-f-{closure#0}");
        assert_eq!(gcx.def_path(function), "m-f");
        assert_eq!(gcx.definitions.borrow().nested_bodies[&function.index], [closure.index]);
    }

    #[test]
    fn lines_start_after_newlines() {
        assert_eq!(SourceFile::new("a\nbc\n".to_owned()).line_starts, [0, 2, 5]);
    }
}
