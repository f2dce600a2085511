//! `hashbrown`.
