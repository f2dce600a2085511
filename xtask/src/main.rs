//! Build, check and benchmark commands of the workspace. Depends on nothing,
//! so that it is built in a second.
//!
//! ```text
//! cargo xtask demo        the borrow checker on real facts, its heap in the terminal and in the window
//! cargo xtask rustc CRATE the compiler itself, with the inspector in it, compiling a crate
//! cargo xtask test        all tests, with what they need installed
//! cargo xtask lint        formatting, clippy and the rules of `tidy`
//! cargo xtask tidy        rules that no other tool checks
//! cargo xtask bench       the benchmarks, one table
//! cargo xtask pictures    the pictures in README and docs, of the real window
//! cargo xtask deep NAME   long checks: corruption, loom, miri, sanitizers, valgrind
//! ```

mod bench;
mod deep;
mod demo;
mod look;
mod pictures;
mod rustc;
mod system;
mod test;
mod tidy;

use std::process::ExitCode;

/// What a command gives: nothing, or a line that says what failed and what to do.
type Done = Result<(), String>;

const HELP: &str = "\
cargo xtask demo [-- ARGUMENTS]   run the borrow checker on real facts and look at its heap
                                  (ARGUMENTS go to it: --crate log, --manifest ../x/Cargo.toml)
cargo xtask rustc CRATE           build rustc 1.96.0 with the inspector in it, compile CRATE and look at the
                                  compiler's heap; without a CRATE it says more (docs/rustc.md)
cargo xtask test                  run all tests; installs what they need
cargo xtask lint                  cargo fmt --check, cargo clippy, tidy
cargo xtask tidy [--bless]        check the workspace's own rules; --bless accepts new dependencies
cargo xtask bench [compile]       run the benchmarks and print one table; compile: the derive alone
cargo xtask bench programs [...]  four programs on the tracking allocator in each mode and on others, one table
                                  (json, syn, naga, threads: only these; --rounds N, --scale PERCENT, --no-instructions)
cargo xtask pictures [NAME …]     make the pictures in README and docs anew, of the real window under Xvfb
cargo xtask deep corruption       damage a snapshot at random two million times and read it
cargo xtask deep loom             run the allocator's lock-free parts in every order of their threads
cargo xtask deep sanitizers       run the allocator's tests under the address and thread sanitizers
cargo xtask deep valgrind         run the walk's unsafe core under valgrind
cargo xtask deep miri             run it, and the allocator, under Miri, if a nightly toolchain has that";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["demo", ref rest @ ..] => demo::run(rest),
        ["rustc", ref rest @ ..] => rustc::run(rest),
        ["test"] => test::run(),
        ["lint"] => tidy::lint(),
        ["tidy"] => tidy::check(false),
        ["tidy", "--bless"] => tidy::check(true),
        ["bench", ref rest @ ..] => bench::run(rest),
        ["pictures", ref names @ ..] => pictures::run(names),
        ["deep", name] => deep::run(name),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown command `{}`\n{HELP}", arguments.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
