//! Adds attributes and lines of ours to a source tree that is not ours.
//!
//! What is known of the tree is a list of facts ([`Facts`]): in which file a
//! type stands, which of its fields get an attribute, where a line of ours goes.
//! The tree is copied, and the copy is what the facts say it is: applied again
//! to a newer list, it changes only the files that come out differently, and
//! gives back those that the list no longer names.
//!
//! In Rust sources bytes are only inserted, and never a line break, so the lines
//! of messages stay true. Sources are read as tokens, which survives syntax that
//! no parser knows yet. A name that isn't there, or is there twice, is an error.
//!
//! This crate knows nothing of what the attributes mean, and builds nothing.
//!
//! ```
//! let facts = annotate::Facts::parse(
//!     r#"
//!     derive = ["derive(heap_walk::Walk)"]
//!
//!     [[file]]
//!     path = "src/cache.rs"
//!     derive = ["Cache"]
//!     attributes = { "Cache.hits" = "walk(skip)" }
//!     "#,
//! )?;
//! let source = "pub struct Cache {\n    /// How often.\n    hits: u64,\n}\n";
//! let (annotated, report) = annotate::annotate(source, &facts.files[0], &facts.derive)?;
//! assert_eq!(
//!     annotated,
//!     "#[derive(heap_walk::Walk)] pub struct Cache {\n    /// How often.\n    #[walk(skip)] hits: u64,\n}\n",
//! );
//! assert_eq!((report.types, report.fields), (1, 1));
//! # Ok::<(), annotate::Error>(())
//! ```

mod facts;
mod insert;
mod items;
mod manifest;
mod tree;

pub use self::facts::{Error, Facts, File, Insert, Manifest, Whole};
pub use self::insert::{annotate, Report};
pub use self::manifest::extend;
pub use self::tree::{apply, Applied};
