//! The type table: for each type how many there are and where their bytes go.

use crate::config::{Config, RuleReport};
use crate::dominators::Dominators;
use crate::heap::{Heap, NodeId, Role, NONE};
use crate::retained::retained_by_class;
use crate::type_name::{krate, tokens, Token};
use heap_snapshot::layout::value_count;
use heap_snapshot::record::{FieldDesc, Layout, NodeTypeDesc, Split, TypeDesc, TypeKind};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

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
/// A container's row counts its blocks as nodes and its handles as inline
/// values: where there are more handles than blocks, the rest are empty.
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

/// What types are grouped by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grouping {
    /// Component of the type config.
    #[default]
    Component,
    /// Crate: the first in the type's name that is not the standard library, so
    /// that a `Vec<app::Item>` is the app's.
    Crate,
    /// Module, of the same path.
    Module,
    /// Generic type: all `Vec<…>` together.
    Generic,
}

impl Grouping {
    /// The group of a type; empty for types in none.
    pub fn of(self, row: &TypeRow) -> String {
        match self {
            Grouping::Component => row.group.clone(),
            Grouping::Crate => home(&row.path).map_or_else(String::new, |path| krate(&path).to_owned()),
            Grouping::Module => home(&row.path).map_or_else(String::new, |path| {
                let module = &path[..path.len().saturating_sub(1)];
                if krate(&path) == "std" {
                    "std".into()
                } else {
                    module.join("::")
                }
            }),
            Grouping::Generic => folded(&row.name),
        }
    }
}

/// The path in a type's name that says where it is at home: the first that is
/// not of the standard library, else the first with a crate.
fn home(name: &str) -> Option<Vec<&str>> {
    let paths = || {
        tokens(name).into_iter().filter_map(|token| match token {
            Token::Path(path) if path.len() > 1 && !path[0].is_empty() => Some(path),
            Token::Path(_) | Token::Mark(_) => None,
        })
    };
    // Containers and leaves are named without their crate.
    let first = || paths().next().unwrap_or_else(|| vec!["std", ""]);
    (!name.starts_with('(') || paths().next().is_some())
        .then(|| paths().find(|path| krate(path) != "std").unwrap_or_else(first))
}

/// A type's name without its arguments: `Vec<…>`, `&…`, `(…)`.
fn folded(name: &str) -> String {
    match name.chars().next() {
        Some('&') => "&…".into(),
        Some('(') if name != "()" => "(…)".into(),
        Some('[') => "[…]".into(),
        _ => match name.find('<') {
            Some(at) if at > 0 => format!("{}<…>", &name[..at]),
            _ => name.to_owned(),
        },
    }
}

/// A group of the type table with its totals.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct GroupRow {
    /// Component, crate, module or generic type; empty for types in none.
    pub group: String,
    /// The types.
    #[serde(skip)]
    pub rows: Vec<RowId>,
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

/// The table, and which row each type and node belongs to.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<TypeRow>,
    /// By value type: its row, or `NONE` where no value was met.
    row_of_type: Vec<u32>,
    /// By node type: its row.
    row_of_node_type: Vec<u32>,
    /// Row of nodes whose type the file does not have, or `NONE` where there are none.
    no_type: u32,
    /// By row: the value type it describes, of the elements for containers.
    elem: Vec<u32>,
    /// By value type: displayed name.
    type_names: Vec<String>,
    /// By node type: displayed name.
    node_names: Vec<String>,
    /// By node type: not shown in trees.
    is_lifted: Vec<Lift>,
    pub(crate) rules: Vec<RuleReport>,
}

/// What trees do with nodes of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lift {
    /// Show them.
    No,
    /// Show what hangs below instead.
    Hidden,
    /// Show what hangs below instead, where that is one node.
    Flattened,
}

/// A row before it has numbers.
struct Draft {
    row: TypeRow,
    elem: u32,
    parts: Split,
}

