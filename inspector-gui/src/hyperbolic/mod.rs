//! The hyperbolic tree: a tree of any size in a disk, large in the middle and
//! ever smaller towards the rim (Lamping, Rao: *A Focus+Context Technique Based
//! on Hyperbolic Geometry*, 1995; the layout and the culling are our own).
//!
//! - [`disk`]: geometry of the Poincaré disk, pure functions
//! - [`layout`]: where the nodes of the dominator tree lie, relative to each other, on demand
//! - [`scene`]: what of it is large enough to be drawn, and what the rest amounts to
//! - [`labels`]: which labels there is room for
//! - [`tidy`]: the same subtree as a plain tree
//! - [`paint`]: discs and lines as one mesh

pub mod disk;
pub mod labels;
pub mod layout;
pub mod paint;
pub mod scene;
pub mod tidy;
