//! The desktop view of a heap snapshot.
//!
//! Stands at the end of the dataflow, beside inspector-console: it opens a
//! file, hands it to heap-analysis, and draws the rows that come back. It
//! computes nothing about a heap itself, so that window, console and JSON agree.
//!
//! [`inspector::Inspector`] is the window without a window system: it draws
//! into any [`egui::Ui`], which is how its tests run without a display.
//! `main.rs` puts it into a real one.
//!
//! - [`source`]: what is open, loaded off the drawing thread
//! - [`answer`]: answers that take too long for the drawing thread
//! - [`selection`], [`filter`]: the one selection of all panes with its history, and their one filter
//! - [`views`]: the panes, a file each
//! - [`hyperbolic`]: the geometry of one of them
//! - [`ruler`], [`tiles`]: a value to scale; a tree as rectangles
//! - [`table`], [`cells`], [`colors`], [`theme`]: what they are drawn with
//! - [`editor`]: a type's definition in the user's editor
//! - [`export`]: tables and pictures for the clipboard and for files
//! - [`dump`]: the state as JSON, for scripts that drive the window

pub mod answer;
pub mod cells;
pub mod cli;
pub mod colors;
pub mod dialog;
pub mod display;
pub mod dump;
pub mod editor;
pub mod export;
pub mod filter;
pub mod hyperbolic;
pub mod inspector;
pub mod ruler;
pub mod sample;
pub mod selection;
pub mod source;
pub mod table;
pub mod theme;
pub mod tiles;
pub mod views;

pub use inspector::{Inspector, Options};
