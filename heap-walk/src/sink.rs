//! Where the records of a walk go: into a file, or into sums.

use crate::tally::{Step, Tally};
use crate::types::Types;
use heap_snapshot::record::{Content, Edge, Node};
use heap_snapshot::write::Writer;
use std::io;

/// What a checkpoint writes to.
pub(crate) type FileWriter = Writer<Box<dyn io::Write>>;

#[expect(clippy::large_enum_variant, reason = "one a walk, and met at every record")]
pub(crate) enum Sink {
    /// A snapshot.
    File(FileWriter),
    /// A report in memory ([`crate::measure`]).
    Tally(Box<Tally>),
}

impl Sink {
    /// Takes a node that is no block: a root, or a value inside a block.
    pub(crate) fn value(&mut self, node: &Node) -> u64 {
        match self {
            Sink::File(writer) => writer.node(node, 0),
            Sink::Tally(tally) => tally.met_value(Step::of(node)),
        }
    }

    /// Says that the program may free blocks that were met.
    pub(crate) fn settle(&mut self) {
        if let Sink::Tally(tally) = self {
            tally.settle();
        }
    }

    #[inline(always)]
    pub(crate) fn edge(&mut self, edge: &Edge) {
        match self {
            Sink::File(writer) => writer.edge(edge),
            Sink::Tally(_) => {}
        }
    }

    #[inline(always)]
    pub(crate) fn content(&mut self, content: &Content) {
        match self {
            Sink::File(writer) => writer.content(content),
            Sink::Tally(tally) => tally.content(content),
        }
    }

    /// Writes what a report has no use for.
    pub(crate) fn file(&mut self, write: impl FnOnce(&mut FileWriter)) {
        match self {
            Sink::File(writer) => write(writer),
            Sink::Tally(_) => {}
        }
    }

    /// Takes the types and labels that the next record may refer to.
    #[cold]
    pub(crate) fn news(&mut self, types: &mut Types) {
        match self {
            Sink::File(writer) => {
                if !types.new_types.is_empty() {
                    writer.types(&types.new_types);
                }
                if !types.new_node_types.is_empty() {
                    writer.node_types(&types.new_node_types);
                }
                if !types.new_labels.is_empty() {
                    writer.labels(&types.new_labels);
                }
            }
            Sink::Tally(tally) => tally.news(types),
        }
        types.new_types.clear();
        types.new_node_types.clear();
        types.new_labels.clear();
    }
}
