//! Frames: what the file is cut into.

use crate::record::{EdgeKind, Layout, Place, TypeKind};
use serde::{Deserialize, Serialize};

/// First bytes of a file.
pub const MAGIC: [u8; 8] = *b"HEAPSNAP";

/// First bytes of every frame; a reader finds the next frame by them after damage.
pub const MARKER: [u8; 4] = [0xf5, b'H', b'S', 0xfa];

/// Bytes of a frame's head.
pub const HEAD_SIZE: usize = 40;

/// Longest body a reader accepts, in bytes.
pub const MAX_BODY: usize = 64 << 20;

/// Version that this crate writes. It reads this major number and the one before; others are refused.
pub const VERSION: (u16, u16) = (2, 4);

macro_rules! frame_kinds {
    ($($(#[$doc:meta])* $konst:ident = $value:literal, $text:literal;)*) => {
        /// Kinds of frames. Open: readers skip those they do not know.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct FrameKind(pub u16);

        impl FrameKind {
            $($(#[$doc])* pub const $konst: Self = Self($value);)*

            /// Every kind this version knows, with the name written into each file.
            pub const KNOWN: &'static [(Self, &'static str)] = &[$((Self::$konst, $text)),*];
        }
    };
}

frame_kinds! {
    /// [`Kinds`]: first in every file.
    KINDS = 1, "kinds";
    /// [`crate::record::Header`]: a snapshot begins.
    HEADER = 2, "header";
    /// A list of [`crate::record::TypeDesc`], appended to the types so far.
    TYPES = 3, "types";
    /// A list of [`crate::record::NodeTypeDesc`], appended.
    NODE_TYPES = 4, "node types";
    /// A list of [`crate::record::LabelDesc`], appended.
    LABELS = 5, "labels";
    /// A list of [`crate::record::Root`].
    ROOTS = 6, "roots";
    /// Columns of [`crate::record::Node`].
    NODES = 7, "nodes";
    /// Columns of [`crate::record::Edge`].
    EDGES = 8, "edges";
    /// Columns of [`crate::record::Content`].
    CONTENTS = 9, "contents";
    /// A list of [`crate::record::Census`].
    CENSUS = 10, "census";
    /// A list of [`crate::record::Shared`].
    SHARED = 11, "shared";
    /// A list of [`crate::record::ShownValue`].
    VALUES = 12, "values";
    /// A list of [`crate::record::Unreadable`].
    UNREADABLE = 13, "unreadable";
    /// A list of [`crate::record::VariantOffsets`].
    OFFSETS = 14, "offsets";
    /// Columns of [`crate::record::LiveBlock`].
    BLOCKS = 15, "blocks";
    /// [`crate::record::AllocatorFigures`].
    ALLOCATOR = 16, "allocator";
    /// [`crate::record::Footer`]: the snapshot is complete.
    FOOTER = 17, "footer";
    /// A list of [`crate::record::Image`], appended.
    IMAGES = 18, "images";
    /// A list of [`crate::record::DynValue`].
    DYN_VALUES = 19, "dyn values";
    /// [`crate::record::StackFigures`].
    STACK_FIGURES = 20, "stack figures";
    /// Nodes of the tree of stacks ([`crate::record::StackFrame`]), appended.
    STACK_FRAMES = 21, "stack frames";
    /// Which stacks allocated the blocks of the frame of blocks before it.
    BLOCK_STACKS = 22, "block stacks";
    /// A list of names, appended: the tags that stand in the tree of stacks.
    TAGS = 23, "tags";
    /// A list of [`crate::record::SizeClass`].
    SIZE_CLASSES = 24, "size classes";
    /// [`crate::record::ProcessMemory`].
    PROCESS_MEMORY = 25, "process memory";
    /// Columns of [`crate::record::Pointer`].
    POINTERS = 26, "pointers";
    /// [`crate::record::PointerScan`].
    POINTER_SCAN = 27, "pointer scan";
}

/// The names of all kinds in a file, so that a reader can name those it does not know.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Kinds {
    /// Major and minor version of the format.
    pub version: (u16, u16),
    /// Frame kinds.
    pub frames: Vec<(u16, String)>,
    /// Edge kinds.
    pub edges: Vec<(u8, String)>,
    /// Layouts of nodes.
    pub layouts: Vec<(u8, String)>,
    /// Places of values.
    pub places: Vec<(u8, String)>,
    /// Kinds of types.
    pub types: Vec<(u8, String)>,
}

impl Kinds {
    /// What this version writes.
    pub fn current() -> Kinds {
        Kinds {
            version: VERSION,
            frames: FrameKind::KNOWN.iter().map(|(kind, name)| (kind.0, (*name).into())).collect(),
            edges: EdgeKind::KNOWN.iter().map(|(kind, name)| (kind.0, (*name).into())).collect(),
            layouts: Layout::KNOWN.iter().map(|(kind, name)| (kind.0, (*name).into())).collect(),
            places: Place::KNOWN.iter().map(|(kind, name)| (kind.0, (*name).into())).collect(),
            types: TypeKind::KNOWN.iter().map(|(kind, name)| (kind.0, (*name).into())).collect(),
        }
    }
}

/// The head of a frame, little-endian in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Kind.
    pub kind: FrameKind,
    /// How the checksum was made: 0 as in version 1, else in four strands.
    pub sum: u16,
    /// Bytes of the body that follows.
    pub len: u32,
    /// Process that wrote it.
    pub process: u32,
    /// Thread that wrote it, numbered within the process.
    pub thread: u64,
    /// Nanoseconds of a monotonic clock since the file was begun.
    pub time_ns: u64,
    /// [`checksum`] of the body and of this head.
    pub checksum: u64,
}

