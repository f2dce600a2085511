//! Live blocks by the stack that allocated them, and by the tags that it had.

use crate::addresses::{is_allocators, Addresses, Code, Function};
use crate::analysis::Analysis;
use crate::heap::{NodeId, NONE};
use heap_snapshot::read::Snapshot;
use heap_snapshot::record::{Image, LiveBlock, StackFigures, StackFrame, StackWay};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Stacks as the snapshot has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    figures: Option<StackFigures>,
    frames: Vec<StackFrame>,
    tags: Vec<String>,
    /// By block, or empty.
    by_block: Vec<u32>,
    images: Vec<Image>,
}

impl Recorded {
    /// The files that addresses of the snapshot lie in.
    pub(crate) fn images(&self) -> &[Image] {
        &self.images
    }

    pub(crate) fn take(snapshot: &mut Snapshot) -> Recorded {
        Recorded {
            figures: snapshot.stacks.take(),
            frames: std::mem::take(&mut snapshot.stack_frames),
            tags: std::mem::take(&mut snapshot.tags),
            by_block: std::mem::take(&mut snapshot.block_stacks),
            // Values behind `dyn` refer to positions in this list too.
            images: snapshot.images.clone(),
        }
    }

    /// The stack of a block of `blocks`; 0 where none is known.
    fn of(&self, block: usize, blocks: &[LiveBlock]) -> u32 {
        // Blocks of a damaged file may have been left out: then positions say nothing.
        let is_whole = self.by_block.len() == blocks.len();
        self.by_block.get(block).copied().filter(|_| is_whole).unwrap_or(0)
    }

    /// The node of a stack, be it a frame or a tag.
    fn node(&self, stack: u32) -> Option<StackFrame> {
        self.frames.get((stack as usize).checked_sub(1)?).copied()
    }

    /// The innermost frame of a stack. None of a stack of tags alone, and of one that could not be taken.
    fn frame(&self, stack: u32) -> Option<StackFrame> {
        self.node(stack).filter(|frame| frame.address != 0 && frame.tag().is_none())
    }

    /// The tags of a stack, the outer of nested ones first.
    fn tags(&self, stack: u32) -> Vec<String> {
        let mut tags = Vec::new();
        let mut at = stack;
        // A parent's number is smaller than its child's, also in a hostile file.
        while let Some(node) = self.node(at) {
            tags.extend(node.tag().map(|tag| match self.tags.get(tag as usize) {
                Some(name) => name.clone(),
                None => "?".into(),
            }));
            at = node.parent;
        }
        tags.reverse();
        tags
    }
}

/// Blocks that one stack allocated.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub struct StackRow {
    /// Blocks that have this stack.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
    /// Their requested bytes; where only a part of the blocks has its stack, those
    /// of all that the part stands for.
    pub estimated_bytes: u64,
    /// One of the blocks.
    pub example: u64,
    /// The tags below which it stands, the outer of nested ones first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Frames, innermost first, without the allocator's own. Empty where no stack is known.
    pub frames: Vec<Code>,
}

/// Blocks that were allocated under the same tags.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TagRow {
    /// The tags, the outer of nested ones first. Empty for what was allocated outside of any.
    pub tags: Vec<String>,
    /// Blocks that have these tags.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
    /// Their requested bytes, or those that they stand for; see [`StackRow::estimated_bytes`].
    pub estimated_bytes: u64,
    /// One of the blocks.
    pub example: u64,
}

impl TagRow {
    /// The tags joined, or `(none)`.
    pub fn name(&self) -> String {
        match &self.tags[..] {
            [] => "(none)".into(),
            tags => tags.join(" > "),
        }
    }
}

/// Blocks by tags.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TagRows {
    /// Bytes for each block of which tags are known, on average; 0 where they are of all.
    pub mean: u64,
    /// Usable bytes of all blocks that were looked at.
    pub total: u64,
    /// Most bytes first.
    pub rows: Vec<TagRow>,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

