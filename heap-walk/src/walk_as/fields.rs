//! What derived impls report beside plain fields. Hidden: hand-written impls
//! have simpler means.

use super::{As, WalkAs};
use crate::guard::Guard;
use crate::label::Label;
use crate::probe::Contents;
use crate::shape::{Describe, Field, Shape, StaticShape, Variant};
use crate::walk::{Key, Walk};
use crate::walker::Walker;
use heap_snapshot::record::Split;
use std::cell::Cell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

/// A reference as a guard that holds nothing, to visit what it leads to like
/// what a guard protects: typed by its shape.
struct Plain<'a, T: ?Sized>(&'a T);

impl<T: ?Sized> Deref for Plain<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0
    }
}

// SAFETY: it holds a reference, whose target stays where it is.
#[expect(unsafe_code, reason = "a reference in the place of a guard")]
unsafe impl<T: ?Sized> Guard for Plain<'_, T> {
    const HOLDS: bool = false;
}

#[doc(hidden)]
impl<'a> Walker<'a> {
    /// Visits a field by a function, if it can hold something to visit.
    #[inline]
    pub fn visit_by<T>(
        &mut self,
        label: &'static Label,
        value: &'a T,
        is_leaf: fn() -> bool,
        walk: impl FnOnce(&'a T, &mut Walker<'a>),
    ) {
        if !is_leaf() {
            self.set_label(label);
            walk(value, self);
        }
    }

    /// Visits a field in a way that the compiler chose.
    #[inline]
    pub fn visit_as<T, W: WalkAs<T> + 'a>(&mut self, label: &'static Label, value: &'a T, _: PhantomData<W>) {
        self.visit(label, As::<T, W>::new(value));
    }

    /// Reports that a value is a key into a table, in the place where it stands.
    pub fn key_into<T: Walk + Key>(&mut self, value: &T, table: &'static str) {
        let label = self.label();
        self.set_label(labelled(label, table));
        self.key(value, value.key());
        self.set_label(label);
    }

    /// Of a value of which the compiler knows no size: its bytes, and those of
    /// its fields. What lies between is padding.
    pub fn divide_unsized(&mut self, size: usize, fields: &[usize]) {
        let padding = size.saturating_sub(fields.iter().sum());
        self.type_bytes(padding, Split { padding: padding as u64, ..Split::default() });
    }

    /// How one of its fields divides.
    pub fn divide_part<T, W: WalkAs<T>>(&mut self, _: PhantomData<W>) {
        let split = self.base_of::<As<T, W>>();
        self.type_bytes(size_of::<T>(), split);
    }

    /// Divides and visits its last field.
    pub fn visit_tail<T: ?Sized + Walk + 'a>(&mut self, label: &'static Label, tail: &'a T) {
        self.set_label(label);
        self.behind(Plain(tail), false);
    }

    /// Leaves its last field untyped, to be scanned.
    pub fn visit_opaque_tail<T: ?Sized>(&mut self, label: &'static Label, tail: &'a T) {
        self.set_label(label);
        self.opaque_inner(As::<T, Contents>::new(tail));
    }

    /// Of a foreign enum's value: its variant isn't described.
    pub fn unknown_variant<T>(&mut self) {
        self.type_bytes(0, Split { untyped: size_of::<T>() as u64, ..Split::default() });
    }
}

/// What gives a field's shape.
type ShapeOf = fn() -> StaticShape;

// Short forms of what is generated most.
#[doc(hidden)]
impl Field {
    /// A field of this shape that is walked.
    pub fn at(name: &'static str, offset: usize, shape: &'static Shape) -> Field {
        Field::shaped(name, Some(offset), shape)
    }

    /// The same inside a variant.
    pub fn of(name: &'static str, shape: &'static Shape) -> Field {
        Field::shaped(name, None, shape)
    }

    /// A field that is walked in a way of its own.
    pub fn walked_as<T, W: WalkAs<T>>(name: &'static str, offset: Option<usize>, _: PhantomData<W>) -> Field {
        W::field_as(name, offset)
    }

