//! Type configs that come with the inspector, as data.
//!
//! A config says how the types of a program are shown; heap-analysis reads and
//! applies it (`heap_analysis::config`), and finds it by the name of the
//! snapshot's program. This crate holds texts, knows nothing of how they are
//! applied, and depends on nothing.
//!
//! ```
//! assert!(rustc_config::built_in("borrowck").is_some());
//! assert!(rustc_config::built_in("somebody's program").is_none());
//! ```

/// Name of the program and text of its config.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("borrowck", include_str!("../configs/borrowck.toml")),
    ("rustc", RUSTC),
    // The binary's name before it is installed.
    ("rustc-main", RUSTC),
];

const RUSTC: &str = include_str!("../configs/rustc.toml");

/// The text of the config for snapshots of `program`.
pub fn built_in(program: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(name, _)| *name == program).map(|(_, text)| *text)
}
