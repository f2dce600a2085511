//! How the bytes of a block divide: what each layout puts around its values.
//!
//! These are the layouts of the standard library (1.95). Where it changes one,
//! blocks of that layout no longer add up to their requested size, and the
//! ledger lists them by type: nothing is hidden by subtraction.

use crate::record::{Layout, NodeTypeDesc, Split, TypeDesc};

/// Entries of a B-tree node of the standard library.
const BTREE_CAPACITY: u64 = 11;

/// How many values of the element type a node holds.
#[inline]
pub fn value_count(ty: &NodeTypeDesc, len: u64) -> u64 {
    match Layout(ty.layout) {
        Layout::BUFFER | Layout::HASH_TABLE | Layout::BTREE_NODE => len,
        // A chunk says itself how what is in it divides.
        Layout::RAW | Layout::CHUNK | Layout::REGION => 0,
        _ if ty.is_slice => len,
        _ => 1,
    }
}

/// What the layout of a node type needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    layout: Layout,
    is_slice: bool,
    size: u64,
    align: u64,
    pointer: u64,
    header: u64,
    /// Size and alignment of the element's first two fields: key and value.
    pair: [(u64, u64); 2],
}

impl Shape {
    /// The shape of a node type. `pointer` is the size of a pointer in bytes.
    pub fn new(ty: &NodeTypeDesc, types: &[TypeDesc], pointer: u8) -> Shape {
        let elem = types.get(ty.elem as usize);
        let size_align = |ty: &TypeDesc| (ty.size, ty.align.clamp(1, 1 << 32));
        let (size, align) = elem.map_or((0, 1), size_align);
        let field = |at: usize| {
            let field = elem?.fields.get(at)?;
            Some(size_align(types.get(field.ty as usize)?))
        };
        // The element of a set is the key, or a pair of the key and nothing.
        let is_key = ty.container.ends_with("Set") && field(1).is_some_and(|(size, _)| size > 0);
        let pair = match (field(0), field(1)) {
            (Some(key), Some(value)) if !is_key => [key, value],
            _ => [(size, align), (0, 1)],
        };
        Shape {
            layout: Layout(ty.layout),
            is_slice: ty.is_slice,
            size,
            align,
            pointer: u64::from(pointer).clamp(2, 16),
            header: ty.header,
            pair,
        }
    }

    /// Bytes from the start of a counted block to its value.
    pub fn value_offset(&self) -> u64 {
        round_up(2 * self.pointer, self.align)
    }

    /// What the container puts around its values, which divide as `values` says.
    /// A part is "negative" (wrapped) where the values' own description has to be corrected.
    pub fn container(&self, len: u64, cap: u64, requested: u64, values: &Split) -> Split {
        match self.layout {
            Layout::VALUE => Split::default(),
            Layout::BUFFER => {
                Split { spare: cap.wrapping_sub(len).wrapping_mul(self.size), ..Split::default() }
            }
            Layout::COUNTED => self.headed(2 * self.pointer, (len, len), requested, values),
            Layout::LIST_NODE => {
                let overhead = 2 * self.pointer;
                let end = overhead.wrapping_add(self.size);
                let padding = round_up(end, self.align.max(self.pointer)).wrapping_sub(end);
                Split { overhead, padding, ..Split::default() }
            }
            Layout::HASH_TABLE => self.hash_table(len, requested, values),
            Layout::HEADED => self.headed(self.header, (len, cap), requested, values),
            Layout::CHUNK => Split {
                overhead: self.header,
                spare: cap.wrapping_sub(len).wrapping_mul(self.size),
                ..Split::default()
            },
            Layout::INSIDE => Split::default(),
            Layout::BTREE_NODE => self.btree_node(len, requested),
            // A root that lies in a block which nothing else describes.
            Layout::ROOT => {
                Split { untyped: requested.wrapping_sub(self.value_bytes(len)), ..Split::default() }
            }
            _ => Split { untyped: requested, ..Split::default() },
        }
    }

    fn value_bytes(&self, len: u64) -> u64 {
        if self.is_slice {
            self.size.wrapping_mul(len)
        } else {
            self.size
        }
    }

