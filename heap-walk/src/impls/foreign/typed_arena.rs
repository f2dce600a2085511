//! `typed_arena`.
