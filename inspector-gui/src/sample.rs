//! The snapshot that comes with the inspector.

use std::borrow::Cow;

/// Name under which it is shown.
pub const NAME: &str = "sample";

/// The bytes of the sample's file.
pub fn bytes() -> Cow<'static, [u8]> {
    Cow::Owned(heap_analysis::demo::file(20_000))
}
