//! Bodies built from facts: by hand, where each statement is known, and real ones, whose graph must
//! be that of the facts.

use std::collections::{BTreeMap, BTreeSet};

use borrowck::arena::Arena;
use borrowck::build;
use borrowck::gcx::GlobalCtxt;
use borrowck::index::{BasicBlock, Local};
use borrowck::location::RichLocation;
use borrowck::mir::{
    Body, BorrowKind, LocalKind, Operand, Rvalue, StatementKind, TerminatorKind, UnwindAction,
};
use borrowck::move_data::MoveData;
use borrowck::parse::{FactText, FunctionFacts};
use borrowck::region;
use borrowck::source::FactSource;

/// Rows as `a b c`, one a line, instead of quotes and tabs.
fn facts(relations: &[(&str, &str)]) -> FunctionFacts {
    let quote = |line: &str| {
        let columns: Vec<String> = line.split_whitespace().map(|c| format!("\"{c}\"")).collect();
        columns.join("\t") + "\n"
    };
    let relations = relations.iter().map(|&(name, rows)| {
        (name.to_owned(), rows.lines().map(str::trim).filter(|l| !l.is_empty()).map(quote).collect())
    });
    let relations: BTreeMap<String, String> = relations.collect();
    FactText { function: "f".to_owned(), folder: "f".into(), relations }.parse().unwrap()
}

fn build_body<T>(function: &FunctionFacts, look: impl FnOnce(&Body<'_>, &MoveData<'_>) -> T) -> T {
    let arena = Arena::default();
    let gcx = GlobalCtxt::new(&arena);
    let def = gcx.define(gcx.crate_num("k"), &function.function);
    let (facts, table) = (&function.facts.0, &function.location_table);
    let regions = region::regions_of(&gcx, facts);
    let move_data = MoveData::new(&gcx, facts, table, |origin| regions[origin.index()]).unwrap();
    let name = &function.function;
    let body = build::body(&gcx, def, name, facts, table, &move_data, &regions);
    look(&body, &move_data)
}

/// `_2 = &_1; if _3 { _4 = call(move _2) } else { drop _4 }; return`, with storage around it.
fn sample() -> FunctionFacts {
    facts(&[
        (
            "cfg_edge",
            "Start(bb0[0]) Mid(bb0[0])
             Mid(bb0[0]) Start(bb0[1])
             Start(bb0[1]) Mid(bb0[1])
             Mid(bb0[1]) Start(bb0[2])
             Start(bb0[2]) Mid(bb0[2])
             Mid(bb0[2]) Start(bb1[0])
             Mid(bb0[2]) Start(bb2[0])
             Start(bb1[0]) Mid(bb1[0])
             Mid(bb1[0]) Start(bb3[0])
             Mid(bb1[0]) Start(bb4[0])
             Start(bb2[0]) Mid(bb2[0])
             Mid(bb2[0]) Start(bb3[0])
             Start(bb3[0]) Mid(bb3[0])
             Mid(bb3[0]) Start(bb3[1])
             Start(bb3[1]) Mid(bb3[1])
             Start(bb4[0]) Mid(bb4[0])",
        ),
        ("loan_issued_at", "'?1 bw0 Mid(bb0[1])"),
        ("universal_region", "'?0"),
        ("placeholder", "'?0 bw1"),
        ("path_is_var", "mp0 _0\nmp1 _1\nmp2 _2\nmp3 _3\nmp4 _4"),
        ("child_path", "mp5 mp4\nmp6 mp4"),
        ("path_assigned_at_base", "mp1 Start(bb0[0])\nmp3 Start(bb0[0])\nmp2 Mid(bb0[1])"),
        ("path_moved_at_base", "mp2 Mid(bb1[0])\nmp2 Mid(bb3[0])"),
        ("path_accessed_at_base", "mp1 Mid(bb0[1])"),
        ("var_defined_at", "_2 Mid(bb0[0])\n_2 Mid(bb0[1])\n_4 Mid(bb1[0])\n_2 Mid(bb3[0])"),
        ("var_used_at", "_1 Mid(bb0[1])\n_3 Mid(bb0[2])\n_2 Mid(bb1[0])\n_0 Mid(bb3[1])"),
        ("var_dropped_at", "_4 Mid(bb2[0])"),
        ("use_of_var_derefs_origin", "_2 '?1"),
    ])
}

