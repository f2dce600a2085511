//! What a user means by a text: a root, a node or a type.

use crate::heap::NodeId;
use crate::type_table::RowId;
use std::fmt;

/// What a question is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// A root, by its position.
    Root(usize),
    /// A node.
    Node(NodeId),
    /// All nodes of a type.
    Type(RowId),
}

/// Nothing has that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotFound {
    /// What was looked for.
    pub text: String,
    /// What it was taken for: `root or type`, `node`, `block`.
    pub what: &'static str,
    /// Names like it, nearest first.
    pub near: Vec<String>,
    /// More than one type has the name: these.
    pub is_ambiguous: bool,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ambiguous {
            write!(f, "`{}` could be several types: use one of ", self.text)?;
        } else {
            write!(f, "no {} `{}` in this snapshot", self.what, self.text)?;
            if self.near.is_empty() {
                return Ok(());
            }
            f.write_str(": did you mean ")?;
        }
        for (at, name) in self.near.iter().enumerate() {
            let separator = match at {
                0 => "",
                _ if at + 1 == self.near.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}`{name}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotFound {}
