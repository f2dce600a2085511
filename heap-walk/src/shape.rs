//! What a type looks like: described once, referred to by address.

use crate::walk::Walk;
use heap_snapshot::record::{FieldDesc, Source, Split, TypeDesc, TypeKind, VariantDesc};
use std::any::type_name;

/// A type: its name, size and alignment, and how to describe it further.
///
/// Shapes are constants, one or more per type; the walk keys its tables by
/// their addresses and only once looks at what they hold.
#[derive(Debug)]
pub struct Shape {
    pub(crate) name: fn() -> &'static str,
    /// `None` where only a value tells its size.
    pub(crate) size: Option<usize>,
    pub(crate) align: usize,
    pub(crate) describe: fn(&mut Describe<'_>),
    pub(crate) is_leaf: fn() -> bool,
    /// Set for slices: the element.
    pub(crate) elem: Option<fn() -> &'static Shape>,
}

/// A shape, as derived code refers to it: a type without a lifetime, since each
/// mention of one is a region more for the compiler to check.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct StaticShape(pub &'static Shape);

impl Shape {
    /// The shape of a type that can be walked.
    #[inline]
    pub fn of<T: Walk>() -> &'static Shape {
        T::static_shape().0
    }

    /// The shape of a type of which nothing but its name is known: what a
    /// hand-written impl has by default. Its bytes are untyped, but for those
    /// that the walk types with [`crate::Walker::field`].
    #[inline]
    pub fn unknown<T: ?Sized>() -> &'static Shape {
        const {
            &Shape {
                name: type_name::<T>,
                size: None,
                align: 1,
                describe: |d| d.unknown(),
                is_leaf: || false,
                elem: None,
            }
        }
    }

    /// The shape of a sized type without an impl.
    #[inline]
    pub fn unwalked<T>() -> &'static Shape {
        const {
            &Shape {
                name: type_name::<T>,
                size: Some(size_of::<T>()),
                align: align_of::<T>(),
                describe: |d| d.unknown(),
                is_leaf: || true,
                elem: None,
            }
        }
    }

    /// The shape of a slice.
    #[inline]
    pub(crate) fn slice<T: Walk>() -> &'static Shape {
        const {
            &Shape {
                name: type_name::<[T]>,
                size: None,
                align: align_of::<T>(),
                describe: |d| d.unknown(),
                is_leaf: || false,
                elem: Some(Shape::of::<T>),
            }
        }
    }

    /// The shape of bytes of which nothing is known: an arena of anything.
    pub fn bytes() -> &'static Shape {
        const {
            &Shape {
                name: || "byte",
                size: Some(1),
                align: 1,
                describe: |d| d.opaque(),
                is_leaf: || true,
                elem: None,
            }
        }
    }

    /// The shape of text: a slice of bytes with a name of its own.
    pub(crate) fn text() -> &'static Shape {
        const {
            &Shape {
                name: || "str",
                size: None,
                align: 1,
                describe: |d| d.unknown(),
                is_leaf: || false,
                elem: Some(Shape::of::<u8>),
            }
        }
    }

    /// Path with generic arguments.
    pub fn name(&self) -> &'static str {
        (self.name)()
    }
}

/// A field as `describe` gives it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: &'static str,
    offset: Option<usize>,
    shape: &'static Shape,
    mode: &'static str,
}

impl Field {
    /// A field that is walked. `offset` in bytes; `None` inside a variant.
    pub fn walked<T: Walk>(name: &'static str, offset: Option<usize>) -> Field {
        Field::shaped(name, offset, Shape::of::<T>())
    }

    /// The same of a field's shape.
    pub(crate) fn shaped(name: &'static str, offset: Option<usize>, shape: &'static Shape) -> Field {
        Field { name, offset, shape, mode: "" }
    }

    /// A field without an impl, or with another way in. `mode` says why: `skip`,
    /// `opaque`, `copy` or `with`.
    pub fn unwalked<T>(name: &'static str, offset: Option<usize>, mode: &'static str) -> Field {
        Field { name, offset, shape: Shape::unwalked::<T>(), mode }
    }
}

/// A variant as `describe` gives it.
#[derive(Clone, Copy, Debug)]
pub struct Variant<'f> {
    name: &'static str,
    tuple_size: usize,
    fields: &'f [Field],
}

impl<'f> Variant<'f> {
    /// A variant. `tuple_size` is the size in bytes of the tuple of its fields
    /// (of a struct of that `repr`, where the enum has one).
    pub fn new(name: &'static str, tuple_size: usize, fields: &'f [Field]) -> Variant<'f> {
        Variant { name, tuple_size, fields }
    }
}

/// The size in bytes of a `repr(C)` struct with fields of these sizes and alignments.
pub const fn repr_c_size(fields: &[(usize, usize)]) -> usize {
    let mut size = 0usize;
    let mut max_align = 1;
    let mut at = 0;
    while at < fields.len() {
        let (field, align) = fields[at];
        size = size.next_multiple_of(align) + field;
        if align > max_align {
            max_align = align;
        }
        at += 1;
    }
    size.next_multiple_of(max_align)
}

/// Where [`Walk::describe`] puts what it knows of its type. One call of
/// `structure`, `enumeration`, `leaf`, … ; the last one counts.
pub struct Describe<'t> {
    pub(crate) intern: &'t mut dyn FnMut(&'static Shape) -> Interned,
    pub(crate) desc: TypeDesc,
}

