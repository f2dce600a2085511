//! Type configs: how the types of a program are shown. Totals never change by them.
//!
//! ```toml
//! # Shown without their wrapper: `RefCell<T>` as `T`.
//! flatten = ["core::cell::RefCell"]
//! # Not shown in trees; what hangs below takes their place.
//! hide = ["my_crate::bookkeeping::*"]
//!
//! [[rename]]
//! match = "my_crate::mir::*"
//! to = "mir::*"
//!
//! [[group]]
//! name = "MIR"
//! match = ["my_crate::mir::*", "my_crate::body::Body"]
//!
//! # A `Local` is a position in that field of the nearest `Body` around it, else of that root's.
//! [[key]]
//! match = "my_crate::mir::Local"
//! table = "my_crate::body::Body::local_decls"
//! root = "body"
//! ```
//!
//! A `*` stands for any run of characters; in `to` it is what the one in
//! `match` stood for. A pattern without `<` is matched on paths without their
//! generic arguments, and in `rename` and `flatten` also inside the arguments of
//! other types. The first rule that matches counts. Without any rule, types of
//! the standard library are shown without their modules.
//!
//! What `key` tables mean is in [`keys`](crate::keys). The root serves keys below it, or below
//! what it is a part of. With `table` alone there is none to turn to; with `root` alone its value itself is the table. The field
//! may be one of a field: `Body::blocks.list`. Where several rules match a
//! key, the first that finds a table counts.
//!
//! The tables `mute` and `labels` belong to later versions: they are
//! accepted, and [`Config::notes`] says that nothing is done with them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// Name of the file that is looked for beside the user.
pub const FILE_NAME: &str = "heap-inspector.toml";

/// How types are shown.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Config {
    /// Where it came from, in a few words.
    pub origin: String,
    /// What in it has no effect, in sentences.
    pub notes: Vec<String>,
    rules: Vec<Rule>,
    keys: Vec<KeyRule>,
}

/// Which table the keys of some types index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyRule {
    /// The keys' types.
    pub(crate) keys: Pattern,
    /// The type whose field the table is, and names of fields, each of the one before.
    pub(crate) table: Option<(Pattern, Vec<String>)>,
    /// Where to look if no value of that type is around.
    pub(crate) root: Option<String>,
}

impl KeyRule {
    /// Of keys into a table as the program names it: `Body::local_decls`.
    pub(crate) fn named(table: &str) -> Option<KeyRule> {
        let (ty, fields) = split_table(table)?;
        // Without the path to the type, which readers of the program don't need.
        let ty = if ty.contains("::") || ty.contains('*') { ty.into() } else { format!("*::{ty}") };
        let table = Some((Pattern::new(&ty), fields));
        Some(KeyRule { keys: Pattern::new("*"), table, root: None })
    }

    /// What it indexes, as text: `Body::local_decls`, or the root's name.
    pub(crate) fn text(&self) -> String {
        match &self.table {
            None => self.root.clone().unwrap_or_default(),
            Some((ty, fields)) => {
                let name = ty.text.rsplit("::").next().unwrap_or_default();
                format!("{name}::{}", fields.join("."))
            }
        }
    }
}

/// Type and fields of `path::Type::field.field`.
fn split_table(table: &str) -> Option<(&str, Vec<String>)> {
    let (ty, fields) = table.rsplit_once("::")?;
    let fields: Vec<String> = fields.split('.').map(|name| name.trim().to_owned()).collect();
    (!ty.trim().is_empty() && fields.iter().all(|name| !name.is_empty())).then_some((ty.trim(), fields))
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    kind: RuleKind,
    pattern: Pattern,
    /// New name or component.
    to: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RuleKind {
    Rename,
    Hide,
    Flatten,
    Group,
}

/// What a rule touched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RuleReport {
    /// `rename`, `hide`, `flatten` or `group`.
    pub kind: &'static str,
    /// The rule as text.
    pub rule: String,
    /// Rows of the type table it touched.
    pub types: u64,
    /// Nodes of these types.
    pub nodes: u64,
}

