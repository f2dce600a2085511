//! What `HEAP_WALK` says: which checkpoints, which hits, what to do there.
//!
//! ```text
//! list = item {"," item}
//! item = name ["@" n [".." [n]] | "@max"] {"[" label ("="|"!=") pattern "]"} ["=" ("file"|"pause")]
//! ```
//!
//! `name` and `pattern` are globs (`*` and `?`); a pattern is bare without
//! `,[]="`, or quoted.

use std::fmt;

/// Which hits of those that match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hits {
    All,
    /// From the first to the last, counted from 1.
    Range(u64, u64),
    /// The one with the most live bytes.
    Max,
}

/// What to do at a hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    File,
    Pause,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Filter {
    pub(crate) label: String,
    pub(crate) is_negated: bool,
    pub(crate) pattern: String,
}

/// One item of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Directive {
    pub(crate) name: String,
    pub(crate) hits: Hits,
    pub(crate) filters: Vec<Filter>,
    pub(crate) action: Action,
}

impl Directive {
    /// Whether labels are as its filters want them. A label that is missing is empty.
    pub(crate) fn matches(&self, labels: &[(String, String)]) -> bool {
        self.filters.iter().all(|filter| {
            let text = labels.iter().find(|(name, _)| *name == filter.label).map_or("", |(_, text)| text);
            glob(&filter.pattern, text) != filter.is_negated
        })
    }
}

/// Where and why a directive cannot be understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ParseError {
    /// Column, from 1.
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

/// Parses a list. Items that cannot be understood are errors; the others stand.
pub(crate) fn parse(text: &str) -> (Vec<Directive>, Vec<ParseError>) {
    let mut directives = Vec::new();
    let mut errors = Vec::new();
    for (start, item) in split(text) {
        let mut parser = Parser { text: item, at: 0 };
        match parser.item() {
            Ok(directive) => directives.push(directive),
            Err(message) => {
                let column = text[..start + parser.at].chars().count() + 1;
                errors.push(ParseError { column, message });
            }
        }
    }
    (directives, errors)
}

