//! What can own heap and shows none of it: channels, threads, tasks, errors
//! that may box another. Claimed by scanning the handle's words.

use std::cell::{Cell, LazyCell, UnsafeCell};
use std::sync::{mpsc, LazyLock};

/// `Walk` for opaque types. Values without anything to drop own nothing.
macro_rules! opaque {
    ($([$($param:tt)*] $ty:ty;)*) => {$(
        impl<$($param)*> $crate::walk::Walk for $ty {
            fn walk<'a>(&'a self, w: &mut $crate::walker::Walker<'a>) {
                w.opaque_inner(self);
            }
            fn shape(&self) -> &'static $crate::shape::Shape {
                $crate::shape::Shape::of::<Self>()
            }
            fn describe(d: &mut $crate::shape::Describe<'_>) {
                d.opaque();
            }
            fn is_leaf() -> bool {
                !std::mem::needs_drop::<Self>()
            }
        }
    )*};
}
#[allow(unused_imports, reason = "impls for other crates use it")]
pub(crate) use opaque;

opaque! {
    // Contents that cannot be referenced.
    [T] Cell<T>;
    [T] UnsafeCell<T>;
    // Whether one is evaluated cannot be asked without evaluating it.
    [T, F] LazyCell<T, F>;
    [T, F] LazyLock<T, F>;
    // Both ends hold the queue; the one that is met first claims it.
    [T] mpsc::Sender<T>;
    [T] mpsc::SyncSender<T>;
    [T] mpsc::Receiver<T>;
    [T] mpsc::IntoIter<T>;
    [T] std::thread::JoinHandle<T>;
    [T] std::thread::ScopedJoinHandle<'_, T>;
    [] std::thread::Thread;
    [] std::thread::Builder;
    [] std::task::Waker;
    [T] std::future::Ready<T>;
    [] std::process::Command;
    [] std::fs::DirEntry;
    [] std::fs::ReadDir;
    [] std::fs::DirBuilder;
    [] std::env::Args;
    [] std::env::ArgsOs;
    [] std::env::Vars;
    [] std::env::VarsOs;
    [] std::string::FromUtf8Error;
    [] std::string::FromUtf16Error;
    [] std::ffi::NulError;
    [] std::ffi::IntoStringError;
    [] std::backtrace::Backtrace;
}
