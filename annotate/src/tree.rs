//! A copy of a tree, and the facts in it.

use crate::facts::{Error, Facts};
use crate::insert::{annotate, Report};
use crate::manifest::extend;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Lists the files that were changed, so that they can be given back.
const LIST: &str = ".annotated";

/// What was done.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Applied {
    /// Whether the tree was copied: there was no copy yet.
    pub copied: bool,
    /// Files of the copy that came out differently than they were.
    pub written: Vec<String>,
    /// What the facts add, file by file.
    pub reports: BTreeMap<String, Report>,
}

impl Applied {
    /// The sum of the reports.
    pub fn total(&self) -> Report {
        let mut total = Report::default();
        for report in self.reports.values() {
            total.add(*report);
        }
        total
    }
}

/// Makes `copy` the tree `source` with `facts` in it. Files of ours are taken
/// from `ours`; `home` stands for `{home}` in manifests and in files of ours.
/// Nothing is written unless all facts hold.
///
/// # Errors
///
/// Where a file can't be read or written, or a fact doesn't hold; all that don't are named.
pub fn apply(source: &Path, copy: &Path, facts: &Facts, ours: &Path, home: &str) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong: Vec<String> = Vec::new();
    let mut keep = |path: &str, result: Result<(String, Report), Error>| match result {
        Ok((text, report)) => {
            applied.reports.insert(path.to_owned(), report);
            if wanted.insert(path.to_owned(), text).is_some() {
                wrong.push(format!("{path}: named twice"));
            }
        }
        Err(error) => wrong.push(error.0),
    };
    for file in &facts.files {
        keep(
            &file.path,
            read(&source.join(&file.path)).and_then(|text| annotate(&text, file, &facts.derive)),
        );
    }
    for manifest in &facts.manifests {
        keep(
            &manifest.path,
            read(&source.join(&manifest.path)).and_then(|text| {
                let (out, lines) = extend(&text, manifest, home)?;
                let bytes = out.len().saturating_sub(text.len());
                Ok((out, Report { files: 1, lines, bytes, ..Report::default() }))
            }),
        );
    }
    for whole in &facts.wholes {
        let result = match source.join(&whole.path).exists() {
            true if !whole.replace => Err(Error(format!("{}: the tree has that file", whole.path))),
            false if whole.replace => Err(Error(format!("{}: there is no such file", whole.path))),
            _ => read(&ours.join(&whole.from)).map(|text| {
                let text = text.replace("{home}", home);
                let report = Report { files: 1, bytes: text.len(), ..Report::default() };
                (text, report)
            }),
        };
        keep(&whole.path, result);
    }
    if !wrong.is_empty() {
        return Err(Error(wrong.join("\n")));
    }

    let list = copy.join(LIST);
    if !list.exists() {
        applied.copied = true;
        if facts.copy.is_empty() {
            copy_tree(source, copy)?;
        }
        for part in &facts.copy {
            copy_tree(&source.join(part), &copy.join(part))?;
        }
    }
    // What an earlier list changed and this one doesn't is given back.
    for path in fs::read_to_string(&list).unwrap_or_default().lines() {
        if wanted.contains_key(path) {
            continue;
        }
        let (from, to) = (source.join(path), copy.join(path));
        if from.exists() {
            write(&to, &read(&from)?)?;
        } else if to.exists() {
            fs::remove_file(&to).map_err(|error| Error(format!("{error}: {}", to.display())))?;
        }
        applied.written.push(path.to_owned());
    }
    // First what will have been changed, so that a run that is cut off is made good by the next.
    write(&list, &wanted.keys().map(|path| format!("{path}\n")).collect::<String>())?;
    for (path, text) in &wanted {
        let to = copy.join(path);
        if fs::read(&to).ok().as_deref() != Some(text.as_bytes()) {
            write(&to, text)?;
            applied.written.push(path.clone());
        }
    }
    Ok(applied)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error(format!("{error}: {}", path.display())))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let fail = |error: std::io::Error| Error(format!("{error}: {}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    fs::write(path, text).map_err(fail)
}

/// Copies files and links; times are kept, so that nothing looks changed.
fn copy_tree(from: &Path, to: &Path) -> Result<(), Error> {
    let fail = |path: &Path, error: std::io::Error| Error(format!("{error}: {}", path.display()));
    let kind = fs::symlink_metadata(from).map_err(|error| fail(from, error))?;
    if kind.is_dir() {
        fs::create_dir_all(to).map_err(|error| fail(to, error))?;
        let entries = fs::read_dir(from).map_err(|error| fail(from, error))?;
        for entry in entries {
            let name = entry.map_err(|error| fail(from, error))?.file_name();
            copy_tree(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| fail(folder, error))?;
    }
    if kind.is_symlink() {
        // It may be there from a copy that was cut off.
        let _ = fs::remove_file(to);
        let target = fs::read_link(from).map_err(|error| fail(from, error))?;
        return std::os::unix::fs::symlink(target, to).map_err(|error| fail(to, error));
    }
    fs::copy(from, to).map_err(|error| fail(to, error))?;
    if let (Ok(time), Ok(file)) = (kind.modified(), fs::File::options().write(true).open(to)) {
        // Only spares a build its work.
        let _ = file.set_modified(time);
    }
    Ok(())
}
