//! Who holds what nobody claims: unclaimed blocks by the place in which a word is
//! their address, and those that nothing points to.
//!
//! When a checkpoint ends, the observed program searches its blocks, static memory,
//! stacks and other anonymous memory for words that are addresses in unclaimed
//! blocks. The search is conservative: a number may look like an address, and a word
//! may be left over from before. So a holder is plausible, not proven, and nothing
//! else rests on it: an unclaimed block stays unclaimed.
//!
//! Each unclaimed block of the population is in exactly one [`State`], and the rows
//! of the states add up to the ledger's unclaimed bytes:
//!
//! 1. A block has the *first* holder of: claimed blocks and roots, static memory,
//!    stacks, other memory; among those a word that is the block's very beginning
//!    before one that points into it, then the lowest address.
//! 2. What unclaimed blocks point to *hangs* from the one with a holder that leads
//!    there in the fewest steps, and counts to that one's holder. Claimed memory comes
//!    before static memory, and so on: a word left over on a stack takes nothing
//!    from a field that leads there.
//! 3. What no holder leads to is leaked, or held by what was not searched (another
//!    process, a register, a disguised pointer). Blocks that point at each other are a
//!    *cycle*; a block that nothing points to is *unreferenced*. Both count with what
//!    hangs from them.

use crate::addresses::Addresses;
use crate::analysis::Analysis;
use crate::heap::{block_at, Heap, NodeId, Role, NONE};
use crate::path::{place_at, values_start};
use crate::type_table::RowId;
use crate::units;
use heap_snapshot::record::{EdgeKind, NotSearched, Pointer, RegionKind};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

/// Why an unclaimed block is there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A claimed block, or the value of a root, points to it.
    Block,
    /// A static variable does.
    Static,
    /// A word on a stack does.
    Stack,
    /// A word in other memory does: the program's own maps, another allocator's heap.
    Other,
    /// Only blocks that point at each other lead to it.
    Cycle,
    /// No pointer to it was found, or only from blocks of which none was found.
    Unreferenced,
}

impl State {
    /// All, in order.
    pub const ALL: [State; 6] =
        [State::Block, State::Static, State::Stack, State::Other, State::Cycle, State::Unreferenced];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            State::Block => "held by claimed memory",
            State::Static => "held by static memory",
            State::Stack => "held by a stack",
            State::Other => "held by other memory",
            State::Cycle => "cycle",
            State::Unreferenced => "no pointer found",
        }
    }
}

/// Unclaimed blocks in one state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct StateRow {
    /// The state.
    pub state: State,
    /// Blocks.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
}

/// Unclaimed blocks that one field of one type holds, one piece of memory, or that
/// are leaked alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HolderRow {
    /// Their state.
    pub state: State,
    /// Displayed name of the holder's type, the image of static memory; empty for the rest.
    pub holder: String,
    /// Where in the holder the pointers stand: `.cache`, `[].next`; of static memory the variable,
    /// `server::CACHE`. Empty where that is not known.
    pub field: String,
    /// The holder's row in the type table, where it is a node.
    pub row: Option<RowId>,
    /// One holder, where it is a node.
    pub example_holder: Option<NodeId>,
    /// Address of one of the pointers; 0 of what is leaked.
    pub example_place: u64,
    /// Address of one of the blocks that are held at first hand, or with which the leaked ones begin.
    pub example: u64,
    /// Bytes that it asked for.
    pub example_requested: u64,
    /// Blocks that are held at first hand; of what is leaked, groups.
    pub direct: u64,
    /// Blocks, those that hang from them included.
    pub blocks: u64,
    /// Their usable bytes.
    pub bytes: u64,
    /// What to do so that they are claimed; empty where nothing is known.
    pub advice: String,
}

impl HolderRow {
    /// The field, the memory, or what is leaked.
    pub fn name(&self) -> String {
        match self.state {
            State::Block => format!("{}{}", self.holder, self.field),
            State::Static if !self.field.is_empty() => format!("static {}", self.field),
            State::Static if !self.holder.is_empty() => format!("static memory of {}", self.holder),
            State::Cycle => {
                let blocks = units::count(self.blocks / self.direct.max(1));
                format!("cycles of {blocks} blocks, from {} B", self.example_requested)
            }
            State::Unreferenced => format!("no pointer found, from {} B", self.example_requested),
            state => state.name().trim_start_matches("held by ").to_owned(),
        }
    }
}