/// Blocks by stack.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StackRows {
    /// How stacks were found: `frame pointers`, `unwinder`, `none`; empty where they were not asked for.
    pub way: String,
    /// Bytes for each stack, on average; 0 where every block has its own.
    pub mean: u64,
    /// Usable bytes of all blocks that were looked at.
    pub total: u64,
    /// How many stacks there are, those that are not in the rows included.
    pub stacks: usize,
    /// Most bytes first; the blocks without a stack are a row without frames.
    pub rows: Vec<StackRow>,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

/// A line of a stack as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// A function and its place in the source, or the address where no function is known.
    pub text: String,
    /// The function's name, or the address.
    pub name: &'a str,
    /// Its source file, as the compiler was told it, and line.
    pub source: Option<(&'a str, u32)>,
    /// It is the standard library's.
    pub is_std: bool,
}

impl StackRow {
    /// Its functions from the program's own that allocated on, innermost first: what a stack is
    /// known by in a table.
    pub fn name(&self) -> String {
        let lines = lines(&self.frames, false);
        let own = lines.iter().position(|line| !line.is_std).unwrap_or(0);
        match &lines[own..] {
            [] => "without a stack".into(),
            lines => lines.iter().map(|line| line.name).collect::<Vec<_>>().join(" < "),
        }
    }
}

/// A line for each function of a stack, innermost first. Unless all are asked for, of
/// calls within the standard library only the outermost is shown, and of those around
/// `main` or a thread's function none.
pub fn lines(frames: &[Code], is_full: bool) -> Vec<Line<'_>> {
    // Where the standard library's own backtraces end too.
    let is_end = |function: &Function| function.name.contains("__rust_begin_short_backtrace");
    let end = frames.iter().position(|code| !is_full && code.functions.iter().any(is_end));
    let mut lines = Vec::new();
    let mut std = None;
    for code in &frames[..end.unwrap_or(frames.len())] {
        if code.functions.is_empty() {
            lines.extend(std.take());
            lines.push(Line { text: code.place.clone(), name: &code.place, source: None, is_std: false });
        }
        for function in &code.functions {
            let (file, is_std) = short_path(&function.file);
            let (text, source) = match file {
                "" => (function.name.clone(), None),
                file => (
                    format!("{}  {file}:{}", function.name, function.line),
                    Some((function.file.as_str(), function.line)),
                ),
            };
            let line = Line { text, name: &function.name, source, is_std };
            if is_std && !is_full {
                std = Some(line);
            } else {
                lines.extend(std.take());
                lines.push(line);
            }
        }
    }
    // A stack with nothing else shows what it has.
    if lines.is_empty() {
        lines.extend(std);
    }
    lines
}

/// A source file's path from the standard library's folder or the package's on, and
/// whether it is the standard library's.
fn short_path(file: &str) -> (&str, bool) {
    if file.starts_with("/rustc/") || file.contains("/rustlib/src/rust/") {
        if let Some((_, path)) = file.split_once("/library/") {
            return (path, true);
        }
    }
    // C++'s: `/usr/include/c++/12/bits/…`.
    if let Some((_, path)) = file.split_once("/include/c++/") {
        return (path.split_once('/').map_or(path, |(_, path)| path), true);
    }
    // Packages lie in a folder of their registry's index, or of their repository.
    let package = ["/registry/src/", "/git/checkouts/"].into_iter().find_map(|mark| file.split_once(mark));
    let path = package.and_then(|(_, behind)| behind.split_once('/'));
    (path.map_or(file, |(_, path)| path), false)
}

#[derive(Default)]
struct Sum {
    blocks: u64,
    bytes: u64,
    estimated: f64,
    example: u64,
}

impl Sum {
    /// Most bytes first, by what they stand for where only a part is known.
    fn order(&self, mean: u64) -> impl Ord {
        let weight = if mean > 0 { self.estimated as u64 } else { self.bytes };
        (Reverse(weight), Reverse(self.bytes), self.example)
    }

