//! Decoder. Trusts nothing: returns what could be read and the problems met,
//! and allocates in proportion to the bytes that are there, never to a number
//! in the file.

use crate::frame::{
    BlockColumns, ContentColumns, EdgeColumns, FrameKind, Head, Kinds, NodeColumns, PointerColumns,
    StackColumns, HEAD_SIZE, MAGIC, MARKER, MAX_BODY, VERSION,
};
use crate::pack::{BlockReader, ContentReader, EdgeReader, NodeReader};
use crate::pointers;
use crate::record::{
    AllocatorFigures, Census, Content, DynValue, Edge, EdgeKind, Footer, Header, Image, LabelDesc, LabelIdx,
    LiveBlock, Node, NodeTypeDesc, NodeTypeIdx, Pointer, PointerScan, ProcessMemory, Root, Shared,
    ShownValue, SizeClass, Split, StackFigures, StackFrame, Target, TypeDesc, TypeIdx, Unreadable,
    VariantOffsets,
};
use crate::stacks;
use crate::varint::Column;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, Read};

/// Version 1: bit of the `edge` and `kind` columns: a length and a capacity, or a node id, follow.
const FLAG: u8 = 0x80;

/// Version 1: bit of the `flags` column of blocks.
const TOOL: u8 = 1;

/// The oldest major number that is read.
const OLDEST: u16 = 1;

