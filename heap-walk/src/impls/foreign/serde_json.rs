//! `serde_json`. A map is a B-tree, or an index map where some crate of the
//! program turns on `preserve_order`: its size tells which.

use super::super::{btree, shape};
use super::hidden::{own_index_map, Entries, IndexMapParts};
use crate::label::{self, Label};
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use ::serde_json::{Error, Map, Number, Value};
use heap_snapshot::record::Layout;
use std::collections::BTreeMap;
use std::mem::needs_drop;

static ENTRIES: Container = Container::new("Map", Layout::BUFFER);
static INDICES: Container = Container::new("Map indices", Layout::HASH_TABLE);

type JsonMap = Map<String, Value>;

const IS_BTREE: bool = size_of::<JsonMap>() == size_of::<BTreeMap<String, Value>>();

/// Three words of a vector, four of a table.
const INDEX_MAP: usize = 7 * size_of::<usize>();

impl Walk for JsonMap {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        match self.keys().next() {
            Some(_) if IS_BTREE => w.own_parts(self),
            None if IS_BTREE => {
                let block = Block::slots::<btree::Entry<String, Value>>(&btree::MAP, std::ptr::null(), 0, 0);
                w.own_by_handle(self, block, btree::fits_leaf::<String, Value>);
            }
            first => {
                let parts = IndexMapParts {
                    entries: &ENTRIES,
                    indices: &INDICES,
                    place: first.map_or(Entries::Hidden, |key| Entries::At(std::ptr::from_ref(key) as usize)),
                    len: self.len(),
                    capacity: self.len(),
                };
                own_index_map::<String, Value, Self>(w, self, &parts);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        if IS_BTREE {
            d.leaf();
        } else {
            d.cell(INDEX_MAP, size_of::<Self>().saturating_sub(INDEX_MAP));
            d.is_fixed();
        }
    }
}

impl Handle for JsonMap {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        if IS_BTREE {
            btree::walk_nodes::<btree::Entry<String, Value>, _, _>(self, &btree::MAP, self.iter(), w);
        } else {
            for (key, value) in self {
                w.visit(&label::KEY, key);
                w.visit(&label::VALUE, value);
            }
        }
    }
}

impl Walk for Value {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let shape = Shape::of::<Self>();
        macro_rules! variant {
            ($idx:literal $name:literal $value:ident) => {{
                if w.variant(shape, $idx) {
                    let addr = std::ptr::from_ref(self) as usize;
                    w.variant_offsets(shape, $idx, addr, &[std::ptr::from_ref($value) as usize]);
                }
                w.visit(const { &Label::variant_field($name, "0") }, $value);
            }};
        }
        match self {
            Value::Null => {
                w.variant(shape, 0);
            }
            Value::Bool(value) => variant!(1 "Bool" value),
            Value::Number(value) => variant!(2 "Number" value),
            Value::String(value) => variant!(3 "String" value),
            Value::Array(value) => variant!(4 "Array" value),
            Value::Object(value) => variant!(5 "Object" value),
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        fn variant<T: Walk>() -> (usize, [Field; 1]) {
            (size_of::<T>(), [Field::walked::<T>("0", None)])
        }
        let (bool_size, bool_field) = variant::<bool>();
        let (number_size, number_field) = variant::<Number>();
        let (string_size, string_field) = variant::<String>();
        let (array_size, array_field) = variant::<Vec<Value>>();
        let (object_size, object_field) = variant::<JsonMap>();
        d.enumeration(&[
            Variant::new("Null", 0, &[]),
            Variant::new("Bool", bool_size, &bool_field),
            Variant::new("Number", number_size, &number_field),
            Variant::new("String", string_size, &string_field),
            Variant::new("Array", array_size, &array_field),
            Variant::new("Object", object_size, &object_field),
        ]);
    }
}

impl Walk for Number {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        // With `arbitrary_precision` it holds its text.
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        if Self::is_leaf() {
            d.leaf();
        } else {
            d.opaque();
        }
    }
    fn is_leaf() -> bool {
        !needs_drop::<Self>()
    }
}

impl Walk for Error {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.opaque();
    }
}
