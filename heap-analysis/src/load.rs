//! From a file to a [`Heap`]. The only input this crate does.

use crate::heap::Heap;
use crate::preview::Preview;
use heap_snapshot::read;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// How far loading has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Bytes of the file read, of how many (0: not known).
    Reading {
        /// Bytes read.
        read: u64,
        /// Bytes there are.
        total: u64,
    },
    /// The file has been read: what is known by then.
    Read(Arc<Preview>),
    /// Work after reading.
    Phase(&'static str),
}

/// A loaded file: one of its snapshots, and what the others are.
#[derive(Debug)]
pub struct Loaded {
    /// The chosen snapshot.
    pub heap: Heap,
    /// Its position in the file, from 0.
    pub index: usize,
    /// All snapshots of the file.
    pub snapshots: Vec<SnapshotInfo>,
}

/// What a snapshot of a file is.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct SnapshotInfo {
    /// Position in the file, from 0.
    pub index: usize,
    /// File name of the executable.
    pub program: String,
    /// Name of the checkpoint.
    pub checkpoint: String,
    /// Which hit of it.
    pub hit: u64,
    /// Its labels: name and value.
    pub labels: Vec<(String, String)>,
    /// Number of nodes.
    pub nodes: u64,
    /// Whether it was written to its end.
    pub is_complete: bool,
}

/// Why nothing could be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read, or is no snapshot.
    Read(read::Error),
    /// The file holds no snapshot, or not that many.
    NoSuchSnapshot {
        /// The one asked for, from 0.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// The caller's progress function said to stop.
    Cancelled,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Read(error) => error.fmt(f),
            LoadError::NoSuchSnapshot { found: 0, .. } => f.write_str(
                "holds no snapshot: the program was stopped before its checkpoint wrote anything, take another one",
            ),
            LoadError::NoSuchSnapshot { wanted, found } => {
                write!(f, "holds {found} snapshots and no number {}: choose 1 to {found}", wanted + 1)
            }
            LoadError::Cancelled => f.write_str("loading was stopped"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads a snapshot of the file at `path`: number `which` from 0, or the last
/// one. `progress` is told how far it is and says whether to go on.
///
/// # Errors
///
/// Where the file cannot be read, is none, holds no such snapshot, or
/// `progress` said no. Damage after the first bytes is no error: it is in
/// [`Heap::problems`].
pub fn load(
    path: &Path,
    which: Option<usize>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Loaded, LoadError> {
    let file = File::open(path).map_err(|error| LoadError::Read(error.into()))?;
    let total = file.metadata().map_or(0, |metadata| metadata.len());
    load_from(BufReader::with_capacity(1 << 18, file), total, which, progress)
}

/// As [`load`], from any source of `total` bytes (0: not known).
///
/// # Errors
///
/// As [`load`].
pub fn load_from(
    input: impl Read,
    total: u64,
    which: Option<usize>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Loaded, LoadError> {
    let mut is_cancelled = false;
    let mut file = read::read(input, |read| {
        is_cancelled = !progress(Progress::Reading { read, total });
        !is_cancelled
    })
    .map_err(LoadError::Read)?;
    if is_cancelled {
        return Err(LoadError::Cancelled);
    }
    let snapshots: Vec<SnapshotInfo> = file
        .snapshots
        .iter()
        .enumerate()
        .map(|(index, snapshot)| SnapshotInfo {
            index,
            program: snapshot.header.program.clone(),
            checkpoint: snapshot.header.checkpoint.clone(),
            hit: snapshot.header.hit,
            labels: snapshot.header.labels.clone(),
            nodes: snapshot.nodes.count() as u64,
            is_complete: snapshot.footer.is_some(),
        })
        .collect();
    let index = which.unwrap_or(snapshots.len().saturating_sub(1));
    if index >= snapshots.len() {
        return Err(LoadError::NoSuchSnapshot { wanted: index, found: snapshots.len() });
    }
    let problems: Vec<String> = file.problems.iter().map(ToString::to_string).collect();
    let snapshot = file.snapshots.swap_remove(index);
    drop(file);
    if !progress(Progress::Read(Arc::new(Preview::of(&snapshot, problems.clone())))) {
        return Err(LoadError::Cancelled);
    }
    let heap = Heap::build(snapshot, problems, &mut |phase| progress(Progress::Phase(phase)))
        .ok_or(LoadError::Cancelled)?;
    Ok(Loaded { heap, index, snapshots })
}
