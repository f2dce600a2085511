//! `petgraph`.
