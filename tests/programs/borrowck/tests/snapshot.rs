//! What the checkpoints write: every type of the program is walked, so next to nothing of its heap
//! is left over.
#![cfg(feature = "heap-walk")]

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, process};

use heap_snapshot::read::{read, Snapshot};
use heap_snapshot::record::EdgeKind;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The one snapshot that a directive writes on the committed facts.
fn snapshot(test: &str, directive: &str) -> Snapshot {
    let folder = Folder(env::temp_dir().join(format!("borrowck-{test}-{}", process::id())));
    fs::create_dir_all(&folder.0).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_borrowck"))
        .env("RUSTC", "/no/such/rustc")
        .env("HEAP_WALK", directive)
        .env("HEAP_WALK_DIR", &folder.0)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let files: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("expected one snapshot: {files:?} {output:?}") };
    let file = read(File::open(file).unwrap(), |_| true).unwrap();
    assert!(file.problems.is_empty(), "{:?}", file.problems);
    file.snapshots.into_iter().next().unwrap()
}

/// Bytes of the population, and how many of them are claimed with a type, and raw.
fn claimed(snapshot: &Snapshot) -> (u64, u64, u64) {
    let blocks = &snapshot.blocks;
    let mut claims: Vec<Option<EdgeKind>> = vec![None; blocks.len()];
    for id in 0..snapshot.nodes.count() {
        let node = snapshot.nodes.get(id);
        let after = blocks.partition_point(|block| block.addr <= node.addr);
        let inside = after > 0 && node.addr < blocks[after - 1].addr + blocks[after - 1].usable;
        let claim = &mut claims[after.saturating_sub(1)..];
        if node.parent.is_some() && inside && claim[0].is_none_or(|kind| kind == EdgeKind::CLAIM_RAW) {
            claim[0] = Some(node.edge);
        }
    }
    let population = blocks.iter().zip(&claims);
    let population = population.filter(|(block, _)| !block.is_tool && block.epoch < snapshot.header.epoch);
    population.fold((0, 0, 0), |(all, typed, raw), (block, claim)| match claim {
        None => (all + block.usable, typed, raw),
        Some(EdgeKind::CLAIM_RAW) => (all + block.usable, typed, raw + block.usable),
        Some(_) => (all + block.usable, typed + block.usable, raw),
    })
}

fn root_names(snapshot: &Snapshot) -> BTreeSet<&str> {
    snapshot.roots.iter().map(|root| root.name.as_str()).collect()
}

#[test]
fn at_the_end_the_heap_belongs_to_the_global_tables() {
    let snapshot = snapshot("end", "end");
    assert_eq!(root_names(&snapshot), BTreeSet::from(["gcx", "gcx.arena"]));
    let (all, typed, raw) = claimed(&snapshot);
    assert!(all > 1_000_000, "{all} bytes are no test");
    assert!((typed + raw) * 100 >= all * 97, "of {all} bytes {typed} are typed, {raw} raw");
    assert!(typed * 100 >= all * 95, "of {all} bytes {typed} are typed");
    assert!(snapshot.footer.unwrap().quiescent);
}

#[test]
fn after_a_function_its_context_is_there_with_its_parts() {
    let snapshot = snapshot("function", "after_borrowck[def=count_words]");
    assert_eq!(
        root_names(&snapshot),
        BTreeSet::from([
            "gcx",
            "gcx.arena",
            "mbcx",
            "mbcx.body",
            "mbcx.borrow_set",
            "mbcx.facts",
            "mbcx.flow",
            "mbcx.location_table",
            "mbcx.move_data",
            "mbcx.regioncx",
            "source",
        ])
    );
    assert_eq!(snapshot.header.labels, [("def".to_owned(), "count_words".to_owned())]);
    let (all, typed, raw) = claimed(&snapshot);
    assert!((typed + raw) * 100 >= all * 95, "of {all} bytes {typed} are typed, {raw} raw");
    let types: BTreeSet<&str> = snapshot.types.iter().map(|ty| ty.name.as_str()).collect();
    for name in ["StatementKind", "TerminatorKind", "TyKind", "RegionKind", "BorrowData"] {
        assert!(types.iter().any(|ty| ty.contains(name)), "{name} is not among {types:?}");
    }
}
