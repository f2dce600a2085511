//! Benchmarks: `benches/` and `benches/programs/` are packages of their own, so that
//! their peers are built only when they run.

use crate::system::{self, cargo, ensure_build_tools, ensure_packages, has, target};
use crate::Done;

pub(crate) fn run(arguments: &[&str]) -> Done {
    ensure_build_tools()?;
    match arguments {
        // Whole programs, on every allocator.
        ["programs", arguments @ ..] => {
            ensure_packages("this benchmark", &["valgrind"], || has("valgrind"))?;
            // The flags with which the driver builds them: all is built once.
            let mut driver =
                cargo(&["run", "--release", "--manifest-path", "benches/programs/Cargo.toml", "--"]);
            let target = target().join("programs");
            let flags = "-C force-frame-pointers=yes";
            system::run(driver.args(arguments).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", flags))
        }
        arguments => system::run(
            cargo(&["run", "--release", "--manifest-path", "benches/Cargo.toml", "--"]).args(arguments),
        ),
    }
}
