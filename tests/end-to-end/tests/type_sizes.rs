//! The compiler judges what the derive says of layouts: `-Zprint-type-sizes` of
//! the installed rustc, on the very declarations that are derived here.

#![expect(missing_docs, reason = "the declarations are public so that the compiler lays them out")]
#![expect(unexpected_cfgs, reason = "`printed` is set where the compiler prints the declarations")]

use end_to_end::{folder, take};
use heap_analysis::type_sizes::{PrintedType, PrintedVariant, TypeSizes};
use heap_analysis::Heap;
use heap_snapshot::read::Snapshot;
use heap_snapshot::record::{FieldDesc, TypeDesc, TypeKind, VariantDesc};
use heap_walk::Walk;
use std::collections::BTreeMap;
use std::process::Command;

include!("type_sizes/declarations.rs");

/// The output of the installed compiler on the declarations.
fn printed(test: &str) -> String {
    let folder = folder(test);
    let declarations = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/type_sizes/declarations.rs");
    let source = format!(
        "include!({declarations:?});\n\
         pub fn all(all: All) -> All {{ all }}\n"
    );
    let path = folder.join("type_sizes.rs");
    std::fs::write(&path, source).unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "--edition=2021",
            "--crate-type=lib",
            "--emit=obj",
            "-Zprint-type-sizes",
            "--cfg=printed",
            "--out-dir",
        ])
        .arg(&*folder)
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Values in which each enum has its first variant, or its last.
fn all(is_last: bool) -> All {
    let tagged = || if is_last { Tagged::Text("text".into()) } else { Tagged::Word(1) };
    let plain = || Plain { a: 1, b: 2, c: 3 };
    All {
        plain: plain(),
        tuple: Tuple(1, 2, 3),
        words: Generic { value: 1, n: 2 },
        texts: Generic { value: "text".into(), n: 1 },
        array: Array { plain: [plain(), plain(), plain()], none: [], unit: Unit },
        sized0: Sized0 { unit: Unit, nothing: (), phantom: std::marker::PhantomData },
        ordered: Ordered { a: 1, b: 2, c: 3 },
        packed: Packed { a: 1, b: 2, c: 3 },
        aligned: Aligned(1),
        tagged: tagged(),
        word_enum: if is_last { Words::B(1, 2) } else { Words::A(1) },
        byte_enum: if is_last { Bytes::B { x: 1, y: [0; 5] } } else { Bytes::A(1) },
        numbered: if is_last { Numbered::C { x: 1, y: 2 } } else { Numbered::B(1) },
        ordered_enum: if is_last { OrderedEnum::C { x: 1, y: 2 } } else { OrderedEnum::B(1) },
        bare: if is_last { Bare::C } else { Bare::A },
        single: Single::Only(1, 2),
        nested: if is_last { Nested::Number(Some(1)) } else { Nested::Inner(tagged()) },
        niche: if is_last { Niche::None } else { Niche::Some(Box::new(1), 2) },
        snug: if is_last { Snug::Other(1) } else { Snug::Mixed(1, 2) },
        spacious: if is_last { Spacious::Mixed(1, 2, 3) } else { Spacious::Large([0; 6]) },
        boxed: if is_last { Some(Box::new(Nested::Shared(None))) } else { None },
        number: if is_last { Some(1) } else { None },
        result: if is_last { Err("no".into()) } else { Ok(1) },
        generic: if is_last { Some(Generic { value: tagged(), n: 1 }) } else { None },
    }
}

/// The name as the compiler prints it: without the crate that it compiles, and
/// what is in core and alloc as std's.
fn as_printed(name: &str) -> String {
    name.replace("type_sizes::", "").replace("core::", "std::").replace("alloc::", "std::")
}

struct Pair<'a> {
    snapshot: &'a Snapshot,
    ty: &'a TypeDesc,
    printed: &'a PrintedType,
}

