//! What the derive costs a build: the same generated types without a derive,
//! with `serde::Serialize`, with `Walk`, and with `Walk` while the feature is off;
//! from scratch, and incrementally after an edit that touches none of the types.
//!
//! A generic method is compiled where it is used, so each package uses its
//! derive once: it hands the value that holds one of each type to
//! `serde_json::to_writer`, and to `heap_walk::snapshot`.

use crate::clock;
use crate::protocol::median;
use crate::random::Random;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Types that are generated.
pub const TYPES: usize = 300;

/// A package that is built.
struct Package {
    name: &'static str,
    /// What the table calls it.
    text: &'static str,
    dependencies: &'static str,
    derive: &'static str,
    used: &'static str,
}

const PACKAGES: [Package; 4] = [
    Package { name: "plain", text: "no derive", dependencies: "", derive: "", used: "" },
    Package {
        name: "serialized",
        text: "serde::Serialize",
        dependencies: "serde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n",
        derive: "#[derive(serde::Serialize)]\n",
        used: "pub fn used(all: &All) { let _ = serde_json::to_writer(std::io::sink(), all); }\n",
    },
    Package {
        name: "walked",
        text: "heap_walk::Walk",
        dependencies: "heap-walk = { path = \"HEAP_WALK\" }\n",
        derive: "#[derive(heap_walk::Walk)]\n",
        used: "pub fn used(all: &All) { let _ = heap_walk::snapshot(std::io::sink(), &[(\"all\", all)]); }\n",
    },
    Package {
        name: "off",
        text: "heap_walk::Walk, the feature off",
        dependencies: "heap-walk = { path = \"HEAP_WALK\", default-features = false }\n",
        derive: "#[derive(heap_walk::Walk)]\n",
        used: "",
    },
];

/// CPU seconds of one package, medians.
pub struct Row {
    /// What was derived.
    pub text: &'static str,
    /// Of each of [`RUNS`].
    pub seconds: [f64; 4],
}

/// What is run: the command, and whether what the compiler kept of the last time may be used.
const RUNS: [(&str, bool); 4] = [("check", false), ("build", false), ("check", true), ("build", true)];

/// The source of the types: ordinary structs and enums over each other.
fn source(derive: &str, used: &str) -> String {
    let mut random = Random::new(15);
    let mut text = String::from("#![allow(missing_docs, dead_code)]\n");
    let mut all = String::new();
    for at in 0..TYPES {
        let mut field = || {
            let other = match at {
                0 => "u64".to_owned(),
                _ => format!("T{}", random.below(at)),
            };
            match random.below(12) {
                0 | 1 => "u32".to_owned(),
                2 => "bool".to_owned(),
                3 | 4 => "String".to_owned(),
                5 => "Vec<u8>".to_owned(),
                6 => format!("Vec<{other}>"),
                7 => format!("Option<Box<{other}>>"),
                8 => format!("std::collections::HashMap<String, {other}>"),
                9 => "(u16, Option<String>)".to_owned(),
                10 => format!("Box<{other}>"),
                _ => format!("Option<Vec<{other}>>"),
            }
        };
        text.push_str(derive);
        if at % 3 == 2 {
            let _ = writeln!(text, "pub enum T{at} {{");
            for variant in 0..2 + at % 6 {
                let _ = match variant % 3 {
                    0 => writeln!(text, "    V{variant},"),
                    1 => writeln!(text, "    V{variant}({}, {}),", field(), field()),
                    _ => writeln!(text, "    V{variant} {{ a: {}, b: {} }},", field(), field()),
                };
            }
        } else {
            let _ = writeln!(text, "pub struct T{at} {{");
            for name in 0..2 + at % 8 {
                let _ = writeln!(text, "    pub f{name}: {},", field());
            }
        }
        text.push_str("}\n");
        let _ = writeln!(all, "    pub t{at}: Vec<T{at}>,");
    }
    let _ = write!(text, "{derive}pub struct All {{\n{all}}}\n{used}");
    text
}

/// Writes the packages.
fn generate(folder: &Path) -> std::io::Result<()> {
    let heap_walk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../heap-walk");
    let members: Vec<String> = PACKAGES.iter().map(|package| format!("{:?}", package.name)).collect();
    std::fs::create_dir_all(folder)?;
    std::fs::write(
        folder.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"2\"\nmembers = [{}]\n", members.join(", ")),
    )?;
    for package in &PACKAGES {
        let source_folder = folder.join(package.name).join("src");
        std::fs::create_dir_all(&source_folder)?;
        let dependencies = package.dependencies.replace("HEAP_WALK", &heap_walk.display().to_string());
        let manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n{dependencies}",
            package.name
        );
        std::fs::write(folder.join(package.name).join("Cargo.toml"), manifest)?;
        std::fs::write(source_folder.join("lib.rs"), source(package.derive, package.used))?;
    }
    Ok(())
}

/// Runs cargo and says how many CPU seconds it and its compilers took.
fn cargo(folder: &Path, (command, is_incremental): (&str, bool), package: &str) -> Result<f64, String> {
    // A folder each: with another setting, dependencies are built again.
    let (incremental, target) = if is_incremental { ("1", "edited") } else { ("0", "target") };
    let begun = clock::children_ns();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([command, "--quiet", "--package", package, "--target-dir", target])
        .env("CARGO_INCREMENTAL", incremental)
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(folder)
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !status.success() {
        return Err(format!("the generated package `{package}` cannot be built: see above"));
    }
    Ok((clock::children_ns() - begun) as f64 / 1e9)
}

/// Builds every package `rounds` times, in turns, and says what that took.
///
/// # Errors
///
/// What cargo or the file system said.
pub fn run(target: &Path, rounds: usize) -> Result<Vec<Row>, String> {
    let folder: PathBuf = target.join("generated");
    generate(&folder)
        .map_err(|error| format!("the packages cannot be written: {error}: {}", folder.display()))?;
    let mut times: Vec<[Vec<f64>; 4]> = vec![Default::default(); PACKAGES.len()];
    for round in 0..=rounds {
        for (package, times) in PACKAGES.iter().zip(&mut times) {
            for (run, times) in RUNS.into_iter().zip(times) {
                let lib = folder.join(package.name).join("src/lib.rs");
                // Another text, so that it is compiled again.
                let text = format!("{}// {run:?} {round}\n", source(package.derive, package.used));
                std::fs::write(&lib, text).map_err(|error| format!("{error}: {}", lib.display()))?;
                let seconds = cargo(&folder, run, package.name)?;
                // The first round builds what they depend on.
                if round > 0 {
                    times.push(seconds);
                }
            }
        }
    }
    let row =
        |(package, times): (&Package, [Vec<f64>; 4])| Row { text: package.text, seconds: times.map(median) };
    Ok(PACKAGES.iter().zip(times).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_the_same_but_for_the_derive() {
        let (plain, derived) = (source("", ""), source("#[derive(X)]\n", ""));
        assert_eq!(derived.matches("derive").count(), TYPES + 1);
        assert_eq!(derived.replace("#[derive(X)]\n", ""), plain);
    }
}
