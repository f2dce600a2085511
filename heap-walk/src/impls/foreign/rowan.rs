//! `rowan`: green trees typed, as far as they are immutable; red trees raw.
//!
//! The block of a green node or token is a count, a head, a length, then the
//! children or the text. What lies before those is private; a block is claimed
//! as this if its size fits, else raw. How many handles there are is private,
//! so any green node may have an owner outside.

use crate::impls::leaf::leaf;
use crate::impls::opaque::opaque;
use crate::impls::shape;
use crate::label::{self, Label};
use crate::shape::{Describe, Field, Shape, Variant};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{Layout, Split};
use std::borrow::Cow;

/// A count before the value, and a length in it.
const HEADER: usize = 2 * size_of::<usize>();

static NODE: Container = Container::with_header("GreenNode", Layout::HEADED, HEADER);
static TOKEN: Container = Container::with_header("GreenToken", Layout::HEADED, HEADER);

/// Between count and length: kind and length of the text of a node, kind of a token.
const HEAD: usize = size_of::<usize>();
const NODE_HEAD: usize = size_of::<u16>() + size_of::<u32>();
const TOKEN_HEAD: usize = size_of::<u16>();

/// A child in its parent: where its text begins, and the handle. The bit that
/// tells nodes from tokens lies in the padding.
struct GreenChild {
    _rel_offset: u32,
    _handle: usize,
}

impl Walk for GreenChild {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn name() -> &'static str {
        "rowan::GreenChild"
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(size_of::<u32>() + size_of::<usize>(), 0);
    }
}

/// A byte of a token's text. No leaf, so that blocks of it are entered, and say what their head is.
struct TokenByte(#[expect(dead_code, reason = "stands for a layout")] u8);

impl Walk for TokenByte {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn name() -> &'static str {
        "u8"
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
        d.desc.fixed = false;
    }
}

/// Types the head of a block.
fn type_head(w: &mut Walker<'_>, payload: usize) {
    w.type_bytes(0, Split { payload: payload as u64, padding: (HEAD - payload) as u64, ..Split::default() });
}

/// The block of a value at `value` with `len` elements `E`; `None` where its size is another.
fn block<E: Walk>(w: &Walker<'_>, container: &'static Container, value: usize, len: usize) -> Option<Block> {
    let base = value - size_of::<usize>();
    let size = (HEADER + HEAD + len * size_of::<E>()).next_multiple_of(size_of::<usize>());
    let fits = match w.lookup(base) {
        Some(block) => (block.addr, block.requested) == (base as u64, size as u64),
        None => heap_snapshot::live::installed().is_none(),
    };
    fits.then(|| Block::slots::<E>(container, std::ptr::null(), len, len).at(base))
}

fn addr<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>() as usize
}