    fn add(&mut self, other: &Sum) {
        self.blocks += other.blocks;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.estimated += other.estimated;
        if self.example == 0 {
            self.example = other.example;
        }
    }
}

impl Analysis {
    /// Whether blocks have stacks.
    pub fn has_stacks(&self) -> bool {
        self.heap.stacks.figures.is_some()
    }

    /// The program's live blocks by stack, or only the unclaimed ones: the `top` rows
    /// with most bytes, or all for 0. O(blocks), and the debug information of what
    /// is on the stacks: seconds for large programs.
    pub fn stacks(&self, only_unclaimed: bool, top: usize) -> StackRows {
        let heap = &*self.heap;
        let figures = heap.stacks.figures.unwrap_or_default();
        let sums = self.sums(only_unclaimed);
        let mut addresses = Addresses::new(&heap.stacks.images, heap.header.unix_ms);
        let mut sums: Vec<(u32, Sum)> = sums.into_iter().collect();
        sums.sort_unstable_by_key(|(stack, _)| *stack);
        // Stacks that differ only in what is not shown are one: also in addresses, where the
        // compiler made one call on a line several times.
        let mut shown: HashMap<(u32, usize), ((u32, usize), Sum)> = HashMap::new();
        let mut readings = Readings::new(&heap.stacks);
        let mut total = 0_u64;
        for (stack, sum) in sums {
            total = total.saturating_add(sum.bytes);
            let visible = self.visible(stack, &mut addresses);
            let reading = (readings.of(visible.0, &mut addresses), visible.1);
            shown.entry(reading).or_insert_with(|| (visible, Sum::default())).1.add(&sum);
        }
        let mut shown: Vec<((u32, usize), Sum)> = shown.into_values().collect();
        shown.sort_by_key(|(_, sum)| sum.order(figures.mean));
        let stacks = shown.len();
        if top > 0 {
            shown.truncate(top);
        }
        let rows = shown
            .into_iter()
            .map(|(visible, sum)| StackRow {
                blocks: sum.blocks,
                bytes: sum.bytes,
                estimated_bytes: sum.estimated as u64,
                example: sum.example,
                tags: heap.stacks.tags(visible.0),
                frames: self.frames(visible, &mut addresses),
            })
            .collect();
        let way = heap.stacks.figures.map_or("", |figures| StackWay(figures.way).name().unwrap_or("unknown"));
        let mut problems = self.stack_problems();
        problems.extend(addresses.into_problems());
        StackRows { way: way.into(), mean: figures.mean, total, stacks, rows, problems }
    }

    /// The program's live blocks by the tags under which they were allocated, or only
    /// the unclaimed ones. O(blocks + stacks × depth).
    pub fn tags(&self, only_unclaimed: bool) -> TagRows {
        let heap = &*self.heap;
        let figures = heap.stacks.figures.unwrap_or_default();
        let mut by_tags: HashMap<Vec<String>, Sum> = HashMap::new();
        for (stack, sum) in self.sums(only_unclaimed) {
            by_tags.entry(heap.stacks.tags(stack)).or_default().add(&sum);
        }
        let mut rows: Vec<(Vec<String>, Sum)> = by_tags.into_iter().collect();
        rows.sort_by_key(|(_, sum)| sum.order(figures.mean));
        let rows: Vec<TagRow> = rows
            .into_iter()
            .map(|(tags, sum)| TagRow {
                tags,
                blocks: sum.blocks,
                bytes: sum.bytes,
                estimated_bytes: sum.estimated as u64,
                example: sum.example,
            })
            .collect();
        let mut problems = Vec::new();
        if heap.stacks.figures.is_none() {
            problems.push("the program kept no tags: run it with HEAP_TRACK=tags or stacks".into());
        } else if rows.iter().all(|row| row.tags.is_empty()) {
            problems.push("nothing has a tag: the program puts them with `heap_walk::tag`".into());
        }
        TagRows { mean: figures.mean, total: rows.iter().map(|row| row.bytes).sum(), rows, problems }
    }

