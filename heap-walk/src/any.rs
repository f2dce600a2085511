//! Values behind `dyn Any`: typed where the program named their types.

use crate::shape::Shape;
use crate::walk::Walk;
use crate::walker::Walker;
use heap_snapshot::live::ToolScope;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// How to see a value of a named type as one that can be walked.
type AsWalk = fn(&dyn Any) -> Option<&dyn Walk>;

static NAMED: RwLock<Option<HashMap<TypeId, AsWalk>>> = RwLock::new(None);

/// Makes `Box<dyn Any>`, and whatever else holds a `T` behind `dyn Any`, walk
/// it as a `T`. Values of types that nobody named are opaque: claimed with
/// their size, contents by raw scan. Costs a lookup for each value that is met.
///
/// ```
/// use heap_walk::Walk;
/// use std::any::Any;
///
/// #[derive(Walk)]
/// struct Session {
///     user: String,
/// }
///
/// heap_walk::register::<Session>();
/// let stores: Vec<Box<dyn Any>> = vec![Box::new(Session { user: "ann".into() })];
/// let report = heap_walk::measure(&stores);
/// assert_eq!(report.blocks, 3, "the vector, the box and the text in it");
/// ```
pub fn register<T: Any + Walk>() {
    let _tool = ToolScope::enter();
    let mut named = NAMED.write().unwrap_or_else(PoisonError::into_inner);
    let as_walk: AsWalk = |value| value.downcast_ref::<T>().map(|value| value as &dyn Walk);
    named.get_or_insert_with(HashMap::new).insert(TypeId::of::<T>(), as_walk);
}

fn as_walk(value: &dyn Any) -> Option<&dyn Walk> {
    // A walk waits for no lock: while a type is being named, it is not yet.
    let named = NAMED.try_read().ok()?;
    named.as_ref()?.get(&value.type_id())?(value)
}

macro_rules! any {
    ($($ty:ty),*) => {$(
        impl Walk for $ty {
            fn walk<'a>(&'a self, w: &mut Walker<'a>) {
                match as_walk(self) {
                    Some(value) => value.walk(w),
                    None => w.opaque_dyn(self),
                }
            }
            fn shape(&self) -> &'static Shape {
                as_walk(self).map_or_else(Shape::unknown::<$ty>, Walk::shape)
            }
        }
    )*};
}

any!(dyn Any, dyn Any + Send, dyn Any + Send + Sync);
