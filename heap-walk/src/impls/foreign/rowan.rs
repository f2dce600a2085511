//! `rowan`.