/// The types that both know.
fn pairs<'a>(snapshot: &'a Snapshot, sizes: &'a TypeSizes) -> Vec<Pair<'a>> {
    let by_name: BTreeMap<&str, &PrintedType> = sizes.types.iter().map(|ty| (ty.name.as_str(), ty)).collect();
    let types = snapshot.types.iter().filter(|ty| {
        matches!(TypeKind(ty.kind), TypeKind::STRUCT | TypeKind::ENUM) && !ty.name.starts_with(['[', '('])
    });
    types
        .filter_map(|ty| {
            let printed = by_name.get(as_printed(&ty.name).as_str());
            // Every type that is declared here must be printed.
            assert!(printed.is_some() || !ty.name.starts_with("type_sizes::"), "{} is not printed", ty.name);
            Some(Pair { snapshot, ty, printed: printed? })
        })
        .collect()
}

impl Pair<'_> {
    fn size_of(&self, field: &FieldDesc) -> u64 {
        self.snapshot.types[field.ty as usize].size * field.times
    }

    fn align_of(&self, field: &FieldDesc) -> u64 {
        self.snapshot.types[field.ty as usize].align
    }

    fn sum(&self, fields: &[FieldDesc]) -> u64 {
        fields.iter().map(|field| self.size_of(field)).sum()
    }

    /// Names, offsets where both know them, and sizes.
    fn agree_on_fields(&self, fields: &[FieldDesc], printed: &PrintedVariant) {
        let name = &self.ty.name;
        assert_eq!(fields.len(), printed.fields.len(), "{name}");
        for field in fields {
            let same = printed.fields.iter().find(|printed| printed.name == field.name);
            let same = same.unwrap_or_else(|| panic!("{name} has no field {}", field.name));
            assert_eq!(same.size, self.size_of(field), "{name}.{}", field.name);
            if let Some(offset) = field.offset {
                assert_eq!(same.offset, offset, "{name}.{}", field.name);
            }
        }
    }

    fn structs(&self) {
        let [only] = &self.printed.variants[..] else { panic!("{} is printed with variants", self.ty.name) };
        self.agree_on_fields(&self.ty.fields, only);
        // All that is no field is padding to both.
        let padding = self.ty.size - self.sum(&self.ty.fields);
        assert_eq!(only.padding + self.printed.end_padding, padding, "{}", self.ty.name);
    }

    fn enums(&self) {
        let Pair { ty, printed, .. } = self;
        assert_eq!(ty.variants.len(), printed.variants.len(), "{}", ty.name);
        let largest = ty.variants.iter().map(|variant| variant.tuple_size).max().unwrap_or(0);
        assert_eq!(ty.discriminant, ty.size - largest, "{}", ty.name);
        // To the compiler the tag is the integer that is stored. To us it is what
        // the largest variant leaves: more where alignment keeps that variant's
        // fields away from the tag, less where the tag lies in what would be
        // padding in the tuple of its fields. So they coincide in a niche, and
        // where the largest variant has neither gap nor padding.
        let is_without_gaps = |variant: &VariantDesc| {
            let printed = self.variant(variant);
            printed.padding == 0 && variant.tuple_size == self.sum(&variant.fields)
        };
        let is_tight = ty.variants.iter().filter(|one| one.tuple_size == largest).all(is_without_gaps);
        if printed.discriminant == 0 {
            assert_eq!(ty.discriminant, 0, "{}", ty.name);
        } else if is_tight && printed.end_padding == 0 {
            assert_eq!(ty.discriminant, printed.discriminant, "{}", ty.name);
        }
        for variant in &ty.variants {
            self.variants(variant);
        }
    }

    fn variant(&self, variant: &VariantDesc) -> &PrintedVariant {
        let found = self.printed.variants.iter().find(|one| one.name.as_ref() == Some(&variant.name));
        found.unwrap_or_else(|| panic!("{} has no variant {}", self.ty.name, variant.name))
    }

    fn variants(&self, variant: &VariantDesc) {
        let name = format!("{}::{}", self.ty.name, variant.name);
        let printed = self.variant(variant);
        self.agree_on_fields(&variant.fields, printed);
        // The compiler's size of a variant reaches from the tag to the end of the
        // last field. Ours is that of the tuple of its fields, as if it stood
        // alone: it does not have the gap before the first field, has the
        // padding after the last, and may order the fields otherwise, since
        // behind a tag the narrow ones come first. What is left of both without
        // padding is the same, always.
        let fields = self.sum(&variant.fields);
        let padding = variant.tuple_size - fields;
        if variant.fields.is_empty() {
            // In `repr(C)` the compiler counts up to where other variants have theirs.
            assert_eq!(variant.tuple_size, 0, "{name}");
            assert!(self.printed.discriminant + printed.size <= self.ty.size, "{name}");
            return;
        }
        assert_eq!(printed.size - printed.padding, fields, "{name}");
        // The whole coincides where fields have one alignment: no order leaves a gap.
        let first = printed.fields.iter().map(|field| field.offset).min().unwrap_or(0);
        let gap = first - self.printed.discriminant;
        let mut aligns: Vec<u64> = variant.fields.iter().map(|field| self.align_of(field)).collect();
        aligns.dedup();
        if aligns.len() <= 1 {
            assert_eq!(printed.size - gap, variant.tuple_size, "{name}");
            assert_eq!(printed.padding - gap, padding, "{name}");
        }
        // Both divide the same bytes, dead ones included.
        let split = &variant.split;
        let dead = self.ty.size - self.ty.discriminant - variant.tuple_size;
        assert_eq!(split.dead, dead, "{name}");
        let end = self.printed.discriminant + printed.size;
        assert!(end <= self.ty.size, "{name}");
    }
}

