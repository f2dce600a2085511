//! The stacks of the live blocks, on their way into a snapshot: only those that
//! a block has, each once, its callers before it, the outermost of which may be tags.

use heap_snapshot::live::LiveBlocks;
use heap_snapshot::record::{LiveBlock, StackFigures, StackFrame};
use heap_snapshot::write::Writer;
use std::collections::HashMap;
use std::io::Write;

/// Where the numbers of written stacks are.
pub(crate) struct Stacks {
    blocks: &'static dyn LiveBlocks,
    pub(crate) figures: StackFigures,
    /// By number in the process: number in the file, or 0.
    written: Vec<u32>,
    /// Stacks on the way outwards that are not written yet.
    path: Vec<(u32, StackFrame)>,
    /// Positions of tags in the file's list. Names that are equal are one.
    tags: HashMap<&'static str, u32>,
    /// Addresses of the stacks that were written, to know which images they lie in.
    pub(crate) addresses: Vec<u64>,
}

impl Stacks {
    /// `None` where the allocator takes no stacks.
    pub(crate) fn new(blocks: &'static dyn LiveBlocks) -> Option<Stacks> {
        let figures = blocks.stacks()?;
        Some(Stacks {
            blocks,
            figures,
            written: Vec::new(),
            path: Vec::new(),
            tags: HashMap::new(),
            addresses: Vec::new(),
        })
    }

    /// The names of the tags, in the order of their positions.
    pub(crate) fn tags(&self) -> Vec<&'static str> {
        let mut names = vec![""; self.tags.len()];
        self.tags.iter().for_each(|(name, at)| names[*at as usize] = name);
        names
    }

    /// Writes a block, and its stack if that is new.
    pub(crate) fn block(&mut self, block: &LiveBlock, writer: &mut Writer<impl Write>) {
        let stack = self.number(self.blocks.stack_of(block.addr), writer);
        writer.block_of(block, stack);
    }

    fn number(&mut self, stack: u32, writer: &mut Writer<impl Write>) -> u32 {
        let mut at = stack;
        let mut parent = 0;
        while at != 0 {
            parent = self.written.get(at as usize).copied().unwrap_or(0);
            if parent != 0 {
                break;
            }
            let Some(frame) = self.blocks.stack(at) else { break };
            self.path.push((at, frame));
            at = frame.parent;
        }
        while let Some((at, frame)) = self.path.pop() {
            let frame = match self.blocks.tag_name(frame) {
                Some(name) => {
                    let next = self.tags.len() as u32;
                    StackFrame::of_tag(parent, *self.tags.entry(name).or_insert(next))
                }
                None => {
                    self.addresses.push(frame.address);
                    StackFrame { parent, ..frame }
                }
            };
            parent = writer.stack(frame);
            if self.written.len() <= at as usize {
                self.written.resize(at as usize + 1, 0);
            }
            self.written[at as usize] = parent;
        }
        parent
    }
}
