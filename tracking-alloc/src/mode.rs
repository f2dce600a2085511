//! `HEAP_TRACK`: how much is kept of each block.

#![expect(unsafe_code, reason = "reads the environment and writes a line without allocating")]

use std::ffi::CStr;

/// How much is kept of each block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Nothing; there is no table.
    Off,
    /// Address, size, alignment, birth epoch.
    Sizes,
    /// The same, and the tags of what allocated it.
    Tags,
    /// The same, and the stack that allocated it, below its tags: of every block (`mean` 0), or
    /// of a part chosen by bytes, one stack for each `mean` bytes on average.
    Stacks { mean: u64 },
}

/// What goes on where nothing else is asked for.
pub(crate) const DEFAULT: Mode = Mode::Sizes;

/// Whether a value was understood.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Mode(Mode),
    Wrong(&'static CStr),
}

/// Reads `HEAP_TRACK`. Allocates nothing: this runs inside the first allocation.
pub(crate) fn from_env() -> Value {
    // SAFETY: the name ends with a nul. Whoever changes the environment while
    // another thread reads it breaks the rule of `setenv`; as a rule there is one thread yet.
    let value = unsafe { libc::getenv(c"HEAP_TRACK".as_ptr()) };
    if value.is_null() {
        return Value::Mode(DEFAULT);
    }
    // SAFETY: `getenv` gives a string with a nul at its end, which stays while nobody changes the variable.
    let value: &'static CStr = unsafe { CStr::from_ptr(value) };
    parse(value.to_bytes()).map_or(Value::Wrong(value), Value::Mode)
}

fn parse(text: &[u8]) -> Option<Mode> {
    match text {
        b"" => Some(DEFAULT),
        b"off" => Some(Mode::Off),
        b"sizes" => Some(Mode::Sizes),
        b"tags" => Some(Mode::Tags),
        b"stacks" => Some(Mode::Stacks { mean: 0 }),
        _ => Some(Mode::Stacks { mean: bytes(text.strip_prefix(b"stacks:")?)? }),
    }
}

/// A number of bytes, at least 1, with `K`, `M` or `G` for powers of 1024.
fn bytes(text: &[u8]) -> Option<u64> {
    let (digits, unit) = match text.split_last()? {
        (b'K' | b'k', digits) => (digits, 1 << 10),
        (b'M' | b'm', digits) => (digits, 1 << 20),
        (b'G' | b'g', digits) => (digits, 1 << 30),
        _ => (text, 1),
    };
    let mut number = 0_u64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    // Distances are kept in 63 bits, some tens of means at most.
    number.checked_mul(unit).filter(|bytes| (1..=1 << 40).contains(bytes))
}

/// Says on standard error, in one line, that a value was not understood.
pub(crate) fn complain(value: &CStr) {
    let parts: [&[u8]; 3] = [
        b"heap-walk: HEAP_TRACK=",
        value.to_bytes(),
        b": it takes off, sizes, tags, stacks or stacks:512K (a stack per so many bytes); sizes is used\n",
    ];
    let mut line = [0u8; 512];
    let mut len = 0;
    for part in parts {
        // The value is cut where the line would get too long; what follows it is not.
        let room = if part.len() > 256 { 256 } else { part.len() };
        line[len..len + room].copy_from_slice(&part[..room]);
        len += room;
    }
    // One write, so that no other output comes between. If it fails nobody can be told.
    // SAFETY: `line` has `len` bytes.
    let _ = unsafe { libc::write(2, line.as_ptr().cast(), len) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (text, mode) in [
            ("", Some(Mode::Sizes)),
            ("off", Some(Mode::Off)),
            ("sizes", Some(Mode::Sizes)),
            ("tags", Some(Mode::Tags)),
            ("stacks", Some(Mode::Stacks { mean: 0 })),
            ("stacks:512K", Some(Mode::Stacks { mean: 512 << 10 })),
            ("stacks:3", Some(Mode::Stacks { mean: 3 })),
            ("stacks:1m", Some(Mode::Stacks { mean: 1 << 20 })),
            ("stacks:2G", Some(Mode::Stacks { mean: 2 << 30 })),
            ("stacks:", None),
            ("stacks:K", None),
            ("stacks:0", None),
            ("stacks:-1", None),
            ("stacks:512KB", None),
            ("stacks:99999999999999999999", None),
            ("stacks:99999999999999G", None),
            ("Off", None),
            ("on", None),
        ] {
            assert_eq!(parse(text.as_bytes()), mode, "{text}");
        }
    }
}