macro_rules! rowan {
    ($module:ident, $krate:ident) => {
        mod $module {
            use super::*;
            use $krate::ast::{AstNode, AstPtr, SyntaxNodePtr};
            use $krate::{
                Checkpoint, Direction, GreenNode, GreenNodeBuilder, GreenNodeData, GreenToken,
                GreenTokenData, Language, NodeCache, NodeOrToken, SyntaxKind, SyntaxNode, SyntaxText,
                SyntaxToken,
            };

            leaf! {
                [] SyntaxKind;
                [] Checkpoint;
                [] Direction;
                [L: Language] SyntaxNodePtr<L>;
                [N: AstNode] AstPtr<N>;
            }

            opaque! {
                [] NodeCache;
                [] GreenNodeBuilder<'_>;
                [] SyntaxText;
                [] $krate::cursor::SyntaxNode;
                [] $krate::cursor::SyntaxToken;
            }

            fn node_block(w: &Walker<'_>, node: &GreenNodeData) -> Option<Block> {
                block::<GreenChild>(w, &NODE, addr(node), node.children().len())
            }

            fn token_block(w: &Walker<'_>, token: &GreenTokenData) -> Option<Block> {
                let text = token.text();
                let fits = addr(text) == addr(token) + HEAD + size_of::<usize>();
                block::<TokenByte>(w, &TOKEN, addr(token), text.len()).filter(|_| fits)
            }

            impl Walk for GreenNode {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    match node_block(w, self) {
                        Some(block) => w.share_uncounted(self, block),
                        None => w.opaque_inner(self),
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl Handle for GreenNode {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    (**self).contents(w);
                }
            }

            impl Handle for GreenNodeData {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    type_head(w, NODE_HEAD);
                    for child in self.children() {
                        // Its handle is private. It lies behind what is visible of the parent.
                        w.visit_via(&label::ELEMENT, self, |_| Child(child));
                    }
                }
            }

            /// A child, as its parent holds it.
            #[derive(Clone, Copy)]
            struct Child<'t>(NodeOrToken<&'t GreenNodeData, &'t GreenTokenData>);

            impl Walk for Child<'_> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let block = match self.0 {
                        NodeOrToken::Node(node) => node_block(w, node),
                        NodeOrToken::Token(token) => token_block(w, token),
                    };
                    if let Some(block) = block {
                        w.share_uncounted(self, block);
                    }
                }
                shape!();
                fn name() -> &'static str {
                    "rowan::NodeOrToken<&GreenNodeData, &GreenTokenData>"
                }
                fn describe(d: &mut Describe<'_>) {
                    // It stands for bytes that are typed as a `GreenChild`: visiting it types none.
                    d.unknown();
                }
            }

            impl Handle for Child<'_> {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    match self.0 {
                        NodeOrToken::Node(node) => node.contents(w),
                        NodeOrToken::Token(token) => token.contents(w),
                    }
                }
            }

            impl Walk for GreenToken {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    match token_block(w, self) {
                        Some(block) => w.share_uncounted(self, block),
                        None => w.opaque_inner(self),
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl Handle for GreenToken {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    (**self).contents(w);
                }
            }

            impl Handle for GreenTokenData {
                fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                    type_head(w, TOKEN_HEAD);
                }
            }

            /// A red node is raw. The green one that it stands for is typed, unless
            /// the tree is mutable: then it may be replaced under our feet.
            impl<L: Language> Walk for SyntaxNode<L> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    if let Cow::Borrowed(green) = self.green() {
                        if let Some(block) = node_block(w, green) {
                            w.share_uncounted(green, block);
                        }
                    }
                    w.opaque_inner(self);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl<L: Language> Walk for SyntaxToken<L> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    w.opaque_inner(self);
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.leaf();
                }
            }

            impl<N: Walk, T: Walk> Walk for NodeOrToken<N, T> {
                fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                    let shape = Shape::of::<Self>();
                    match self {
                        NodeOrToken::Node(node) => {
                            if w.variant(shape, 0) {
                                w.variant_offsets(shape, 0, addr(self), &[addr(node)]);
                            }
                            w.visit(const { &Label::variant_field("Node", "0") }, node);
                        }
                        NodeOrToken::Token(token) => {
                            if w.variant(shape, 1) {
                                w.variant_offsets(shape, 1, addr(self), &[addr(token)]);
                            }
                            w.visit(const { &Label::variant_field("Token", "0") }, token);
                        }
                    }
                }
                shape!();
                fn describe(d: &mut Describe<'_>) {
                    d.enumeration(&[
                        Variant::new("Node", size_of::<N>(), &[Field::walked::<N>("0", None)]),
                        Variant::new("Token", size_of::<T>(), &[Field::walked::<T>("0", None)]),
                    ]);
                }
            }
        }
    };
}

#[cfg(feature = "rowan")]
rowan!(v0_16, rowan);
#[cfg(feature = "rowan-0_15")]
rowan!(v0_15, rowan_0_15);

// Of a crate of their own, which both versions share.
#[cfg(feature = "rowan")]
leaf! {
    [] rowan::TextSize;
    [] rowan::TextRange;
}
#[cfg(not(feature = "rowan"))]
leaf! {
    [] rowan_0_15::TextSize;
    [] rowan_0_15::TextRange;
}
