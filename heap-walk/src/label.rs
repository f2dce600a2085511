//! Labels: which field or position an edge starts from.

use heap_snapshot::record::{LabelDesc, Place};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Which field or position an edge starts from, and what kind of place it is. A constant.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    name: &'static str,
    variant: &'static str,
    pub(crate) place: Place,
    table: &'static str,
}

impl Label {
    /// A field of a struct or tuple.
    pub const fn field(name: &'static str) -> Label {
        Label { name, variant: "", place: Place::FIELD, table: "" }
    }

    /// A field of a variant.
    pub const fn variant_field(variant: &'static str, name: &'static str) -> Label {
        Label { name, variant, place: Place::FIELD, table: "" }
    }

    const fn position(place: Place) -> Label {
        Label { name: "", variant: "", place, table: "" }
    }

    /// The same, of a field whose values are keys into `table`: its path as the
    /// program's readers know it, such as `Body::local_decls`.
    pub const fn into_table(self, table: &'static str) -> Label {
        Label { table, ..self }
    }

    /// Labels of fields of these names.
    #[doc(hidden)]
    pub const fn fields<const N: usize>(names: [&'static str; N]) -> [Label; N] {
        let mut labels = [Label::field(""); N];
        let mut at = 0;
        while at < N {
            labels[at].name = names[at];
            at += 1;
        }
        labels
    }

    /// Labels of which each is given by the names of variant, field and table.
    #[doc(hidden)]
    pub const fn table<const N: usize>(names: [[&'static str; 3]; N]) -> [Label; N] {
        let mut labels = [Label::field(""); N];
        let mut at = 0;
        while at < N {
            let [variant, name, table] = names[at];
            labels[at] = Label::variant_field(variant, name).into_table(table);
            at += 1;
        }
        labels
    }

    pub(crate) fn desc(&self) -> LabelDesc {
        LabelDesc {
            name: self.name.into(),
            variant: self.variant.into(),
            place: self.place.0,
            table: self.table.into(),
        }
    }
}

// Statics, not constants: the walk compares their addresses.
pub(crate) static NONE: Label = Label::position(Place::UNKNOWN);
pub(crate) static BLOCK: Label = Label::position(Place::BLOCK);
pub(crate) static ELEMENT: Label = Label::position(Place::ELEMENT);
pub(crate) static KEY: Label = Label::position(Place::KEY);
pub(crate) static VALUE: Label = Label::position(Place::VALUE);
pub(crate) static ROOT: Label = Label::position(Place::ROOT);

/// The label of a field that a hand-written impl names. Made once per name and
/// kept for the life of the process.
pub(crate) fn named(name: &'static str) -> &'static Label {
    static NAMED: Mutex<Option<HashMap<&'static str, &'static Label>>> = Mutex::new(None);
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let named = named.get_or_insert_with(HashMap::new);
    named.entry(name).or_insert_with(|| Box::leak(Box::new(Label::field(name))))
}