    /// hashbrown: buckets, rounded up to the alignment of the control bytes,
    /// then a control byte for each bucket and for one group more.
    fn hash_table(&self, len: u64, requested: u64, values: &Split) -> Split {
        for group in [16, 8] {
            for buckets in (0..48).map(|log2| 1_u64 << log2) {
                let Some(data) = buckets.checked_mul(self.size) else { break };
                let start = round_up(data, self.align.max(group));
                let Some(total) = start.checked_add(buckets + group) else { break };
                if total > requested {
                    break;
                }
                if total == requested && buckets >= len {
                    return Split {
                        overhead: buckets + group,
                        padding: start - data,
                        spare: (buckets - len) * self.size,
                        ..Split::default()
                    };
                }
            }
        }
        // No table of these entries has that size: what is beyond the entries is unknown.
        Split { untyped: requested.wrapping_sub(values.total()), ..Split::default() }
    }

    /// A header, up to the alignment of the elements, then slots or one value.
    fn headed(&self, header: u64, (len, cap): (u64, u64), requested: u64, values: &Split) -> Split {
        let spare = if self.is_slice { cap.wrapping_sub(len).wrapping_mul(self.size) } else { 0 };
        // The size of some values is known only from the value.
        let bytes = if self.size == 0 { values.total() } else { self.value_bytes(len) };
        let ends = |align: u64| {
            let end = round_up(header, align).wrapping_add(bytes).wrapping_add(spare);
            // Some round the end up to the alignment, and some do not.
            [end, round_up(end, align.max(self.pointer))]
        };
        // So is the alignment of these, which then counts as 1: what was requested tells it.
        let is_known = self.is_slice || self.align > 1 || ends(self.align).contains(&requested);
        let found = || (4..=12).map(|log2| 1 << log2).find(|align| ends(*align).contains(&requested));
        let align = if is_known { self.align } else { found().unwrap_or(self.align) };
        let [end, rounded] = ends(align);
        let size = if requested == end { end } else { rounded };
        Split {
            overhead: header,
            padding: size.wrapping_sub(bytes).wrapping_sub(spare).wrapping_sub(header),
            spare,
            ..Split::default()
        }
    }

    fn btree_sizes(&self) -> (u64, u64) {
        let [(key, key_align), (value, value_align)] = self.pair;
        let align = self.pointer.max(key_align).max(value_align);
        let entries = key.wrapping_add(value).wrapping_mul(BTREE_CAPACITY);
        let leaf = round_up(self.pointer.wrapping_add(4).wrapping_add(entries), align);
        (leaf, round_up(leaf.wrapping_add((BTREE_CAPACITY + 1) * self.pointer), align))
    }

    /// A link to the parent, two 16-bit numbers, eleven keys, eleven values;
    /// twelve links to children in an inner node.
    fn btree_node(&self, len: u64, requested: u64) -> Split {
        let (leaf, inner) = self.btree_sizes();
        let [(key, _), (value, _)] = self.pair;
        let entry = key.wrapping_add(value);
        let links = if requested == inner && inner != leaf { (BTREE_CAPACITY + 1) * self.pointer } else { 0 };
        let size = if links > 0 { inner } else { leaf };
        let overhead = self.pointer + 4 + links;
        // Keys and values lie in arrays of their own, without the padding of a pair.
        let pair_padding = self.size.wrapping_sub(entry).wrapping_mul(len);
        Split {
            overhead,
            padding: size
                .wrapping_sub(overhead)
                .wrapping_sub(entry.wrapping_mul(BTREE_CAPACITY))
                .wrapping_sub(pair_padding),
            spare: BTREE_CAPACITY.wrapping_sub(len).wrapping_mul(entry),
            ..Split::default()
        }
    }

