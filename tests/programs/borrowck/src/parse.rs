//! Facts as text: one folder per function, one file of tab-separated quoted columns per relation.
//!
//! Reading is strict: a column too many, an unknown relation or a point outside the graph is an
//! error that names the file and the line. A missing file is an empty relation.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use heap_walk::Walk;

use crate::facts::PoloniusFacts;
use crate::index::{BasicBlock, Loan, Local, MovePathIndex, Origin, Point};
use crate::location::{Location, LocationTable, RichLocation};

/// The relations that rustc writes, by the stem of their file.
const RELATIONS: [&str; 18] = [
    "cfg_edge",
    "child_path",
    "drop_of_var_derefs_origin",
    "known_placeholder_subset",
    "loan_invalidated_at",
    "loan_issued_at",
    "loan_killed_at",
    "path_accessed_at_base",
    "path_assigned_at_base",
    "path_is_var",
    "path_moved_at_base",
    "placeholder",
    "subset_base",
    "universal_region",
    "use_of_var_derefs_origin",
    "var_defined_at",
    "var_dropped_at",
    "var_used_at",
];

/// Tables are as long as the largest index, so one line must not be able to ask for gigabytes.
const MAX_INDEX: usize = 1 << 22;

/// The relations of one function as text.
#[derive(Debug, Default, Clone, PartialEq, Eq, Walk)]
pub struct FactText {
    /// The function's path in its crate, its segments joined by `-`.
    pub function: String,
    /// Where the relations come from, for messages.
    pub folder: PathBuf,
    /// Text by relation.
    pub relations: BTreeMap<String, String>,
}

/// The facts of one function.
#[derive(Debug, Walk)]
pub struct FunctionFacts {
    /// The function's path in its crate, its segments joined by `-`.
    pub function: String,
    /// The numbering of its points.
    pub location_table: LocationTable,
    /// Its relations.
    pub facts: PoloniusFacts,
}

/// What is wrong with facts, and where.
#[derive(Debug, PartialEq, Eq, Walk)]
pub struct ParseError {
    /// The file, or the pack that stands for it.
    pub file: PathBuf,
    /// Counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// What was found, and what was expected.
    pub problem: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            0 => write!(f, "{}: {file}", self.problem),
            line => write!(f, "{}: {file}:{line}", self.problem),
        }
    }
}

impl std::error::Error for ParseError {}

impl FactText {
    /// Reads a function's folder. Files that don't end in `.facts` are left alone.
    ///
    /// # Errors
    ///
    /// A folder or file that can't be read.
    pub fn read(function: String, folder: &Path) -> io::Result<FactText> {
        let mut relations = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "facts") {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                relations.insert(stem, fs::read_to_string(&path)?);
            }
        }
        Ok(FactText { function, folder: folder.to_owned(), relations })
    }

    /// Parses every relation. The graph comes first: it numbers the points of all others.
    ///
    /// # Errors
    ///
    /// The first line that isn't a fact of its relation.
    pub fn parse(&self) -> Result<FunctionFacts, ParseError> {
        if let Some(name) = self.relations.keys().find(|name| !RELATIONS.contains(&name.as_str())) {
            return Err(self.error(name, 0, "this relation is not known".to_owned()));
        }
        let edges: Vec<(RichLocation, RichLocation)> = self.rows("cfg_edge", ())?;
        let table = LocationTable::new(edges.iter().flat_map(|(a, b)| [a.location(), b.location()]))
            .map_err(|problem| self.error("cfg_edge", 0, problem))?;

        let mut parsed = PoloniusFacts::default();
        let (facts, t) = (&mut parsed.0, &table);
        facts.cfg_edge = self.rows("cfg_edge", t)?;
        facts.child_path = self.rows("child_path", t)?;
        facts.drop_of_var_derefs_origin = self.rows("drop_of_var_derefs_origin", t)?;
        facts.known_placeholder_subset = self.rows("known_placeholder_subset", t)?;
        facts.loan_invalidated_at = self.rows("loan_invalidated_at", t)?;
        facts.loan_issued_at = self.rows("loan_issued_at", t)?;
        facts.loan_killed_at = self.rows("loan_killed_at", t)?;
        facts.path_accessed_at_base = self.rows("path_accessed_at_base", t)?;
        facts.path_assigned_at_base = self.rows("path_assigned_at_base", t)?;
        facts.path_is_var = self.rows("path_is_var", t)?;
        facts.path_moved_at_base = self.rows("path_moved_at_base", t)?;
        facts.placeholder = self.rows("placeholder", t)?;
        facts.subset_base = self.rows("subset_base", t)?;
        let universal: Vec<(Origin,)> = self.rows("universal_region", t)?;
        facts.universal_region = universal.into_iter().map(|(origin,)| origin).collect();
        facts.use_of_var_derefs_origin = self.rows("use_of_var_derefs_origin", t)?;
        facts.var_defined_at = self.rows("var_defined_at", t)?;
        facts.var_dropped_at = self.rows("var_dropped_at", t)?;
        facts.var_used_at = self.rows("var_used_at", t)?;
        Ok(FunctionFacts { function: self.function.clone(), location_table: table, facts: parsed })
    }

    fn rows<C: Copy, R: Row<C>>(&self, relation: &str, context: C) -> Result<Vec<R>, ParseError> {
        let text = self.relations.get(relation).map_or("", String::as_str);
        let rows = text.lines().zip(1..);
        rows.map(|(line, number)| {
            R::parse(line, context).map_err(|problem| self.error(relation, number, problem))
        })
        .collect()
    }

    fn error(&self, relation: &str, line: usize, problem: String) -> ParseError {
        ParseError { file: self.folder.join(relation).with_extension("facts"), line, problem }
    }
}

