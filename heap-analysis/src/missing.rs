//! What the walk could not read for want of a `Walk`: types by bytes, worst
//! first, each with the line to write.

use crate::analysis::Analysis;
use crate::heap::{Heap, Role, NONE};
use crate::type_name::{after_list, krate, text, tokens, Token};
use heap_snapshot::record::{FieldDesc, Layout, Source, TypeDesc, TypeKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What nobody describes, and what to do about it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Missing {
    /// Whether there was an allocator that knows the blocks. Without one
    /// nothing is claimed raw, and only bytes inside values are known.
    pub is_tracked: bool,
    /// Types without a `Walk`: of fields that `#[walk(missing = opaque)]` let
    /// through, and values behind `dyn` of a trait that does not ask for it.
    pub missing: Vec<MissingRow>,
    /// Types that are opaque because the program says so (`#[walk(opaque)]`),
    /// or because they let nobody look inside.
    pub opaque: Vec<MissingRow>,
}

/// Why nobody describes a type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It has no `Walk`.
    Missing,
    /// A value behind `dyn`, whose trait does not ask for a `Walk`.
    Dyn,
    /// Its fields are marked `#[walk(opaque)]`.
    OpaqueField,
    /// Its own `Walk` cannot look inside.
    OpaqueType,
}

/// A type that nobody describes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MissingRow {
    /// Displayed name, after the type config.
    pub name: String,
    /// Name as the program gives it.
    pub path: String,
    /// Size of a value; 0 where only a value tells.
    pub size: u64,
    /// Why nobody describes it.
    pub why: Why,
    /// `inline_bytes` and `block_bytes` together.
    pub bytes: u64,
    /// Values that lie in other values and in roots, as far as they are known.
    pub values: u64,
    /// Some of its holders are met in places where nobody counts them, or were
    /// never met: there may be more values than `values`.
    pub is_lower_bound: bool,
    /// Bytes of these values.
    pub inline_bytes: u64,
    /// Blocks of which nothing but their size is known: claimed by a scan of
    /// such values' bytes, or of the blocks found so; and blocks of `dyn` values.
    pub blocks: u64,
    /// Their usable bytes.
    pub block_bytes: u64,
    /// The fields of this type.
    pub fields: Vec<HolderRow>,
    /// What to write. Empty where nothing helps.
    pub advice: Vec<Advice>,
}

/// A field that has the type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HolderRow {
    /// Displayed name of the type with the field.
    pub holder: String,
    /// Name of the field; in an enum after its variant's.
    pub field: String,
    /// Values of the holder (with this variant active); `None` where nobody counted them.
    pub values: Option<u64>,
    /// Where the holder is defined.
    pub source: Option<Source>,
}

/// How a type comes to be walked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It has a `Walk`: the field's attribute can go.
    Walkable,
    /// heap-walk has impls for its crate behind a feature.
    Feature,
    /// It is the program's own: derive.
    Derive,
    /// The trait of a `dyn` is the program's own: ask for `Walk`.
    Supertrait,
    /// Values behind `dyn Any`: name their types.
    Register,
    /// It is somebody else's: describe its public fields once.
    Remote,
    /// A `Cell` of something that can be copied.
    Copy,
    /// Nothing else is left.
    Opaque,
}

/// What to write for one type, in a row's type or the row's type itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Advice {
    /// The way.
    pub how: How,
    /// The type that it is about.
    pub path: String,
    /// The line.
    pub line: String,
    /// Where the line goes, or what to do where it does not fit.
    pub note: String,
}

