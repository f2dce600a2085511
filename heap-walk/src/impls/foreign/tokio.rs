//! `tokio`.
