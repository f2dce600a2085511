//! `rustc_index`.
