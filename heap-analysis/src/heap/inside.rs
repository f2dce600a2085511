//! Values inside blocks: what references led to in the chunks of arenas, in
//! memory that is claimed raw, and outside the heap.
//!
//! Each is one of three things, by its address:
//!
//! - in a block that somebody describes, or in a root's value: a name for a
//!   place there;
//! - inside another such value: a name for a place in the larger one;
//! - else a node of its own. In a chunk, a raw block or one that nobody claims
//!   its bytes are taken from that block's, and an edge leads from the block's
//!   node to it, since what owns the chunk owns it. Outside the heap it has no bytes.

use super::{block_at, Builder, Draft, Heap, NodeId, Role, CONTAINS, NONE};
use heap_snapshot::layout;
use heap_snapshot::record::{LabelIdx, Layout, LiveBlock};
use std::cmp::Reverse;
use std::collections::HashSet;

/// A value that may become a node inside a block.
struct Candidate {
    addr: u64,
    end: u64,
    node: u32,
    block: u32,
}

impl Builder {
    /// Which values lie inside what. Runs when each block has its node, and
    /// before roots are placed: these may lie in such a value.
    pub(super) fn inside(&mut self) {
        let roots = self.outermost_roots();
        let mut found: Vec<Candidate> = Vec::new();
        for node in 0..self.heap.role.len() as u32 {
            let heap = &mut self.heap;
            if heap.role[node as usize] != Role::Inside {
                continue;
            }
            let addr = heap.addr[node as usize];
            let block = block_at(&heap.blocks, addr);
            let owner = block.map_or(NONE, |block| heap.block_node[block]);
            if owner != NONE && !heap.is_open(owner) {
                heap.same_as[node as usize] = owner;
                heap.role[node as usize] = Role::Same;
                self.has_doubles = true;
                continue;
            }
            let in_root = || {
                let at = roots.partition_point(|(from, _, _)| *from <= addr).checked_sub(1)?;
                let (_, end, root) = roots[at];
                (addr < end).then_some(root)
            };
            if let Some(root) = (owner == NONE).then(in_root).flatten() {
                heap.role[node as usize] = Role::Same;
                self.in_roots.push((node, root));
                self.has_doubles = true;
                continue;
            }
            let end = addr.saturating_add(heap.value_bytes(node));
            let block = block.map_or(NONE, |block| block as u32);
            found.push(Candidate { addr, end, node, block });
        }
        // A root in an arena whose value was walked is a value in the arena.
        let mut is_listed: HashSet<u64> = HashSet::new();
        for root in &self.snapshot.roots {
            let heap = &self.heap;
            let Some(node) = usize::try_from(root.node).ok().filter(|node| *node < heap.role.len()) else {
                continue;
            };
            let Some(block) = block_at(&heap.blocks, root.addr) else { continue };
            let owner = heap.block_node[block];
            let is_walked = heap.role[node] == Role::Root && heap.content[node] != NONE && root.size > 0;
            if is_walked && owner != NONE && heap.is_open(owner) && is_listed.insert(root.node) {
                let end = root.addr.saturating_add(root.size);
                found.push(Candidate { addr: root.addr, end, node: node as u32, block: block as u32 });
            }
        }
        found.sort_by_key(|value| (value.addr, Reverse(value.end), value.node));
        let mut open: Option<Candidate> = None;
        for value in found {
            let heap = &mut self.heap;
            if let Some(outer) = open.as_ref().filter(|outer| value.addr < outer.end) {
                if value.end > outer.end {
                    heap.counts.overlapping_values += 1;
                }
                heap.same_as[value.node as usize] = outer.node;
                heap.role[value.node as usize] = Role::Same;
                self.has_doubles = true;
                continue;
            }
            heap.role[value.node as usize] = Role::Inside;
            heap.addr[value.node as usize] = value.addr;
            self.inside.push((value.addr, value.end, value.node));
            if let Some(block) = heap.blocks.get(value.block as usize) {
                let LiveBlock { addr, requested, is_tool, .. } = *block;
                // What reaches past its block is not there; the ledger reports it.
                let bytes = value.end.min(addr.saturating_add(requested)).saturating_sub(value.addr);
                if !is_tool {
                    heap.shallow[value.node as usize] = bytes;
                    *heap.inside_bytes.entry(value.block).or_default() += bytes;
                }
                heap.inside.push((value.block, value.node));
            }
            open = Some(value);
        }
        let heap = &mut self.heap;
        heap.inside.sort_unstable();
        take_from_holders(heap);
    }

