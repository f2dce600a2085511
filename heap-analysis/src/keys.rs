//! Keys: integers and newtypes that stand for an entry of a table.
//!
//! A snapshot has their values and places, but not which entries they stand for.
//! That says the type config (`[[key]]`, see [`config`](crate::config)), or the
//! program where it names the table (`#[walk(key = "Body::local_decls")]`): a
//! field of the nearest value of a type *around* the key, which is what the key
//! lies in, then what the block that it lies in is held by, and so on up to a
//! root; else a field of the value of a certain root, or that value itself, for keys
//! below that root, the root that it is a part of, or other parts of that.
//!
//! Where that field owns one block of elements (`Vec`, `IndexVec`, `Box<[T]>`,
//! the entries of an `IndexMap`), the key is a position in it, and becomes an
//! edge of kind `key` to the block, which ends at the entry; the lens `key`
//! follows it. A key past the end *dangles*, and is listed. A key for which no table is
//! found is counted: there is no rule for its type, nothing of the table's type
//! is around, or that lies in a cell or behind a lock, whose layout isn't known.

use crate::analysis::Analysis;
use crate::config::{Config, KeyRule};
use crate::heap::{Edge, Heap, Into, KeyLink, NodeId, Part, Role, RootEntry, CONTAINS, HOLDS_SHELL, NONE};
use crate::path::{place, values_start};
use crate::type_table::RowId;
use heap_snapshot::record::{EdgeKind, FieldDesc, Layout, TypeKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The keys of one type into one table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyRow {
    /// Displayed name of the key's type.
    pub type_name: String,
    /// Its row in the type table.
    pub row: Option<RowId>,
    /// The table: type and field, or a root. Empty where no rule finds one.
    pub table: String,
    /// Fields and elements that hold such a key.
    pub keys: u64,
    /// Different keys among them.
    pub distinct: u64,
    /// Keys that lead to an entry.
    pub linked: u64,
    /// Keys past the end of the table.
    pub dangling: u64,
}

/// A key past the end of its table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DanglingKey {
    /// Displayed name of the key's type.
    pub type_name: String,
    /// The key.
    pub key: u64,
    /// The table, as in [`KeyRow::table`].
    pub table: String,
    /// Its node.
    pub table_node: NodeId,
    /// Entries that it has.
    pub len: u64,
    /// The node that the key lies in.
    pub node: NodeId,
    /// Where in it: `[17].local`.
    pub place: String,
}

/// What was found out about the keys of a heap.
#[derive(Clone, Default, Debug)]
pub(crate) struct KeyAnswers {
    /// The rules that were applied; `None` before.
    rules: Option<Vec<KeyRule>>,
    rows: Vec<KeyCount>,
    /// Position of the key, position of its row, and the table.
    dangling: Vec<(u32, u32, Table)>,
}

#[derive(Clone, Debug)]
struct KeyCount {
    ty: u32,
    table: String,
    keys: u64,
    distinct: u64,
    linked: u64,
    dangling: u64,
}

impl Analysis {
    /// Keys by type and table, most first.
    pub fn keys(&self) -> Vec<KeyRow> {
        let row = |count: &KeyCount| KeyRow {
            type_name: self.key_type(count.ty),
            row: self.table.row_of_type(count.ty),
            table: count.table.clone(),
            keys: count.keys,
            distinct: count.distinct,
            linked: count.linked,
            dangling: count.dangling,
        };
        self.heap.key_answers.rows.iter().map(row).collect()
    }

    /// Keys past the end of their tables, at most `limit`.
    pub fn dangling_keys(&self, limit: usize) -> Vec<DanglingKey> {
        let (heap, answers) = (&self.heap, &self.heap.key_answers);
        let row = |&(at, row, table): &(u32, u32, Table)| {
            let at = at as usize;
            let (from, to) = (NodeId(heap.keys.from[at]), NodeId(table.node));
            let (label, place_of) = (heap.keys.label[at], heap.keys.place[at]);
            DanglingKey {
                type_name: self.key_type(heap.keys.ty[at]),
                key: heap.keys.key[at],
                table: answers.rows[row as usize].table.clone(),
                table_node: to,
                len: table.len,
                node: from,
                place: place(heap, &Edge { from, to, kind: EdgeKind::KEY, label, place: place_of }),
            }
        };
        answers.dangling.iter().take(limit).map(row).collect()
    }

    fn key_type(&self, ty: u32) -> String {
        match ty {
            NONE => "(unknown)".into(),
            ty => self.table.type_name(ty).to_owned(),
        }
    }
}

