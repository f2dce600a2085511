//! Tags: names that the program puts on what it allocates in a scope.
//!
//! A tag is a node of the calling-context tree, as a stack is, with a name in the
//! place of a return address; nested ones stand below each other. So where a
//! block has the number of a stack, its tags take no room of their own: they
//! are the outermost nodes of that stack.

#![expect(unsafe_code, reason = "makes a name of the words that it was split into")]

use crate::contexts::Contexts;
use heap_snapshot::record::StackFrame;
use std::cell::Cell;

thread_local! {
    /// The tags of this thread: a node. Const-initialised and without a
    /// destructor, so that it is there before main and while a thread ends.
    static HERE: Cell<u32> = const { Cell::new(0) };
}

const LEN_SHIFT: u32 = 48;
const ADDR: u64 = (1 << LEN_SHIFT) - 1;
/// Longest name.
const MOST: usize = 1 << (63 - LEN_SHIFT);

/// The tags of the calling thread, as a node.
#[inline(always)]
pub(crate) fn here() -> u32 {
    HERE.get()
}

/// Adds a tag to those of the calling thread, which are returned. A name that is too
/// long, or for which there is no memory, is left out.
pub(crate) fn enter(contexts: &Contexts, name: &'static str) -> u32 {
    let before = HERE.get();
    let addr = name.as_ptr().expose_provenance() as u64;
    if name.len() < MOST && addr <= ADDR {
        let tag = StackFrame::TAG | (name.len() as u64) << LEN_SHIFT | addr;
        HERE.set(contexts.child(before, tag).unwrap_or(before));
    }
    before
}

/// Gives the calling thread the tags that it had.
pub(crate) fn leave(before: u32) {
    HERE.set(before);
}

/// The name of a tag of the tree; `None` for a frame.
pub(crate) fn name(frame: StackFrame) -> Option<&'static str> {
    frame.tag()?;
    let len = (frame.address & !StackFrame::TAG) >> LEN_SHIFT;
    let addr = std::ptr::with_exposed_provenance::<u8>((frame.address & ADDR) as usize);
    // SAFETY: return addresses have 48 bits, so only `enter` makes nodes with this
    // bit. It put together there the address, which it exposed, and the length of
    // a `&'static str`, which is there for ever and is never written.
    Some(unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(addr, len as usize)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nest_and_come_back() {
        static TREE: Contexts = Contexts::new();
        let names = |mut node: u32| {
            let mut names = Vec::new();
            while let Some((parent, address)) = TREE.frame(node) {
                names.push(name(StackFrame { parent, address }).expect("a tag"));
                node = parent;
            }
            names
        };
        let outer = enter(&TREE, "outer");
        assert_eq!((outer, names(here())), (0, vec!["outer"]));
        let (at_outer, inner) = (here(), enter(&TREE, ""));
        assert_eq!((inner, names(here())), (at_outer, vec!["", "outer"]));
        leave(inner);
        enter(&TREE, "größer");
        assert_eq!(names(here()), ["größer", "outer"]);
        leave(outer);
        assert_eq!(here(), 0);
        enter(&TREE, "outer");
        assert_eq!(here(), at_outer, "the same node again");
        leave(0);
        static LONG: [u8; MOST] = [b'x'; MOST];
        enter(&TREE, std::str::from_utf8(&LONG).expect("a text"));
        assert_eq!(here(), 0, "left out");
        assert_eq!(name(StackFrame { parent: 0, address: 0x7fff_1234_5678 }), None);
    }
}
