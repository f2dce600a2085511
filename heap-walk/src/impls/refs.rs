//! References and pointers: arcs, never owners. What they point to need not be `Walk`.

use super::shape;
use crate::shape::Describe;
use crate::walk::Walk;
use crate::walker::Walker;
use heap_snapshot::record::EdgeKind;

macro_rules! reference {
    ($ty:ty, $kind:ident) => {
        impl<T: ?Sized> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                // A target without size is nobody's place.
                let target: &T = self;
                if size_of_val(target) > 0 {
                    w.refer(EdgeKind::$kind, std::ptr::from_ref(self) as usize, std::ptr::from_ref(target));
                }
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.leaf();
            }
        }
    };
}

reference!(&T, BORROW);
reference!(&mut T, BORROW_MUT);

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