/// Why a config cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// Where it came from.
    pub origin: String,
    /// What is wrong, with the line where there is one.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type config {}: {}", self.origin, self.what)
    }
}

impl std::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    flatten: Vec<String>,
    #[serde(default)]
    hide: Vec<String>,
    #[serde(default)]
    rename: Vec<RenameRule>,
    #[serde(default)]
    group: Vec<GroupRule>,
    #[serde(default)]
    key: Vec<KeyTable>,
    mute: Option<toml::Value>,
    labels: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    r#match: String,
    table: Option<String>,
    root: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RenameRule {
    r#match: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRule {
    name: String,
    r#match: Vec<String>,
}

impl Config {
    /// Reads a config. `origin` says where it came from.
    ///
    /// # Errors
    ///
    /// Where the text is no TOML, or holds a table or a rule that is not known.
    pub fn parse(text: &str, origin: &str) -> Result<Config, ConfigError> {
        let fail = |what: String| ConfigError { origin: origin.into(), what };
        let file: File = toml::from_str(text).map_err(|error| fail(error.to_string().trim_end().into()))?;
        let mut rules = Vec::new();
        let mut add = |kind, pattern: &str, to: &str| {
            if pattern.trim().is_empty() {
                return Err(fail("a pattern is empty: use `*` for every type".into()));
            }
            rules.push(Rule { kind, pattern: Pattern::new(pattern.trim()), to: to.into() });
            Ok(())
        };
        for rule in &file.rename {
            let wanted = rule.to.matches('*').count();
            if wanted > rule.r#match.matches('*').count() {
                return Err(fail(format!(
                    "rename `{}` to `{}` has more `*` on the right than on the left",
                    rule.r#match, rule.to
                )));
            }
            add(RuleKind::Rename, &rule.r#match, &rule.to)?;
        }
        for pattern in &file.hide {
            add(RuleKind::Hide, pattern, "")?;
        }
        for pattern in &file.flatten {
            add(RuleKind::Flatten, pattern, "")?;
        }
        for rule in &file.group {
            for pattern in &rule.r#match {
                add(RuleKind::Group, pattern, &rule.name)?;
            }
        }
        let mut keys = Vec::new();
        for KeyTable { r#match, table, root } in file.key {
            if table.is_none() && root.is_none() {
                return Err(fail(format!("key `{match}` needs a `table`, a `root`, or both")));
            }
            let table = match table {
                None => None,
                Some(text) => {
                    let (ty, fields) = split_table(&text).ok_or_else(|| {
                        fail(format!(
                            "key `{match}`: the table `{text}` is not `path::Type::field`, such as `mir::Body::local_decls`"
                        ))
                    })?;
                    Some((Pattern::new(ty), fields))
                }
            };
            keys.push(KeyRule { keys: Pattern::new(r#match.trim()), table, root });
        }
        let later = [("mute", file.mute), ("labels", file.labels)];
        let notes = later
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .map(|(name, _)| format!("type config {origin}: `{name}` has no effect in this version"))
            .collect();
        Ok(Config { origin: origin.into(), notes, rules, keys })
    }

    /// The config for a snapshot of `program`: the file `explicit` if given,
    /// else the built-in one of that name, else the file [`FILE_NAME`] in `dir`,
    /// else one without rules. Which it was is in [`Config::origin`].
    ///
    /// # Errors
    ///
    /// Where the chosen file cannot be read or parsed.
    pub fn find(program: &str, explicit: Option<&Path>, dir: &Path) -> Result<Config, ConfigError> {
        let read = |path: &Path| {
            let origin = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
                origin: origin.clone(),
                what: format!("cannot be read: {error}"),
            })?;
            Config::parse(&text, &origin)
        };
        if let Some(path) = explicit {
            return read(path);
        }
        if let Some(text) = rustc_config::built_in(program) {
            return Config::parse(text, &format!("built in for `{program}`"));
        }
        let beside = dir.join(FILE_NAME);
        if beside.is_file() {
            return read(&beside);
        }
        Ok(Config { origin: "none".into(), ..Config::default() })
    }

