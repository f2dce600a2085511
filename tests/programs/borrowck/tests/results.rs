//! What the check finds on the committed facts, function by function.

use borrowck::arena::Arena;
use borrowck::borrowck::{check_function, BlockState, BorrowckError, ErrorKind};
use borrowck::gcx::GlobalCtxt;
use borrowck::mir::{BorrowKind, Rvalue, StatementKind};
use borrowck::source::FactSource;

/// Function, facts, points, loans, errors.
const EXPECTED: &[(&str, usize, usize, usize, usize)] = &[
    ("append", 448, 94, 2, 0),
    ("count_words", 985, 136, 3, 0),
    ("get_or_insert", 874, 120, 7, 0),
    ("longest", 432, 48, 0, 0),
    ("offsets", 516, 90, 3, 0),
    ("offsets-{closure#0}", 354, 24, 0, 0),
    ("position", 1125, 236, 1, 0),
    ("push_while_borrowed", 201, 38, 2, 2),
    ("sum", 383, 78, 1, 0),
    ("swap_ends", 775, 142, 10, 0),
    ("take_parts", 562, 212, 4, 0),
    ("undeclared", 56, 4, 0, 1),
    ("use_after_move", 160, 50, 2, 1),
];

fn checked<T>(look: impl FnOnce(&GlobalCtxt<'_>) -> T) -> T {
    let arena = Arena::default();
    let gcx = GlobalCtxt::new(&arena);
    let krate = gcx.crate_num("facts_fallback");
    for function in FactSource::fallback().crates.remove(0).functions {
        check_function(&gcx, &arena, krate, function.parse().unwrap()).unwrap();
    }
    look(&gcx)
}

#[test]
fn figures_are_as_expected() {
    checked(|gcx| {
        let mut found: Vec<_> = gcx
            .results()
            .iter()
            .map(|(def, result)| {
                let facts = &result.facts;
                (
                    gcx.def_path(*def),
                    facts.input_facts.len(),
                    facts.location_table.num_points(),
                    facts.borrow_set.len(),
                    result.errors.len(),
                )
            })
            .collect();
        found.sort();
        let expected: Vec<_> = EXPECTED
            .iter()
            .map(|&(name, facts, points, loans, errors)| (name.to_owned(), facts, points, loans, errors))
            .collect();
        assert_eq!(found, expected, "{found:#?}");
        let sums = gcx.statistics();
        assert_eq!(sums.functions, EXPECTED.len());
        assert_eq!(sums.loans, EXPECTED.iter().map(|row| row.3).sum::<usize>());
        assert_eq!(sums.errors, gcx.error_counts().values().sum::<usize>());
    });
}

#[test]
fn each_rejected_function_is_rejected_for_its_reason() {
    checked(|gcx| {
        let errors = |name: &str| {
            let result = gcx.result(gcx.define(gcx.crate_num("facts_fallback"), name));
            result.unwrap_or_else(|| panic!("no function {name}")).errors.clone()
        };
        for (name, kind) in [
            ("push_while_borrowed", ErrorKind::LoanInvalidated),
            ("use_after_move", ErrorKind::UseOfMoved),
            ("undeclared", ErrorKind::IllegalSubset),
        ] {
            let errors = errors(name);
            assert!(!errors.is_empty(), "{name} must be rejected");
            assert!(errors.iter().all(|error| error.kind() == kind), "{name}: {errors:?}");
        }
        assert!(matches!(
            errors("push_while_borrowed")[0],
            BorrowckError::LoanInvalidated { borrowed_at, location, .. } if borrowed_at < location
        ));
        assert_eq!(errors("get_or_insert"), [], "polonius accepts what today's rustc rejects");
    });
}

#[test]
fn a_closure_leaves_requirements_instead_of_errors() {
    let arena = Arena::default();
    let gcx = GlobalCtxt::new(&arena);
    let mut text = FactSource::fallback().crates.remove(0).functions;
    let mut undeclared = text.remove(text.iter().position(|f| f.function == "undeclared").unwrap());
    undeclared.function = "around-{closure#0}".to_owned();
    let krate = gcx.crate_num("k");
    let def = check_function(&gcx, &arena, krate, undeclared.parse().unwrap()).unwrap();
    let result = gcx.result(def).unwrap();
    assert_eq!(result.errors, []);
    assert_eq!(result.closure_requirements.len(), 1);
}

#[test]
fn two_runs_agree() {
    let describe = |gcx: &GlobalCtxt<'_>| {
        let results = gcx.results();
        let messages = results.iter().flat_map(|(def, result)| {
            let messages = result.diags.iter();
            messages.map(move |diag| format!("{def:?} {:?} {}", diag.location, diag.message))
        });
        let tables = results.iter().map(|(_, result)| {
            format!("{:?} {:?}", result.used_mut, result.facts.region_inference_context.constraints)
        });
        messages.chain(tables).collect::<Vec<String>>()
    };
    assert_eq!(checked(describe), checked(describe));
}

#[test]
fn tables_are_filled_as_the_compiler_s_are() {
    checked(|gcx| {
        let results = gcx.results();
        let states = results.iter().flat_map(|(_, result)| &result.facts.flow.entry_sets);
        let (mut live, mut none) = (0, 0);
        for state in states {
            match state {
                BlockState::Unreached => {}
                BlockState::NoLoans { .. } => none += 1,
                BlockState::Live { borrows, .. } => {
                    assert!(!borrows.is_empty());
                    live += 1;
                }
            }
        }
        assert!(live > 0 && none > 0, "{live} blocks with loans, {none} without");

        // Shared and mutable borrows, of places and through references.
        let mut kinds = [0; 4];
        for (_, result) in &results {
            let blocks = result.facts.body.basic_blocks.blocks();
            for statement in blocks.iter().flat_map(|data| &data.statements) {
                let StatementKind::Assign(assign) = &statement.kind else { continue };
                if let Rvalue::Ref(_, kind, place) = &assign.1 {
                    let is_mut = usize::from(matches!(kind, BorrowKind::Mut { .. }));
                    kinds[2 * is_mut + usize::from(!place.projection.is_empty())] += 1;
                }
            }
        }
        assert!(kinds[0] > 0 && kinds[1] > 0 && kinds[2] + kinds[3] > 0, "{kinds:?}");
        let loans: usize = results.iter().map(|(_, result)| result.facts.borrow_set.len()).sum();
        assert_eq!(kinds.iter().sum::<usize>(), loans);

        // A borrow's region is live somewhere, and contains the points where its own variable is.
        for (_, result) in &results {
            let regioncx = &result.facts.region_inference_context;
            let liveness = &regioncx.liveness_constraints;
            for (origin, points) in liveness.points.iter_enumerated() {
                assert!(points.iter().all(|point| regioncx.region_contains(origin, point)));
            }
        }
    });
}
