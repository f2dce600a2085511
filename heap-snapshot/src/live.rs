//! How a walk finds the tracking allocator of its process, if there is one.
//!
//! `tracking-alloc` installs itself here when the first block is recorded;
//! `heap-walk` asks here. So neither knows the other, and a program that only
//! walks never compiles an allocator.

use crate::record::{AllocatorFigures, BlockCount, LiveBlock, SizeClass, StackFigures, StackFrame};
use std::sync::OnceLock;

/// What happened to the program's blocks while a checkpoint ran.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// Blocks born.
    pub born: BlockCount,
    /// Blocks born before and freed during.
    pub freed: BlockCount,
}

/// The sizes of one block, for who asks for nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Bytes that were asked for.
    pub requested: u64,
    /// Bytes that were set aside.
    pub usable: u64,
}

impl Sizes {
    /// Those of no block: no block is so large.
    pub const NONE: Sizes = Sizes { requested: 0, usable: u64::MAX };

    /// Those of a block of the program; [`Sizes::NONE`] of none, and of one of the tool.
    pub fn of(block: Option<LiveBlock>) -> Sizes {
        match block {
            Some(block) if !block.is_tool => Sizes { requested: block.requested, usable: block.usable },
            _ => Sizes::NONE,
        }
    }
}

/// The table of live blocks of this process.
pub trait LiveBlocks: Sync {
    /// The live block that holds `addr`, which may lie anywhere inside it (its
    /// usable bytes count). Tens of nanoseconds; takes no lock.
    fn lookup(&self, addr: u64) -> Option<LiveBlock>;

    /// The sizes of the program's blocks that hold these addresses, in their
    /// order; [`Sizes::NONE`] where no block or one of the tool does. As many
    /// [`LiveBlocks::lookup`]s, but several times as fast.
    fn sizes(&self, addrs: &[u64], sizes: &mut [Sizes]) {
        for (size, &addr) in sizes.iter_mut().zip(addrs) {
            *size = Sizes::of(self.lookup(addr));
        }
    }

    /// Calls `visit` for every live block, in ascending order of addresses.
    /// Blocks that live through the whole call are met exactly once.
    fn for_each(&self, visit: &mut dyn FnMut(LiveBlock));

    /// Begins a checkpoint: increments the birth epoch and counts [`Traffic`]
    /// from here on. Returns the new epoch, and whether the numbers have run out.
    fn begin(&self) -> (u32, bool);

    /// Ends what `begin` began.
    fn end(&self) -> Traffic;

    /// Whether a block of the program was born since `begin`. One load.
    fn has_births(&self) -> bool;

    /// Marks (or unmarks) what the calling thread allocates as the tool's own.
    /// Returns what it was before.
    fn set_tool(&self, is_tool: bool) -> bool;

    /// The allocator's own account. Walks no blocks; some microseconds.
    fn figures(&self) -> AllocatorFigures;

    /// The size classes in use, smallest first, as of the last call of
    /// [`LiveBlocks::figures`]. Empty where the allocator below has none. A tenth of a millisecond.
    fn size_classes(&self) -> Vec<SizeClass> {
        Vec::new()
    }

    /// Calls `visit` with address and length of each mapping that the table is made of.
    fn table_memory(&self, _visit: &mut dyn FnMut(u64, u64)) {}

    /// Calls `visit` with addresses in the allocator's bookkeeping: one for each arena.
    fn bookkeeping(&self, _visit: &mut dyn FnMut(u64)) {}

    /// Frees of blocks that were not in the table, since the program began.
    fn unknown_frees(&self) -> u64;

    /// How stacks are taken; `None` where they are not.
    fn stacks(&self) -> Option<StackFigures> {
        None
    }

    /// The number of the stack that allocated the block that begins at `addr`; 0
    /// where none was taken. Nanoseconds.
    fn stack_of(&self, _addr: u64) -> u32 {
        0
    }

    /// The stack with a number; its parent's is smaller. A tag's address means
    /// nothing beyond this process.
    fn stack(&self, _number: u32) -> Option<StackFrame> {
        None
    }

    /// Puts a tag on what the calling thread allocates from now on, below the
    /// tags that it has. Returns these, for [`LiveBlocks::leave_tag`]. Nanoseconds.
    fn enter_tag(&self, _name: &'static str) -> u32 {
        0
    }

    /// Gives the calling thread the tags that it had before.
    fn leave_tag(&self, _before: u32) {}

    /// The name of a tag, given as the frame that it is in the tree of stacks.
    fn tag_name(&self, _frame: StackFrame) -> Option<&'static str> {
        None
    }
}

static INSTALLED: OnceLock<&'static dyn LiveBlocks> = OnceLock::new();

/// Makes `blocks` the table of this process. The first one stays; says whether this was it.
pub fn install(blocks: &'static dyn LiveBlocks) -> bool {
    INSTALLED.set(blocks).is_ok()
}

/// The table of this process, if its allocator keeps one.
pub fn installed() -> Option<&'static dyn LiveBlocks> {
    INSTALLED.get().copied()
}

/// What is allocated on this thread while this lives is the tool's own.
#[derive(Debug)]
pub struct ToolScope {
    before: bool,
    // Belongs to its thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl ToolScope {
    /// Enters the scope. Scopes nest.
    pub fn enter() -> ToolScope {
        let before = installed().is_some_and(|blocks| blocks.set_tool(true));
        ToolScope { before, _not_send: std::marker::PhantomData }
    }
}

impl Drop for ToolScope {
    fn drop(&mut self) {
        if let Some(blocks) = installed() {
            blocks.set_tool(self.before);
        }
    }
}