    /// How a type is shown. Positions of the rules that had a part in it are added to `used`.
    pub(crate) fn display(&self, path: &str, used: &mut BTreeSet<usize>) -> String {
        self.display_at(path, used, 0)
    }

    fn display_at(&self, text: &str, used: &mut BTreeSet<usize>, depth: usize) -> String {
        // A file may hold any text: what is nested deeper is shown as it is.
        if depth > 64 {
            return text.into();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_path_char) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = rest.find(|c| !is_path_char(c)).unwrap_or(rest.len());
            let (path, after) = rest.split_at(end);
            let args = arguments(after);
            let whole = &rest[..end + args.map_or(0, |args| args.len() + 2)];
            out.push_str(&self.one(path, args, whole, used, depth));
            rest = &rest[whole.len()..];
        }
        out.push_str(rest);
        out
    }

    /// One path with its generic arguments.
    fn one(
        &self,
        path: &str,
        args: Option<&str>,
        whole: &str,
        used: &mut BTreeSet<usize>,
        depth: usize,
    ) -> String {
        for (at, rule) in self.rules.iter().enumerate() {
            let Some(captures) = rule.pattern.captures(rule.pattern.subject(path, whole)) else { continue };
            match (rule.kind, args) {
                (RuleKind::Flatten, Some(args)) => {
                    used.insert(at);
                    let mut args = split_arguments(args).into_iter();
                    let first = args.find(|arg| !arg.starts_with('\'')).unwrap_or("");
                    return self.display_at(first, used, depth + 1);
                }
                (RuleKind::Rename, _) => {
                    used.insert(at);
                    let mut captures = captures.into_iter();
                    let mut name = String::new();
                    for (part, text) in rule.to.split('*').enumerate() {
                        if part > 0 {
                            let capture = captures.next().unwrap_or("");
                            if rule.pattern.is_whole() {
                                name.push_str(&self.display_at(capture, used, depth + 1));
                            } else {
                                name.push_str(capture);
                            }
                        }
                        name.push_str(text);
                    }
                    if !rule.pattern.is_whole() {
                        self.push_arguments(&mut name, args, used, depth);
                    }
                    return name;
                }
                _ => {}
            }
        }
        let is_std = ["core::", "alloc::", "std::"].iter().any(|name| path.starts_with(name));
        let mut name = match path.rsplit_once("::") {
            Some((_, last)) if is_std => last.to_owned(),
            _ => path.to_owned(),
        };
        self.push_arguments(&mut name, args, used, depth);
        name
    }

    fn push_arguments(
        &self,
        name: &mut String,
        args: Option<&str>,
        used: &mut BTreeSet<usize>,
        depth: usize,
    ) {
        let Some(args) = args else { return };
        // Lifetimes are erased: `'_` says nothing.
        let args: Vec<&str> =
            split_arguments(args).into_iter().filter(|arg| !arg.starts_with('\'')).collect();
        if !args.is_empty() {
            name.push('<');
            name.push_str(&self.display_at(&args.join(", "), used, depth + 1));
            name.push('>');
        }
    }

    fn first(&self, kind: RuleKind, path: &str) -> Option<usize> {
        let bare = &path[..path.find('<').unwrap_or(path.len())];
        self.rules
            .iter()
            .position(|rule| rule.kind == kind && rule.pattern.matches(rule.pattern.subject(bare, path)))
    }

    /// The rule that hides a type from trees.
    pub(crate) fn hides(&self, path: &str) -> Option<usize> {
        self.first(RuleKind::Hide, path)
    }

    /// The rule that merges a type's node into what hangs below it.
    pub(crate) fn flattens(&self, path: &str) -> Option<usize> {
        self.first(RuleKind::Flatten, path)
    }

    /// The component of a type, and the rule that puts it there.
    pub(crate) fn group(&self, path: &str) -> Option<(usize, &str)> {
        let rule = self.first(RuleKind::Group, path)?;
        Some((rule, &self.rules[rule].to))
    }

    /// Which tables keys index.
    pub(crate) fn keys(&self) -> &[KeyRule] {
        &self.keys
    }

    /// The rules, with nothing counted yet.
    pub(crate) fn reports(&self) -> Vec<RuleReport> {
        self.rules
            .iter()
            .map(|rule| {
                let pattern = &rule.pattern.text;
                let (kind, text) = match rule.kind {
                    RuleKind::Rename => ("rename", format!("{pattern} -> {}", rule.to)),
                    RuleKind::Hide => ("hide", pattern.clone()),
                    RuleKind::Flatten => ("flatten", pattern.clone()),
                    RuleKind::Group => ("group", format!("{pattern} in {}", rule.to)),
                };
                RuleReport { kind, rule: text, types: 0, nodes: 0 }
            })
            .collect()
    }
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '\'' | '#' | '{' | '}')
}

