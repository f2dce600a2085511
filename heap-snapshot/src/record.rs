//! The plain data a snapshot is made of. No behaviour beyond naming.
//!
//! Sizes are bytes, addresses are numbers to compare and never to follow.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Index of a value type in [`crate::read::Snapshot::types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypeIdx(pub u32);

/// Index of a node type in [`crate::read::Snapshot::node_types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeTypeIdx(pub u32);

/// Index of an edge label in [`crate::read::Snapshot::labels`]. Index 0 is the empty label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LabelIdx(pub u32);

macro_rules! open_enum {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $konst:ident = $value:literal, $text:literal;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$doc])* pub const $konst: Self = Self($value);)*

            /// Every kind this version knows, with the name written into each file.
            pub const KNOWN: &'static [(Self, &'static str)] = &[$((Self::$konst, $text)),*];

            /// The name of a kind this version knows.
            pub fn name(self) -> Option<&'static str> {
                Self::KNOWN.iter().find(|(kind, _)| *kind == self).map(|(_, name)| *name)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}({})", stringify!($name), self.0),
                }
            }
        }
    };
}

open_enum! {
    /// What an edge means. Open: a file may hold kinds that this version does
    /// not know; they are kept, and no lens counts them. At most 127 kinds.
    EdgeKind {
        /// Sole ownership: `Box`, `Vec`, …
        OWN = 1, "own";
        /// A strong `Rc` or `Arc` handle.
        SHARE = 2, "share";
        /// A weak handle.
        WEAK = 3, "weak";
        /// A shared reference.
        BORROW = 4, "borrow";
        /// An exclusive reference.
        BORROW_MUT = 5, "borrow mut";
        /// A raw pointer in the type.
        RAW = 6, "raw";
        /// An integer or newtype that is a key into a table.
        KEY = 7, "key";
        /// An address found by scanning opaque bytes: who it belongs to is plausible, not proven.
        CLAIM_RAW = 8, "claim raw";
        /// Sole ownership of a block whose address the container does not
        /// show; found by scanning the words of the handle.
        OWN_BY_HANDLE = 9, "own by handle";
    }
}

open_enum! {
    /// How the bytes of a block are laid out around its values.
    Layout {
        /// One value and nothing else.
        VALUE = 1, "value";
        /// `cap` slots of the element type, `len` of them in use.
        BUFFER = 2, "buffer";
        /// Two counts, then one value or `len` elements: `Rc`, `Arc`.
        COUNTED = 3, "counted";
        /// A hash table of the standard library: buckets, then control bytes.
        HASH_TABLE = 4, "hash table";
        /// A B-tree node of the standard library. The element is a pair of key and value.
        BTREE_NODE = 5, "b-tree node";
        /// Bytes that nobody describes.
        RAW = 6, "raw";
        /// A root: a value that lies outside the heap, or inside another node.
        ROOT = 7, "root";
        /// A list node of the standard library: two links, then one value.
        LIST_NODE = 8, "list node";
        /// The header of the node type, then `cap` slots of the element type of
        /// which `len` are in use, or one value.
        HEADED = 9, "headed";
        /// A chunk of an arena: room for `cap` elements of which `len` are used,
        /// and bookkeeping of the size of the node type's header.
        CHUNK = 10, "chunk";
        /// A value inside a block (or outside the heap) that a reference led to.
        /// The block it lies in keeps owning it; `len_cap` is its size in bytes, twice.
        INSIDE = 11, "inside";
        /// Memory outside the allocator, of `cap` elements: a memory map.
        REGION = 12, "region";
    }
}

open_enum! {
    /// Where a value stands.
    Place {
        /// Not known.
        UNKNOWN = 0, "unknown";
        /// A field of a struct, a tuple or a variant.
        FIELD = 1, "field";
        /// The sole value of a block.
        BLOCK = 2, "block";
        /// An element of a buffer or an array.
        ELEMENT = 3, "element";
        /// A key of a map or an element of a set.
        KEY = 4, "key";
        /// A value of a map.
        VALUE = 5, "value";
        /// A root.
        ROOT = 6, "root";
    }
}