/// Why a file cannot be opened at all.
#[derive(Debug)]
pub enum Error {
    /// The bytes could not be read.
    Io(io::Error),
    /// It does not begin as a snapshot does.
    NotASnapshot,
    /// It was written by a version whose files this one cannot read.
    Version {
        /// Major and minor number in the file.
        found: (u16, u16),
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "cannot be read: {error}"),
            Error::NotASnapshot => f.write_str("not a heap snapshot: it does not begin with `HEAPSNAP`"),
            Error::Version { found } => write!(
                f,
                "written in format {}.{}, and this inspector reads {OLDEST}.x to {}.x: use the inspector that came with the program",
                found.0, found.1, VERSION.0
            ),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

/// Something wrong in a file that could be opened all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Byte of the file where the frame begins.
    pub at: u64,
    /// Name of the frame's kind, where it is known.
    pub frame: String,
    /// What was expected and what was found.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.at)?;
        if !self.frame.is_empty() {
            write!(f, ", frame `{}`", self.frame)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What a file holds.
#[derive(Default, Debug)]
pub struct File {
    /// The names of all kinds, as the file gives them.
    pub kinds: Kinds,
    /// Its snapshots in the order in which they were taken.
    pub snapshots: Vec<Snapshot>,
    /// What was wrong, by position in the file. At most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
}

/// Problems kept; a damaged file may have more.
pub const MAX_PROBLEMS: usize = 100;

/// One snapshot. Without a footer it was cut off; all else is what was written until then.
#[derive(Default, Debug)]
pub struct Snapshot {
    /// What it is.
    pub header: Header,
    /// Value types; [`TypeIdx`] is the position.
    pub types: Vec<TypeDesc>,
    /// Node types; [`NodeTypeIdx`] is the position.
    pub node_types: Vec<NodeTypeDesc>,
    /// Labels; [`LabelIdx`] is the position.
    pub labels: Vec<LabelDesc>,
    /// Roots.
    pub roots: Vec<Root>,
    /// Nodes; the id is the position.
    pub nodes: Nodes,
    /// Edges beside the nodes' own.
    pub edges: Vec<Edge>,
    /// How values divide, where the node's type alone does not tell.
    pub contents: Vec<Content>,
    /// Number of values of each variant.
    pub census: Vec<Census>,
    /// Counts of shared blocks.
    pub shared: Vec<Shared>,
    /// Recorded values.
    pub values: Vec<ShownValue>,
    /// Parts that could not be entered.
    pub unreadable: Vec<Unreadable>,
    /// Images that vtables lie in.
    pub images: Vec<Image>,
    /// Values behind `dyn` of unknown type.
    pub dyn_values: Vec<DynValue>,
    /// Live blocks by ascending address.
    pub blocks: Vec<LiveBlock>,
    /// How stacks were taken; `None` where they were not.
    pub stacks: Option<StackFigures>,
    /// Stacks; the number of one is its position and 1. A parent stands before its children.
    pub stack_frames: Vec<StackFrame>,
    /// The tags among them, see [`StackFrame::tag`].
    pub tags: Vec<String>,
    /// By block: the number of the stack that allocated it, or 0. Empty where stacks were not taken.
    pub block_stacks: Vec<u32>,
    /// The allocator's account.
    pub allocator: Option<AllocatorFigures>,
    /// The allocator's size classes with their slabs, as many as are in use; empty where it has none.
    pub size_classes: Vec<SizeClass>,
    /// What the process's physical memory is; `None` where the kernel does not tell.
    pub process_memory: Option<ProcessMemory>,
    /// Words that are addresses in unclaimed blocks, by ascending place.
    pub pointers: Vec<Pointer>,
    /// How these were searched for; `None` where they were not.
    pub pointer_scan: Option<PointerScan>,
    /// How the checkpoint went; missing where the file was cut off.
    pub footer: Option<Footer>,
}

/// The nodes of a snapshot in columns. [`Nodes::get`] gives one whole.
#[derive(Default, Debug)]
pub struct Nodes {
    /// Owner; `u32::MAX` for a root.
    pub parent: Vec<u32>,
    /// Kind of the first edge.
    pub edge: Vec<EdgeKind>,
    /// Label of the first edge.
    pub label: Vec<LabelIdx>,
    /// Address of the handle the first edge starts from.
    pub place: Vec<u64>,
    /// Node type.
    pub ty: Vec<NodeTypeIdx>,
    /// An address inside the block.
    pub addr: Vec<u64>,
    /// Length in elements, or 1.
    pub len: Vec<u64>,
    /// Capacity in elements, or 1.
    pub cap: Vec<u64>,
}

/// The parent of a root in [`Nodes::parent`].
pub const NO_PARENT: u32 = u32::MAX;

impl Nodes {
    /// Number of nodes.
    pub fn count(&self) -> usize {
        self.addr.len()
    }

    /// The node with this id.
    pub fn get(&self, id: usize) -> Node {
        Node {
            parent: (self.parent[id] != NO_PARENT).then_some(u64::from(self.parent[id])),
            edge: self.edge[id],
            label: self.label[id],
            place: self.place[id],
            ty: self.ty[id],
            addr: self.addr[id],
            len_cap: Some((self.len[id], self.cap[id])),
        }
    }
}

/// Reads a whole file. `progress` is told the number of bytes read after each
/// frame and says whether to go on; after a "no" the file is what was read so far.
///
/// # Errors
///
/// Where the file is no snapshot of a version that this crate reads, or not
/// even its first bytes can be read. Everything after that is a [`Problem`].
pub fn read(mut input: impl Read, mut progress: impl FnMut(u64) -> bool) -> Result<File, Error> {
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::NotASnapshot,
        _ => Error::Io(error),
    })?;
    if magic != MAGIC {
        return Err(Error::NotASnapshot);
    }
    let mut decoder = Decoder { file: File::default(), at: MAGIC.len() as u64, unknown: Vec::new() };
    let mut source = Source { input, head: Vec::new() };
    let mut body = Vec::new();
    let mut is_first = true;
    loop {
        let head = match source.head() {
            Ok(None) => break,
            Ok(Some(bytes)) => bytes,
            Err(error) => {
                decoder.problem("", format!("cannot be read: {error}"));
                break;
            }
        };
        let Some(head) = head.complete() else {
            decoder.problem("", "the file is cut off in the head of a frame".into());
            break;
        };
        let Some(head) = Head::decode(&head) else {
            decoder
                .problem("", "no frame begins here: the file is damaged, looking for the next frame".into());
            match source.resync() {
                Ok(Some(skipped)) => decoder.at += skipped,
                _ => break,
            }
            continue;
        };
        let name = decoder.frame_name(head.kind);
        if head.len as usize > MAX_BODY {
            decoder
                .problem(&name, format!("a frame of {} bytes is longer than any that is written", head.len));
            match source.resync() {
                Ok(Some(skipped)) => decoder.at += skipped,
                _ => break,
            }
            continue;
        }
        body.clear();
        let wanted = u64::from(head.len);
        match (&mut source).take(wanted).read_to_end(&mut body) {
            Ok(read) if read as u64 == wanted => {}
            Ok(read) => {
                decoder.problem(&name, format!("the file is cut off after {read} of {wanted} bytes"));
                // The bytes may hold whole frames, where it was the length that was damaged.
                if !head.matches(&body) {
                    source.push_back(&body);
                    match source.resync() {
                        Ok(Some(skipped)) => {
                            decoder.at += HEAD_SIZE as u64 + skipped;
                            continue;
                        }
                        _ => break,
                    }
                }
                break;
            }
            Err(error) => {
                decoder.problem(&name, format!("cannot be read: {error}"));
                break;
            }
        }
        if !head.matches(&body) {
            decoder.problem(&name, "the checksum does not match: the frame is damaged and left out".into());
            source.push_back(&body);
            match source.resync() {
                Ok(Some(skipped)) => decoder.at += HEAD_SIZE as u64 + skipped,
                _ => break,
            }
            continue;
        }
        if is_first && head.kind == FrameKind::KINDS {
            decoder.kinds(&body)?;
        }
        is_first = false;
        decoder.frame(head.kind, &name, &body);
        decoder.at += HEAD_SIZE as u64 + wanted;
        if !progress(decoder.at) {
            break;
        }
    }
    Ok(decoder.file)
}