#[test]
fn statements_and_terminators_are_read_off_the_facts() {
    build_body(&sample(), |body, move_data| {
        let blocks = body.basic_blocks.blocks();
        let block = |index| &blocks[BasicBlock::from_usize(index)];
        let local = Local::from_usize;

        assert!(matches!(block(0).statements[0].kind, StatementKind::StorageLive(l) if l == local(2)));
        let StatementKind::Assign(assign) = &block(0).statements[1].kind else {
            panic!("expected an assignment: {:?}", block(0).statements[1]);
        };
        let Rvalue::Ref(region, BorrowKind::Shared, borrowed) = assign.1 else {
            panic!("expected a shared borrow: {assign:?}");
        };
        assert_eq!((assign.0.local, borrowed.local), (local(2), local(1)));
        assert_eq!(format!("{region:?}"), "'?1");

        let TerminatorKind::SwitchInt { discr: Operand::Copy(discr), targets } = &block(0).terminator.kind
        else {
            panic!("expected a switch: {:?}", block(0).terminator);
        };
        assert_eq!((discr.local, targets.len()), (local(3), 2));

        let TerminatorKind::Call { args, destination, target, unwind, .. } = &block(1).terminator.kind else {
            panic!("expected a call: {:?}", block(1).terminator);
        };
        assert!(matches!(args.as_slice(), [Operand::Move(place)] if place.local == local(2)));
        assert_eq!(destination.local, local(4));
        assert_eq!(*target, Some(BasicBlock::from_usize(3)));
        assert_eq!(*unwind, UnwindAction::Cleanup(BasicBlock::from_usize(4)));

        assert!(matches!(
            block(2).terminator.kind,
            TerminatorKind::Drop { place, unwind: UnwindAction::Continue, .. } if place.local == local(4)
        ));
        assert!(matches!(block(3).statements[0].kind, StatementKind::StorageDead(l) if l == local(2)));
        assert!(matches!(block(3).terminator.kind, TerminatorKind::Return));
        assert!(matches!(block(4).terminator.kind, TerminatorKind::UnwindResume));
        assert!(block(4).is_cleanup && !block(3).is_cleanup);

        let kinds: Vec<LocalKind> = body.local_decls.iter().map(|decl| decl.kind).collect();
        use LocalKind::{Argument, ReturnPlace, Temporary};
        assert_eq!(kinds, [ReturnPlace, Argument, Temporary, Argument, Temporary]);
        assert_eq!(body.arg_count, 2);
        assert_eq!(format!("{:?}", body.local_decls[local(2)].ty), "&'?1 _");
        let child = move_data.move_paths.iter().last().unwrap();
        assert_eq!(format!("{:?}", child.place), "_4.1");
    });
}

#[test]
fn a_read_that_invalidates_shows_a_mutable_borrow() {
    let mut function = sample();
    let point = |text| {
        let location =
            borrowck::location::Location { block: BasicBlock::from_usize(text), statement_index: 0 };
        function.location_table.start(location)
    };
    let at = point(3);
    let mid = at + 1;
    let facts = &mut function.facts.0;
    facts.var_defined_at.retain(|row| row.1 != mid);
    facts.path_moved_at_base.retain(|row| row.1 != mid);
    facts.var_used_at.push((Local::from_usize(1), mid));
    facts.loan_invalidated_at.push((at, borrowck::index::Loan::from_usize(0)));
    build_body(&function, |body, _| {
        let StatementKind::Assign(assign) = &body.basic_blocks.blocks()[BasicBlock::ZERO].statements[1].kind
        else {
            panic!("expected an assignment");
        };
        assert!(
            matches!(assign.1, Rvalue::Ref(_, BorrowKind::Mut { shown_by }, _) if shown_by == at),
            "{assign:?}"
        );
    });
}

#[test]
fn the_graph_can_be_asked() {
    build_body(&sample(), |body, _| {
        let block = BasicBlock::from_usize;
        let graph = &body.basic_blocks;
        assert_eq!(graph.predecessors(block(3)), [block(1), block(2)]);
        assert!(graph.predecessors(block(0)).is_empty());
        let order = graph.reverse_postorder();
        assert_eq!(order.len(), 5);
        assert_eq!(order[0], block(0));
        let position = |wanted| order.iter().position(|&b| b == wanted).unwrap();
        assert!(position(block(1)) < position(block(3)) && position(block(2)) < position(block(3)));
    });
}

#[test]
fn facts_that_contradict_each_other_are_refused() {
    let edge = ("cfg_edge", "Start(bb0[0]) Mid(bb0[0])");
    let arena = Arena::default();
    let gcx = GlobalCtxt::new(&arena);
    let error = |relations: &[(&str, &str)]| {
        let function = facts(relations);
        let region = |_| gcx.common().re_static;
        MoveData::new(&gcx, &function.facts.0, &function.location_table, region).unwrap_err()
    };
    assert_eq!(error(&[edge, ("child_path", "mp0 mp1")]), "path mp0 is numbered before its parent mp1");
    assert_eq!(
        error(&[edge, ("path_moved_at_base", "mp0 Mid(bb0[0])")]),
        "path mp0 has neither a variable nor a parent"
    );
}

#[test]
fn terminators_of_real_bodies_have_the_successors_of_the_facts() {
    for text in FactSource::fallback().crates.remove(0).functions {
        let function = text.parse().unwrap();
        let table = &function.location_table;
        let mut expected: BTreeSet<(BasicBlock, BasicBlock)> = BTreeSet::new();
        for &(from, to) in &function.facts.0.cfg_edge {
            let (from, to) = (table.rich(from), table.rich(to));
            if matches!((from, to), (RichLocation::Mid(_), RichLocation::Start(_)))
                && to.location().statement_index == 0
            {
                expected.insert((from.location().block, to.location().block));
            }
        }
        build_body(&function, |body, _| {
            let blocks = body.basic_blocks.blocks();
            let built: BTreeSet<_> = blocks
                .iter_enumerated()
                .flat_map(|(from, data)| {
                    data.terminator.kind.successors().into_iter().map(move |to| (from, to))
                })
                .collect();
            assert_eq!(built, expected, "{}", function.function);
            assert_eq!(blocks.len(), table.num_blocks());
            let returns = blocks
                .iter()
                .filter(|data| matches!(data.terminator.kind, TerminatorKind::Return) && !data.is_cleanup);
            assert_eq!(returns.count(), 1, "{}", function.function);
        });
    }
}
