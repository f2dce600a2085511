//! `la_arena`.