open_enum! {
    /// What a type is.
    TypeKind {
        /// Nothing is known but name, size and alignment; all bytes are untyped.
        UNKNOWN = 0, "unknown";
        /// All bytes are payload.
        LEAF = 1, "leaf";
        /// A struct, a tuple or an array with its fields.
        STRUCT = 2, "struct";
        /// An enum with its variants.
        ENUM = 3, "enum";
    }
}

/// How bytes divide, each part summed on its own, never by subtraction (docs/numbers.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
pub struct Split {
    /// Leaf values and discriminants.
    pub payload: u64,
    /// Bytes between and after fields.
    pub padding: u64,
    /// Bytes of an enum that its active variant has no use for.
    pub dead: u64,
    /// Bookkeeping: counts, control bytes, node headers.
    pub overhead: u64,
    /// Room for elements that are not there.
    pub spare: u64,
    /// Bytes nobody can read.
    pub untyped: u64,
}

impl Split {
    /// The parts in the order of the fields.
    pub fn parts(&self) -> [u64; 6] {
        [self.payload, self.padding, self.dead, self.overhead, self.spare, self.untyped]
    }

    /// From parts in the order of the fields.
    pub fn from_parts(parts: [u64; 6]) -> Split {
        let [payload, padding, dead, overhead, spare, untyped] = parts;
        Split { payload, padding, dead, overhead, spare, untyped }
    }

    /// The sum of all parts. Wraps where a wrong impl made a part negative, so
    /// that the sum is still the size that was described.
    pub fn total(&self) -> u64 {
        self.parts().into_iter().fold(0, u64::wrapping_add)
    }

    /// Adds `other` `n` times. Wraps, see [`Split::total`].
    #[inline]
    pub fn add_times(&mut self, other: &Split, n: u64) {
        self.payload = self.payload.wrapping_add(other.payload.wrapping_mul(n));
        self.padding = self.padding.wrapping_add(other.padding.wrapping_mul(n));
        self.dead = self.dead.wrapping_add(other.dead.wrapping_mul(n));
        self.overhead = self.overhead.wrapping_add(other.overhead.wrapping_mul(n));
        self.spare = self.spare.wrapping_add(other.spare.wrapping_mul(n));
        self.untyped = self.untyped.wrapping_add(other.untyped.wrapping_mul(n));
    }
}

/// What a snapshot is, written when its checkpoint begins.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// File name of the executable.
    pub program: String,
    /// Name of the checkpoint.
    pub checkpoint: String,
    /// Which of the hits that matched this was, from 1.
    pub hit: u64,
    /// The labels of this hit: name and value.
    pub labels: Vec<(String, String)>,
    /// Process id.
    pub pid: u32,
    /// Milliseconds since 1970 began, by the system clock.
    pub unix_ms: u64,
    /// Blocks with a smaller birth epoch were born before the checkpoint began.
    pub epoch: u32,
    /// Bytes of a pointer in the observed program.
    pub pointer_size: u8,
    /// Whether a tracking allocator supplied the blocks. Without it sizes are estimates.
    pub tracked: bool,
}

/// A field of a struct or of a variant.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldDesc {
    /// Name, or position in a tuple.
    pub name: String,
    /// Bytes from the start of the value. In an enum it is known once a value of the variant was met.
    pub offset: Option<u64>,
    /// The field's type.
    pub ty: u32,
    /// How the walk treats it: empty for walked, else `skip`, `opaque` or `with`.
    pub mode: String,
    /// How often the field repeats, one after the other: 1, or the length of an array.
    pub times: u64,
}

/// A variant of an enum.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct VariantDesc {
    /// Name.
    pub name: String,
    /// Size of the tuple of its fields.
    pub tuple_size: u64,
    /// How the enum's bytes divide while this variant is active, less what nested enums add when they are met.
    pub split: Split,
    /// Its fields.
    pub fields: Vec<FieldDesc>,
}

