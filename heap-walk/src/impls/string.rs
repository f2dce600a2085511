//! Text.

use super::shape;
use crate::shape::{Describe, Shape};
use crate::types::{Buffer, Container};
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{Layout, Split};
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::path::{Path, PathBuf};

static STRING: Container = Container::new("String", Layout::BUFFER);
static OS_STRING: Container = Container::new("OsString", Layout::BUFFER);
static C_STRING: Container = Container::new("CString", Layout::BUFFER);

impl Walk for str {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn shape(&self) -> &'static Shape {
        Shape::text()
    }
}

/// Text of other kinds: a slice of bytes with a name of its own.
macro_rules! bytes {
    ($($ty:ty, $name:literal;)*) => {$(
        impl Walk for $ty {
            fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
            fn shape(&self) -> &'static Shape {
                const {
                    &Shape {
                        name: || $name,
                        size: None,
                        align: 1,
                        describe: |d| d.unknown(),
                        is_leaf: || false,
                        elem: Some(Shape::of::<u8>),
                    }
                }
            }
        }
    )*};
}

bytes! {
    OsStr, "OsStr";
    Path, "Path";
    CStr, "CStr";
}

macro_rules! text {
    ($ty:ty, $container:ident, $bytes:expr) => {
        impl Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                if self.capacity() > 0 {
                    let bytes: fn(&$ty) -> &[u8] = $bytes;
                    let bytes = bytes(self);
                    let buffer = const { &Buffer::of::<u8>(&$container) };
                    let place = std::ptr::from_ref(self).cast();
                    w.own_leaves(place, buffer, bytes.as_ptr(), bytes.len(), self.capacity());
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }

        impl Handle for $ty {
            fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
        }
    };
}

text!(String, STRING, |text| text.as_bytes());
text!(OsString, OS_STRING, |text| text.as_encoded_bytes());
text!(PathBuf, OS_STRING, |path| path.as_os_str().as_encoded_bytes());

impl Walk for CString {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        // Boxed, and never empty: a zero ends it.
        let bytes = self.as_bytes_with_nul();
        w.own(self, Block::slots(&C_STRING, bytes.as_ptr(), bytes.len(), bytes.len()));
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

impl Handle for CString {
    fn contents<'a>(&'a self, _: &mut Walker<'a>) {}
}

impl<T> Walk for Cow<'_, T>
where
    T: ?Sized + ToOwned,
    T::Owned: Walk,
{
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        // As for any enum: what the larger variant leaves is the discriminant,
        // what the active one leaves of the larger is dead.
        let larger = size_of::<&T>().max(size_of::<T::Owned>());
        let around = |mut split: Split, active: usize| {
            split.payload += (size_of::<Self>() - larger) as u64;
            split.dead += (larger - active) as u64;
            split
        };
        match self {
            Cow::Borrowed(value) => {
                let split = Split { payload: size_of::<&T>() as u64, ..Split::default() };
                w.type_bytes(size_of::<Self>(), around(split, size_of::<&T>()));
                w.visit_inner(value);
            }
            Cow::Owned(value) => {
                let split = w.base_of::<T::Owned>();
                w.type_bytes(size_of::<Self>(), around(split, size_of::<T::Owned>()));
                w.visit_inner(value);
            }
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(0, size_of::<Self>());
    }
}