impl Table {
    /// The table without retained sizes: these are 0. See [`Table::with_retained`]. O(n).
    pub(crate) fn build(heap: &Heap, config: &Config) -> Table {
        let mut table = Table { rules: config.reports(), ..Table::default() };
        let mut drafts: Vec<Draft> = Vec::new();
        let mut used: Vec<BTreeSet<usize>> = Vec::new();
        let mut push = |path: String, kind: &str, elem: u32, groups: &[&str]| {
            let mut rules = BTreeSet::new();
            let name = config.display(&path, &mut rules);
            let group = groups.iter().find_map(|path| config.group(path));
            rules.extend(group.map(|(rule, _)| rule));
            rules.extend(config.hides(&path));
            used.push(rules);
            drafts.push(Draft {
                row: TypeRow {
                    name,
                    path,
                    group: group.map_or_else(String::new, |(_, name)| name.to_owned()),
                    kind: kind.into(),
                    size: heap.types.get(elem as usize).map_or(0, |ty| ty.size),
                    ..TypeRow::default()
                },
                elem,
                parts: Split::default(),
            });
            drafts.len() as u32 - 1
        };
        // Value types. Those that cannot be told apart share a row.
        let mut by_type = HashMap::new();
        for (at, ty) in heap.types.iter().enumerate() {
            let key = (ty.name.as_str(), ty.size, ty.align, ty.kind);
            let row = *by_type.entry(key).or_insert_with(|| {
                let kind = TypeKind(ty.kind).name().unwrap_or("unknown");
                let path = entry_path(heap, ty).unwrap_or_else(|| ty.name.clone());
                push(path, kind, at as u32, &[&ty.name])
            });
            table.row_of_type.push(row);
        }
        // A container's blocks and its handles are one type: `Vec<T>` and `alloc::vec::Vec<T>`.
        let mut by_short_name: HashMap<String, u32> = HashMap::new();
        for (ty, &row) in heap.types.iter().zip(&table.row_of_type) {
            by_short_name.entry(short_name(&ty.name)).or_insert(row);
        }
        let mut by_container = HashMap::new();
        let mut handles: Vec<(u32, u32, u8)> = Vec::new();
        for ty in &heap.node_types {
            let is_value = match Layout(ty.layout) {
                Layout::VALUE | Layout::COUNTED | Layout::ROOT | Layout::INSIDE => !ty.is_slice,
                _ => false,
            };
            let value_row = table.row_of_type.get(ty.elem as usize).copied();
            let row = match value_row {
                Some(row) if is_value => row,
                _ => {
                    // Of raw bytes the element is the type through which they were found.
                    let is_raw = Layout(ty.layout) == Layout::RAW && ty.container != "Weak";
                    let value_row = value_row.filter(|_| !is_raw);
                    let key = (ty.container.as_str(), ty.is_slice, ty.layout, value_row);
                    *by_container.entry(key).or_insert_with(|| {
                        let path = container_path(heap, ty);
                        if let Some(&row) = by_short_name.get(&short_name(&path)) {
                            handles.push((row, ty.elem, ty.layout));
                            return row;
                        }
                        let elem = heap.types.get(ty.elem as usize).map_or("", |elem| elem.name.as_str());
                        let kind = Layout(ty.layout).name().unwrap_or("unknown");
                        let inner = elem.trim_start_matches('(');
                        if is_raw {
                            return push(path.clone(), kind, NONE, &[&path]);
                        }
                        push(path.clone(), kind, ty.elem, &[&path, elem, inner])
                    })
                }
            };
            table.row_of_node_type.push(row);
        }
        // Nodes whose type the file does not have.
        let no_type = push("(unknown)".into(), "unknown", NONE, &[]);
        for (row, elem, layout) in handles {
            let draft = &mut drafts[row as usize];
            draft.elem = elem;
            draft.row.size = heap.types.get(elem as usize).map_or(0, |ty| ty.size);
            draft.row.kind = Layout(layout).name().unwrap_or("unknown").into();
        }

        let row_of = |node: NodeId| {
            table.row_of_node_type.get(heap.node_type_index(node) as usize).copied().unwrap_or(no_type)
        };
        for node in heap.node_ids() {
            let role = heap.role(node);
            if matches!(role, Role::Same | Role::Lost) {
                continue;
            }
            let Draft { row, parts, .. } = &mut drafts[row_of(node) as usize];
            row.shallow = row.shallow.saturating_add(heap.shallow(node));
            if role == Role::Shell {
                continue; // its value is what is counted
            }
            row.count += 1;
            if role == Role::Inside {
                parts.add_times(&heap.split(node), 1);
            } else if let Some(block) = heap.block(node) {
                if !block.is_tool {
                    parts.add_times(&heap.split(node), 1);
                    row.rounding = row.rounding.wrapping_add(block.usable.wrapping_sub(block.requested));
                }
            }
        }
        for (ty, inline) in inline_values(heap).into_iter().enumerate() {
            let row = &mut drafts[table.row_of_type[ty] as usize].row;
            let bytes = inline.saturating_mul(heap.types[ty].size);
            row.inline_values = row.inline_values.saturating_add(inline);
            row.inline_bytes = row.inline_bytes.saturating_add(bytes);
        }
        for Draft { row, parts, .. } in &mut drafts {
            [row.payload, row.padding, row.dead, row.overhead, row.spare, row.untyped] = parts.parts();
            row.slack = [row.padding, row.dead, row.overhead, row.spare, row.rounding]
                .into_iter()
                .fold(0, u64::wrapping_add);
        }
        for (rules, draft) in used.iter().zip(&drafts) {
            for &rule in rules {
                table.rules[rule].types += 1;
                table.rules[rule].nodes += draft.row.count;
            }
        }
        table.type_names =
            table.row_of_type.iter().map(|&row| drafts[row as usize].row.name.clone()).collect();
        table.node_names =
            table.row_of_node_type.iter().map(|&row| drafts[row as usize].row.name.clone()).collect();
        table.is_lifted = table
            .row_of_node_type
            .iter()
            .map(|&row| {
                let path = &drafts[row as usize].row.path;
                match (config.hides(path), config.flattens(path)) {
                    (Some(_), _) => Lift::Hidden,
                    (None, Some(_)) => Lift::Flattened,
                    (None, None) => Lift::No,
                }
            })
            .collect();

        // Types that do not occur have no row; the rest by size.
        let mut order: Vec<u32> = (0..drafts.len() as u32)
            .filter(|&at| {
                let row = &drafts[at as usize].row;
                row.count > 0 || row.inline_values > 0
            })
            .collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&drafts[a as usize].row, &drafts[b as usize].row);
            b.shallow.cmp(&a.shallow).then(b.inline_bytes.cmp(&a.inline_bytes)).then(a.name.cmp(&b.name))
        });
        let mut new_id = vec![NONE; drafts.len()];
        for (id, &at) in order.iter().enumerate() {
            new_id[at as usize] = id as u32;
        }
        for row in table.row_of_type.iter_mut().chain(&mut table.row_of_node_type) {
            *row = new_id[*row as usize];
        }
        table.no_type = new_id[no_type as usize];
        let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
        for (id, at) in order.into_iter().enumerate() {
            if let Some(draft) = drafts[at as usize].take() {
                table.elem.push(draft.elem);
                table.rows.push(TypeRow { id: RowId(id as u32), ..draft.row });
            }
        }
        table
    }

    /// The rows with what their nodes retain. O(n).
    pub(crate) fn with_retained(
        &self,
        heap: &Heap,
        dominators: &Dominators,
        retained: &[u64],
    ) -> Vec<TypeRow> {
        let is_class = |node: NodeId| !matches!(heap.role(node), Role::Same | Role::Lost);
        let sums = retained_by_class(heap, dominators, retained, self.rows.len(), |node| {
            let row = self.row_of_node_type.get(heap.node_type_index(node) as usize).copied();
            let row = row.unwrap_or(self.no_type);
            (row != NONE && is_class(node)).then_some(row as usize)
        });
        let rows = self.rows.iter().zip(sums);
        rows.map(|(row, retained)| TypeRow { retained, ..row.clone() }).collect()
    }

    /// The row of a node's type.
    pub(crate) fn row_of(&self, heap: &Heap, node: NodeId) -> Option<RowId> {
        let row = self.row_of_node_type.get(heap.node_type_index(node) as usize)?;
        (*row != NONE).then_some(RowId(*row))
    }

    /// The row of a value type.
    pub(crate) fn row_of_type(&self, ty: u32) -> Option<RowId> {
        let row = self.row_of_type.get(ty as usize)?;
        (*row != NONE).then_some(RowId(*row))
    }

    /// The value type that a row describes; of the elements for containers.
    pub(crate) fn elem(&self, row: RowId) -> Option<u32> {
        self.elem.get(row.0 as usize).copied().filter(|elem| *elem != NONE)
    }

    /// Displayed name of a value type.
    pub(crate) fn type_name(&self, ty: u32) -> &str {
        self.type_names.get(ty as usize).map_or("(unknown)", String::as_str)
    }

    /// Displayed name of a node's type.
    pub(crate) fn node_name<'a>(&'a self, heap: &Heap, node: NodeId) -> &'a str {
        self.node_names.get(heap.node_type_index(node) as usize).map_or("(unknown)", String::as_str)
    }

    /// Displayed name of the type that a block had which only weak handles keep.
    pub(crate) fn pinned_name(&self, heap: &Heap, node: NodeId) -> String {
        match heap.node_type(node).filter(|ty| ty.elem != NONE) {
            Some(ty) => self.type_name(ty.elem).to_owned(),
            None => self.node_name(heap, node).to_owned(),
        }
    }

    /// Displayed name of a node type.
    pub(crate) fn node_type_name(&self, ty: u32) -> &str {
        self.node_names.get(ty as usize).map_or("(unknown)", String::as_str)
    }

    /// What trees do with a node.
    pub(crate) fn lift(&self, heap: &Heap, node: NodeId) -> Lift {
        self.is_lifted.get(heap.node_type_index(node) as usize).copied().unwrap_or(Lift::No)
    }

    /// The table by groups.
    pub(crate) fn group_rows(
        &self,
        heap: &Heap,
        dominators: &Dominators,
        retained: &[u64],
        grouping: Grouping,
    ) -> Vec<GroupRow> {
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<GroupRow> = Vec::new();
        let mut of_row: Vec<usize> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let name = grouping.of(row);
            let at = *index.entry(name).or_insert_with_key(|name| {
                groups.push(GroupRow { group: name.clone(), ..GroupRow::default() });
                groups.len() - 1
            });
            of_row.push(at);
            let group = &mut groups[at];
            group.types += 1;
            group.rows.push(row.id);
            let total = &mut group.total;
            for (sum, part) in [
                (&mut total.count, row.count),
                (&mut total.inline_values, row.inline_values),
                (&mut total.inline_bytes, row.inline_bytes),
                (&mut total.shallow, row.shallow),
                (&mut total.payload, row.payload),
                (&mut total.padding, row.padding),
                (&mut total.dead, row.dead),
                (&mut total.overhead, row.overhead),
                (&mut total.spare, row.spare),
                (&mut total.rounding, row.rounding),
                (&mut total.untyped, row.untyped),
                (&mut total.slack, row.slack),
            ] {
                *sum = sum.wrapping_add(part);
            }
        }
        let sums = retained_by_class(heap, dominators, retained, groups.len(), |node| {
            Some(of_row[self.row_of(heap, node)?.0 as usize])
        });
        for (group, sum) in groups.iter_mut().zip(sums) {
            group.total.retained = sum;
        }
        groups.sort_by(|a, b| b.total.shallow.cmp(&a.total.shallow).then(a.group.cmp(&b.group)));
        groups
    }
}