/// A line of a relation.
trait Row<C>: Sized {
    fn parse(line: &str, context: C) -> Result<Self, String>;
}

/// A column of a line. `C` is what it takes to understand it: the table for a point.
trait Column<C>: Sized {
    fn parse(text: &str, context: C) -> Result<Self, String>;
}

impl<C: Copy, A: Column<C>> Row<C> for (A,) {
    fn parse(line: &str, context: C) -> Result<Self, String> {
        let [a] = columns(line)?;
        Ok((A::parse(a, context)?,))
    }
}

impl<C: Copy, A: Column<C>, B: Column<C>> Row<C> for (A, B) {
    fn parse(line: &str, context: C) -> Result<Self, String> {
        let [a, b] = columns(line)?;
        Ok((A::parse(a, context)?, B::parse(b, context)?))
    }
}

impl<C: Copy, A: Column<C>, B: Column<C>, D: Column<C>> Row<C> for (A, B, D) {
    fn parse(line: &str, context: C) -> Result<Self, String> {
        let [a, b, d] = columns(line)?;
        Ok((A::parse(a, context)?, B::parse(b, context)?, D::parse(d, context)?))
    }
}

impl Column<()> for RichLocation {
    fn parse(text: &str, (): ()) -> Result<Self, String> {
        rich_location(text)
    }
}

impl Column<&LocationTable> for Point {
    fn parse(text: &str, table: &LocationTable) -> Result<Self, String> {
        let rich = rich_location(text)?;
        table.point(rich).ok_or_else(|| format!("`{rich:?}` is not a point of the graph"))
    }
}

macro_rules! prefixed {
    ($($name:ident: $prefix:literal, $what:literal;)*) => {$(
        impl Column<&LocationTable> for $name {
            fn parse(text: &str, _: &LocationTable) -> Result<Self, String> {
                let index = text.strip_prefix($prefix).and_then(index);
                index.map($name::from_usize).ok_or_else(|| expected($what, text))
            }
        }
    )*};
}

prefixed! {
    Origin: "'?", "an origin such as `'?3`";
    Loan: "bw", "a loan such as `bw3`";
    Local: "_", "a variable such as `_3`";
    MovePathIndex: "mp", "a path such as `mp3`";
}

/// Splits a line into `N` quoted columns.
fn columns<const N: usize>(line: &str) -> Result<[&str; N], String> {
    let mut found = [""; N];
    let mut count = 0;
    for column in line.split('\t') {
        let inner = column.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.filter(|inner| !inner.contains('"'));
        let inner = inner.ok_or_else(|| expected("a quoted column", column))?;
        if let Some(slot) = found.get_mut(count) {
            *slot = inner;
        }
        count += 1;
    }
    if count == N {
        Ok(found)
    } else {
        Err(format!("expected {N} columns, found {count}"))
    }
}

/// Parses `Start(bb3[7])` and `Mid(bb3[7])`.
fn rich_location(text: &str) -> Result<RichLocation, String> {
    let parse = || {
        let (half, rest) = text.split_once("(bb")?;
        let (block, statement) = rest.strip_suffix("])")?.split_once('[')?;
        let block = BasicBlock::from_usize(index(block)?);
        let location = Location { block, statement_index: index(statement)? };
        match half {
            "Start" => Some(RichLocation::Start(location)),
            "Mid" => Some(RichLocation::Mid(location)),
            _ => None,
        }
    };
    parse().ok_or_else(|| expected("a point such as `Mid(bb3[7])`", text))
}

