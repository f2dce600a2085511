//! One file per question.

pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod memory;
pub(crate) mod missing;
pub(crate) mod owns;
pub(crate) mod pages;
pub(crate) mod path;
pub(crate) mod roots;
pub(crate) mod stacks;
pub(crate) mod summary;
pub(crate) mod tree;
pub(crate) mod type_detail;
pub(crate) mod types;
pub(crate) mod unclaimed;

use heap_analysis::find::Subject;
use heap_analysis::units::count;
use heap_analysis::{Analysis, NodeId};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;

/// What is asked, and how the answer is wanted.
pub(crate) struct Out<'a> {
    pub(crate) analysis: &'a Analysis,
    pub(crate) is_json: bool,
    /// What was used of the compiler's type sizes, if they were given.
    pub(crate) type_sizes: Option<String>,
    pub(crate) width: Option<usize>,
}

impl Out<'_> {
    /// Rows as JSON.
    pub(crate) fn json(&self, rows: &impl Serialize) -> String {
        let mut text = serde_json::to_string_pretty(rows).expect("rows are plain data with text keys");
        text.push('\n');
        // Rows are rows; what is said beside them goes elsewhere.
        if let Some(said) = &self.type_sizes {
            let _ = std::io::stderr().write_all(said.as_bytes());
        }
        text
    }

    /// Ends an answer for people: which config named the types, and which edges were followed.
    pub(crate) fn end(&self, mut text: String) -> String {
        let lens = self.analysis.lens();
        if lens != heap_analysis::Lens::default() {
            text.push_str(&format!("\nlens: {lens}"));
        }
        text.push_str(&format!("\ntype config: {}\n", self.analysis.config().origin));
        text.extend(self.type_sizes.as_deref());
        text
    }

    pub(crate) fn find(&self, text: &str) -> Result<Subject, String> {
        self.analysis.find(text).map_err(|error| error.to_string())
    }

    /// One node: of a type the one that retains most.
    pub(crate) fn find_node(&self, text: &str) -> Result<NodeId, String> {
        let subject = self.find(text)?;
        let node = match subject {
            Subject::Type(row) => self.analysis.nodes_of(row, 1).first().map(|row| row.node),
            _ => self.analysis.nodes(subject).first().copied(),
        };
        node.ok_or_else(|| {
            format!("`{text}` occurs only inside other values and has no node of its own: use `type {text}`")
        })
    }
}

/// The first `top` rows, or all for 0.
pub(crate) fn first<T>(rows: &[T], top: usize) -> &[T] {
    &rows[..rows.len().min(if top == 0 { usize::MAX } else { top })]
}

/// Says how many rows are not shown, if there are any.
pub(crate) fn more(text: &mut String, left: usize) {
    if left > 0 {
        let _ = writeln!(text, "{} more: `--top 0` shows all", count(left as u64));
    }
}

/// Says what is wrong or not known, a line each.
pub(crate) fn problems(text: &mut String, problems: &[String]) {
    for problem in problems {
        let _ = writeln!(text, "problem: {problem}");
    }
}

/// The number of a node as it is typed.
pub(crate) fn id(node: NodeId) -> String {
    format!("#{}", node.0)
}

/// Kind of an edge, and where in its target a reference ends.
pub(crate) fn edge_text(kind: &str, into: &str) -> String {
    match into {
        "" => kind.to_owned(),
        _ => format!("{kind} to {}", into.strip_prefix('.').unwrap_or(into)),
    }
}
