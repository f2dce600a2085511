//! The snapshot that comes with the inspector: the borrow checker of
//! `tests/programs/borrowck`, after the last of thirty functions, with all its roots.
//!
//! Made anew with `HEAP_WALK=after_borrowck@30 borrowck --functions 30` of a release build that lies where
//! programs do: its path is in the file.

use std::borrow::Cow;

/// Name under which it is shown.
pub const NAME: &str = "sample";

/// The bytes of the sample's file.
pub fn bytes() -> Cow<'static, [u8]> {
    Cow::Borrowed(include_bytes!("../sample/borrowck.heapsnap"))
}