/// Bytes of the input, some of which may have been put back.
struct Source<R> {
    input: R,
    /// Bytes put back, in order.
    head: Vec<u8>,
}

/// As much of a head as there was.
struct Partial {
    bytes: [u8; HEAD_SIZE],
    len: usize,
}

impl Partial {
    fn complete(self) -> Option<[u8; HEAD_SIZE]> {
        (self.len == HEAD_SIZE).then_some(self.bytes)
    }
}

impl<R: Read> Source<R> {
    /// The next head; `None` at the end of the file.
    fn head(&mut self) -> io::Result<Option<Partial>> {
        let mut partial = Partial { bytes: [0; HEAD_SIZE], len: 0 };
        while partial.len < HEAD_SIZE {
            match self.read(&mut partial.bytes[partial.len..])? {
                0 => break,
                read => partial.len += read,
            }
        }
        if partial.len < HEAD_SIZE || partial.bytes[..4] != MARKER {
            self.push_back(&partial.bytes[..partial.len]);
        }
        Ok((partial.len > 0).then_some(partial))
    }

    fn push_back(&mut self, bytes: &[u8]) {
        self.head.splice(..0, bytes.iter().copied());
    }

    /// Skips to the next marker, past the first byte. Says how many bytes were skipped.
    fn resync(&mut self) -> io::Result<Option<u64>> {
        let mut skipped = 0;
        let mut window = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let read = self.read(&mut chunk)?;
            window.extend_from_slice(&chunk[..read]);
            let from = usize::from(skipped == 0);
            let found = window
                .windows(MARKER.len())
                .enumerate()
                .skip(from)
                .find(|(_, bytes)| *bytes == MARKER)
                .map(|(at, _)| at);
            match found {
                Some(at) => {
                    self.push_back(&window[at..]);
                    return Ok(Some(skipped + at as u64));
                }
                None if read == 0 => return Ok(None),
                None => {
                    let keep = window.len().saturating_sub(MARKER.len() - 1).max(from.min(window.len()));
                    skipped += keep as u64;
                    window.drain(..keep);
                }
            }
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            return loop {
                match self.input.read(out) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
        }
        let len = out.len().min(self.head.len());
        out[..len].copy_from_slice(&self.head[..len]);
        self.head.drain(..len);
        Ok(len)
    }
}

struct Decoder {
    file: File,
    at: u64,
    unknown: Vec<u16>,
}

impl Decoder {
    fn problem(&mut self, frame: &str, what: String) {
        if self.file.problems.len() < MAX_PROBLEMS {
            self.file.problems.push(Problem { at: self.at, frame: frame.into(), what });
        }
    }

    fn frame_name(&self, kind: FrameKind) -> String {
        let known =
            FrameKind::KNOWN.iter().find(|(known, _)| *known == kind).map(|(_, name)| (*name).to_owned());
        let named =
            || self.file.kinds.frames.iter().find(|(id, _)| *id == kind.0).map(|(_, name)| name.clone());
        known.or_else(named).unwrap_or_else(|| format!("kind {}", kind.0))
    }