/// What stands between the angle brackets that `text` begins with.
fn arguments(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    let mut depth = 1;
    let mut before = ' ';
    for (at, c) in inner.char_indices() {
        match c {
            '<' => depth += 1,
            // Not the arrow of a function type.
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inner[..at]);
        }
        before = c;
    }
    None
}

/// Generic arguments by their commas.
fn split_arguments(args: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut before) = (0_i32, 0, ' ');
    for (at, c) in args.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if before != '-' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(args[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    parts.push(args[start..].trim());
    parts
}

/// A type path with `*` for any run of characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    text: String,
}

impl Pattern {
    /// From text.
    pub fn new(text: &str) -> Pattern {
        Pattern { text: text.into() }
    }

    /// Whether it is matched on types with their generic arguments.
    fn is_whole(&self) -> bool {
        self.text.contains('<')
    }

    fn subject<'a>(&self, path: &'a str, whole: &'a str) -> &'a str {
        if self.is_whole() {
            whole
        } else {
            path
        }
    }

    /// Whether it matches the type `path`, with its generic arguments only if it has such itself.
    pub(crate) fn matches_type(&self, path: &str) -> bool {
        self.matches(self.subject(&path[..path.find('<').unwrap_or(path.len())], path))
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.captures(text).is_some()
    }

