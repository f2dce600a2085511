//! How blocks divide.
//!
//! A *class* is a variant with a split; blocks of one type mostly have a few.
//! Their definitions hold variant + 1 or 0, which parts are not zero (bit 0: payload),
//! and those. A record is the class, numbered from 1 as sites are, and the zigzag
//! distance from the node of the record before, in one byte below 255, else in
//! four after a byte of 255. What does not fit: 0, then both as plain integers.

use super::site::{self, Site, NO_SITE};
use super::{unzigzag, zigzag, Buffer, Bytes};
use crate::record::{Content, Split};
use crate::varint;

/// Four bytes of distance follow.
const FAR: u64 = 0xff;
/// Entries of the table.
const TABLE: usize = 1024;

#[derive(Clone, Copy, Default, Debug)]
struct Class {
    variant: u64,
    parts: [u64; 6],
}

impl Class {
    /// Whether both are the same; a call of `memcmp` would cost more than all the rest.
    #[inline(always)]
    fn is(&self, other: &Class) -> bool {
        let parts = self.parts.iter().zip(&other.parts);
        parts.fold(self.variant ^ other.variant, |rest, (a, b)| rest | (a ^ b)) == 0
    }

    /// Where it stands in the table, if it does.
    #[inline(always)]
    fn slot(&self) -> usize {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let [payload, padding, dead, overhead, spare, untyped] = self.parts;
        let low = (payload ^ padding.rotate_left(12) ^ dead.rotate_left(24)).wrapping_mul(MIX);
        let high =
            (self.variant ^ overhead.rotate_left(12) ^ spare.rotate_left(24) ^ untyped.rotate_left(36))
                .wrapping_mul(MIX.rotate_left(19) | 1);
        ((low ^ high) >> 54) as usize
    }
}

/// Writes contents.
#[derive(Debug)]
pub(crate) struct ContentPacker {
    buffer: Buffer,
    /// Classes by slot with their numbers, 0 where there is none; a class that
    /// another one took the slot of is defined again.
    table: Box<[(Class, u32, Site); TABLE]>,
    count: u32,
    definitions: Vec<u8>,
    node: u64,
}

impl Default for ContentPacker {
    fn default() -> ContentPacker {
        let table = vec![Default::default(); TABLE].try_into().expect("as long as the table");
        ContentPacker { buffer: Buffer::default(), table, count: 0, definitions: Vec::new(), node: 0 }
    }
}

impl ContentPacker {
    #[inline(always)]
    pub(crate) fn put(&mut self, content: &Content) {
        let class =
            Class { variant: content.variant.map_or(0, |v| u64::from(v) + 1), parts: content.split.parts() };
        let slot = class.slot() % TABLE;
        let (known, number, site) = &self.table[slot];
        let (number, site) = match *number > 0 && known.is(&class) {
            true => (*number, *site),
            false => self.define(slot, class),
        };
        let distance = zigzag(content.node.wrapping_sub(self.node) as i64);
        self.node = content.node;
        if site.width == 0 || distance >> 32 != 0 {
            return self.buffer.push(NO_SITE, &[u64::from(number), distance]);
        }
        let is_far = distance >= FAR;
        let mut window = self.buffer.window();
        window.put(u64::from(site.code), usize::from(site.width));
        window.put(distance.min(FAR) | distance << 8, 1 + 4 * usize::from(is_far));
        let taken = window.at;
        self.buffer.advance(taken);
    }

    #[cold]
    #[inline(never)]
    fn define(&mut self, slot: usize, class: Class) -> (u32, Site) {
        self.count += 1;
        let (number, site) = (self.count, Site::of(self.count));
        self.table[slot] = (class, number, site);
        varint::put(&mut self.definitions, class.variant);
        let mut mask = 0;
        for (bit, part) in class.parts.iter().enumerate() {
            mask |= u64::from(*part != 0) << bit;
        }
        varint::put(&mut self.definitions, mask);
        for part in class.parts.iter().filter(|part| **part != 0) {
            varint::put(&mut self.definitions, *part);
        }
        (number, site)
    }

    /// Bytes of the frame.
    #[inline]
    pub(crate) fn byte_size(&self) -> usize {
        self.buffer.len() + self.definitions.len()
    }

    /// Takes records and classes, and begins anew.
    pub(crate) fn take(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.table.fill(Default::default());
        (self.count, self.node) = (0, 0);
        (self.buffer.take(), std::mem::take(&mut self.definitions))
    }

    /// Gives the memory of the records back.
    pub(crate) fn reuse(&mut self, records: Vec<u8>) {
        self.buffer.reuse(records);
    }
}

/// Reads contents.
pub(crate) struct ContentReader<'a> {
    bytes: Bytes<'a>,
    classes: Vec<(Option<u32>, Split)>,
    node: u64,
}

impl<'a> ContentReader<'a> {
    /// `None` where the classes make no sense.
    pub(crate) fn new(records: &'a [u8], classes: &[u8]) -> Option<ContentReader<'a>> {
        let mut column = varint::Column(classes);
        let mut read = Vec::new();
        while !column.0.is_empty() {
            let variant = match column.get()? {
                0 => None,
                variant => Some(u32::try_from(variant - 1).ok()?),
            };
            let mask = column.byte()?;
            read.push((variant, Split::from_mask(mask, || column.get())?));
        }
        Some(ContentReader { bytes: Bytes(records), classes: read, node: 0 })
    }

    /// The next record; `None` where the bytes make no sense.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Content> {
        let (class, distance) = match site::number(&mut self.bytes)? {
            0 => (self.bytes.plain()?, self.bytes.plain()?),
            class => match self.bytes.get(1)? {
                FAR => (class, self.bytes.get(4)?),
                distance => (class, distance),
            },
        };
        let at = usize::try_from(class.checked_sub(1)?).ok()?;
        let (variant, split) = *self.classes.get(at)?;
        self.node = self.node.wrapping_add(unzigzag(distance) as u64);
        Some(Content { node: self.node, variant, split })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_come_back() {
        let mut contents = Vec::new();
        for n in 0..50_000u64 {
            let split = Split {
                payload: n % 4000,
                dead: if n % 3 == 0 { u64::MAX - n } else { 0 },
                untyped: n % 2,
                ..Split::default()
            };
            contents.push(Content {
                node: n / 3 + n % 500,
                variant: (n % 4 > 0).then_some((n % 4) as u32),
                split,
            });
        }
        contents.push(Content { node: u64::MAX, variant: Some(u32::MAX), split: Split::default() });
        contents.push(Content { node: 0, variant: None, split: Split::default() });
        let mut packer = ContentPacker::default();
        contents.iter().for_each(|content| packer.put(content));
        let (records, classes) = packer.take();
        let mut reader = ContentReader::new(&records, &classes).unwrap();
        for content in &contents {
            assert_eq!(reader.next(), Some(*content));
        }
        assert_eq!(reader.next(), None);
    }
}
