//! Long checks, one command each, outside of CI.

use crate::system::{self, cargo, ensure_packages, has, target};
use crate::Done;
use std::process::Command;

pub(crate) fn run(name: &str) -> Done {
    match name {
        "corruption" => system::run(
            cargo(&["test", "--release", "-p", "heap-snapshot", "--test", "damage"])
                .env("DAMAGE_ROUNDS", "2000000"),
        ),
        "valgrind" => valgrind(),
        _ => Err(format!("no deep check is named `{name}`: there are corruption, valgrind")),
    }
}

/// The walk's unsafe core under memcheck: guards of every shape, deep chains,
/// panics in between. Without the tracking allocator, which is not memcheck's.
fn valgrind() -> Done {
    ensure_packages("this check", &["valgrind"], || has("valgrind"))?;
    system::run(&mut cargo(&["build", "--release", "-p", "end-to-end", "--example", "guards"]))?;
    let program = target().join("release/examples/guards");
    system::run(
        Command::new("valgrind")
            .args([
                "--error-exitcode=1",
                "--leak-check=full",
                "--errors-for-leak-kinds=definite",
                "--show-leak-kinds=definite",
            ])
            .arg(program),
    )
}
