//! `smallvec`.
