//! Manifests of packages: lines for two of their tables, and single values.

use crate::facts::{Error, Manifest};

/// Puts into the manifest `text` what `facts` say; `home` stands for `{home}` in them.
///
/// # Errors
///
/// Where a table or a value isn't there, or what comes out is no manifest.
pub fn extend(text: &str, facts: &Manifest, home: &str) -> Result<(String, usize), Error> {
    let fail = |what: String| Error(format!("{}: {what}", facts.path));
    let mut out = text.to_owned();
    let mut count = 0;
    for (table, lines) in [("dependencies", &facts.dependencies), ("features", &facts.features)] {
        if lines.is_empty() {
            continue;
        }
        count += lines.len();
        let lines: String = lines.iter().map(|line| line.replace("{home}", home) + "\n").collect();
        let header = format!("[{table}]\n");
        match find_line(&out, &header) {
            Some(at) => out.insert_str(at + header.len(), &lines),
            None => {
                out.push('\n');
                out.push_str(&header);
                out.push_str(&lines);
            }
        }
    }
    for (path, value) in &facts.set {
        let (table, key) = path.rsplit_once('.').ok_or_else(|| fail(format!("`{path}` is no table.key")))?;
        let header = format!("[{table}]\n");
        let from = find_line(&out, &header).ok_or_else(|| fail(format!("there is no table `{table}`")))?;
        let to = out[from + 1..].find("\n[").map_or(out.len(), |at| from + 1 + at);
        let line = out[from..to]
            .match_indices('\n')
            .map(|(at, _)| from + at + 1)
            .find(|&at| out[at..].starts_with(key) && out[at + key.len()..].trim_start().starts_with('='))
            .ok_or_else(|| fail(format!("there is no `{path}`")))?;
        let end = out[line..].find('\n').map_or(out.len(), |at| line + at);
        out.replace_range(line..end, &format!("{key} = {value}"));
        count += 1;
    }
    if let Err(error) = out.parse::<toml::Table>() {
        return Err(fail(format!("what comes out is no TOML: {error}")));
    }
    Ok((out, count))
}

/// Where a line stands that is just `line`.
fn find_line(text: &str, line: &str) -> Option<usize> {
    text.match_indices(line).map(|(at, _)| at).find(|&at| at == 0 || text[..at].ends_with('\n'))
}
