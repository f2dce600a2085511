//! A report in memory, without any snapshot.

use crate::checkpoint::InWalk;
use crate::sink::Sink;
use crate::tally::{Tally, TypeSum};
use crate::walk::Walk;
use crate::walker::{Start, Walker};
use heap_snapshot::live::{self, ToolScope};
use heap_snapshot::record::Split;
use std::fmt;

/// Rows that `Display` prints of the types.
const TOP: usize = 10;

/// What a value holds on the heap ([`measure`]). All sizes are bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Usable bytes of all blocks reached, what is shared included.
    pub in_all: u64,
    /// Of these, what no shared block holds that has handles elsewhere: a lower
    /// bound of what dropping the value frees.
    pub alone: u64,
    /// Number of blocks reached.
    pub blocks: u64,
    /// How the requested bytes divide.
    pub split: Split,
    /// Usable bytes beyond the requested ones.
    pub rounding: u64,
    /// What the blocks of each type add up to, most bytes first.
    pub types: Vec<TypeRow>,
    /// Parts that could not be entered: locked, borrowed, panicked.
    pub unreadable: u64,
    /// Sizes are by formula: no tracking allocator is installed.
    pub is_estimate: bool,
    /// What went wrong, in sentences.
    pub problems: Vec<String>,
}

/// The blocks of one type, or at the end of one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeRow {
    /// The type with its container, such as `Vec<u32>`; or the path, such as `.entries[].name`.
    pub name: String,
    /// Number of blocks.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
}

impl From<TypeSum> for TypeRow {
    fn from(sum: TypeSum) -> TypeRow {
        TypeRow { name: sum.name, blocks: sum.blocks, bytes: sum.usable }
    }
}

impl Report {
    /// Bytes that are not payload: padding, dead variant space, container
    /// overhead, spare capacity and rounding.
    pub fn slack(&self) -> u64 {
        let Split { padding, dead, overhead, spare, .. } = self.split;
        padding + dead + overhead + spare + self.rounding
    }
}

/// Says what `value` holds on the heap; its own bytes are not among them.
///
/// ```
/// let names: Vec<String> = vec!["a".into(), "b".into()];
/// let report = heap_walk::measure(&names);
/// assert_eq!(report.blocks, 3);
/// println!("{report}");
/// ```
///
/// With the tracking allocator the sizes are the allocator's own, without it
/// they are estimates. Costs one walk; a second one if something shared has
/// handles elsewhere, to tell [`Report::alone`], and one if an impl panicked. Any number of threads may measure
/// at a time; a lock that another walk holds is tried again, as any other is.
/// Inside an impl of `Walk` nothing is measured, and [`Report::problems`] says so.
pub fn measure<T: ?Sized + Walk>(value: &T) -> Report {
    run(value, false).0
}

/// As [`measure`], with the paths to the blocks: fields from the value on, most
/// bytes first. A path that comes back to a field and type that it has passed
/// is the path to there. Takes 4 bytes a block while it runs.
pub fn measure_paths<T: ?Sized + Walk>(value: &T) -> (Report, Vec<TypeRow>) {
    run(value, true)
}

/// A value of any size in the place of a root. It is no part of the report, so
/// it does not matter where it lies.
struct Whole<'v, T: ?Sized>(&'v T);

impl<T: ?Sized + Walk> Walk for Whole<'_, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        self.0.walk(w);
    }
    fn shape(&self) -> &'static crate::Shape {
        self.0.shape()
    }
}

