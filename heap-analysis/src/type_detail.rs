//! One type: its layout, its variants, and the lengths of its buffers.

use crate::type_table::TypeRow;
use heap_snapshot::record::{Source, Split};
use serde::Serialize;

/// One type in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TypeDetail {
    /// Its row of the type table.
    pub row: TypeRow,
    /// Size of a value, or of an element.
    pub size: u64,
    /// Its alignment.
    pub align: u64,
    /// How the bytes of one value divide, less what enums in it add.
    pub base: Split,
    /// Bytes of an enum that hold its discriminant and nothing else; 0 in a niche.
    pub discriminant: u64,
    /// Where it is defined.
    pub source: Option<Source>,
    /// Fields of a struct, by offset, with the gaps between them.
    pub fields: Vec<FieldRow>,
    /// Variants of an enum, in the order of their definition.
    pub variants: Vec<VariantRow>,
    /// Lengths and capacities, one entry per kind of container of this type.
    pub lengths: Vec<Lengths>,
}

/// A field, or a gap between fields.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FieldRow {
    /// Name; for a gap `padding`.
    pub name: String,
    /// Displayed name of its type; empty for a gap.
    pub type_name: String,
    /// Bytes from the start of the value, where known.
    pub offset: Option<u64>,
    /// Its size.
    pub size: u64,
    /// `skip`, `opaque`, `with`; empty where the field is walked.
    pub mode: String,
    /// Whether it is a gap.
    pub is_padding: bool,
}

/// A variant of an enum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct VariantRow {
    /// Name.
    pub name: String,
    /// Values with this variant active.
    pub count: u64,
    /// The same by kind of place: name of the place and number of values.
    pub places: Vec<(String, u64)>,
    /// Size of the tuple of its fields.
    pub tuple_size: u64,
    /// Payload of all these values, less what is in nested enums.
    pub payload: u64,
    /// Padding of all these values.
    pub padding: u64,
    /// Dead space of one value.
    pub dead_each: u64,
    /// Dead space of all these values.
    pub dead: u64,
    /// Its fields.
    pub fields: Vec<FieldRow>,
}

/// Lengths of the containers of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lengths {
    /// Displayed name of the container type.
    pub container: String,
    /// How many.
    pub containers: u64,
    /// Size of an element.
    pub element_size: u64,
    /// Elements in all of them.
    pub len: u64,
    /// Elements there is room for.
    pub cap: u64,
    /// Spare capacity in bytes.
    pub spare: u64,
    /// By length: 0, 1, 2..=3, 4..=7, …
    pub buckets: Vec<LengthBucket>,
}

/// The containers whose length lies in a range.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct LengthBucket {
    /// Smallest length.
    pub from: u64,
    /// Largest length.
    pub to: u64,
    /// Containers.
    pub containers: u64,
    /// Elements in them.
    pub len: u64,
    /// Elements they have room for.
    pub cap: u64,
    /// Spare capacity in bytes.
    pub spare: u64,
}
