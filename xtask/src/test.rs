//! All tests.

use crate::system::{self, cargo, ensure_build_tools, ensure_virtual_screen};
use crate::Done;

pub(crate) fn run() -> Done {
    ensure_build_tools()?;
    ensure_virtual_screen()?;
    // First all binaries: end-to-end tests run them.
    system::run(&mut cargo(&["build", "--workspace"]))?;
    system::run(cargo(&["test", "--workspace", "--no-fail-fast"]).env("WINDOW_TEST", "1"))?;
    // The other half of a feature is other code.
    system::run(&mut cargo(&["test", "-p", "heap-walk", "-p", "heap-walk-derive", "--no-default-features"]))?;
    system::run(&mut cargo(&["test", "-p", "tracking-alloc", "--no-default-features", "--test", "off"]))?;
    system::run(&mut cargo(&["test", "-p", "borrowck", "--no-default-features"]))?;
    // By itself: with it every program that is built beside would have another `malloc`.
    let interposed = ["--features", "interpose", "--lib", "--test", "interposed"];
    system::run(cargo(&["test", "-p", "tracking-alloc"]).args(interposed))
}
