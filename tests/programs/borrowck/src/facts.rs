//! The relations that rustc emits and polonius computes, with this program's index types.
//!
//! `AllFacts` and `Output` belong to `polonius_engine`: they can't derive `Walk` here, but all their
//! fields are public, so each gets a wrapper whose field is walked by a function.

use heap_walk::Walk;
#[cfg(feature = "heap-walk")]
use heap_walk::Walker;
use polonius_engine::{Atom, FactTypes};

use crate::index::{Loan, Local, MovePathIndex, Origin, Point};

/// Chooses the index types of the engine's relations.
#[derive(Clone, Copy, Debug, Walk)]
pub struct RustcFacts;

macro_rules! atoms {
    ($($name:ty),*) => {$(
        impl Atom for $name {
            fn index(self) -> usize {
                self.as_usize()
            }
        }
    )*};
}

atoms!(Origin, Loan, Point, Local, MovePathIndex);

impl FactTypes for RustcFacts {
    type Origin = Origin;
    type Loan = Loan;
    type Point = Point;
    type Variable = Local;
    type Path = MovePathIndex;
}

/// What rustc tells about one function.
pub type AllFacts = polonius_engine::AllFacts<RustcFacts>;

/// What follows from it.
pub type Output = polonius_engine::Output<RustcFacts>;

/// The input of one function's check.
#[derive(Debug, Default, Walk)]
pub struct PoloniusFacts(#[walk(with = walk_all_facts)] pub AllFacts);

/// The result of one function's check, debugging relations included.
#[derive(Debug, Walk)]
pub struct PoloniusOutput(#[walk(with = walk_output)] pub Output);

impl PoloniusFacts {
    /// The number of facts.
    pub fn len(&self) -> usize {
        let facts = &self.0;
        facts.loan_issued_at.len()
            + facts.universal_region.len()
            + facts.cfg_edge.len()
            + facts.loan_killed_at.len()
            + facts.subset_base.len()
            + facts.loan_invalidated_at.len()
            + facts.var_used_at.len()
            + facts.var_defined_at.len()
            + facts.var_dropped_at.len()
            + facts.use_of_var_derefs_origin.len()
            + facts.drop_of_var_derefs_origin.len()
            + facts.child_path.len()
            + facts.path_is_var.len()
            + facts.path_assigned_at_base.len()
            + facts.path_moved_at_base.len()
            + facts.path_accessed_at_base.len()
            + facts.known_placeholder_subset.len()
            + facts.placeholder.len()
    }

    /// True when there is no fact at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Enters each relation of the input.
#[cfg(feature = "heap-walk")]
pub fn walk_all_facts<'a>(facts: &'a AllFacts, w: &mut Walker<'a>) {
    w.field("loan_issued_at", &facts.loan_issued_at);
    w.field("universal_region", &facts.universal_region);
    w.field("cfg_edge", &facts.cfg_edge);
    w.field("loan_killed_at", &facts.loan_killed_at);
    w.field("subset_base", &facts.subset_base);
    w.field("loan_invalidated_at", &facts.loan_invalidated_at);
    w.field("var_used_at", &facts.var_used_at);
    w.field("var_defined_at", &facts.var_defined_at);
    w.field("var_dropped_at", &facts.var_dropped_at);
    w.field("use_of_var_derefs_origin", &facts.use_of_var_derefs_origin);
    w.field("drop_of_var_derefs_origin", &facts.drop_of_var_derefs_origin);
    w.field("child_path", &facts.child_path);
    w.field("path_is_var", &facts.path_is_var);
    w.field("path_assigned_at_base", &facts.path_assigned_at_base);
    w.field("path_moved_at_base", &facts.path_moved_at_base);
    w.field("path_accessed_at_base", &facts.path_accessed_at_base);
    w.field("known_placeholder_subset", &facts.known_placeholder_subset);
    w.field("placeholder", &facts.placeholder);
}

/// Enters each relation of the result.
#[cfg(feature = "heap-walk")]
pub fn walk_output<'a>(output: &'a Output, w: &mut Walker<'a>) {
    w.field("errors", &output.errors);
    w.field("subset_errors", &output.subset_errors);
    w.field("move_errors", &output.move_errors);
    w.field("dump_enabled", &output.dump_enabled);
    w.field("loan_live_at", &output.loan_live_at);
    w.field("origin_contains_loan_at", &output.origin_contains_loan_at);
    w.field("origin_contains_loan_anywhere", &output.origin_contains_loan_anywhere);
    w.field("origin_live_on_entry", &output.origin_live_on_entry);
    w.field("loan_invalidated_at", &output.loan_invalidated_at);
    w.field("subset", &output.subset);
    w.field("subset_anywhere", &output.subset_anywhere);
    w.field("var_live_on_entry", &output.var_live_on_entry);
    w.field("var_drop_live_on_entry", &output.var_drop_live_on_entry);
    w.field("path_maybe_initialized_on_exit", &output.path_maybe_initialized_on_exit);
    w.field("path_maybe_uninitialized_on_exit", &output.path_maybe_uninitialized_on_exit);
    w.field("known_contains", &output.known_contains);
    w.field("var_maybe_partly_initialized_on_exit", &output.var_maybe_partly_initialized_on_exit);
}