/// Who holds what nobody claims.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Unclaimed {
    /// Unclaimed blocks of the population by state, all six, in order. Empty where nothing was searched.
    pub states: Vec<StateRow>,
    /// Most bytes first.
    pub rows: Vec<HolderRow>,
    /// Bytes that were searched.
    pub searched: u64,
    /// Nanoseconds that it took in the program.
    pub search_ns: u64,
    /// What is not known and why, in sentences.
    pub problems: Vec<String>,
}

/// Where a pointer stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct From {
    state: State,
    /// It points into the block, not to its beginning.
    is_interior: bool,
    place: u64,
}

/// What holds blocks, as rows are put together by it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    state: State,
    holder: String,
    field: String,
    row: Option<RowId>,
    /// Of what is leaked: requested bytes of the first block, and blocks.
    leaked: (u64, u64),
}

/// Unclaimed blocks and the pointers between them.
struct Graph {
    /// Positions in the heap's blocks, ascending.
    blocks: Vec<u32>,
    /// By unclaimed block: the first holder.
    from: Vec<Option<From>>,
    /// Edges sorted by where they start.
    start: Vec<u32>,
    to: Vec<u32>,
    /// Pointers from places that are in no known memory: gone, or of the checkpoint itself.
    strays: u64,
}

impl Graph {
    fn new(heap: &Heap) -> Graph {
        let mut number = vec![NONE; heap.blocks.len()];
        let mut blocks = Vec::new();
        for (at, (block, &node)) in heap.blocks.iter().zip(&heap.block_node).enumerate() {
            if node == NONE && heap.is_population(block) {
                number[at] = blocks.len() as u32;
                blocks.push(at as u32);
            }
        }
        let mut graph =
            Graph { from: vec![None; blocks.len()], blocks, start: Vec::new(), to: Vec::new(), strays: 0 };
        let mut edges: Vec<(u32, u32)> = Vec::new();
        let is_in_root = |addr: u64| {
            let mut roots = heap.roots().iter().map(|entry| &entry.root);
            roots.any(|root| (root.addr..root.addr.saturating_add(root.size)).contains(&addr))
        };
        for &Pointer { place, target } in &heap.pointers {
            let Some(to) = block_at(&heap.blocks, target).filter(|&to| number[to] != NONE) else { continue };
            let state = match block_at(&heap.blocks, place) {
                Some(at) if number[at] != NONE => {
                    edges.push((number[at], number[to]));
                    continue;
                }
                // Born during the checkpoint, or the tool's: nobody's.
                Some(at) if !heap.is_population(&heap.blocks[at]) => continue,
                Some(_) => State::Block,
                None if is_in_root(place) => State::Block,
                None => match region_of(heap, place) {
                    Some((RegionKind::STATIC, _)) => State::Static,
                    Some((RegionKind::STACK, _)) => State::Stack,
                    Some(_) => State::Other,
                    None => {
                        graph.strays += 1;
                        continue;
                    }
                },
            };
            let from = From { state, is_interior: target != heap.blocks[to].addr, place };
            let first = &mut graph.from[number[to] as usize];
            *first = Some(first.map_or(from, |first| first.min(from)));
        }
        edges.sort_unstable();
        edges.dedup();
        graph.start = vec![0; graph.blocks.len() + 1];
        for &(from, _) in &edges {
            graph.start[from as usize + 1] += 1;
        }
        for at in 1..graph.start.len() {
            graph.start[at] += graph.start[at - 1];
        }
        graph.to = edges.into_iter().map(|(_, to)| to).collect();
        graph
    }

    fn out(&self, block: u32) -> &[u32] {
        &self.to[self.start[block as usize] as usize..self.start[block as usize + 1] as usize]
    }

