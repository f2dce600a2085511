//! `indexmap`.
