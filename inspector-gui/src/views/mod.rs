//! The panes: each file holds one's state and the function that draws it.
//!
//! A pane borrows the open document and the selection, and draws; what it
//! needs to know and heap-analysis has not got ready is an [`crate::answer::Answer`].

pub mod details;
mod details_text;
pub mod fragmentation;
pub mod hyperbolic;
pub mod opening;
pub mod overview;
pub mod ownership;
pub mod roots;
pub mod tiles;
pub mod tree_item;
pub mod type_detail;
pub mod type_table;
pub mod unclaimed;

use egui::{Key, KeyboardShortcut, Modifiers};
use serde::Serialize;

/// What the middle of the window shows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// What the snapshot is, and whether its ledger closes.
    Overview,
    /// The type table.
    #[default]
    Types,
    /// The ownership tree.
    Ownership,
    /// The dominator tree in a disk.
    Hyperbolic,
    /// The dominator tree in rows.
    Icicle,
    /// The dominator tree as rectangles in rectangles.
    Treemap,
    /// Waste, size classes and cliffs.
    Fragmentation,
    /// What nobody claims.
    Unclaimed,
}

impl View {
    /// All, in the order of their tabs.
    pub const ALL: [View; 8] = [
        View::Overview,
        View::Types,
        View::Ownership,
        View::Hyperbolic,
        View::Icicle,
        View::Treemap,
        View::Fragmentation,
        View::Unclaimed,
    ];

    /// Text of its tab.
    pub fn title(self) -> &'static str {
        match self {
            View::Overview => "Overview",
            View::Types => "Types",
            View::Ownership => "Ownership",
            View::Hyperbolic => "Hyperbolic",
            View::Icicle => "Icicle",
            View::Treemap => "Treemap",
            View::Fragmentation => "Fragmentation",
            View::Unclaimed => "Unclaimed",
        }
    }

    /// Keys that show it: Ctrl and its place among the tabs.
    pub fn shortcut(self) -> KeyboardShortcut {
        const DIGITS: [Key; 9] = [
            Key::Num1,
            Key::Num2,
            Key::Num3,
            Key::Num4,
            Key::Num5,
            Key::Num6,
            Key::Num7,
            Key::Num8,
            Key::Num9,
        ];
        KeyboardShortcut::new(Modifiers::COMMAND, DIGITS[self as usize])
    }

    /// What it shows, in one sentence.
    pub fn help(self) -> &'static str {
        match self {
            View::Overview => "What this snapshot is, and the ledger: whether every byte is accounted for.",
            View::Types => {
                "Every type with its counts and bytes, and how much of them is waste of which kind."
            }
            View::Ownership => "Who holds what: the roots and, below each node, what it owns or shares.",
            View::Hyperbolic => {
                "What goes with what, as a tree in a disk: large in the middle, all the rest around it."
            }
            View::Icicle => "What goes with what, in rows: as wide as what is retained.",
            View::Treemap => "What goes with what, one inside the other: as large as what is retained.",
            View::Unclaimed => "Live blocks that nobody was met who holds them: which code allocated them.",
            View::Fragmentation => {
                "Where bytes are wasted: by kind and type, by size class, and where a few bytes less would save more."
            }
        }
    }
}
