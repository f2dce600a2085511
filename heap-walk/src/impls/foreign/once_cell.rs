//! `once_cell`.
