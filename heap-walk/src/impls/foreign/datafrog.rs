//! `datafrog`.
