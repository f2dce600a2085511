//! `id_arena`.
