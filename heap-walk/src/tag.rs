//! Tags: names on what is allocated in a scope.

use heap_snapshot::live;
use std::marker::PhantomData;

/// What the thread allocates while this lives has a tag. See [`tag`].
#[derive(Debug)]
#[must_use = "the tag is left when this is dropped: `let _tag = heap_walk::tag(…);`"]
pub struct TagScope {
    before: u32,
    // Belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

/// Puts a name on the blocks that this thread allocates until what it returns is
/// dropped, below the tags that the thread has already.
///
/// ```
/// fn parse(text: &str) -> Vec<String> {
///     let _tag = heap_walk::tag("parse");
///     text.split(' ').map(str::to_owned).collect()
/// }
/// assert_eq!(parse("a b").len(), 2);
/// ```
///
/// Some nanoseconds where the allocator keeps tags (`HEAP_TRACK=tags` or
/// `stacks`), else fewer. A block keeps its tags when it is resized, and when it
/// is given away. Not for code that awaits: a scope belongs to its thread, and a
/// future is tagged by [`TagFuture::tagged`](crate::TagFuture::tagged).
pub fn tag(name: &'static str) -> TagScope {
    TagScope { before: live::installed().map_or(0, |blocks| blocks.enter_tag(name)), _not_send: PhantomData }
}

impl Drop for TagScope {
    fn drop(&mut self) {
        if let Some(blocks) = live::installed() {
            blocks.leave_tag(self.before);
        }
    }
}
