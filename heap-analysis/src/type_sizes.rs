//! What the compiler says of layouts: the output of `-Zprint-type-sizes`, and a
//! heap completed with it.
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 cargo rustc -- -Zprint-type-sizes > sizes.txt
//! ```
//!
//! A snapshot lacks the offsets in variants of which no value was met, and the
//! fields of types that nobody describes. The compiler knows them, but names
//! types in its own way: by the path under which they are exported, and those of
//! the crate that it compiles without the crate's name. So a type is taken for
//! one of the snapshot only where name, size and alignment agree, nothing
//! else could be meant, and what both know is the same. All else is counted.
//! Sums never change by it: bytes that were untyped stay untyped.

use crate::heap::{Heap, NONE};
use crate::type_name::{krate, tokens, Token};
use heap_snapshot::record::{FieldDesc, Layout, TypeDesc, TypeKind};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Types as the compiler printed them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TypeSizes {
    /// In the order of the output; what was printed twice is there once.
    pub types: Vec<PrintedType>,
    /// Lines of the output that could not be read, with their numbers. At most [`MAX_PROBLEMS`].
    pub problems: Vec<String>,
}

/// Problems kept.
pub const MAX_PROBLEMS: usize = 20;

/// A type as the compiler printed it.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct PrintedType {
    /// Its name.
    pub name: String,
    /// Bytes of a value.
    pub size: u64,
    /// Its alignment.
    pub align: u64,
    /// Bytes of the tag; 0 where it is in a niche, and of structs.
    pub discriminant: u64,
    /// Of a struct, a union or a closure one without a name.
    pub variants: Vec<PrintedVariant>,
    /// Bytes after the largest variant.
    pub end_padding: u64,
}

/// A variant, or all of a struct.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct PrintedVariant {
    /// Name; `None` for a struct.
    pub name: Option<String>,
    /// Bytes from the end of the tag to the end of its last field; of a struct 0.
    pub size: u64,
    /// Bytes between its fields, and between the tag and the first.
    pub padding: u64,
    /// Its fields by offset.
    pub fields: Vec<PrintedField>,
}

/// A field, or what a closure or future holds.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct PrintedField {
    /// Its name, or its position.
    pub name: String,
    /// Bytes from the start of the value.
    pub offset: u64,
    /// Its size.
    pub size: u64,
}

/// What was used of a compiler's output.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Completed {
    /// Types in the output.
    pub printed: u64,
    /// Types of the snapshot that were found in it.
    pub found: u64,
    /// Variants that got offsets.
    pub variants: u64,
    /// Types that got fields.
    pub fields: u64,
    /// Types that got a size.
    pub sizes: u64,
    /// Types of the snapshot that may be several of the output, or share one
    /// with others, or are of a crate that the output does not name. Not used.
    pub ambiguous: u64,
    /// Types of the snapshot whose namesakes have another size, alignment or
    /// layout: the output is of another build. Not used.
    pub differing: u64,
}

impl TypeSizes {
    /// Reads the compiler's output. Other lines may stand between; whatever the
    /// text is, what can be read is. O(length).
    pub fn parse(text: &str) -> TypeSizes {
        let mut parser = Parser::default();
        for (at, line) in text.lines().enumerate() {
            let Some(rest) = line.strip_prefix("print-type-size ") else { continue };
            if parser.line(rest.trim_start()).is_none() && parser.problems.len() < MAX_PROBLEMS {
                parser.problems.push(format!("line {}: cannot be read: {line}", at + 1));
            }
        }
        parser.end();
        let mut is_met = HashSet::new();
        let types = parser.types.into_iter().filter(|ty| is_met.insert(ty.clone())).collect();
        TypeSizes { types, problems: parser.problems }
    }

