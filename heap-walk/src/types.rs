//! Types, node types and labels of one snapshot, numbered as they are met.

use crate::label::{self, Label};
use crate::shape::{Describe, Interned, Shape, StaticShape};
use crate::walk::Walk;
use ahash::RandomState;
use heap_snapshot::record::{
    Census, LabelDesc, LabelIdx, Layout, NodeTypeDesc, NodeTypeIdx, Split, TypeDesc, VariantOffsets,
};
use heap_snapshot::write::NodeSite;
use std::collections::HashMap;

/// What holds a block: its name, and how the block is laid out.
#[derive(Debug)]
pub struct Container {
    pub(crate) name: &'static str,
    pub(crate) layout: Layout,
    /// Bytes of bookkeeping, of layouts that have a header.
    pub(crate) header: usize,
}

impl Container {
    /// A container of the given name and layout.
    pub const fn new(name: &'static str, layout: Layout) -> Container {
        Container { name, layout, header: 0 }
    }

    /// A container whose blocks have `header` bytes of bookkeeping: of layout
    /// [`Layout::HEADED`] at their beginning, of [`Layout::CHUNK`] anywhere.
    pub const fn with_header(name: &'static str, layout: Layout, header: usize) -> Container {
        Container { name, layout, header }
    }
}

/// Buffers of one kind. A constant: the walk knows them by its address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub(crate) container: &'static Container,
    elem: fn() -> StaticShape,
    /// Bytes of an element.
    pub(crate) size: usize,
}

impl Buffer {
    /// Buffers of `T`s.
    pub(crate) const fn of<T: Walk>(container: &'static Container) -> Buffer {
        Buffer { container, elem: T::static_shape, size: size_of::<T>() }
    }

    /// What lies in them.
    pub(crate) fn elem(&self) -> &'static Shape {
        (self.elem)().0
    }
}

/// Number of kinds of places a census tells apart.
pub(crate) const PLACES: usize = 8;

#[derive(Debug)]
pub(crate) struct VariantInfo {
    pub(crate) split: Split,
    pub(crate) counts: [u64; PLACES],
    pub(crate) is_met: bool,
}

#[derive(Debug)]
struct TypeInfo {
    size: u64,
    base: Split,
    fixed: bool,
    is_leaf: bool,
    first_variant: u32,
    variants: u32,
}

/// What the walk needs of a node type for every block, in one number: its own, and flags.
/// (A program of 16 million node types would need a gigabyte for their shapes.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeType(u32);

impl NodeType {
    const NUMBER: u32 = (1 << 24) - 1;
    const FIXED: u32 = 1 << 24;
    const ENTERED: u32 = 1 << 25;
    const DYNAMIC: u32 = 1 << 26;
    const BASE: u32 = 1 << 27;

    fn new(idx: u32, info: &TypeInfo, is_dynamic: bool) -> NodeType {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        NodeType(
            idx & NodeType::NUMBER
                | flag(info.fixed, NodeType::FIXED)
                | flag(!info.is_leaf, NodeType::ENTERED)
                | flag(is_dynamic, NodeType::DYNAMIC)
                | flag(info.base != Split::default() || is_dynamic, NodeType::BASE),
        )
    }

    /// Its number.
    #[inline(always)]
    pub(crate) fn idx(self) -> NodeTypeIdx {
        NodeTypeIdx(self.0 & NodeType::NUMBER)
    }

    /// Every value divides as [`NodeInfo::base`] says.
    #[inline(always)]
    pub(crate) fn is_fixed(self) -> bool {
        self.0 & NodeType::FIXED != 0
    }

    /// Values can hold something to visit.
    #[inline(always)]
    pub(crate) fn is_entered(self) -> bool {
        self.0 & NodeType::ENTERED != 0
    }

    /// The size of a value is known only from the value.
    #[inline(always)]
    pub(crate) fn is_dynamic(self) -> bool {
        self.0 & NodeType::DYNAMIC != 0
    }

    /// Something is said of values before they are visited: they are no bare enums.
    #[inline(always)]
    pub(crate) fn has_base(self) -> bool {
        self.0 & NodeType::BASE != 0
    }
}

