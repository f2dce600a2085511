//! Stacks in a file: their tree, and which of its nodes allocated each block.
//!
//! Both are byte strings of LEB128 integers (`packed`), beside `count` and `first`:
//!
//! | frame | of each | holds |
//! |---|---|---|
//! | stack frames | node from number `first` (the first of a snapshot is 1) | how far back its parent is, itself for none; return address less the one before, zigzag |
//! | block stacks | run of blocks from the one at address `first` | node less the one before, zigzag, shifted left by one; lowest bit: the length of the run less two follows |
//!
//! A block without a stack has number 0.

use crate::frame::StackColumns;
use crate::record::StackFrame;
use crate::varint::{put, unzigzag, zigzag, Column};

/// Nodes of the tree on their way to the file.
#[derive(Default, Debug)]
pub(crate) struct FramePacker {
    packed: Vec<u8>,
    /// Nodes so far, and those of them that were written.
    count: u32,
    written: u32,
    last: u64,
}

impl FramePacker {
    pub(crate) fn put(&mut self, frame: StackFrame) -> u32 {
        self.count += 1;
        let id = self.count;
        let back = if frame.parent == 0 { 0 } else { u64::from(id.wrapping_sub(frame.parent)) };
        put(&mut self.packed, back);
        put(&mut self.packed, zigzag(frame.address.wrapping_sub(self.last) as i64));
        self.last = frame.address;
        id
    }

    pub(crate) fn byte_size(&self) -> usize {
        self.packed.len()
    }

    pub(crate) fn take(&mut self) -> StackColumns {
        let (first, count) = (u64::from(self.written) + 1, u64::from(self.count - self.written));
        self.written = self.count;
        self.last = 0;
        StackColumns { first, count, packed: std::mem::take(&mut self.packed) }
    }

    /// A snapshot begins.
    pub(crate) fn restart(&mut self) {
        *self = FramePacker::default();
    }
}

/// Stacks of blocks on their way to the file.
#[derive(Default, Debug)]
pub(crate) struct BlockStackPacker {
    packed: Vec<u8>,
    first: u64,
    count: u64,
    last: u32,
    /// The run that is growing.
    stack: u32,
    run: u64,
}

impl BlockStackPacker {
    #[inline]
    pub(crate) fn put(&mut self, addr: u64, stack: u32) {
        if self.count == 0 {
            self.first = addr;
        }
        self.count += 1;
        if stack != self.stack || self.run == 0 {
            self.end_run();
            self.stack = stack;
        }
        self.run += 1;
    }

    fn end_run(&mut self) {
        if self.run == 0 {
            return;
        }
        let step = zigzag(i64::from(self.stack) - i64::from(self.last)) << 1;
        put(&mut self.packed, step | u64::from(self.run > 1));
        if self.run > 1 {
            put(&mut self.packed, self.run - 2);
        }
        self.last = self.stack;
        self.run = 0;
    }

    pub(crate) fn take(&mut self) -> StackColumns {
        self.end_run();
        let whole = std::mem::take(self);
        StackColumns { first: whole.first, count: whole.count, packed: whole.packed }
    }
}

/// Appends the nodes of a frame. `None` where they do not fit.
pub(crate) fn read_frames(columns: &StackColumns, frames: &mut Vec<StackFrame>) -> Option<()> {
    // After a lost frame numbers would mean others.
    if columns.first != frames.len() as u64 + 1 {
        return None;
    }
    let mut packed = Column(&columns.packed);
    let mut last = 0;
    for _ in 0..columns.count {
        let id = u32::try_from(frames.len()).ok()?.checked_add(1)?;
        let parent = match packed.get()? {
            0 => 0,
            back => id.checked_sub(u32::try_from(back).ok()?).filter(|parent| *parent > 0)?,
        };
        last = packed.get_delta(last)?;
        frames.push(StackFrame { parent, address: last });
    }
    Some(())
}

/// Sets the stacks of `count` blocks, which `stacks` has room for, from `at` on.
pub(crate) fn read_blocks(columns: &StackColumns, stacks: &mut [u32]) -> Option<()> {
    let mut stacks = stacks.get_mut(..usize::try_from(columns.count).ok()?)?;
    let mut packed = Column(&columns.packed);
    let mut last = 0_i64;
    while !stacks.is_empty() {
        let head = packed.get()?;
        let run = if head & 1 == 0 { 1 } else { usize::try_from(packed.get()?).ok()?.checked_add(2)? };
        last = last.checked_add(unzigzag(head >> 1))?;
        let (these, rest) = stacks.split_at_mut_checked(run)?;
        these.fill(u32::try_from(last).ok()?);
        stacks = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_runs_come_back() {
        let mut packer = FramePacker::default();
        let frames = [(0, 0x5555_0000_1000), (1, 0x5555_0000_2000), (1, 0x7fff_1000), (2, u64::MAX), (0, 5)];
        let frames = frames.map(|(parent, address)| StackFrame { parent, address });
        let mut read = Vec::new();
        for (at, frame) in frames.into_iter().enumerate() {
            assert_eq!(packer.put(frame), at as u32 + 1);
            if at == 2 {
                read_frames(&packer.take(), &mut read).unwrap();
            }
        }
        let rest = packer.take();
        assert_eq!(read_frames(&rest, &mut Vec::new()), None, "a frame before it is missing");
        read_frames(&rest, &mut read).unwrap();
        assert_eq!(read, frames);

        let stacks = [0, 0, 0, 7, 7, 3, u32::MAX, 0, 1, 1, 1, 1];
        let mut packer = BlockStackPacker::default();
        stacks.iter().enumerate().for_each(|(at, stack)| packer.put(100 + at as u64, *stack));
        let columns = packer.take();
        assert_eq!((columns.first, columns.count), (100, 12));
        let mut read = vec![9; 12];
        read_blocks(&columns, &mut read).unwrap();
        assert_eq!(read, stacks);
        assert_eq!(read_blocks(&columns, &mut [0; 11]), None, "more than there are blocks");
    }
}
