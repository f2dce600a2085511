//! The list of facts, as TOML.
//!
//! ```toml
//! copy = ["Cargo.toml", "src"]
//! # What each type under `derive` gets.
//! derive = ["derive(heap_walk::Walk)", "walk(missing = opaque)"]
//!
//! [[file]]
//! path = "src/body.rs"
//! derive = ["Body", "Block"]
//! attributes = { "Body.source" = "walk(skip)", "Kind::Call.0" = "walk(opaque)", "Local" = "walk(key)" }
//! insert = [
//!     { within = "fn check", before = "let result", text = "crate::look();" },
//!     { text = "mod look;" }, # at the end of the file
//! ]
//!
//! [[manifest]]
//! path = "Cargo.toml"
//! dependencies = ['heap-walk = { path = "{home}/heap-walk" }']
//! features = ['look = ["heap-walk/enabled"]']
//! set = { "lib.crate-type" = '["rlib"]' }
//!
//! [[whole]] # a file of ours
//! path = "src/look.rs"
//! from = "look.rs"
//! ```

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// What to add to a tree.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// What of the tree is copied: files and folders; all of it if empty.
    #[serde(default)]
    pub copy: Vec<String>,
    /// Attributes, without `#[…]`, of each type under [`File::derive`].
    #[serde(default)]
    pub derive: Vec<String>,
    /// Rust sources.
    #[serde(default, rename = "file")]
    pub files: Vec<File>,
    /// Manifests of packages.
    #[serde(default, rename = "manifest")]
    pub manifests: Vec<Manifest>,
    /// Files of ours.
    #[serde(default, rename = "whole")]
    pub wholes: Vec<Whole>,
}

/// What to add to a Rust source.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// In the tree.
    pub path: String,
    /// Types that get the attributes of [`Facts::derive`].
    #[serde(default)]
    pub derive: Vec<String>,
    /// By `Type`, `Type.field`, `Type::Variant` or `Type::Variant.field`: an
    /// attribute without `#[…]`. Fields of tuples are numbers.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Lines of ours.
    #[serde(default)]
    pub insert: Vec<Insert>,
}

/// Where a line goes; at the end of the file if nothing is said.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insert {
    /// `fn name`: only in that function's body.
    pub within: Option<String>,
    /// Before these tokens, which must stand there once.
    pub before: Option<String>,
    /// Behind these tokens.
    pub after: Option<String>,
    /// What goes there; only at the end of the file may it have line breaks.
    pub text: String,
}

/// What to add to a package's manifest.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In the tree.
    pub path: String,
    /// Lines of `[dependencies]`.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// Lines of `[features]`.
    #[serde(default)]
    pub features: Vec<String>,
    /// Values to replace, by `table.key`.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

/// A file of ours in the tree.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// In the tree.
    pub path: String,
    /// Beside the list of facts.
    pub from: String,
    /// It stands in place of one of the tree's; else there must be none.
    #[serde(default)]
    pub replace: bool,
}

/// Why facts can't be applied: which fact, and what is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl Facts {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Where the text is no TOML, or says what is not known.
    pub fn parse(text: &str) -> Result<Facts, Error> {
        toml::from_str(text).map_err(|error| Error(error.to_string().trim_end().to_owned()))
    }
}
