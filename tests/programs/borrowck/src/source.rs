//! Where facts come from: folders that rustc wrote, or a pack, the same in one file.
//!
//! A pack is text. A line `@ folder/relation` starts a relation, the lines up to the next such line
//! are its facts. Empty relations are left out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use heap_walk::Walk;

use crate::parse::FactText;

/// The facts of a small crate of ours, for machines whose rustc emits none.
const FALLBACK_PACK: &str = include_str!("../facts-fallback/facts.pack");
/// The crate they were emitted for.
const FALLBACK_SOURCE: &str = include_str!("../facts-fallback/src/lib.rs");

/// Beside a crate's functions: the folder of its package.
pub const PACKAGE_FILE: &str = "package";

/// The crates that are to be checked.
#[derive(Debug, Walk)]
pub struct FactSource {
    /// By name, each with a function at least.
    pub crates: Vec<CrateFacts>,
}

/// The functions of one crate.
#[derive(Debug, Walk)]
pub struct CrateFacts {
    /// The crate's name; a binary's ends in `-bin`.
    pub name: String,
    /// Its source files, where they are known.
    pub files: Vec<(PathBuf, String)>,
    /// Its functions, by name.
    pub functions: Vec<FactText>,
}

impl FactSource {
    /// The committed facts.
    ///
    /// # Panics
    ///
    /// When the committed pack is malformed, which a test rules out.
    pub fn fallback() -> FactSource {
        let functions = unpack(FALLBACK_PACK, Path::new("facts.pack"));
        let krate = CrateFacts {
            name: "facts_fallback".to_owned(),
            files: vec![("src/lib.rs".into(), FALLBACK_SOURCE.to_owned())],
            functions: functions.expect("the committed pack"),
        };
        FactSource { crates: vec![krate] }
    }

    /// Every folder of facts below `dir`, which is a function when it holds a graph. The folder that
    /// functions lie in gives their crate's name.
    ///
    /// # Errors
    ///
    /// A folder that can't be read.
    pub fn read(dir: &Path) -> io::Result<FactSource> {
        let mut crates = Vec::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            let mut functions = Vec::new();
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if !entry.file_type()?.is_dir() {
                    continue;
                }
                let path = entry.path();
                if path.join("cfg_edge.facts").exists() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    functions.push(FactText::read(name, &path)?);
                } else {
                    folders.push(path);
                }
            }
            if !functions.is_empty() {
                functions.sort_by(|a, b| a.function.cmp(&b.function));
                let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let package = fs::read_to_string(folder.join(PACKAGE_FILE)).unwrap_or_default();
                let files = source_files(Path::new(&package))?;
                crates.push(CrateFacts { name, files, functions });
            }
        }
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(FactSource { crates })
    }

    /// Forgets all functions but the first `count`.
    pub fn truncate(&mut self, count: usize) {
        let mut left = count;
        for krate in &mut self.crates {
            krate.functions.truncate(left);
            left -= krate.functions.len();
        }
        self.crates.retain(|krate| !krate.functions.is_empty());
    }

    /// The names of the crates, for people.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.crates.iter().map(|krate| krate.name.as_str()).collect();
        names.join(", ")
    }
}

/// The Rust files of a package, by path; none without a package.
fn source_files(root: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    if root.as_os_str().is_empty() {
        return Ok(files);
    }
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
                files.push((path.strip_prefix(root).unwrap_or(&path).to_owned(), text));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes functions as a pack.
pub fn pack<'a>(functions: impl IntoIterator<Item = &'a FactText>) -> String {
    let mut text = String::new();
    for function in functions {
        for (relation, facts) in function.relations.iter().filter(|(_, facts)| !facts.is_empty()) {
            text.push_str(&format!("@ {}/{relation}\n{facts}", function.function));
            if !facts.ends_with('\n') {
                text.push('\n');
            }
        }
    }
    text
}

/// Reads a pack; `file` is its name in messages.
///
/// # Errors
///
/// The first line that is in no relation, or starts none, as text.
pub fn unpack(text: &str, file: &Path) -> Result<Vec<FactText>, String> {
    let mut functions: Vec<FactText> = Vec::new();
    let mut current: Option<String> = None;
    for (line, number) in text.lines().zip(1..) {
        let at = || format!("{}:{number}", file.display());
        if let Some(header) = line.strip_prefix("@ ") {
            let (function, relation) =
                header.rsplit_once('/').ok_or_else(|| format!("expected `@ function/relation`: {}", at()))?;
            if functions.last().is_none_or(|last| last.function != function) {
                functions.push(FactText {
                    function: function.to_owned(),
                    folder: file.join(function),
                    ..FactText::default()
                });
            }
            current = Some(relation.to_owned());
        } else {
            let (Some(relation), Some(function)) = (&current, functions.last_mut()) else {
                return Err(format!("expected `@ function/relation` first: {}", at()));
            };
            let facts = function.relations.entry(relation.clone()).or_default();
            facts.push_str(line);
            facts.push('\n');
        }
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_come_back() {
        let text = "@ a/cfg_edge\nx\ty\n@ b-{closure#0}/cfg_edge\nz\n@ b-{closure#0}/placeholder\nw\n";
        let functions = unpack(text, Path::new("p")).unwrap();
        let names: Vec<_> = functions.iter().map(|f| f.function.as_str()).collect();
        assert_eq!(names, ["a", "b-{closure#0}"]);
        assert_eq!(functions[1].relations["placeholder"], "w\n");
        assert_eq!(pack(&functions), text);
    }

    #[test]
    fn bad_packs_are_named() {
        let file = Path::new("p");
        let error = unpack("x\n", file).unwrap_err();
        assert_eq!(error, "expected `@ function/relation` first: p:1");
        let error = unpack("@ a/b\n@ c\n", file).unwrap_err();
        assert_eq!(error, "expected `@ function/relation`: p:2");
    }

    #[test]
    fn truncation_counts_over_crates() {
        let krate = |name: &str, count| CrateFacts {
            name: name.to_owned(),
            files: Vec::new(),
            functions: vec![FactText::default(); count],
        };
        let mut source = FactSource { crates: vec![krate("a", 3), krate("b", 2)] };
        source.truncate(4);
        assert_eq!(source.crates[1].functions.len(), 1);
        assert_eq!(source.names(), "a, b");
        source.truncate(3);
        assert_eq!(source.names(), "a");
    }

    #[test]
    fn the_committed_pack_is_what_packing_writes() {
        let source = FactSource::fallback();
        assert_eq!(pack(&source.crates[0].functions), FALLBACK_PACK);
    }
}
