//! Streaming encoder. Its memory does not grow with the heap: hot records go
//! into buffers that are written out when they reach [`COLUMN_BYTES`].

use crate::frame::{
    BlockColumns, ContentColumns, EdgeColumns, FrameKind, Head, Kinds, NodeColumns, HEAD_SIZE, MAGIC,
};
use crate::pack::{BlockPacker, ContentPacker, EdgePacker, NodePacker};
pub use crate::pack::{Met, NodeSite};
use crate::pointers::PointerPacker;
use crate::record::{
    AllocatorFigures, Content, Edge, Footer, Header, LabelDesc, LiveBlock, Node, NodeTypeDesc, Pointer,
    PointerScan, ProcessMemory, Root, Split, StackFigures, StackFrame, TypeDesc,
};
use crate::stacks::{BlockStackPacker, FramePacker};
use serde::Serialize;
use std::io::{self, Write};
use std::time::Instant;

/// Bytes of hot records after which a frame is written.
pub const COLUMN_BYTES: usize = 256 << 10;

/// Records between two looks at the size of their buffer, less one. They add
/// a few KiB at most.
const LOOK: u64 = 63;

/// Writes snapshots, one after the other, into one file.
///
/// After the first error of the underlying writer nothing more is written;
/// each later call returns at once, and [`Writer::finish`] returns that error.
/// So a walk need not look at the result of every record.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    error: Option<io::Error>,
    process: u32,
    thread: u64,
    begun: Instant,
    written: u64,
    body: Vec<u8>,
    nodes: NodePacker,
    edges: EdgePacker,
    contents: ContentPacker,
    blocks: BlockPacker,
    stack_frames: FramePacker,
    block_stacks: BlockStackPacker,
    pointers: PointerPacker,
    counts: Counts,
    /// The counts when a frame of the kind was last written.
    framed: Counts,
}

