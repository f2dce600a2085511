//! The command line.

use crate::inspector::Options;
use crate::source::Origin;
use crate::views::View;
use clap::{Parser, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Opens a heap snapshot in a window: who owns what, how much would go with
/// each owner, and how much of it is waste.
#[derive(Clone, Debug, Parser)]
#[command(name = "inspector-gui", version)]
pub struct Cli {
    /// Snapshot to open; without it the window offers to choose one, or the sample
    pub file: Option<PathBuf>,

    /// Opens the sample snapshot that comes with the inspector
    #[arg(long, conflicts_with = "file")]
    pub sample: bool,

    /// Which snapshot of a file that holds several, from 1 [default: the last]
    #[arg(long, value_name = "N")]
    pub snapshot: Option<NonZeroUsize>,

    /// Type config, instead of the built-in one for the snapshot's program or
    /// heap-inspector.toml in the current directory
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What the middle of the window shows first
    #[arg(long, value_enum, default_value = "types")]
    pub view: FirstView,

    /// Writes the state of the window to a file as JSON whenever it changes:
    /// what is open, how it is sorted and filtered, the visible rows, the
    /// selection, and where the headers are. For scripts that drive the window
    #[arg(long, value_name = "FILE")]
    pub dump_state: Option<PathBuf>,
}

/// What the middle of the window shows first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum FirstView {
    /// What the snapshot is, and whether its ledger closes
    Overview,
    /// The type table
    Types,
    /// The ownership tree
    Ownership,
    /// The tree of what goes with what, in a disk
    Hyperbolic,
    /// The tree of what goes with what, in rows
    Icicle,
    /// The tree of what goes with what, as rectangles in rectangles
    Treemap,
    /// Waste by kind and type, size classes and cliffs
    Fragmentation,
    /// Blocks that nobody claims
    Unclaimed,
}

impl Cli {
    /// The options of the window. `directory` is where a config is looked for.
    pub fn options(self, directory: PathBuf) -> Options {
        let open = if self.sample { Some(Origin::Sample) } else { self.file.map(Origin::File) };
        Options {
            open,
            which: self.snapshot.map(|number| number.get() - 1),
            config: self.config,
            directory,
            view: match self.view {
                FirstView::Overview => View::Overview,
                FirstView::Types => View::Types,
                FirstView::Ownership => View::Ownership,
                FirstView::Hyperbolic => View::Hyperbolic,
                FirstView::Icicle => View::Icicle,
                FirstView::Treemap => View::Treemap,
                FirstView::Fragmentation => View::Fragmentation,
                FirstView::Unclaimed => View::Unclaimed,
            },
            dump_state: self.dump_state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_numbered_from_one() {
        let cli = Cli::try_parse_from(["inspector-gui", "a.heapsnap", "--snapshot", "2"]).unwrap();
        let options = cli.options(PathBuf::new());
        assert_eq!(options.open, Some(Origin::File("a.heapsnap".into())));
        assert_eq!(options.which, Some(1));
        assert!(Cli::try_parse_from(["inspector-gui", "--snapshot", "0"]).is_err());
        assert!(Cli::try_parse_from(["inspector-gui", "a", "--sample"]).is_err());
    }

    #[test]
    fn the_command_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
