//! Arguments.

use clap::{Parser, Subcommand};
use heap_analysis::Lens;
use std::path::PathBuf;

/// Who owns the heap of a Rust program: reads a snapshot and answers in the terminal
#[derive(Parser, Debug)]
#[command(version, about, after_help = AFTER_HELP, subcommand_help_heading = "Questions")]
pub(crate) struct Args {
    /// Type config to use instead of the built-in one or ./heap-inspector.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Print the rows as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Snapshot of the file, from 1; the last one by default
    #[arg(long, value_name = "N")]
    pub(crate) snapshot: Option<usize>,

    /// Edges that hold memory: own, share, weak, borrow, raw, key, joined by `+`
    #[arg(long, value_name = "KINDS", default_value_t)]
    pub(crate) lens: Lens,

    /// Output of rustc's -Zprint-type-sizes: completes layouts; may be given several times
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) type_sizes: Vec<PathBuf>,

    /// Snapshot file
    pub(crate) file: PathBuf,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "\
A NODE is the name of a root (gcx), a number (#123), an address (0x7f…) or a type (mir::Body).
Sizes: alone is what goes with an owner, in all is what it reaches, shared is the difference.
Without a question it answers with a summary.";

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// What the snapshot is, its roots, its largest types, and whether it adds up (the default)
    Summary,
    /// Roots with their parts: alone, in all, shared
    Roots,
    /// The type table: how many there are of each type and where the bytes go
    Types {
        /// Only types whose name contains this; `*` matches anything
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        /// Column to sort by
        #[arg(long, value_name = "COLUMN", default_value = "shallow")]
        sort: String,
        /// Rows to print; 0 for all
        #[arg(long, value_name = "N", default_value_t = 30)]
        top: usize,
        /// Add up by component of the type config
        #[arg(long)]
        group: bool,
    },
    /// One type: layout, variants with their dead space, lengths against capacities
    Type {
        /// Name as the type table shows it, or its last part
        name: String,
    },
    /// What a root, a node or all nodes of a type own: alone, in all, with and without parts
    Owns {
        /// Root, node or type
        #[arg(value_name = "NODE")]
        subject: String,
    },
    /// What hangs below a node
    Tree {
        /// Where to begin; at all roots by default
        node: Option<String>,
        /// Levels
        #[arg(long, value_name = "N", default_value_t = 3)]
        depth: usize,
        /// Entries below each node, those that retain most
        #[arg(long, value_name = "N", default_value_t = 8)]
        top: usize,
    },
    /// Why a node is alive: the shortest way from a root, and what it cannot live without
    Path {
        /// The node; of a type the one that retains most
        node: String,
    },
    /// Whether the snapshot adds up: every block in one class, against the allocator's own figure
    Ledger,
    /// Keys by the tables they index, and those past the end of theirs
    Keys {
        /// Dangling keys to list; 0 for all
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
    },
    /// What the process takes, level by level: from the resident set down to payload
    Memory,
    /// Size classes with their slabs, and types that a few bytes less would put into the next class
    Classes {
        /// Cliffs; 0 for all
        #[arg(long, value_name = "N", default_value_t = 10)]
        top: usize,
    },
    /// Pages that hold little: which size classes and which types keep slabs half empty
    Pages {
        /// Rows of each list; 0 for all
        #[arg(long, value_name = "N", default_value_t = 10)]
        top: usize,
    },
    /// Types the walk could not read, by bytes, each with the line to write
    Missing {
        /// Rows of each list; 0 for all
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
    },
    /// Live blocks by the stack that allocated them (of a program run with HEAP_TRACK=stacks)
    Stacks {
        /// `stack`, or `tag` for the names that the program put on what it allocates
        #[arg(long, value_name = "WHAT", default_value = "stack")]
        by: StacksBy,
        /// Rows; 0 for all
        #[arg(long, value_name = "N", default_value_t = 10)]
        top: usize,
        /// Show every function, those of the standard library too
        #[arg(long)]
        full: bool,
    },
    /// What nobody claims, by size class, by what holds it, or by the stack or the tag that allocated it
    Unclaimed {
        /// `size`, `holder`, `stack` or `tag`
        #[arg(long, value_name = "WHAT", default_value = "size")]
        by: By,
        /// Rows; 0 for all
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
        /// Of stacks, show every function
        #[arg(long)]
        full: bool,
    },
}

/// How unclaimed blocks are put together.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum By {
    Size,
    Holder,
    Stack,
    Tag,
}

/// How allocated blocks are put together.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum StacksBy {
    Stack,
    Tag,
}
