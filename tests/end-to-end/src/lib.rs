//! What the end-to-end tests share: a snapshot of this very process, taken and
//! analysed without a trace in what it measures.

pub mod judge;

use heap_analysis::config::Config;
use heap_analysis::{Analysis, Heap, Lens};
use heap_snapshot::live::ToolScope;
use heap_snapshot::read::{self, Snapshot};
use heap_snapshot::record::LiveBlock;
use heap_walk::Walk;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a snapshot of this process. All that this allocates is the tool's own;
/// the result must be dropped or kept in a [`ToolScope`] of the caller's choice.
///
/// # Panics
///
/// Where the snapshot cannot be read back without problems.
pub fn take(roots: &[(&str, &dyn Walk)]) -> Snapshot {
    let bytes = take_bytes(roots);
    // What it leaves behind would be addresses of blocks in the program's free memory.
    let _tool = ToolScope::enter();
    let mut file = read::read(&bytes[..], |_| true).expect("our own snapshot");
    assert!(file.problems.is_empty(), "{:?}", file.problems);
    assert_eq!(file.snapshots.len(), 1);
    file.snapshots.remove(0)
}

/// The bytes of a snapshot of this process.
///
/// # Panics
///
/// Where it cannot be written.
pub fn take_bytes(roots: &[(&str, &dyn Walk)]) -> Vec<u8> {
    // The tests of one binary share a process, which takes one snapshot at a time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _tool = ToolScope::enter();
    let buffer = Buffer::default();
    heap_walk::snapshot(buffer.clone(), roots).expect("memory takes everything");
    let bytes = std::mem::take(&mut *buffer.0.lock().unwrap_or_else(PoisonError::into_inner));
    bytes
}

/// Analyses a snapshot under the default lens, without a config.
pub fn analyse(snapshot: Snapshot) -> Analysis {
    let heap = Heap::from_snapshot(snapshot);
    Analysis::new(Arc::new(heap), Arc::new(Config::default()), Lens::default())
}

/// A snapshot of this process, analysed. Drop it with [`done`].
pub fn analysis(roots: &[(&str, &dyn Walk)]) -> Analysis {
    let snapshot = take(roots);
    let _tool = ToolScope::enter();
    analyse(snapshot)
}

/// Drops what was the tool's as the tool's.
pub fn done<T>(value: T) {
    let _tool = ToolScope::enter();
    drop(value);
}

/// Blocks that were born while `epoch` was the current one.
pub fn born_in(snapshot: &Snapshot, epoch: u32) -> BTreeMap<u64, LiveBlock> {
    snapshot.blocks.iter().filter(|block| block.epoch == epoch).map(|block| (block.addr, *block)).collect()
}

/// How often each block is claimed by a node of its own, and addresses that are in no block.
pub fn claims(snapshot: &Snapshot) -> (BTreeMap<u64, usize>, Vec<u64>) {
    let (mut claims, mut lost) = (BTreeMap::new(), Vec::new());
    for id in 0..snapshot.nodes.count() {
        let node = snapshot.nodes.get(id);
        if node.parent.is_none() {
            continue;
        }
        let at = snapshot.blocks.partition_point(|block| block.addr <= node.addr);
        let block = snapshot.blocks[..at].last().filter(|block| node.addr - block.addr < block.usable);
        match block {
            Some(block) => *claims.entry(block.addr).or_insert(0) += 1,
            None => lost.push(node.addr),
        }
    }
    (claims, lost)
}

/// A program of the workspace, built in this test's profile.
///
/// # Panics
///
/// Where it cannot be built.
pub fn program(name: &str) -> std::path::PathBuf {
    // …/<profile>/deps/<this test>
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("the profile's folder").to_owned();
    let path = profile.join(name);
    // `cargo test --workspace` has built it; a test that is run alone builds it first.
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.env("CARGO_TARGET_DIR", profile.parent().expect("the target folder"));
    if profile.file_name().is_some_and(|profile| profile == "release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo").success(), "{name} cannot be built");
    path
}

/// A folder of one test's own. It is gone when the test has passed.
#[derive(Debug)]
pub struct Folder(std::path::PathBuf);

impl std::ops::Deref for Folder {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failed test wrote may say why.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A folder of one test's own, empty.
///
/// # Panics
///
/// Where it cannot be made.
pub fn folder(test: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("heap-inspector-{}-{test}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder");
    Folder(path)
}
