//! What is added to the compiler, against what it needs: lists that were made from its source by following
//! field types from `MirBorrowckCtxt`. That a name is in the tree is checked when the facts are applied.

use annotate::Facts;
use std::collections::BTreeSet;
use std::path::Path;

/// The types of `rustc_borrowck` that its context reaches and that have a pointer or heap somewhere below.
const BORROWCK: [(&str, &[&str]); 19] = [
    ("borrow_set.rs", &["BorrowData", "BorrowSet", "LocalsStateAtExit"]),
    ("constraints/graph.rs", &["ConstraintGraph"]),
    ("constraints/mod.rs", &["OutlivesConstraint", "OutlivesConstraintSet"]),
    ("consumers.rs", &["BodyWithBorrowckFacts", "BorrowckConsumer"]),
    ("diagnostics/bound_region_errors.rs", &["UniverseInfo"]),
    ("diagnostics/mod.rs", &["BorrowckDiagnosticsBuffer", "BufferedDiag"]),
    ("diagnostics/move_errors.rs", &["IllegalMoveOriginKind", "MoveError"]),
    ("diagnostics/region_name.rs", &["RegionName", "RegionNameSource"]),
    (
        "lib.rs",
        &[
            "BorrowckInferCtxt",
            "ClosureOutlivesRequirement",
            "ClosureOutlivesSubject",
            "ClosureOutlivesSubjectTy",
            "ClosureRegionRequirements",
            "CollectRegionConstraintsResult",
            "MirBorrowckCtxt",
            "PropagatedBorrowCheckResults",
        ],
    ),
    ("polonius/constraints.rs", &["LocalizedConstraintGraph"]),
    ("polonius/legacy/location.rs", &["PoloniusLocationTable"]),
    ("polonius/mod.rs", &["PoloniusContext"]),
    ("region_infer/mod.rs", &["RegionDefinition", "RegionInferenceContext", "TypeTest"]),
    ("region_infer/opaque_types/mod.rs", &["DeferredOpaqueTypeError", "UnexpectedHiddenRegion"]),
    ("region_infer/values.rs", &["LivenessValues", "PlaceholderIndices", "RegionValues"]),
    ("root_cx.rs", &["BorrowCheckRootCtxt"]),
    ("session_diagnostics.rs", &["LifetimeMismatchOpaqueParam"]),
    (
        "type_check",
        &["free_region_relations.rs UniversalRegionRelations", "mod.rs MirTypeckRegionConstraints"],
    ),
    ("universal_regions.rs", &["DefiningTy", "UniversalRegionIndices", "UniversalRegions"]),
];

/// The containers in which they keep things, and what those are made of. Maps and sets of rustc_data_structures are
/// those of indexmap and std.
const CONTAINERS: [&str; 22] = [
    "rustc_index/src/vec.rs IndexVec",
    "rustc_index/src/slice.rs IndexSlice",
    "rustc_index/src/bit_set.rs DenseBitSet",
    "rustc_index/src/bit_set.rs ChunkedBitSet",
    "rustc_index/src/bit_set.rs Chunk",
    "rustc_index/src/bit_set.rs MixedBitSet",
    "rustc_index/src/bit_set.rs BitMatrix",
    "rustc_index/src/bit_set.rs SparseBitMatrix",
    "rustc_index/src/interval.rs IntervalSet",
    "rustc_index/src/interval.rs SparseIntervalMatrix",
    "rustc_data_structures/src/frozen.rs Frozen",
    "rustc_data_structures/src/intern.rs Interned",
    "rustc_data_structures/src/snapshot_map/mod.rs SnapshotMap",
    "rustc_data_structures/src/graph/scc/mod.rs Sccs",
    "rustc_data_structures/src/graph/scc/mod.rs SccData",
    "rustc_data_structures/src/graph/scc/mod.rs SccDetails",
    "rustc_data_structures/src/graph/dominators/mod.rs Dominators",
    "rustc_data_structures/src/transitive_relation.rs TransitiveRelation",
    "rustc_data_structures/src/transitive_relation.rs Edge",
    "rustc_data_structures/src/unord.rs UnordMap",
    "rustc_data_structures/src/unord.rs UnordSet",
    "rustc_data_structures/src/steal.rs Steal",
];

fn derived() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compiler");
    let facts = Facts::parse(&std::fs::read_to_string(folder.join("facts.toml")).unwrap()).unwrap();
    for whole in &facts.wholes {
        assert!(folder.join(&whole.from).exists(), "{}", whole.from);
    }
    let name = |file: &annotate::File, ty: &str| {
        format!("{} {ty}", file.path.strip_prefix("compiler/").unwrap_or(&file.path))
    };
    // Or by hand, where a type can't have attributes of ours.
    let by_hand = |file: &annotate::File| {
        let texts: String = file.insert.iter().map(|insert| &*insert.text).collect();
        let types = texts.split("heap_walk::Walk for ").skip(1).map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
        });
        types.collect::<Vec<_>>()
    };
    facts
        .files
        .iter()
        .flat_map(|file| file.derive.iter().cloned().chain(by_hand(file)).map(move |ty| name(file, &ty)))
        .collect()
}

#[test]
fn every_type_of_the_borrow_checker_that_needs_it_is_derived() {
    let derived = derived();
    let mut count = 0;
    for (file, types) in BORROWCK {
        for ty in types {
            let separator = if ty.contains(' ') { '/' } else { ' ' };
            let name = format!("rustc_borrowck/src/{file}{separator}{ty}");
            assert!(derived.contains(&name), "{name} is in no `derive` of facts.toml");
            count += 1;
        }
    }
    assert_eq!(count, 41);
}

#[test]
fn every_container_that_they_use_is_derived() {
    let derived = derived();
    for name in CONTAINERS {
        assert!(derived.contains(name), "{name} is in no `derive` of facts.toml");
    }
}
