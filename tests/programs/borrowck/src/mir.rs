//! A function's body: blocks of statements, in the compiler's words and of its uneven sizes.

use std::sync::{Arc, OnceLock};

use heap_walk::Walk;
use rustc_index::IndexVec;

use crate::gcx::DefId;
use crate::index::{BasicBlock, FieldIdx, Local, Point, Symbol};
use crate::ty::{Place, Region, Ty};

/// A function as its graph and its locals.
#[derive(Debug, Walk)]
pub struct Body<'tcx> {
    /// The function.
    #[walk(show)]
    pub source: DefId,
    /// Its path.
    pub name: Symbol,
    /// Its blocks, and what is computed from them on demand.
    pub basic_blocks: BasicBlocks<'tcx>,
    /// Its locals: return place, arguments, variables and temporaries.
    #[walk(with = crate::index::walk_index_vec)]
    pub local_decls: IndexVec<Local, LocalDecl<'tcx>>,
    /// How many locals after the return place are arguments.
    pub arg_count: usize,
}

/// Blocks with a cache that clones of the body share.
#[derive(Debug, Walk)]
pub struct BasicBlocks<'tcx> {
    #[walk(with = crate::index::walk_index_vec)]
    blocks: IndexVec<BasicBlock, BasicBlockData<'tcx>>,
    cache: Arc<GraphCache>,
}

#[derive(Debug, Default, Walk)]
struct GraphCache {
    predecessors: OnceLock<Predecessors>,
    reverse_postorder: OnceLock<Vec<BasicBlock>>,
}

#[derive(Debug, Walk)]
struct Predecessors(#[walk(with = crate::index::walk_index_vec)] IndexVec<BasicBlock, Vec<BasicBlock>>);

/// A block.
#[derive(Debug, Walk)]
pub struct BasicBlockData<'tcx> {
    /// What it does, in order.
    pub statements: Vec<Statement<'tcx>>,
    /// How it ends.
    pub terminator: Terminator<'tcx>,
    /// True when it runs during unwinding.
    pub is_cleanup: bool,
}

/// A local.
#[derive(Debug, Walk)]
pub struct LocalDecl<'tcx> {
    /// What is known of its type.
    pub ty: Ty<'tcx>,
    /// Its role.
    pub kind: LocalKind,
}

/// A local's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Walk)]
pub enum LocalKind {
    /// `_0`.
    ReturnPlace,
    /// Assigned on entry.
    Argument,
    /// All others.
    Temporary,
}

/// A statement.
#[derive(Debug, Walk)]
pub struct Statement<'tcx> {
    /// Its start.
    pub point: Point,
    /// What it does.
    pub kind: StatementKind<'tcx>,
}

/// What a statement does, as far as facts tell.
#[derive(Debug, Walk)]
pub enum StatementKind<'tcx> {
    /// Writes a place.
    Assign(Box<(Place<'tcx>, Rvalue<'tcx>)>),
    /// Looks at a place without an effect.
    FakeRead(FakeReadCause, Place<'tcx>),
    /// A local's memory begins.
    StorageLive(Local),
    /// A local's memory ends.
    StorageDead(Local),
    /// Nothing that facts tell of.
    Nop,
}

/// Why a place is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Walk)]
pub enum FakeReadCause {
    /// A variable is used as a whole.
    ForUse,
    /// Only a path within it is accessed.
    ForPath,
}

/// How a value comes about.
#[derive(Debug, Walk)]
pub enum Rvalue<'tcx> {
    /// As it is.
    Use(Operand<'tcx>),
    /// By borrowing a place.
    Ref(Region<'tcx>, BorrowKind, Place<'tcx>),
    /// From two operands.
    BinaryOp(Box<(Operand<'tcx>, Operand<'tcx>)>),
    /// From more.
    Aggregate(AggregateFields<'tcx>),
}

/// The operands of a value with three or more.
#[derive(Debug, Walk)]
pub struct AggregateFields<'tcx>(
    /// By field.
    #[walk(with = crate::index::walk_index_vec)]
    pub IndexVec<FieldIdx, Operand<'tcx>>,
);

/// What a borrow allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Walk)]
pub enum BorrowKind {
    /// Only writes to the place invalidate it, as far as this function shows.
    Shared,
    /// A read of the place invalidates it, so it is mutable.
    Mut {
        /// The first such read in the facts.
        shown_by: Point,
    },
}

/// Where a value comes from.
#[derive(Debug, Walk)]
pub enum Operand<'tcx> {
    /// A place that stays usable.
    Copy(Place<'tcx>),
    /// A place that doesn't.
    Move(Place<'tcx>),
    /// No place: a constant, or something facts don't tell of.
    Constant(Box<ConstOperand<'tcx>>),
}

/// A constant. Facts tell nothing of its value.
#[derive(Debug, Walk)]
pub struct ConstOperand<'tcx> {
    /// Its type.
    pub ty: Ty<'tcx>,
    /// The function it is, where that is known.
    pub def: Option<DefId>,
}

/// The end of a block.
#[derive(Debug, Walk)]
pub struct Terminator<'tcx> {
    /// Its start.
    pub point: Point,
    /// What it does.
    pub kind: TerminatorKind<'tcx>,
}

