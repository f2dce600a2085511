//! Text.

use super::shape;
use crate::shape::{Describe, Shape};
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::{Layout, Split};
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;

static STRING: Container = Container::new("String", Layout::BUFFER);
static OS_STRING: Container = Container::new("OsString", Layout::BUFFER);

impl Walk for str {
    fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
    fn shape(&self) -> &'static Shape {
        Shape::text()
    }
}

macro_rules! text {
    ($ty:ty, $container:ident, $bytes:expr) => {
        impl Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                if self.capacity() > 0 {
                    let bytes: fn(&$ty) -> &[u8] = $bytes;
                    let bytes = bytes(self);
                    w.own(self, Block::slots(&$container, bytes.as_ptr(), bytes.len(), self.capacity()));
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
