//! A small made-up tree, in syntax of today and of no release, annotated.

use annotate::{apply, Facts};
use std::fs;
use std::path::{Path, PathBuf};

/// Unstable and made-up syntax between the items; names that are there twice.
const BODY: &str = r###"//! A body. It's "made up" — näive, 'even.
#![feature(pattern_types, never_type)]

/// struct Fake { in_a_comment: u8 }
#[derive(Clone)]
#[rustc_frobnicate(keyword = 3)]
pub(in crate::mir) struct Body<'tcx, const N: usize = { 1 + 1 }>
where
    for<'a> fn(&'a u8) -> u8: Sized,
{
    /// The blocks.
    pub blocks: Vec<Option<Map<Key, (u8, Vec<u8>)>>>,
    #[allow(unused)]
    pub(crate) source: fn(u8) -> Vec<u8>, source_text: &'static str,
}

pub struct Local(pub u32, #[cfg(any())] Box<dyn Fn(u8) -> u8 + 'static>, pub(super) Vec<u8>);
struct Unit;
enum Kind<T: ~const Frob = u8> {
    /// Nothing.
    Nothing,
    #[default] Call { func: T, args: Vec<T> } = 1 << 3,
    Goto(#[hint] u8, Vec<Map<u8, T>>),
}
auto trait Frob { fn declared(&self); }
index! { #[max = 7] pub struct Index {} }
impl !Frob for Unit {}
fn "check_me": u8; // no item
mod inner { struct Twice; pub union Bits { a: u32, b: f32 } }
struct Twice(r#"struct InText { }"#, b'\'', '{');

fn check<T>(body: &Body<'_>) -> impl Frob + use<'_, T> {
    let x = do yeet match body { deref!(_) => gen { 1 } };
    body.emit(); { body.emit_all() }
    let result = x? else { return };
    result
}
"###;

const MANIFEST: &str = "[package]\nname = \"body\"\n\n[lib]\ncrate-type = [\"dylib\"]\n\n[dependencies]\n# sorted\nother = \"1\"\n";

fn facts(files: &str) -> String {
    format!(
        "derive = [\"derive(Walk)\", \"walk(missing = opaque)\"]\ncopy = [\"src\", \"Cargo.toml\"]\n[[file]]\npath = \"src/body.rs\"\n{files}\n"
    )
}

struct Tree {
    folder: PathBuf,
}

impl Tree {
    fn new(name: &str) -> Tree {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("source/src")).unwrap();
        fs::create_dir_all(folder.join("ours")).unwrap();
        fs::write(folder.join("source/src/body.rs"), BODY).unwrap();
        fs::write(folder.join("source/src/other.rs"), "struct Other;\n").unwrap();
        fs::write(folder.join("source/left_out.txt"), "not copied").unwrap();
        fs::write(folder.join("source/Cargo.toml"), MANIFEST).unwrap();
        fs::write(folder.join("ours/look.rs"), "// from {home}\n").unwrap();
        Tree { folder }
    }

    fn source(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join("source").join(path)).unwrap()
    }

    fn copy(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join("copy").join(path)).unwrap()
    }

    fn apply(&self, facts: &str) -> Result<annotate::Applied, String> {
        let facts = Facts::parse(facts).map_err(|error| error.0)?;
        let at = |name: &str| self.folder.join(name);
        apply(&at("source"), &at("copy"), &facts, &at("ours"), "/home/of/ours").map_err(|error| error.0)
    }
}

#[test]
fn only_what_the_facts_say_is_inserted_and_no_line_moves() {
    let tree = Tree::new("inserted");
    let applied = tree
        .apply(&facts(
            r#"
derive = ["Body", "Local", "Kind", "Bits", "Unit"]
attributes = { "Body.source" = "walk(skip)", "Local.2" = "walk(opaque)", "Kind::Call" = "walk(rename = \"call\")", "Kind::Call.args" = "walk(follow)", "Kind::Goto.1" = "walk(key)", "Index" = "walk(key)" }
insert = [
    { within = "fn check", before = "let result", text = "look!(body);" },
    { within = "fn check", after = "emit();", text = "/* here */" },
    { text = "mod look;\nmod look_again;" },
]
"#,
        ))
        .unwrap();
    let (before, after) = (tree.source("src/body.rs"), tree.copy("src/body.rs"));
    for (line, expected) in [
        (6, "#[derive(Walk)] #[walk(missing = opaque)] pub(in crate::mir) struct Body<'tcx, const N: usize = { 1 + 1 }>"),
        (13, "    #[walk(skip)] pub(crate) source: fn(u8) -> Vec<u8>, source_text: &'static str,"),
        (16, "#[derive(Walk)] #[walk(missing = opaque)] pub struct Local(pub u32, #[cfg(any())] Box<dyn Fn(u8) -> u8 + 'static>, #[walk(opaque)] pub(super) Vec<u8>);"),
        (17, "#[derive(Walk)] #[walk(missing = opaque)] struct Unit;"),
        (18, "#[derive(Walk)] #[walk(missing = opaque)] enum Kind<T: ~const Frob = u8> {"),
        (21, "    #[default] #[walk(rename = \"call\")] Call { func: T, #[walk(follow)] args: Vec<T> } = 1 << 3,"),
        (22, "    Goto(#[hint] u8, #[walk(key)] Vec<Map<u8, T>>),"),
        (25, "index! { #[max = 7] #[walk(key)] pub struct Index {} }"),
        (28, "mod inner { struct Twice; #[derive(Walk)] #[walk(missing = opaque)] pub union Bits { a: u32, b: f32 } }"),
        (33, "    body.emit(); /* here */ { body.emit_all() }"),
        (34, "    look!(body); let result = x? else { return };"),
        (37, "mod look;"),
        (38, "mod look_again;"),
    ] {
        assert_eq!(after.lines().nth(line), Some(expected));
    }
    // What was there is there, in its order and in its lines.
    for (line, (old, new)) in before.lines().zip(after.lines()).enumerate() {
        let mut rest = new.chars();
        assert!(old.chars().all(|c| rest.any(|d| d == c)), "line {line}: {old} / {new}");
    }
    assert_eq!(after.len() - before.len(), applied.total().bytes);
    let total = applied.total();
    assert_eq!((total.types, total.fields, total.lines, total.files), (5, 6, 3, 1));
    assert_eq!(tree.copy("src/other.rs"), tree.source("src/other.rs"));
    assert!(!tree.folder.join("copy/left_out.txt").exists());
}

#[test]
fn what_does_not_hold_is_named_and_nothing_is_written() {
    for (wrong, message) in [
        ("derive = [\"Bodi\"]", "src/body.rs: Bodi: there is no type of that name"),
        ("derive = [\"Twice\"]", "src/body.rs: Twice: there is more than one: a type of that name"),
        ("derive = [\"Fake\"]", "src/body.rs: Fake: there is no type of that name"),
        ("derive = [\"InText\"]", "src/body.rs: InText: there is no type of that name"),
        (
            "attributes = { \"Body.block\" = \"x\" }",
            "src/body.rs: Body.block: there is no field of that name",
        ),
        (
            "attributes = { \"Kind::Jump\" = \"x\" }",
            "src/body.rs: Kind::Jump: there is no variant of that name",
        ),
        ("attributes = { \"Local.3\" = \"x\" }", "src/body.rs: Local.3: there is no field of that name"),
        (
            "insert = [{ within = \"fn checks\", before = \"let\", text = \"x\" }]",
            "src/body.rs: insert: there is no function `checks` with a body",
        ),
        (
            "insert = [{ within = \"fn check\", before = \"frob\", text = \"x\" }]",
            "src/body.rs: insert: there is no `frob`",
        ),
        (
            "insert = [{ within = \"fn check\", before = \"let\", text = \"x\" }]",
            "src/body.rs: insert: `let` is there more than once, in lines [33, 35]",
        ),
        (
            "insert = [{ within = \"fn check\", before = \"let result\", text = \"x\\ny\" }]",
            "src/body.rs: insert: `x\ny` has a line break, which moves the lines behind it",
        ),
    ] {
        let tree = Tree::new("wrong");
        assert_eq!(tree.apply(&facts(wrong)).unwrap_err(), message);
        assert!(!tree.folder.join("copy").exists(), "{wrong}");
    }
    let tree = Tree::new("wrong");
    let both = facts("derive = [\"Bodi\"]") + "[[whole]]\npath = \"src/other.rs\"\nfrom = \"look.rs\"\n";
    let error = tree.apply(&both).unwrap_err();
    assert!(error.contains("Bodi") && error.contains("src/other.rs: the tree has that file"), "{error}");
    assert!(tree.apply("derives = []").unwrap_err().contains("derives"));
}

#[test]
fn applied_again_only_what_is_new_is_written() {
    let tree = Tree::new("again");
    let rest = r#"
[[manifest]]
path = "Cargo.toml"
dependencies = ['heap-walk = { path = "{home}/heap-walk" }']
features = ['look = ["heap-walk/enabled"]']
set = { "lib.crate-type" = '["rlib"]' }
[[whole]]
path = "src/look.rs"
from = "look.rs"
"#;
    let first = tree.apply(&(facts("derive = [\"Body\"]") + rest)).unwrap();
    assert!(first.copied);
    assert_eq!(first.written, ["Cargo.toml", "src/body.rs", "src/look.rs"]);
    assert_eq!(tree.copy("src/look.rs"), "// from /home/of/ours\n");
    assert_eq!(
        tree.copy("Cargo.toml"),
        "[package]\nname = \"body\"\n\n[lib]\ncrate-type = [\"rlib\"]\n\n[dependencies]\n\
         heap-walk = { path = \"/home/of/ours/heap-walk\" }\n# sorted\nother = \"1\"\n\n\
         [features]\nlook = [\"heap-walk/enabled\"]\n"
    );
    let again = tree.apply(&(facts("derive = [\"Body\"]") + rest)).unwrap();
    assert!(!again.copied && again.written.is_empty(), "{again:?}");
    let more = tree.apply(&(facts("derive = [\"Body\", \"Unit\"]") + rest)).unwrap();
    assert_eq!(more.written, ["src/body.rs"]);
    // What the list no longer names is as it was.
    let less = tree.apply("[[file]]\npath = \"src/other.rs\"\nderive = [\"Other\"]\n").unwrap();
    assert_eq!(less.written, ["Cargo.toml", "src/body.rs", "src/look.rs"]);
    assert_eq!(tree.copy("src/body.rs"), tree.source("src/body.rs"));
    assert_eq!(tree.copy("Cargo.toml"), MANIFEST);
    assert!(!tree.folder.join("copy/src/look.rs").exists());
}