/// How a block ends, as far as facts tell.
#[derive(Debug, Walk)]
pub enum TerminatorKind<'tcx> {
    /// Goes on elsewhere.
    Goto {
        /// Where.
        target: BasicBlock,
    },
    /// Chooses by a value.
    SwitchInt {
        /// The value.
        discr: Operand<'tcx>,
        /// The choices.
        targets: Vec<BasicBlock>,
    },
    /// Leaves the function.
    Return,
    /// Goes on unwinding in the caller.
    UnwindResume,
    /// Is never reached.
    Unreachable,
    /// Drops a place.
    Drop {
        /// What is dropped.
        place: Place<'tcx>,
        /// Where it goes on.
        target: BasicBlock,
        /// Where it goes on when the drop panics.
        unwind: UnwindAction,
    },
    /// Calls a function.
    Call {
        /// The function.
        func: Operand<'tcx>,
        /// Its arguments.
        args: Vec<Operand<'tcx>>,
        /// Where its result goes.
        destination: Place<'tcx>,
        /// Where it goes on; nowhere when it never returns.
        target: Option<BasicBlock>,
        /// Where it goes on when the call panics.
        unwind: UnwindAction,
    },
    /// Panics unless a value is as expected.
    Assert {
        /// The value.
        cond: Operand<'tcx>,
        /// Where it goes on.
        target: BasicBlock,
        /// Where it goes on after the panic.
        unwind: UnwindAction,
    },
    /// Goes on at the first target; the checker assumes that it might at the second.
    FalseEdge {
        /// Where it goes.
        real_target: BasicBlock,
        /// Where it never goes.
        imaginary_target: BasicBlock,
    },
}

/// What happens on a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Walk)]
pub enum UnwindAction {
    /// The caller goes on unwinding.
    Continue,
    /// A block of this function cleans up.
    Cleanup(BasicBlock),
}

impl UnwindAction {
    /// The block that cleans up.
    pub fn block(self) -> Option<BasicBlock> {
        match self {
            UnwindAction::Continue => None,
            UnwindAction::Cleanup(block) => Some(block),
        }
    }
}

impl TerminatorKind<'_> {
    /// Where it may go on.
    pub fn successors(&self) -> Vec<BasicBlock> {
        match self {
            TerminatorKind::Goto { target } => vec![*target],
            TerminatorKind::SwitchInt { targets, .. } => targets.clone(),
            TerminatorKind::Return | TerminatorKind::UnwindResume | TerminatorKind::Unreachable => Vec::new(),
            TerminatorKind::Drop { target, unwind, .. } | TerminatorKind::Assert { target, unwind, .. } => {
                [*target].into_iter().chain(unwind.block()).collect()
            }
            TerminatorKind::Call { target, unwind, .. } => {
                target.iter().copied().chain(unwind.block()).collect()
            }
            TerminatorKind::FalseEdge { real_target, imaginary_target } => {
                vec![*real_target, *imaginary_target]
            }
        }
    }
}

impl<'tcx> BasicBlocks<'tcx> {
    /// Blocks with an empty cache.
    pub fn new(blocks: IndexVec<BasicBlock, BasicBlockData<'tcx>>) -> Self {
        BasicBlocks { blocks, cache: Arc::default() }
    }

    /// The blocks by number.
    pub fn blocks(&self) -> &IndexVec<BasicBlock, BasicBlockData<'tcx>> {
        &self.blocks
    }

    /// The blocks that may go on at `block`, in order; computed for all blocks on first use.
    pub fn predecessors(&self, block: BasicBlock) -> &[BasicBlock] {
        let predecessors = self.cache.predecessors.get_or_init(|| {
            let mut predecessors = IndexVec::from_elem(Vec::new(), &self.blocks);
            for (from, data) in self.blocks.iter_enumerated() {
                for to in data.terminator.kind.successors() {
                    if predecessors[to].last() != Some(&from) {
                        predecessors[to].push(from);
                    }
                }
            }
            Predecessors(predecessors)
        });
        &predecessors.0[block]
    }

    /// The blocks that are reachable from the first, each before its successors where there is no
    /// loop; computed on first use.
    pub fn reverse_postorder(&self) -> &[BasicBlock] {
        self.cache.reverse_postorder.get_or_init(|| {
            let mut seen = IndexVec::<BasicBlock, bool>::from_elem(false, &self.blocks);
            let mut order = Vec::with_capacity(self.blocks.len());
            let mut stack = Vec::new();
            let mut enter = |block: BasicBlock, stack: &mut Vec<_>| {
                if !std::mem::replace(&mut seen[block], true) {
                    let successors = self.blocks[block].terminator.kind.successors();
                    stack.push((block, successors.into_iter()));
                }
            };
            enter(BasicBlock::ZERO, &mut stack);
            while let Some((block, successors)) = stack.last_mut() {
                match successors.next() {
                    Some(next) => enter(next, &mut stack),
                    None => {
                        order.push(*block);
                        stack.pop();
                    }
                }
            }
            order.reverse();
            order
        })
    }
}
