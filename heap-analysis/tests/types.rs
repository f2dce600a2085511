//! Type table, variants, lengths, names and paths on the made-up compiler.

mod support;

use expect_test::{expect, Expect};
use heap_analysis::config::Config;
use heap_analysis::find::Subject;
use heap_analysis::type_table::{select, Column};
use heap_analysis::{demo, Analysis, Heap, Lens};
use heap_snapshot::record::*;
use std::sync::Arc;

fn demo(config: &str) -> Analysis {
    let config = Config::parse(config, "test").unwrap();
    Analysis::new(Arc::new(Heap::from_snapshot(demo::snapshot(3000))), Arc::new(config), Lens::default())
}

fn check_table(config: &str, expected: Expect) {
    let analysis = demo(config);
    let mut out = String::new();
    for row in analysis.types() {
        out += &format!(
            "{}: {} nodes, {} inline, {} bytes, group `{}`\n",
            row.name, row.count, row.inline_values, row.shallow, row.group
        );
    }
    expected.assert_eq(&out);
}

#[test]
fn types_with_nodes_and_types_inside_others() {
    check_table(
        "",
        expect![[r#"
            Vec<demo::hir::Expr>: 1207 nodes, 1207 inline, 509120 bytes, group ``
            demo::hir::Call: 1197 nodes, 0 inline, 57456 bytes, group ``
            Vec<demo::Module>: 1 nodes, 1 inline, 1024 bytes, group ``
            Vec<u32>: 4 nodes, 4 inline, 544 bytes, group ``
            Box<[u8]>: 8 nodes, 0 inline, 240 bytes, group ``
            HashMap<u32, Box<str>>: 1 nodes, 1 inline, 224 bytes, group ``
            String: 10 nodes, 10 inline, 208 bytes, group ``
            demo::Table: 4 nodes, 0 inline, 192 bytes, group ``
            Vec<Box<str>>: 1 nodes, 1 inline, 64 bytes, group ``
            Weak<demo::Table>: 1 nodes, 10 inline, 48 bytes, group ``
            demo::hir::Expr: 0 nodes, 4158 inline, 0 bytes, group ``
            u64: 0 nodes, 2692 inline, 0 bytes, group ``
            [u64; 8]: 0 nodes, 336 inline, 0 bytes, group ``
            u32: 0 nodes, 3876 inline, 0 bytes, group ``
            &demo::Module: 0 nodes, 1198 inline, 0 bytes, group ``
            Box<demo::hir::Call>: 0 nodes, 1197 inline, 0 bytes, group ``
            u8: 0 nodes, 1563 inline, 0 bytes, group ``
            demo::Module: 0 nodes, 10 inline, 0 bytes, group ``
            Box<str>: 0 nodes, 8 inline, 0 bytes, group ``
            (u32, Box<str>): 0 nodes, 5 inline, 0 bytes, group ``
            Rc<demo::Table>: 0 nodes, 11 inline, 0 bytes, group ``
            demo::Checker: 1 nodes, 0 inline, 0 bytes, group ``
            demo::Session: 1 nodes, 0 inline, 0 bytes, group ``
        "#]],
    );
}

#[test]
fn names_and_groups_by_config() {
    check_table(
        r#"
        flatten = ["alloc::rc::Rc"]
        [[rename]]
        match = "demo::hir::*"
        to = "hir::*"
        [[group]]
        name = "HIR"
        match = ["demo::hir::*", "alloc::vec::Vec<demo::hir::*>"]
        "#,
        expect![[r#"
            Vec<hir::Expr>: 1207 nodes, 1207 inline, 509120 bytes, group `HIR`
            hir::Call: 1197 nodes, 0 inline, 57456 bytes, group `HIR`
            Vec<demo::Module>: 1 nodes, 1 inline, 1024 bytes, group ``
            Vec<u32>: 4 nodes, 4 inline, 544 bytes, group ``
            Box<[u8]>: 8 nodes, 0 inline, 240 bytes, group ``
            HashMap<u32, Box<str>>: 1 nodes, 1 inline, 224 bytes, group ``
            String: 10 nodes, 10 inline, 208 bytes, group ``
            demo::Table: 4 nodes, 0 inline, 192 bytes, group ``
            Vec<Box<str>>: 1 nodes, 1 inline, 64 bytes, group ``
            Weak<demo::Table>: 1 nodes, 10 inline, 48 bytes, group ``
            hir::Expr: 0 nodes, 4158 inline, 0 bytes, group `HIR`
            u64: 0 nodes, 2692 inline, 0 bytes, group ``
            [u64; 8]: 0 nodes, 336 inline, 0 bytes, group ``
            u32: 0 nodes, 3876 inline, 0 bytes, group ``
            &demo::Module: 0 nodes, 1198 inline, 0 bytes, group ``
            Box<hir::Call>: 0 nodes, 1197 inline, 0 bytes, group ``
            u8: 0 nodes, 1563 inline, 0 bytes, group ``
            demo::Module: 0 nodes, 10 inline, 0 bytes, group ``
            Box<str>: 0 nodes, 8 inline, 0 bytes, group ``
            (u32, Box<str>): 0 nodes, 5 inline, 0 bytes, group ``
            demo::Table: 0 nodes, 11 inline, 0 bytes, group ``
            demo::Checker: 1 nodes, 0 inline, 0 bytes, group ``
            demo::Session: 1 nodes, 0 inline, 0 bytes, group ``
        "#]],
    );
}

/// Nothing that a config does changes what the columns add up to.
#[test]
fn totals_never_change_by_config() {
    let config = r#"
        hide = ["demo::Table", "demo::hir::Call"]
        flatten = ["alloc::vec::Vec", "alloc::boxed::Box"]
        [[rename]]
        match = "*"
        to = "x"
        [[group]]
        name = "all"
        match = ["*"]
    "#;
    let (plain, shown) = (demo(""), demo(config));
    let total = |analysis: &Analysis, column: Column| -> u64 {
        analysis.types().iter().map(|row| column.number(row)).sum()
    };
    for (column, _) in Column::ALL.iter().filter(|(column, _)| !column.is_text()) {
        assert_eq!(total(&plain, *column), total(&shown, *column), "{column:?}");
    }
    assert_eq!(plain.ledger().population, shown.ledger().population);
    assert_eq!(plain.roots()[0].sizes, shown.roots()[0].sizes);
    let usable = plain.ledger().population.bytes;
    // The columns add up: the program's bytes but for what nobody claims.
    let unclaimed: u64 = plain.ledger().unclaimed.iter().map(|row| row.bytes).sum();
    assert_eq!(total(&plain, Column::Shallow), usable - unclaimed);
    let parts = [Column::Payload, Column::Slack, Column::Untyped];
    let sum: u64 = parts.iter().map(|part| total(&plain, *part)).sum();
    assert_eq!(sum, usable - unclaimed);
    let groups = shown.groups();
    assert_eq!(groups.iter().map(|group| group.total.shallow).sum::<u64>(), usable - unclaimed);
    let hide = &shown.summary().rules.iter().find(|rule| rule.kind == "hide").unwrap();
    assert!(hide.types == 1 && hide.nodes > 1, "{hide:?}");
}

#[test]
fn hidden_types_are_replaced_by_what_hangs_below() {
    let below = |config: &str| {
        let analysis = demo(config);
        let session = analysis.find("session").unwrap();
        let children = analysis.children(analysis.nodes(session)[0], 100);
        let mut names: Vec<String> =
            children.rows.iter().map(|row| format!("{} {}", row.place, row.type_name)).collect();
        names.sort();
        names.truncate(6);
        names
    };
    assert_eq!(below(""), ["modules Vec<demo::Module>", "names HashMap<u32, Box<str>>", "table demo::Table"]);
    assert_eq!(
        below("hide = [\"demo::Table\"]"),
        ["modules Vec<demo::Module>", "names HashMap<u32, Box<str>>", "table.entries Vec<u32>"]
    );
    // Merged into its only child, or shown where it has several.
    assert_eq!(below("flatten = [\"demo::Table\", \"demo::Module\"]")[2], "table.entries Vec<u32>");
}

#[test]
fn the_rest_of_long_lists_is_counted() {
    let analysis = demo("");
    let modules = analysis.children(analysis.nodes(analysis.find("session").unwrap())[0], 1);
    assert_eq!((modules.rows.len(), modules.rest_count), (1, 2));
    let all = analysis.children(modules.rows[0].node, usize::MAX);
    let some = analysis.children(modules.rows[0].node, 3);
    assert_eq!(some.rows[..], all.rows[..3]);
    assert_eq!(some.rest_count, all.rows.len() as u64 - 3);
    let rest: u64 = all.rows[3..].iter().map(|row| row.shallow).sum();
    assert_eq!(some.rest_shallow, rest);
    assert!(all.rows.is_sorted_by(|a, b| a.retained >= b.retained));
}

#[test]
fn variants_have_counts_and_dead_space() {
    let analysis = demo("");
    let Ok(Subject::Type(row)) = analysis.find("Expr") else { panic!() };
    let detail = analysis.type_detail(row).unwrap();
    assert_eq!((detail.size, detail.discriminant), (72, 8));
    let dead: Vec<u64> = detail.variants.iter().map(|variant| variant.dead_each).collect();
    assert_eq!(dead, [60, 56, 0]);
    let count: u64 = detail.variants.iter().map(|variant| variant.count).sum();
    assert_eq!(count, detail.row.inline_values);
    for variant in &detail.variants {
        assert_eq!(variant.dead, variant.count * variant.dead_each);
        assert_eq!(variant.places, [("element".to_owned(), variant.count)]);
    }
    // What the variants waste is the dead space of the buffers that hold them.
    let dead: u64 = detail.variants.iter().map(|variant| variant.dead).sum();
    assert_eq!(dead, analysis.types().iter().map(|row| row.dead).sum::<u64>());
    // Fields of variants are as many as the variants.
    let [int, call, words] = &detail.variants[..] else { panic!() };
    let inline =
        |name: &str| analysis.types().iter().find(|row| row.name == name).map_or(0, |row| row.inline_values);
    assert_eq!(inline("[u64; 8]"), words.count);
    assert_eq!(inline("Box<demo::hir::Call>"), call.count);
    assert!(int.count > 0 && inline("u64") >= 8 * words.count);
}

#[test]
fn layouts_show_gaps_and_lengths_show_capacity() {
    let analysis = demo("");
    let Ok(Subject::Type(row)) = analysis.find("Call") else { panic!() };
    let detail = analysis.type_detail(row).unwrap();
    let fields: Vec<(u64, u64, &str)> =
        detail.fields.iter().map(|field| (field.offset.unwrap(), field.size, field.name.as_str())).collect();
    assert_eq!(
        fields,
        [(0, 24, "args"), (24, 8, "callee"), (32, 4, "span"), (36, 1, "kind"), (37, 3, "padding")]
    );
    assert_eq!(detail.source.unwrap().line, 20);

    let Ok(Subject::Type(row)) = analysis.find("Vec<u32>") else { panic!() };
    let detail = analysis.type_detail(row).unwrap();
    let [lengths] = &detail.lengths[..] else { panic!() };
    assert_eq!(lengths.containers, detail.row.count);
    assert_eq!(lengths.spare, (lengths.cap - lengths.len) * 4);
    assert_eq!(lengths.spare, detail.row.spare);
    assert_eq!(lengths.buckets.iter().map(|bucket| bucket.containers).sum::<u64>(), lengths.containers);
    for bucket in &lengths.buckets {
        assert!(bucket.len >= bucket.from * bucket.containers && bucket.len <= bucket.to * bucket.containers);
    }
}

#[test]
fn paths_name_fields_and_positions() {
    let analysis = demo("");
    let mut paths: Vec<String> = analysis
        .heap()
        .node_ids()
        .map(|node| analysis.path_text(node))
        .filter(|path| path.len() < 42)
        .collect();
    paths.sort();
    paths.dedup();
    let some: Vec<&str> = paths.iter().step_by(paths.len() / 16).map(String::as_str).collect();
    expect![[r#"
        (outside owner)
        checker.errors[0]
        session.modules
        session.modules[0].body[2].Call.0
        session.modules[0].name
        session.modules[1].body[0].Call.0.args
        session.modules[2].body[0].Call.0.args
        session.modules[2].body[2].Call.0.args
        session.modules[4].body
        session.modules[4].body[2].Call.0.args
        session.modules[5].body[0].Call.0.args
        session.modules[5].body[2].Call.0.args
        session.modules[6].body
        session.modules[7].body
        session.modules[7].table.entries
        session.modules[8].body[1].Call.0
        session.modules[9].body[0].Call.0
        session.modules[9].table
        session.table"#]]
    .assert_eq(&some.join("\n"));
}

#[test]
fn nodes_are_found_by_name_number_address_and_type() {
    let analysis = demo("");
    let Ok(Subject::Root(_)) = analysis.find("checker.module") else { panic!() };
    let Ok(Subject::Node(node)) = analysis.find("#5") else { panic!() };
    assert_eq!(node.0, 5);
    let addr = analysis.heap().addr(node) + 3;
    assert_eq!(analysis.find(&format!("{addr:#x}")), Ok(Subject::Node(node)));
    assert_eq!(analysis.find("demo::Module"), analysis.find("Module"));
    let error = |text| analysis.find(text).unwrap_err().to_string();
    assert_eq!(
        error("sesion"),
        "no root or type `sesion` in this snapshot: did you mean `session` or `demo::Session`"
    );
    assert!(error("#99999999").contains("#0 to #"));
    assert!(error("0x10").contains("no claimed block at `0x10`"));
    assert!(error("Vec").contains("could be several types: use one of `Vec<"), "{}", error("Vec"));
}

#[test]
fn rows_are_selected_and_sorted() {
    let analysis = demo("");
    let rows = analysis.types();
    let names = |filter: &str, column, descending| -> Vec<&str> {
        let chosen = select(rows, filter, column, descending);
        chosen.iter().map(|id| rows[id.0 as usize].name.as_str()).collect()
    };
    assert_eq!(names("HIR::c", Column::Name, false)[..2], ["Box<demo::hir::Call>", "demo::hir::Call"]);
    assert_eq!(names("vec*module", Column::Shallow, true), ["Vec<demo::Module>"]);
    let by_count = select(rows, "", Column::Count, true);
    assert_eq!(by_count.len(), rows.len());
    assert!(by_count.is_sorted_by(|a, b| rows[a.0 as usize].count >= rows[b.0 as usize].count));
}

/// Structs pass their number on to their fields, arrays times their length,
/// skipped fields nothing, and enums what was counted.
#[test]
fn inline_values_are_counted_through_fields() {
    let mut snapshot = support::Text::parse("root r -> a:64, b:64, b2:64").snapshot();
    let leaf = |name: &str, size| TypeDesc {
        name: name.into(),
        size,
        align: 1,
        kind: TypeKind::LEAF.0,
        ..TypeDesc::default()
    };
    let first = snapshot.types.len() as u32;
    let field = |ty: u32, mode: &str, times| FieldDesc {
        ty: first + ty,
        mode: mode.into(),
        times,
        ..FieldDesc::default()
    };
    let variant = |fields| VariantDesc { fields, ..VariantDesc::default() };
    snapshot.types.extend([
        leaf("int", 4),
        leaf("skipped", 4),
        TypeDesc { kind: TypeKind::STRUCT.0, fields: vec![field(0, "", 3)], ..leaf("array", 12) },
        TypeDesc {
            kind: TypeKind::ENUM.0,
            variants: vec![variant(vec![]), variant(vec![field(2, "", 1), field(0, "", 1)])],
            ..leaf("choice", 16)
        },
    ]);
    // Each `a` and `b` holds two choices, an int and a skipped field.
    for ty in snapshot.types.iter_mut().filter(|ty| ty.name == "a" || ty.name == "b") {
        ty.kind = TypeKind::STRUCT.0;
        ty.fields = vec![field(3, "", 2), field(0, "", 1), field(1, "skip", 1)];
    }
    for (variant, count) in [(0, 5), (1, 1)] {
        snapshot.census.push(Census { ty: first + 3, variant, place: Place::FIELD.0, count });
    }
    let heap = Heap::from_snapshot(snapshot);
    let analysis = Analysis::new(Arc::new(heap), Arc::new(Config::default()), Lens::default());
    let inline =
        |name: &str| analysis.types().iter().find(|row| row.name == name).map_or(0, |row| row.inline_values);
    assert_eq!(inline("choice"), 6);
    assert_eq!(inline("array"), 1);
    assert_eq!(inline("int"), 3 + 3 + 1);
    assert_eq!(inline("skipped"), 0);
    let row = analysis.types().iter().find(|row| row.name == "b").unwrap();
    assert_eq!((row.count, row.inline_values), (2, 0));
}
