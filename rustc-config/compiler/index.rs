//! Indices are keys: numbers that stand for an entry of a table.

#[doc(hidden)]
pub use heap_walk;

/// Makes a `Walk` for a type that `newtype_index!` declares.
#[macro_export]
macro_rules! walk_index {
    // A position in HIR, of which no table is walked, in most of what type checking keeps.
    (ItemLocalId) => {
        $crate::heap_walk::when_enabled! {
            impl $crate::heap_walk::Walk for ItemLocalId {
                fn walk<'a>(&'a self, _: &mut $crate::heap_walk::Walker<'a>) {}
                fn shape(&self) -> &'static $crate::heap_walk::Shape {
                    $crate::heap_walk::Shape::of::<Self>()
                }
                fn describe(d: &mut $crate::heap_walk::Describe<'_>) {
                    d.leaf();
                }
                fn is_leaf() -> bool {
                    true
                }
            }
        }
    };
    ($name:ident) => {
        $crate::heap_walk::when_enabled! {
            impl $crate::heap_walk::Key for $name {
                fn key(&self) -> u64 {
                    u64::from(self.as_u32())
                }
            }

            impl $crate::heap_walk::Walk for $name {
                fn walk<'a>(&'a self, w: &mut $crate::heap_walk::Walker<'a>) {
                    w.key(self, $crate::heap_walk::Key::key(self));
                }
                fn shape(&self) -> &'static $crate::heap_walk::Shape {
                    $crate::heap_walk::Shape::of::<Self>()
                }
                fn describe(d: &mut $crate::heap_walk::Describe<'_>) {
                    d.leaf();
                }
            }
        }
    };
}