impl Head {
    /// The bytes before the checksum.
    fn prefix(&self) -> [u8; HEAD_SIZE - 8] {
        let mut out = [0; HEAD_SIZE - 8];
        out[..4].copy_from_slice(&MARKER);
        out[4..6].copy_from_slice(&self.kind.0.to_le_bytes());
        out[6..8].copy_from_slice(&self.sum.to_le_bytes());
        out[8..12].copy_from_slice(&self.len.to_le_bytes());
        out[12..16].copy_from_slice(&self.process.to_le_bytes());
        out[16..24].copy_from_slice(&self.thread.to_le_bytes());
        out[24..32].copy_from_slice(&self.time_ns.to_le_bytes());
        out
    }

    /// The head's bytes, with the checksum over `body`.
    pub fn encode(&self, body: &[u8]) -> [u8; HEAD_SIZE] {
        let prefix = self.prefix();
        let mut out = [0; HEAD_SIZE];
        out[..HEAD_SIZE - 8].copy_from_slice(&prefix);
        out[HEAD_SIZE - 8..].copy_from_slice(&checksum(self.sum, &prefix, body).to_le_bytes());
        out
    }

    /// Reads a head; `None` where the marker is missing.
    pub fn decode(bytes: &[u8; HEAD_SIZE]) -> Option<Head> {
        if bytes[..4] != MARKER {
            return None;
        }
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        Some(Head {
            kind: FrameKind(u16_at(4)),
            sum: u16_at(6),
            len: u32_at(8),
            process: u32_at(12),
            thread: u64_at(16),
            time_ns: u64_at(24),
            checksum: u64_at(32),
        })
    }

    /// Whether `body` is what was written with this head.
    pub fn matches(&self, body: &[u8]) -> bool {
        self.checksum == checksum(self.sum, &self.prefix(), body)
    }
}

/// Prime of the checksum.
const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn mix(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(PRIME).rotate_left(29)
}

/// A checksum against damage, not against malice: eight bytes at a time,
/// multiplied and rotated (the scheme of FNV-1a, widened).
///
/// Each step waits for the one before, so `sum` 1 takes the bulk of the body in
/// four strands that do not wait for each other, and then mixes these: four times as fast.
fn checksum(sum: u16, head: &[u8], body: &[u8]) -> u64 {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let mut total = 0xcbf2_9ce4_8422_2325_u64;
    let mut bulk = 0;
    if sum != 0 {
        bulk = body.len() / 32 * 32;
        let mut strands = [1, 2, 3, 4].map(|strand: u64| strand.wrapping_mul(PRIME));
        for words in body[..bulk].chunks_exact(32) {
            for (strand, bytes) in strands.iter_mut().zip(words.chunks_exact(8)) {
                *strand = mix(*strand, word(bytes));
            }
        }
        total = strands.into_iter().fold(total, mix);
    }
    for part in [head, &body[bulk..]] {
        let mut words = part.chunks_exact(8);
        for bytes in &mut words {
            total = mix(total, word(bytes));
        }
        for &byte in words.remainder() {
            total = mix(total, u64::from(byte));
        }
        total = mix(total, part.len() as u64);
    }
    total
}

/// A byte string in MessagePack's `bin` form.
pub(crate) mod bytes {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::Serializer;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

macro_rules! columns {
    ($(#[$outer:meta])* $name:ident { $($column:ident),* }) => {
        $(#[$outer])*
        #[derive(Default, Debug, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {
            pub(crate) first: u64,
            pub(crate) count: u64,
            $(#[serde(with = "bytes", skip_serializing_if = "Vec::is_empty")] pub(crate) $column: Vec<u8>,)*
        }
    };
}

// Version 2 writes `packed` and what stands beside it; the columns after that are version 1's.
columns! {
    /// Nodes `first ..` in the order of their ids.
    NodeColumns { packed, sites, parent, edge, label, place, ty, addr, len }
}
columns! {
    /// Edges in the order in which they were met.
    EdgeColumns { packed, sites, from, kind, label, place, target, ty }
}
columns! {
    /// Contents in the order in which the walk left the nodes.
    ContentColumns { packed, classes, node, variant, mask, split }
}
columns! {
    /// Live blocks by ascending address.
    BlockColumns { packed, addr, requested, rounding, align, epoch, flags }
}
columns! {
    /// Pointers by ascending place; see [`crate::pointers`].
    PointerColumns { packed }
}
columns! {
    /// Nodes of the tree of stacks, or stacks of blocks; see [`crate::stacks`].
    StackColumns { packed }
}
