//! Which edges an analysis follows.

use crate::heap::Edge;
use heap_snapshot::record::EdgeKind;
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

/// A set of edge kinds. The default, own and share, is what keeps memory alive,
/// and the meaning of *retained*. Views name any other lens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lens(u8);

impl Lens {
    /// Sole ownership: also where it was found by scanning a handle or opaque bytes.
    pub const OWN: Lens = Lens(1);
    /// Strong handles, and the hold that a weak handle has on the shell of its block.
    pub const SHARE: Lens = Lens(2);
    /// Weak handles, as if they held the value.
    pub const WEAK: Lens = Lens(4);
    /// `&` and `&mut`.
    pub const BORROW: Lens = Lens(8);
    /// Raw pointers in types.
    pub const RAW: Lens = Lens(16);
    /// Keys into tables.
    pub const KEY: Lens = Lens(32);

    const NAMES: [(Lens, &'static str); 6] = [
        (Lens::OWN, "own"),
        (Lens::SHARE, "share"),
        (Lens::WEAK, "weak"),
        (Lens::BORROW, "borrow"),
        (Lens::RAW, "raw"),
        (Lens::KEY, "key"),
    ];

    /// The lens that counts edges of this kind; `None` where no lens does.
    pub fn of_kind(kind: EdgeKind) -> Option<Lens> {
        Some(match kind {
            EdgeKind::OWN | EdgeKind::OWN_BY_HANDLE | EdgeKind::CLAIM_RAW => Lens::OWN,
            EdgeKind::SHARE => Lens::SHARE,
            EdgeKind::WEAK => Lens::WEAK,
            EdgeKind::BORROW | EdgeKind::BORROW_MUT => Lens::BORROW,
            EdgeKind::RAW => Lens::RAW,
            EdgeKind::KEY => Lens::KEY,
            _ => return None,
        })
    }

    /// This lens and another one.
    pub const fn and(self, other: Lens) -> Lens {
        Lens(self.0 | other.0)
    }

    /// Whether all of `other` is in this lens.
    #[inline]
    pub fn contains(self, other: Lens) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether an analysis with this lens follows `edge`.
    #[inline]
    pub fn follows(self, edge: &Edge) -> bool {
        self.0 & edge.lens_bits() != 0
    }

    /// The bits, for columns.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }
}

impl Default for Lens {
    fn default() -> Lens {
        Lens::OWN | Lens::SHARE
    }
}

impl BitOr for Lens {
    type Output = Lens;
    fn bitor(self, other: Lens) -> Lens {
        self.and(other)
    }
}

impl fmt::Display for Lens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name) in Lens::NAMES.iter().filter(|(lens, _)| self.contains(*lens)) {
            write!(f, "{separator}{name}")?;
            separator = "+";
        }
        Ok(())
    }
}

impl FromStr for Lens {
    type Err = String;

    /// Reads `own+share+borrow`.
    fn from_str(text: &str) -> Result<Lens, String> {
        let mut lens = Lens(0);
        for word in text.split('+') {
            let found = Lens::NAMES.iter().find(|(_, name)| *name == word.trim());
            let (one, _) = found.ok_or_else(|| {
                format!(
                    "`{word}` is no kind of edge: use own, share, weak, borrow, raw and key, joined by `+`"
                )
            })?;
            lens = lens | *one;
        }
        Ok(lens)
    }
}

impl Serialize for Lens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lens_is_written_as_it_is_read() {
        for text in ["own+share", "own", "own+share+weak+borrow+raw+key"] {
            assert_eq!(text.parse::<Lens>().unwrap().to_string(), text);
        }
        assert_eq!(Lens::default().to_string(), "own+share");
        assert!("own+mine".parse::<Lens>().unwrap_err().contains("`mine` is no kind of edge"));
    }

    #[test]
    fn unknown_kinds_are_in_no_lens() {
        assert_eq!(Lens::of_kind(EdgeKind(77)), None);
        assert_eq!(Lens::of_kind(EdgeKind::CLAIM_RAW), Some(Lens::OWN));
    }
}