    /// Bytes a block of this layout requests, for want of an allocator that
    /// knows. At most 1 TiB, whatever a file says.
    pub fn estimate(&self, len: u64, cap: u64) -> u64 {
        let size = match self.layout {
            Layout::VALUE if self.is_slice => self.size.saturating_mul(len),
            Layout::VALUE => self.size,
            Layout::BUFFER => self.size.saturating_mul(cap),
            Layout::COUNTED => {
                let bytes = if self.is_slice { self.size.saturating_mul(len) } else { self.size };
                let end = self.value_offset().saturating_add(bytes.min(1 << 40));
                round_up(end, self.align.max(self.pointer))
            }
            Layout::LIST_NODE => {
                let end = (2 * self.pointer).saturating_add(self.size.min(1 << 40));
                round_up(end, self.align.max(self.pointer))
            }
            Layout::HASH_TABLE if cap == 0 => 0,
            Layout::HASH_TABLE => {
                let cap = cap.min(1 << 40);
                let buckets = match cap {
                    0..=3 => 4,
                    4..=7 => 8,
                    _ => (cap * 8).div_ceil(7).next_power_of_two(),
                };
                let data = buckets.saturating_mul(self.size).min(1 << 41);
                round_up(data, self.align.max(16)) + buckets + 16
            }
            Layout::BTREE_NODE => self.btree_sizes().0,
            Layout::HEADED if self.is_slice => {
                round_up(self.header, self.align).saturating_add(self.size.saturating_mul(cap))
            }
            Layout::HEADED => round_up(
                round_up(self.header, self.align).saturating_add(self.size),
                self.align.max(self.pointer),
            ),
            Layout::CHUNK => self.header.saturating_add(self.size.saturating_mul(cap)),
            _ => 0,
        };
        size.min(1 << 40)
    }
}

