//! `parking_lot`.