/// Where a type is defined.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Package name.
    pub package: String,
    /// Package version.
    pub version: String,
    /// Source file, as the compiler was told it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// A type of values.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TypeDesc {
    /// Path with generic arguments.
    pub name: String,
    /// `size_of`.
    pub size: u64,
    /// `align_of`.
    pub align: u64,
    /// What it is; see [`TypeKind`].
    pub kind: u8,
    /// Fields of a struct.
    pub fields: Vec<FieldDesc>,
    /// Variants of an enum.
    pub variants: Vec<VariantDesc>,
    /// Bytes of an enum that hold its discriminant and nothing else; 0 in a niche.
    pub discriminant: u64,
    /// How the bytes of a value divide, less what the enums in it add when they are met.
    pub base: Split,
    /// Whether every value divides as `base` says: there is no enum, lock or hand-written part in it.
    pub fixed: bool,
    /// Where it is defined, if derived.
    pub source: Option<Source>,
}

/// A type of nodes: what holds the block, how it is laid out, and of what.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeTypeDesc {
    /// The owner's kind: `Box`, `Vec`, `Rc`, `HashMap`, …
    pub container: String,
    /// See [`Layout`].
    pub layout: u8,
    /// The type of the value or of the elements.
    pub elem: u32,
    /// Whether it holds `len` elements rather than one value.
    pub is_slice: bool,
    /// Bytes of bookkeeping, of layouts that have a header.
    pub header: u64,
}

/// A label of edges and census entries: which field or position a value stands in.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelDesc {
    /// Field name; empty for elements, keys and values.
    pub name: String,
    /// Variant the field belongs to.
    pub variant: String,
    /// See [`Place`].
    pub place: u8,
    /// The table that the keys in this field index, where the program names it.
    pub table: String,
}

/// A tagged place where the walk started.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Root {
    /// Name; a part of another root has that root's name and a dot before its own.
    pub name: String,
    /// Its node. A root that is a name for another node's place has a node too, without edges.
    pub node: u64,
    /// Address of the value.
    pub addr: u64,
    /// Size of the value.
    pub size: u64,
    /// Where it was registered: `argument`, `scope`, `static`, `arc`, `task`.
    pub origin: String,
    /// The value was met before the root was walked: the root is a name for the place at `addr`.
    pub is_name: bool,
    /// Where in the program a task was tagged: file and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// One node as it is written: a root or a block with the edge through which it was met first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Node that owns the edge; `None` for a root.
    pub parent: Option<u64>,
    /// Kind of the edge.
    pub edge: EdgeKind,
    /// Field or position the edge starts from.
    pub label: LabelIdx,
    /// Address of the handle the edge starts from.
    pub place: u64,
    /// Its type.
    pub ty: NodeTypeIdx,
    /// An address inside the block; the block table knows where it begins.
    pub addr: u64,
    /// Length and capacity in elements, for slices, tables and buffers.
    pub len_cap: Option<(u64, u64)>,
}

/// Where an edge ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// At a node that the walk had met.
    Node(u64),
    /// At an address, to be resolved through the block table.
    Addr(u64),
    /// At the entry of a table that has this key; only of edges of kind [`EdgeKind::KEY`].
    Key(u64),
}

/// An edge beside those that the nodes carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Node whose bytes hold the place.
    pub from: u64,
    /// Kind.
    pub kind: EdgeKind,
    /// Field or position it starts from.
    pub label: LabelIdx,
    /// Address of the handle or reference.
    pub place: u64,
    /// Where it ends.
    pub target: Target,
    /// Type of the target as the reference sees it.
    pub ty: Option<TypeIdx>,
}

/// How the values of a block divide, where their type alone does not tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    /// The node.
    pub node: u64,
    /// Active variant, where the block is one enum value.
    pub variant: Option<u32>,
    /// Division of the values (not of what the container puts around them).
    pub split: Split,
}

/// Number of values of one enum variant in one kind of place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Census {
    /// The enum.
    pub ty: u32,
    /// Position of the variant.
    pub variant: u32,
    /// See [`Place`].
    pub place: u8,
    /// Number of values met.
    pub count: u64,
}