/// Whether nodes of a type have a length and a capacity.
pub(crate) fn has_length(ty: &NodeTypeDesc) -> bool {
    let layout = Layout(ty.layout);
    ty.is_slice || matches!(layout, Layout::BUFFER | Layout::HASH_TABLE | Layout::BTREE_NODE | Layout::CHUNK)
}

/// A type's name without the modules of the standard library.
fn short_name(path: &str) -> String {
    Config::default().display(path, &mut BTreeSet::new())
}

/// The walk's own type for the entries of a B-tree node, as the pair it stands for.
fn entry_path(heap: &Heap, ty: &TypeDesc) -> Option<String> {
    let [key, value] = &ty.fields[..] else { return None };
    let is_entry = ty.name.starts_with("heap_walk::") && (&*key.name, &*value.name) == ("key", "value");
    let name = |field: &FieldDesc| Some(heap.types.get(field.ty as usize)?.name.as_str());
    is_entry.then(|| Some(format!("({}, {})", name(key)?, name(value)?)))?
}

/// A container with its element type as a path: `Vec<T>`, `HashMap<K, V>`, `Box<[T]>`.
fn container_path(heap: &Heap, ty: &NodeTypeDesc) -> String {
    let elem = heap.types.get(ty.elem as usize);
    let name = elem.map_or("?", |elem| elem.name.as_str());
    let container = &ty.container;
    if container.is_empty() {
        return name.into();
    }
    if Layout(ty.layout) == Layout::RAW && ty.elem == NONE {
        return "(dropped value)".into();
    }
    if Layout(ty.layout) == Layout::RAW && container == "raw" {
        return "(raw bytes)".into();
    }
    if Layout(ty.layout) == Layout::RAW && container.starts_with("dyn = ") {
        return container.clone();
    }
    if Layout(ty.layout) == Layout::INSIDE {
        return if name == "str" || name.starts_with('[') {
            format!("&{name}")
        } else {
            format!("&[{name}]")
        };
    }
    // Bytes of anything say nothing.
    if matches!(Layout(ty.layout), Layout::CHUNK | Layout::REGION) && name == "byte" {
        return container.clone();
    }
    // Complete names, and containers that always hold the same.
    if container.contains('<') || matches!(container.as_str(), "String" | "OsString" | "PathBuf" | "CString")
    {
        return container.clone();
    }
    match Layout(ty.layout) {
        Layout::VALUE | Layout::COUNTED | Layout::BUFFER
            if ty.is_slice
                && matches!(container.as_str(), "Box" | "Rc" | "Arc")
                && name != "str"
                && !name.starts_with('[') =>
        {
            format!("{container}<[{name}]>")
        }
        Layout::HASH_TABLE | Layout::BTREE_NODE => {
            let field = |at: usize| {
                let ty = elem?.fields.get(at)?.ty;
                Some(heap.types.get(ty as usize)?.name.as_str())
            };
            match (field(0), field(1)) {
                (Some(key), Some("()")) if container.ends_with("Set") => format!("{container}<{key}>"),
                (Some(key), Some(value)) if !container.ends_with("Set") => {
                    format!("{container}<{key}, {value}>")
                }
                _ => format!("{container}<{name}>"),
            }
        }
        _ => format!("{container}<{name}>"),
    }
}