    /// What each stack allocated; 0 for what has none.
    fn sums(&self, only_unclaimed: bool) -> HashMap<u32, Sum> {
        let heap = &*self.heap;
        let figures = heap.stacks.figures.unwrap_or_default();
        let mut sums: HashMap<u32, Sum> = HashMap::new();
        let blocks = heap.blocks.iter().zip(&heap.block_node).enumerate();
        let is_wanted = |block: &LiveBlock, node: u32| match only_unclaimed {
            true => node == NONE && heap.is_population(block),
            false => !block.is_tool,
        };
        for (at, (block, _)) in blocks.filter(|(_, (block, &node))| is_wanted(block, node)) {
            let stack = heap.stacks.of(at, &heap.blocks);
            let sum = Sum {
                blocks: 1,
                bytes: block.usable,
                estimated: if stack == 0 { 0.0 } else { estimate(block.requested, figures.mean) },
                example: block.addr,
            };
            sums.entry(stack).or_default().add(&sum);
        }
        sums
    }

    /// The stack that allocated a node's block, innermost frame first; empty where none is known.
    pub fn stack_of(&self, node: NodeId) -> Vec<Code> {
        let heap = &*self.heap;
        let Some(block) = heap.block(node) else { return Vec::new() };
        let at = heap.blocks.partition_point(|other| other.addr < block.addr);
        let mut addresses = Addresses::new(&heap.stacks.images, heap.header.unix_ms);
        let visible = self.visible(heap.stacks.of(at, &heap.blocks), &mut addresses);
        self.frames(visible, &mut addresses)
    }

    fn stack_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match self.heap.stacks.figures {
            None => problems.push("the program took no stacks: run it with HEAP_TRACK=stacks".into()),
            Some(figures) if StackWay(figures.way) == StackWay::NOT_TAKEN => {
                problems.push("the program kept tags alone: run it with HEAP_TRACK=stacks".into());
            }
            Some(figures) if StackWay(figures.way) == StackWay::NONE => problems.push(
                "the program cannot be unwound: build it with `-C force-frame-pointers=yes`, or with unwind tables"
                    .into(),
            ),
            Some(figures) if figures.lost > 0 => {
                problems.push(format!("{} stacks could not be taken or kept", figures.lost));
            }
            Some(_) => {}
        }
        problems
    }

    /// A stack without the frames of the allocator: where it begins to be shown,
    /// and how many functions inlined there are left out.
    fn visible(&self, stack: u32, addresses: &mut Addresses<'_>) -> (u32, usize) {
        let mut at = stack;
        while let Some(frame) = self.heap.stacks.frame(at) {
            let functions = &addresses.code(frame.address).functions;
            // What is inlined into a function of the allocator is the allocator's, whatever it is called.
            let own = functions.iter().rposition(|function| is_allocators(&function.name));
            let own = own.map_or(0, |last| last + 1);
            if own == 0 || own < functions.len() {
                return (at, own);
            }
            at = frame.parent;
        }
        (at, 0)
    }

    /// Frames of a stack, innermost first, from where it is [`Analysis::visible`].
    fn frames(&self, (stack, own): (u32, usize), addresses: &mut Addresses<'_>) -> Vec<Code> {
        let mut frames: Vec<Code> = Vec::new();
        let mut at = stack;
        // A parent's number is smaller than its child's, also in a hostile file.
        while let Some(frame) = self.heap.stacks.frame(at) {
            frames.push(addresses.code(frame.address).clone());
            at = frame.parent;
        }
        if let Some(first) = frames.first_mut() {
            first.functions.drain(..own);
        }
        frames
    }
}

/// Numbers of stacks: those that read the same, by functions, files and lines, have the same.
struct Readings<'a> {
    stacks: &'a Recorded,
    /// By stack; 0 where it is not known yet.
    known: Vec<u32>,
    /// By the reading of the caller.
    numbers: HashMap<(u32, Step), u32>,
    functions: HashMap<Vec<Function>, u32>,
}

