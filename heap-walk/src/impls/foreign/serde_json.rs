//! `serde_json`.
