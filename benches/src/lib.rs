//! Benchmarks of what runs inside the observed program: the allocator, the walk
//! and a checkpoint that is off, each beside its peer; and of what the derive
//! costs its build ([`compile`]).
//!
//! `cargo xtask bench` runs them and prints one table. Every measurement runs in
//! a process of its own ([`protocol`]); a program has one global allocator, so
//! there is one small binary per allocator (`src/bin/`). Rounds of all
//! measurements are interleaved, so that a disturbance of the machine meets all
//! of them alike, and the table shows medians of CPU time ([`clock`]).
//!
//! They measure, they don't judge: no number here fails a build.

pub mod allocate;
pub mod clock;
pub mod compile;
pub mod data;
pub mod idle;
pub mod lookup;
pub mod mem_size;
pub mod meter;
pub mod protocol;
pub mod random;
pub mod walk;
