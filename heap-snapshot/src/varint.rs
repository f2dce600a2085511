//! Variable-length integers: LEB128, low seven bits first. All of version 1's
//! columns; of version 2 what is rare.

/// Appends `value`: 1 byte below 128, at most 10.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers for small distances in both directions.
#[inline(always)]
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// What [`zigzag`] was given.
#[inline(always)]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads integers from the front of a column.
pub(crate) struct Column<'a>(pub(crate) &'a [u8]);

impl Column<'_> {
    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The next integer; `None` at the end, or where more than 64 bits are given.
    #[inline]
    pub(crate) fn get(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub(crate) fn get_delta(&mut self, base: u64) -> Option<u64> {
        Some(base.wrapping_add(unzigzag(self.get()?) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_comes_back() {
        let values = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), 1 << 62, u64::MAX - 1, u64::MAX];
        let mut out = Vec::new();
        for value in values {
            put(&mut out, value);
            for base in values {
                put(&mut out, zigzag(value.wrapping_sub(base) as i64));
            }
        }
        let mut column = Column(&out);
        for value in values {
            assert_eq!(column.get(), Some(value));
            for base in values {
                assert_eq!(column.get_delta(base), Some(value));
            }
        }
        assert_eq!(column.get(), None);
    }

    #[test]
    fn overlong_integers_are_refused() {
        assert_eq!(Column(&[0x80; 11]).get(), None);
        assert_eq!(Column(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).get(), None);
        assert_eq!(Column(&[0x80]).get(), None);
    }
}