#[test]
fn the_compiler_and_the_derive_agree() {
    let sizes = TypeSizes::parse(&printed("type-sizes"));
    assert_eq!(sizes.problems, [""; 0]);
    let snapshot = take(&[("first", &all(false)), ("last", &all(true))]);
    let pairs = pairs(&snapshot, &sizes);
    for pair in &pairs {
        let name = &pair.ty.name;
        assert_eq!((pair.ty.size, pair.ty.align), (pair.printed.size, pair.printed.align), "{name}");
        match TypeKind(pair.ty.kind) {
            TypeKind::STRUCT => pair.structs(),
            _ => pair.enums(),
        }
    }
    let tags = |name: &str| {
        let pair = pairs.iter().find(|pair| pair.ty.name == format!("type_sizes::{name}"));
        pair.map(|pair| (pair.ty.discriminant, pair.printed.discriminant))
    };
    assert_eq!(tags("Bytes"), Some((1, 1)));
    assert_eq!(tags("Nested"), Some((0, 0)), "in a niche");
    assert_eq!(tags("Spacious"), Some((8, 1)), "seven bytes of gap before the largest variant");
    assert_eq!(tags("Snug"), Some((0, 1)), "in the padding of the largest variant's tuple");
    // Those of the declarations (one generic struct thrice), and the enums of std in them.
    let declared = pairs.iter().filter(|pair| pair.ty.name.starts_with("type_sizes::")).count();
    let names: Vec<&str> = pairs.iter().map(|pair| pair.ty.name.as_str()).collect();
    assert_eq!(declared, 23, "{names:?}");
    assert!(pairs.len() >= declared + 5, "{names:?}");
}

#[test]
fn offsets_that_the_compiler_adds_are_those_of_values() {
    let sizes = TypeSizes::parse(&printed("type-sizes-offsets"));
    let offsets = |snapshot: Snapshot, is_completed: bool| -> BTreeMap<String, u64> {
        let mut heap = Heap::from_snapshot(snapshot);
        if is_completed {
            let done = sizes.complete(&mut heap);
            assert!(done.variants > 0, "{done:?}");
            assert_eq!((done.ambiguous, done.differing), (0, 0), "{done:?}");
        }
        let mut offsets = BTreeMap::new();
        for ty in heap.value_types() {
            for variant in &ty.variants {
                for field in &variant.fields {
                    if let Some(offset) = field.offset {
                        offsets.insert(format!("{}::{}.{}", ty.name, variant.name, field.name), offset);
                    }
                }
            }
        }
        offsets
    };
    let met = offsets(take(&[("last", &all(true))]), false);
    let completed = offsets(take(&[("first", &all(false))]), true);
    for (field, offset) in &met {
        assert_eq!(completed.get(field), Some(offset), "{field}");
    }
    assert!(completed.len() > met.len(), "{completed:?}");
}