    /// By block: the one that it hangs from, itself for those at first hand. Sets
    /// `is_cycle` of the first ones of cycles.
    fn heads(&self, is_cycle: &mut [bool]) -> Vec<u32> {
        let mut head = vec![NONE; self.blocks.len()];
        let mut queue = VecDeque::new();
        for state in [State::Block, State::Static, State::Stack, State::Other] {
            let held = self.from.iter().enumerate();
            let mut held: Vec<(From, u32)> = held
                .filter_map(|(at, from)| {
                    from.filter(|from| from.state == state).map(|from| (from, at as u32))
                })
                .collect();
            held.sort_unstable();
            // What is held at first hand hangs from nobody else, but from a better holder.
            for (_, block) in held {
                if head[block as usize] == NONE {
                    head[block as usize] = block;
                    queue.push_back(block);
                }
            }
            self.spread(&mut queue, &mut head);
        }
        // In the reverse order of leaving, the first block not yet taken is in a
        // component that nothing else leads to (S. R. Kosaraju).
        for block in self.leaving_order(&head).into_iter().rev() {
            if head[block as usize] == NONE {
                head[block as usize] = block;
                queue.push_back(block);
                self.spread(&mut queue, &mut head);
            }
        }
        for block in 0..self.blocks.len() as u32 {
            for &to in self.out(block) {
                // Back to where its group begins: of what is held that says nothing.
                is_cycle[to as usize] |= head[block as usize] == to && self.from[to as usize].is_none();
            }
        }
        head
    }

    fn spread(&self, queue: &mut VecDeque<u32>, head: &mut [u32]) {
        while let Some(block) = queue.pop_front() {
            for &to in self.out(block) {
                if head[to as usize] == NONE {
                    head[to as usize] = head[block as usize];
                    queue.push_back(to);
                }
            }
        }
    }

    /// Blocks without a head in the order in which a depth-first search leaves them.
    fn leaving_order(&self, head: &[u32]) -> Vec<u32> {
        let mut is_seen: Vec<bool> = head.iter().map(|head| *head != NONE).collect();
        let mut order = Vec::new();
        let mut path: Vec<(u32, usize)> = Vec::new();
        for block in 0..head.len() as u32 {
            if std::mem::replace(&mut is_seen[block as usize], true) {
                continue;
            }
            path.push((block, 0));
            while let Some((block, next)) = path.last_mut() {
                match self.out(*block).get(*next) {
                    None => {
                        order.push(*block);
                        path.pop();
                    }
                    Some(&to) => {
                        *next += 1;
                        if !std::mem::replace(&mut is_seen[to as usize], true) {
                            path.push((to, 0));
                        }
                    }
                }
            }
        }
        order
    }
}

/// Kind and name of the memory outside the heap that an address lies in.
fn region_of(heap: &Heap, addr: u64) -> Option<(RegionKind, &str)> {
    let regions = &heap.pointer_scan.as_ref()?.regions;
    let region = regions.iter().find(|region| (region.from..region.to).contains(&addr))?;
    Some((RegionKind(region.kind), &region.name))
}

