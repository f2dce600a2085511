//! The test of stacks once more, of a program that was built with frame pointers:
//! they are used, and say what the unwinder says.

use std::path::Path;
use std::process::Command;

#[test]
fn stacks_by_frame_pointers() {
    // …/<profile>/deps/<this test>
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("the target folder").join("frame-pointers");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        // Over the system's allocator: jemalloc is not built a second time.
        .args(["test", "--no-default-features", "--features", "enabled,unwind", "--test", "stacks"])
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .env("RUSTFLAGS", "-C force-frame-pointers=yes")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo is there");
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(out.contains("stacks frame pointers"), "{out}{said}");
}
