//! `bytes`.