    /// Edges from the nodes that blocks, chunks of other memory and regions
    /// have to the values inside them. Runs when roots have been placed.
    pub(super) fn hold_inside(&mut self) {
        for &(node, root) in &self.in_roots {
            self.heap.same_as[node as usize] = self.heap.same_as[root as usize];
        }
        let heap = &self.heap;
        // Memory without a block that an impl reported: begin, end and node.
        let mut other: Vec<(u64, u64, u32)> = Vec::new();
        if !self.inside.is_empty() {
            for node in heap.node_ids() {
                let is_open = match heap.role(node) {
                    Role::Region => true,
                    Role::Foreign => heap.is_open(node.0),
                    _ => false,
                };
                if is_open {
                    let addr = heap.addr[node.index()];
                    other.push((addr, addr.saturating_add(heap.room(node)), node.0));
                }
            }
            other.sort_unstable();
        }
        for &(addr, _, node) in &self.inside {
            let block = block_at(&heap.blocks, addr);
            let holder = match block {
                Some(block) => Some(heap.block_node[block]).filter(|owner| *owner != NONE),
                None => {
                    let at = other.partition_point(|(from, _, _)| *from <= addr).checked_sub(1);
                    at.map(|at| other[at]).filter(|(_, end, _)| addr < *end).map(|(_, _, node)| node)
                }
            };
            if let Some(from) = holder.filter(|holder| *holder != node) {
                let label = LabelIdx(0);
                self.drafts.push(Draft { from, to: node, kind: CONTAINS, label, place: addr }, None);
            }
        }
    }

    /// Begin, end and node of the roots that lie in no other one, ascending.
    fn outermost_roots(&self) -> Vec<(u64, u64, u32)> {
        let count = self.heap.role.len() as u64;
        let mut roots: Vec<(u64, u64, u32)> = self
            .snapshot
            .roots
            .iter()
            .filter(|root| root.node < count && root.size > 0)
            .filter(|root| self.heap.role[root.node as usize] == Role::Root)
            .filter_map(|root| Some((root.addr, root.addr.checked_add(root.size)?, root.node as u32)))
            .collect();
        roots.sort_unstable_by_key(|&(from, to, node)| (from, Reverse(to), node));
        let mut end = 0;
        roots.retain(|&(_, to, _)| {
            let is_outermost = to > end;
            end = end.max(to);
            is_outermost
        });
        roots
    }

    /// The value that holds `addr`, if it is a node of its own inside a block.
    pub(super) fn inside_at(&self, addr: u64) -> Option<u32> {
        let at = self.inside.partition_point(|(from, _, _)| *from <= addr).checked_sub(1)?;
        let (_, end, node) = self.inside[at];
        (addr < end).then_some(node)
    }
}

/// What values inside take from the blocks that hold them.
fn take_from_holders(heap: &mut Heap) {
    for (&block, &bytes) in &heap.inside_bytes {
        let owner = heap.block_node[block as usize];
        if owner != NONE {
            let shallow = &mut heap.shallow[owner as usize];
            *shallow = shallow.saturating_sub(bytes);
        }
    }
}

impl Heap {
    /// Whether values inside the block of a node are nodes of their own:
    /// nothing else describes them.
    fn is_open(&self, node: u32) -> bool {
        self.node_type(NodeId(node))
            .is_some_and(|ty| matches!(Layout(ty.layout), Layout::CHUNK | Layout::RAW | Layout::REGION))
    }

    /// Bytes of the values of a node that stands inside a block.
    fn value_bytes(&self, node: u32) -> u64 {
        let id = NodeId(node);
        let (Some(ty), Some(elem)) = (self.node_type(id), self.elem(id)) else { return 0 };
        match elem.size.saturating_mul(layout::value_count(ty, self.len(id))) {
            // Only the value tells its size.
            0 => self.values_split(id).total(),
            bytes => bytes,
        }
    }

    /// Bytes that the elements of a node have room for, outside the heap: those
    /// of a region, or of a chunk that is no block.
    pub fn room(&self, node: NodeId) -> u64 {
        let size = self.elem(node).map_or(0, |elem| elem.size);
        let header = self.node_type(node).map_or(0, |ty| ty.header);
        size.saturating_mul(self.cap(node).max(self.len(node))).saturating_add(header)
    }

    /// Values inside the block at this position, and the bytes that are theirs.
    pub(crate) fn inside_of(&self, block: usize) -> (&[(u32, u32)], u64) {
        let Some(bytes) = self.inside_bytes.get(&(block as u32)) else {
            return (&[], 0);
        };
        let from = self.inside.partition_point(|(of, _)| (*of as usize) < block);
        let to = self.inside.partition_point(|(of, _)| (*of as usize) <= block);
        (&self.inside[from..to], *bytes)
    }

    /// The node that a value inside a block, or inside other memory, lies in.
    pub fn holder_of(&self, node: NodeId) -> Option<NodeId> {
        self.edges_to(node).find(|edge| edge.kind == CONTAINS).map(|edge| edge.from)
    }
}