impl Analysis {
    /// Who holds what nobody claims. O(n log n) in blocks and pointers; where static memory
    /// holds some, and the symbols of the files that ran.
    pub fn unclaimed(&self) -> Unclaimed {
        let heap = self.heap();
        let mut found = Unclaimed::default();
        if !heap.header().tracked {
            found.problems.push(
                "the program does not use the tracking allocator: what nobody claims is not known".into(),
            );
            return found;
        }
        let graph = Graph::new(heap);
        let Some(scan) = heap.pointer_scan.as_ref() else {
            if !graph.blocks.is_empty() {
                found
                    .problems
                    .push(format!("nobody searched for pointers to unclaimed blocks: {}", why_not(heap)));
            }
            return found;
        };
        (found.searched, found.search_ns) = (scan.bytes, scan.ns);
        let mut is_cycle = vec![false; graph.blocks.len()];
        let heads = graph.heads(&mut is_cycle);
        // By first block: blocks and bytes with what hangs from it.
        let mut groups: HashMap<u32, (u64, u64)> = HashMap::new();
        for (&at, &head) in graph.blocks.iter().zip(&heads) {
            let (blocks, bytes) = groups.entry(head).or_default();
            *blocks += 1;
            *bytes = bytes.saturating_add(heap.blocks[at as usize].usable);
        }
        let mut addresses = Addresses::new(heap.stacks.images(), heap.header().unix_ms);
        let mut states = State::ALL.map(|state| StateRow { state, blocks: 0, bytes: 0 });
        let mut rows: HashMap<Key, HolderRow> = HashMap::new();
        let mut groups: Vec<(u32, (u64, u64))> = groups.into_iter().collect();
        groups.sort_unstable();
        for (head, (blocks, bytes)) in groups {
            let block = &heap.blocks[graph.blocks[head as usize] as usize];
            let from = graph.from[head as usize];
            let (key, node) = match from {
                Some(from) => self.key(from, &mut addresses),
                None => {
                    let state = if is_cycle[head as usize] { State::Cycle } else { State::Unreferenced };
                    (leaked(state, block.requested, blocks), None)
                }
            };
            let state = &mut states[key.state as usize];
            state.blocks += blocks;
            state.bytes = state.bytes.saturating_add(bytes);
            let row = rows.entry(key.clone()).or_insert_with(|| HolderRow {
                state: key.state,
                holder: key.holder,
                field: key.field,
                row: key.row,
                example_holder: node,
                example_place: from.map_or(0, |from| from.place),
                example: block.addr,
                example_requested: block.requested,
                direct: 0,
                blocks: 0,
                bytes: 0,
                advice: String::new(),
            });
            row.direct += 1;
            row.blocks += blocks;
            row.bytes = row.bytes.saturating_add(bytes);
        }
        found.states = states.to_vec();
        found.rows = rows.into_values().collect();
        found.rows.sort_by(|a, b| {
            (Reverse(a.bytes), a.state, &a.holder, &a.field, a.example).cmp(&(
                Reverse(b.bytes),
                b.state,
                &b.holder,
                &b.field,
                b.example,
            ))
        });
        for row in &mut found.rows {
            row.advice = self.holder_advice(row);
        }
        found.problems.extend(addresses.into_problems());
        if graph.strays > 0 {
            found.problems.push(format!(
                "{} pointers stand in memory that changed while the checkpoint ran, and are left out",
                units::count(graph.strays)
            ));
        }
        found
    }

    /// The node whose bytes an address is among: a block's, or a root's value outside the heap.
    fn node_around(&self, addr: u64) -> Option<NodeId> {
        let heap = self.heap();
        if let Some(at) = block_at(&heap.blocks, addr) {
            let (inside, _) = heap.inside_of(at);
            let value = inside.iter().map(|&(_, value)| NodeId(value)).find(|&value| {
                let from = heap.addr(value).max(heap.recorded_addr(value));
                (from..from.saturating_add(heap.shallow(value))).contains(&addr)
            });
            return value.or_else(|| Some(NodeId(heap.block_node[at])).filter(|node| node.0 != NONE));
        }
        let entry = heap.roots().iter().find(|entry| {
            let root = &entry.root;
            !entry.is_name && (root.addr..root.addr.saturating_add(root.size)).contains(&addr)
        })?;
        Some(entry.node)
    }

    fn key(&self, from: From, addresses: &mut Addresses<'_>) -> (Key, Option<NodeId>) {
        let heap = self.heap();
        let mut key =
            Key { state: from.state, holder: String::new(), field: String::new(), row: None, leaked: (0, 0) };
        if from.state != State::Block {
            key.holder = region_of(heap, from.place).map_or_else(String::new, |(_, name)| name.to_owned());
            if from.state == State::Static {
                key.field = addresses.variable(from.place).unwrap_or_default();
            }
            return (key, None);
        }
        let node = self.node_around(from.place);
        if let Some(node) = node {
            key.holder = self.display_name(node);
            key.row = self.table.row_of(heap, node);
            let size = u64::from(heap.header().pointer_size);
            let from_root = heap.role(node) == Role::Root;
            key.field = field(&place_at(heap, node, from.place, size));
            if key.field.is_empty() && from_root {
                key.field = heap
                    .roots()
                    .iter()
                    .find(|entry| entry.node == node && !entry.is_name)
                    .map_or_else(String::new, |entry| format!(" (root {})", entry.root.name));
            }
        }
        (key, node)
    }

