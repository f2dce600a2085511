//! The snapshot format of the heap inspector, both directions.
//!
//! heap-walk writes ([`write`]), heap-analysis reads ([`read`]); both speak the
//! plain types of [`record`]. This crate never learns how a walk or an analysis
//! works. It is linked into the observed program, so it depends on `serde` and
//! `rmp-serde` and on nothing else.
//!
//! # The file
//!
//! A file is the eight bytes `HEAPSNAP`, then frames. A frame is a head of 40
//! bytes and a body in MessagePack:
//!
//! | bytes | what (little-endian) |
//! |---|---|
//! | 0..4 | marker `f5 48 53 fa`: where a reader picks up after damage |
//! | 4..6 | kind of the frame |
//! | 6..8 | how the checksum was made: 0 or 1 |
//! | 8..12 | length of the body in bytes, at most 64 MiB |
//! | 12..16 | process id |
//! | 16..24 | thread, numbered within the process |
//! | 24..32 | nanoseconds of a monotonic clock since the file was begun |
//! | 32..40 | checksum of bytes 0..32 and of the body |
//!
//! The first frame is `kinds` ([`frame::Kinds`]): the version, and the names of
//! all kinds of frames, edges, layouts, places and types. `header` begins a
//! snapshot and `footer` completes it; one file holds any number of snapshots.
//! In between, in any order but definitions before uses, come the other frames
//! of [`frame::FrameKind`]. Types, node types and labels are lists that grow:
//! each frame appends, and records refer to positions.
//!
//! Cold records are MessagePack maps with the field names of [`record`]: an
//! unknown field is ignored and a missing one takes its default. Hot records
//! (`nodes`, `edges`, `contents`, `blocks`) are packed one after the other into
//! one byte string, some bytes each, and beside it stands what they have in
//! common: the body is a map of `count`, `packed`, for nodes `first` (the id of
//! the first one), and:
//!
//! | frame | column | holds, in order of their numbers |
//! |---|---|---|
//! | nodes | `sites` | combinations of edge kind, form, label and node type |
//! | edges | `sites` | combinations of kind, form, label and type |
//! | contents | `classes` | variants with a split |
//!
//! How a record is packed is told at the head of each file of `src/pack/`, and for
//! stacks (since 2.1) of `src/stacks.rs`, for pointers (since 2.3) of `src/pointers.rs`. All that
//! it is measured from begins anew in each frame, so that a damaged frame costs no other.
//!
//! # Example
//!
//! ```
//! use heap_snapshot::{read, write::Writer, record::{Footer, Header}};
//!
//! let mut writer = Writer::new(Vec::new(), 1, 1);
//! writer.header(&Header { program: "demo".into(), ..Header::default() });
//! writer.footer(&Footer::default());
//! let bytes = writer.finish().unwrap();
//! assert_eq!(bytes[..8], *b"HEAPSNAP");
//! assert_eq!(bytes[8..14], [0xf5, 0x48, 0x53, 0xfa, 1, 0]); // the first frame is `kinds`
//!
//! let file = read::read(&bytes[..], |_| true).unwrap();
//! assert_eq!(file.snapshots[0].header.program, "demo");
//! assert!(file.problems.is_empty());
//! ```
//!
//! # Versions
//!
//! A new frame kind, edge kind or field is a new minor number: older readers
//! skip it, name it from the `kinds` frame, and keep edges of unknown kinds as
//! edges that no lens counts. A change of what exists is a new major number,
//! and readers refuse majors they do not know. Version 1 had a column of
//! integers for each field of the hot records; it is still read.

pub mod frame;
pub mod layout;
pub mod live;
mod pack;
mod pointers;
pub mod read;
pub mod record;
mod stacks;
mod varint;
pub mod write;
