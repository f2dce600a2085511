//! What is cut off or damaged: whole frames are read, the rest is a problem,
//! nothing panics, and no number in a file decides how much is allocated.

#![allow(unsafe_code, reason = "a global allocator that watches for large requests")]

mod common;

use common::{assert_whole, small, write};
use heap_snapshot::frame::{FrameKind, Head, HEAD_SIZE};
use heap_snapshot::read::{read, Error};
use heap_snapshot::write::Writer;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many nodes that their columns take several frames.
const MANY: u64 = 50_000;

struct Watching;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: our caller's layout.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: our caller's pointer and layout.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOC: Watching = Watching;

#[test]
fn what_was_written_is_read() {
    let mut writer = Writer::new(Vec::new(), 7, 1);
    write(&mut writer, 40);
    write(&mut writer, MANY);
    let bytes = writer.finish().expect("memory takes everything");
    let file = read(&bytes[..], |_| true).expect("a snapshot");
    assert_eq!(file.problems, []);
    assert_eq!(file.snapshots.len(), 2);
    assert_whole(&file.snapshots[0], 40);
    assert_whole(&file.snapshots[1], MANY);
}

#[test]
fn a_file_cut_at_any_byte_opens_up_to_its_last_whole_frame() {
    let bytes = small();
    let whole = read(&bytes[..], |_| true).expect("whole");
    assert_whole(&whole.snapshots[0], 40);
    let mut blocks = 0;
    for len in 0..bytes.len() {
        match read(&bytes[..len], |_| true) {
            Err(error) => {
                assert!(matches!(error, Error::NotASnapshot), "{error}");
                assert!(len < 8, "cut at {len}");
            }
            Ok(file) => {
                assert!(file.problems.len() <= 1, "cut at {len}: {:?}", file.problems);
                let found = file.snapshots.first().map_or(0, |snapshot| snapshot.blocks.len());
                assert!(found >= blocks, "cut at {len}: a longer file holds more");
                blocks = found;
                assert!(file.snapshots.first().is_none_or(|snapshot| snapshot.footer.is_none()));
            }
        }
    }
    assert_eq!(blocks, 40);
}

#[test]
fn a_damaged_byte_costs_one_frame() {
    let mut writer = Writer::new(Vec::new(), 7, 1);
    write(&mut writer, 40);
    write(&mut writer, 40);
    let bytes = writer.finish().expect("memory takes everything");
    let middle = bytes.len() / 2;
    for at in 8 + HEAD_SIZE..middle - 2 * HEAD_SIZE {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        let file = read(&bytes[..], |_| true).expect("the head is whole");
        assert!(!file.problems.is_empty(), "byte {at}: damage is noticed");
        let last = file.snapshots.last().expect("the second snapshot");
        assert_whole(last, 40);
    }
}

/// Deterministic numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

#[test]
fn random_damage_never_panics_or_asks_for_much() {
    let bytes = small();
    let rounds = std::env::var("DAMAGE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3000);
    let mut random = Random(42);
    LARGEST.store(0, Ordering::Relaxed);
    for _ in 0..rounds {
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => bytes.truncate(at.max(9)),
                _ => {
                    let from = random.below(bytes.len());
                    let len = random.below(64).min(bytes.len() - from.max(at));
                    bytes.copy_within(from..from + len, at);
                }
            }
        }
        // With checksums made right, so that the damage reaches the decoder.
        if random.below(2) == 0 {
            repair_checksums(&mut bytes);
        }
        let _ = read(&bytes[..], |_| true);
    }
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < 16 << 20, "a request of {largest} bytes for a file of {}", bytes.len());
}

fn repair_checksums(bytes: &mut [u8]) {
    let mut at = 8;
    while at + HEAD_SIZE <= bytes.len() {
        let head: [u8; HEAD_SIZE] = bytes[at..at + HEAD_SIZE].try_into().expect("as long as a head");
        let Some(head) = Head::decode(&head) else { return };
        let end = at + HEAD_SIZE + head.len as usize;
        if end > bytes.len() {
            return;
        }
        let encoded = head.encode(&bytes[at + HEAD_SIZE..end]);
        bytes[at..at + HEAD_SIZE].copy_from_slice(&encoded);
        at = end;
    }
}

#[test]
fn a_list_that_claims_to_be_endless_is_an_error() {
    let mut bytes = small();
    // MessagePack: an array of 2^32 - 1 elements, with two bytes behind it.
    let body = [0xdd, 0xff, 0xff, 0xff, 0xff, 0x80, 0x80];
    let head = Head {
        kind: FrameKind::TYPES,
        sum: 0,
        len: body.len() as u32,
        process: 1,
        thread: 1,
        time_ns: 0,
        checksum: 0,
    };
    bytes.extend_from_slice(&head.encode(&body));
    bytes.extend_from_slice(&body);
    LARGEST.store(0, Ordering::Relaxed);
    let file = read(&bytes[..], |_| true).expect("a snapshot");
    assert_eq!(file.problems.len(), 1, "{:?}", file.problems);
    assert_eq!(file.problems[0].frame, "types");
    assert!(LARGEST.load(Ordering::Relaxed) < 16 << 20);
}

#[test]
fn other_files_and_versions_are_refused_with_a_reason() {
    let said = |bytes: &[u8]| read(bytes, |_| true).expect_err("refused").to_string();
    assert_eq!(said(b"PNG and so on"), "not a heap snapshot: it does not begin with `HEAPSNAP`");
    assert_eq!(said(b""), "not a heap snapshot: it does not begin with `HEAPSNAP`");
    let bytes = small();
    let at = bytes.windows(7).position(|bytes| bytes == b"version").expect("the version's name") + 7;
    let mut newer = bytes.clone();
    assert_eq!(newer[at..at + 2], [0x92, 2], "an array of two, the major number first");
    newer[at + 1] = 9;
    repair_checksums(&mut newer);
    assert_eq!(
        said(&newer),
        "written in format 9.4, and this inspector reads 1.x to 2.x: use the inspector that came with the program"
    );
}