    /// A field of a packed struct: of what isn't a leaf, a copy is walked.
    pub fn packed<T: Walk>(name: &'static str, offset: Option<usize>) -> Field {
        if T::is_leaf() {
            Field::walked::<T>(name, offset)
        } else {
            Field::unwalked::<T>(name, offset, "copy")
        }
    }
}

#[doc(hidden)]
impl Describe<'_> {
    /// The type is defined where this is called.
    #[track_caller]
    pub fn source_here(&mut self, package: &'static str, version: &'static str) {
        let here = std::panic::Location::caller();
        self.source(package, version, here.file(), here.line());
    }

    /// A struct whose fields are all walked: their names, with spaces between,
    /// and the offset and shape of each.
    pub fn plain_structure(&mut self, names: &'static str, fields: &[(usize, ShapeOf)]) {
        let field = |(name, (offset, shape)): (_, &(usize, ShapeOf))| Field::at(name, *offset, shape().0);
        let fields: Vec<Field> = names.split(' ').zip(fields).map(field).collect();
        self.structure(&fields);
    }

    /// An enum whose fields are all walked: names of its variants and of all
    /// their fields, the size and number of fields of each variant, and the
    /// shapes of all fields.
    pub fn plain_enumeration(
        &mut self,
        variants: &'static str,
        fields: &'static str,
        sizes: &[(usize, usize)],
        shapes: &[ShapeOf],
    ) {
        let fields: Vec<Field> =
            fields.split(' ').zip(shapes).map(|(name, shape)| Field::of(name, shape().0)).collect();
        let mut rest = fields.as_slice();
        let variants: Vec<Variant<'_>> = variants
            .split(' ')
            .zip(sizes)
            .map(|(name, (tuple_size, len))| {
                let (fields, others) = rest.split_at(*len);
                rest = others;
                Variant::new(name, *tuple_size, fields)
            })
            .collect();
        self.enumeration(&variants);
    }

    /// A struct with more fields than these, which take `size` bytes. The rest is untyped.
    pub fn partial_structure(&mut self, fields: &[Field], size: usize) {
        self.structure(fields);
        let rest = self.desc.size.saturating_sub(size as u64);
        self.desc.base.padding = self.desc.base.padding.wrapping_sub(rest);
        self.desc.base.untyped += rest;
    }

    /// An enum with more variants or fields than these. Since how large the
    /// largest variant is stays unknown, so does what is discriminant and what is dead.
    pub fn partial_enumeration(&mut self, variants: &[Variant<'_>]) {
        self.enumeration(variants);
        let (size, discriminant) = (self.desc.size, self.desc.discriminant);
        for variant in &mut self.desc.variants {
            let rest = size.saturating_sub(variant.tuple_size);
            variant.split.payload = variant.split.payload.wrapping_sub(discriminant);
            variant.split.dead = variant.split.dead.wrapping_sub(rest - discriminant);
            variant.split.untyped += rest;
        }
        self.desc.discriminant = 0;
    }
}

/// The label with the name of the table that keys in its place lead into. Made
/// once for each pair and kept for the life of the process.
fn labelled(label: &'static Label, table: &'static str) -> &'static Label {
    type Pair = (usize, usize);
    type Labels = HashMap<Pair, &'static Label>;
    static LABELS: Mutex<Option<Labels>> = Mutex::new(None);
    thread_local! {
        /// The last answer: mostly the next question is the same.
        static LAST: Cell<Option<(Pair, &'static Label)>> = const { Cell::new(None) };
    }
    if table.is_empty() {
        return label;
    }
    let pair = (std::ptr::from_ref(label) as usize, table.as_ptr() as usize);
    let last = LAST.try_with(Cell::get).ok().flatten();
    if let Some((_, found)) = last.filter(|(last, _)| *last == pair) {
        return found;
    }
    let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
    let labels = labels.get_or_insert_with(HashMap::new);
    let found = *labels.entry(pair).or_insert_with(|| Box::leak(Box::new(label.into_table(table))));
    let _ = LAST.try_with(|last| last.set(Some((pair, found))));
    found
}