/// What a description needs to know of a field's type.
#[derive(Clone, Copy)]
pub(crate) struct Interned {
    pub(crate) ty: u32,
    pub(crate) size: u64,
    pub(crate) base: Split,
    pub(crate) fixed: bool,
}

impl Describe<'_> {
    /// Where the type is defined.
    pub fn source(&mut self, package: &'static str, version: &'static str, file: &'static str, line: u32) {
        self.desc.source =
            Some(Source { package: package.into(), version: version.into(), file: file.into(), line });
    }

    /// The name in place of the type's path, where that is one of ours.
    pub(crate) fn named(&mut self, name: String) {
        self.desc.name = name;
    }

    /// All bytes are payload: primitives, and handles whose words say nothing more.
    pub fn leaf(&mut self) {
        self.desc.kind = TypeKind::LEAF.0;
        self.desc.base = Split { payload: self.desc.size, ..Split::default() };
        self.desc.fixed = true;
    }

    /// All bytes are untyped, but for those that the walk types.
    pub fn unknown(&mut self) {
        self.desc.kind = TypeKind::UNKNOWN.0;
        self.desc.base = Split { untyped: self.desc.size, ..Split::default() };
        self.desc.fixed = false;
    }

    /// All bytes are untyped, and no walk types them.
    pub fn opaque(&mut self) {
        self.unknown();
        self.desc.fixed = true;
    }

    /// Says that every value divides as described so far.
    pub fn is_fixed(&mut self) {
        self.desc.fixed = true;
    }

    /// Values that a container keeps in arrays of their own, so that there is
    /// no padding between them: their sizes add up. They are named as a tuple.
    pub fn apart(&mut self, fields: &[Field]) {
        let names: Vec<&str> = fields.iter().map(|field| field.shape.name()).collect();
        self.named(format!("({})", names.join(", ")));
        self.desc.kind = TypeKind::STRUCT.0;
        (self.desc.fields, self.desc.base, self.desc.size, self.desc.fixed) = self.fields(fields);
    }

    /// A container's handle or a cell: `payload` bytes of its own, and
    /// `untyped` bytes that nobody reads, or that the walk types when it could enter.
    pub fn cell(&mut self, payload: usize, untyped: usize) {
        let (payload, untyped) = (payload as u64, untyped as u64);
        self.desc.kind = TypeKind::UNKNOWN.0;
        let padding = self.desc.size.wrapping_sub(payload).wrapping_sub(untyped);
        self.desc.base = Split { payload, untyped, padding, ..Split::default() };
        self.desc.fixed = false;
    }

    /// An array of `len` elements.
    pub fn array<T: Walk>(&mut self, len: usize) {
        let elem = (self.intern)(Shape::of::<T>());
        self.desc.kind = TypeKind::STRUCT.0;
        self.desc.base = Split::default();
        self.desc.base.add_times(&elem.base, len as u64);
        self.desc.fixed = elem.fixed;
        self.desc.fields = vec![FieldDesc {
            name: "[]".into(),
            offset: Some(0),
            ty: elem.ty,
            mode: String::new(),
            times: len as u64,
        }];
    }

    /// A struct or tuple with these fields.
    pub fn structure(&mut self, fields: &[Field]) {
        self.desc.kind = TypeKind::STRUCT.0;
        let (descs, split, size, fixed) = self.fields(fields);
        self.desc.fields = descs;
        self.desc.base = split;
        self.desc.base.padding = self.desc.base.padding.wrapping_add(self.desc.size.wrapping_sub(size));
        self.desc.fixed = fixed;
    }

    /// An enum with these variants.
    pub fn enumeration(&mut self, variants: &[Variant<'_>]) {
        self.desc.kind = TypeKind::ENUM.0;
        let largest = variants.iter().map(|variant| variant.tuple_size).max().unwrap_or(0) as u64;
        // Never negative: a niche leaves no room for a discriminant of its own.
        self.desc.discriminant = self.desc.size.saturating_sub(largest);
        let mut descs = Vec::new();
        for variant in variants {
            let (fields, mut split, size, _) = self.fields(variant.fields);
            let tuple_size = variant.tuple_size as u64;
            split.payload = split.payload.wrapping_add(self.desc.discriminant);
            split.padding = split.padding.wrapping_add(tuple_size.wrapping_sub(size));
            split.dead = split.dead.wrapping_add(largest.wrapping_sub(tuple_size));
            descs.push(VariantDesc { name: variant.name.into(), tuple_size, split, fields });
        }
        self.desc.variants = descs;
        // Each value says which variant it is.
        self.desc.base = Split::default();
        self.desc.fixed = false;
    }

    /// Descriptions of fields, the sum of their splits and of their sizes, and whether all are fixed.
    fn fields(&mut self, fields: &[Field]) -> (Vec<FieldDesc>, Split, u64, bool) {
        let mut split = Split::default();
        let mut size = 0u64;
        let mut fixed = true;
        let mut descs = Vec::new();
        for field in fields {
            let ty = (self.intern)(field.shape);
            split.add_times(&ty.base, 1);
            size += ty.size;
            // Bytes of skipped and opaque fields stay untyped; `with` may type them.
            fixed &= if field.mode.is_empty() { ty.fixed } else { !["with", "copy"].contains(&field.mode) };
            descs.push(FieldDesc {
                name: field.name.into(),
                offset: field.offset.map(|offset| offset as u64),
                ty: ty.ty,
                mode: field.mode.into(),
                times: 1,
            });
        }
        (descs, split, size, fixed)
    }
}

impl std::fmt::Debug for Describe<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Describe").field("desc", &self.desc).finish_non_exhaustive()
    }
}
