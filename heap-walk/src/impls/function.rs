//! Functions: pointers own nothing; behind `dyn` a closure is opaque, and has
//! the size of what it caught.
//!
//! A function that takes a reference of any lifetime is a type of its own, which
//! `fn(A)` does not cover, so up to two arguments each may be one.

// `fn(&A)` for every lifetime and `fn(&'a A)` for one are different types.
#![allow(coherence_leak_check)]

use super::leaf::leaf_methods;
use crate::walk::Walk;
use crate::walker::Walker;

/// `dyn` traits whose values cannot be asked what they hold.
macro_rules! opaque_dyn {
    ([$($param:tt)*] $($dyn:tt)+) => {
        opaque_dyn!(@ [$($param)*] dyn $($dyn)+ + 'dynamic);
        opaque_dyn!(@ [$($param)*] dyn $($dyn)+ + Send + 'dynamic);
        opaque_dyn!(@ [$($param)*] dyn $($dyn)+ + Sync + 'dynamic);
        opaque_dyn!(@ [$($param)*] dyn $($dyn)+ + Send + Sync + 'dynamic);
    };
    (@ [$($param:tt)*] $ty:ty) => {
        impl<'dynamic, $($param)*> Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.opaque_dyn(self);
            }
        }
    };
}
pub(super) use opaque_dyn;

macro_rules! functions {
    ($([$($param:tt)*] ($($arg:ty),*);)*) => {$(
        impl<R, $($param)*> Walk for fn($($arg),*) -> R {
            leaf_methods!();
        }
        impl<R, $($param)*> Walk for unsafe fn($($arg),*) -> R {
            leaf_methods!();
        }
        impl<R, $($param)*> Walk for extern "C" fn($($arg),*) -> R {
            leaf_methods!();
        }
        impl<R, $($param)*> Walk for unsafe extern "C" fn($($arg),*) -> R {
            leaf_methods!();
        }
        opaque_dyn!([R, $($param)*] Fn($($arg),*) -> R);
        opaque_dyn!([R, $($param)*] FnMut($($arg),*) -> R);
        opaque_dyn!([R, $($param)*] FnOnce($($arg),*) -> R);
    )*};
}

functions! {
    [] ();
    [A] (A);
    [A, B] (A, B);
    [A, B, C] (A, B, C);
    [A, B, C, D] (A, B, C, D);
    [A, B, C, D, E] (A, B, C, D, E);
    [A, B, C, D, E, F] (A, B, C, D, E, F);
    [A, B, C, D, E, F, G] (A, B, C, D, E, F, G);
    [A, B, C, D, E, F, G, H] (A, B, C, D, E, F, G, H);
    [A, B, C, D, E, F, G, H, I] (A, B, C, D, E, F, G, H, I);
    [A, B, C, D, E, F, G, H, I, J] (A, B, C, D, E, F, G, H, I, J);
    [A, B, C, D, E, F, G, H, I, J, K] (A, B, C, D, E, F, G, H, I, J, K);
    [A, B, C, D, E, F, G, H, I, J, K, L] (A, B, C, D, E, F, G, H, I, J, K, L);
    [A: ?Sized] (&A);
    [A: ?Sized] (&mut A);
    [A: ?Sized, B] (&A, B);
    [A: ?Sized, B] (&mut A, B);
    [A, B: ?Sized] (A, &B);
    [A, B: ?Sized] (A, &mut B);
    [A: ?Sized, B: ?Sized] (&A, &B);
    [A: ?Sized, B: ?Sized] (&A, &mut B);
    [A: ?Sized, B: ?Sized] (&mut A, &B);
    [A: ?Sized, B: ?Sized] (&mut A, &mut B);
}

macro_rules! projections {
    ($([$($param:tt)*] ($arg:ty) -> $result:ty;)*) => {$(
        impl<$($param)*> Walk for fn($arg) -> $result {
            leaf_methods!();
        }
        opaque_dyn!([$($param)*] Fn($arg) -> $result);
        opaque_dyn!([$($param)*] FnMut($arg) -> $result);
    )*};
}

projections! {
    [A: ?Sized, R: ?Sized] (&A) -> &R;
    [A: ?Sized, R: ?Sized] (&mut A) -> &mut R;
    [A: ?Sized, R: ?Sized] (&A) -> Option<&R>;
}
