//! What is shown and selected, and what was before. All panes read and write
//! the one selection, so that a click in one is seen in the others; going back
//! leads through selections and views alike.

use crate::views::View;
use heap_analysis::type_table::RowId;
use heap_analysis::NodeId;
use std::collections::VecDeque;

/// What is selected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Selection {
    /// Nothing.
    #[default]
    Nothing,
    /// A row of the type table.
    Type(RowId),
    /// A node.
    Node(NodeId),
}

/// Steps that are kept; the oldest go first.
const MAX_STEPS: usize = 1000;

/// What the middle of the window shows, and what is selected.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Step {
    /// The view in the middle.
    pub view: View,
    /// What is selected in all of them.
    pub selection: Selection,
}

/// The current step with its past, as a browser keeps it.
#[derive(Clone, Debug, Default)]
pub struct History {
    now: Step,
    before: VecDeque<Step>,
    ahead: Vec<Step>,
}

impl History {
    /// Begins with a view, and nothing selected.
    pub fn new(view: View) -> History {
        History { now: Step { view, selection: Selection::Nothing }, ..History::default() }
    }

    /// What is selected now.
    pub fn current(&self) -> Selection {
        self.now.selection
    }

    /// What the middle shows now.
    pub fn view(&self) -> View {
        self.now.view
    }

    /// Selects something else.
    pub fn select(&mut self, selection: Selection) {
        self.go(Step { selection, ..self.now });
    }

    /// Shows another view of the same selection.
    pub fn show(&mut self, view: View) {
        self.go(Step { view, ..self.now });
    }

    /// Takes a step. What was ahead of the current one is forgotten.
    pub fn go(&mut self, step: Step) {
        if step == self.now {
            return;
        }
        self.ahead.clear();
        self.before.push_back(std::mem::replace(&mut self.now, step));
        if self.before.len() >= MAX_STEPS {
            self.before.pop_front();
        }
    }

    /// Whether there is a step before the current one.
    pub fn can_go_back(&self) -> bool {
        !self.before.is_empty()
    }

    /// Whether there is a step after the current one.
    pub fn can_go_forward(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Returns to the step before.
    pub fn back(&mut self) {
        if let Some(step) = self.before.pop_back() {
            self.ahead.push(std::mem::replace(&mut self.now, step));
        }
    }

    /// Undoes [`History::back`].
    pub fn forward(&mut self) {
        if let Some(step) = self.ahead.pop() {
            self.before.push_back(std::mem::replace(&mut self.now, step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Selection = Selection::Node(NodeId(1));
    const B: Selection = Selection::Type(RowId(2));

    #[test]
    fn back_and_forward_are_inverse() {
        let mut history = History::default();
        history.select(A);
        history.select(A);
        history.select(B);
        history.back();
        assert_eq!(history.current(), A);
        history.forward();
        assert_eq!(history.current(), B);
        history.forward();
        assert_eq!(history.current(), B);
        history.back();
        history.back();
        history.back();
        assert_eq!(history.current(), Selection::Nothing);
        assert!(!history.can_go_back());
    }

    #[test]
    fn views_are_steps_too() {
        let mut history = History::new(View::Types);
        history.select(A);
        history.show(View::Ownership);
        history.go(Step { view: View::Types, selection: B });
        history.back();
        assert_eq!((history.view(), history.current()), (View::Ownership, A));
        history.back();
        assert_eq!((history.view(), history.current()), (View::Types, A));
        history.forward();
        history.forward();
        assert_eq!((history.view(), history.current()), (View::Types, B));
    }

    #[test]
    fn a_new_selection_forgets_what_was_ahead() {
        let mut history = History::default();
        history.select(A);
        history.back();
        history.select(B);
        assert!(!history.can_go_forward());
        history.back();
        assert_eq!(history.current(), Selection::Nothing);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut history = History::default();
        for node in 0..5000 {
            history.select(Selection::Node(NodeId(node)));
        }
        let mut steps = 0;
        while history.can_go_back() {
            history.back();
            steps += 1;
        }
        assert_eq!(steps, MAX_STEPS - 1);
        assert_eq!(history.current(), Selection::Node(NodeId(4000)));
    }
}