/// Gives `heap` the edges of its keys by the rules of `config`, unless it has
/// them already. O(keys · nesting), and once all edges.
pub(crate) fn connect(mut heap: Arc<Heap>, config: &Config) -> Arc<Heap> {
    if heap.keys.from.is_empty() || heap.key_answers.rules.as_deref() == Some(config.keys()) {
        return heap;
    }
    let (links, answers) = Resolver::new(&heap, config.keys()).run();
    Arc::make_mut(&mut heap).set_key_links(&links, answers);
    heap
}

/// Levels of owners, and of fields in fields. No real one nests so.
const MAX_DEPTH: usize = 256;

/// A block of elements that keys are positions in.
#[derive(Clone, Copy, Debug)]
struct Table {
    node: u32,
    start: u64,
    elem_size: u64,
    len: u64,
}

/// Address and type of a value, and the node whose bytes it is in.
#[derive(Clone, Copy)]
struct Value {
    node: NodeId,
    addr: u64,
    ty: u32,
}

/// A rule as far as it depends on the heap's types alone.
struct Prepared<'h> {
    rule: &'h KeyRule,
    /// By type that has the table: offset and size of the field.
    fields: HashMap<u32, (u64, u64)>,
    /// By type: whether values of it may hold one of those.
    holds: HashMap<u32, bool>,
    /// By node in whose values there is none: what is around it.
    around: HashMap<u32, Around>,
    /// The table of the root, and the root that it is a part of in the end.
    of_root: Option<(Table, usize)>,
}

/// What was met on the way up from a key.
#[derive(Clone, Copy)]
enum Around {
    Table(Table),
    /// A value that should have the table hasn't got it.
    Nothing,
    /// The root, or the one that it is a part of in the end.
    Root(Option<usize>),
}

struct Resolver<'h> {
    heap: &'h Heap,
    config: &'h [KeyRule],
    /// By node of a root: the root that it is a part of in the end.
    tops: HashMap<u32, usize>,
}

