//! salsa: the database shows nothing of what it stores, so its storage is
//! opaque; ids are numbers.

use crate::impls::leaf::leaf;
use crate::impls::opaque::opaque;
use crate::walk::Key;
use salsa::{
    Backtrace, CancellationToken, Cancelled, DatabaseImpl, DatabaseKeyIndex, Durability, Event, EventKind,
    Id, IngredientIndex, Revision, Runtime, Storage, StorageHandle,
};

leaf! { Id, DatabaseKeyIndex, IngredientIndex, Revision, Durability, Cancelled }

/// Where it is stored, whichever of those that were stored there.
impl Key for Id {
    fn key(&self) -> u64 {
        u64::from(self.index())
    }
}

opaque! {
    [Db] Storage<Db>;
    [Db] StorageHandle<Db>;
    [] DatabaseImpl;
    [] Runtime;
    [] CancellationToken;
    [] Backtrace;
    [] Event;
    [] EventKind;
}