/// Paths of crates for which heap-walk has impls, and the features they are
/// behind: that of the newest version first.
pub const FEATURES: &[(&str, &[&str])] = &[
    ("arc_swap", &["arc-swap"]),
    ("arrayvec", &["arrayvec"]),
    ("bumpalo", &["bumpalo"]),
    ("bytes", &["bytes"]),
    ("compact_str", &["compact_str", "compact_str-0_9", "compact_str-0_8"]),
    ("crossbeam_channel", &["crossbeam"]),
    ("crossbeam_deque", &["crossbeam"]),
    ("crossbeam_queue", &["crossbeam"]),
    ("crossbeam_skiplist", &["crossbeam"]),
    ("crossbeam_utils", &["crossbeam"]),
    ("dashmap", &["dashmap", "dashmap-5"]),
    ("datafrog", &["datafrog"]),
    ("ena", &["ena"]),
    ("hashbrown", &["hashbrown", "hashbrown-0_16", "hashbrown-0_15", "hashbrown-0_14"]),
    ("http", &["http", "http-0_2"]),
    ("id_arena", &["id-arena"]),
    ("indexmap", &["indexmap", "indexmap-1"]),
    ("la_arena", &["la-arena"]),
    // parking_lot's locks are those of lock_api over its own raw ones.
    ("lock_api", &["parking_lot"]),
    ("once_cell", &["once_cell"]),
    ("parking_lot", &["parking_lot"]),
    ("petgraph", &["petgraph", "petgraph-0_7", "petgraph-0_6"]),
    ("ra_ap_rustc_index", &["rustc_index"]),
    ("regex", &["regex"]),
    ("rowan", &["rowan", "rowan-0_15"]),
    ("salsa", &["salsa"]),
    ("serde_json", &["serde_json"]),
    ("slotmap", &["slotmap"]),
    ("smallvec", &["smallvec"]),
    ("smol_str", &["smol_str", "smol_str-0_2"]),
    ("thin_vec", &["thin-vec"]),
    ("tokio::sync", &["tokio"]),
    ("triomphe", &["triomphe"]),
    ("typed_arena", &["typed-arena"]),
    ("url", &["url"]),
];

impl Analysis {
    /// What the walk could not read for want of a `Walk`, worst first. O(n): a
    /// pass over the nodes, and one over the types.
    pub fn missing(&self) -> Missing {
        let heap = &self.heap;
        let mut found = Found::new(self);
        let counts = Counts::new(self);
        for (at, ty) in heap.types.iter().enumerate() {
            found.fields(at, ty, &counts);
        }
        found.opaque_types(&counts);
        found.blocks();
        let own = OwnCrates::new(heap);
        let mut missing = Missing { is_tracked: heap.header.tracked, ..Missing::default() };
        for ((path, size), row) in found.rows {
            let row = row.finish(self, path, size, &own);
            match row.why {
                Why::Missing | Why::Dyn => missing.missing.push(row),
                Why::OpaqueField | Why::OpaqueType => missing.opaque.push(row),
            }
        }
        for rows in [&mut missing.missing, &mut missing.opaque] {
            rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
        }
        missing
    }
}

/// A row while it is added up.
struct Draft {
    why: Why,
    ty: u32,
    values: u64,
    is_lower_bound: bool,
    inline_bytes: u64,
    blocks: u64,
    block_bytes: u64,
    fields: Vec<HolderRow>,
}

impl Draft {
    fn finish(mut self, analysis: &Analysis, path: &str, size: u64, own: &OwnCrates<'_>) -> MissingRow {
        let name = match self.why {
            Why::Dyn => path.to_owned(),
            _ => analysis.table.type_name(self.ty).to_owned(),
        };
        self.fields.sort_by(|a, b| (&a.holder, &a.field).cmp(&(&b.holder, &b.field)));
        MissingRow {
            name,
            path: path.to_owned(),
            size,
            why: self.why,
            bytes: self.inline_bytes.saturating_add(self.block_bytes),
            values: self.values,
            is_lower_bound: self.is_lower_bound,
            inline_bytes: self.inline_bytes,
            blocks: self.blocks,
            block_bytes: self.block_bytes,
            fields: self.fields,
            advice: own.advice(path, self.why),
        }
    }
}

/// The rows by name and size.
struct Found<'a> {
    analysis: &'a Analysis,
    rows: BTreeMap<(&'a str, u64), Draft>,
    /// Holders are counted once, however often their type is described.
    is_met: HashSet<(u32, Option<usize>, usize)>,
}

