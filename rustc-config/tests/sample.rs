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
}

#[test]
fn index_newtypes_lead_to_entries_of_their_tables() {
    let analysis = analysis();
    let keys = analysis.keys();
    for (name, table) in [
        ("mir::BasicBlock", "Body::basic_blocks.basic_blocks"),
        ("mir::Local", "Body::local_decls"),
        ("mir::SourceScope", "Body::source_scopes"),
        ("mir::Promoted", "mbcx.promoted"),
        ("ty::RegionVid", "RegionInferenceContext::definitions"),
        ("ty::UserTypeAnnotationIndex", "Body::user_type_annotations"),
        ("borrowck::constraints::OutlivesConstraintIndex", "RegionInferenceContext::constraints"),
        ("borrowck::constraints::ConstraintSccIndex", "RegionInferenceContext::scc_annotations"),
        ("MovePathIndex", "MoveData::move_paths"),
        ("MoveOutIndex", "MoveData::moves"),
        ("InitIndex", "MoveData::inits"),
    ] {
        let row = keys.iter().find(|row| row.type_name == name && row.table == table);
        let row = row.unwrap_or_else(|| panic!("{name} into {table} in {keys:#?}"));
        assert!(row.linked > 0 && row.linked == row.keys, "{row:?}");
    }
    assert_eq!(analysis.dangling_keys(1), []);
    // All region variables have a definition, and nothing else is one.
    let regions = keys.iter().find(|row| row.type_name == "ty::RegionVid").unwrap();
    let table = analysis
        .heap()
        .node_ids()
        .find(|&node| analysis.heap().elem(node).is_some_and(|ty| ty.name.contains("RegionDefinition")));
    assert_eq!(regions.distinct, analysis.heap().len(table.unwrap()));
}

#[test]
fn what_arenas_hold_is_typed() {
    let analysis = analysis();
    let names: Vec<&str> = analysis.types().iter().map(|row| row.name.as_str()).collect();
    for name in
        ["Vec<rustc_middle::thir::Expr>", "Vec<mir::LocalDecl>", "HashMap<rustc_hir_id::ItemLocalId, ty::Ty>"]
    {
        assert!(names.contains(&name), "{name} in {names:#?}");
    }
    let ledger = analysis.ledger();
    let typed = ledger.coverage.iter().find(|row| row.name == "typed").unwrap().bytes;
    assert!(typed * 6 > ledger.population.bytes, "{typed} of {}", ledger.population.bytes);
    // Interners are raw, under their own name.
    let gcx = analysis.roots().iter().find(|row| row.name == "gcx").unwrap().node;
    let children = analysis.children(gcx, usize::MAX);
    assert!(children.rows.iter().any(|row| row.place == "interners.type_"), "{:#?}", children.rows);
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