/// What a stack has more than the one below which it stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Tag(u64),
    /// Position of its functions.
    Functions(u32),
    /// Nothing is known of it but its address.
    Address(u64),
}

impl<'a> Readings<'a> {
    fn new(stacks: &'a Recorded) -> Readings<'a> {
        let known = vec![0; stacks.frames.len() + 1];
        Readings { stacks, known, numbers: HashMap::new(), functions: HashMap::new() }
    }

    /// The number of a stack's reading; 0 of none.
    fn of(&mut self, stack: u32, addresses: &mut Addresses<'_>) -> u32 {
        let mut path = Vec::new();
        let (mut at, mut reading) = (stack, 0);
        while let Some(frame) = self.stacks.node(at) {
            reading = self.known[at as usize];
            if reading != 0 {
                break;
            }
            path.push((at, frame));
            at = frame.parent;
        }
        for (at, frame) in path.into_iter().rev() {
            let step = match frame.tag() {
                Some(_) => Step::Tag(frame.address),
                None => self.step(frame.address, addresses),
            };
            let next = self.numbers.len() as u32 + 1;
            reading = *self.numbers.entry((reading, step)).or_insert(next);
            self.known[at as usize] = reading;
        }
        reading
    }

    fn step(&mut self, address: u64, addresses: &mut Addresses<'_>) -> Step {
        let functions = &addresses.code(address).functions;
        if functions.is_empty() {
            return Step::Address(address);
        }
        if let Some(&known) = self.functions.get(functions) {
            return Step::Functions(known);
        }
        let next = self.functions.len() as u32;
        self.functions.insert(functions.clone(), next);
        Step::Functions(next)
    }
}

/// Requested bytes of the blocks that one with a stack stands for.
fn estimate(requested: u64, mean: u64) -> f64 {
    let bytes = requested as f64;
    if mean == 0 || requested == 0 {
        return bytes;
    }
    bytes / -(-bytes / mean as f64).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STD: &str = "/rustc/59807616e1fa/library/std/src/io/stdio.rs";

    /// What is said of a snapshot whose stacks were taken that way.
    #[test]
    fn why_there_are_no_stacks_is_said() {
        let problems = |figures: Option<StackFigures>| {
            let mut snapshot = crate::demo::snapshot(50);
            snapshot.stacks = figures;
            let heap = std::sync::Arc::new(crate::Heap::from_snapshot(snapshot));
            Analysis::new(heap, Default::default(), Default::default()).stacks(true, 0).problems
        };
        let way = |way: StackWay| StackFigures { way: way.0, ..StackFigures::default() };
        for (figures, expected) in [
            (None, "the program took no stacks: run it with HEAP_TRACK=stacks"),
            (Some(way(StackWay::NOT_TAKEN)), "the program kept tags alone: run it with HEAP_TRACK=stacks"),
            (
                Some(way(StackWay::NONE)),
                "the program cannot be unwound: build it with `-C force-frame-pointers",
            ),
            (
                Some(StackFigures { lost: 3, ..way(StackWay::UNWINDER) }),
                "3 stacks could not be taken or kept",
            ),
        ] {
            let problems = problems(figures);
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{problems:?}");
        }
        assert_eq!(problems(Some(way(StackWay::FRAME_POINTERS))), [""; 0]);
    }

    fn code(functions: &[(&str, &str)]) -> Code {
        let functions = functions
            .iter()
            .map(|(name, file)| Function { name: (*name).into(), file: (*file).into(), line: 7 })
            .collect();
        Code { address: 0x10, place: "app+0x10".into(), functions }
    }

    #[test]
    fn paths_begin_at_the_library_or_the_package() {
        for (file, path) in [
            ("/rustc/59807616e1fa/library/alloc/src/vec/mod.rs", ("alloc/src/vec/mod.rs", true)),
            ("/usr/include/c++/12/bits/stl_map.h", ("bits/stl_map.h", true)),
            ("/h/.cargo/registry/src/index-0123/syn-2.0.1/src/lib.rs", ("syn-2.0.1/src/lib.rs", false)),
            ("/home/me/program/src/main.rs", ("/home/me/program/src/main.rs", false)),
        ] {
            assert_eq!(short_path(file), path);
        }
    }

    #[test]
    fn of_the_standard_library_only_what_was_called_is_shown() {
        let stack = [
            code(&[("with_capacity", STD), ("print", STD)]),
            code(&[("app::run", "/home/me/.cargo/registry/src/index-1a2b/app-1.2.0/src/lib.rs")]),
            code(&[]),
            code(&[("app::main", "src/main.rs")]),
            code(&[("call_once", STD)]),
            code(&[("std::sys::backtrace::__rust_begin_short_backtrace", STD)]),
            code(&[]),
        ];
        let short = [
            "print  std/src/io/stdio.rs:7",
            "app::run  app-1.2.0/src/lib.rs:7",
            "app+0x10",
            "app::main  src/main.rs:7",
        ];
        let texts =
            |stack, is_full| lines(stack, is_full).into_iter().map(|line| line.text).collect::<Vec<_>>();
        assert_eq!(texts(&stack, false), short);
        assert_eq!(texts(&stack, true).len(), 8);
        assert_eq!(texts(&stack[4..], false), ["call_once  std/src/io/stdio.rs:7"]);
        assert_eq!(lines(&stack, false)[0].source, Some((STD, 7)), "as the compiler was told it");
        assert_eq!(lines(&stack, false)[2].source, None);
        let name = |frames: &[Code]| StackRow { frames: frames.to_vec(), ..StackRow::default() }.name();
        assert_eq!(name(&stack), "app::run < app+0x10 < app::main");
        assert_eq!(name(&stack[4..]), "call_once", "there is no other");
        assert_eq!(name(&[]), "without a stack");
    }

    #[test]
    fn stacks_that_read_the_same_are_one() {
        let frame = |parent, address| StackFrame { parent, address };
        let frames = vec![
            frame(0, 0x100),
            frame(1, 0x205), // the same line of the same function as 3
            frame(1, 0x20a),
            frame(2, 0x300),
            frame(3, 0x300),
            frame(3, 0x3ff), // of no file
            frame(2, 0x3fe),
            StackFrame::of_tag(0, 0),
            frame(8, 0x100),
            frame(9, 0x205),
        ];
        let mut snapshot = crate::demo::snapshot(50);
        snapshot.stack_frames = frames;
        let stacks = Recorded::take(&mut snapshot);
        let mut addresses = Addresses::new(&[], 0);
        for (address, functions) in [
            (0x100, &[("main", "src/main.rs")][..]),
            (0x205, &[("make", "src/lib.rs"), ("run", "src/lib.rs")]),
            (0x20a, &[("make", "src/lib.rs"), ("run", "src/lib.rs")]),
            (0x300, &[("new", "src/lib.rs")]),
        ] {
            addresses.insert(Code { address, ..code(functions) });
        }
        let mut readings = Readings::new(&stacks);
        let of: Vec<u32> = (0..=10).map(|stack| readings.of(stack, &mut addresses)).collect();
        assert_eq!((of[0], of[2], of[4]), (0, of[3], of[5]));
        let mut apart = vec![of[0], of[1], of[2], of[4], of[6], of[7], of[8], of[9], of[10]];
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), 9, "{of:?}");
        // In whatever order they are asked for.
        let mut other = Readings::new(&stacks);
        assert_eq!(other.of(5, &mut addresses), other.of(4, &mut addresses));
    }

    #[test]
    fn a_small_block_stands_for_the_mean_and_a_large_one_for_itself() {
        assert_eq!(estimate(100, 0), 100.0);
        assert!((estimate(8, 512 << 10) / (512 << 10) as f64 - 1.0).abs() < 1e-3);
        assert!((estimate(1 << 30, 512 << 10) / (1_u64 << 30) as f64 - 1.0).abs() < 1e-9);
    }
}