    /// Adds to `heap` what the compiler knows and the walk did not see. For an
    /// [`crate::Analysis`] made after it. O(types).
    pub fn complete(&self, heap: &mut Heap) -> Completed {
        let mut done = Completed { printed: self.types.len() as u64, ..Completed::default() };
        let matches = Matches::find(&self.types, heap, &mut done);
        done.found = matches.found.len() as u64;
        let mut filler = Filler { by_size: HashMap::new() };
        let laid_out = laid_out_by(heap);
        for (at, printed) in matches.found {
            let printed = &self.types[printed];
            let kind = TypeKind(heap.types[at].kind);
            if kind == TypeKind::ENUM {
                done.variants += offsets(heap, at, printed);
            } else if kind == TypeKind::UNKNOWN && heap.types[at].fields.is_empty() {
                if is_unsized(&heap.types[at]) && printed.size > 0 && !laid_out.sized.contains(&at) {
                    heap.types[at].size = printed.size;
                    heap.types[at].align = printed.align;
                    done.sizes += 1;
                }
                if !laid_out.paired.contains(&at) {
                    done.fields += u64::from(filler.fields(heap, at, printed));
                }
            }
        }
        done
    }
}

impl Heap {
    /// The types of values, as the walk described them and the compiler completed them.
    pub fn value_types(&self) -> &[TypeDesc] {
        &self.types
    }
}

impl std::ops::AddAssign for Completed {
    fn add_assign(&mut self, other: Completed) {
        self.printed += other.printed;
        self.found += other.found;
        self.variants += other.variants;
        self.fields += other.fields;
        self.sizes += other.sizes;
        self.ambiguous += other.ambiguous;
        self.differing += other.differing;
    }
}

#[derive(Default)]
struct Parser {
    types: Vec<PrintedType>,
    problems: Vec<String>,
    /// Where the next field begins if nothing stands between.
    end: u64,
}

impl Parser {
    /// One line without what all begin with; `None` where it is not understood.
    fn line(&mut self, line: &str) -> Option<()> {
        if let Some(rest) = line.strip_prefix("type: `") {
            let (name, rest) = rest.rsplit_once("`: ")?;
            let (size, align) = rest.split_once(", alignment: ")?;
            let (size, align) = (bytes(size)?, bytes(align)?);
            self.types.push(PrintedType { name: name.into(), size, align, ..PrintedType::default() });
            self.end = 0;
            return Some(());
        }
        let ty = self.types.last_mut()?;
        if let Some(size) = line.strip_prefix("discriminant: ") {
            ty.discriminant = bytes(size)?;
        } else if let Some(size) = line.strip_prefix("end padding: ") {
            ty.end_padding = bytes(size)?;
        } else if let Some(rest) = line.strip_prefix("variant `") {
            let (name, size) = rest.rsplit_once("`: ")?;
            let (name, size) = (Some(name.to_owned()), bytes(size)?);
            ty.variants.push(PrintedVariant { name, size, ..PrintedVariant::default() });
            self.end = ty.discriminant;
        } else if let Some(size) = line.strip_prefix("padding: ") {
            let size = bytes(size)?;
            self.end = self.end.checked_add(size)?;
            let padding = &mut last_variant(ty).padding;
            *padding = padding.saturating_add(size);
        } else {
            // field, upvar, local: `.name`: size[, offset][, alignment][, type]
            let (_, rest) = line.split_once(" `.")?;
            let (name, rest) = rest.split_once("`: ")?;
            let mut parts = rest.split(", ");
            let size = bytes(parts.next()?)?;
            let mut offset = self.end;
            for part in parts {
                if let Some(given) = part.strip_prefix("offset: ") {
                    offset = bytes(given)?;
                }
            }
            self.end = offset.checked_add(size)?;
            last_variant(ty).fields.push(PrintedField { name: name.into(), offset, size });
        }
        Some(())
    }

    fn end(&mut self) {
        for ty in &mut self.types {
            // A struct without fields.
            if ty.variants.is_empty() && ty.discriminant == 0 && ty.size == 0 {
                ty.variants.push(PrintedVariant::default());
            }
        }
    }
}

/// The variant that is being read; a struct's only one is made when its first field comes.
fn last_variant(ty: &mut PrintedType) -> &mut PrintedVariant {
    if ty.variants.is_empty() {
        ty.variants.push(PrintedVariant::default());
    }
    let last = ty.variants.len() - 1;
    &mut ty.variants[last]
}

/// `12 bytes`.
fn bytes(text: &str) -> Option<u64> {
    text.strip_suffix(" bytes")?.parse().ok()
}

/// A type of which a snapshot has no size.
fn is_unsized(ty: &TypeDesc) -> bool {
    TypeKind(ty.kind) == TypeKind::UNKNOWN && ty.size == 0 && ty.align <= 1
}

