//! A file of a later version: kinds that this one does not know.

mod common;

use common::assert_whole;
use heap_snapshot::frame::{FrameKind, VERSION};
use heap_snapshot::read::read;
use heap_snapshot::record::{Edge, EdgeKind, LabelIdx, StackFrame, Target};
use heap_snapshot::write::Writer;

/// An edge kind that does not exist.
const WAITS_ON: EdgeKind = EdgeKind(77);

#[test]
fn unknown_frames_are_skipped_and_unknown_edges_kept() {
    let mut writer = Writer::new(Vec::new(), 7, 1);
    common::write(&mut writer, 40);
    writer.foreign_frame(FrameKind(900), &["tasks", "of", "an", "async", "runtime"]);
    writer.foreign_frame(FrameKind(900), &"once more");
    let edge =
        Edge { from: 3, kind: WAITS_ON, label: LabelIdx(0), place: 8, target: Target::Node(4), ty: None };
    writer.edge(&edge);
    let bytes = writer.finish().expect("memory takes everything");
    let file = read(&bytes[..], |_| true).expect("a snapshot");
    let snapshot = &file.snapshots[0];
    assert_whole(snapshot, 40);
    assert_eq!(snapshot.edges.last(), Some(&edge));
    assert_eq!(file.problems.len(), 1, "said once: {:?}", file.problems);
    assert_eq!(file.problems[0].frame, "kind 900");
    assert_eq!(EdgeKind::OWN.name(), Some("own"));
    assert_eq!(WAITS_ON.name(), None);
}

/// Versions of which a file is committed.
const CORPUS: &[(u16, u16)] = &[(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)];

/// Snapshots of every version are still read. The file of a new version is
/// written with `WRITE_CORPUS=1`, once.
#[test]
fn committed_files_of_old_versions() {
    assert_eq!(CORPUS.last(), Some(&VERSION), "a new version has a file of its own");
    for (major, minor) in CORPUS {
        let path = format!("{}/tests/corpus/v{major}.{minor}.heapsnap", env!("CARGO_MANIFEST_DIR"));
        if (*major, *minor) == VERSION && std::env::var_os("WRITE_CORPUS").is_some() {
            std::fs::write(&path, common::small()).expect("written");
        }
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = read(&bytes[..], |_| true).expect("a snapshot");
        assert_eq!(file.problems, [], "{path}");
        assert_eq!(file.kinds.version, (*major, *minor));
        assert_whole(&file.snapshots[0], 40);
        let has_stacks = (*major, *minor) >= (2, 1);
        assert_eq!(file.snapshots[0].stacks.is_some(), has_stacks);
        assert_eq!(file.snapshots[0].block_stacks.len(), if has_stacks { 40 } else { 0 });
        let has_pages = (*major, *minor) >= (2, 3);
        assert_eq!(file.snapshots[0].process_memory.is_some(), has_pages);
        assert_eq!(file.snapshots[0].pointers.len(), if has_pages { 40 } else { 0 });
        let why = file.snapshots[0].footer.as_ref().map(|footer| footer.not_searched);
        assert_eq!(why, Some(if (*major, *minor) >= (2, 4) { 2 } else { 0 }));
    }
}

#[test]
fn stacks_come_back() {
    let file = read(&common::small()[..], |_| true).expect("a snapshot");
    let snapshot = &file.snapshots[0];
    assert_eq!(snapshot.block_stacks[..9], [1, 0, 1, 1, 2, 0, 1, 1, 3]);
    assert_eq!(snapshot.stack_frames.len(), 11);
    assert_eq!(snapshot.stack_frames[0], StackFrame { parent: 0, address: 0x5000 });
    assert_eq!(snapshot.stack_frames[9], StackFrame { parent: 1, address: 0x5000 + 36 });
    assert_eq!(snapshot.stack_frames[9].tag(), None);
    assert_eq!(snapshot.stack_frames[10].tag(), Some(0));
    assert_eq!(snapshot.tags, ["parse"]);
    assert_eq!(snapshot.roots[0].source.as_ref().map(|source| source.line), Some(9));
    assert_eq!(snapshot.stacks.map(|figures| figures.nodes), Some(40));
}

#[test]
fn pages_and_pointers_come_back() {
    let file = read(&common::small()[..], |_| true).expect("a snapshot");
    let snapshot = &file.snapshots[0];
    assert_eq!(snapshot.size_classes, [common::size_class()]);
    assert_eq!(snapshot.process_memory.map(|memory| memory.total()), Some(15));
    assert_eq!(snapshot.pointers, (0..40).map(common::pointer).collect::<Vec<_>>());
    assert_eq!(snapshot.pointer_scan.as_ref().map(|scan| &scan.regions[..]), Some(&[common::region()][..]));
}
