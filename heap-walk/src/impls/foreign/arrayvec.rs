//! `arrayvec`.
