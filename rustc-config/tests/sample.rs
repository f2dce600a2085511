//! The compiler's own heap: a snapshot of `cargo xtask rustc`, compiling
//! regex-syntax, read with the config that comes along.

use heap_analysis::config::Config;
use heap_analysis::find::Subject;
use heap_analysis::{load, Analysis, Lens};
use std::path::Path;
use std::sync::Arc;

fn analysis() -> Analysis {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/rustc.heapsnap");
    assert!(path.metadata().unwrap().len() <= 2 << 20, "small enough to be kept");
    let loaded = load::load(&path, None, &mut |_| true).unwrap();
    assert_eq!(loaded.heap.problems(), [] as [String; 0]);
    let config = Config::find("rustc-main", None, Path::new("/")).unwrap();
    Analysis::new(Arc::new(loaded.heap), Arc::new(config), Lens::default())
}

#[test]
fn the_ledger_of_the_compiler_closes() {
    let analysis = analysis();
    let ledger = analysis.ledger();
    assert!(ledger.closes, "{:?}", ledger.verdict);
    assert_eq!((ledger.is_quiescent, ledger.difference), (Some(true), Some(0)));
    assert_eq!(ledger.claimed_twice, []);
    assert_eq!(ledger.mismatches, []);
    let bytes = |name: &str| {
        let rows = ledger.coverage.iter().filter(|row| row.name == name);
        rows.map(|row| row.bytes).sum::<u64>() as f64 / ledger.population.bytes as f64
    };
    assert!(bytes("unclaimed") < 0.03, "unclaimed {}", bytes("unclaimed"));
}

#[test]
fn the_roots_are_the_context_and_what_it_lives_in() {
    let analysis = analysis();
    let names: Vec<&str> = analysis.roots().iter().map(|row| row.name.as_str()).collect();
    for name in [
        "gcx",
        "gcx.arena",
        "gcx.hir_arena",
        "session",
        "session.globals",
        "mbcx",
        "mbcx.body",
        "mbcx.borrow_set",
        "mbcx.diags_buffer",
        "mbcx.flow_results",
        "mbcx.infcx",
        "mbcx.location_table",
        "mbcx.move_data",
        "mbcx.promoted",
        "mbcx.regioncx",
        "mbcx.root_cx",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}

#[test]
fn types_have_the_names_that_compiler_contributors_say() {
    let analysis = analysis();
    let names: Vec<&str> = analysis.types().iter().map(|row| row.name.as_str()).collect();
    for name in [
        "mir::Body",
        "mir::StatementKind",
        "mir::Operand",
        "mir::BasicBlock",
        "ty::RegionVid",
        "MoveData",
        "Vec<mir::Statement>",
        "TypedArena<mir::Body>",
        "borrowck::region_infer::RegionInferenceContext",
    ] {
        assert!(names.contains(&name), "{name} in {names:#?}");
    }
    assert!(!names.iter().any(|name| name.contains("rustc_middle::mir::")), "{names:#?}");
    let keys = analysis.keys();
    for name in ["mir::BasicBlock", "mir::Local", "ty::RegionVid", "MovePathIndex"] {
        assert!(keys.iter().any(|row| row.type_name == name && row.distinct > 1), "{name} in {keys:#?}");
    }
}

#[test]
fn an_enum_says_which_variants_live() {
    let analysis = analysis();
    let Ok(Subject::Type(row)) = analysis.find("mir::StatementKind") else { panic!("a type") };
    let detail = analysis.type_detail(row).unwrap();
    let live =
        |name: &str| detail.variants.iter().find(|variant| variant.name == name).map(|variant| variant.count);
    assert!(live("Assign").unwrap() > 10 && live("StorageLive").unwrap() > 10, "{detail:#?}");
    assert_eq!(live("Retag"), Some(0));
}