/// Counts of a block that handles share, read at the first handle met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Shared {
    /// The node; `u64::MAX` where no strong handle was met yet.
    pub node: u64,
    /// An address inside the block, where there is no node.
    #[serde(default)]
    pub addr: u64,
    /// Strong handles by the block's own count, less the registry's.
    pub strong: u64,
    /// Weak handles by the block's own count, less the registry's.
    pub weak: u64,
    /// Strong handles that the walk met, or [`Shared::BY_EDGES`].
    #[serde(deserialize_with = "by_edges")]
    pub met: u64,
    /// Weak handles that the walk met, or [`Shared::BY_EDGES`].
    #[serde(deserialize_with = "by_edges")]
    pub weak_met: u64,
    /// The counts of this kind of handle cannot be read (they are 0 here): the
    /// block may have owners that the walk did not see.
    #[serde(default)]
    pub uncounted: bool,
}

impl Shared {
    /// As many handles were met as edges lead to the block: the walk does not
    /// count them, for it would have to remember every shared block.
    pub const BY_EDGES: u64 = u64::MAX;
}

fn by_edges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(Shared::BY_EDGES))
}

/// As a list, which the derived half reads as well as a map: there may be
/// millions, and the names would be most of their bytes.
impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shared { node, addr, strong, weak, met: met_strong, weak_met, uncounted } = *self;
        let met = |met| Some(met).filter(|met| *met != Shared::BY_EDGES);
        (node, addr, strong, weak, met(met_strong), met(weak_met), uncounted).serialize(serializer)
    }
}

/// A value recorded on request (`#[walk(show)]`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShownValue {
    /// Node whose bytes hold the field.
    pub node: u64,
    /// Address of the field.
    pub place: u64,
    /// Field.
    pub label: u32,
    /// Its text, cut at 256 bytes.
    pub text: String,
}

/// A value behind `dyn` whose concrete type is not known to the walk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DynValue {
    /// Node of the block that holds it.
    pub node: u64,
    /// Its size, as its vtable says.
    pub size: u64,
    /// Position in the list of images of the one that holds the vtable; `u32::MAX` if none does.
    pub image: u32,
    /// Address of the vtable, less the image's base.
    pub vtable: u64,
    /// Addresses of the functions in the vtable, less the image's base: how to
    /// drop a value (0 if there is nothing to drop), then up to 3 methods.
    pub functions: Vec<u64>,
}

/// A program or library that is mapped into the observed process.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// Path of its file.
    pub path: String,
    /// What is added to an address of the file to get one of the process.
    pub base: u64,
    /// Its build id, in hexadecimal; empty if it has none or it was not read.
    pub build_id: String,
}

/// A part that could not be entered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unreadable {
    /// Node whose bytes hold it.
    pub node: u64,
    /// Its address.
    pub place: u64,
    /// Field or position.
    pub label: u32,
    /// Its type.
    pub ty: u32,
    /// Why: `locked`, `borrowed`, `panicked`, …
    pub reason: String,
}

/// Offsets of a variant's fields, known once a value of it was met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VariantOffsets {
    /// The enum.
    pub ty: u32,
    /// Position of the variant.
    pub variant: u32,
    /// One offset per field.
    pub offsets: Vec<u64>,
}

/// What the allocator and the kernel say of the process, in bytes unless it says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AllocatorFigures {
    /// Bytes of live allocations by the allocator's own account, caches included.
    pub allocated: u64,
    /// Bytes in pages that hold at least one allocation.
    pub active: u64,
    /// Bytes of the allocator's own bookkeeping.
    pub metadata: u64,
    /// Bytes of its pages in physical memory.
    pub resident: u64,
    /// Bytes in mapped extents.
    pub mapped: u64,
    /// Bytes of address space kept, without memory behind it.
    pub retained: u64,
    /// Freed bytes that sit in the threads' caches; part of `allocated`.
    pub cached: u64,
    /// Bytes of the caches' own blocks; part of `allocated`.
    pub cache_blocks: u64,
    /// Number of threads that have a cache.
    pub caches: u64,
    /// Bytes of the tool's arena; part of `allocated`.
    pub tool: u64,
    /// `allocated` less caches, cache blocks and tool: what the program's live blocks must add up to.
    pub live: u64,
    /// Resident set of the process, by the kernel; 0 where it cannot be read.
    pub rss: u64,
    /// Bytes of memory that the block table itself takes (address space that was touched).
    pub table: u64,
    /// The allocator keeps no account of its own: `live` and `tool` are the block
    /// table's, so nothing checks that table, and what lies between is not known.
    pub is_unaccounted: bool,
    /// Bytes of pages that hold no allocation any more and were not given back; part of `resident`.
    pub dirty: u64,
    /// Bytes of `metadata` that lie in pages like blocks do, and are in `allocated`: the caches' own blocks.
    pub internal: u64,
    /// Bytes of pages that the system may take back when it likes.
    pub muzzy: u64,
    /// Bytes of a page of the allocator; 0 where it has none, or before format 2.3.
    pub page: u64,
    /// Bytes that it adds to each block of whole pages, so that blocks may begin anywhere in their first one.
    pub large_pad: u64,
}

