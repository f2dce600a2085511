//! The state of the window as JSON, for scripts and tests that drive it: what
//! is open, how it is sorted and filtered, what is on the screen and selected,
//! and where the headers are to click.

use crate::inspector::Inspector;
use crate::selection::Selection;
use crate::views::View;
use heap_analysis::type_table::Grouping;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The state of the window.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct State {
    /// Title of the window.
    pub title: String,
    /// The file that is open, or `sample`.
    pub file: Option<String>,
    /// Its program.
    pub program: Option<String>,
    /// Its checkpoint.
    pub checkpoint: Option<String>,
    /// Where its type config came from.
    pub config: Option<String>,
    /// Number of nodes.
    pub nodes: Option<u64>,
    /// Whether its ledger closes.
    pub ledger_closes: Option<bool>,
    /// What is wrong with the file.
    pub problems: Vec<String>,
    /// What went wrong last: why a file could not be opened.
    pub error: Option<String>,
    /// Something is being loaded or worked out.
    pub is_busy: bool,
    /// What the middle shows.
    pub view: View,
    /// The type table, once a file is open.
    pub types: Option<Types>,
    /// Names of the visible rows of the ownership tree.
    pub tree: Vec<String>,
    /// Names of the visible rows of the fragmentation tables.
    pub waste: Vec<String>,
    /// Names of the visible rows of the unclaimed blocks.
    pub unclaimed: Vec<String>,
    /// The hyperbolic tree, once it has been drawn.
    pub disk: Option<Disk>,
    /// The icicle or the treemap, while it is shown.
    pub tiles: Option<TilesState>,
    /// What is selected.
    pub selection: Selected,
}

/// The state of an icicle or a treemap.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TilesState {
    /// What all of it is below.
    pub top: String,
    /// Rectangles that are drawn.
    pub tiles: usize,
    /// Bytes of all of it.
    pub bytes: u64,
    /// Bytes among them that have no rectangle.
    pub hidden_bytes: u64,
    /// Names on the rectangles that have room for one.
    pub labels: Vec<String>,
}

/// The state of the hyperbolic tree.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Disk {
    /// What is in the middle, or on its way there.
    pub focus: String,
    /// Whether it is moving.
    pub is_moving: bool,
    /// Dots, or nodes of the plain tree, that are drawn.
    pub dots: usize,
    /// Own bytes of what is drawn.
    pub drawn_bytes: u64,
    /// Bytes of what is left out, which are counted where it hangs.
    pub rest_bytes: u64,
    /// Bytes of what lies above and beside all that.
    pub outside_bytes: u64,
    /// Names at the labelled dots.
    pub labels: Vec<String>,
    /// Smallest distance between a node and the one above it.
    pub step: f64,
}

/// The state of the type table.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Types {
    /// Column that it is sorted by.
    pub sorted_by: &'static str,
    /// Whether the largest come first.
    pub descending: bool,
    /// Text of the filter.
    pub filter: String,
    /// What rows are grouped by.
    pub grouping: Option<Grouping>,
    /// Rows, on the screen or scrolled away.
    pub rows: usize,
    /// Names of the rows on the screen.
    pub visible: Vec<String>,
    /// By column: the middle of its header, if that is on the screen, in points
    /// from the window's top left.
    pub headers: BTreeMap<&'static str, [f32; 2]>,
}

/// What is selected.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Selected {
    /// Nothing.
    Nothing,
    /// A type.
    Type {
        /// Its displayed name.
        name: String,
    },
    /// A node.
    Node {
        /// Its number.
        id: u32,
        /// Displayed name of its type.
        type_name: String,
    },
}

impl State {
    pub(crate) fn of(inspector: &Inspector) -> State {
        let document = inspector.document();
        let analysis = document.map(|document| &document.analysis);
        let summary = analysis.map(|analysis| analysis.summary());
        State {
            title: inspector.title(),
            file: document.map(|document| document.request.origin.to_string()),
            program: summary.map(|summary| summary.header.program.clone()),
            checkpoint: summary.map(|summary| summary.header.checkpoint.clone()),
            config: summary.map(|summary| summary.config.clone()),
            nodes: summary.map(|summary| summary.nodes),
            ledger_closes: analysis.map(|analysis| analysis.ledger().closes),
            problems: summary.map_or_else(Vec::new, |summary| summary.problems.clone()),
            error: inspector.error(),
            is_busy: inspector.is_busy(),
            view: inspector.view(),
            types: inspector.type_table().map(|table| {
                let (sorted_by, descending) = table.sorted();
                Types {
                    sorted_by,
                    descending,
                    filter: inspector.filter_text().to_owned(),
                    grouping: table.grouping(),
                    rows: table.row_count(),
                    visible: table.visible().to_vec(),
                    headers: table
                        .headers()
                        .iter()
                        .map(|(name, rect)| (*name, [rect.center().x, rect.center().y]))
                        .collect(),
                }
            }),
            tree: inspector.tree_rows().to_vec(),
            tiles: inspector.tiles().and_then(|tiles| tiles.state()),
            waste: inspector.waste_rows().to_vec(),
            unclaimed: inspector.unclaimed_rows().to_vec(),
            disk: inspector.disk().and_then(|disk| disk.state()),
            selection: match inspector.selection() {
                Selection::Nothing => Selected::Nothing,
                Selection::Type(id) => Selected::Type {
                    name: analysis
                        .and_then(|analysis| analysis.types().get(id.0 as usize))
                        .map_or_else(String::new, |row| row.name.clone()),
                },
                Selection::Node(node) => Selected::Node {
                    id: node.0,
                    type_name: analysis
                        .and_then(|analysis| analysis.tree_row(node))
                        .map_or_else(String::new, |row| row.type_name),
                },
            },
        }
    }
}

/// Writes the state to a file whenever it has changed.
#[derive(Debug)]
pub struct Dump {
    path: PathBuf,
    last: String,
}

impl Dump {
    /// Into the file at `path`.
    pub fn new(path: PathBuf) -> Dump {
        Dump { path, last: String::new() }
    }

    /// Writes `state` if it is new. Readers see the old state or the new one, never a part.
    ///
    /// # Errors
    ///
    /// Where the file or its neighbour with `.new` at its end cannot be written.
    pub fn write(&mut self, state: &State) -> io::Result<()> {
        let text = serde_json::to_string_pretty(state).map_err(io::Error::other)?;
        if text == self.last {
            return Ok(());
        }
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let beside = Path::new(&beside);
        fs::write(beside, &text)?;
        fs::rename(beside, &self.path)?;
        self.last = text;
        Ok(())
    }
}
