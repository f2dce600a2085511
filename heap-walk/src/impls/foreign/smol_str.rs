//! `smol_str`: text inline, static or in an `Arc<str>`, told apart by where it
//! lies. The counts of the `Arc` are private.

use crate::impls::shape;
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{EdgeKind, Layout, Split};

/// The name of the std type: it is an `Arc` like any other.
static ARC: Container = Container::new("Arc", Layout::COUNTED);

/// Bytes of text that fit into the value.
const INLINE: usize = 23;

const VARIANT_INLINE: u32 = 0;
const VARIANT_STATIC: u32 = 1;
const VARIANT_HEAP: u32 = 2;

macro_rules! smol_str {
    ($krate:ident) => {
        impl Walk for $krate::SmolStr {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let text: &'a str = self.as_str();
                let inside = (text.as_ptr() as usize).wrapping_sub(std::ptr::from_ref(self) as usize);
                if self.is_heap_allocated() {
                    w.variant(Shape::of::<Self>(), VARIANT_HEAP);
                    // As for any `Arc`: the counts stand before the value.
                    let before = text.as_ptr() as usize - 1;
                    w.share_uncounted(self, Block::of_val(&ARC, text).at(before));
                } else if inside < size_of::<Self>() {
                    w.variant(Shape::of::<Self>(), VARIANT_INLINE);
                    let (used, free) = (text.len() as u64, INLINE.saturating_sub(text.len()) as u64);
                    w.type_bytes(INLINE, Split { payload: used, spare: free, ..Split::default() });
                } else {
                    w.variant(Shape::of::<Self>(), VARIANT_STATIC);
                    if !text.is_empty() {
                        w.refer(
                            EdgeKind::BORROW,
                            std::ptr::from_ref(self) as usize,
                            std::ptr::from_ref(text),
                        );
                    }
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.enumeration(&[
                    Variant::new(
                        "Inline",
                        1 + INLINE,
                        &[
                            Field::walked::<u8>("len", None),
                            Field::unwalked::<[u8; INLINE]>("buf", None, "with"),
                        ],
                    ),
                    Variant::new(
                        "Static",
                        size_of::<&'static str>(),
                        &[Field::walked::<&'static str>("0", None)],
                    ),
                    Variant::new(
                        "Heap",
                        size_of::<std::sync::Arc<str>>(),
                        &[Field::walked::<std::sync::Arc<str>>("0", None)],
                    ),
                ]);
            }
        }

        impl Handle for $krate::SmolStr {
            fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
        }
    };
}

#[cfg(feature = "smol_str")]
smol_str!(smol_str);
#[cfg(feature = "smol_str-0_2")]
smol_str!(smol_str_0_2);

/// Text that is being put together: inline or a `String`, and nobody shows which.
#[cfg(feature = "smol_str")]
impl Walk for smol_str::SmolStrBuilder {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.opaque();
    }
}
