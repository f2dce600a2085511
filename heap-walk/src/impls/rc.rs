//! `Rc`, `Arc` and their `Weak`: two counts, then the value.
//!
//! A value without size lies one past its block, so the block is looked up by
//! the last byte before the value.

use super::shape;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use heap_snapshot::record::Layout;
use std::pin::Pin;
use std::rc::{self, Rc};
use std::sync::{self, Arc};

pub(crate) static RC: Container = Container::new("Rc", Layout::COUNTED);
pub(crate) static ARC: Container = Container::new("Arc", Layout::COUNTED);

macro_rules! counted {
    ($strong:ident, $module:ident, $container:ident) => {
        impl<T: ?Sized + Walk> Walk for $strong<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.share_soon(self, std::ptr::from_ref::<T>(self).cast());
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }

        impl<T: ?Sized + Walk> Handle for $strong<T> {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                (**self).walk(w);
            }
            fn report<'a>(&'a self, w: &mut Walker<'a>) {
                let value: &'a T = self;
                let before = (std::ptr::from_ref(value).cast::<u8>() as usize) - 1;
                let strong = $strong::strong_count(self);
                if !w.share_again(before, strong) {
                    let block = Block::of_val(&$container, value).at(before);
                    w.share(self, block, strong, $strong::weak_count(self));
                }
            }
        }

        // A pin shows its value and hides the handle, which knows the counts.
        impl<T: ?Sized + Walk> Walk for Pin<$strong<T>> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let value: &'a T = self;
                let before = (std::ptr::from_ref(value).cast::<u8>() as usize) - 1;
                w.share_uncounted(self, Block::of_val(&$container, value).at(before));
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }

        impl<T: ?Sized + Walk> Handle for Pin<$strong<T>> {
            fn contents<'a>(&'a self, w: &mut Walker<'a>) {
                (**self).walk(w);
            }
        }

        impl<T: ?Sized> Walk for $module::Weak<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let value = self.as_ptr().cast::<u8>() as usize;
                // `Weak::new()` has no block; its address is the largest there is.
                if value < usize::MAX - 64 {
                    let place = std::ptr::from_ref(self) as usize;
                    w.weak(place, value - 1, self.strong_count(), self.weak_count());
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }
    };
}

counted!(Rc, rc, RC);
counted!(Arc, sync, ARC);
