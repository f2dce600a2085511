//! The kernel's map of the process, read without allocating and without any lock.

#![expect(unsafe_code, reason = "reads a file by the system's calls")]

/// First and last-but-one address of the mapping that holds `addr`. `None` where the
/// system does not say. Some microseconds, and a tenth of one for each mapping before it.
pub(crate) fn mapping(addr: usize) -> Option<(usize, usize)> {
    // SAFETY: a name that ends with a nul.
    let file = unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    let mut buffer = [0_u8; 1024];
    let mut lines = Lines::new(addr);
    let found = loop {
        // SAFETY: the buffer has so many bytes.
        let len = unsafe { libc::read(file, buffer.as_mut_ptr().cast(), buffer.len()) };
        let Some(text) =
            usize::try_from(len).ok().and_then(|len| buffer.get(..len)).filter(|text| !text.is_empty())
        else {
            break None;
        };
        if let Some(found) = text.iter().find_map(|byte| lines.put(*byte)) {
            break Some(found);
        }
    };
    // SAFETY: opened above, closed once.
    unsafe { libc::close(file) };
    found
}

/// Reads lines of the map, `7f00-7f10 rw-p …`, byte by byte.
struct Lines {
    addr: usize,
    low: usize,
    number: usize,
    part: Part,
}

enum Part {
    Low,
    High,
    Rest,
}

impl Lines {
    fn new(addr: usize) -> Lines {
        Lines { addr, low: 0, number: 0, part: Part::Low }
    }

    /// The mapping that was looked for, when its end was read.
    fn put(&mut self, byte: u8) -> Option<(usize, usize)> {
        match (&self.part, byte) {
            (_, b'\n') => (self.number, self.part) = (0, Part::Low),
            (Part::Rest, _) => {}
            (Part::Low, b'-') => (self.low, self.number, self.part) = (self.number, 0, Part::High),
            (Part::High, b' ') => {
                self.part = Part::Rest;
                return (self.low..self.number).contains(&self.addr).then_some((self.low, self.number));
            }
            (_, digit) => {
                let digit = char::from(digit).to_digit(16).unwrap_or(0);
                self.number = self.number << 4 | digit as usize;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_of_a_local_is_the_stack() {
        let (local, constant) = (0_u8, &raw const *"a constant".as_bytes());
        let local = (&raw const local).addr();
        let (low, high) = mapping(local).expect("mapped");
        assert!(low <= local && local < high && high % 4096 == 0);
        assert_ne!(mapping(constant.cast::<u8>().addr()).expect("mapped"), (low, high));
        assert_eq!(mapping(16), None);
    }

    #[test]
    fn lines_cut_anywhere_are_read() {
        let text =
            b"00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/d-a\n7f10-7fff rw-p 0 0 \n8000-9000 r";
        for (addr, expected) in [
            (0x40_0000, Some((0x40_0000, 0x45_2000))),
            (0x45_1fff, Some((0x40_0000, 0x45_2000))),
            (0x45_2000, None),
            (0x7f10, Some((0x7f10, 0x7fff))),
            (0x8fff, Some((0x8000, 0x9000))),
        ] {
            let mut lines = Lines::new(addr);
            assert_eq!(text.iter().find_map(|byte| lines.put(*byte)), expected, "{addr:x}");
        }
    }
}
