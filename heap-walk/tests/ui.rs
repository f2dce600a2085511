//! What the compiler says about wrong uses of `#[derive(Walk)]`: one file in `ui/` per message.
//!
//! The words of the compiler itself change with its release; `TRYBUILD=overwrite` takes over what
//! it says now.
#![cfg(feature = "enabled")]

#[test]
fn messages() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
