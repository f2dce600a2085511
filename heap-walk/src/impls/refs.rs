//! References and pointers: arcs, never owners. What they point to need not be `Walk`.

use super::shape;
use crate::shape::Describe;
use crate::walk::Walk;
use crate::walker::Walker;
use heap_snapshot::record::EdgeKind;
use std::cell::{Ref, RefMut};
use std::pin::Pin;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// `Walk` for what derefs to a value that somebody else owns.
macro_rules! reference {
    ($ty:ty, $kind:ident) => {
        impl<T: ?Sized> $crate::walk::Walk for $ty {
            fn walk<'a>(&'a self, w: &mut $crate::walker::Walker<'a>) {
                // A target without size is nobody's place.
                let target: &T = self;
                if size_of_val(target) > 0 {
                    let kind = heap_snapshot::record::EdgeKind::$kind;
                    w.refer(kind, std::ptr::from_ref(self) as usize, std::ptr::from_ref(target));
                }
            }
            fn shape(&self) -> &'static $crate::shape::Shape {
                $crate::shape::Shape::of::<Self>()
            }
            fn describe(d: &mut $crate::shape::Describe<'_>) {
                d.leaf();
            }
        }
    };
}
#[allow(unused_imports, reason = "impls for other crates use it")]
pub(crate) use reference;

reference!(&T, BORROW);
reference!(&mut T, BORROW_MUT);
// A pinned reference is one, and guards borrow what they let through.
reference!(Pin<&T>, BORROW);
reference!(Pin<&mut T>, BORROW_MUT);
reference!(Ref<'_, T>, BORROW);
reference!(RefMut<'_, T>, BORROW_MUT);
reference!(MutexGuard<'_, T>, BORROW_MUT);
reference!(RwLockReadGuard<'_, T>, BORROW);
reference!(RwLockWriteGuard<'_, T>, BORROW_MUT);

macro_rules! pointer {
    ($ty:ty, $to_const:expr) => {
        impl<T: ?Sized> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let to_const: fn($ty) -> *const T = $to_const;
                w.refer(EdgeKind::RAW, std::ptr::from_ref(self) as usize, to_const(*self));
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }
    };
}

pointer!(*const T, |pointer| pointer);
pointer!(*mut T, |pointer| pointer.cast_const());
pointer!(std::ptr::NonNull<T>, |pointer| pointer.as_ptr().cast_const());

impl<T> Walk for AtomicPtr<T> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.refer(EdgeKind::RAW, std::ptr::from_ref(self) as usize, self.load(Ordering::Relaxed).cast_const());
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}

/// What steps through somebody else's text or elements: an arc to what is left.
macro_rules! steps {
    ([$($param:tt)*] $ty:ty, $left:ident) => {
        impl<$($param)*> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                let left = self.$left();
                if size_of_val(left) > 0 {
                    w.refer(EdgeKind::BORROW, std::ptr::from_ref(self) as usize, std::ptr::from_ref(left));
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }
    };
}

steps!([T] std::slice::Iter<'_, T>, as_slice);
steps!([] std::str::Chars<'_>, as_str);
steps!([] std::str::CharIndices<'_>, as_str);
