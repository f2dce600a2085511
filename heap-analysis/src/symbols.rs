//! Concrete types behind `dyn`, from the symbols of the program's files.
//!
//! A vtable begins with the function that drops a value. Its symbol names the
//! type: `core::ptr::drop_in_place::<T>`. So do methods: `<T as Trait>::method`.
//! Optimisation makes one function of several that do the same, and then a
//! symbol may name another type than the value's. Hence a name counts only
//! where nothing contradicts it: symbols that disagree, or a function that
//! drops values of several sizes, give none.
//!
//! The file must be the one that ran: its build id decides, or where there is
//! none, that it is older than the snapshot; and the vtable in it must state
//! the value's size. Reads only the parts of the file that it needs.

use heap_snapshot::record::{DynValue, Image};
use object::{Object, ObjectSegment, ObjectSymbol, ReadCache, ReadRef};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Functions by address relative to the image, with the types that symbols name.
type Names = HashMap<u64, BTreeSet<String>>;

/// The concrete type of each value, where it is known. Takes no longer than
/// about `limit`; values whose turn has not come by then have none. `taken_ms` is
/// when the snapshot was taken, in milliseconds since 1970.
pub(crate) fn resolve(
    images: &[Image],
    values: &[DynValue],
    taken_ms: u64,
    limit: Duration,
) -> Vec<Option<String>> {
    let end = Instant::now().checked_add(limit);
    let mut names = vec![None; values.len()];
    // By image: its values. The image with most of them first, in case time runs out.
    let mut by_image: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, value) in values.iter().enumerate() {
        by_image.entry(value.image).or_default().push(at);
    }
    let mut by_image: Vec<(u32, Vec<usize>)> = by_image.into_iter().collect();
    by_image.sort_by_key(|(_, values)| std::cmp::Reverse(values.len()));
    for (image, mut of_image) in by_image {
        let Some(image) = images.get(image as usize) else { continue };
        let Some(functions) = read_symbols(image, values, &mut of_image, taken_ms, end) else { continue };
        // By function that drops: the sizes and vtables of the values that it drops.
        let mut drops: HashMap<u64, (BTreeSet<u64>, BTreeSet<u64>)> = HashMap::new();
        let drop_of = |value: &DynValue| value.functions.first().copied().unwrap_or(0);
        for &at in &of_image {
            let (sizes, vtables) = drops.entry(drop_of(&values[at])).or_default();
            sizes.insert(values[at].size);
            vtables.insert(values[at].vtable);
        }
        let mut known: HashMap<u64, Option<String>> = HashMap::new();
        for &at in &of_image {
            let value = &values[at];
            let (sizes, vtables) = &drops[&drop_of(value)];
            let sharing = if sizes.len() > 1 { Sharing::Merged } else { Sharing::of(vtables.len()) };
            let name = known.entry(value.vtable);
            names[at] = name.or_insert_with(|| concrete_type(value, &functions, sharing)).clone();
        }
    }
    names
}

/// What to call a value whose type is not known.
pub(crate) fn vtable_text(images: &[Image], value: &DynValue) -> String {
    let path = images.get(value.image as usize).map_or("", |image| image.path.as_str());
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("vtable at {file}+{:#x}", value.vtable)
}

/// Whose values a function drops, as far as this snapshot shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sharing {
    /// Those of one vtable.
    One,
    /// Those of several vtables: of one type for several traits, or of several types.
    Several,
    /// Values of several sizes: certainly of several types.
    Merged,
}

impl Sharing {
    fn of(vtables: usize) -> Sharing {
        if vtables > 1 {
            Sharing::Several
        } else {
            Sharing::One
        }
    }
}

