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
