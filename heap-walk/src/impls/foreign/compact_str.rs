//! `compact_str`: text inline, static or in a buffer of its own.

use crate::impls::shape;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{EdgeKind, Layout, Split};

static COMPACT_STRING: Container = Container::new("CompactString", Layout::BUFFER);

/// Bytes of text that fit into the value; shorter text has its length in the last of them.
const INLINE: usize = size_of::<String>();

const VARIANT_INLINE: u32 = 0;
const VARIANT_STATIC: u32 = 1;
const VARIANT_HEAP: u32 = 2;

macro_rules! compact_str {
    ($krate:ident) => {
        impl Walk for $krate::CompactString {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let text: &'a str = self.as_str();
                if self.is_heap_allocated() {
                    w.variant(Shape::of::<Self>(), VARIANT_HEAP);
                    w.own(self, Block::slots(&COMPACT_STRING, text.as_ptr(), text.len(), self.capacity()));
                } else if self.as_static_str().is_some() {
                    w.variant(Shape::of::<Self>(), VARIANT_STATIC);
                    if !text.is_empty() {
                        w.refer(
                            EdgeKind::BORROW,
                            std::ptr::from_ref(self) as usize,
                            std::ptr::from_ref(text),
                        );
                    }
                } else {
                    w.variant(Shape::of::<Self>(), VARIANT_INLINE);
                    let used = (text.len() + 1).min(INLINE);
                    let (payload, spare) = (used as u64, (INLINE - used) as u64);
                    w.type_bytes(INLINE, Split { payload, spare, ..Split::default() });
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.enumeration(&[
                    Variant::new("Inline", INLINE, &[Field::unwalked::<[u8; INLINE]>("0", None, "with")]),
                    Variant::new(
                        "Static",
                        size_of::<&'static str>(),
                        &[Field::walked::<&'static str>("0", None)],
                    ),
                    Variant::new(
                        "Heap",
                        3 * size_of::<usize>(),
                        &[
                            Field::walked::<*const u8>("ptr", None),
                            Field::walked::<usize>("len", None),
                            Field::walked::<usize>("capacity", None),
                        ],
                    ),
                ]);
            }
        }

        impl Handle for $krate::CompactString {
            fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
        }
    };
}

#[cfg(feature = "compact_str")]
compact_str!(compact_str);
#[cfg(feature = "compact_str-0_9")]
compact_str!(compact_str_0_9);
#[cfg(feature = "compact_str-0_8")]
compact_str!(compact_str_0_8);
