//! mem_dbg's size walk over the same data. By hand, since its derive overflows
//! on a recursive enum that holds a `HashMap<String, Self>`.

use crate::data::{Forest, Node, Payload};
use mem_dbg::{False, FlatType, HashMap, MemSize, SizeFlags};

/// The walk that is compared: every block once, shared ones too, with what they reserved.
pub fn size(forest: &Forest) -> usize {
    forest.mem_size(SizeFlags::FOLLOW_RCS | SizeFlags::CAPACITY)
}

impl FlatType for Node {
    type Flat = False;
}

/// What a field adds to the bytes of the value it lies in.
fn beyond<T: MemSize>(value: &T, flags: SizeFlags, refs: &mut HashMap<usize, usize>) -> usize {
    value.mem_size_rec(flags, refs) - size_of::<T>()
}

impl MemSize for Node {
    fn mem_size_rec(&self, flags: SizeFlags, refs: &mut HashMap<usize, usize>) -> usize {
        size_of::<Node>()
            + match self {
                Node::Number(_) => 0,
                Node::Text(text) => beyond(text, flags, refs),
                Node::Numbers(numbers) => beyond(numbers, flags, refs),
                Node::Pair(left, right) => beyond(left, flags, refs) + beyond(right, flags, refs),
                Node::List(list) => beyond(list, flags, refs),
                Node::Map(map) => beyond(map, flags, refs),
                Node::Shared(payload) => beyond(payload, flags, refs),
            }
    }
}

impl FlatType for Payload {
    type Flat = False;
}

impl MemSize for Payload {
    fn mem_size_rec(&self, flags: SizeFlags, refs: &mut HashMap<usize, usize>) -> usize {
        size_of::<Payload>() + beyond(&self.name, flags, refs) + beyond(&self.inner, flags, refs)
    }
}

impl FlatType for Forest {
    type Flat = False;
}

impl MemSize for Forest {
    fn mem_size_rec(&self, flags: SizeFlags, refs: &mut HashMap<usize, usize>) -> usize {
        size_of::<Forest>() + beyond(&self.trees, flags, refs)
    }
}
