//! `datafrog`. A variable's tuples that are still to be added are private, as
//! is its name: both are claimed raw.

use super::super::shape;
use crate::label::Label;
use crate::shape::{Describe, Field};
use crate::walk::Walk;
use crate::walker::Walker;
use ::datafrog::{Iteration, Relation, Variable};
use std::cell::RefCell;
use std::mem::offset_of;
use std::rc::Rc;

impl<Tuple: Ord + Walk> Walk for Relation<Tuple> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("elements") }, &self.elements);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[Field::walked::<Vec<Tuple>>("elements", Some(offset_of!(Self, elements)))]);
    }
}

/// Relations, shared with the iteration that the variable belongs to.
type Relations<Tuple> = Rc<RefCell<Vec<Relation<Tuple>>>>;

impl<Tuple: Ord + Walk> Walk for Variable<Tuple> {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.visit(const { &Label::field("stable") }, &self.stable);
        w.visit(const { &Label::field("recent") }, &self.recent);
        w.visit_opaque(const { &Label::field("to_add") }, self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.structure(&[
            Field::walked::<Relations<Tuple>>("stable", Some(offset_of!(Self, stable))),
            Field::walked::<Rc<RefCell<Relation<Tuple>>>>("recent", Some(offset_of!(Self, recent))),
            Field::unwalked::<Relations<Tuple>>("to_add", None, "opaque"),
            Field::unwalked::<String>("name", None, "opaque"),
            Field::walked::<bool>("distinct", None),
        ]);
    }
}

impl Walk for Iteration {
    fn walk<'a>(&'a self, w: &mut Walker<'a>) {
        w.opaque_inner(self);
    }
    shape!();
    fn describe(d: &mut Describe<'_>) {
        d.opaque();
    }
}
