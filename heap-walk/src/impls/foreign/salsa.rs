//! `salsa`.
