//! `compact_str`.
