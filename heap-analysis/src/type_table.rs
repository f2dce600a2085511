//! The type table: for each type how many there are and where their bytes go.

use serde::Serialize;

/// Position of a row in [`crate::Analysis::types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
#[serde(transparent)]
pub struct RowId(pub u32);

/// A type.
///
/// The bytes of a block count for the type of its node: the value's type for a
/// `Box`, `Rc` or `Arc`, else the container with its elements' type. Values that
/// lie inside other values are counted in `inline_values`; their bytes are
/// those of the block around them. So the columns from `shallow` on add up over all rows.
/// `retained` does not add up: what a `Vec` retains, its owner retains as well.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct TypeRow {
    /// Position in the table.
    pub id: RowId,
    /// Displayed name, after the type config.
    pub name: String,
    /// Name as the program gives it.
    pub path: String,
    /// Component that the type config puts it into.
    pub group: String,
    /// `struct`, `enum`, `leaf`, `unknown`; for containers the layout: `buffer`, `hash table`, …
    pub kind: String,
    /// Size of a value, or of an element.
    pub size: u64,
    /// Nodes.
    pub count: u64,
    /// Values that lie inside other values or buffers.
    pub inline_values: u64,
    /// Bytes of the inline values (part of other rows' bytes).
    pub inline_bytes: u64,
    /// Usable bytes of its blocks.
    pub shallow: u64,
    /// Bytes retained by its nodes, none counted twice: those of nodes that no
    /// other node of the type dominates.
    pub retained: u64,
    /// Leaf values and discriminants.
    pub payload: u64,
    /// Bytes between and after fields.
    pub padding: u64,
    /// Dead variant space.
    pub dead: u64,
    /// Container overhead.
    pub overhead: u64,
    /// Spare capacity.
    pub spare: u64,
    /// Usable less requested.
    pub rounding: u64,
    /// Bytes nobody can read.
    pub untyped: u64,
    /// Padding, dead variant space, overhead, spare capacity and rounding together.
    pub slack: u64,
}

impl Default for RowId {
    fn default() -> RowId {
        RowId(u32::MAX)
    }
}

/// A column to sort by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // each is the field of `TypeRow` of that name
pub enum Column {
    Name,
    Group,
    Kind,
    Size,
    Count,
    InlineValues,
    InlineBytes,
    Shallow,
    Retained,
    Payload,
    Padding,
    Dead,
    Overhead,
    Spare,
    Rounding,
    Untyped,
    Slack,
}

impl Column {
    /// All columns with their names, in the order in which a table shows them.
    pub const ALL: &'static [(Column, &'static str)] = &[
        (Column::Name, "name"),
        (Column::Group, "group"),
        (Column::Kind, "kind"),
        (Column::Size, "size"),
        (Column::Count, "count"),
        (Column::InlineValues, "inline"),
        (Column::InlineBytes, "inline-bytes"),
        (Column::Shallow, "shallow"),
        (Column::Retained, "retained"),
        (Column::Payload, "payload"),
        (Column::Padding, "padding"),
        (Column::Dead, "dead"),
        (Column::Overhead, "overhead"),
        (Column::Spare, "spare"),
        (Column::Rounding, "rounding"),
        (Column::Untyped, "untyped"),
        (Column::Slack, "slack"),
    ];

    /// Its name, as `--sort` takes it.
    pub fn name(self) -> &'static str {
        Column::ALL.iter().find(|(column, _)| *column == self).map_or("", |(_, name)| name)
    }

    /// The column of that name.
    pub fn by_name(name: &str) -> Option<Column> {
        Column::ALL.iter().find(|(_, known)| *known == name).map(|(column, _)| *column)
    }

    /// Whether it holds text: sorted ascending by habit, where numbers are descending.
    pub fn is_text(self) -> bool {
        matches!(self, Column::Name | Column::Group | Column::Kind)
    }

    /// The number in this column; 0 for text.
    pub fn number(self, row: &TypeRow) -> u64 {
        match self {
            Column::Name | Column::Group | Column::Kind => 0,
            Column::Size => row.size,
            Column::Count => row.count,
            Column::InlineValues => row.inline_values,
            Column::InlineBytes => row.inline_bytes,
            Column::Shallow => row.shallow,
            Column::Retained => row.retained,
            Column::Payload => row.payload,
            Column::Padding => row.padding,
            Column::Dead => row.dead,
            Column::Overhead => row.overhead,
            Column::Spare => row.spare,
            Column::Rounding => row.rounding,
            Column::Untyped => row.untyped,
            Column::Slack => row.slack,
        }
    }
}

/// A group of the type table: a component of the type config with its totals.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct GroupRow {
    /// Component; empty for types in none.
    pub group: String,
    /// Types in it.
    pub types: u64,
    /// Sums over its types. `name`, `path`, `kind` and `size` are empty.
    /// `retained` is that of all nodes of the group, none counted twice.
    pub total: TypeRow,
}

/// Selects rows whose displayed name or path contains `filter` (letter case
/// ignored; a `*` in it matches anything) and sorts them by `column`. Ties are
/// sorted by name, so that the order is always the same.
pub fn select(rows: &[TypeRow], filter: &str, column: Column, descending: bool) -> Vec<RowId> {
    let filter = filter.trim().to_lowercase();
    let pattern = crate::config::Pattern::new(&format!("*{filter}*"));
    let mut found: Vec<&TypeRow> = rows
        .iter()
        .filter(|row| {
            filter.is_empty()
                || pattern.matches(&row.name.to_lowercase())
                || pattern.matches(&row.path.to_lowercase())
        })
        .collect();
    found.sort_by(|a, b| {
        let order = match column {
            Column::Name => a.name.cmp(&b.name),
            Column::Group => a.group.cmp(&b.group),
            Column::Kind => a.kind.cmp(&b.kind),
            _ => column.number(a).cmp(&column.number(b)),
        };
        let order = if descending { order.reverse() } else { order };
        order.then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
    });
    found.into_iter().map(|row| row.id).collect()
}