impl<'a> Found<'a> {
    fn new(analysis: &'a Analysis) -> Found<'a> {
        Found { analysis, rows: BTreeMap::new(), is_met: HashSet::new() }
    }

    fn row(&mut self, ty: u32, why: Why) -> Option<&mut Draft> {
        let desc = self.analysis.heap.types.get(ty as usize)?;
        let plain = (desc.name.as_str(), desc.size);
        let (key, why) = match behind_dyn(&desc.name) {
            // What a field marked opaque holds is its own.
            Some(dynamic) if why != Why::OpaqueField && !self.rows.contains_key(&plain) => {
                ((dynamic, 0), Why::Dyn)
            }
            _ => (plain, why),
        };
        let row = self.rows.entry(key).or_insert(Draft {
            why,
            ty,
            values: 0,
            is_lower_bound: false,
            inline_bytes: 0,
            blocks: 0,
            block_bytes: 0,
            fields: Vec::new(),
        });
        // A type that is missing in one place and marked in another is missing.
        row.why = row.why.min(why);
        Some(row)
    }

    /// Fields of a described type that nobody looks into.
    fn fields(&mut self, at: usize, holder: &'a TypeDesc, counts: &Counts) {
        self.fields_of(at, holder, None, &holder.fields, counts.values(at));
        for (variant, desc) in holder.variants.iter().enumerate() {
            let values = counts.variant(at, variant);
            self.fields_of(at, holder, Some(variant), &desc.fields, values);
        }
    }

    fn fields_of(
        &mut self,
        at: usize,
        holder: &'a TypeDesc,
        variant: Option<usize>,
        fields: &'a [FieldDesc],
        values: Option<u64>,
    ) {
        let analysis = self.analysis;
        for (position, field) in fields.iter().enumerate() {
            let why = match field.mode.as_str() {
                "missing" => Why::Missing,
                "opaque" => Why::OpaqueField,
                _ => continue,
            };
            if !self.is_met.insert((canonical(analysis, at), variant, position)) {
                continue;
            }
            let size = analysis.heap.types.get(field.ty as usize).map_or(0, |ty| ty.size);
            let Some(row) = self.row(field.ty, why) else { continue };
            let number = values.unwrap_or(0).saturating_mul(field.times);
            row.values = row.values.saturating_add(number);
            row.inline_bytes = row.inline_bytes.saturating_add(number.saturating_mul(size));
            row.is_lower_bound |= values.is_none();
            let name = match variant.map(|variant| &holder.variants[variant].name) {
                Some(variant) => format!("{variant}.{}", field.name),
                None => field.name.clone(),
            };
            row.fields.push(HolderRow {
                holder: analysis.table.type_name(at as u32).to_owned(),
                field: name,
                values,
                source: holder.source.clone(),
            });
        }
    }

    /// Types whose own `Walk` cannot look inside.
    fn opaque_types(&mut self, counts: &Counts) {
        let analysis = self.analysis;
        let mut is_met = HashSet::new();
        for (at, ty) in analysis.heap.types.iter().enumerate() {
            let is_opaque = TypeKind(ty.kind) == TypeKind::UNKNOWN && ty.fixed && ty.base.untyped > 0;
            let values = counts.values(at).unwrap_or(0);
            if is_opaque && values > 0 && is_met.insert(canonical(analysis, at)) {
                if let Some(row) = self.row(at as u32, Why::OpaqueType) {
                    row.values = row.values.saturating_add(values);
                    let bytes = values.saturating_mul(ty.base.untyped);
                    row.inline_bytes = row.inline_bytes.saturating_add(bytes);
                }
            }
        }
    }

    /// Blocks found by scans, and blocks of `dyn` values.
    fn blocks(&mut self) {
        let analysis = self.analysis;
        let heap = &analysis.heap;
        for node in heap.node_ids().filter(|node| heap.role(*node) == Role::Block) {
            let Some(ty) = heap.node_type(node).filter(|ty| ty.elem != NONE) else { continue };
            let is_raw = Layout(ty.layout) == Layout::RAW;
            let is_dyn = || {
                let elem = heap.types.get(ty.elem as usize);
                elem.is_some_and(|elem| elem.name.starts_with("dyn ")) && heap.split(node).untyped > 0
            };
            if is_raw || is_dyn() {
                let why = if is_raw { Why::OpaqueType } else { Why::Dyn };
                if let Some(row) = self.row(ty.elem, why) {
                    row.blocks += 1;
                    row.block_bytes = row.block_bytes.saturating_add(heap.shallow(node));
                }
            }
        }
    }
}

/// The `dyn …` that a type is, or that it is the sole handle of.
fn behind_dyn(name: &str) -> Option<&str> {
    let handle = |head: &str| name.strip_prefix(head)?.strip_suffix('>');
    let inner = ["alloc::boxed::Box<", "alloc::rc::Rc<", "alloc::sync::Arc<"].into_iter().find_map(handle);
    Some(inner.unwrap_or(name)).filter(|name| name.starts_with("dyn "))
}

/// What stands for all descriptions of one type: its row of the type table.
fn canonical(analysis: &Analysis, ty: usize) -> u32 {
    // Types without a row have no values, and no row number is that high.
    analysis.table.row_of_type(ty as u32).map_or(u32::MAX - ty as u32, |row| row.0)
}

/// How many values there are of each type.
struct Counts {
    /// By type: values; of enums `None`.
    values: Vec<Option<u64>>,
    /// By row of the type table, or what stands for it, and variant.
    variants: HashMap<(u32, u32), u64>,
    rows: Vec<u32>,
}

impl Counts {
    fn new(analysis: &Analysis) -> Counts {
        let heap = &analysis.heap;
        let rows: Vec<u32> = (0..heap.types.len()).map(|ty| canonical(analysis, ty)).collect();
        let mut variants: HashMap<(u32, u32), u64> = HashMap::new();
        for census in &heap.census {
            if let Some(row) = rows.get(census.ty as usize) {
                let count = variants.entry((*row, census.variant)).or_default();
                *count = count.saturating_add(census.count);
            }
        }
        let in_cells = in_cells(analysis, &rows);
        let values = (0..heap.types.len())
            .map(|ty| {
                let row =
                    analysis.table.row_of_type(ty as u32).map(|row| &analysis.table.rows[row.0 as usize]);
                let counted = row.map_or(0, |row| row.count.saturating_add(row.inline_values));
                Some(counted.saturating_add(in_cells[ty])).filter(|values| *values > 0)
            })
            .collect();
        Counts { values, variants, rows }
    }