    fn kinds(&mut self, body: &[u8]) -> Result<(), Error> {
        if let Ok(kinds) = rmp_serde::from_slice::<Kinds>(body) {
            if !(OLDEST..=VERSION.0).contains(&kinds.version.0) {
                return Err(Error::Version { found: kinds.version });
            }
            self.file.kinds = kinds;
        }
        Ok(())
    }

    fn decode<T: DeserializeOwned>(&mut self, name: &str, body: &[u8]) -> Option<T> {
        match rmp_serde::from_slice(body) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, format!("cannot be decoded: {error}"));
                None
            }
        }
    }

    fn frame(&mut self, kind: FrameKind, name: &str, body: &[u8]) {
        if kind == FrameKind::KINDS {
            return;
        }
        if kind == FrameKind::HEADER {
            if let Some(header) = self.decode(name, body) {
                self.file.snapshots.push(Snapshot { header, ..Snapshot::default() });
            }
            return;
        }
        if !FrameKind::KNOWN.iter().any(|(known, _)| *known == kind) {
            if !self.unknown.contains(&kind.0) {
                self.unknown.push(kind.0);
                self.problem(
                    name,
                    "frames of this kind are newer than this inspector and are skipped".into(),
                );
            }
            return;
        }
        if self.file.snapshots.is_empty() {
            self.problem(name, "it comes before the header of any snapshot and is left out".into());
            return;
        }
        macro_rules! append {
            ($field:ident) => {
                if let Some(mut rows) = self.decode(name, body) {
                    self.snapshot().$field.append(&mut rows);
                }
            };
        }
        macro_rules! set {
            ($field:ident) => {
                if let value @ Some(_) = self.decode(name, body) {
                    self.snapshot().$field = value;
                }
            };
        }
        match kind {
            FrameKind::TYPES => append!(types),
            FrameKind::NODE_TYPES => append!(node_types),
            FrameKind::LABELS => append!(labels),
            FrameKind::ROOTS => append!(roots),
            FrameKind::CENSUS => append!(census),
            FrameKind::SHARED => append!(shared),
            FrameKind::VALUES => append!(values),
            FrameKind::UNREADABLE => append!(unreadable),
            FrameKind::IMAGES => append!(images),
            FrameKind::DYN_VALUES => append!(dyn_values),
            FrameKind::TAGS => append!(tags),
            FrameKind::SIZE_CLASSES => append!(size_classes),
            FrameKind::PROCESS_MEMORY => set!(process_memory),
            FrameKind::POINTER_SCAN => set!(pointer_scan),
            FrameKind::POINTERS => {
                if let Some(columns) = self.decode::<PointerColumns>(name, body) {
                    if pointers::read(&columns, &mut self.snapshot().pointers).is_none() {
                        self.problem(
                            name,
                            "the columns do not fit together: read up to the first misfit".into(),
                        );
                    }
                }
            }
            FrameKind::OFFSETS => {
                if let Some(rows) = self.decode::<Vec<VariantOffsets>>(name, body) {
                    self.offsets(&rows);
                }
            }
            FrameKind::ALLOCATOR => set!(allocator),
            FrameKind::STACK_FIGURES => set!(stacks),
            FrameKind::STACK_FRAMES => {
                if let Some(columns) = self.decode::<StackColumns>(name, body) {
                    if stacks::read_frames(&columns, &mut self.snapshot().stack_frames).is_none() {
                        self.problem(name, "stacks do not fit together: read up to the first misfit".into());
                    }
                }
            }
            FrameKind::BLOCK_STACKS => {
                if let Some(columns) = self.decode::<StackColumns>(name, body) {
                    if self.block_stacks(&columns).is_none() {
                        self.problem(
                            name,
                            "stacks and blocks do not fit together: read up to the first misfit".into(),
                        );
                    }
                }
            }
            FrameKind::FOOTER => set!(footer),
            FrameKind::NODES => {
                if let Some(columns) = self.decode::<NodeColumns>(name, body) {
                    if self.nodes(&columns).is_none() {
                        self.problem(
                            name,
                            "the columns do not fit together: read up to the first misfit".into(),
                        );
                    }
                }
            }
            FrameKind::EDGES => {
                if let Some(columns) = self.decode::<EdgeColumns>(name, body) {
                    if self.edges(&columns).is_none() {
                        self.problem(
                            name,
                            "the columns do not fit together: read up to the first misfit".into(),
                        );
                    }
                }
            }
            FrameKind::CONTENTS => {
                if let Some(columns) = self.decode::<ContentColumns>(name, body) {
                    if self.contents(&columns).is_none() {
                        self.problem(
                            name,
                            "the columns do not fit together: read up to the first misfit".into(),
                        );
                    }
                }
            }
            FrameKind::BLOCKS => {
                if let Some(columns) = self.decode::<BlockColumns>(name, body) {
                    if self.blocks(&columns).is_none() {
                        self.problem(
                            name,
                            "the columns do not fit together: read up to the first misfit".into(),
                        );
                    }
                }
            }
            _ => unreachable!("every known kind is handled"),
        }
    }

    fn snapshot(&mut self) -> &mut Snapshot {
        self.file.snapshots.last_mut().expect("checked by the caller")
    }

    fn offsets(&mut self, rows: &[VariantOffsets]) {
        let types = &mut self.snapshot().types;
        for row in rows {
            let variant =
                types.get_mut(row.ty as usize).and_then(|ty| ty.variants.get_mut(row.variant as usize));
            if let Some(variant) = variant {
                for (field, offset) in variant.fields.iter_mut().zip(&row.offsets) {
                    field.offset = Some(*offset);
                }
            }
        }
    }

    fn nodes(&mut self, columns: &NodeColumns) -> Option<()> {
        let nodes = &mut self.snapshot().nodes;
        // A frame before it was lost: unknown nodes stand for its nodes, so
        // that ids stay true. Bounded, since a damaged number must not cost memory.
        let missing = usize::try_from(columns.first).ok()?.checked_sub(nodes.count())?;
        if missing > MAX_BODY {
            return None;
        }
        for _ in 0..missing {
            nodes.push(NO_PARENT, EdgeKind(0), 0, 0, u32::MAX, 0, (0, 0));
        }
        if !columns.packed.is_empty() {
            let mut reader = NodeReader::new(&columns.packed, &columns.sites)?;
            for _ in 0..columns.count {
                let id = nodes.count() as u64;
                let node = reader.next(id, |id| nodes.addr.get(usize::try_from(id).ok()?).copied())?;
                let parent = match node.parent {
                    None => NO_PARENT,
                    Some(parent) => u32::try_from(parent).ok()?,
                };
                let len_cap = node.len_cap.unwrap_or((1, 1));
                nodes.push(parent, node.edge, node.label.0, node.place, node.ty.0, node.addr, len_cap);
            }
            return Some(());
        }
        let mut parent = Column(&columns.parent);
        let mut edge = Column(&columns.edge);
        let mut label = Column(&columns.label);
        let mut place = Column(&columns.place);
        let mut ty = Column(&columns.ty);
        let mut addr = Column(&columns.addr);
        let mut len = Column(&columns.len);
        let mut last_addr = 0;
        for _ in 0..columns.count {
            let id = nodes.count() as u64;
            let parent = match parent.get()? {
                0 => NO_PARENT,
                distance => u32::try_from(id.checked_sub(distance)?).ok()?,
            };
            let parent_addr = if parent == NO_PARENT { 0 } else { nodes.addr[parent as usize] };
            let kind = edge.byte()?;
            let label = u32::try_from(label.get()?).ok()?;
            let place = place.get_delta(parent_addr)?;
            let ty = u32::try_from(ty.get()?).ok()?;
            last_addr = addr.get_delta(last_addr)?;
            let len_cap = if kind & FLAG != 0 {
                let len_ = len.get()?;
                (len_, len.get_delta(len_)?)
            } else {
                (1, 1)
            };
            nodes.push(parent, EdgeKind(kind & !FLAG), label, place, ty, last_addr, len_cap);
        }
        Some(())
    }

    fn edges(&mut self, columns: &EdgeColumns) -> Option<()> {
        let edges = &mut self.snapshot().edges;
        if !columns.packed.is_empty() {
            let mut reader = EdgeReader::new(&columns.packed, &columns.sites)?;
            for _ in 0..columns.count {
                edges.push(reader.next()?);
            }
            return Some(());
        }
        let mut from = Column(&columns.from);
        let mut kind = Column(&columns.kind);
        let mut label = Column(&columns.label);
        let mut place = Column(&columns.place);
        let mut target = Column(&columns.target);
        let mut ty = Column(&columns.ty);
        let mut last = (0, 0, 0);
        for _ in 0..columns.count {
            last.0 = from.get_delta(last.0)?;
            last.1 = place.get_delta(last.1)?;
            let kind = kind.byte()?;
            let target = if kind & FLAG != 0 {
                Target::Node(target.get_delta(last.0)?)
            } else if EdgeKind(kind) == EdgeKind::KEY {
                Target::Key(target.get()?)
            } else {
                last.2 = target.get_delta(last.2)?;
                Target::Addr(last.2)
            };
            let ty = match ty.get()? {
                0 => None,
                ty => Some(TypeIdx(u32::try_from(ty - 1).ok()?)),
            };
            let label = LabelIdx(u32::try_from(label.get()?).ok()?);
            edges.push(Edge { from: last.0, kind: EdgeKind(kind & !FLAG), label, place: last.1, target, ty });
        }
        Some(())
    }

    fn contents(&mut self, columns: &ContentColumns) -> Option<()> {
        let contents = &mut self.snapshot().contents;
        if !columns.packed.is_empty() {
            let mut reader = ContentReader::new(&columns.packed, &columns.classes)?;
            for _ in 0..columns.count {
                contents.push(reader.next()?);
            }
            return Some(());
        }
        let mut node = Column(&columns.node);
        let mut variant = Column(&columns.variant);
        let mut mask = Column(&columns.mask);
        let mut split = Column(&columns.split);
        let mut last = 0;
        for _ in 0..columns.count {
            last = node.get_delta(last)?;
            let variant = match variant.get()? {
                0 => None,
                variant => Some(u32::try_from(variant - 1).ok()?),
            };
            let split = Split::from_mask(mask.byte()?, || split.get())?;
            contents.push(Content { node: last, variant, split });
        }
        Some(())
    }

    fn block_stacks(&mut self, columns: &StackColumns) -> Option<()> {
        let snapshot = self.snapshot();
        // Found by address, so that a lost frame of blocks costs only its own stacks.
        let at = snapshot.blocks.binary_search_by_key(&columns.first, |block| block.addr).ok()?;
        let count = snapshot.blocks.len();
        snapshot.block_stacks.resize(count, 0);
        stacks::read_blocks(columns, &mut snapshot.block_stacks[at..])
    }

    fn blocks(&mut self, columns: &BlockColumns) -> Option<()> {
        let blocks = &mut self.snapshot().blocks;
        if !columns.packed.is_empty() {
            let mut reader = BlockReader::new(&columns.packed);
            for _ in 0..columns.count {
                blocks.push(reader.next()?);
            }
            return Some(());
        }
        let mut addr = Column(&columns.addr);
        let mut requested = Column(&columns.requested);
        let mut rounding = Column(&columns.rounding);
        let mut align = Column(&columns.align);
        let mut epoch = Column(&columns.epoch);
        let mut flags = Column(&columns.flags);
        let mut last = 0;
        for _ in 0..columns.count {
            last = addr.get_delta(last)?;
            let requested = requested.get()?;
            blocks.push(LiveBlock {
                addr: last,
                requested,
                usable: rounding.get_delta(requested)?,
                align_log2: align.byte()?,
                epoch: u32::try_from(epoch.get()?).ok()?,
                is_tool: flags.byte()? & TOOL != 0,
            });
        }
        Some(())
    }
}

impl Nodes {
    #[allow(clippy::too_many_arguments)]
    fn push(
        &mut self,
        parent: u32,
        edge: EdgeKind,
        label: u32,
        place: u64,
        ty: u32,
        addr: u64,
        (len, cap): (u64, u64),
    ) {
        self.parent.push(parent);
        self.edge.push(edge);
        self.label.push(LabelIdx(label));
        self.place.push(place);
        self.ty.push(NodeTypeIdx(ty));
        self.addr.push(addr);
        self.len.push(len);
        self.cap.push(cap);
    }
}
