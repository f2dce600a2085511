//! `bumpalo`.
