//! One type: its layout, its variants, and the lengths of its buffers.

use crate::analysis::Analysis;
use crate::heap::{NodeId, Role};
use crate::keys::KeyRow;
use crate::type_table::{has_length, RowId, TypeRow};
use heap_snapshot::record::{FieldDesc, Place, Source, Split, TypeDesc};
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// Where values of this type are keys, by table.
    pub keys: Vec<KeyRow>,
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

impl Analysis {
    /// Where a type is defined, if it is known.
    pub fn source(&self, row: RowId) -> Option<&Source> {
        self.heap.types.get(self.table.elem(row)? as usize)?.source.as_ref()
    }

    /// One type in full. O(n): a pass over the nodes. `None` where there is no such row.
    pub fn type_detail(&self, row: RowId) -> Option<TypeDetail> {
        let heap = &self.heap;
        let own = self.types().get(row.0 as usize)?.clone();
        let unknown = TypeDesc::default();
        let elem = self.table.elem(row);
        let ty = elem.and_then(|elem| heap.types.get(elem as usize)).unwrap_or(&unknown);
        // Several descriptions of one type share a row.
        let is_this = |ty: u32| elem == Some(ty) || self.table.row_of_type(ty) == Some(row);
        let mut places: BTreeMap<(u32, u8), u64> = BTreeMap::new();
        for census in heap.census.iter().filter(|census| is_this(census.ty)) {
            let count = places.entry((census.variant, census.place)).or_default();
            *count = count.saturating_add(census.count);
        }
        let variants = ty.variants.iter().enumerate().map(|(at, variant)| {
            let at = at as u32;
            let mine = places.range((at, 0)..=(at, u8::MAX));
            let count = mine.clone().map(|(_, count)| *count).fold(0, u64::saturating_add);
            VariantRow {
                name: variant.name.clone(),
                count,
                places: mine
                    .map(|((_, place), count)| (Place(*place).name().unwrap_or("unknown").into(), *count))
                    .collect(),
                tuple_size: variant.tuple_size,
                payload: variant.split.payload.wrapping_mul(count),
                padding: variant.split.padding.wrapping_mul(count),
                dead_each: variant.split.dead,
                dead: variant.split.dead.wrapping_mul(count),
                fields: self.field_rows(&variant.fields, None),
            }
        });
        Some(TypeDetail {
            size: ty.size,
            align: ty.align,
            base: ty.base,
            discriminant: ty.discriminant,
            source: ty.source.clone(),
            fields: self.field_rows(&ty.fields, Some(ty.size)),
            variants: variants.collect(),
            lengths: self.lengths(row),
            keys: self.keys().iter().filter(|keys| keys.row == Some(row)).cloned().collect(),
            row: own,
        })
    }

    /// Fields by offset; with the gaps, where `size` says how far the value reaches.
    fn field_rows(&self, fields: &[FieldDesc], size: Option<u64>) -> Vec<FieldRow> {
        let mut rows: Vec<FieldRow> = fields
            .iter()
            .map(|field| {
                let one = self.heap.types.get(field.ty as usize).map_or(0, |ty| ty.size);
                let name = self.table.type_name(field.ty);
                let is_array = field.name == "[]";
                FieldRow {
                    name: if is_array { "elements".into() } else { field.name.clone() },
                    type_name: if is_array { format!("[{name}; {}]", field.times) } else { name.to_owned() },
                    offset: field.offset,
                    size: one.saturating_mul(field.times),
                    mode: field.mode.clone(),
                    is_padding: false,
                }
            })
            .collect();
        rows.sort_by_key(|row| (row.offset.unwrap_or(u64::MAX), row.size));
        let Some(size) = size.filter(|_| !rows.is_empty() && rows.iter().all(|row| row.offset.is_some()))
        else {
            return rows;
        };
        let mut with_gaps = Vec::new();
        let mut end = 0_u64;
        let gap = |from: u64, to: u64| FieldRow {
            name: "padding".into(),
            type_name: String::new(),
            offset: Some(from),
            size: to - from,
            mode: String::new(),
            is_padding: true,
        };
        for row in rows {
            let offset = row.offset.unwrap_or(end);
            if offset > end {
                with_gaps.push(gap(end, offset));
            }
            end = end.max(offset.saturating_add(row.size));
            with_gaps.push(row);
        }
        if size > end {
            with_gaps.push(gap(end, size));
        }
        with_gaps
    }

    /// Lengths of the containers of a row, and of those that hold its values.
    fn lengths(&self, row: RowId) -> Vec<Lengths> {
        let heap = &self.heap;
        // By node type: its statistics, with the buckets by the logarithm of the length.
        let mut kinds: BTreeMap<u32, (Lengths, BTreeMap<u32, LengthBucket>)> = BTreeMap::new();
        for node in heap.node_ids().filter(|&node| matches!(heap.role(node), Role::Block | Role::Foreign)) {
            let Some((ty, container)) = self.counted_container(node, row) else { continue };
            let (len, cap) = (heap.len(node), heap.cap(node));
            let size = heap.elem(node).map_or(0, |elem| elem.size);
            let spare = heap.split(node).spare;
            let (all, buckets) = kinds.entry(ty).or_insert_with(|| {
                let lengths = Lengths {
                    container,
                    containers: 0,
                    element_size: size,
                    len: 0,
                    cap: 0,
                    spare: 0,
                    buckets: Vec::new(),
                };
                (lengths, BTreeMap::new())
            });
            all.containers += 1;
            all.len = all.len.saturating_add(len);
            all.cap = all.cap.saturating_add(cap);
            all.spare = all.spare.saturating_add(spare);
            let log2 = len.checked_ilog2().map_or(0, |log2| log2 + 1);
            let bucket = buckets.entry(log2).or_insert_with(|| {
                let from = if log2 == 0 { 0 } else { 1 << (log2 - 1) };
                let to = if log2 == 0 { 0 } else { u64::MAX >> (64 - log2) };
                LengthBucket { from, to, ..LengthBucket::default() }
            });
            bucket.containers += 1;
            bucket.len = bucket.len.saturating_add(len);
            bucket.cap = bucket.cap.saturating_add(cap);
            bucket.spare = bucket.spare.saturating_add(spare);
        }
        let mut lengths: Vec<Lengths> = kinds
            .into_values()
            .map(|(lengths, buckets)| Lengths { buckets: buckets.into_values().collect(), ..lengths })
            .collect();
        lengths.sort_by(|a, b| b.cap.cmp(&a.cap).then(a.container.cmp(&b.container)));
        lengths
    }

    /// The node type of a container with a length, if it is of `row` or holds values of `row`.
    fn counted_container(&self, node: NodeId, row: RowId) -> Option<(u32, String)> {
        let heap = &self.heap;
        let ty = heap.node_type(node)?;
        let is_wanted =
            self.table.row_of(heap, node) == Some(row) || self.table.row_of_type(ty.elem) == Some(row);
        (has_length(ty) && is_wanted).then(|| {
            let index = heap.node_type_index(node);
            (index, self.table.node_type_name(index).to_owned())
        })
    }
}
