//! What the tests of this package share: random inputs that are the same in
//! each run, and how a value's blocks divide.

use end_to_end::{analyse, take};
use heap_snapshot::live::ToolScope;
use heap_snapshot::record::Split;
use heap_walk::Walk;

/// Numbers without end, the same for the same seed (SplitMix64).
pub fn random(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// How the blocks that are claimed from `value`, which lies outside the heap, divide, all together.
pub fn parts(value: &dyn Walk) -> Split {
    let snapshot = take(&[("value", value)]);
    let _tool = ToolScope::enter();
    let analysis = analyse(snapshot);
    let heap = analysis.heap();
    let mut parts = Split::default();
    for node in heap.node_ids() {
        if heap.block(node).is_some() {
            parts.add_times(&heap.split(node), 1);
        }
    }
    parts
}
