//! `regex`: compiled programs and their caches, which nobody can look into.

use crate::impls::shape;
use crate::shape::Describe;
use crate::walk::Walk;
use crate::walker::Walker;

macro_rules! opaque {
    ($($ty:ty)*) => {$(
        impl Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                w.opaque_inner(self);
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.opaque();
            }
        }
    )*};
}

opaque! {
    regex::Regex regex::RegexSet regex::RegexBuilder regex::RegexSetBuilder
    regex::CaptureLocations regex::SetMatches regex::Error
    regex::bytes::Regex regex::bytes::RegexSet regex::bytes::RegexBuilder regex::bytes::RegexSetBuilder
    regex::bytes::CaptureLocations regex::bytes::SetMatches
}
