//! Without the feature `enabled` nothing is left: no argument is evaluated, and
//! the program needs no impl of anything. Run with `--no-default-features`.
#![cfg(not(feature = "enabled"))]

use heap_walk::{checkpoint, Walk};

#[derive(Walk)]
struct NoImpls {
    #[walk(with = nowhere::to_be_found)]
    _field: std::net::TcpListener,
}

#[test]
fn arguments_are_not_evaluated() {
    // Neither names nor types are looked at: whatever the expansion held would not compile.
    checkpoint!("name", root = &does_not_exist, root.part = panic!(); label = unreachable!());
}

#[test]
fn roots_cost_nothing() {
    static NOT_WALK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    heap_walk::register_static("lock", &NOT_WALK);
    heap_walk::register_arc("arc", &std::sync::Arc::new(NoImplsEither));
    assert_eq!(heap_walk::with_root("value", &NoImplsEither, || 7), 7);
}

struct NoImplsEither;

/// What is written for the walk stands as it is.
trait Handler: Walk {
    fn answer(&self) -> u8;
}

impl<T: Walk> Handler for Option<T> {
    fn answer(&self) -> u8 {
        7
    }
}

#[test]
fn supertraits_and_bounds_may_stay() {
    heap_walk::register::<NoImpls>();
    let handler: Box<dyn Handler> = Box::new(None::<NoImpls>);
    assert_eq!(handler.answer(), 7);
}

#[test]
fn a_budget_that_cannot_be_checked_is_not_kept() {
    let check = || heap_walk::assert_within!(&does_not_exist, in_all <= 7);
    let message = *std::panic::catch_unwind(check).unwrap_err().downcast::<&str>().unwrap();
    assert!(message.contains("nothing was measured"), "{message}");
}
