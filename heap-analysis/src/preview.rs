//! What is known of a snapshot when its file has been read, and nothing is joined or analysed yet.
//!
//! Whatever is here is as it will be in the end. What joining may still change is not here.

use crate::memory::{memory, Memory, Sources, Totals};
use heap_snapshot::read::Snapshot;
pub use heap_snapshot::record::{Footer, Header};

/// What is known of a snapshot when its file has been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// What the program wrote when the checkpoint began.
    pub header: Header,
    /// What it wrote when it ended; missing where the file was cut off.
    pub footer: Option<Footer>,
    /// What is wrong with the file.
    pub problems: Vec<String>,
    /// Nodes that the walk wrote. Some may turn out to be the same.
    pub nodes: u64,
    /// Types of values.
    pub types: u64,
    /// Parts that could not be entered.
    pub unreadable: u64,
    /// The roots in the order of the file.
    pub roots: Vec<PreviewRoot>,
    /// Live blocks of the program from before the checkpoint, and their usable bytes.
    /// `None` without the tracking allocator, and where the table is damaged.
    pub population: Option<(u64, u64)>,
    /// From the resident set down to what was requested: the levels above the walk's.
    pub memory: Memory,
}

/// A root, before anything is known of what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreviewRoot {
    /// Name as it was registered.
    pub name: String,
    /// How it was registered: `argument`, `scope`, `static`, `arc`, `task`.
    pub origin: String,
    /// Name of the value's type, as the program gives it.
    pub type_name: String,
    /// Size of the value.
    pub size: u64,
}

impl Preview {
    /// Of a snapshot and the problems of its file. O(blocks): their sums.
    pub fn of(snapshot: &Snapshot, problems: Vec<String>) -> Preview {
        let blocks = &snapshot.blocks;
        // The analysis leaves out what overlaps: then the sums are others in the end.
        let ends = |at: &heap_snapshot::record::LiveBlock| at.addr.checked_add(at.usable);
        let is_apart = blocks.is_sorted_by(|one, next| ends(one).is_some_and(|end| end <= next.addr))
            && blocks.last().is_none_or(|last| ends(last).is_some());
        let is_known = snapshot.header.tracked && is_apart;
        let table = is_known.then(|| Totals::of(blocks, snapshot.header.epoch));
        let type_name = |node: u64| {
            let ty = snapshot.nodes.ty.get(usize::try_from(node).ok()?)?;
            let elem = snapshot.node_types.get(ty.0 as usize)?.elem;
            Some(snapshot.types.get(elem as usize)?.name.clone())
        };
        Preview {
            header: snapshot.header.clone(),
            footer: snapshot.footer.clone(),
            problems,
            nodes: snapshot.nodes.count() as u64,
            types: snapshot.types.len() as u64,
            unreadable: snapshot.unreadable.len() as u64,
            roots: snapshot
                .roots
                .iter()
                .map(|root| PreviewRoot {
                    name: root.name.clone(),
                    origin: root.origin.clone(),
                    type_name: type_name(root.node).unwrap_or_default(),
                    size: root.size,
                })
                .collect(),
            population: table.map(|table| (table.blocks, table.population)),
            memory: if snapshot.header.tracked && !is_apart {
                Memory::default()
            } else {
                memory(&Sources {
                    allocator: snapshot.allocator,
                    process: snapshot.process_memory,
                    size_classes: &snapshot.size_classes,
                    table,
                    parts: None,
                })
            },
        }
    }
}