fn round_up(value: u64, align: u64) -> u64 {
    let align = align.max(1);
    value.wrapping_add(align - 1) / align * align
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FieldDesc;

    /// Types 0: u8, 1: u64, 2: (u8, u64), 3: u128-aligned, 4: ().
    fn types() -> Vec<TypeDesc> {
        let leaf = |size, align| TypeDesc {
            size,
            align,
            base: Split { payload: size, ..Split::default() },
            ..TypeDesc::default()
        };
        let field = |ty| FieldDesc { ty, times: 1, ..FieldDesc::default() };
        let pair = TypeDesc {
            size: 16,
            align: 8,
            fields: vec![field(0), field(1)],
            base: Split { payload: 9, padding: 7, ..Split::default() },
            ..TypeDesc::default()
        };
        vec![leaf(1, 1), leaf(8, 8), pair, leaf(32, 32), leaf(0, 1)]
    }

    #[track_caller]
    fn check(layout: Layout, elem: u32, is_slice: bool, (len, cap): (u64, u64), requested: u64) -> Split {
        let types = types();
        let ty = NodeTypeDesc { container: String::new(), layout: layout.0, elem, is_slice, header: 0 };
        let mut split = Split::default();
        split.add_times(&types[elem as usize].base, value_count(&ty, len));
        split.add_times(&Shape::new(&ty, &types, 8).container(len, cap, requested, &split), 1);
        assert_eq!(split.total(), requested, "{split:?}");
        assert!(split.parts().iter().all(|part| *part <= requested), "{split:?}");
        split
    }

    #[test]
    fn a_buffer_has_spare_capacity() {
        assert_eq!(
            check(Layout::BUFFER, 1, false, (3, 8), 64),
            Split { payload: 24, spare: 40, ..Split::default() }
        );
    }

    /// Real `Rc`s: two counts, a byte, padding; an over-aligned value; a slice.
    #[test]
    fn counts_and_padding_stand_around_a_shared_value() {
        let counted = |elem, is_slice, len, requested| {
            let split = check(Layout::COUNTED, elem, is_slice, (len, len), requested);
            assert_eq!(split.overhead, 16);
            split.padding
        };
        assert_eq!(counted(0, false, 1, 24), 7);
        assert_eq!(counted(1, false, 1, 24), 0);
        assert_eq!(counted(3, false, 1, 64), 16);
        assert_eq!(counted(0, true, 13, 32), 3);
        assert_eq!(counted(4, false, 1, 16), 0);
    }

    /// Behind `dyn` neither size nor alignment is known: `Rc`s of 5 bytes, and of
    /// 40 bytes aligned to 32.
    #[test]
    fn what_was_requested_tells_the_alignment() {
        let mut types = types();
        types[4].size = 0;
        let ty = NodeTypeDesc { elem: 4, layout: Layout::COUNTED.0, ..NodeTypeDesc::default() };
        let shape = Shape::new(&ty, &types, 8);
        for (bytes, requested, padding) in [(5, 24, 3), (64, 96, 16), (48, 64, 0), (32, 64, 16)] {
            let values = Split { untyped: bytes, ..Split::default() };
            let around = shape.container(1, 1, requested, &values);
            assert_eq!(around, Split { overhead: 16, padding, ..Split::default() }, "{bytes} in {requested}");
        }
    }

    /// `triomphe`'s count, and a thin vector's two words before over-aligned elements.
    #[test]
    fn headers_stand_before_values() {
        let types = types();
        let headed = |header, elem, is_slice, len_cap: (u64, u64), requested| {
            let ty =
                NodeTypeDesc { header, elem, is_slice, layout: Layout::HEADED.0, ..NodeTypeDesc::default() };
            let mut split = Split::default();
            split.add_times(&types[elem as usize].base, value_count(&ty, len_cap.0));
            let around = Shape::new(&ty, &types, 8).container(len_cap.0, len_cap.1, requested, &split);
            split.add_times(&around, 1);
            assert_eq!(split.total(), requested, "{split:?}");
            around
        };
        assert_eq!(headed(8, 0, false, (1, 1), 16).padding, 7);
        assert_eq!(headed(16, 0, true, (3, 5), 21), Split { overhead: 16, spare: 2, ..Split::default() });
        assert_eq!(headed(16, 3, true, (1, 4), 160).padding, 16);
    }

    #[test]
    fn a_list_node_has_two_links() {
        let split = check(Layout::LIST_NODE, 0, false, (1, 1), 24);
        assert_eq!((split.overhead, split.padding), (16, 7));
    }

    /// Sizes as the standard library asks for them on x86-64.
    #[test]
    fn hash_tables_have_control_bytes() {
        // HashMap<u8, u64> of 4 buckets: 64 + 4 + 16; HashSet<u8> of 4 buckets: 4, up to 16, + 4 + 16.
        let map = check(Layout::HASH_TABLE, 2, false, (3, 3), 84);
        assert_eq!(map, Split { payload: 27, padding: 21, overhead: 20, spare: 16, ..Split::default() });
        let set = check(Layout::HASH_TABLE, 0, false, (1, 3), 36);
        assert_eq!(set, Split { payload: 1, padding: 12, overhead: 20, spare: 3, ..Split::default() });
        let empty_values = check(Layout::HASH_TABLE, 4, false, (1, 3), 20);
        assert_eq!(empty_values, Split { overhead: 20, ..Split::default() });
        // Groups of 8, as on other processors.
        assert_eq!(check(Layout::HASH_TABLE, 1, false, (8, 14), 16 * 8 + 16 + 8).overhead, 24);
        // No table of u64 asks for 100 bytes.
        assert_eq!(check(Layout::HASH_TABLE, 1, false, (2, 3), 100).untyped, 84);
    }

    /// `BTreeMap<u8, u64>`: 8 + 4 + 11 + 88 = 111, up to 112; inner nodes 96 more.
    #[test]
    fn btree_nodes_hold_eleven() {
        let leaf = check(Layout::BTREE_NODE, 2, false, (5, 11), 112);
        assert_eq!(leaf, Split { payload: 45, padding: 1, overhead: 12, spare: 54, ..Split::default() });
        let inner = check(Layout::BTREE_NODE, 2, false, (11, 11), 208);
        assert_eq!(inner, Split { payload: 99, padding: 1, overhead: 108, ..Split::default() });
        // A set: the element is the key.
        assert_eq!(check(Layout::BTREE_NODE, 1, false, (1, 11), 104).padding, 4);
    }

    #[test]
    fn nobody_reads_raw_blocks() {
        assert_eq!(check(Layout::RAW, 1, false, (1, 1), 48).untyped, 48);
    }

    #[test]
    fn hostile_numbers_do_not_panic() {
        let mut types = types();
        for ty in &mut types {
            ty.size = u64::MAX - 3;
            ty.align = u64::MAX;
        }
        for layout in 0..10 {
            for elem in 0..7 {
                let ty = NodeTypeDesc {
                    container: String::new(),
                    layout,
                    elem,
                    is_slice: layout % 2 == 0,
                    header: 5,
                };
                let shape = Shape::new(&ty, &types, layout.wrapping_mul(40));
                for number in [0, 1, 11, u64::MAX] {
                    shape.container(number, !number, number, &Split::default());
                    shape.container(number, 7, 100, &Split::default());
                    assert!(shape.estimate(number, number) <= 1 << 40);
                }
            }
        }
    }
}
