//! `dashmap`.