/// The items with where they begin: split at commas outside of brackets and quotes.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut items = Vec::new();
    let (mut start, mut is_bracketed, mut is_quoted) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => is_bracketed = true,
            ']' if !is_quoted => is_bracketed = false,
            ',' if !is_quoted && !is_bracketed => {
                items.push((start, &text[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push((start, &text[start..]));
    items
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn item(&mut self) -> Result<Directive, String> {
        self.spaces();
        let name = self.take_while(|c| !c.is_whitespace() && !"@[]=\",".contains(c)).to_owned();
        if name.is_empty() {
            return Err("the name of a checkpoint is expected here (`*` for all)".into());
        }
        let hits = if self.eat("@") { self.hits()? } else { Hits::All };
        let mut filters = Vec::new();
        while self.eat("[") {
            filters.push(self.filter()?);
        }
        let action = match self.eat("=") {
            false => Action::File,
            true if self.eat("file") => Action::File,
            true if self.eat("pause") => Action::Pause,
            true => return Err("`file` or `pause` is expected after `=`".into()),
        };
        self.spaces();
        match self.peek() {
            None => Ok(Directive { name, hits, filters, action }),
            Some(c) => {
                Err(format!("`{c}` does not belong here: the order is name, @hits, [label=pattern], =action"))
            }
        }
    }

    fn hits(&mut self) -> Result<Hits, String> {
        if self.eat("max") {
            return Ok(Hits::Max);
        }
        let first = self.number()?.ok_or("a number from 1 or `max` is expected after `@`")?;
        if !self.eat("..") {
            return Ok(Hits::Range(first, first));
        }
        let start = self.at;
        let last = self.number()?.unwrap_or(u64::MAX);
        if last < first {
            self.at = start;
            return Err(format!("the range {first}..{last} is empty: the last hit comes before the first"));
        }
        Ok(Hits::Range(first, last))
    }

    fn number(&mut self) -> Result<Option<u64>, String> {
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        match digits.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => {
                self.at = start;
                Err(format!("`{digits}` is no hit: hits are counted from 1"))
            }
        }
    }

    fn filter(&mut self) -> Result<Filter, String> {
        let label = self.take_while(|c| c.is_alphanumeric() || c == '_').to_owned();
        if label.is_empty() {
            return Err("the name of a label is expected after `[`".into());
        }
        let is_negated = self.eat("!=");
        if !is_negated && !self.eat("=") {
            return Err(format!("`=` or `!=` is expected after the label `{label}`"));
        }
        let pattern = if self.eat("\"") {
            let pattern = self.take_while(|c| c != '"').to_owned();
            if !self.eat("\"") {
                return Err("the quoted pattern is not closed with `\"`".into());
            }
            pattern
        } else {
            self.take_while(|c| !",[]=\"".contains(c)).to_owned()
        };
        if !self.eat("]") {
            return Err("`]` is expected after the pattern (quote a pattern with `,[]=` in it)".into());
        }
        Ok(Filter { label, is_negated, pattern })
    }
}

/// Whether `text` is what `pattern` says: `*` for any text, `?` for one character.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // After a `*`: where it is, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, reach)) = star {
            star = Some((at, reach + 1));
            p = at + 1;
            t = reach + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The candidate nearest to `name` by edits, if any is near.
pub(crate) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 2)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, by Wagner and Fischer; their product in time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replace = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Directive {
        let (mut directives, errors) = parse(text);
        assert_eq!((directives.len(), errors.len()), (1, 0), "{text}: {errors:?}");
        directives.remove(0)
    }

    #[test]
    fn items_are_understood() {
        let plain =
            |name: &str, hits| Directive { name: name.into(), hits, filters: vec![], action: Action::File };
        assert_eq!(one("end"), plain("end", Hits::All));
        assert_eq!(one(" after_* "), plain("after_*", Hits::All));
        assert_eq!(one("a@3"), plain("a", Hits::Range(3, 3)));
        assert_eq!(one("a@3.."), plain("a", Hits::Range(3, u64::MAX)));
        assert_eq!(one("a@3..7"), plain("a", Hits::Range(3, 7)));
        assert_eq!(one("a@max"), plain("a", Hits::Max));
        assert_eq!(one("a=pause").action, Action::Pause);
        let full = one("a@max[def=std::*][kind!=\"x,[]=y\"]=file");
        assert_eq!(full.hits, Hits::Max);
        assert_eq!(full.filters.len(), 2);
        assert_eq!(
            full.filters[1],
            Filter { label: "kind".into(), is_negated: true, pattern: "x,[]=y".into() }
        );
        let labels = |def: &str, kind: &str| [("def".into(), def.into()), ("kind".into(), kind.into())];
        assert!(full.matches(&labels("std::vec", "z")));
        assert!(!full.matches(&labels("core::vec", "z")));
        assert!(!full.matches(&labels("std::vec", "x,[]=y")));
        assert_eq!(parse("a,b@2,c[x=1,2]").0.len(), 2, "an unquoted comma ends a pattern");
        assert_eq!(parse("a,b@2,c[x=\"1,2\"]").0.len(), 3);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_column() {
        let cases = [
            ("", "column 1: the name of a checkpoint is expected here (`*` for all)"),
            ("a,,b", "column 3: the name of a checkpoint is expected here (`*` for all)"),
            ("a@", "column 3: a number from 1 or `max` is expected after `@`"),
            ("a@0", "column 3: `0` is no hit: hits are counted from 1"),
            ("ä@5..2", "column 6: the range 5..2 is empty: the last hit comes before the first"),
            ("a[=x]", "column 3: the name of a label is expected after `[`"),
            ("a[b]", "column 4: `=` or `!=` is expected after the label `b`"),
            ("a[b=\"x]", "column 8: the quoted pattern is not closed with `\"`"),
            ("a[b=x", "column 6: `]` is expected after the pattern (quote a pattern with `,[]=` in it)"),
            ("a=print", "column 3: `file` or `pause` is expected after `=`"),
            ("a b", "column 3: `b` does not belong here: the order is name, @hits, [label=pattern], =action"),
        ];
        for (text, expected) in cases {
            let (_, errors) = parse(text);
            assert_eq!(errors.len(), 1, "{text}");
            assert_eq!(errors[0].to_string(), expected, "{text}");
        }
        assert_eq!(parse("a@0,b").0, parse("b").0, "the others stand");
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("?", "ä", true),
            ("?", "", false),
            ("*b*b*", "abab", true),
            ("*b*b*", "aba", false),
            ("after_*", "after_borrowck", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_nearest_name() {
        let names = ["after_borrowck", "end", "before_codegen"];
        assert_eq!(nearest("after_borowck", names), Some("after_borrowck"));
        assert_eq!(nearest("ende", names), Some("end"));
        assert_eq!(nearest("xyz", names), None);
    }
}
