//! Packed records: a few bytes for each record of the hot kinds, both directions.
//!
//! A column per field costs a byte and a dozen instructions for each field that
//! says nothing new. A packed record says what recurs with one small number (a
//! *site*: the combination of kind, label and type; a *class*: a variant with its
//! split), and the rest as differences from the nearest thing that is known. How
//! many bytes each difference takes stands in one control byte, so that neither
//! side branches on it.
//!
//! Sites, classes and what differences are taken from begin anew in each frame:
//! a damaged frame costs no other. One file per kind of record has both
//! directions of it, side by side.

mod block;
mod content;
mod edge;
mod node;
mod site;

pub(crate) use self::block::{BlockPacker, BlockReader};
pub(crate) use self::content::{ContentPacker, ContentReader};
pub(crate) use self::edge::{EdgePacker, EdgeReader};
pub use self::node::{Met, NodeSite};
pub(crate) use self::node::{NodePacker, NodeReader};

use crate::varint::{unzigzag, zigzag};

/// Bytes that a record may take at most, and those beyond that writing eight at
/// a time touches.
const WINDOW: usize = 72;

/// Bytes of records, written through windows.
#[derive(Default, Debug)]
pub(crate) struct Buffer {
    /// Longer than what is written, so that there is always a window.
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    /// Bytes written.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Room for one record; [`Buffer::advance`] says how much of it was taken.
    #[inline(always)]
    fn window(&mut self) -> Window<'_> {
        if self.bytes.len() < self.len + WINDOW {
            self.grow();
        }
        let bytes = self.bytes[self.len..].first_chunk_mut().expect("was made longer");
        Window { bytes, at: 0 }
    }

    #[cold]
    fn grow(&mut self) {
        // Memory that was given back is as long as what was in it.
        let len = (self.bytes.len() + WINDOW).max(self.bytes.capacity()).max(4096);
        self.bytes.resize(len, 0);
    }

    #[inline(always)]
    fn advance(&mut self, taken: usize) {
        self.len += taken;
    }

    /// Appends a byte and plain integers, for what is rare.
    #[cold]
    fn push(&mut self, head: u8, values: &[u64]) {
        const LONGEST: usize = 10;
        while self.bytes.len() < self.len + 1 + LONGEST * values.len() {
            self.grow();
        }
        self.bytes[self.len] = head;
        self.len += 1;
        for &value in values {
            let mut value = value;
            while value >= 0x80 {
                self.bytes[self.len] = value as u8 | 0x80;
                self.len += 1;
                value >>= 7;
            }
            self.bytes[self.len] = value as u8;
            self.len += 1;
        }
    }

    /// Takes the bytes out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.truncate(self.len);
        self.len = 0;
        bytes
    }

    /// Gives memory back that [`Buffer::take`] gave out.
    pub(crate) fn reuse(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }
}

/// Where one record is written.
struct Window<'b> {
    bytes: &'b mut [u8; WINDOW],
    at: usize,
}

impl Window<'_> {
    /// Appends the low `width` bytes of `value`, at most 8, without a branch.
    #[inline(always)]
    fn put(&mut self, value: u64, width: usize) {
        // The mask changes nothing, since no record is so long: it spares the check.
        let at = self.at & (WINDOW - 9);
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        self.at += width;
    }
}

/// Bytes that `value` takes: 0 to 8.
#[inline(always)]
fn width(value: u64) -> usize {
    (71 - value.leading_zeros() as usize) / 8
}

/// The smallest of four widths that holds `value`, which is below 2³²: 0, 1, 2 or 4 bytes.
#[inline(always)]
fn width_code(value: u64) -> usize {
    usize::from(value > 0) + usize::from(value > 0xff) + usize::from(value > 0xffff)
}

/// The width that a code of two bits stands for.
#[inline(always)]
fn coded_width(code: usize) -> usize {
    code + (code & code >> 1)
}

/// Reads what [`Window::put`] and [`Buffer::push`] wrote.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// The next `width` bytes, at most 8; `None` where there are fewer.
    #[inline(always)]
    fn get(&mut self, width: usize) -> Option<u64> {
        let value = match self.0.first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => {
                let mut bytes = [0; 8];
                bytes[..self.0.len()].copy_from_slice(self.0);
                u64::from_le_bytes(bytes)
            }
        };
        self.0 = self.0.get(width..)?;
        // In two steps, since shifting by 64 is not defined.
        let unused = 64 - 8 * width.min(8) as u32;
        Some(if width == 0 { 0 } else { value << unused >> unused })
    }

    #[inline]
    fn byte(&mut self) -> Option<usize> {
        Some(self.get(1)? as usize)
    }

    /// An integer of [`Buffer::push`].
    fn plain(&mut self) -> Option<u64> {
        let mut column = crate::varint::Column(self.0);
        let value = column.get();
        self.0 = column.0;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back() {
        let values =
            [0, 1, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 1 << 32, (1 << 56) - 1, 1 << 56, u64::MAX];
        let mut buffer = Buffer::default();
        for value in values {
            let mut window = buffer.window();
            window.put(value, width(value));
            if value <= 0xffff_ffff {
                window.put(value, coded_width(width_code(value)));
            }
            let taken = window.at;
            buffer.advance(taken);
            buffer.push(9, &[value]);
        }
        let bytes = buffer.take();
        let mut read = Bytes(&bytes);
        for value in values {
            assert_eq!(read.get(width(value)), Some(value));
            if value <= 0xffff_ffff {
                assert_eq!(read.get(coded_width(width_code(value))), Some(value));
            }
            assert_eq!((read.byte(), read.plain()), (Some(9), Some(value)));
        }
        assert_eq!(read.get(1), None);
        assert_eq!(read.get(0), Some(0));
    }

    #[test]
    fn widths_are_the_least() {
        for bits in 0..64 {
            assert_eq!(width(1 << bits), bits / 8 + 1);
        }
        assert_eq!((width(0), width_code(0), coded_width(3)), (0, 0, 4));
        for value in [-5, -1, 0, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
