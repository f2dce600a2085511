//! `crossbeam`.