/// Which printed type a type of the snapshot is.
struct Matches {
    /// Positions in the snapshot's types, ascending, and in the output.
    found: Vec<(usize, usize)>,
}

impl Matches {
    fn find(printed: &[PrintedType], heap: &Heap, done: &mut Completed) -> Matches {
        let names: Vec<Vec<Token<'_>>> = printed.iter().map(|ty| tokens(&ty.name)).collect();
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            by_key.entry(key(name)).or_default().push(at);
        }
        // Candidates: the type, the printed one, and the crates whose names the compiler leaves out.
        let mut candidates: Vec<(usize, usize, BTreeSet<&str>)> = Vec::new();
        for (at, ty) in heap.types.iter().enumerate() {
            let name = tokens(&ty.name);
            let named: Vec<(usize, Likeness<'_>)> = by_key
                .get(&key(&name))
                .into_iter()
                .flatten()
                .filter_map(|&one| Some((one, likeness(&names[one], &name)?)))
                .collect();
            let fits = |one: usize| {
                let (size, align) = (printed[one].size, printed[one].align);
                is_unsized(ty) || (size, align) == (ty.size, ty.align)
            };
            let best = named.iter().filter(|(one, _)| fits(*one)).map(|(_, like)| like.score).max();
            let mut found = named.iter().filter(|(one, like)| fits(*one) && Some(like.score) == best);
            match (found.next(), found.next()) {
                (Some((one, like)), None) if is_alike(&printed[*one], ty, heap) => {
                    candidates.push((at, *one, like.crates.clone()));
                }
                (Some(_), None) => done.differing += 1,
                (Some(_), Some(_)) => done.ambiguous += 1,
                (None, _) if !named.is_empty() => done.differing += 1,
                (None, _) => {}
            }
        }
        // Two types of the snapshot that may be one of the output: neither is.
        let mut claims: HashMap<usize, BTreeSet<&str>> = HashMap::new();
        for (at, one, _) in &candidates {
            claims.entry(*one).or_default().insert(&heap.types[*at].name);
        }
        // The crates that the output is about: the program's, and those of which
        // it has a type as the walk describes it.
        let program = heap.header.program.replace('-', "_");
        let mut crates: HashSet<&str> = HashSet::new();
        for (at, one, of) in &candidates {
            if let (Some(krate), 1) = (of.first(), of.len()) {
                if claims[one].len() == 1 && is_proof(&heap.types[*at]) {
                    crates.insert(krate);
                }
            }
        }
        let is_sure = |one: &usize, of: &BTreeSet<&str>| {
            claims[one].len() == 1 && of.iter().all(|krate| *krate == program || crates.contains(krate))
        };
        let mut found = Vec::new();
        for (at, one, of) in &candidates {
            match is_sure(one, of) {
                true => found.push((*at, *one)),
                false => done.ambiguous += 1,
            }
        }
        Matches { found }
    }
}

/// A name without the paths' beginnings.
fn key(name: &[Token<'_>]) -> String {
    let mut key = String::new();
    for token in name {
        match token {
            Token::Path(path) => {
                key.push(' ');
                key.push_str(path.last().copied().unwrap_or(""));
            }
            Token::Mark(mark) => key.push(*mark),
        }
    }
    key
}

/// How well a printed name fits one of the snapshot.
struct Likeness<'a> {
    /// 2: it is that name; 1: the path of something that is exported elsewhere.
    score: u8,
    /// Crates whose names the printed one lacks.
    crates: BTreeSet<&'a str>,
}

