//! Sites: combinations that recur, numbered within a frame.

use crate::varint;

/// Entries of the table; twice the sites that a frame holds.
const TABLE: usize = 4096;

/// Sites after which a frame is written, so that the table stays half empty.
const FULL: usize = TABLE / 2;

/// What begins a record without a site. Sites count from 1.
pub(super) const NO_SITE: u8 = 0;

/// From this number on a site takes two bytes, and the first of them is this or more.
const TWO_BYTES: u32 = 0xe0;

/// Bits of a label's and of a type's number in a key; larger ones have no site.
const NUMBER_BITS: u32 = 26;
const USED: u64 = 1 << 63;

/// The parts of a key: two small numbers, of 8 and of 2 bits, a label and a type.
pub(super) type Parts = (u8, u8, u64, u64);

/// Whether a label and a type are small enough for a key.
#[inline(always)]
pub(super) fn has_key(label: u64, ty: u64) -> bool {
    (label | ty) >> NUMBER_BITS == 0
}

/// A key for the table.
#[inline(always)]
pub(super) fn key((kind, form, label, ty): Parts) -> u64 {
    base(label, ty) | u64::from(kind) | u64::from(form) << 8
}

/// The part of a key that label and type have in it.
#[inline(always)]
pub(super) fn base(label: u64, ty: u64) -> u64 {
    USED | label << 10 | ty << (10 + NUMBER_BITS)
}

#[derive(Clone, Copy, Default, Debug)]
struct Entry {
    key: u64,
    site: Site,
}

/// A site as it is written.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Site {
    /// The bytes of its number.
    pub(super) code: u16,
    /// How many.
    pub(super) width: u8,
}

impl Site {
    /// The site with this number; of width 0 if that is too large.
    pub(super) fn of(number: u32) -> Site {
        let beyond = number.wrapping_sub(TWO_BYTES);
        if number < TWO_BYTES {
            Site { code: number as u16, width: 1 }
        } else if beyond < (0x100 - TWO_BYTES) << 8 {
            Site { code: (TWO_BYTES + (beyond >> 8)) as u16 | (beyond as u16) << 8, width: 2 }
        } else {
            Site::default()
        }
    }
}

/// The sites of a frame that is being written.
#[derive(Debug)]
pub(super) struct Sites {
    table: Box<[Entry; TABLE]>,
    count: u32,
    /// What the sites stand for, in the order of their numbers.
    definitions: Vec<u8>,
}

impl Default for Sites {
    fn default() -> Sites {
        let table = vec![Entry::default(); TABLE].try_into().expect("as long as the table");
        Sites { table, count: 0, definitions: Vec::new() }
    }
}

impl Sites {
    /// The site with this key; a new one if need be. Of width 0 where the table
    /// is full, as it never is if a frame is written when [`Sites::is_full`].
    #[inline(always)]
    pub(super) fn find(&mut self, key: u64) -> Site {
        let mut at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize;
        loop {
            let entry = &self.table[at % TABLE];
            if entry.key == key {
                return entry.site;
            }
            if entry.key == 0 {
                return self.define(at % TABLE, key);
            }
            at += 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn define(&mut self, at: usize, key: u64) -> Site {
        // A search ends at an empty entry, so there always is one.
        if self.count as usize >= TABLE - 1 {
            return Site::default();
        }
        self.count += 1;
        let site = Site::of(self.count);
        self.table[at] = Entry { key, site };
        let mask = (1 << NUMBER_BITS) - 1;
        for part in [key & 0xff, key >> 8 & 3, key >> 10 & mask, key >> (10 + NUMBER_BITS) & mask] {
            varint::put(&mut self.definitions, part);
        }
        site
    }

    /// Bytes of the definitions.
    #[inline]
    pub(super) fn byte_size(&self) -> usize {
        self.definitions.len()
    }

    /// Whether the frame should be written.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.count as usize >= FULL
    }

    /// Takes the definitions and begins anew.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.table.fill(Entry::default());
        self.count = 0;
        std::mem::take(&mut self.definitions)
    }
}

/// The number of a site at the front of a record; [`NO_SITE`] where the record has none.
#[inline(always)]
pub(super) fn number(bytes: &mut super::Bytes<'_>) -> Option<u64> {
    let first = bytes.get(1)?;
    if first < u64::from(TWO_BYTES) {
        return Some(first);
    }
    Some(u64::from(TWO_BYTES) + ((first - u64::from(TWO_BYTES)) << 8) + bytes.get(1)?)
}

/// Reads definitions.
pub(super) fn read(definitions: &[u8]) -> Option<Vec<Parts>> {
    let mut column = varint::Column(definitions);
    let mut sites = Vec::new();
    while !column.0.is_empty() {
        let kind = u8::try_from(column.get()?).ok()?;
        let form = u8::try_from(column.get()?).ok()?;
        sites.push((kind, form, column.get()?, column.get()?));
    }
    Some(sites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_found_again_and_read_back() {
        let mut sites = Sites::default();
        let parts = |n: u64| ((n % 100) as u8, (n % 4) as u8, n, n * 7);
        let mut codes = Vec::new();
        for n in 0..TABLE as u64 - 1 {
            assert_eq!(sites.is_full(), n >= FULL as u64);
            codes.push(sites.find(key(parts(n))));
        }
        assert_eq!(sites.find(key((1, 1, 1, 1 << 20))).width, 0);
        let mut bytes = Vec::new();
        for (n, code) in codes.iter().enumerate() {
            let again = sites.find(key(parts(n as u64)));
            assert_eq!((again.code, again.width), (code.code, code.width));
            bytes.extend_from_slice(&code.code.to_le_bytes()[..usize::from(code.width)]);
        }
        let definitions = read(&sites.take()).unwrap();
        let mut bytes = super::super::Bytes(&bytes);
        for n in 0..codes.len() as u64 {
            let number = number(&mut bytes).unwrap();
            assert_eq!(definitions[number as usize - 1], parts(n));
        }
        assert!(!has_key(1 << NUMBER_BITS, 0) && has_key(0, (1 << NUMBER_BITS) - 1));
        assert_eq!(sites.byte_size(), 0);
    }
}