    /// What to write so that the blocks of a row are claimed.
    fn holder_advice(&self, row: &HolderRow) -> String {
        let bytes = units::bytes(row.bytes);
        match row.state {
            State::Block => {
                let Some(node) = row.example_holder else { return String::new() };
                let heap = self.heap();
                let is_raw = heap.edges_to(node).any(|edge| edge.kind == EdgeKind::CLAIM_RAW);
                let name = row.field.trim_start_matches("[]").trim_start_matches('.');
                if is_raw || name.is_empty() || row.field.starts_with(' ') {
                    return format!(
                        "{bytes} hang from `{}`: give it a `Walk` that reports what it owns",
                        row.holder
                    );
                }
                let (mode, ty) = self.field_at(node, row.example_place);
                match (mode.as_str(), ty) {
                    ("skip", _) => format!(
                        "field `{name}` of `{}`: {bytes} hang from it unclaimed; take `#[walk(skip)]` away, or write `#[walk(opaque)]` and they are claimed raw",
                        row.holder
                    ),
                    (_, Some(ty)) => format!(
                        "field `{name}` of `{}`: {bytes} hang from it unclaimed; derive `Walk` for `{ty}`, or write `#[walk(opaque)]` and they are claimed raw",
                        row.holder
                    ),
                    _ => format!(
                        "field `{name}` of `{}`: {bytes} hang from it unclaimed; its `Walk` does not report them",
                        row.holder
                    ),
                }
            }
            State::Static if row.field.is_empty() => {
                format!("{bytes} hang from static variables: register them as roots, if they are yours")
            }
            State::Static => {
                let name = row.field.rsplit("::").next().unwrap_or_default();
                format!(
                    "{bytes} hang from `static {}`: if it is yours, `heap_walk::register_static({name:?}, &{name})` makes it a root",
                    row.field
                )
            }
            State::Stack => format!("{bytes} hang from a stack: name the value as a root, if it is yours"),
            State::Other | State::Cycle | State::Unreferenced => String::new(),
        }
    }

    /// How the walk treats the innermost field around an address, and the name of
    /// its type where that has no description.
    fn field_at(&self, node: NodeId, addr: u64) -> (String, Option<String>) {
        let heap = self.heap();
        let Some(elem) = heap.node_type(node).map(|ty| ty.elem) else { return Default::default() };
        let size = heap.types.get(elem as usize).map_or(0, |ty| ty.size);
        let Some(mut offset) = addr.checked_sub(values_start(heap, node)) else {
            return Default::default();
        };
        offset = offset.checked_rem(size).unwrap_or(0);
        let mut found = (String::new(), None);
        let mut at = elem;
        for _ in 0..32 {
            let Some(desc) = heap.types.get(at as usize) else { break };
            let size_of = |ty: u32| heap.types.get(ty as usize).map_or(0, |ty| ty.size);
            let fields = desc.fields.iter().chain(desc.variants.iter().flat_map(|variant| &variant.fields));
            let around = fields.into_iter().find_map(|field| {
                let within = offset.checked_sub(field.offset?)?;
                (within < size_of(field.ty).saturating_mul(field.times.max(1))).then_some((field, within))
            });
            let Some((field, within)) = around else { break };
            found.0.clone_from(&field.mode);
            let is_unknown = heap
                .types
                .get(field.ty as usize)
                .is_some_and(|ty| ty.base.untyped > 0 && ty.fields.is_empty());
            found.1 = is_unknown.then(|| self.table.type_name(field.ty).to_owned());
            if !field.mode.is_empty() {
                break;
            }
            (at, offset) = (field.ty, within.checked_rem(size_of(field.ty)).unwrap_or(0));
        }
        found
    }
}

/// Why nobody searched, and what to do.
fn why_not(heap: &Heap) -> &'static str {
    match NotSearched(heap.footer().map_or(0, |footer| footer.not_searched)) {
        NotSearched::OFF => "the program ran with HEAP_WALK_HOLDERS=off",
        NotSearched::LITTLE => {
            "they are less than a thousandth of the live bytes: run the program with HEAP_WALK_HOLDERS=on"
        }
        NotSearched::UNREADABLE => "the program cannot read its own memory in /proc/self/mem",
        NotSearched::NOTHING => "the program took all of them for claimed",
        _ => "the snapshot is of before format 2.3, or HEAP_WALK_HOLDERS=off",
    }
}

fn leaked(state: State, requested: u64, blocks: u64) -> Key {
    Key { state, holder: String::new(), field: String::new(), row: None, leaked: (requested, blocks) }
}