impl<'h> Resolver<'h> {
    fn new(heap: &'h Heap, config: &'h [KeyRule]) -> Resolver<'h> {
        let mut resolver = Resolver { heap, config, tops: HashMap::new() };
        for at in 0..heap.roots().len() {
            let top = resolver.top(at);
            resolver.tops.entry(heap.roots()[at].node.0).or_insert(top);
        }
        resolver
    }

    fn top(&self, mut root: usize) -> usize {
        // A part comes with a shorter name each time.
        while let Some(whole) = self.heap.roots()[root].part_of {
            root = whole;
        }
        root
    }

    fn run(&self) -> (Vec<KeyLink>, KeyAnswers) {
        let keys = &self.heap.keys;
        let mut rules: Vec<Prepared<'_>> = self.config.iter().map(|rule| self.prepare(rule)).collect();
        // What the program's labels name comes after the config's rules; not all that they say is a field of a type.
        let texts: BTreeSet<&str> = self.heap.labels.iter().map(|label| label.table.as_str()).collect();
        let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        let named: Vec<Option<KeyRule>> = texts.iter().map(|text| KeyRule::named(text)).collect();
        let mut named: Vec<Option<Prepared<'_>>> =
            named.iter().map(|rule| rule.as_ref().map(|rule| self.prepare(rule))).collect();
        let names: HashMap<&str, usize> = texts.iter().enumerate().map(|(at, text)| (*text, at)).collect();

        let mut of_type: HashMap<u32, Vec<usize>> = HashMap::new();
        // By type, and number of the rule or, behind those, of the name.
        let mut rows: BTreeMap<(u32, usize), (KeyCount, HashSet<u64>)> = BTreeMap::new();
        let mut dangling: Vec<(u32, (u32, usize), Table)> = Vec::new();
        let mut links = Vec::new();
        for at in 0..keys.from.len() {
            let ty = keys.ty[at];
            let by_type = of_type.entry(ty).or_insert_with(|| {
                let name = self.heap.types.get(ty as usize).map_or("", |ty| ty.name.as_str());
                (0..self.config.len()).filter(|&rule| self.config[rule].keys.matches_type(name)).collect()
            });
            let name =
                self.heap.label(keys.label[at]).and_then(|label| names.get(label.table.as_str())).copied();
            let by_type = by_type.iter().find_map(|&rule| Some((rule, self.table(&mut rules[rule], at)?)));
            let found = by_type.or_else(|| {
                let name = name?;
                Some((rules.len() + name, self.table(named[name].as_mut()?, at)?))
            });
            let number = match (found, name) {
                (Some((number, _)), _) => number,
                (None, Some(name)) => rules.len() + name,
                (None, None) => usize::MAX,
            };
            let (count, distinct) = rows.entry((ty, number)).or_insert_with(|| {
                let table = match rules.get(number) {
                    Some(rule) => rule.rule.text(),
                    None if number == usize::MAX => String::new(),
                    None => texts[number - rules.len()].to_owned(),
                };
                (KeyCount { ty, table, keys: 0, distinct: 0, linked: 0, dangling: 0 }, HashSet::new())
            });
            let key = keys.key[at];
            count.keys += 1;
            distinct.insert(key);
            match found {
                Some((_, table)) if key < table.len => {
                    count.linked += 1;
                    let addr = table.start.wrapping_add(key.wrapping_mul(table.elem_size));
                    let entry = Into { addr, size: Some(table.elem_size) };
                    links.push(KeyLink { at: at as u32, to: NodeId(table.node), entry });
                }
                Some((_, table)) => {
                    count.dangling += 1;
                    dangling.push((at as u32, (ty, number), table));
                }
                None => {}
            }
        }
        let mut rows: Vec<((u32, usize), KeyCount)> = rows
            .into_iter()
            .map(|(row, (count, distinct))| (row, KeyCount { distinct: distinct.len() as u64, ..count }))
            .collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.keys));
        let position: HashMap<(u32, usize), u32> =
            rows.iter().enumerate().map(|(at, (row, _))| (*row, at as u32)).collect();
        let dangling = dangling.iter().map(|(at, row, table)| (*at, position[row], *table)).collect();
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        (links, KeyAnswers { rules: Some(self.config.to_vec()), rows, dangling })
    }

    fn prepare<'r>(&self, rule: &'r KeyRule) -> Prepared<'r> {
        let types = &self.heap.types;
        let mut fields = HashMap::new();
        if let Some((pattern, path)) = &rule.table {
            for (ty, desc) in types.iter().enumerate().filter(|(_, desc)| pattern.matches_type(&desc.name)) {
                let mut inner = (desc, 0);
                let field = path.iter().try_fold((0, 0), |_, name| {
                    let field = inner.0.fields.iter().find(|field| field.name == *name)?;
                    let of = types.get(field.ty as usize)?;
                    inner = (of, u64::checked_add(inner.1, field.offset?)?);
                    Some((inner.1, of.size))
                });
                fields.extend(field.map(|field| (ty as u32, field)));
            }
        }
        let (holds, around) = (HashMap::new(), HashMap::new());
        let mut prepared = Prepared { rule, fields, holds, around, of_root: None };
        prepared.of_root = self.of_root(&mut prepared);
        prepared
    }

    /// The table of the rule's root.
    fn of_root(&self, rule: &mut Prepared<'_>) -> Option<(Table, usize)> {
        let name = rule.rule.root.as_ref()?;
        let at = self.heap.roots().iter().position(|entry| entry.root.name == *name)?;
        Some((self.of_entry(rule, &self.heap.roots()[at])?, self.top(at)))
    }

    fn of_entry(&self, rule: &mut Prepared<'_>, entry: &RootEntry) -> Option<Table> {
        if rule.rule.table.is_none() {
            return self.single(entry.node, entry.root.addr..entry.root.addr.checked_add(entry.root.size)?);
        }
        let value = self.value_at(rule, entry.node, entry.root.addr)?;
        self.of_value(rule, value)
    }

    /// The table of the key at a position.
    fn table(&self, rule: &mut Prepared<'_>, at: usize) -> Option<Table> {
        let (node, place) = (self.heap.keys.from[at], self.heap.keys.place[at]);
        match self.around(rule, node, place) {
            Around::Table(table) => Some(table),
            Around::Nothing => None,
            Around::Root(top) => rule.of_root.filter(|(_, of)| top == Some(*of)).map(|(table, _)| table),
        }
    }

    /// The table in the nearest value around `place` in `node`.
    fn around(&self, rule: &mut Prepared<'_>, first: u32, mut place: u64) -> Around {
        let mut node = NodeId(first);
        let is_within = self.heap.node_type(node).is_some_and(|ty| self.holds(rule, ty.elem, 0));
        if !is_within {
            if let Some(known) = rule.around.get(&first) {
                return *known;
            }
        }
        let mut found = Around::Root(None);
        for _ in 0..MAX_DEPTH {
            if let Some(value) = self.value_at(rule, node, place) {
                found = self.of_value(rule, value).map_or(Around::Nothing, Around::Table);
                break;
            }
            let Some(edge) = self.holder(node) else {
                found = Around::Root(self.tops.get(&node.0).copied());
                break;
            };
            (node, place) = (edge.from, edge.place);
        }
        if !is_within {
            rule.around.insert(first, found);
        }
        found
    }

    /// The edge that holds a node: an owner's, else the first share's.
    fn holder(&self, node: NodeId) -> Option<Edge> {
        let rank = |edge: &Edge| match edge.kind {
            EdgeKind::OWN | EdgeKind::OWN_BY_HANDLE | EdgeKind::CLAIM_RAW | CONTAINS => Some(0),
            EdgeKind::SHARE => Some(1),
            HOLDS_SHELL => Some(2),
            _ => None,
        };
        let ranked = self.heap.edges_to(node).filter_map(|edge| Some((rank(&edge)?, edge)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, edge)| edge)
    }

    /// The innermost value around an address in a node that has the rule's table.
    fn value_at(&self, rule: &mut Prepared<'_>, node: NodeId, addr: u64) -> Option<Value> {
        let heap = self.heap;
        let elem = heap.node_type(node)?.elem;
        if !self.holds(rule, elem, 0) {
            return None;
        }
        let size = heap.types.get(elem as usize)?.size;
        let offset = addr.wrapping_sub(values_start(heap, node));
        let count = heap.len(node).max(heap.cap(node)).max(1);
        if size == 0 || offset >= size.saturating_mul(count) {
            return None;
        }
        let within = offset % size;
        let (ty, at) = self.inner(rule, elem, within, 0)?;
        Some(Value { node, addr: addr.wrapping_sub(within).checked_add(at)?, ty })
    }

    /// Type and offset of the innermost value around `offset` in a value of type `ty`.
    fn inner(&self, rule: &mut Prepared<'_>, ty: u32, offset: u64, depth: usize) -> Option<(u32, u64)> {
        let desc = self.heap.types.get(ty as usize)?;
        let own = rule.fields.contains_key(&ty).then_some((ty, 0));
        if depth == MAX_DEPTH {
            return own;
        }
        // Which variant is active, the place alone doesn't tell: all that would do must agree.
        let mut found = None;
        for field in fields(desc) {
            let Some(inner) = self.heap.types.get(field.ty as usize).filter(|ty| ty.size > 0) else {
                continue;
            };
            let Some(within) = field.offset.and_then(|start| offset.checked_sub(start)) else { continue };
            if within >= inner.size.saturating_mul(field.times) || !self.holds(rule, field.ty, depth) {
                continue;
            }
            let start = offset - within % inner.size;
            let Some((ty, at)) = self.inner(rule, field.ty, within % inner.size, depth + 1) else { continue };
            // Both lie below `offset`.
            let at = start + at;
            match found {
                None => found = Some((ty, at)),
                Some(other) if other == (ty, at) => {}
                Some(_) => return None,
            }
        }
        found.or(own)
    }

    /// Whether a value of this type may hold one with the rule's table.
    fn holds(&self, rule: &mut Prepared<'_>, ty: u32, depth: usize) -> bool {
        if rule.fields.contains_key(&ty) {
            return true;
        }
        if let Some(known) = rule.holds.get(&ty) {
            return *known;
        }
        let Some(desc) = self.heap.types.get(ty as usize) else { return false };
        // A damaged file may say that a type is in itself.
        rule.holds.insert(ty, false);
        let holds = depth < MAX_DEPTH && fields(desc).any(|field| self.holds(rule, field.ty, depth + 1));
        rule.holds.insert(ty, holds);
        holds
    }

    fn of_value(&self, rule: &Prepared<'_>, value: Value) -> Option<Table> {
        let &(offset, size) = rule.fields.get(&value.ty)?;
        let start = value.addr.checked_add(offset)?;
        self.single(value.node, start..start.checked_add(size)?)
    }

    /// The only block of elements that is owned from these places.
    fn single(&self, node: NodeId, places: std::ops::Range<u64>) -> Option<Table> {
        let heap = self.heap;
        let mut tables = Part { node, places }.edges(heap).filter_map(|at| {
            let edge = heap.edge_at(at);
            let ty = heap.node_type(edge.to)?;
            let is_table = matches!(edge.kind, EdgeKind::OWN | EdgeKind::OWN_BY_HANDLE)
                && matches!(heap.role(edge.to), Role::Block | Role::Foreign)
                && ty.is_slice
                && !matches!(Layout(ty.layout), Layout::HASH_TABLE | Layout::BTREE_NODE | Layout::RAW);
            is_table.then(|| Table {
                node: edge.to.0,
                start: values_start(heap, edge.to),
                elem_size: heap.elem(edge.to).map_or(0, |elem| elem.size),
                len: heap.len(edge.to),
            })
        });
        let first = tables.next()?;
        tables.next().is_none().then_some(first)
    }
}

/// The fields of a struct, or of all variants of an enum.
fn fields(desc: &heap_snapshot::record::TypeDesc) -> impl Iterator<Item = &FieldDesc> {
    let is_enum = TypeKind(desc.kind) == TypeKind::ENUM;
    let variants = if is_enum { &desc.variants[..] } else { &[] };
    let own = if is_enum { &[] } else { &desc.fields[..] };
    own.iter().chain(variants.iter().flat_map(|variant| &variant.fields))
}