/// `None` where they are names of different types. Both have the same key.
fn likeness<'a>(printed: &[Token<'_>], name: &[Token<'a>]) -> Option<Likeness<'a>> {
    let mut like = Likeness { score: 2, crates: BTreeSet::new() };
    for pair in printed.iter().zip(name) {
        let (Token::Path(printed), Token::Path(path)) = pair else { continue };
        let is_same_crate = krate(printed) == krate(path);
        if printed == path || is_same_crate && printed[1..] == path[1..] {
            continue;
        }
        if printed[..] == path[1..] {
            like.crates.insert(path[0]);
            continue;
        }
        // Exported from a module above the one where it is defined.
        let mut rest = path[1..].iter();
        let is_above = printed.len() > 1 && printed[1..].iter().all(|part| rest.any(|other| other == part));
        if !(is_same_crate && is_above) {
            return None;
        }
        like.score = 1;
    }
    Some(like)
}

/// Whether a described type is enough to know which crate the output is about.
fn is_proof(ty: &TypeDesc) -> bool {
    let is_layout = matches!(TypeKind(ty.kind), TypeKind::STRUCT | TypeKind::ENUM);
    is_layout && (!ty.fields.is_empty() || !ty.variants.is_empty())
}

/// Whether the output contradicts nothing that the snapshot knows of a type.
fn is_alike(printed: &PrintedType, ty: &TypeDesc, heap: &Heap) -> bool {
    let agree = |fields: &[FieldDesc], printed: &PrintedVariant| {
        fields.iter().all(|field| {
            let size = heap.types.get(field.ty as usize).map_or(0, |ty| ty.size).saturating_mul(field.times);
            let same = printed.fields.iter().find(|printed| printed.name == field.name);
            same.is_some_and(|same| {
                same.size == size && field.offset.is_none_or(|offset| offset == same.offset)
            })
        })
    };
    match TypeKind(ty.kind) {
        TypeKind::STRUCT => match &printed.variants[..] {
            [only] => only.name.is_none() && agree(&ty.fields, only),
            _ => false,
        },
        TypeKind::ENUM => ty.variants.iter().all(|variant| {
            let same = printed.variants.iter().find(|printed| printed.name.as_ref() == Some(&variant.name));
            // A variant that no value can have is not printed.
            same.is_none_or(|same| agree(&variant.fields, same))
        }),
        _ => true,
    }
}

/// Types that say how blocks are laid out.
struct LaidOut {
    /// By their size.
    sized: HashSet<usize>,
    /// By their first two fields.
    paired: HashSet<usize>,
}

fn laid_out_by(heap: &Heap) -> LaidOut {
    let mut laid_out = LaidOut { sized: HashSet::new(), paired: HashSet::new() };
    for ty in heap.node_types.iter().filter(|ty| ty.elem != NONE) {
        match Layout(ty.layout) {
            Layout::RAW => {}
            Layout::HASH_TABLE | Layout::BTREE_NODE => {
                laid_out.sized.insert(ty.elem as usize);
                laid_out.paired.insert(ty.elem as usize);
            }
            _ => {
                laid_out.sized.insert(ty.elem as usize);
            }
        }
    }
    laid_out
}

/// Offsets of variants that were never met; how many variants got some.
fn offsets(heap: &mut Heap, at: usize, printed: &PrintedType) -> u64 {
    let mut completed = 0;
    for variant in &mut heap.types[at].variants {
        let Some(known) = printed.variants.iter().find(|known| known.name.as_ref() == Some(&variant.name))
        else {
            continue;
        };
        let mut is_new = false;
        for field in variant.fields.iter_mut().filter(|field| field.offset.is_none()) {
            field.offset =
                known.fields.iter().find(|known| known.name == field.name).map(|known| known.offset);
            is_new |= field.offset.is_some();
        }
        completed += u64::from(is_new);
    }
    completed
}

/// Gives types the fields that the compiler printed.
struct Filler {
    /// The compiler tells a field's size, not its type: one nameless type for each size.
    by_size: HashMap<u64, u32>,
}

/// [`FieldDesc::mode`] of a field that only the compiler told of.
pub const PRINTED: &str = "printed";

impl Filler {
    /// Whether there were any.
    fn fields(&mut self, heap: &mut Heap, at: usize, printed: &PrintedType) -> bool {
        let mut fields = Vec::new();
        if printed.discriminant > 0 {
            fields.push(self.field(heap, "(discriminant)".into(), 0, printed.discriminant));
        }
        for variant in &printed.variants {
            for field in &variant.fields {
                // How many values of each variant there are nobody knows, so they are no variants here.
                let name = match &variant.name {
                    Some(variant) => format!("{variant}.{}", field.name),
                    None => field.name.clone(),
                };
                fields.push(self.field(heap, name, field.offset, field.size));
            }
        }
        let is_any = !fields.is_empty();
        heap.types[at].fields = fields;
        is_any
    }

    fn field(&mut self, heap: &mut Heap, name: String, offset: u64, size: u64) -> FieldDesc {
        let ty = *self.by_size.entry(size).or_insert_with(|| {
            heap.types.push(TypeDesc { name: "?".into(), size, align: 1, ..TypeDesc::default() });
            heap.types.len() as u32 - 1
        });
        FieldDesc { name, offset: Some(offset), ty, mode: PRINTED.into(), times: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn offsets_follow_from_the_order_and_the_gaps() {
        let text = "\
   Compiling app v0.1.0
print-type-size type: `app::Event<'_>`: 24 bytes, alignment: 8 bytes
print-type-size     discriminant: 1 bytes
print-type-size     variant `C`: 23 bytes
print-type-size         padding: 7 bytes
print-type-size         field `.x`: 1 bytes, alignment: 1 bytes
print-type-size         padding: 7 bytes
print-type-size         field `.y`: 8 bytes, alignment: 8 bytes
print-type-size     variant `A`: 0 bytes
print-type-size type: `Nothing`: 0 bytes, alignment: 1 bytes
print-type-size type: `U`: 8 bytes, alignment: 4 bytes
print-type-size     variant `U`: 8 bytes
print-type-size         field `.a`: 4 bytes
print-type-size         field `.b`: 2 bytes, offset: 0 bytes, alignment: 2 bytes
print-type-size type: `{async block@src/main.rs:1:2: 3:4}`: 16 bytes, alignment: 8 bytes
print-type-size     upvar `.n`: 8 bytes
print-type-size     local `.later`: 1 bytes, type: u8
print-type-size     end padding: 7 bytes
print-type-size     something else
print-type-size type: `U`: 8 bytes, alignment: 4 bytes
print-type-size     variant `U`: 8 bytes
print-type-size         field `.a`: 4 bytes
print-type-size         field `.b`: 2 bytes, offset: 0 bytes, alignment: 2 bytes
";
        let sizes = TypeSizes::parse(text);
        let mut out = String::new();
        for ty in &sizes.types {
            out += &format!(
                "{} {}/{} tag {} end {}\n",
                ty.name, ty.size, ty.align, ty.discriminant, ty.end_padding
            );
            for variant in &ty.variants {
                out += &format!("  {:?} {} padding {}:", variant.name, variant.size, variant.padding);
                for field in &variant.fields {
                    out += &format!(" {}@{}+{}", field.name, field.offset, field.size);
                }
                out += "\n";
            }
        }
        for problem in &sizes.problems {
            out += &format!("{problem}\n");
        }
        expect![[r#"
            app::Event<'_> 24/8 tag 1 end 0
              Some("C") 23 padding 14: x@8+1 y@16+8
              Some("A") 0 padding 0:
            Nothing 0/1 tag 0 end 0
              None 0 padding 0:
            U 8/4 tag 0 end 0
              Some("U") 8 padding 0: a@0+4 b@0+2
            {async block@src/main.rs:1:2: 3:4} 16/8 tag 0 end 7
              None 0 padding 0: n@0+8 later@8+1
            line 19: cannot be read: print-type-size     something else
        "#]]
        .assert_eq(&out);
    }

    #[test]
    fn names_are_compared_by_what_the_compiler_leaves_out() {
        let like = |printed: &str, name: &str| {
            let (printed, name) = (tokens(printed), tokens(name));
            if key(&printed) != key(&name) {
                return None;
            }
            likeness(&printed, &name).map(|like| (like.score, like.crates.len()))
        };
        assert_eq!(like("std::vec::Vec<G<u64>>", "alloc::vec::Vec<app::G<u64>>"), Some((2, 1)));
        assert_eq!(like("m::Plain", "app::m::Plain"), Some((2, 1)));
        assert_eq!(like("Plain", "app::m::Plain"), None);
        assert_eq!(like("lru::Lru", "lru::map::Lru"), Some((1, 0)));
        assert_eq!(like("lru::Lru", "other::map::Lru"), None);
        assert_eq!(
            like("std::collections::HashMap<u8, u8>", "std::collections::hash::map::HashMap<u8, u8>"),
            Some((1, 0))
        );
        assert_eq!(like("Ref<'_, '_, u8>", "app::Ref<u8>"), Some((2, 1)));
        assert_eq!(like("{closure@src/main.rs:1:2: 3:4}", "app::main::{{closure}}"), None);
        assert_eq!(like("std::option::Option<u8>", "core::option::Option<u16>"), None);
    }
}