/// A place without its positions: `[17].next` is `[].next`.
fn field(place: &str) -> String {
    let mut text = String::with_capacity(place.len());
    let mut is_position = false;
    for c in place.chars() {
        match c {
            ']' => is_position = false,
            _ if is_position && (c.is_ascii_digit() || c == '+') => continue,
            _ => {}
        }
        is_position |= c == '[';
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph of blocks 0 .. n; those of `held` are held by claimed memory.
    fn graph(n: u32, held: &[u32], edges: &[(u32, u32)]) -> Graph {
        let mut edges = edges.to_vec();
        edges.sort_unstable();
        let mut start = vec![0; n as usize + 1];
        edges.iter().for_each(|&(from, _)| start[from as usize + 1] += 1);
        (1..start.len()).for_each(|at| start[at] += start[at - 1]);
        let from = (0..n).map(|block| {
            let from = From { state: State::Block, is_interior: false, place: u64::from(block) };
            held.contains(&block).then_some(from)
        });
        Graph {
            from: from.collect(),
            blocks: (0..n).collect(),
            start,
            to: edges.into_iter().map(|(_, to)| to).collect(),
            strays: 0,
        }
    }

    fn heads(n: u32, held: &[u32], edges: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>) {
        let mut is_cycle = vec![false; n as usize];
        let heads = graph(n, held, edges).heads(&mut is_cycle);
        (heads, (0..n).filter(|&block| is_cycle[block as usize]).collect())
    }

    #[test]
    fn what_hangs_from_whom() {
        // A chain from a holder, what nothing points to with its chain, and a cycle with a tail.
        let edges = [(0, 1), (1, 2), (3, 4), (4, 2), (5, 6), (6, 7), (7, 5), (7, 8)];
        let (found, cycles) = heads(9, &[0], &edges);
        assert_eq!(found[..5], [0, 0, 0, 3, 3]);
        assert!(found[5..].iter().all(|head| *head == found[5]) && (5..8).contains(&found[5]));
        assert_eq!(cycles, [found[5]]);
        // A block that points to itself; a cycle that something unreferenced leads to is no head.
        assert_eq!(heads(1, &[], &[(0, 0)]), (vec![0], vec![0]));
        assert_eq!(heads(3, &[], &[(1, 2), (2, 1), (0, 1)]), (vec![0, 0, 0], vec![]));
        // What is held by itself hangs from nobody, whatever points to it.
        assert_eq!(heads(2, &[0, 1], &[(0, 1), (1, 0)]), (vec![0, 1], vec![]));
    }

    #[test]
    fn heads_are_what_their_definition_says() {
        // Against reachability on random graphs.
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((random >> 33) % below) as u32
        };
        for _ in 0..500 {
            let n = 1 + next(9);
            let edges: Vec<(u32, u32)> =
                (0..next(16)).map(|_| (next(u64::from(n)), next(u64::from(n)))).collect();
            let held: Vec<u32> = (0..n).filter(|_| next(6) == 0).collect();
            let mut edges = edges;
            edges.sort_unstable();
            edges.dedup();
            let reaches = |from: u32, to: u32| {
                let mut seen = vec![from];
                let mut at = 0;
                while at < seen.len() {
                    let here = seen[at];
                    for &(_, b) in edges.iter().filter(|(a, _)| *a == here) {
                        if !seen.contains(&b) {
                            seen.push(b);
                        }
                    }
                    at += 1;
                }
                seen.contains(&to)
            };
            let (found, cycles) = heads(n, &held, &edges);
            for block in 0..n {
                let head = found[block as usize];
                assert!(reaches(head, block), "{edges:?} {held:?} {found:?}");
                let is_held = held.iter().any(|&holder| reaches(holder, block));
                assert_eq!(held.contains(&head), is_held, "{edges:?} {held:?} {found:?}");
                if !is_held {
                    // Nothing leads to a head but its own cycle.
                    assert!((0..n).all(|other| !reaches(other, head) || reaches(head, other)));
                    let on_cycle = edges.iter().any(|&(from, to)| to == head && reaches(head, from));
                    assert_eq!(cycles.contains(&head), on_cycle, "{edges:?} {held:?} {found:?}");
                }
            }
        }
    }

    #[test]
    fn positions_are_left_out() {
        assert_eq!(field("[17].next"), "[].next");
        assert_eq!(field("[key].0"), "[key].0");
        assert_eq!(field("[+24]"), "[]");
        assert_eq!(field(".a[3][4].b"), ".a[][].b");
    }
}