/// By value type: the values that lie inside other values, in buffers, or in
/// roots' and blocks' values. Structs pass their count on to their fields, enums
/// the count of each variant to its fields; how many enums there are is what
/// the walk counted.
fn inline_values(heap: &Heap) -> Vec<u64> {
    let count = heap.types.len();
    // As the sole value of a node, and as elements.
    let mut alone = vec![0_u64; count];
    let mut inline = vec![0_u64; count];
    for node in heap.node_ids() {
        let Some(ty) = heap.node_type(node) else { continue };
        if ty.elem as usize >= count
            || !matches!(heap.role(node), Role::Root | Role::Block | Role::Foreign | Role::Inside)
        {
            continue;
        }
        match Layout(ty.layout) {
            Layout::VALUE | Layout::COUNTED | Layout::ROOT | Layout::INSIDE if !ty.is_slice => {
                alone[ty.elem as usize] += 1
            }
            _ => {
                let elements = &mut inline[ty.elem as usize];
                *elements = elements.saturating_add(value_count(ty, heap.len(node)));
            }
        }
    }
    let mut variants: HashMap<(u32, u32), u64> = HashMap::new();
    let mut met = vec![0_u64; count];
    for census in &heap.census {
        if let Some(met) = met.get_mut(census.ty as usize) {
            *met = met.saturating_add(census.count);
            let variant = variants.entry((census.ty, census.variant)).or_default();
            *variant = variant.saturating_add(census.count);
        }
    }
    for ty in containers_first(heap) {
        let desc = &heap.types[ty];
        let total = if TypeKind(desc.kind) == TypeKind::ENUM {
            inline[ty] = met[ty].saturating_sub(alone[ty]);
            met[ty]
        } else {
            inline[ty].saturating_add(alone[ty])
        };
        let mut pass_on = |fields: &[FieldDesc], total: u64| {
            for field in fields.iter().filter(|field| field.mode.is_empty()) {
                if let Some(inline) = inline.get_mut(field.ty as usize) {
                    *inline = inline.saturating_add(total.saturating_mul(field.times));
                }
            }
        };
        if total > 0 {
            pass_on(&desc.fields, total);
            for (at, variant) in desc.variants.iter().enumerate() {
                let total = variants.get(&(ty as u32, at as u32)).copied().unwrap_or(0);
                pass_on(&variant.fields, total);
            }
        }
    }
    inline
}