/// A node type, and what is needed of it when its block is entered.
pub(crate) struct NodeInfo {
    ty: NodeType,
    /// How a value (or an element) divides, before the enums in it are met.
    pub(crate) base: Split,
    /// The type of the block's only value; null if it holds elements.
    pub(crate) top: *const Shape,
    /// Bytes of a value; 0 if only the value knows.
    size: u64,
    /// Values (or bytes) that were visited where nothing but sums is wanted.
    entered: u64,
}

/// Where a type's variants are.
#[derive(Clone, Copy, Debug)]
struct Type {
    ty: u32,
    first_variant: u32,
    variants: u32,
}

/// The same of the shape with this address.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct CachedType {
    key: usize,
    ty: Type,
}

/// Slots of the direct-mapped caches; a power of two.
const CACHE: usize = 512;

/// Where blocks are met: a node type, and the label of the place that holds such a node.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Site {
    pub(crate) key: SiteKey,
    pub(crate) ty: NodeType,
    pub(crate) packed: NodeSite,
}

/// A node type by what its blocks are known by: two addresses of constants.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Kind {
    key: KindKey,
    ty: NodeType,
}

/// Those of a container (odd if there are elements) and a shape; of a [`Buffer`], or of the shape
/// that the value in a `Box` has, and 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KindKey(usize, usize);

impl KindKey {
    pub(crate) fn new(container: &'static Container, elem: &'static Shape, is_slice: bool) -> KindKey {
        let container = std::ptr::from_ref(container) as usize | usize::from(is_slice);
        KindKey(std::ptr::from_ref(elem) as usize, container)
    }

    /// That of the block of a `Box`.
    #[inline(always)]
    pub(crate) fn of_value(shape: &'static Shape) -> KindKey {
        KindKey(std::ptr::from_ref(shape) as usize, 0)
    }

    #[inline(always)]
    pub(crate) fn of_buffer(buffer: &'static Buffer) -> KindKey {
        KindKey(std::ptr::from_ref(buffer) as usize, 0)
    }

    /// Where its kind stands in the cache.
    #[inline(always)]
    fn slot(self) -> usize {
        // Constants lie at multiples of 8, side by side.
        ((self.0 >> 3) ^ (self.1 >> 4)) % CACHE
    }
}

/// What stands in the caches where nothing does: no key is 0.
const NO_TYPE: Type = Type { ty: 0, first_variant: 0, variants: 0 };
pub(crate) const NO_NODE_TYPE: NodeType = NodeType(0);

#[inline]
fn slot(key: usize) -> usize {
    // Constants lie at multiples of 8 at least; the multiplier spreads neighbours.
    ((key >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - 9)) % CACHE
}

/// Addresses of a container and a shape, and whether there are `len` elements.
type NodeKey = (usize, usize, bool);

/// A node type's key, the container's address odd if there are `len` elements, and a label's address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SiteKey(usize, usize, usize);

impl SiteKey {
    #[inline(always)]
    pub(crate) fn new(
        container: &'static Container,
        elem: &'static Shape,
        is_slice: bool,
        label: &'static Label,
    ) -> SiteKey {
        let container = std::ptr::from_ref(container) as usize | usize::from(is_slice);
        SiteKey(container, std::ptr::from_ref(elem) as usize, std::ptr::from_ref(label) as usize)
    }

    /// Where its site stands in the cache.
    #[inline(always)]
    pub(crate) fn slot(&self) -> usize {
        slot(self.0.rotate_left(17) ^ self.1 ^ self.2.rotate_left(31))
    }
}

/// A cache in which nothing stands.
fn array<T: Clone>(none: T) -> Box<[T; CACHE]> {
    vec![none; CACHE].try_into().unwrap_or_else(|_| unreachable!("as many as there are"))
}

type Map<K, V> = HashMap<K, V, RandomState>;

fn map<K, V>() -> Map<K, V> {
    // Fixed seeds: no input here is an attacker's, and a snapshot should not depend on chance.
    HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4))
}

