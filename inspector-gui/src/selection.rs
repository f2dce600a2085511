//! What is selected, and what was selected before. All panes read and write
//! the one selection, so that a click in one is seen in the others.

use heap_analysis::type_table::RowId;
use heap_analysis::NodeId;

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

/// The selection with its past, as a browser keeps it.
#[derive(Debug)]
pub struct History {
    steps: Vec<Selection>,
    at: usize,
}

impl Default for History {
    fn default() -> History {
        History { steps: vec![Selection::Nothing], at: 0 }
    }
}

impl History {
    /// What is selected now.
    pub fn current(&self) -> Selection {
        self.steps[self.at]
    }

    /// Selects something else. What was ahead of the current step is forgotten.
    pub fn select(&mut self, selection: Selection) {
        if selection == self.current() {
            return;
        }
        self.steps.truncate(self.at + 1);
        self.steps.push(selection);
        if self.steps.len() > MAX_STEPS {
            self.steps.remove(0);
        }
        self.at = self.steps.len() - 1;
    }

    /// Whether there is a step before the current one.
    pub fn can_go_back(&self) -> bool {
        self.at > 0
    }

    /// Whether there is a step after the current one.
    pub fn can_go_forward(&self) -> bool {
        self.at + 1 < self.steps.len()
    }

    /// Selects what was selected before.
    pub fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Undoes [`History::back`].
    pub fn forward(&mut self) {
        if self.can_go_forward() {
            self.at += 1;
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