/// A size class of the allocator. Small blocks share *slabs*: runs of pages that
/// hold blocks of one class side by side, and that are given back only whole.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SizeClass {
    /// Usable bytes of each block.
    pub size: u64,
    /// Bytes of a slab; 0: each block has pages of its own.
    pub slab_size: u64,
    /// Blocks that a slab has room for; 1 where each block has pages of its own.
    pub slab_blocks: u64,
    /// Slabs, or blocks with pages of their own, the tool's not included.
    pub slabs: u64,
    /// Blocks that the allocator has handed out or holds in caches of threads, the tool's not included.
    pub blocks: u64,
    /// Slabs of the tool's arena, or its blocks with pages of their own.
    pub tool_slabs: u64,
    /// Blocks of the tool's arena.
    pub tool_blocks: u64,
}

/// Bytes of physical memory of the process, by the kernel's map of it. A mapping
/// counts whole: the kernel joins neighbours of one kind, so that memory which the
/// program mapped beside the allocator's may count there. The parts add up to the
/// resident set.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessMemory {
    /// Mappings that hold live blocks, or the allocator's bookkeeping.
    pub allocator: u64,
    /// The table of live blocks.
    pub table: u64,
    /// Other anonymous memory: the program's own maps, the heaps of other allocators.
    pub anonymous: u64,
    /// Files, the program's own among them, and shared memory.
    pub files: u64,
    /// Stacks of threads.
    pub stacks: u64,
}

impl ProcessMemory {
    /// The resident set.
    pub fn total(&self) -> u64 {
        let parts = [self.allocator, self.table, self.anonymous, self.files, self.stacks];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// A word, somewhere in the process, that is an address in an unclaimed block. It
/// may be a number that only looks like one, or left over.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Pointer {
    /// Where the word stands: in a block, or in one of [`PointerScan::regions`].
    pub place: u64,
    /// The word.
    pub target: u64,
}

open_enum! {
    /// What memory outside the heap is.
    RegionKind {
        /// Memory of unknown kind: the program's own maps, the heaps of other allocators.
        ANONYMOUS = 0, "anonymous memory";
        /// Static variables of a program or library.
        STATIC = 1, "static memory";
        /// The stack of a thread.
        STACK = 2, "stack";
    }
}

/// Memory outside the heap with words that are addresses in unclaimed blocks.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Region {
    /// Address of its first byte.
    pub from: u64,
    /// Address after its last byte.
    pub to: u64,
    /// See [`RegionKind`].
    pub kind: u8,
    /// File name of the program or library, of static memory.
    pub name: String,
}

/// The search for words that are addresses in unclaimed blocks, through all
/// blocks of the program, static memory, stacks and other anonymous memory.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct PointerScan {
    /// Bytes that were read.
    pub bytes: u64,
    /// Nanoseconds that it took.
    pub ns: u64,
    /// Blocks that it took for unclaimed. The analysis knows better which are.
    pub unclaimed: u64,
    /// The memory outside the heap in which it found some.
    pub regions: Vec<Region>,
}

open_enum! {
    /// Why there is no [`PointerScan`].
    NotSearched {
        /// Nothing is said: there is one, or the snapshot is of before format 2.4.
        UNKNOWN = 0, "unknown";
        /// `HEAP_WALK_HOLDERS=off`.
        OFF = 1, "switched off";
        /// Little is unclaimed, and much would have to be read.
        LITTLE = 2, "little is unclaimed";
        /// The program cannot read its own memory through the kernel.
        UNREADABLE = 3, "memory cannot be read";
        /// No block was found unclaimed.
        NOTHING = 4, "nothing is unclaimed";
    }
}

