//! From facts on one source to that source with our bytes in it.

use crate::facts::{Error, File, Insert};
use crate::items::{words, Items, Part, Type, Word};
use std::fmt;

/// What was added.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// Files that were changed, and files of ours.
    pub files: usize,
    /// Types with attributes.
    pub types: usize,
    /// Fields and variants with attributes.
    pub fields: usize,
    /// Lines of ours in sources, and lines of manifests.
    pub lines: usize,
    /// Bytes of all that.
    pub bytes: usize,
}

impl Report {
    /// Adds another one.
    pub fn add(&mut self, other: Report) {
        self.files += other.files;
        self.types += other.types;
        self.fields += other.fields;
        self.lines += other.lines;
        self.bytes += other.bytes;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { files, types, fields, lines, bytes } = self;
        write!(
            f,
            "{types} types and {fields} fields annotated, {lines} lines inserted, {bytes} bytes in {files} files"
        )
    }
}

/// Puts into `source` what `file` says; `derive` is what its types get.
///
/// # Errors
///
/// Where a name isn't there, or is there more than once.
pub fn annotate(source: &str, file: &File, derive: &[String]) -> Result<(String, Report), Error> {
    let at = |what: &str, error: &Error| Error(format!("{}: {what}: {error}", file.path));
    let items = Items::parse(source).map_err(|error| at("cannot be read", &error))?;
    let mut report = Report { files: 1, ..Report::default() };
    let mut edits: Vec<(usize, String)> = Vec::new();
    for name in &file.derive {
        let ty = type_named(&items, name).map_err(|error| at(name, &error))?;
        edits.push((ty.at, attributes(derive.iter())));
        report.types += 1;
    }
    for (path, attribute) in &file.attributes {
        let place = part(&items, path).map_err(|error| at(path, &error))?;
        edits.push((place, attributes([attribute].into_iter())));
        report.fields += 1;
    }
    for insert in &file.insert {
        let place = place(&items, source, insert).map_err(|error| at("insert", &error))?;
        let text = insert.text.trim();
        // At the end of the file there are lines of their own; elsewhere lines keep their numbers.
        if text.contains('\n') && !matches!(place, Place::End) {
            return Err(at(
                "insert",
                &Error(format!("`{text}` has a line break, which moves the lines behind it")),
            ));
        }
        edits.push(match place {
            Place::End => (source.len(), format!("{text}\n")),
            Place::Before(at) => (at, format!("{text} ")),
            Place::Behind(at) => (at, format!(" {text}")),
        });
        report.lines += 1;
    }
    edits.sort_by_key(|(at, _)| *at);
    let mut out = String::with_capacity(source.len() + 1024);
    let mut done = 0;
    for (at, text) in edits {
        out.push_str(&source[done..at]);
        out.push_str(&text);
        report.bytes += text.len();
        done = at;
    }
    out.push_str(&source[done..]);
    Ok((out, report))
}

fn attributes<'a>(list: impl Iterator<Item = &'a String>) -> String {
    list.map(|attribute| format!("#[{attribute}] ")).collect()
}

fn type_named<'i>(items: &'i Items, name: &str) -> Result<&'i Type, Error> {
    one(items.types.iter().filter(|ty| ty.name == name), "a type of that name")
}

/// The only one.
fn one<T>(mut found: impl Iterator<Item = T>, what: &str) -> Result<T, Error> {
    match (found.next(), found.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(Error(format!("there is no {what}", what = what.trim_start_matches("a ")))),
        (Some(_), Some(_)) => Err(Error(format!("there is more than one: {what}"))),
    }
}

/// The place of `Type`, `Type.field`, `Type::Variant` or `Type::Variant.field`.
fn part(items: &Items, path: &str) -> Result<usize, Error> {
    let (owner, field) = match path.split_once('.') {
        Some((owner, field)) => (owner, Some(field)),
        None => (path, None),
    };
    let named = |parts: &[Part], name: &str, what| {
        one(parts.iter().filter(|part| part.name == name), what).map(|part| part.at)
    };
    let (ty, variant) = match owner.split_once("::") {
        Some((ty, variant)) => (ty, Some(variant)),
        None => (owner, None),
    };
    let ty = type_named(items, ty)?;
    match (variant, field) {
        (None, None) => Ok(ty.at),
        (None, Some(field)) => named(&ty.fields, field, "a field of that name"),
        (Some(variant), field) => {
            let variant =
                one(ty.variants.iter().filter(|found| found.part.name == variant), "a variant of that name")?;
            match field {
                None => Ok(variant.part.at),
                Some(field) => named(&variant.fields, field, "a field of that name"),
            }
        }
    }
}

enum Place {
    Before(usize),
    Behind(usize),
    End,
}

fn place(items: &Items, source: &str, insert: &Insert) -> Result<Place, Error> {
    let row: &[Word] = match &insert.within {
        None => &items.words,
        Some(function) => {
            let name = function.strip_prefix("fn ").unwrap_or(function);
            &one(
                items.functions.iter().filter(|found| found.name == name),
                &format!("a function `{name}` with a body"),
            )?
            .body
        }
    };
    let (anchor, is_before) = match (&insert.before, &insert.after) {
        (Some(anchor), None) => (anchor, true),
        (None, Some(anchor)) => (anchor, false),
        (None, None) if insert.within.is_none() => return Ok(Place::End),
        _ => return Err(Error("one of `before` and `after` is needed".into())),
    };
    let wanted = words(anchor)?;
    let starts = (0..(row.len() + 1).saturating_sub(wanted.len()))
        .filter(|&at| !wanted.is_empty() && wanted.iter().zip(&row[at..]).all(|(a, b)| a.text == b.text));
    let found: Vec<usize> = starts.collect();
    match found[..] {
        [at] if is_before => Ok(Place::Before(row[at].at.start)),
        [at] => Ok(Place::Behind(row[at + wanted.len() - 1].at.end)),
        [] => Err(Error(format!("there is no `{anchor}`"))),
        _ => {
            let line = |at: &usize| source[..row[*at].at.start].matches('\n').count() + 1;
            let lines: Vec<usize> = found.iter().map(line).collect();
            Err(Error(format!("`{anchor}` is there more than once, in lines {lines:?}")))
        }
    }
}