fn run<T: ?Sized + Walk>(value: &T, with_paths: bool) -> (Report, Vec<TypeRow>) {
    let live = live::installed();
    {
        let _tool = ToolScope::enter();
        let Some(_in_walk) = InWalk::enter() else {
            let problem = "nothing was measured: this is called from an impl of `Walk`";
            return (Report::nothing(live.is_none(), problem), Vec::new());
        };
        let whole = Whole(value);
        let walk = |tally: Tally, prepare: &dyn Fn(&mut Walker<'_>)| {
            // No block counts as born during the walk: no checkpoint begins.
            let mut walker = Walker::new(Sink::Tally(Box::new(tally)), u32::MAX);
            prepare(&mut walker);
            let start = Start { name: "value".into(), origin: "argument", value: &whole };
            match walker.run(&[start]) {
                (Sink::Tally(tally), summary) => (tally, summary),
                (Sink::File(_), _) => unreachable!("a walk keeps its sink"),
            }
        };
        let (mut tally, mut summary) = walk(Tally::new(live, with_paths), &|_| ());
        if summary.panics > 0 && !with_paths {
            // Of what its block had said by then, nothing may be in the sums.
            (tally, summary) = walk(Tally::new(live, false), &|walker| walker.set_exact());
        }
        let total = tally.total();
        let mut elsewhere = 0;
        if !summary.outside.is_empty() {
            let mut tally = Tally::new(live, false);
            tally.is_counting = false;
            let outside = summary.outside;
            elsewhere = walk(tally, &|walker| walker.set_outside(&outside)).0.total().usable;
        }
        let report = Report {
            in_all: total.usable,
            alone: total.usable.saturating_sub(elsewhere),
            blocks: total.blocks,
            split: total.split,
            rounding: total.rounding,
            types: tally.types().into_iter().map(TypeRow::from).collect(),
            unreadable: summary.unreadable,
            is_estimate: live.is_none(),
            problems: summary.problems,
        };
        (report, tally.paths().into_iter().map(TypeRow::from).collect())
    }
}

impl Report {
    fn nothing(is_estimate: bool, problem: &str) -> Report {
        Report {
            in_all: 0,
            alone: 0,
            blocks: 0,
            split: Split::default(),
            rounding: 0,
            types: Vec::new(),
            unreadable: 0,
            is_estimate,
            problems: vec![problem.into()],
        }
    }

    /// Whether a walk took place at all.
    pub fn is_measured(&self) -> bool {
        self.blocks > 0 || self.problems.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_estimate = if self.is_estimate { " (estimated: no tracking allocator)" } else { "" };
        writeln!(f, "{:>14} bytes in {} blocks{is_estimate}", self.in_all, self.blocks)?;
        writeln!(f, "{:>14} alone", self.alone)?;
        let Split { payload, padding, dead, overhead, spare, untyped } = self.split;
        let parts = [
            (payload, "payload"),
            (padding, "padding"),
            (dead, "dead variant space"),
            (overhead, "container overhead"),
            (spare, "spare capacity"),
            (self.rounding, "rounding"),
            (untyped, "untyped"),
        ];
        for (bytes, name) in parts.into_iter().filter(|(bytes, _)| *bytes > 0) {
            writeln!(f, "{bytes:>14} {name}")?;
        }
        for row in self.types.iter().take(TOP) {
            writeln!(f, "{:>14} {} × {}", row.bytes, row.blocks, row.name)?;
        }
        if self.types.len() > TOP {
            let bytes: u64 = self.types[TOP..].iter().map(|row| row.bytes).sum();
            writeln!(f, "{bytes:>14} in {} more types", self.types.len() - TOP)?;
        }
        if self.unreadable > 0 {
            writeln!(f, "{:>14} parts could not be read", self.unreadable)?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}

/// A limit of [`crate::assert_within!`]: a figure's name, the figure, and the most it may be.
pub type Limit<'l> = (&'l str, fn(&Report) -> u64, u64);

/// What [`crate::assert_within!`] expands to.
#[doc(hidden)]
#[track_caller]
pub fn check_within<T: ?Sized + Walk>(what: &str, value: &T, limits: &[Limit<'_>]) {
    use fmt::Write as _;
    let report = measure(value);
    let mut message = String::new();
    if report.blocks == 0 {
        message += "nothing was measured, so the test could not fail";
    } else if report.unreadable > 0 {
        message +=
            &format!("{} parts could not be read, so the budget is not known to hold", report.unreadable);
    }
    for (name, figure, most) in limits {
        let figure = figure(&report);
        if figure > *most {
            let separator = if message.is_empty() { "" } else { "; " };
            let _ = write!(message, "{separator}{name} is {figure}, over its budget of {most}");
        }
    }
    if message.is_empty() {
        return;
    }
    for problem in &report.problems {
        let _ = write!(message, "; {problem}");
    }
    let (report, paths) = measure_paths(value);
    let mut rows = String::new();
    for TypeRow { name, blocks, bytes } in paths.iter().take(TOP) {
        let _ = writeln!(rows, "{bytes:>14} {blocks} × {what}{name}");
    }
    panic!("`{what}`: {message}\n{rows}\n{report}");
}
