//! Roots that are registered, beside those that a checkpoint is given.
//!
//! No handle could be leaked and leave something dangling: a scope ends with
//! its closure, a static lives for ever, and of an `Arc` only a weak handle is kept.

use crate::walk::Walk;
use crate::walker::Start;
use heap_snapshot::live::ToolScope;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

enum Registered {
    Static(&'static (dyn Walk + Sync)),
    /// Gives the value for the time of a checkpoint, while somebody else holds it.
    Shared(Box<dyn Fn() -> Option<Box<dyn Hold>> + Send>),
}

/// A strong handle whose type is forgotten.
trait Hold {
    fn value(&self) -> &dyn Walk;
}

impl<T: Walk> Hold for Arc<T> {
    fn value(&self) -> &dyn Walk {
        &**self
    }
}

static REGISTERED: Mutex<Vec<(String, Registered)>> = Mutex::new(Vec::new());

thread_local! {
    static SCOPES: RefCell<Vec<(String, *const (dyn Walk + 'static))>> = const { RefCell::new(Vec::new()) };
}

/// Makes a static a root of every checkpoint.
pub fn register_static<T: Walk + Sync>(name: &str, value: &'static T) {
    let _tool = ToolScope::enter();
    registered().push((name.into(), Registered::Static(value)));
}

/// Makes what an `Arc` holds a root of every checkpoint, for as long as
/// somebody holds it.
///
/// Only a weak handle is kept, and for the time of a checkpoint a strong one;
/// both are left out of the counts. The program can see them all the same:
/// [`Arc::get_mut`] fails while there is a weak handle, and who drops the last
/// handle of the program's during a checkpoint leaves the value to be dropped
/// by the thread at that checkpoint.
pub fn register_arc<T: Walk + Send + Sync + 'static>(name: &str, value: &Arc<T>) {
    let _tool = ToolScope::enter();
    let value = Arc::downgrade(value);
    let upgrade = move || value.upgrade().map(|value| Box::new(value) as Box<dyn Hold>);
    registered().push((name.into(), Registered::Shared(Box::new(upgrade))));
}

/// Makes `value` a root of the checkpoints that this thread meets in `scope`.
///
/// ```
/// let cache = vec![String::from("kept")];
/// let len = heap_walk::with_root("cache", &cache, || {
///     heap_walk::checkpoint!("warm");
///     cache.len()
/// });
/// assert_eq!(len, 1);
/// ```
pub fn with_root<T: Walk, R>(name: &str, value: &T, scope: impl FnOnce() -> R) -> R {
    struct Pop;
    impl Drop for Pop {
        fn drop(&mut self) {
            let _tool = ToolScope::enter();
            let _ = SCOPES.try_with(|scopes| scopes.borrow_mut().pop());
        }
    }
    let pointer: *const (dyn Walk + '_) = value;
    // SAFETY: only the bound on the lifetime of what lies behind changes; the
    // pointer is used while `value` is borrowed, see `collect`.
    #[expect(unsafe_code, reason = "forgets a lifetime")]
    let pointer =
        unsafe { std::mem::transmute::<*const (dyn Walk + '_), *const (dyn Walk + 'static)>(pointer) };
    let _pop = {
        let _tool = ToolScope::enter();
        // In a thread that is ending there are no scopes any more; nothing is pushed, or popped.
        let pushed = SCOPES.try_with(|scopes| scopes.borrow_mut().push((name.into(), pointer)));
        pushed.ok().map(|()| Pop)
    };
    scope()
}

fn registered() -> std::sync::MutexGuard<'static, Vec<(String, Registered)>> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the registry holds for the time of one checkpoint.
#[derive(Default)]
pub(crate) struct Held {
    shared: Vec<(String, Box<dyn Hold>)>,
    statics: Vec<(String, &'static (dyn Walk + Sync))>,
}

impl Held {
    /// Takes hold of what is still there; forgets what is gone.
    pub(crate) fn take() -> Held {
        let mut held = Held::default();
        registered().retain(|(name, root)| match root {
            Registered::Static(value) => {
                held.statics.push((name.clone(), *value));
                true
            }
            Registered::Shared(upgrade) => match upgrade() {
                Some(value) => {
                    held.shared.push((name.clone(), value));
                    true
                }
                None => false,
            },
        });
        held
    }

    /// The shared blocks of which it holds handles, by the address that their
    /// handles are reported with: the last byte before the value.
    pub(crate) fn blocks(&self) -> Vec<u64> {
        let before = |held: &dyn Hold| std::ptr::from_ref(held.value()).cast::<u8>() as usize as u64 - 1;
        self.shared.iter().map(|(_, held)| before(&**held)).collect()
    }

    /// Calls `use_roots` with the registered roots and those of this thread's scopes.
    pub(crate) fn with_starts<R>(&self, use_roots: impl FnOnce(Vec<Start<'_>>) -> R) -> R {
        let mut starts: Vec<Start<'_>> = Vec::new();
        for (name, value) in &self.statics {
            starts.push(Start { name: name.clone(), origin: "static", value: *value });
        }
        for (name, value) in &self.shared {
            starts.push(Start { name: name.clone(), origin: "arc", value: value.value() });
        }
        let scopes: Vec<(String, *const (dyn Walk + 'static))> =
            SCOPES.try_with(|scopes| scopes.borrow().clone()).unwrap_or_default();
        for (name, value) in scopes {
            // SAFETY: `with_root` holds a borrow of the value until its scope
            // ends, on this thread, and this call returns before that.
            #[expect(unsafe_code, reason = "a scope's root, see with_root")]
            let value: &dyn Walk = unsafe { &*value };
            starts.push(Start { name, origin: "scope", value });
        }
        use_roots(starts)
    }
}
