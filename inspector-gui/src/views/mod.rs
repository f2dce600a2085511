//! The panes: each file holds one's state and the function that draws it.
//!
//! A pane borrows the open document and the selection, and draws; what it
//! needs to know and heap-analysis has not got ready is an [`crate::answer::Answer`].

pub mod details;
pub mod overview;
pub mod ownership;
pub mod roots;
pub mod type_detail;
pub mod type_table;

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
}

impl View {
    /// All, in the order of their tabs.
    pub const ALL: [View; 3] = [View::Overview, View::Types, View::Ownership];

    /// Text of its tab.
    pub fn title(self) -> &'static str {
        match self {
            View::Overview => "Overview",
            View::Types => "Types",
            View::Ownership => "Ownership",
        }
    }

    /// What it shows, in one sentence.
    pub fn help(self) -> &'static str {
        match self {
            View::Overview => {
                "What this snapshot is, and the ledger: whether every byte is accounted for (Ctrl+1)."
            }
            View::Types => {
                "Every type with its counts and bytes, and how much of them is waste of which kind (Ctrl+2)."
            }
            View::Ownership => {
                "Who holds what: the roots and, below each node, what it owns or shares (Ctrl+3)."
            }
        }
    }
}
