//! `arc-swap`: an `Arc` that may be replaced at any moment.
//!
//! A guard of `load` keeps the value alive while it is walked; that it takes is
//! one of eight slots of this thread, and only if all are taken a count. Where
//! another thread replaces the value in between, the newer one is walked in the
//! place of the older.

use crate::guard::Guard as WalkGuard;
use crate::impls::shape;
use crate::shape::Describe;
use crate::types::Container;
use crate::walk::{Handle, Walk};
use crate::walker::{Block, Walker};
use arc_swap::strategy::Strategy;
use arc_swap::{ArcSwapAny, Guard, RefCnt};
use heap_snapshot::record::{EdgeKind, Layout, Split};
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

static ARC: Container = Container::new("Arc", Layout::COUNTED);
static RC: Container = Container::new("Rc", Layout::COUNTED);

/// A counted pointer that may stand in an `ArcSwapAny`.
trait Counted: RefCnt {
    type Value: Walk;
    /// The value, the container of its block, and the counts; `None` if there is no value.
    fn counted(&self) -> Option<Held<'_, Self::Value>>;
}

struct Held<'v, T> {
    value: &'v T,
    container: &'static Container,
    strong: usize,
    weak: usize,
}

macro_rules! counted {
    ($($ty:ident $container:ident)*) => {$(
        impl<T: Walk> Counted for $ty<T> {
            type Value = T;
            fn counted(&self) -> Option<Held<'_, T>> {
                let (strong, weak) = ($ty::strong_count(self), $ty::weak_count(self));
                Some(Held { value: self, container: &$container, strong, weak })
            }
        }

        impl<T: Walk> Counted for Option<$ty<T>> {
            type Value = T;
            fn counted(&self) -> Option<Held<'_, T>> {
                self.as_ref()?.counted()
            }
        }
    )*};
}

counted!(Arc ARC Rc RC);

/// A loaded value.
struct Loaded<P: Counted, S: Strategy<P>>(Guard<P, S>, PhantomData<P>);

impl<P: Counted, S: Strategy<P>> Deref for Loaded<P, S> {
    type Target = P::Value;
    fn deref(&self) -> &P::Value {
        self.0.counted().expect("made only of guards with a value").value
    }
}

// SAFETY: it derefs to what the counted pointer in it points to, which does not
// move with the pointer, and which the guard keeps alive also when another
// pointer is stored in its place. Nobody has exclusive access to it meanwhile:
// `Arc` and `Rc` give that only where theirs is the only handle, and a guard
// that holds no count of its own has it paid before the pointer is given out.
#[expect(unsafe_code, reason = "vouches for the guard, see guard.rs")]
unsafe impl<P: Counted, S: Strategy<P>> WalkGuard for Loaded<P, S> {
    const HOLDS: bool = false;
    // If another value is stored meanwhile, this may be the last handle of the older one.
    const DROPS: bool = true;
}

impl<P: Counted, S: Strategy<P>> Walk for ArcSwapAny<P, S> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let guard = self.load();
        if let Some(Held { value, container, strong, weak }) = guard.counted() {
            // A value without size lies one past its block.
            let before = std::ptr::from_ref(value) as usize - 1;
            w.share(self, Block::of_val(container, value).at(before), strong, weak);
        }
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.cell(size_of::<usize>(), size_of::<S>());
        d.is_fixed();
    }
}

impl<P: Counted, S: Strategy<P>> Handle for ArcSwapAny<P, S> {
    fn contents<'a>(&'a self, w: &mut Walker<'a>) {
        let guard = self.load();
        if guard.counted().is_some() {
            // What is behind a guard is typed as it is entered; here it was before.
            let base = w.base_of::<P::Value>();
            let mut untype = Split { untyped: size_of::<P::Value>() as u64, ..Split::default() };
            untype.add_times(&base, u64::MAX);
            w.type_bytes(0, untype);
            w.behind(Loaded(guard, PhantomData), false);
        }
    }
}

/// What somebody has loaded: most often it borrows the count of the one it was
/// loaded from, so it is an arc. What was replaced there since, and is kept
/// alive by guards alone, nobody claims.
impl<P: RefCnt, S: Strategy<P>> Walk for Guard<P, S> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        let target: *const P::Base = P::as_ptr(self);
        w.refer(EdgeKind::BORROW, std::ptr::from_ref(self) as usize, target);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.leaf();
    }
}