open_enum! {
    /// How the frames of stacks are found.
    StackWay {
        /// Not at all: the program can't be unwound.
        NONE = 0, "none";
        /// By frame pointers.
        FRAME_POINTERS = 1, "frame pointers";
        /// By the unwinder and its tables.
        UNWINDER = 2, "unwinder";
        /// Only tags were asked for.
        NOT_TAKEN = 3, "tags alone";
    }
}

/// How the stacks of a snapshot were taken.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct StackFigures {
    /// See [`StackWay`].
    pub way: u8,
    /// 0: each block has its stack. Else every byte that is allocated is a sample
    /// with probability 1/`mean`, and the blocks with a sample have their stacks: of
    /// requested size `s` one in 1/(1 − e^(−s/mean)).
    pub mean: u64,
    /// Stacks that could not be taken or kept, since the program began.
    pub lost: u64,
    /// Nodes of the tree of all stacks of the process, those of freed blocks included.
    pub nodes: u64,
    /// Bytes of memory that tree and numbers take; part of [`AllocatorFigures::table`].
    pub table: u64,
}

/// A stack: a frame and the stack below which it stands. Nodes are numbered from 1.
///
/// The outermost ones may be tags: names that the program had put on what it
/// allocates there, the outer of nested ones first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct StackFrame {
    /// The stack of the caller; 0 for an outermost frame.
    pub parent: u32,
    /// Return address: the next instruction after the call. 0: this stack could not be taken.
    pub address: u64,
}

impl StackFrame {
    /// Set in what stands in a tag's place of an address: no program has code there.
    pub const TAG: u64 = 1 << 63;

    /// The tag with a position in the list of the snapshot's tags, below `parent`.
    pub fn of_tag(parent: u32, tag: u32) -> StackFrame {
        StackFrame { parent, address: StackFrame::TAG | u64::from(tag) }
    }

    /// The position of the tag that this is; `None` for a frame.
    pub fn tag(self) -> Option<u32> {
        (self.address & StackFrame::TAG != 0).then_some(self.address as u32)
    }
}

/// A number of blocks and their usable bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockCount {
    /// Number of blocks.
    pub blocks: u64,
    /// Usable bytes.
    pub bytes: u64,
}

/// How the checkpoint went, written when it ends. A snapshot without one was cut off.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Footer {
    /// Nodes written.
    pub nodes: u64,
    /// Edges written beside the nodes' own.
    pub edges: u64,
    /// Blocks written.
    pub blocks: u64,
    /// Nothing of the program was allocated or freed while the checkpoint ran.
    pub quiescent: bool,
    /// Blocks born while it ran.
    pub born: BlockCount,
    /// Blocks from before it that were freed while it ran.
    pub freed: BlockCount,
    /// The tool's own blocks.
    pub tool: BlockCount,
    /// Frees of blocks that were not in the table, since the program began.
    pub unknown_frees: u64,
    /// The birth epoch has run out of numbers: survived and new can no longer be told apart.
    pub epoch_exhausted: bool,
    /// Parts that could not be entered.
    pub unreadable: u64,
    /// Locks and borrows taken.
    pub guards: u64,
    /// Longest time one was held, nanoseconds.
    pub longest_hold_ns: u64,
    /// Time in the walk, nanoseconds.
    pub walk_ns: u64,
    /// Time in the enumeration of blocks, nanoseconds.
    pub blocks_ns: u64,
    /// Checkpoints skipped since the program began because another one ran.
    pub skipped: u64,
    /// Why nobody searched for pointers to unclaimed blocks, a [`NotSearched`]. Since 2.4.
    pub not_searched: u8,
    /// What went wrong, in sentences.
    pub problems: Vec<String>,
}

/// One live allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiveBlock {
    /// Address of its first byte.
    pub addr: u64,
    /// Bytes asked for.
    pub requested: u64,
    /// Bytes set aside: the size class.
    pub usable: u64,
    /// Alignment asked for, as a power of two.
    pub align_log2: u8,
    /// Number of the latest checkpoint that had begun when it was allocated.
    pub epoch: u32,
    /// Allocated by the tool, not by the program.
    pub is_tool: bool,
}