    /// Values of a type that is no enum; `None` where none was counted: whoever
    /// holds them is not described.
    fn values(&self, ty: usize) -> Option<u64> {
        self.values[ty]
    }

    /// Values of an enum with this variant active. What the walk met, it counted.
    fn variant(&self, ty: usize, variant: usize) -> Option<u64> {
        Some(self.variants.get(&(self.rows[ty], variant as u32)).copied().unwrap_or(0))
    }
}

/// Cells that hold one value each, whether or not it could be entered. They do
/// not describe it as a field, so the type table does not count it.
const CELLS: [&str; 7] = [
    "core::cell::RefCell<",
    "std::sync::poison::mutex::Mutex<",
    "std::sync::poison::rwlock::RwLock<",
    "lock_api::mutex::Mutex<",
    "lock_api::rwlock::RwLock<",
    "tokio::sync::mutex::Mutex<",
    "tokio::sync::rwlock::RwLock<",
];

/// By type: values in cells, which the type table has not counted. Enums are
/// left out: the walk counts them wherever they are.
fn in_cells(analysis: &Analysis, rows: &[u32]) -> Vec<u64> {
    let heap = &analysis.heap;
    let count = heap.types.len();
    let is_enum = |ty: u32| heap.types.get(ty as usize).is_none_or(|ty| TypeKind(ty.kind) == TypeKind::ENUM);
    let mut by_name: HashMap<&str, u32> = HashMap::new();
    // One description of each type passes on for all.
    let mut first: HashMap<u32, usize> = HashMap::new();
    for (at, ty) in heap.types.iter().enumerate() {
        by_name.entry(&ty.name).or_insert(at as u32);
        first.entry(rows[at]).or_insert(at);
    }
    // By type: what a value holds, and how often.
    let holds = |at: usize| -> Vec<(u32, u64, bool)> {
        let ty = &heap.types[at];
        let inner = CELLS.iter().find_map(|cell| ty.name.strip_prefix(cell)?.strip_suffix('>'));
        match inner {
            Some(inner) if TypeKind(ty.kind) == TypeKind::UNKNOWN => {
                let inner = last_argument(inner);
                by_name.get(inner).filter(|inner| !is_enum(**inner)).map(|inner| (*inner, 1, true))
            }
            .into_iter()
            .collect(),
            _ => {
                let walked = ty.fields.iter().filter(|field| field.mode.is_empty() && !is_enum(field.ty));
                walked.map(|field| (field.ty, field.times, false)).collect()
            }
        }
    };
    let mut holders = vec![0_u32; count];
    for &at in first.values() {
        holds(at).iter().for_each(|(ty, ..)| holders[*ty as usize] += 1);
    }
    let mut extra = vec![0_u64; count];
    // Each type after all that hold it. A damaged file's circles are never begun.
    let mut ready: Vec<usize> = first.values().copied().filter(|at| holders[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        let row = analysis.table.row_of_type(at as u32).map(|row| &analysis.table.rows[row.0 as usize]);
        let counted = row.map_or(0, |row| row.count.saturating_add(row.inline_values));
        for (ty, times, is_cell) in holds(at) {
            let whole = if is_cell { counted.saturating_add(extra[at]) } else { extra[at] };
            let held = &mut extra[ty as usize];
            *held = held.saturating_add(whole.saturating_mul(times));
            holders[ty as usize] -= 1;
            if holders[ty as usize] == 0 {
                ready.push(ty as usize);
            }
        }
    }
    // What one description got is there for all.
    let by_row: HashMap<u32, u64> = first.iter().map(|(row, at)| (*row, extra[*at])).collect();
    rows.iter().map(|row| by_row[row]).collect()
}

/// The last of a list of type arguments.
fn last_argument(list: &str) -> &str {
    let mut depth = 0_u32;
    let mut begin = 0;
    for (at, c) in list.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if list[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => begin = at + 1,
            _ => {}
        }
    }
    list[begin..].trim()
}

/// Which crates the program can edit, and which types are walked.
struct OwnCrates<'a> {
    own: HashSet<String>,
    /// Types that have a `Walk`, by their paths without arguments.
    walked: HashSet<Vec<&'a str>>,
}

