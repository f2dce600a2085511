//! `#[derive(Walk)]` on types of every kind.
#![allow(dead_code)]

#[cfg(feature = "enabled")]
#[path = "derive/described.rs"]
mod described;
#[cfg(feature = "enabled")]
#[path = "derive/enabled.rs"]
mod enabled;
#[cfg(feature = "enabled")]
#[path = "derive/ways.rs"]
mod ways;

/// Without the feature nothing is generated, whatever the input: no field's type needs a `Walk`,
/// and not even a wrong attribute is looked at.
#[cfg(not(feature = "enabled"))]
mod disabled {
    use heap_walk::Walk;

    struct Foreign;

    #[derive(Walk)]
    #[walk(bound = "no predicates")]
    struct Struct<T> {
        #[walk(nonsense)]
        a: T,
        b: Foreign,
    }

    #[derive(Walk)]
    enum Enum {
        #[walk(skip)]
        A(Foreign),
    }

    #[derive(Walk)]
    union Union {
        a: u8,
    }

    #[test]
    fn the_derive_expands_to_nothing() {
        trait Walk {}
        // Had an impl been generated, it would name a trait that doesn't exist.
        impl Walk for Struct<u8> {}
        impl Walk for Enum {}
        impl Walk for Union {}
    }
}
