//! What the README tells a new user to do, done: its lines in an empty crate.

use end_to_end::{folder, program};
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// The first code block in this language after the heading "Putting it into your own program".
fn block(language: &str) -> &'static str {
    let section = README.split("## Putting it into your own program").nth(1).expect("the section");
    let fence = format!("```{language}\n");
    let block = section.split(&fence).nth(1).expect("the block");
    block.split("```").next().expect("its end")
}

#[test]
fn an_empty_crate_with_the_readmes_lines_has_a_ledger_that_closes() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    let folder = folder("readme");
    let dependencies = block("toml").replace("../heap-inspector", &workspace.to_string_lossy());
    let manifest = format!(
        "[package]\nname = \"library\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n{dependencies}\n[workspace]\n"
    );
    std::fs::create_dir(folder.join("src")).expect("a folder");
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    std::fs::write(folder.join("src/main.rs"), block("rust")).expect("written");
    // The same versions as ours, so that nothing new is fetched.
    std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).expect("copied");

    // Kept between runs: building jemalloc takes its time.
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("the target folder").join("readme");
    let run = |walk: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet"])
            .current_dir(&*folder)
            .env("CARGO_TARGET_DIR", &target)
            .env("HEAP_WALK", walk)
            .output()
            .expect("cargo");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    let said = run("?");
    assert!(said.contains("heap-walk: filled: 1 hits, "), "{said}");
    assert!(said.contains("HEAP_WALK='filled[books=1000]'"), "{said}");
    let said = run("filled");
    let path = said.trim().rsplit(": ").next().expect("the path");
    let path = folder.join(path);

    let ask = |arguments: &[&str]| {
        let output =
            Command::new(program("inspector-console")).arg(&path).args(arguments).output().expect("console");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let summary = ask(&["summary"]);
    assert!(summary.contains("the ledger closes"), "{summary}");
    assert!(summary.contains("library at checkpoint filled, hit 1, books=1000"), "{summary}");
    let books = ask(&["type", "Book"]);
    assert!(books.contains("Known") && books.contains("Lost"), "{books}");
    assert!(books.contains("334") && books.contains("666"), "live values of each variant: {books}");
}

/// Files that the README points to are there.
#[test]
fn links_lead_somewhere() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    for link in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(workspace.join(link).exists(), "{link}");
    }
}
