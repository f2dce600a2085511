//! Pointers in a file: a byte string of LEB128 integers (`packed`), beside `count`.
//! Of each pointer, by ascending place: place less the one before, then target less
//! the one before, zigzag.

use crate::frame::PointerColumns;
use crate::record::Pointer;
use crate::varint::{put, zigzag, Column};

/// Pointers on their way to the file.
#[derive(Default, Debug)]
pub(crate) struct PointerPacker {
    packed: Vec<u8>,
    count: u64,
    last: Pointer,
}

impl PointerPacker {
    pub(crate) fn put(&mut self, pointer: Pointer) {
        put(&mut self.packed, zigzag(pointer.place.wrapping_sub(self.last.place) as i64));
        put(&mut self.packed, zigzag(pointer.target.wrapping_sub(self.last.target) as i64));
        self.last = pointer;
        self.count += 1;
    }

    pub(crate) fn byte_size(&self) -> usize {
        self.packed.len()
    }

    pub(crate) fn take(&mut self) -> PointerColumns {
        let whole = std::mem::take(self);
        PointerColumns { first: 0, count: whole.count, packed: whole.packed }
    }
}

/// Appends the pointers of a frame. `None` where they do not fit.
pub(crate) fn read(columns: &PointerColumns, pointers: &mut Vec<Pointer>) -> Option<()> {
    let mut packed = Column(&columns.packed);
    let mut last = Pointer::default();
    for _ in 0..columns.count {
        last = Pointer { place: packed.get_delta(last.place)?, target: packed.get_delta(last.target)? };
        pointers.push(last);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_come_back() {
        let pointers = [(8, 0x7000), (16, 0x7000), (0x7000, 8), (u64::MAX - 7, u64::MAX), (0, 0)];
        let pointers = pointers.map(|(place, target)| Pointer { place, target });
        let mut packer = PointerPacker::default();
        pointers.iter().for_each(|pointer| packer.put(*pointer));
        let columns = packer.take();
        let mut back = Vec::new();
        read(&columns, &mut back).unwrap();
        assert_eq!(back, pointers);
        assert_eq!(packer.take().count, 0);
        let cut = PointerColumns { packed: columns.packed[..9].to_vec(), ..columns };
        assert_eq!(read(&cut, &mut Vec::new()), None);
    }
}