/// Records since the header.
#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    nodes: u64,
    edges: u64,
    contents: u64,
    blocks: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file. `process` and `thread` are noted in every frame.
    pub fn new(out: W, process: u32, thread: u64) -> Writer<W> {
        let mut writer = Writer {
            out,
            error: None,
            process,
            thread,
            begun: Instant::now(),
            written: 0,
            body: Vec::new(),
            nodes: NodePacker::default(),
            edges: EdgePacker::default(),
            contents: ContentPacker::default(),
            blocks: BlockPacker::default(),
            stack_frames: FramePacker::default(),
            block_stacks: BlockStackPacker::default(),
            pointers: PointerPacker::default(),
            counts: Counts::default(),
            framed: Counts::default(),
        };
        writer.put(&MAGIC);
        writer.frame(FrameKind::KINDS, &Kinds::current());
        writer
    }

    /// Begins a snapshot: ids of nodes, types and labels start again at 0.
    pub fn header(&mut self, header: &Header) {
        self.flush();
        self.counts = Counts::default();
        self.framed = Counts::default();
        self.stack_frames.restart();
        self.frame(FrameKind::HEADER, header);
    }

    /// Appends types.
    pub fn types(&mut self, types: &[TypeDesc]) {
        self.frame(FrameKind::TYPES, &types);
    }

    /// Appends node types.
    pub fn node_types(&mut self, types: &[NodeTypeDesc]) {
        self.frame(FrameKind::NODE_TYPES, &types);
    }

    /// Appends labels.
    pub fn labels(&mut self, labels: &[LabelDesc]) {
        self.frame(FrameKind::LABELS, &labels);
    }

    /// Appends roots.
    pub fn roots(&mut self, roots: &[Root]) {
        self.frame(FrameKind::ROOTS, &roots);
    }

    /// Appends a list of any other kind: census, shared, values, unreadable, offsets, size classes.
    pub fn list<T: Serialize>(&mut self, kind: FrameKind, rows: &[T]) {
        // Pieces, so that no frame reaches the size a reader refuses.
        for rows in rows.chunks(1 << 14) {
            self.frame(kind, &rows);
        }
    }

    /// Notes the allocator's figures.
    pub fn allocator(&mut self, figures: &AllocatorFigures) {
        self.frame(FrameKind::ALLOCATOR, figures);
    }

    /// Notes what the process's memory is.
    pub fn process_memory(&mut self, memory: &ProcessMemory) {
        self.frame(FrameKind::PROCESS_MEMORY, memory);
    }

    /// Writes a pointer into an unclaimed block. Ascending places are shortest.
    pub fn pointer(&mut self, pointer: Pointer) {
        self.pointers.put(pointer);
        if self.pointers.byte_size() >= COLUMN_BYTES {
            self.flush_pointers();
        }
    }

    /// Notes how pointers were searched for.
    pub fn pointer_scan(&mut self, scan: &PointerScan) {
        self.frame(FrameKind::POINTER_SCAN, scan);
    }

    /// Notes how stacks were taken.
    pub fn stack_figures(&mut self, figures: &StackFigures) {
        self.frame(FrameKind::STACK_FIGURES, figures);
    }

    /// Writes a stack and returns its number. Its parent was written before.
    pub fn stack(&mut self, frame: StackFrame) -> u32 {
        let id = self.stack_frames.put(frame);
        if self.stack_frames.byte_size() >= COLUMN_BYTES {
            self.flush_stacks();
        }
        id
    }

    /// Writes a live block and the stack that allocated it, or 0.
    pub fn block_of(&mut self, block: &LiveBlock, stack: u32) {
        self.block_stacks.put(block.addr, stack);
        self.block(block);
    }

    /// The number that the next node will have.
    #[inline]
    pub fn next_node(&self) -> u64 {
        self.counts.nodes
    }

    /// Edges written since the header.
    pub fn edge_count(&self) -> u64 {
        self.counts.edges
    }

    /// Blocks written since the header.
    pub fn block_count(&self) -> u64 {
        self.counts.blocks
    }

    /// Bytes written to the file so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes a node and returns its id. `parent_addr` is the `addr` of its parent, 0 for a root.
    #[inline]
    pub fn node(&mut self, node: &Node, parent_addr: u64) -> u64 {
        self.met(Met::of(node, parent_addr))
    }

    /// Writes a node and returns its id.
    #[inline(always)]
    pub fn met(&mut self, met: Met) -> u64 {
        let id = self.counts.nodes;
        self.nodes.put(id, met);
        self.counts.nodes += 1;
        if self.counts.nodes & LOOK == 0 && (self.nodes.byte_size() >= COLUMN_BYTES || self.nodes.is_full()) {
            self.flush_nodes();
        }
        id
    }

    /// Writes an edge.
    #[inline(always)]
    pub fn edge(&mut self, edge: &Edge) {
        self.edges.put(edge);
        self.counts.edges += 1;
        if self.counts.edges & LOOK == 0 && (self.edges.byte_size() >= COLUMN_BYTES || self.edges.is_full()) {
            self.flush_edges();
        }
    }

    /// Writes how a node's values divide.
    #[inline(always)]
    pub fn content(&mut self, content: &Content) {
        self.contents.put(content);
        self.counts.contents += 1;
        if self.counts.contents & LOOK == 0 && self.contents.byte_size() >= COLUMN_BYTES {
            self.flush_contents();
        }
    }

    /// Writes a live block. Ascending addresses are shortest.
    #[inline(always)]
    pub fn block(&mut self, block: &LiveBlock) {
        self.blocks.put(block);
        self.counts.blocks += 1;
        if self.counts.blocks & LOOK == 0 && self.blocks.byte_size() >= COLUMN_BYTES {
            self.flush_blocks();
        }
    }

    /// Completes a snapshot.
    pub fn footer(&mut self, footer: &Footer) {
        self.flush();
        self.frame(FrameKind::FOOTER, footer);
    }

    /// Writes a frame of a kind that this crate does not know.
    pub fn foreign_frame<T: Serialize>(&mut self, kind: FrameKind, body: &T) {
        self.frame(kind, body);
    }

    /// Flushes everything and returns the underlying writer, or the first error it gave.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush();
        match self.error {
            Some(error) => Err(error),
            None => {
                self.out.flush()?;
                Ok(self.out)
            }
        }
    }

    /// Writes out all records, so that what was recorded is in the file.
    pub fn flush(&mut self) {
        self.flush_nodes();
        self.flush_edges();
        self.flush_contents();
        self.flush_blocks();
        self.flush_pointers();
    }

    // Whatever is measured from what was before begins anew in each frame, so
    // that a damaged frame costs no other.
    #[cold]
    fn flush_nodes(&mut self) {
        let first = std::mem::replace(&mut self.framed.nodes, self.counts.nodes);
        let (packed, sites) = self.nodes.take();
        let columns =
            NodeColumns { first, count: self.counts.nodes - first, packed, sites, ..NodeColumns::default() };
        if columns.count > 0 {
            self.frame(FrameKind::NODES, &columns);
        }
        self.nodes.reuse(columns.packed);
    }

    #[cold]
    fn flush_edges(&mut self) {
        let first = std::mem::replace(&mut self.framed.edges, self.counts.edges);
        let (packed, sites) = self.edges.take();
        let columns =
            EdgeColumns { count: self.counts.edges - first, packed, sites, ..EdgeColumns::default() };
        if columns.count > 0 {
            self.frame(FrameKind::EDGES, &columns);
        }
        self.edges.reuse(columns.packed);
    }

    #[cold]
    fn flush_contents(&mut self) {
        let first = std::mem::replace(&mut self.framed.contents, self.counts.contents);
        let (packed, classes) = self.contents.take();
        let columns = ContentColumns {
            count: self.counts.contents - first,
            packed,
            classes,
            ..ContentColumns::default()
        };
        if columns.count > 0 {
            self.frame(FrameKind::CONTENTS, &columns);
        }
        self.contents.reuse(columns.packed);
    }

    #[cold]
    fn flush_blocks(&mut self) {
        let first = std::mem::replace(&mut self.framed.blocks, self.counts.blocks);
        let packed = self.blocks.take();
        let columns = BlockColumns { count: self.counts.blocks - first, packed, ..BlockColumns::default() };
        if columns.count > 0 {
            self.frame(FrameKind::BLOCKS, &columns);
        }
        self.blocks.reuse(columns.packed);
        // Stacks before who refers to them, and that after the blocks that it speaks of.
        self.flush_stacks();
        let stacks = self.block_stacks.take();
        if stacks.count > 0 {
            self.frame(FrameKind::BLOCK_STACKS, &stacks);
        }
    }

    #[cold]
    fn flush_stacks(&mut self) {
        let frames = self.stack_frames.take();
        if frames.count > 0 {
            self.frame(FrameKind::STACK_FRAMES, &frames);
        }
    }

    #[cold]
    fn flush_pointers(&mut self) {
        let pointers = self.pointers.take();
        if pointers.count > 0 {
            self.frame(FrameKind::POINTERS, &pointers);
        }
    }

    fn frame<T: Serialize>(&mut self, kind: FrameKind, body: &T) {
        if self.error.is_some() {
            return;
        }
        let mut bytes = std::mem::take(&mut self.body);
        bytes.clear();
        bytes.resize(HEAD_SIZE, 0);
        // By name, so that fields can be added without a new version.
        let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        if let Err(error) = body.serialize(&mut serializer) {
            self.error = Some(io::Error::other(error));
            return;
        }
        let head = Head {
            kind,
            // Readers of any version must be able to tell which one this is.
            sum: u16::from(kind != FrameKind::KINDS),
            len: (bytes.len() - HEAD_SIZE) as u32,
            process: self.process,
            thread: self.thread,
            time_ns: u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
            checksum: 0,
        };
        let encoded = head.encode(&bytes[HEAD_SIZE..]);
        bytes[..HEAD_SIZE].copy_from_slice(&encoded);
        self.put(&bytes);
        self.body = bytes;
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            match self.out.write_all(bytes) {
                Ok(()) => self.written += bytes.len() as u64,
                Err(error) => self.error = Some(error),
            }
        }
    }
}

impl Split {
    /// The split whose non-zero parts `mask` names.
    pub(crate) fn from_mask(mask: u8, mut next: impl FnMut() -> Option<u64>) -> Option<Split> {
        let mut parts = [0; 6];
        for (bit, part) in parts.iter_mut().enumerate() {
            if mask & 1 << bit != 0 {
                *part = next()?;
            }
        }
        Some(Split::from_parts(parts))
    }
}
