//! `slotmap`.
