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
        // In every order in which threads can run: some twenty seconds.
        "loom" => system::run(
            cargo(&["run", "--manifest-path", "tests/loom/Cargo.toml"])
                .env("CARGO_TARGET_DIR", target().join("loom")),
        ),
        "valgrind" => valgrind(),
        "miri" => miri(),
        _ => Err(format!("no deep check is named `{name}`: there are corruption, loom, miri, valgrind")),
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

/// The same program under Miri, which knows the rules of references too.
fn miri() -> Done {
    let has_miri = || {
        let mut version = Command::new("cargo");
        version.args(["+nightly", "miri", "--version"]);
        version.output().is_ok_and(|output| output.status.success())
    };
    if !has_miri() {
        return Err(
            "Miri is not installed: `rustup toolchain install nightly --component miri,rust-src`".into()
        );
    }
    system::run(
        Command::new("cargo")
            .args(["+nightly", "miri", "run", "-p", "end-to-end", "--example", "guards"])
            .current_dir(system::root())
            // Cargo says to its children which toolchain it is of.
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO")
            .env("CARGO_TARGET_DIR", target().join("miri"))
            // The walk opens the process's memory, and reads nothing without a table of blocks.
            .env("MIRIFLAGS", "-Zmiri-disable-isolation"),
    )
}