/// Value types, each before the types of its fields. Values cannot contain
/// themselves; where a damaged file says they do, the order is arbitrary.
fn containers_first(heap: &Heap) -> Vec<usize> {
    let count = heap.types.len();
    let fields = |ty: usize| {
        let desc = &heap.types[ty];
        let variants = desc.variants.iter().flat_map(|variant| &variant.fields);
        desc.fields.iter().chain(variants).map(|field| field.ty as usize).filter(move |ty| *ty < count)
    };
    let mut order = Vec::with_capacity(count);
    let mut is_met = vec![false; count];
    for start in 0..count {
        if std::mem::replace(&mut is_met[start], true) {
            continue;
        }
        let mut stack: Vec<(usize, Box<dyn Iterator<Item = usize> + '_>)> =
            vec![(start, Box::new(fields(start)))];
        while let Some((ty, rest)) = stack.last_mut() {
            match rest.next() {
                Some(field) if !is_met[field] => {
                    is_met[field] = true;
                    stack.push((field, Box::new(fields(field))));
                }
                Some(_) => {}
                None => {
                    order.push(*ty);
                    stack.pop();
                }
            }
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_at_home_where_their_first_own_crate_is() {
        let check = |path: &str, expected: [&str; 3]| {
            let row = TypeRow { path: path.into(), name: path.into(), ..TypeRow::default() };
            let found = [Grouping::Crate, Grouping::Module, Grouping::Generic].map(|by| by.of(&row));
            assert_eq!(found, expected, "{path}");
        };
        check("demo::hir::Expr", ["demo", "demo::hir", "demo::hir::Expr"]);
        check("Vec<demo::hir::Expr>", ["demo", "demo::hir", "Vec<…>"]);
        check("alloc::rc::Rc<demo::Table>", ["demo", "demo", "alloc::rc::Rc<…>"]);
        check("String", ["std", "std", "String"]);
        check("HashMap<u32, core::time::Duration>", ["std", "std", "HashMap<…>"]);
        check("&demo::Module", ["demo", "demo", "&…"]);
        check("(u32, demo::a::B)", ["demo", "demo::a", "(…)"]);
        check("(raw bytes)", ["", "", "(…)"]);
    }
}
