//! Tables aligned for people.

use std::fmt::Write as _;

/// Columns of the terminal; `None` where the output goes somewhere else.
pub(crate) fn terminal_width() -> Option<usize> {
    if let Some(columns) = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()) {
        return Some(columns);
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// A column: its heading, and whether it holds text (left) or numbers (right).
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A table. Where it is too wide for the terminal, its widest texts are cut in the middle.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// Shortest width a text is cut to.
const MIN_TEXT: usize = 12;

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; one text for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let heading = |column: &Column| match column {
            Column::Text(heading) | Column::Number(heading) => *heading,
        };
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let cells = self.rows.iter().map(|row| row[at].chars().count());
                cells.chain([heading(column).chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let gaps = 2 * self.columns.len().saturating_sub(1);
        if let Some(width) = width {
            while widths.iter().sum::<usize>() + gaps > width {
                let texts = (0..widths.len()).filter(|&at| matches!(self.columns[at], Column::Text(_)));
                match texts.max_by_key(|&at| widths[at]).filter(|&at| widths[at] > MIN_TEXT) {
                    Some(widest) => widths[widest] -= 1,
                    None => break,
                }
            }
        }
        let mut out = String::new();
        let headings: Vec<String> = self.columns.iter().map(|column| heading(column).to_owned()).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, column), &width) in row.iter().zip(&self.columns).zip(&widths) {
                let cell = cut(cell, width);
                let _ = match column {
                    Column::Text(_) => write!(line, "{cell:<width$}  "),
                    Column::Number(_) => write!(line, "{cell:>width$}  "),
                };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// A text of at most `width` characters, its middle left out where it is longer.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.into();
    }
    let keep = width.saturating_sub(1);
    let (front, back) = (keep.div_ceil(2), keep / 2);
    text.chars().take(front).chain(['…']).chain(text.chars().skip(count - back)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn texts_are_left_and_numbers_right_and_the_middle_goes_first() {
        let mut table = Table::new(&[Column::Text("name"), Column::Number("bytes"), Column::Text("type")]);
        table.row(["a".into(), "1".into(), "std::collections::HashMap<u32, String>".into()]);
        table.row(["bcd".into(), "1 234".into(), "u8".into()]);
        expect![[r#"
            name  bytes  type
            a         1  std::collections::HashMap<u32, String>
            bcd   1 234  u8
        "#]]
        .assert_eq(&table.render(None));
        expect![[r#"
            name  bytes  type
            a         1  std::collec…2, String>
            bcd   1 234  u8
        "#]]
        .assert_eq(&table.render(Some(35)));
    }
}
