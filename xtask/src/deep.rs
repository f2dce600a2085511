//! Long checks, one command each, outside of CI.

use crate::system::{self, cargo, ensure_packages, has, target};
use crate::Done;
use std::path::Path;
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
        "sanitizers" => sanitizers(),
        "valgrind" => valgrind(),
        "miri" => miri(),
        _ => Err(format!(
            "no deep check is named `{name}`: there are corruption, loom, miri, sanitizers, valgrind"
        )),
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

/// The allocator under the compiler's sanitizers: addresses over the system's allocator, which
/// the sanitizer is, and data races over jemalloc, whose locks it knows.
fn sanitizers() -> Done {
    let of_nightly = |arguments: &[&str]| {
        let output =
            Command::new("rustc").arg("+nightly").args(arguments).env_remove("RUSTUP_TOOLCHAIN").output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let sources = of_nightly(&["--print", "sysroot"])
        .map(|root| Path::new(&root).join("lib/rustlib/src/rust/library/std/Cargo.toml"));
    if !sources.is_some_and(|sources| sources.is_file()) {
        return Err("sanitizers need a nightly toolchain and the sources of its standard library: \
                    `rustup toolchain install nightly --component rust-src`; `cargo xtask deep valgrind` needs neither"
            .into());
    }
    let host = of_nightly(&["--print", "host-tuple"]).ok_or("rustc does not say which its host is")?;
    // jemalloc orders what it does by atomics of its own, which are not instrumented.
    let known = target().join("sanitizers-known.txt");
    std::fs::write(&known, "race:_rjem_\nrace:malloc_mutex_\n")
        .map_err(|error| format!("{error}: {}", known.display()))?;
    let known = format!("die_after_fork=0:allocator_may_return_null=1:suppressions={}", known.display());
    let test = |sanitizer: &str, arguments: &[&str]| {
        system::run(
            Command::new("cargo")
                .args(["+nightly", "test", "--target", &host, "-p", "tracking-alloc"])
                .args(arguments)
                .current_dir(system::root())
                // Cargo says to its children which toolchain it is of.
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("CARGO")
                .env("CARGO_TARGET_DIR", target().join("sanitizers"))
                .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"))
                // What is static is never freed, a test leaks a name that has to be, and some ask for too
                // much. Locals stay on the stack, whose frames are read.
                .env(
                    "ASAN_OPTIONS",
                    "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0",
                )
                // A child forked while others run does no more than it may.
                .env("TSAN_OPTIONS", &known),
        )
    };
    let over_system = ["--no-default-features", "--features", "enabled,unwind"];
    let tests = ["--lib", "--test", "over_system", "--test", "modes", "--test", "stacks"];
    test("address", &[&over_system[..], &tests].concat())?;
    // What the standard library does must be seen too, else all that it orders is a race.
    test(
        "thread",
        &["-Zbuild-std", "--lib", "--test", "population", "--test", "give_back", "--test", "traffic"],
    )
}

/// The same program under Miri, which knows the rules of references too; and the allocator, over
/// the system's, which Miri brings along.
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
    let miri = |arguments: &str, flags: &str| {
        system::run(
            Command::new("cargo")
                .args(["+nightly", "miri"])
                .args(arguments.split(' '))
                .current_dir(system::root())
                // Cargo says to its children which toolchain it is of.
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("CARGO")
                .env("CARGO_TARGET_DIR", target().join("miri"))
                .env("MIRIFLAGS", flags),
        )
    };
    // Of samples the odds are counted, which takes too many; and they are plain numbers.
    let of_allocator = "test -p tracking-alloc --no-default-features --features enabled,unwind";
    // Blocks lie near each other, so that there is less of the table to look at. A reference to a
    // chunk is one to a whole, else each use goes over all its atomics.
    let flags =
        "-Zmiri-address-reuse-rate=1.0 -Zmiri-tree-borrows -Zmiri-tree-borrows-no-precise-interior-mut";
    miri(&format!("{of_allocator} --lib -- --skip sample::"), flags)?;
    miri(&format!("{of_allocator} --test interpreted"), flags)?;
    // The walk opens the process's memory, and reads nothing without a table of blocks.
    miri("run -p end-to-end --example guards", "-Zmiri-disable-isolation")
}
