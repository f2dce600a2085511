//! A borrow checker on real rustc facts: the program that the heap inspector is tried on.
//!
//! The engine is polonius, the facts come from the installed rustc, and the data around them have the
//! shape of the compiler's own: a context that borrows most of its state from its caller's frame,
//! tables keyed by index newtypes, interners over arenas, uneven enums, and global tables that keep
//! every function's result. It deliberately isn't a good borrow checker: messages are short, and
//! everything is kept, because the heap is what matters here.
//!
//! Reading order: [`source`] and [`generate`] get facts, [`parse`] reads them, [`build`] makes a body
//! of them, [`borrowck`] checks it, and [`gcx`] keeps the results.

pub mod arena;
pub mod borrow_set;
pub mod borrowck;
pub mod build;
pub mod facts;
pub mod gcx;
pub mod generate;
pub mod index;
pub mod location;
pub mod mir;
pub mod move_data;
pub mod parse;
pub mod region;
pub mod source;
pub mod ty;
