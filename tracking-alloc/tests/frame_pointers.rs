//! The test of stacks once more, of programs that were built otherwise: with frame pointers, which are
//! used and say what the unwinder says; with nothing else; and with neither, where none are taken and that is said.

use std::path::Path;
use std::process::Command;

/// What the test prints, built with these features and frame pointers or without.
fn stacks(features: &str, has_frame_pointers: bool) -> String {
    // …/<profile>/deps/<this test>
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("the target folder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Over the system's allocator: jemalloc is not built a second time.
    command.args(["test", "--no-default-features", "--features", features, "--test", "stacks"]);
    command.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    match has_frame_pointers {
        true => {
            command.arg("--target-dir").arg(target.join("frame-pointers"));
            command.env("RUSTFLAGS", "-C force-frame-pointers=yes").env_remove("CARGO_ENCODED_RUSTFLAGS")
        }
        // What is built there already serves.
        false => command.arg("--target-dir").arg(target),
    };
    let output = command.output().expect("cargo is there");
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    format!("{out}{said}")
}

#[test]
fn stacks_by_frame_pointers() {
    for features in ["enabled,unwind", "enabled"] {
        let out = stacks(features, true);
        assert!(out.contains("stacks frame pointers"), "{features}: {out}");
    }
}

#[test]
fn a_program_that_cannot_be_unwound_says_so() {
    let out = stacks("enabled", false);
    assert!(out.contains("stacks none"), "{out}");
}
