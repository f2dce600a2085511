//! Variable-length integers of the hot columns: LEB128, low seven bits first.

/// Appends `value`: 1 byte below 128, at most 10.
///
/// Up to eight bytes are made at once, without a branch on their number: lengths
/// follow the data, and a wrongly predicted one would cost more than all the rest.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if value < 1 << 56 {
        // Seven bits into each byte: halves apart, then quarters, then eighths.
        let mut bytes = value & 0x0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
        bytes = bytes & 0x0000_3fff_0000_3fff | (bytes & 0x0fff_c000_0fff_c000) << 2;
        bytes = bytes & 0x007f_007f_007f_007f | (bytes & 0x3f80_3f80_3f80_3f80) << 1;
        // The number of bytes is that of the highest that is not zero.
        let last = (63 - bytes.leading_zeros()) & !7;
        bytes |= 0x8080_8080_8080_8080 & ((1 << last) - 1);
        let end = out.len() + last as usize / 8 + 1;
        out.extend_from_slice(&bytes.to_le_bytes());
        out.truncate(end);
    } else {
        put_long(out, value);
    }
}

#[cold]
fn put_long(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the distance from `base` to `value`, short in both directions.
#[inline]
pub(crate) fn put_delta(out: &mut Vec<u8>, value: u64, base: u64) {
    put(out, zigzag(value.wrapping_sub(base) as i64));
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
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
                put_delta(&mut out, value, base);
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
    fn every_length_is_that_of_the_plain_loop() {
        for bits in 0..=64 {
            for value in [
                (1u64 << (bits % 64)).wrapping_sub(1),
                1 << (bits % 64),
                0x5555_5555_5555_5555 >> (64 - bits).min(63),
            ] {
                let (mut fast, mut plain) = (vec![1], vec![1]);
                put(&mut fast, value);
                put_long(&mut plain, value);
                assert_eq!(fast, plain, "{value:#x}");
            }
        }
    }

    #[test]
    fn overlong_integers_are_refused() {
        assert_eq!(Column(&[0x80; 11]).get(), None);
        assert_eq!(Column(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).get(), None);
        assert_eq!(Column(&[0x80]).get(), None);
    }
}
