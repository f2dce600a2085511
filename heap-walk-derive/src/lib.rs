//! (being built)