/// Type numbers by shape. New descriptions wait in `new_*` until they are written.
pub(crate) struct Types {
    cache: Box<[CachedType; CACHE]>,
    by_shape: Map<usize, u32>,
    /// One type may have several constants, and functions to describe it, in
    /// several crates: types are the same if they are described alike.
    by_desc: Map<TypeDesc, u32>,
    infos: Vec<TypeInfo>,
    variants: Vec<VariantInfo>,
    pub(crate) new_types: Vec<TypeDesc>,
    pub(crate) offsets: Vec<VariantOffsets>,

    /// Direct-mapped: where blocks are met.
    sites: Box<[Site; CACHE]>,
    /// The same where nothing but the node type is asked for.
    kinds: Box<[Kind; CACHE]>,
    by_node: Map<NodeKey, u32>,
    by_node_key: Map<(&'static str, u8, usize, u32, bool), u32>,
    node_types: Vec<NodeInfo>,
    pub(crate) new_node_types: Vec<NodeTypeDesc>,

    label_cache: Box<[(usize, u32); CACHE]>,
    by_label: Map<usize, u32>,
    by_label_key: Map<LabelDesc, u32>,
    named_fields: Map<(usize, usize), &'static Label>,
    pub(crate) new_labels: Vec<LabelDesc>,
}

impl Types {
    pub(crate) fn new() -> Types {
        Types {
            cache: array(CachedType { key: 0, ty: NO_TYPE }),
            by_shape: map(),
            by_desc: map(),
            infos: Vec::new(),
            variants: Vec::new(),
            new_types: Vec::new(),
            offsets: Vec::new(),
            sites: {
                let packed = NodeSite::new(LabelIdx(0), NodeTypeIdx(0));
                array(Site { key: SiteKey(0, 0, 0), ty: NO_NODE_TYPE, packed })
            },
            kinds: array(Kind { key: KindKey(0, 0), ty: NO_NODE_TYPE }),
            by_node: map(),
            by_node_key: map(),
            node_types: Vec::new(),
            new_node_types: Vec::new(),
            label_cache: array((0, 0)),
            by_label: map(),
            by_label_key: map(),
            named_fields: map(),
            new_labels: Vec::new(),
        }
    }

    /// Whether there is something to be written before the next record.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.new_types.len() | self.new_node_types.len() | self.new_labels.len() != 0
    }

    /// The number of a type.
    #[inline]
    pub(crate) fn ty(&mut self, shape: &'static Shape) -> u32 {
        self.find(shape).ty
    }

    #[inline(always)]
    fn find(&mut self, shape: &'static Shape) -> &Type {
        let key = std::ptr::from_ref(shape) as usize;
        if self.cache[slot(key)].key != key {
            self.find_slow(shape, key);
        }
        &self.cache[slot(key)].ty
    }

    #[cold]
    #[inline(never)]
    fn find_slow(&mut self, shape: &'static Shape, key: usize) {
        let ty = match self.by_shape.get(&key) {
            Some(ty) => *ty,
            None => {
                let ty = self.describe(shape);
                self.by_shape.insert(key, ty);
                ty
            }
        };
        let TypeInfo { first_variant, variants, .. } = self.infos[ty as usize];
        let found = Type { ty, first_variant, variants };
        self.cache[slot(key)] = CachedType { key, ty: found };
    }

