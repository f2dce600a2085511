//! A writer that notes what a snapshot is made of while it passes through.

use crate::clock;
use heap_snapshot::frame::{FrameKind, Head, HEAD_SIZE};
use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

/// What was measured of one snapshot.
#[derive(Clone, Copy, Default, Debug)]
pub struct Measured {
    /// Bytes of all frames of the walk: nodes, edges, contents and the rest.
    pub walk_bytes: u64,
    /// Bytes of the block table.
    pub block_bytes: u64,
    /// Largest number of bytes that the tool's own blocks had when a frame was
    /// written, where it was asked for.
    pub tool_bytes: u64,
    /// The thread's CPU time when the last frame before the block table was
    /// written, which is when the walk had ended.
    pub walk_ended_ns: u64,
}

/// Hands everything on to another writer. A snapshot's writer makes one call per frame.
pub struct Meter<W> {
    to: W,
    measured: Rc<Cell<Measured>>,
    is_walking: bool,
    is_sampling: bool,
}

impl<W: Write> Meter<W> {
    /// A meter in front of `to`, and where its figures are found.
    pub fn new(to: W) -> (Meter<W>, Rc<Cell<Measured>>) {
        let measured = Rc::default();
        (Meter { to, measured: Rc::clone(&measured), is_walking: true, is_sampling: false }, measured)
    }
}

impl<W: Write> Meter<W> {
    /// Looks at the tool's memory with every frame, which takes time of the walk.
    pub fn sampling(mut self) -> Meter<W> {
        self.is_sampling = true;
        self
    }
}

impl<W: Write> Write for Meter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        let mut measured = self.measured.get();
        if self.is_sampling {
            measured.tool_bytes = measured.tool_bytes.max(tracking_alloc::blocks().figures().tool);
        }
        let head = bytes.first_chunk::<HEAD_SIZE>().and_then(Head::decode);
        match head.map(|head| head.kind) {
            Some(FrameKind::BLOCKS) => {
                measured.block_bytes += bytes.len() as u64;
                self.is_walking = false;
            }
            kind => {
                measured.walk_bytes += bytes.len() as u64;
                // The rest of the nodes is written at the very end.
                if self.is_walking && kind != Some(FrameKind::ALLOCATOR) {
                    measured.walk_ended_ns = clock::thread_ns();
                } else {
                    self.is_walking = false;
                }
            }
        }
        self.measured.set(measured);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
