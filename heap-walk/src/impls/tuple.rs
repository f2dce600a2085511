//! Tuples.

use super::shape;
use crate::label::Label;
use crate::shape::{Describe, Field};
use crate::walk::Walk;
use crate::walker::Walker;

macro_rules! labels {
    ($($index:tt)*) => { [$(Label::field(stringify!($index))),*] };
}

static LABELS: [Label; 12] = labels!(0 1 2 3 4 5 6 7 8 9 10 11);

macro_rules! tuple {
    ($($name:ident $index:tt)*) => {
        impl<$($name: Walk),*> Walk for ($($name,)*) {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                $(self.$index.walk_field(w, &LABELS[$index]);)*
            }
            shape!();
            fn describe(d: &mut Describe<'_>) {
                d.structure(&[$(Field::at(
                    stringify!($index),
                    core::mem::offset_of!(Self, $index),
                    $name::static_shape().0,
                )),*]);
            }
            fn is_leaf() -> bool {
                $($name::is_leaf())&&*
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);
tuple!(A 0 B 1 C 2 D 3 E 4);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