    /// Describes a type, and first those of its fields. Fields are contained, so this ends.
    fn describe(&mut self, shape: &'static Shape) -> u32 {
        let desc = TypeDesc {
            name: shape.name().into(),
            size: shape.size.unwrap_or(0) as u64,
            align: shape.align as u64,
            ..TypeDesc::default()
        };
        let mut intern = |shape: &'static Shape| {
            let ty = self.ty(shape);
            let info = &self.infos[ty as usize];
            Interned { ty, size: info.size, base: info.base, fixed: info.fixed }
        };
        let mut describe = Describe { intern: &mut intern, desc };
        (shape.describe)(&mut describe);
        let desc = describe.desc;
        if let Some(ty) = self.by_desc.get(&desc) {
            return *ty;
        }
        let first_variant = self.variants.len() as u32;
        self.variants.extend(desc.variants.iter().map(|variant| VariantInfo {
            split: variant.split,
            counts: [0; PLACES],
            is_met: false,
        }));
        self.infos.push(TypeInfo {
            size: desc.size,
            base: desc.base,
            fixed: desc.fixed,
            is_leaf: (shape.is_leaf)(),
            first_variant,
            variants: desc.variants.len() as u32,
        });
        let ty = self.infos.len() as u32 - 1;
        self.by_desc.insert(desc.clone(), ty);
        self.new_types.push(desc);
        ty
    }

    /// How a value of the type divides.
    #[inline]
    pub(crate) fn base(&self, ty: u32) -> Split {
        self.infos[ty as usize].base
    }

    /// The counters of one of a type's variants; `None` where it was not described so.
    #[inline(always)]
    pub(crate) fn variant_of(&mut self, shape: &'static Shape, variant: u32) -> Option<&mut VariantInfo> {
        let Type { first_variant, variants, .. } = *self.find(shape);
        if variant >= variants {
            return None;
        }
        self.variants.get_mut((first_variant + variant) as usize)
    }

    /// Where a type's variants are, and how many.
    pub(crate) fn variants_of(&mut self, shape: &'static Shape) -> (u32, u32) {
        let Type { first_variant, variants, .. } = *self.find(shape);
        (first_variant, variants)
    }

    /// One of those.
    pub(crate) fn variant_at(&mut self, at: u32) -> &mut VariantInfo {
        &mut self.variants[at as usize]
    }

    /// The same by the type's number.
    pub(crate) fn variant(&mut self, ty: u32, variant: u32) -> Option<&mut VariantInfo> {
        let info = &self.infos[ty as usize];
        if variant >= info.variants {
            return None;
        }
        Some(&mut self.variants[(info.first_variant + variant) as usize])
    }

    /// What was counted.
    pub(crate) fn census(&self) -> Vec<Census> {
        let mut census = Vec::new();
        for (ty, info) in self.infos.iter().enumerate() {
            let variants = &self.variants[info.first_variant as usize..][..info.variants as usize];
            for (variant, counted) in variants.iter().enumerate() {
                for (place, &count) in counted.counts.iter().enumerate() {
                    if count > 0 {
                        census.push(Census {
                            ty: ty as u32,
                            variant: variant as u32,
                            place: place as u8,
                            count,
                        });
                    }
                }
            }
        }
        census
    }

    /// The site that stands at [`SiteKey::slot`]: the last one whose slot that is.
    #[inline(always)]
    pub(crate) fn site(&self, at: usize) -> &Site {
        &self.sites[at % CACHE]
    }

    /// Puts a site there.
    pub(crate) fn new_site(
        &mut self,
        (at, key): (usize, SiteKey),
        container: &'static Container,
        elem: &'static Shape,
        is_slice: bool,
        label: &'static Label,
    ) {
        let (ty, label) = (self.node_type(container, elem, is_slice), self.label(label));
        let packed = NodeSite::new(label, ty.idx());
        self.sites[at % CACHE] = Site { key, ty, packed };
    }

    /// The node type of blocks that are known by `key`, if no other was asked for since.
    #[inline(always)]
    pub(crate) fn kind(&self, key: KindKey) -> Option<NodeType> {
        let Kind { key: near, ty } = &self.kinds[key.slot()];
        (*near == key).then_some(*ty)
    }

    /// Makes it known, given container and value, or elements.
    pub(crate) fn new_kind(
        &mut self,
        key: KindKey,
        (container, elem, is_slice): (&'static Container, &'static Shape, bool),
    ) -> NodeType {
        let ty = self.node_type(container, elem, is_slice);
        self.kinds[key.slot()] = Kind { key, ty };
        ty
    }

    /// A node type.
    pub(crate) fn node_type(
        &mut self,
        container: &'static Container,
        elem: &'static Shape,
        is_slice: bool,
    ) -> NodeType {
        let key = (std::ptr::from_ref(container) as usize, std::ptr::from_ref(elem) as usize, is_slice);
        let idx = self.node_type_slow(container, elem, key);
        self.node_types[idx as usize].ty
    }

    /// What is needed of a node type when its block is entered.
    #[inline]
    pub(crate) fn node_info(&self, ty: NodeType) -> &NodeInfo {
        &self.node_types[ty.idx().0 as usize]
    }

    /// Whether only the values of the node type with this number know their size.
    pub(crate) fn is_dynamic(&self, node_type: usize) -> bool {
        self.node_types[node_type].ty.is_dynamic()
    }

    /// Counts the values of a block: `amount` as in [`Types::node_bytes`].
    #[inline(always)]
    pub(crate) fn count_entered(&mut self, ty: NodeType, amount: u64) {
        let info = &mut self.node_types[ty.idx().0 as usize];
        info.entered = info.entered.wrapping_add(amount);
    }

    /// How those divide that were counted, before the enums in them were met. Of types whose values
    /// all divide alike nothing is said: their blocks tell.
    pub(crate) fn entered(&self) -> Split {
        let mut sum = Split::default();
        for info in self.node_types.iter().filter(|info| !info.ty.is_fixed()) {
            match info.ty.is_dynamic() {
                true => sum.untyped = sum.untyped.wrapping_add(info.entered),
                false => sum.add_times(&info.base, info.entered),
            }
        }
        sum
    }

    /// Bytes of the values of a block: of `amount` values, or `amount` itself
    /// where only they know their size.
    pub(crate) fn node_bytes(&self, ty: NodeType, amount: u64) -> u64 {
        if ty.is_dynamic() {
            amount
        } else {
            self.node_types[ty.idx().0 as usize].size.wrapping_mul(amount)
        }
    }

    fn node_type_slow(&mut self, container: &'static Container, elem: &'static Shape, key: NodeKey) -> u32 {
        if let Some(idx) = self.by_node.get(&key) {
            return *idx;
        }
        let ty = self.ty(elem);
        let node_key = (container.name, container.layout.0, container.header, ty, key.2);
        let idx = match self.by_node_key.get(&node_key) {
            Some(idx) => *idx,
            None => {
                let idx = self.node_types.len() as u32;
                let info = &self.infos[ty as usize];
                let ty_info = NodeType::new(idx, info, elem.size.is_none());
                let top = if key.2 { std::ptr::null() } else { std::ptr::from_ref(elem) };
                self.node_types.push(NodeInfo {
                    ty: ty_info,
                    base: info.base,
                    top,
                    size: info.size,
                    entered: 0,
                });
                self.new_node_types.push(NodeTypeDesc {
                    container: container.name.into(),
                    layout: container.layout.0,
                    elem: ty,
                    is_slice: key.2,
                    header: container.header as u64,
                });
                self.by_node_key.insert(node_key, idx);
                idx
            }
        };
        self.by_node.insert(key, idx);
        idx
    }

    /// The number of a label.
    #[inline]
    pub(crate) fn label(&mut self, label: &'static Label) -> LabelIdx {
        let key = std::ptr::from_ref(label) as usize;
        let (cached, idx) = self.label_cache[slot(key)];
        if cached == key {
            return LabelIdx(idx);
        }
        self.label_slow(label, key)
    }

    #[cold]
    fn label_slow(&mut self, label: &'static Label, key: usize) -> LabelIdx {
        let idx = match self.by_label.get(&key) {
            Some(idx) => *idx,
            None => {
                let idx = self.named_label(label.desc());
                self.by_label.insert(key, idx);
                idx
            }
        };
        self.label_cache[slot(key)] = (key, idx);
        LabelIdx(idx)
    }

    /// The label of a field that a hand-written impl names.
    pub(crate) fn named_field(&mut self, name: &'static str) -> &'static Label {
        let key = (name.as_ptr() as usize, name.len());
        self.named_fields.entry(key).or_insert_with(|| label::named(name))
    }

    /// The number of a label by its text.
    fn named_label(&mut self, desc: LabelDesc) -> u32 {
        let next = self.by_label_key.len() as u32;
        match self.by_label_key.entry(desc) {
            std::collections::hash_map::Entry::Occupied(entry) => *entry.get(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                self.new_labels.push(entry.key().clone());
                *entry.insert(next)
            }
        }
    }
}
