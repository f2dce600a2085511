//! Rules that no other tool checks.
//!
//! - What is linked into the observed program is a list in
//!   `xtask/observed-dependencies.txt`: growing it is a visible decision.
//! - The graph of our crates points one way, along the dataflow.
//! - `unsafe` lies in the files that ARCHITECTURE.md names.

use crate::system::{cargo, root, run};
use crate::Done;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Files that may hold unsafe code; ARCHITECTURE.md says why.
const UNSAFE_FILES: &[&str] = &[
    "heap-walk/src/exit.rs",
    "heap-walk/src/guard.rs",
    "heap-walk/src/impls/foreign/arc_swap.rs",
    "heap-walk/src/impls/foreign/bumpalo.rs",
    "heap-walk/src/impls/foreign/crossbeam.rs",
    "heap-walk/src/impls/foreign/dashmap.rs",
    "heap-walk/src/impls/foreign/parking_lot.rs",
    "heap-walk/src/impls/foreign/tokio.rs",
    "heap-walk/src/log.rs",
    "heap-walk/src/root.rs",
    "heap-walk/src/task.rs",
    "heap-walk/src/walk_as.rs",
    "heap-walk/src/walk_as/cell.rs",
    "heap-walk/src/walk_as/fields.rs",
    "heap-walk/src/walker.rs",
    "heap-walk/src/walker/dynamic.rs",
    "heap-walk/src/walker/prefetch.rs",
    "tests/programs/borrowck/src/arena.rs",
    "tracking-alloc/src/contexts.rs",
    "tracking-alloc/src/extents.rs",
    "tracking-alloc/src/frames.rs",
    "tracking-alloc/src/global.rs",
    "tracking-alloc/src/hot.rs",
    "tracking-alloc/src/interpose.rs",
    "tracking-alloc/src/jemalloc.rs",
    "tracking-alloc/src/lib.rs",
    "tracking-alloc/src/maps.rs",
    "tracking-alloc/src/memory.rs",
    "tracking-alloc/src/mode.rs",
    "tracking-alloc/src/no_jemalloc.rs",
    "tracking-alloc/src/off.rs",
    "tracking-alloc/src/samples.rs",
    "tracking-alloc/src/side.rs",
    "tracking-alloc/src/table.rs",
    "tracking-alloc/src/tags.rs",
];

/// Crates of ours that a crate may depend on.
const DATAFLOW: &[(&str, &[&str])] = &[
    ("heap-snapshot", &[]),
    ("heap-walk-derive", &[]),
    ("heap-walk", &["heap-walk-derive", "heap-snapshot"]),
    ("tracking-alloc", &["heap-snapshot"]),
    ("heap-analysis", &["heap-snapshot", "rustc-config"]),
    ("rustc-config", &[]),
    ("annotate", &[]),
    ("inspector-console", &["heap-analysis", "rustc-config"]),
    ("inspector-gui", &["heap-analysis", "rustc-config"]),
];

pub(crate) fn lint() -> Done {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    check(false)
}

pub(crate) fn check(bless: bool) -> Done {
    dependencies(bless)?;
    dataflow()?;
    features()?;
    unsafe_files()
}

/// Each feature for another crate has a row in the table of impls.
fn features() -> Done {
    let read =
        |path: &str| std::fs::read_to_string(root().join(path)).map_err(|error| format!("{error}: {path}"));
    let (manifest, table) = (read("heap-walk/Cargo.toml")?, read("docs/impls.md")?);
    let features = manifest.split("\n[").find_map(|section| section.strip_prefix("features]"));
    for line in features.unwrap_or_default().lines() {
        let Some((name, value)) = line.split_once(" = ") else { continue };
        if value.contains("\"dep:") && name != "enabled" && !table.contains(&format!("`{name}`")) {
            return Err(format!("the feature `{name}` of heap-walk has no row in docs/impls.md"));
        }
    }
    Ok(())
}

fn tree(arguments: &[&str]) -> Result<BTreeSet<String>, String> {
    let common = [
        "tree",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--target",
        "x86_64-unknown-linux-gnu",
    ];
    let output = cargo(&[&common[..], arguments].concat())
        .output()
        .map_err(|error| format!("cargo tree cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    // Names alone: a new version is no new dependency.
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

fn dependencies(bless: bool) -> Done {
    let mut found = String::new();
    for (what, arguments) in [
        ("heap-snapshot", &["-p", "heap-snapshot"][..]),
        ("heap-walk", &["-p", "heap-walk"]),
        ("heap-walk without `enabled`", &["-p", "heap-walk", "--no-default-features"]),
        ("tracking-alloc", &["-p", "tracking-alloc"]),
        (
            "tracking-alloc without `enabled`",
            &["-p", "tracking-alloc", "--no-default-features", "--features", "jemalloc"],
        ),
    ] {
        let _ = writeln!(found, "# {what}");
        for name in tree(arguments)? {
            let _ = writeln!(found, "{name}");
        }
    }
    let path = root().join("xtask/observed-dependencies.txt");
    if bless {
        return std::fs::write(&path, found).map_err(|error| format!("{error}: {}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if found != expected {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let new: Vec<_> = lines(&found).difference(&lines(&expected)).cloned().collect();
        let gone: Vec<_> = lines(&expected).difference(&lines(&found)).cloned().collect();
        return Err(format!(
            "what is linked into the observed program has changed (new: {new:?}, gone: {gone:?}); \
             if that is meant, run `cargo xtask tidy --bless`"
        ));
    }
    Ok(())
}

fn dataflow() -> Done {
    for (name, allowed) in DATAFLOW {
        let manifest = root().join(name).join("Cargo.toml");
        let text =
            std::fs::read_to_string(&manifest).map_err(|error| format!("{error}: {}", manifest.display()))?;
        let section =
            text.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap_or_default();
        for (other, _) in DATAFLOW {
            let depends = section
                .lines()
                .any(|line| line.strip_prefix(other).is_some_and(|rest| rest.starts_with(['.', ' ', '='])));
            if depends && !allowed.contains(other) {
                return Err(format!("{name} must not depend on {other}: see ARCHITECTURE.md"));
            }
        }
    }
    Ok(())
}

fn unsafe_files() -> Done {
    let mut files = Vec::new();
    for (name, _) in DATAFLOW {
        sources(&root().join(name).join("src"), &mut files)?;
    }
    sources(&root().join("tests/programs/borrowck/src"), &mut files)?;
    for path in files {
        let relative = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{error}: {relative}"))?;
        let opens = text.lines().any(|line| {
            let line = line.trim_start();
            (line.starts_with("#![") || line.starts_with("#[")) && line.contains("(unsafe_code")
        });
        if opens && !UNSAFE_FILES.contains(&relative.as_str()) {
            return Err(format!(
                "unsafe code is opened in a file that ARCHITECTURE.md does not name: {relative}"
            ));
        }
    }
    Ok(())
}

fn sources(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Done {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{error}: {}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
