//! What a snapshot is, on one page.

use crate::analysis::Analysis;
use crate::heap::Role;
use crate::keys::KeyRow;
use crate::lens::Lens;
use heap_snapshot::record::{AllocatorFigures, Footer, Header};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a snapshot is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// What the program wrote when the checkpoint began.
    pub header: Header,
    /// What it wrote when it ended; missing where the file was cut off.
    pub footer: Option<Footer>,
    /// The allocator's account.
    pub allocator: Option<AllocatorFigures>,
    /// Which edges count as holding memory.
    pub lens: Lens,
    /// Where the type config came from.
    pub config: String,
    /// Roots and blocks, shells included.
    pub nodes: u64,
    /// All edges.
    pub edges: u64,
    /// Value types.
    pub types: u64,
    /// Live blocks of the program from before the checkpoint, and their usable bytes.
    pub population_blocks: u64,
    /// Usable bytes of the population.
    pub population_bytes: u64,
    /// Bytes reachable from roots and outside owners.
    pub reachable: u64,
    /// Bytes of all nodes that no root and no outside owner reaches through the lens.
    pub unreachable: u64,
    /// Sizes are estimates from layouts: no tracking allocator supplied the blocks.
    pub is_estimate: bool,
    /// What is wrong with the file or was reported by the walk, in sentences.
    pub problems: Vec<String>,
    /// Parts that could not be entered, by reason.
    pub unreadable: Vec<UnreadableRow>,
    /// Shared blocks with more strong handles than the walk met: they have other owners.
    pub outside_owners: u64,
    /// Shared blocks whose handles cannot be counted: they may have other owners.
    pub maybe_outside: u64,
    /// Memory outside the allocator, such as memory maps: number of regions.
    pub regions: u64,
    /// Their bytes, which are in no other number.
    pub region_bytes: u64,
    /// Keys into tables, by type and table.
    pub keys: Vec<KeyRow>,
    /// What each rule of the type config touched.
    pub rules: Vec<crate::config::RuleReport>,
}

/// Parts that could not be entered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct UnreadableRow {
    /// Displayed name of the type.
    pub type_name: String,
    /// Field.
    pub field: String,
    /// Why: `locked`, `borrowed`, …
    pub reason: String,
    /// How often.
    pub count: u64,
}

pub(crate) fn summary(analysis: &Analysis) -> Summary {
    let heap = &analysis.heap;
    let sum = |sum: u64, size: u64| sum.saturating_add(size);
    let all = heap.node_ids().map(|node| heap.shallow(node)).fold(0, sum);
    let reachable = analysis.dominators().in_order().map(|(node, _)| heap.shallow(node)).fold(0, sum);
    let population = || heap.blocks.iter().filter(|block| heap.is_population(block));
    let mut unreadable: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    for part in &heap.unreadable {
        let field = heap.labels.get(part.label as usize).map_or("", |label| label.name.as_str());
        let key = (analysis.table.type_name(part.ty).to_owned(), field.to_owned(), part.reason.clone());
        *unreadable.entry(key).or_default() += 1;
    }
    let mut problems = heap.problems().to_vec();
    problems.extend(analysis.config.notes.iter().cloned());
    let outside = |is_maybe: bool| {
        let strong = heap.outside().iter().filter(|outside| !outside.is_weak);
        strong.filter(|outside| outside.is_maybe == is_maybe).count() as u64
    };
    let regions = || heap.node_ids().filter(|&node| heap.role(node) == Role::Region);
    let counted = |role: Role| !matches!(role, Role::Same | Role::Lost);
    Summary {
        header: heap.header().clone(),
        footer: heap.footer().cloned(),
        allocator: heap.allocator,
        lens: analysis.lens,
        config: analysis.config.origin.clone(),
        nodes: heap.node_ids().filter(|&node| counted(heap.role(node))).count() as u64,
        edges: heap.edge_count() as u64,
        types: heap.types.len() as u64,
        population_blocks: if heap.header().tracked { population().count() as u64 } else { 0 },
        population_bytes: if heap.header().tracked {
            population().map(|block| block.usable).fold(0, sum)
        } else {
            0
        },
        reachable,
        unreachable: all.saturating_sub(reachable),
        is_estimate: !heap.header().tracked,
        problems,
        unreadable: unreadable
            .into_iter()
            .map(|((type_name, field, reason), count)| UnreadableRow { type_name, field, reason, count })
            .collect(),
        outside_owners: outside(false),
        maybe_outside: outside(true),
        regions: regions().count() as u64,
        region_bytes: regions().map(|node| heap.room(node)).fold(0, sum),
        keys: analysis.keys(),
        rules: analysis.table.rules.clone(),
    }
}
