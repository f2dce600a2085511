//! `thin_vec`.
