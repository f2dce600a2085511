//! Streaming encoder. Its memory does not grow with the heap: hot records go
//! into columns that are written out when they reach [`COLUMN_BYTES`].

use crate::frame::{
    BlockColumns, ContentColumns, EdgeColumns, FrameKind, Head, Kinds, NodeColumns, HEAD_SIZE, MAGIC,
};
use crate::record::{
    AllocatorFigures, Content, Edge, EdgeKind, Footer, Header, LabelDesc, LiveBlock, Node, NodeTypeDesc,
    Root, Split, Target, TypeDesc,
};
use crate::varint::{put, put_delta};
use serde::Serialize;
use std::io::{self, Write};
use std::time::Instant;

/// Bytes of column data after which a frame is written.
pub const COLUMN_BYTES: usize = 256 << 10;

/// Records between two looks at the size of their columns, less one. They add
/// a few KiB at most.
const LOOK: u64 = 63;

/// Bit of the `edge` and `kind` columns: a length and a capacity, or a node id, follow.
pub(crate) const FLAG: u8 = 0x80;

/// Bits of the `flags` column of blocks.
pub(crate) const TOOL: u8 = 1;

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
    next_node: u64,
    last_addr: u64,
    last_edge: (u64, u64, u64),
    last_content: u64,
    last_block: u64,
    edge_count: u64,
    block_count: u64,
    nodes: NodeColumns,
    edges: EdgeColumns,
    contents: ContentColumns,
    blocks: BlockColumns,
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
            next_node: 0,
            last_addr: 0,
            last_edge: (0, 0, 0),
            last_content: 0,
            last_block: 0,
            edge_count: 0,
            block_count: 0,
            nodes: NodeColumns::default(),
            edges: EdgeColumns::default(),
            contents: ContentColumns::default(),
            blocks: BlockColumns::default(),
        };
        writer.put(&MAGIC);
        writer.frame(FrameKind::KINDS, &Kinds::current());
        writer
    }

    /// Begins a snapshot: ids of nodes, types and labels start again at 0.
    pub fn header(&mut self, header: &Header) {
        self.flush();
        self.next_node = 0;
        self.edge_count = 0;
        self.block_count = 0;
        self.nodes.clear(0);
        self.edges.clear(0);
        self.contents.clear(0);
        self.blocks.clear(0);
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

    /// Appends a list of any other kind: census, shared, values, unreadable, offsets.
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

    /// The number that the next node will have.
    #[inline]
    pub fn next_node(&self) -> u64 {
        self.next_node
    }

    /// Edges written since the header.
    pub fn edge_count(&self) -> u64 {
        self.edge_count
    }

    /// Blocks written since the header.
    pub fn block_count(&self) -> u64 {
        self.block_count
    }

    /// Bytes written to the file so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes a node and returns its id. `parent_addr` is the `addr` of its parent, 0 for a root.
    #[inline(always)]
    pub fn node(&mut self, node: &Node, parent_addr: u64) -> u64 {
        let id = self.next_node;
        let columns = &mut self.nodes;
        // A parent has a smaller id, so the distance is never 0.
        put(&mut columns.parent, node.parent.map_or(0, |parent| id - parent));
        columns.edge.push(node.edge.0 | if node.len_cap.is_some() { FLAG } else { 0 });
        put(&mut columns.label, u64::from(node.label.0));
        put_delta(&mut columns.place, node.place, parent_addr);
        put(&mut columns.ty, u64::from(node.ty.0));
        put_delta(&mut columns.addr, node.addr, self.last_addr);
        if let Some((len, cap)) = node.len_cap {
            put(&mut columns.len, len);
            put_delta(&mut columns.len, cap, len);
        }
        columns.count += 1;
        self.last_addr = node.addr;
        self.next_node += 1;
        if columns.count & LOOK == 0 && columns.byte_size() >= COLUMN_BYTES {
            self.flush_nodes();
        }
        id
    }

    /// Writes an edge.
    #[inline(always)]
    pub fn edge(&mut self, edge: &Edge) {
        let columns = &mut self.edges;
        let (from, place, addr) = self.last_edge;
        put_delta(&mut columns.from, edge.from, from);
        put(&mut columns.label, u64::from(edge.label.0));
        put_delta(&mut columns.place, edge.place, place);
        put(&mut columns.ty, edge.ty.map_or(0, |ty| u64::from(ty.0) + 1));
        let addr = match edge.target {
            Target::Node(id) => {
                columns.kind.push(edge.kind.0 | FLAG);
                put_delta(&mut columns.target, id, edge.from);
                addr
            }
            Target::Addr(target) => {
                columns.kind.push(edge.kind.0);
                put_delta(&mut columns.target, target, addr);
                target
            }
            // No address, so it is not measured from one.
            Target::Key(key) => {
                columns.kind.push(EdgeKind::KEY.0);
                put(&mut columns.target, key);
                addr
            }
        };
        columns.count += 1;
        self.last_edge = (edge.from, edge.place, addr);
        self.edge_count += 1;
        if columns.count & LOOK == 0 && columns.byte_size() >= COLUMN_BYTES {
            self.flush_edges();
        }
    }

    /// Writes how a node's values divide.
    #[inline(always)]
    pub fn content(&mut self, content: &Content) {
        let columns = &mut self.contents;
        put_delta(&mut columns.node, content.node, self.last_content);
        put(&mut columns.variant, content.variant.map_or(0, |variant| u64::from(variant) + 1));
        let parts = content.split.parts();
        let mut rest = 0u8;
        for (bit, part) in parts.iter().enumerate() {
            rest |= u8::from(*part != 0) << bit;
        }
        columns.mask.push(rest);
        while rest != 0 {
            put(&mut columns.split, parts[rest.trailing_zeros() as usize & 7]);
            rest &= rest - 1;
        }
        columns.count += 1;
        self.last_content = content.node;
        if columns.count & LOOK == 0 && columns.byte_size() >= COLUMN_BYTES {
            self.flush_contents();
        }
    }

    /// Writes a live block. Ascending addresses are shortest.
    #[inline(always)]
    pub fn block(&mut self, block: &LiveBlock) {
        let columns = &mut self.blocks;
        put_delta(&mut columns.addr, block.addr, self.last_block);
        put(&mut columns.requested, block.requested);
        put_delta(&mut columns.rounding, block.usable, block.requested);
        columns.align.push(block.align_log2);
        put(&mut columns.epoch, u64::from(block.epoch));
        columns.flags.push(if block.is_tool { TOOL } else { 0 });
        columns.count += 1;
        self.last_block = block.addr;
        self.block_count += 1;
        if columns.count & LOOK == 0 && columns.byte_size() >= COLUMN_BYTES {
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

    /// Writes out all columns, so that what was recorded is in the file.
    pub fn flush(&mut self) {
        self.flush_nodes();
        self.flush_edges();
        self.flush_contents();
        self.flush_blocks();
    }

    // Deltas begin anew in each frame, so that a damaged frame costs no other.
    #[cold]
    fn flush_nodes(&mut self) {
        let mut columns = std::mem::take(&mut self.nodes);
        if columns.count > 0 {
            self.frame(FrameKind::NODES, &columns);
        }
        columns.clear(self.next_node);
        self.last_addr = 0;
        self.nodes = columns;
    }

    #[cold]
    fn flush_edges(&mut self) {
        let mut columns = std::mem::take(&mut self.edges);
        if columns.count > 0 {
            self.frame(FrameKind::EDGES, &columns);
        }
        columns.clear(0);
        self.last_edge = (0, 0, 0);
        self.edges = columns;
    }

    #[cold]
    fn flush_contents(&mut self) {
        let mut columns = std::mem::take(&mut self.contents);
        if columns.count > 0 {
            self.frame(FrameKind::CONTENTS, &columns);
        }
        columns.clear(0);
        self.last_content = 0;
        self.contents = columns;
    }

    #[cold]
    fn flush_blocks(&mut self) {
        let mut columns = std::mem::take(&mut self.blocks);
        if columns.count > 0 {
            self.frame(FrameKind::BLOCKS, &columns);
        }
        columns.clear(0);
        self.last_block = 0;
        self.blocks = columns;
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
            reserved: 0,
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
