//! What a user means by a text: a root, a node or a type.

use crate::analysis::Analysis;
use crate::heap::{NodeId, Role};
use crate::type_table::RowId;
use std::fmt;

/// What a question is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// A root, by its position.
    Root(usize),
    /// A node.
    Node(NodeId),
    /// All nodes of a type.
    Type(RowId),
}

/// Nothing has that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotFound {
    /// What was looked for.
    pub text: String,
    /// What it was taken for: `root or type`, `node`, `block`.
    pub what: &'static str,
    /// Names like it, nearest first.
    pub near: Vec<String>,
    /// More than one type has the name: these.
    pub is_ambiguous: bool,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ambiguous {
            write!(f, "`{}` could be several types: use one of ", self.text)?;
        } else {
            write!(f, "no {} `{}` in this snapshot", self.what, self.text)?;
            if self.near.is_empty() {
                return Ok(());
            }
            f.write_str(": did you mean ")?;
        }
        for (at, name) in self.near.iter().enumerate() {
            let separator = match at {
                0 => "",
                _ if at + 1 == self.near.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}`{name}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotFound {}

impl Analysis {
    /// What `text` means: the name of a root, `#123`, an address `0x7f…`, or a
    /// type by its displayed name, its path, or the last part of either.
    ///
    /// # Errors
    ///
    /// Where nothing or more than one type has that name; with names like it.
    pub fn find(&self, text: &str) -> Result<Subject, NotFound> {
        let text = text.trim();
        let not_found = |what, near| NotFound { text: text.into(), what, near, is_ambiguous: false };
        if let Some(root) = self.heap.roots().iter().position(|entry| entry.root.name == text) {
            return Ok(Subject::Root(root));
        }
        if let Some(number) = text.strip_prefix('#') {
            let node = number.parse().ok().filter(|&node: &u32| (node as usize) < self.heap.node_count());
            let node = node.map(NodeId).filter(|&node| self.heap.role(node) != Role::Lost);
            return match node {
                Some(node) => Ok(Subject::Node(self.heap.resolve(node))),
                None => {
                    let last = self.heap.node_count().saturating_sub(1);
                    Err(not_found("node", vec![format!("#0 to #{last}")]))
                }
            };
        }
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let node = u64::from_str_radix(digits, 16).ok().and_then(|addr| self.heap.node_at(addr));
            return node.map(Subject::Node).ok_or_else(|| not_found("claimed block at", Vec::new()));
        }
        // Exact names win over parts of names.
        let rows = &self.table.rows;
        let by = |is_same: &dyn Fn(&str) -> bool| -> Vec<RowId> {
            rows.iter().filter(|row| is_same(&row.name) || is_same(&row.path)).map(|row| row.id).collect()
        };
        let mut found = by(&|name| name == text);
        if found.is_empty() {
            // The last part of a path; not of what a reference points to.
            found = by(&|name| {
                let bare = &name[..name.find('<').unwrap_or(name.len())];
                let is_path = bare.starts_with(|c: char| c.is_alphabetic() || c == '_');
                is_path && (bare == text || bare.rsplit("::").next() == Some(text))
            });
        }
        match found[..] {
            [row] => Ok(Subject::Type(row)),
            [] => {
                let names = self.heap.roots().iter().map(|entry| entry.root.name.as_str());
                let names = names.chain(rows.iter().map(|row| row.name.as_str()));
                Err(not_found("root or type", near(text, names)))
            }
            _ => {
                let mut near: Vec<String> =
                    found.iter().map(|row| rows[row.0 as usize].name.clone()).collect();
                near.sort();
                near.dedup();
                if let [_] = near[..] {
                    // One name for several layouts: the one with most bytes.
                    return Ok(Subject::Type(found[0]));
                }
                near.truncate(8);
                Err(NotFound { text: text.into(), what: "type", near, is_ambiguous: true })
            }
        }
    }
}

/// Up to three of `names` that are like `text`, nearest first: few letters
/// differ, or the text is in the name.
pub fn near<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = text.to_lowercase();
    let mut scored: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let last = lower[..lower.find('<').unwrap_or(lower.len())].rsplit("::").next().unwrap_or("");
            let distance = distance(&wanted, &lower).min(distance(&wanted, last));
            let limit = (wanted.chars().count() / 3).max(1);
            if distance <= limit {
                Some((distance, name))
            } else {
                (wanted.len() >= 3 && lower.contains(&wanted)).then_some((limit + 1, name))
            }
        })
        .collect();
    // Stable: what comes first in the list wins a tie.
    scored.sort_by_key(|(distance, _)| *distance);
    let mut known = std::collections::HashSet::new();
    scored.retain(|(_, name)| known.insert(*name));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// Letters to insert, remove, replace or swap with their neighbour to get from
/// `a` to `b` (optimal string alignment). O(a · b).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_nearest_first() {
        let names = ["mbcx", "gcx", "gcx.arena", "Vec<a::Body>", "a::mir::Body", "Output"];
        let near = |text| near(text, names.iter().copied());
        assert_eq!(near("gcy"), ["gcx"]);
        assert_eq!(near("gxc"), ["gcx"]);
        assert_eq!(near("mbx"), ["mbcx"]);
        assert_eq!(near("body"), ["a::mir::Body", "Vec<a::Body>"]);
        assert_eq!(near("outptu"), ["Output"]);
        assert!(near("something else").is_empty());
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("abc", "acb"), 1);
    }
}
