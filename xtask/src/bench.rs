//! Benchmarks: `benches/` is a package of its own, so that its peers are built
//! only when it runs.

use crate::system::{self, cargo, ensure_build_tools};
use crate::Done;

pub(crate) fn run(arguments: &[&str]) -> Done {
    ensure_build_tools()?;
    system::run(cargo(&["run", "--release", "--manifest-path", "benches/Cargo.toml", "--"]).args(arguments))
}