    /// What each `*` stands for: the shortest runs from the left, the rest for the last one.
    /// O(pattern · text).
    fn captures<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let mut parts = self.text.split('*');
        let first = parts.next().unwrap_or("");
        let mut rest = text.strip_prefix(first)?;
        let mut captures = Vec::new();
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty().then_some(captures);
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                captures.push(rest.strip_suffix(part)?);
                break;
            }
            let at = rest.find(part)?;
            captures.push(&rest[..at]);
            rest = &rest[at + part.len()..];
        }
        Some(captures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(config: &str, path: &str) -> String {
        Config::parse(config, "test").unwrap().display(path, &mut BTreeSet::new())
    }

    #[test]
    fn the_standard_library_is_shown_without_modules() {
        for (path, expected) in [
            ("alloc::vec::Vec<core::option::Option<a::b::C>>", "Vec<Option<a::b::C>>"),
            ("(alloc::string::String, &str)", "(String, &str)"),
            ("[core::cell::Cell<u8>; 4]", "[Cell<u8>; 4]"),
            ("dyn core::ops::Fn(a::B) -> alloc::string::String + Send", "dyn Fn(a::B) -> String + Send"),
            ("a::F<fn() -> b::C, core::D>", "a::F<fn() -> b::C, D>"),
            ("a::B<'_, a::C<'_>>", "a::B<a::C>"),
            ("a::broken<b::C", "a::broken<b::C"),
            ("", ""),
        ] {
            assert_eq!(shown("", path), expected);
        }
    }

    #[test]
    fn rename_keeps_what_the_star_stood_for() {
        let config = "[[rename]]\nmatch = \"a::mir::*\"\nto = \"mir::*\"\n";
        assert_eq!(shown(config, "a::mir::Body<a::mir::Local>"), "mir::Body<mir::Local>");
        assert_eq!(shown(config, "alloc::vec::Vec<a::mir::Body>"), "Vec<mir::Body>");
        assert_eq!(shown(config, "a::ty::Ty"), "a::ty::Ty");
        let whole = "[[rename]]\nmatch = \"a::Index<*, *>\"\nto = \"[*] by *\"\n";
        assert_eq!(shown(whole, "a::Index<core::X, a::Y<u8>>"), "[X] by a::Y<u8>");
    }

    #[test]
    fn flatten_leaves_the_first_argument() {
        let config = "flatten = [\"core::cell::RefCell\", \"*::IndexVec\"]";
        assert_eq!(shown(config, "core::cell::RefCell<a::B<u8, u16>>"), "a::B<u8, u16>");
        assert_eq!(shown(config, "x::IndexVec<(a, b), c>"), "(a, b)");
        assert_eq!(shown(config, "x::IndexVec"), "x::IndexVec");
    }

    #[test]
    fn the_first_rule_counts() {
        let config = Config::parse(
            "[[group]]\nname = \"A\"\nmatch = [\"a::x::*\"]\n[[group]]\nname = \"B\"\nmatch = [\"a::*\", \"*<a::*>\"]\n",
            "test",
        )
        .unwrap();
        assert_eq!(config.group("a::x::C<b::D>"), Some((0, "A")));
        assert_eq!(config.group("a::C"), Some((1, "B")));
        assert_eq!(config.group("Vec<a::C>"), Some((2, "B")));
        assert_eq!(config.group("b::C"), None);
    }

    #[test]
    fn errors_name_the_place_and_what_is_expected() {
        let error = Config::parse("hide = [\"a\"]\nrenam = 3\n", "x.toml").unwrap_err().to_string();
        assert!(error.starts_with("type config x.toml: "), "{error}");
        assert!(
            error.contains("line 2") && error.contains("`renam`") && error.contains("`rename`"),
            "{error}"
        );
        let stars = Config::parse("[[rename]]\nmatch = \"a\"\nto = \"*\"", "x").unwrap_err().to_string();
        assert!(stars.contains("more `*` on the right"), "{stars}");
        assert!(Config::parse("hide = [\"\"]", "x").is_err());
    }

    #[test]
    fn later_tables_are_accepted_and_noted() {
        let config = Config::parse("[[mute]]\nfinding = \"x\"\n[labels]\n", "x").unwrap();
        assert_eq!(config.notes.len(), 2);
        assert!(config.notes[0].contains("`mute` has no effect"));
    }

    #[test]
    fn keys_name_a_type_and_a_field_or_a_root() {
        let config = "[[key]]\nmatch = \"a::Local\"\ntable = \"a::Body::parts.locals\"\nroot = \"cx.body\"\n";
        let config = Config::parse(config, "x").unwrap();
        let [rule] = config.keys() else { panic!("one rule") };
        assert_eq!(rule.text(), "Body::parts.locals");
        let (ty, fields) = rule.table.as_ref().unwrap();
        assert!(ty.matches_type("a::Body<b::C>") && !ty.matches_type("a::Bodies"));
        assert_eq!(fields, &["parts", "locals"]);
        let error = |text: &str| Config::parse(text, "x").unwrap_err().to_string();
        assert!(error("[[key]]\nmatch = \"a\"\n").contains("needs a `table`, a `root`, or both"));
        assert!(error("[[key]]\nmatch = \"a\"\ntable = \"locals\"\n").contains("is not `path::Type::field`"));
        let named = KeyRule::named("Body::locals").unwrap();
        assert!(named.table.unwrap().0.matches_type("a::b::Body"));
        assert_eq!(KeyRule::named("somewhere"), None);
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }
}
