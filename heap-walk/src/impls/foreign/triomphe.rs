//! `triomphe`: one count, then the value; handles of several kinds.

use crate::impls::shape;
use crate::label::{self, Label};
use crate::shape::{Describe, Field, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{EdgeKind, Layout, Split};
use triomphe::{
    Arc, ArcBorrow, ArcUnion, ArcUnionBorrow, HeaderSlice, HeaderSliceWithLengthProtected, HeaderWithLength,
    OffsetArc, ThinArc, UniqueArc,
};

static ARC: Container = Container::with_header("triomphe::Arc", Layout::HEADED, size_of::<usize>());

/// The block of a value that stands behind a count. A value without size lies
/// one past its block, which is why it is looked up by the byte before.
fn block<T: ?Sized + Walk>(value: &T) -> Block {
    let before = (std::ptr::from_ref(value).cast::<u8>() as usize) - 1;
    Block::of_val(&ARC, value).at(before)
}

impl<T: ?Sized + Walk> Walk for Arc<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.share(self, block::<T>(self), Arc::strong_count(self), 0);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: ?Sized + Walk> Handle for Arc<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        (**self).walk(w);
    }
}

impl<T: ?Sized + Walk> Walk for UniqueArc<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.own(self, block::<T>(self));
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: ?Sized + Walk> Handle for UniqueArc<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        (**self).walk(w);
    }
}

impl<T: Walk> Walk for OffsetArc<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.share(self, block::<T>(self), OffsetArc::strong_count(self), 0);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<T: Walk> Handle for OffsetArc<T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        (**self).walk(w);
    }
}

impl<H: Walk, T: Walk> Walk for ThinArc<H, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.share(self, block(&**self), ThinArc::strong_count(self), 0);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<H: Walk, T: Walk> Handle for ThinArc<H, T> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        (**self).walk(w);
    }
}

impl<A: Walk, B: Walk> Walk for ArcUnion<A, B> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let block = match self.borrow() {
            ArcUnionBorrow::First(first) => block::<A>(first.get()),
            ArcUnionBorrow::Second(second) => block::<B>(second.get()),
        };
        w.share(self, block, ArcUnion::strong_count(self), 0);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<A: Walk, B: Walk> Handle for ArcUnion<A, B> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        match self.borrow() {
            ArcUnionBorrow::First(first) => first.get().walk(w),
            ArcUnionBorrow::Second(second) => second.get().walk(w),
        }
    }
}

/// A reference to what an `Arc` holds.
impl<T: ?Sized> Walk for ArcBorrow<'_, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let target: &T = self;
        if size_of_val(target) > 0 {
            w.refer(EdgeKind::BORROW, std::ptr::from_ref(self) as usize, std::ptr::from_ref(target));
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl<H: Walk> Walk for HeaderWithLength<H> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("header") }, &self.header);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<H>("header", Some(core::mem::offset_of!(Self, header))),
            Field::walked::<usize>("length", Some(core::mem::offset_of!(Self, length))),
        ]);
    }
    fn is_leaf() -> bool {
        H::is_leaf()
    }
}

impl<H: Walk, T: Walk> Walk for HeaderSlice<H, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("header") }, &self.header);
        w.visit(const { &Label::field("slice") }, &self.slice);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<H>("header", Some(core::mem::offset_of!(Self, header))),
            Field::walked::<T>("slice", Some(core::mem::offset_of!(Self, slice))),
        ]);
    }
    fn is_leaf() -> bool {
        H::is_leaf() && T::is_leaf()
    }
}

/// Types a header and the elements behind it, of a value of `whole` bytes.
fn type_header_slice<H: Walk, T: Walk>(w: &mut Walker<'_>, len: usize, whole: usize) {
    let bytes = size_of::<H>() + len * size_of::<T>();
    let mut split = w.base_of::<H>();
    split.add_times(&w.base_of::<T>(), len as u64);
    split.add_times(&Split { padding: (whole - bytes) as u64, ..Split::default() }, 1);
    w.type_bytes(whole, split);
}

impl<H: Walk, T: Walk> Walk for HeaderSlice<H, [T]> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        type_header_slice::<H, T>(w, self.slice.len(), size_of_val(self));
        w.visit(const { &Label::field("header") }, &self.header);
        for element in &self.slice {
            w.visit(&label::ELEMENT, element);
        }
    }
    fn shape(&self) -> &'static Shape {
        Shape::unknown::<Self>()
    }
}

impl<H: Walk> Walk for HeaderSlice<H, str> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        type_header_slice::<H, u8>(w, self.slice.len(), size_of_val(self));
        w.visit(const { &Label::field("header") }, &self.header);
    }
    fn shape(&self) -> &'static Shape {
        Shape::unknown::<Self>()
    }
}

impl<H: Walk, T: Walk> Walk for HeaderSliceWithLengthProtected<H, T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        type_header_slice::<HeaderWithLength<H>, T>(w, self.slice().len(), size_of_val(self));
        w.visit(const { &Label::field("header") }, self.header());
        for element in self.slice() {
            w.visit(&label::ELEMENT, element);
        }
    }
    fn shape(&self) -> &'static Shape {
        Shape::unknown::<Self>()
    }
}