/// The type on which the symbols of a vtable's functions agree.
fn concrete_type(value: &DynValue, functions: &Names, sharing: Sharing) -> Option<String> {
    let named = |function: &u64| functions.get(function).filter(|names| !names.is_empty());
    let (drop, methods) = value.functions.split_first()?;
    let drop = Some(drop).filter(|drop| **drop != 0 && sharing != Sharing::Merged).and_then(named);
    let methods: Vec<&BTreeSet<String>> = methods.iter().filter_map(named).collect();
    // The only one of `names` that all methods can be of.
    let agreed = |names: &BTreeSet<String>| -> Option<String> {
        let mut agreed = names
            .iter()
            .filter(|name| methods.iter().all(|methods| methods.iter().any(|method| is_same(name, method))));
        let first = agreed.next()?;
        agreed.next().is_none().then(|| first.clone())
    };
    match drop {
        None => agreed(methods.first()?),
        Some(names) => agreed(names).or_else(|| {
            // The function that drops was made one with another type's.
            let is_plain = sharing == Sharing::Several || methods.len() > 1;
            agreed(methods.first()?).filter(|_| is_plain)
        }),
    }
}

/// Whether a method of the type `method` can be one of the type `name`: older
/// symbols name type parameters as they are written, `Named<F>`.
fn is_same(name: &str, method: &str) -> bool {
    let head = |name: &'_ str| name.split_once('<').map(|(head, _)| head.to_owned());
    name == method || head(name).is_some_and(|own| head(method).is_some_and(|other| own == other))
}

/// The types that symbols of the image's file name, for the functions of
/// `of_image`; values whose vtables are not in the file as the snapshot has
/// them are taken out of that list.
fn read_symbols(
    image: &Image,
    values: &[DynValue],
    of_image: &mut Vec<usize>,
    taken_ms: u64,
    end: Option<Instant>,
) -> Option<Names> {
    let metadata = std::fs::metadata(&image.path).ok().filter(std::fs::Metadata::is_file)?;
    if image.build_id.is_empty() {
        let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_millis();
        if taken_ms == 0 || changed > u128::from(taken_ms) {
            return None;
        }
    }
    let cache = ReadCache::new(File::open(&image.path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    if !image.build_id.is_empty() {
        let id = file.build_id().ok()??;
        let text: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        if !text.eq_ignore_ascii_case(&image.build_id) {
            return None;
        }
    }
    // Addresses of the snapshot count from where the file's first page is mapped.
    let base = file.segments().map(|segment| segment.address()).min()? & !0xfff;
    of_image.retain(|&at| has_vtable(&file, base, &values[at]));
    let wanted: HashSet<u64> =
        of_image.iter().flat_map(|&at| &values[at].functions).copied().filter(|&at| at != 0).collect();
    let mut names = Names::new();
    if wanted.is_empty() {
        return Some(names);
    }
    for (count, symbol) in file.symbols().chain(file.dynamic_symbols()).enumerate() {
        if count % 0x1_0000 == 0xffff && end.is_some_and(|end| Instant::now() > end) {
            // A part of the symbols could tell the wrong type.
            return None;
        }
        let address = symbol.address().wrapping_sub(base);
        if symbol.is_definition() && wanted.contains(&address) {
            if let Some(name) = symbol.name().ok().and_then(type_of_symbol) {
                names.entry(address).or_default().insert(name);
            }
        }
    }
    Some(names)
}

/// Whether the file has a vtable of a value of that size where the snapshot says.
fn has_vtable<'f>(file: &object::File<'f, impl ReadRef<'f>>, base: u64, value: &DynValue) -> bool {
    let word = if file.is_64() { 8 } else { 4 };
    let Some(address) = base.checked_add(value.vtable).and_then(|address| address.checked_add(word)) else {
        return false;
    };
    let bytes = file
        .segments()
        .find_map(|segment| segment.data_range(address, word).ok().flatten())
        .map(|bytes| bytes.iter().copied());
    let Some(bytes) = bytes else { return false };
    let number = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.fold(0, |number: u64, byte| number << 8 | u64::from(byte))
    };
    let size = match file.is_little_endian() {
        true => number(&mut bytes.rev()),
        false => number(&mut bytes.into_iter()),
    };
    size == value.size
}

