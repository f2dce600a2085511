//! What owns nothing: numbers, text positions, times, addresses of the network.

use super::shape;
use crate::shape::Describe;
use crate::walk::Walk;
use crate::walker::Walker;

/// What all of them answer.
macro_rules! leaf_methods {
    () => {
        fn walk<'a>(&'a self, _: &mut Walker<'a>) {}
        shape!();
        fn describe(d: &mut Describe<'_>) {
            d.leaf();
        }
        fn is_leaf() -> bool {
            true
        }
    };
}

macro_rules! leaf {
    ($($ty:ty),* $(,)?) => {$(
        impl Walk for $ty {
            leaf_methods!();
        }
    )*};
}

leaf! {
    (), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    std::num::NonZeroU8, std::num::NonZeroU16, std::num::NonZeroU32, std::num::NonZeroU64,
    std::num::NonZeroU128, std::num::NonZeroUsize, std::num::NonZeroI8, std::num::NonZeroI16,
    std::num::NonZeroI32, std::num::NonZeroI64, std::num::NonZeroI128, std::num::NonZeroIsize,
    std::sync::atomic::AtomicBool, std::sync::atomic::AtomicU8, std::sync::atomic::AtomicU16,
    std::sync::atomic::AtomicU32, std::sync::atomic::AtomicU64, std::sync::atomic::AtomicUsize,
    std::sync::atomic::AtomicI8, std::sync::atomic::AtomicI16, std::sync::atomic::AtomicI32,
    std::sync::atomic::AtomicI64, std::sync::atomic::AtomicIsize,
    std::time::Duration, std::time::Instant, std::time::SystemTime, std::ops::RangeFull,
    std::net::Ipv4Addr, std::net::Ipv6Addr, std::cmp::Ordering, std::marker::PhantomPinned,
    std::thread::ThreadId, std::any::TypeId, std::alloc::Layout,
    std::hash::RandomState,
}

impl<T: ?Sized> Walk for std::marker::PhantomData<T> {
    leaf_methods!();
}

impl<H> Walk for std::hash::BuildHasherDefault<H> {
    leaf_methods!();
}

macro_rules! functions {
    ($($arg:ident)*) => {
        impl<R, $($arg),*> Walk for fn($($arg),*) -> R {
            leaf_methods!();
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);

macro_rules! ranges {
    ($($ty:ident { $($field:ident),* })*) => {$(
        impl<T: Walk> Walk for std::ops::$ty<T> {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                $(w.visit(const { &crate::label::Label::field(stringify!($field)) }, &self.$field);)*
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.structure(&[$(crate::shape::Field::walked::<T>(
                    stringify!($field),
                    Some(core::mem::offset_of!(Self, $field)),
                )),*]);
            }
            fn is_leaf() -> bool {
                T::is_leaf()
            }
        }
    )*};
}

ranges! {
    Range { start, end }
    RangeFrom { start }
    RangeTo { end }
}