impl<'a> OwnCrates<'a> {
    fn new(heap: &'a Heap) -> OwnCrates<'a> {
        let mut own: HashSet<String> = HashSet::new();
        // The program's crate; a test's or an example's has another name than its file.
        own.insert(heap.header.program.replace('-', "_"));
        let mut walked: HashSet<Vec<&str>> = HashSet::new();
        let mut fields = HashSet::new();
        for ty in &heap.types {
            let all = ty.fields.iter().chain(ty.variants.iter().flat_map(|variant| &variant.fields));
            fields.extend(all.filter(|field| field.mode.is_empty()).map(|field| field.ty));
        }
        for (at, ty) in heap.types.iter().enumerate() {
            let head = match tokens(&ty.name).into_iter().next() {
                Some(Token::Path(path)) if path != ["dyn"] => path,
                _ => continue,
            };
            if TypeKind(ty.kind) != TypeKind::UNKNOWN || fields.contains(&(at as u32)) {
                walked.insert(head.clone());
            }
            if let Some(source) = ty.source.as_ref().filter(|source| is_editable(source)) {
                own.insert(source.package.replace('-', "_"));
                own.insert(head[0].to_owned());
            }
        }
        own.remove("");
        own.remove("std");
        OwnCrates { own, walked }
    }

    /// What to write so that values of the type of this name are walked.
    fn advice(&self, name: &str, why: Why) -> Vec<Advice> {
        let tokens = tokens(name);
        let mut advice = BTreeSet::new();
        let mut at = 0;
        while at < tokens.len() {
            let next = at + 1;
            let Token::Path(path) = &tokens[at] else {
                // References and pointers are walked, whatever they point to.
                let is_pointer = matches!(tokens[at], Token::Mark('&' | '*'));
                at = if is_pointer { after_type(&tokens, next) } else { next };
                continue;
            };
            // `Item = …` names no type.
            let is_binding = tokens.get(next) == Some(&Token::Mark('='));
            let end = after_list(&tokens, next).max(next);
            at = next;
            if path == &["dyn"] {
                let Some(Token::Path(of)) = tokens.get(next) else { continue };
                advice.insert(self.of_dyn(of));
                at = after_type(&tokens, next - 1);
                continue;
            }
            if is_binding || is_plain(path) {
                continue;
            }
            if is_ignored(path) {
                at = end;
                continue;
            }
            if let Some(found) = self.of_path(path, &text(&tokens[next - 1..end])) {
                let ends_here = matches!(found.how, How::Derive | How::Remote | How::Opaque | How::Copy);
                advice.insert(found);
                if ends_here {
                    // Once it is described, its arguments are asked about.
                    at = end;
                }
            }
        }
        if advice.is_empty() && why == Why::OpaqueField {
            advice.insert(Advice {
                how: How::Walkable,
                path: name.to_owned(),
                line: "(no attribute)".into(),
                note: "the type has a `Walk`: take `#[walk(opaque)]` off the field".into(),
            });
        }
        if advice.is_empty() && why == Why::Missing {
            advice.insert(opaque(name, "nobody can describe this type from outside"));
        }
        // What lets nobody look inside has a `Walk` already.
        if why == Why::OpaqueType {
            advice.retain(|advice| advice.how == How::Copy);
        }
        let mut advice: Vec<Advice> = advice.into_iter().collect();
        // A lock of parking_lot is two types of one crate.
        advice.dedup_by(|b, a| a.how == How::Feature && a.line == b.line);
        advice
    }

    fn of_dyn(&self, of: &[&str]) -> Advice {
        let (path, name) = (of.join("::"), of.last().copied().unwrap_or(""));
        if krate(of) == "std" && name == "Any" {
            return Advice {
                how: How::Register,
                path,
                line: "heap_walk::register::<Concrete>();".into(),
                note: "once at the start, for each type that is put behind `dyn Any`".into(),
            };
        }
        match self.own.contains(of[0]) {
            true => Advice {
                how: How::Supertrait,
                path,
                line: format!("trait {name}: heap_walk::Walk"),
                note: "then each type behind it is walked as what it is".into(),
            },
            false => opaque(
                &path,
                "the trait is not the program's own: claimed with its size, and its vtable's type",
            ),
        }
    }

    /// What to write for a type of this path; `None` where nothing has to be.
    fn of_path(&self, path: &[&str], full: &str) -> Option<Advice> {
        let joined = path.join("::");
        if path.iter().any(|segment| segment.starts_with('{')) {
            return Some(opaque(full, "closures and futures have no name to describe them by"));
        }
        if krate(path) == "std" {
            if joined == "core::cell::Cell" {
                return Some(Advice {
                    how: How::Copy,
                    path: full.into(),
                    line: "#[walk(copy)]".into(),
                    note: "on the field, where what is in the cell can be copied and has a `Walk`".into(),
                });
            }
            // Nearly all of std has a `Walk`: what is missing is elsewhere in the type.
            return None;
        }
        if self.walked.contains(path) {
            return None;
        }
        if let Some(features) = features(&joined) {
            return Some(feature(full, features));
        }
        if self.own.contains(path[0]) {
            return Some(Advice {
                how: How::Derive,
                path: full.into(),
                line: "#[derive(heap_walk::Walk)]".into(),
                note: format!("on `{}`", path.last().copied().unwrap_or("")),
            });
        }
        Some(Advice {
            how: How::Remote,
            path: full.into(),
            line: format!("#[derive(heap_walk::Walk)] #[walk(remote = \"{full}\")]"),
            note: format!(
                "on a struct or enum with its public fields, then `#[walk(as = …)]` on the field; \
                 `#[walk(opaque)]` if they are private; `#[derive(heap_walk::Walk)]` if crate `{}` is yours",
                path[0]
            ),
        })
    }
}

/// The features with impls for types of this path.
fn features(path: &str) -> Option<&'static [&'static str]> {
    let found = FEATURES
        .iter()
        .find(|(prefix, _)| path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::")));
    found.map(|(_, features)| *features)
}

fn feature(path: &str, features: &[&str]) -> Advice {
    let (newest, older) = features.split_first().unwrap_or((&"", &[]));
    let note = match older {
        [] => "in the package's folder".to_owned(),
        older => format!("in the package's folder; of older versions {}", older.join(", ")),
    };
    Advice {
        how: How::Feature,
        path: path.to_owned(),
        line: format!("cargo add heap-walk --features {newest}"),
        note,
    }
}

fn opaque(path: &str, note: &str) -> Advice {
    Advice { how: How::Opaque, path: path.to_owned(), line: "#[walk(opaque)]".into(), note: note.to_owned() }
}

/// Whether a source file is one that the program's people edit: not one that
/// the package manager or the toolchain unpacked.
fn is_editable(source: &Source) -> bool {
    let file = source.file.replace('\\', "/");
    !["/registry/src/", "/git/checkouts/", "/rustc/", "/rustlib/src/"].iter().any(|part| file.contains(part))
        && !source.package.is_empty()
        && source.package != "heap-walk"
}

/// Position after the type that begins at `from`, with arguments and bounds.
fn after_type(tokens: &[Token<'_>], mut from: usize) -> usize {
    let is_prefix = |token: &Token<'_>| match token {
        Token::Path(path) => matches!(path[..], ["mut" | "const" | "dyn"]),
        Token::Mark(mark) => matches!(mark, '&' | '*'),
    };
    while tokens.get(from).is_some_and(is_prefix) {
        from += 1;
    }
    loop {
        if matches!(tokens.get(from), Some(Token::Path(_))) {
            from += 1;
        }
        from = after_list(tokens, from);
        // `+ Send`
        match tokens.get(from) {
            Some(Token::Mark('+')) => from += 1,
            _ => return from,
        }
    }
}

/// Types that containers hold without walking them: hashers, and what is not there.
fn is_ignored(path: &[&str]) -> bool {
    let last = path.last().copied().unwrap_or("");
    last == "PhantomData" || last == "RandomState" || last.contains("Hasher")
}

/// Keywords, primitives and numbers: nothing to write for them.
fn is_plain(path: &[&str]) -> bool {
    const PLAIN: [&str; 27] = [
        "bool", "char", "str", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
        "u64", "u128", "usize", "mut", "const", "fn", "unsafe", "extern", "as", "impl", "for", "where", "_",
    ];
    match path {
        [only] => PLAIN.contains(only) || only.starts_with(|c: char| c.is_ascii_digit()),
        ["", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{expect, Expect};

    fn check(name: &str, why: Why, expected: Expect) {
        let own = OwnCrates {
            own: HashSet::from(["app".to_owned()]),
            walked: HashSet::from([vec!["smallvec", "SmallVec"], vec!["alloc", "string", "String"]]),
        };
        let mut out = String::new();
        for advice in own.advice(name, why) {
            out += &format!("{}: {}\n    {}\n", advice.path, advice.line, advice.note);
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn each_type_gets_the_best_line_there_is() {
        check(
            "alloc::vec::Vec<app::model::Item>",
            Why::Missing,
            expect![[r#"
            app::model::Item: #[derive(heap_walk::Walk)]
                on `Item`
        "#]],
        );
        check(
            "std::collections::hash::map::HashMap<alloc::string::String, lru::Lru<app::Item>>",
            Why::Missing,
            expect![[r#"
                lru::Lru<app::Item>: #[derive(heap_walk::Walk)] #[walk(remote = "lru::Lru<app::Item>")]
                    on a struct or enum with its public fields, then `#[walk(as = …)]` on the field; `#[walk(opaque)]` if they are private; `#[derive(heap_walk::Walk)]` if crate `lru` is yours
            "#]],
        );
        check(
            "smallvec::SmallVec<[app::Item; 4]>",
            Why::Missing,
            expect![[r#"
            app::Item: #[derive(heap_walk::Walk)]
                on `Item`
        "#]],
        );
        check(
            "indexmap::map::IndexMap<u32, app::Item>",
            Why::Missing,
            expect![[r#"
                indexmap::map::IndexMap<u32, app::Item>: cargo add heap-walk --features indexmap
                    in the package's folder; of older versions indexmap-1
                app::Item: #[derive(heap_walk::Walk)]
                    on `Item`
            "#]],
        );
        check(
            "tokio::net::tcp::stream::TcpStream",
            Why::Missing,
            expect![[r#"
            tokio::net::tcp::stream::TcpStream: #[derive(heap_walk::Walk)] #[walk(remote = "tokio::net::tcp::stream::TcpStream")]
                on a struct or enum with its public fields, then `#[walk(as = …)]` on the field; `#[walk(opaque)]` if they are private; `#[derive(heap_walk::Walk)]` if crate `tokio` is yours
        "#]],
        );
        check(
            "lock_api::mutex::Mutex<parking_lot::raw_mutex::RawMutex, u8>",
            Why::Missing,
            expect![[r#"
                lock_api::mutex::Mutex<parking_lot::raw_mutex::RawMutex, u8>: cargo add heap-walk --features parking_lot
                    in the package's folder
            "#]],
        );
        check(
            "dyn app::Handler<Out = lru::Lru> + core::marker::Send",
            Why::Dyn,
            expect![[r#"
            app::Handler: trait Handler: heap_walk::Walk
                then each type behind it is walked as what it is
        "#]],
        );
        check(
            "dyn core::any::Any",
            Why::Dyn,
            expect![[r#"
            core::any::Any: heap_walk::register::<Concrete>();
                once at the start, for each type that is put behind `dyn Any`
        "#]],
        );
        check(
            "alloc::boxed::Box<dyn tower::Service<u8>>",
            Why::OpaqueField,
            expect![[r#"
            tower::Service: #[walk(opaque)]
                the trait is not the program's own: claimed with its size, and its vtable's type
        "#]],
        );
        check(
            "app::main::{{closure}}",
            Why::Missing,
            expect![[r#"
            app::main::{{closure}}: #[walk(opaque)]
                closures and futures have no name to describe them by
        "#]],
        );
        check(
            "std::net::tcp::TcpStream",
            Why::Missing,
            expect![[r#"
                std::net::tcp::TcpStream: #[walk(opaque)]
                    nobody can describe this type from outside
            "#]],
        );
        check(
            "hashbrown::map::HashMap<u8, &lru::Lru, core::hash::BuildHasherDefault<rustc_hash::FxHasher>>",
            Why::Missing,
            expect![[r#"
                hashbrown::map::HashMap<u8, &lru::Lru, core::hash::BuildHasherDefault<rustc_hash::FxHasher>>: cargo add heap-walk --features hashbrown
                    in the package's folder; of older versions hashbrown-0_16, hashbrown-0_15, hashbrown-0_14
            "#]],
        );
        check(
            "alloc::string::String",
            Why::OpaqueField,
            expect![[r#"
            alloc::string::String: (no attribute)
                the type has a `Walk`: take `#[walk(opaque)]` off the field
        "#]],
        );
        check(
            "core::cell::Cell<u32>",
            Why::OpaqueType,
            expect![[r#"
            core::cell::Cell<u32>: #[walk(copy)]
                on the field, where what is in the cell can be copied and has a `Walk`
        "#]],
        );
        check("std::sync::mpsc::Sender<app::Item>", Why::OpaqueType, expect![[r#""#]]);
        check(
            "fn(u8) -> u8",
            Why::Missing,
            expect![[r#"
            fn(u8) -> u8: #[walk(opaque)]
                nobody can describe this type from outside
        "#]],
        );
    }

    #[test]
    fn the_last_argument_is_found() {
        assert_eq!(last_argument("R, app::Pair<A, B>"), "app::Pair<A, B>");
        assert_eq!(last_argument("fn(A, B) -> C"), "fn(A, B) -> C");
        assert_eq!(last_argument("A"), "A");
    }

    #[test]
    fn every_feature_of_heap_walk_is_known_here() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../heap-walk/Cargo.toml");
        let manifest: toml::Table = std::fs::read_to_string(manifest).unwrap().parse().unwrap();
        let table = |name: &str| manifest[name].as_table().unwrap();
        let mut wanted: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (feature, enables) in table("features") {
            for dependency in enables.as_array().unwrap().iter().filter_map(|enabled| enabled.as_str()) {
                let Some(dependency) = dependency.strip_prefix("dep:") else { continue };
                if feature == "enabled" {
                    continue;
                }
                let package = table("dependencies")[dependency].get("package");
                let package = package.and_then(|name| name.as_str()).unwrap_or(dependency);
                wanted.entry(package.replace('-', "_")).or_default().insert(feature);
            }
        }
        // dashmap shows the tables of its own hashbrown; that is no impl for them.
        let hashbrown = wanted.get_mut("hashbrown").unwrap();
        hashbrown.retain(|feature| feature.starts_with("hashbrown"));
        let mut known: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (path, features) in FEATURES {
            let name = path.split("::").next().unwrap().to_owned();
            known.entry(name).or_default().extend(*features);
            assert!(features.iter().all(|feature| feature.starts_with(features[0])), "{path}: newest first");
        }
        // No dependency of heap-walk, but where the types of one come from.
        assert_eq!(known.remove("lock_api"), Some(BTreeSet::from(["parking_lot"])));
        assert_eq!(known, wanted);
    }
}