/// The type that a function of a vtable is of, by its symbol.
fn type_of_symbol(symbol: &str) -> Option<String> {
    let name = format!("{:#}", rustc_demangle::try_demangle(symbol).ok()?);
    for prefix in ["core::ptr::drop_in_place", "core::ptr::drop_glue"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            let rest = rest.strip_prefix("::").unwrap_or(rest);
            let ty = rest.strip_prefix('<')?.strip_suffix('>')?;
            return Some(ty.to_owned());
        }
    }
    // `<T as Trait>::method`: up to the `as` that is in no brackets of its own.
    let inner = name.strip_prefix('<')?;
    let mut depth = 0_i32;
    let mut before = ' ';
    for (at, char) in inner.char_indices() {
        match char {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if before != '-' => depth -= 1,
            ')' | ']' | '}' => depth -= 1,
            ' ' if depth == 0 && inner[at..].starts_with(" as ") => {
                let ty = &inner[..at];
                // Older symbols name a type parameter as it is written.
                let is_parameter =
                    !ty.contains("::") && ty.starts_with(|char: char| char.is_ascii_uppercase());
                return (!is_parameter).then(|| ty.to_owned());
            }
            _ if depth < 0 => return None,
            _ => {}
        }
        before = char;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_name_types() {
        let ty = |symbol| type_of_symbol(symbol);
        // Both ways of mangling, as the compiler makes them.
        assert_eq!(
            ty("_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE").as_deref(),
            Some("alloc::string::String")
        );
        assert_eq!(
            ty("_ZN50_$LT$service..Auth$u20$as$u20$service..Handler$GT$6handle17h0123456789abcdefE")
                .as_deref(),
            Some("service::Auth")
        );
        assert_eq!(
            ty("_RINvNtCs1234_4core3ptr13drop_in_placeNtCs1234_7service4AuthECs1234_7service").as_deref(),
            Some("service::Auth")
        );
        assert_eq!(
            ty("_RNvXCs1234_7serviceNtB2_4AuthNtB2_7Handler6handle").as_deref(),
            Some("service::Auth")
        );
        assert_eq!(ty("_ZN36_$LT$T$u20$as$u20$core..any..Any$GT$7type_id17h0123456789abcdefE"), None);
        assert_eq!(ty("_ZN7service4main17h0123456789abcdefE"), None);
        assert_eq!(ty("malloc"), None);
    }

    fn value(functions: &[u64]) -> DynValue {
        DynValue { node: 0, size: 8, image: 0, vtable: 0x40, functions: functions.to_vec() }
    }

    #[test]
    fn what_symbols_disagree_on_is_not_named() {
        let names = |list: &[(u64, &[&str])]| -> Names {
            list.iter().map(|(at, names)| (*at, names.iter().map(|name| (*name).into()).collect())).collect()
        };
        let both = names(&[(1, &["A"]), (2, &["A"])]);
        assert_eq!(concrete_type(&value(&[1, 2]), &both, Sharing::One).as_deref(), Some("A"));
        assert_eq!(concrete_type(&value(&[1, 9]), &both, Sharing::One).as_deref(), Some("A"));
        assert_eq!(concrete_type(&value(&[0, 2]), &both, Sharing::One).as_deref(), Some("A"));
        let merged = names(&[(1, &["A", "B"]), (2, &["B"]), (3, &["C"]), (4, &["B"])]);
        assert_eq!(concrete_type(&value(&[1, 2]), &merged, Sharing::One).as_deref(), Some("B"));
        assert_eq!(concrete_type(&value(&[1, 9]), &merged, Sharing::One), None);
        assert_eq!(concrete_type(&value(&[3, 2]), &merged, Sharing::One), None);
        // Two methods against a function that drops several types.
        assert_eq!(concrete_type(&value(&[3, 2, 4]), &merged, Sharing::One).as_deref(), Some("B"));
        assert_eq!(concrete_type(&value(&[3, 9]), &merged, Sharing::One).as_deref(), Some("C"));
        assert_eq!(concrete_type(&value(&[3, 9]), &merged, Sharing::Merged), None);
        assert_eq!(concrete_type(&value(&[]), &merged, Sharing::One), None);
        // What drops values of several vtables may have another type's name.
        assert_eq!(concrete_type(&value(&[3, 2]), &merged, Sharing::Several).as_deref(), Some("B"));
        let generic = names(&[(1, &["a::Named<u32>"]), (2, &["a::Named<F>"]), (3, &["a::Other<F>"])]);
        assert_eq!(concrete_type(&value(&[1, 2]), &generic, Sharing::One).as_deref(), Some("a::Named<u32>"));
        assert_eq!(concrete_type(&value(&[1, 3]), &generic, Sharing::One), None);
    }

    trait Speak {
        fn speak(&self) -> usize;
        fn again(&mut self);
    }

    struct Dog(String);

    impl Speak for Dog {
        fn speak(&self) -> usize {
            std::hint::black_box(self.0.len() + 3)
        }
        fn again(&mut self) {
            self.0.push('x');
        }
    }

    /// This test's own file: the symbol of a method, found by its address.
    #[test]
    fn symbols_of_this_program_are_found() {
        let exe = std::env::current_exe().unwrap();
        let path = std::fs::canonicalize(exe).unwrap().to_str().unwrap().to_owned();
        let mut dog = Dog("x".into());
        let speaks: &mut dyn Speak = std::hint::black_box(&mut dog);
        speaks.again();
        assert_eq!(speaks.speak(), 5);
        let cache = ReadCache::new(File::open(&path).unwrap());
        let file = object::File::parse(&cache).unwrap();
        let base = file.segments().map(|segment| segment.address()).min().unwrap() & !0xfff;
        let function = |wanted: &str| {
            file.symbols()
                .find(|symbol| {
                    let name = symbol.name().ok().and_then(|name| rustc_demangle::try_demangle(name).ok());
                    name.is_some_and(|name| format!("{name:#}").contains(wanted))
                })
                .unwrap_or_else(|| panic!("no symbol {wanted}"))
                .address()
                - base
        };
        let speak = function("symbols::tests::Dog as heap_analysis::symbols::tests::Speak>::speak");
        let again = function("symbols::tests::Dog as heap_analysis::symbols::tests::Speak>::again");
        // The vtable: the words after which a size of 24 and an alignment of 8 stand.
        let words: Vec<u8> = [24_u64, 8].iter().flat_map(|word| word.to_le_bytes()).collect();
        let at = file
            .segments()
            .find_map(|segment| {
                let data = segment.data().ok()?;
                let found = data.windows(16).position(|bytes| bytes == words)?;
                Some(segment.address() + found as u64 - 8 - base)
            })
            .unwrap();
        let dog = DynValue { node: 0, size: 24, image: 0, vtable: at, functions: vec![0, speak, again] };
        let wrong_size = DynValue { size: 32, ..dog.clone() };
        let image = Image { path, base: 0, build_id: String::new() };
        let now = u64::MAX;
        let limit = Duration::from_secs(60);
        let name = Some("heap_analysis::symbols::tests::Dog".to_owned());
        let values = [dog.clone(), wrong_size];
        assert_eq!(resolve(std::slice::from_ref(&image), &values, now, limit), [name, None]);
        // A file that was built after the snapshot, another build, no file.
        assert_eq!(resolve(std::slice::from_ref(&image), &values, 1, limit), [None, None]);
        let other = Image { build_id: "00ff".into(), ..image.clone() };
        assert_eq!(resolve(&[other], &values, now, limit), [None, None]);
        let missing = Image { path: "/no/such/file".into(), ..image.clone() };
        assert_eq!(resolve(&[missing], &values, now, limit), [None, None]);
        assert_eq!(resolve(&[], &values, now, limit), [None, None]);
        assert!(vtable_text(&[image], &dog).contains("+0x"));
    }
}