/// A plain decimal number up to [`MAX_INDEX`]; no sign, no blanks.
fn index(text: &str) -> Option<usize> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let index = if plain { text.parse().ok()? } else { return None };
    (index <= MAX_INDEX).then_some(index)
}

fn expected(what: &str, found: &str) -> String {
    format!("expected {what}, found {found:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: &str = "\"Start(bb0[0])\"\t\"Mid(bb0[0])\"\n";

    fn text(relations: &[(&str, &str)]) -> FactText {
        let relations = relations.iter().map(|&(name, text)| (name.to_owned(), text.to_owned()));
        FactText { function: "f".into(), folder: "f".into(), relations: relations.collect() }
    }

    #[track_caller]
    fn error(relations: &[(&str, &str)], expected: &str) {
        let error = text(relations).parse().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn rows_become_facts() {
        let parsed = text(&[
            ("cfg_edge", EDGES),
            ("loan_issued_at", "\"'?4\"\t\"bw0\"\t\"Mid(bb0[0])\"\n"),
            ("universal_region", "\"'?0\"\n\"'?1\"\n"),
            ("path_is_var", "\"mp7\"\t\"_3\"\n"),
            ("loan_killed_at", ""),
        ])
        .parse()
        .unwrap();
        let facts = &parsed.facts.0;
        assert_eq!(facts.loan_issued_at, [(Origin::from_u32(4), Loan::from_u32(0), Point::from_u32(1))]);
        assert_eq!(facts.universal_region, [Origin::from_u32(0), Origin::from_u32(1)]);
        assert_eq!(facts.path_is_var, [(MovePathIndex::from_u32(7), Local::from_u32(3))]);
        assert_eq!(facts.cfg_edge, [(Point::from_u32(0), Point::from_u32(1))]);
        assert_eq!(parsed.facts.len(), 5);
        assert!(!parsed.facts.is_empty());
    }

    #[test]
    fn bad_input_is_named_with_file_and_line() {
        let with = |name, text| [("cfg_edge", EDGES), (name, text)];
        error(&with("loans", ""), "this relation is not known: f/loans.facts");
        error(&[("cfg_edge", "")], "the graph has no locations: f/cfg_edge.facts");
        error(
            &with("universal_region", "\"'?0\"\n\"'?0\"\t\"'?1\"\n"),
            "expected 1 columns, found 2: f/universal_region.facts:2",
        );
        error(
            &with("universal_region", "'?0\n"),
            "expected a quoted column, found \"'?0\": f/universal_region.facts:1",
        );
        error(
            &with("universal_region", "\"bw0\"\n"),
            "expected an origin such as `'?3`, found \"bw0\": f/universal_region.facts:1",
        );
        error(
            &with("path_is_var", "\"mp1\"\t\"_+1\"\n"),
            "expected a variable such as `_3`, found \"_+1\": f/path_is_var.facts:1",
        );
        error(
            &with("loan_killed_at", "\"bw99999999999\"\t\"Mid(bb0[0])\"\n"),
            "expected a loan such as `bw3`, found \"bw99999999999\": f/loan_killed_at.facts:1",
        );
        error(
            &with("var_used_at", "\"_1\"\t\"Mid(bb0[1])\"\n"),
            "`Mid(bb0[1])` is not a point of the graph: f/var_used_at.facts:1",
        );
        error(
            &[("cfg_edge", "\"End(bb0[0])\"\t\"Mid(bb0[0])\"\n")],
            "expected a point such as `Mid(bb3[7])`, found \"End(bb0[0])\": f/cfg_edge.facts:1",
        );
        error(
            &[("cfg_edge", "\"Start(bb0[0])\"\t\"Mid(bb4000000[0])\"\n")],
            "the graph has bb4000000 but no bb1: f/cfg_edge.facts",
        );
    }

    #[test]
    fn every_known_relation_is_read() {
        // A relation that parsing forgot would swallow this line.
        for relation in RELATIONS {
            let mut facts = text(&[("cfg_edge", EDGES)]);
            facts.relations.entry(relation.to_owned()).or_default().push_str("nonsense\n");
            let error = facts.parse().expect_err(relation);
            assert_eq!(error.file, Path::new("f").join(relation).with_extension("facts"));
        }
    }
}
