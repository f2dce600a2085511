//! Keys: integers and newtypes that stand for an entry of a table.
//!
//! A snapshot has their values, but only who knows the table knows the entry.
//! Here they are counted; no lens follows them.

use crate::analysis::Analysis;
use crate::heap::NONE;
use crate::type_table::RowId;
use serde::Serialize;

/// The keys of one type into one table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyRow {
    /// Displayed name of the key's type.
    pub type_name: String,
    /// Its row in the type table.
    pub row: Option<RowId>,
    /// The table, where the program names it; else empty.
    pub table: String,
    /// Fields and elements that hold such a key.
    pub keys: u64,
    /// Different keys among them.
    pub distinct: u64,
}

impl Analysis {
    /// Keys by type and table, most first.
    pub fn keys(&self) -> Vec<KeyRow> {
        let row = |keys: &crate::heap::KeyCount| KeyRow {
            type_name: if keys.ty == NONE {
                "(unknown)".into()
            } else {
                self.table.type_name(keys.ty).to_owned()
            },
            row: self.table.row_of_type(keys.ty),
            table: keys.table.clone(),
            keys: keys.keys,
            distinct: keys.distinct,
        };
        self.heap.keys.iter().map(row).collect()
    }
}
