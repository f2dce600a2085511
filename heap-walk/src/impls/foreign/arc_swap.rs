//! `arc_swap`.
