//! What is at an address: functions, those inlined there included, with file and
//! line, or a static variable, from the program's files, their debug information
//! and their symbols.
//!
//! A file is opened when the first address in it is asked for, and read only
//! where it is needed. It must be the one that ran: where the build id in the
//! snapshot is not the file's, that is said, and addresses are all there is.

use addr2line::Loader;
use heap_snapshot::record::Image;
use object::{Object, ObjectSegment, ObjectSymbol, ReadCache, SymbolKind};
use serde::Serialize;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs::File;
use std::time::UNIX_EPOCH;

/// A function at an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct Function {
    /// Its path, without the hash of the symbol.
    pub name: String,
    /// Source file, as the compiler was told it; empty where that is not known.
    pub file: String,
    /// Line, from 1; 0 where that is not known.
    pub line: u32,
}

/// The code of one call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Code {
    /// The return address, in the observed process.
    pub address: u64,
    /// File name of the image and the address in it.
    pub place: String,
    /// The functions, innermost inlined one first; none where no symbol is known.
    pub functions: Vec<Function>,
}

impl Code {
    /// The functions, or the place.
    pub fn name(&self) -> &str {
        self.functions.first().map_or(&self.place, |function| &function.name)
    }
}

/// An image and, once it was asked for, its file.
struct Source<'a> {
    image: &'a Image,
    file: OnceCell<Option<(Loader, u64)>>,
    variables: OnceCell<Vec<Variable>>,
}

/// A static variable: where it begins and ends, from the image's first page on, and its symbol.
struct Variable {
    from: u64,
    to: u64,
    symbol: String,
}

/// Looks up return addresses, each once, and static variables.
pub(crate) struct Addresses<'a> {
    /// By ascending base.
    sources: Vec<Source<'a>>,
    taken_ms: u64,
    known: HashMap<u64, Code>,
    problems: Vec<String>,
}

impl<'a> Addresses<'a> {
    /// `taken_ms` is when the snapshot was taken, in milliseconds since 1970.
    pub(crate) fn new(images: &'a [Image], taken_ms: u64) -> Addresses<'a> {
        let mut sources: Vec<Source<'a>> = images
            .iter()
            .map(|image| Source { image, file: OnceCell::new(), variables: OnceCell::new() })
            .collect();
        sources.sort_by_key(|source| source.image.base);
        sources.dedup_by_key(|source| source.image.base);
        Addresses { sources, taken_ms, known: HashMap::new(), problems: Vec::new() }
    }

    /// What was wrong with files, in sentences.
    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    /// For tests: what is at an address.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, code: Code) {
        self.known.insert(code.address, code);
    }

    pub(crate) fn code(&mut self, address: u64) -> &Code {
        if !self.known.contains_key(&address) {
            let code = self.find(address);
            self.known.insert(address, code);
        }
        &self.known[&address]
    }

    /// The static variable that an address lies in: its path, or its name where it is not
    /// Rust's. The address must lie in static memory of some image.
    pub(crate) fn variable(&mut self, address: u64) -> Option<String> {
        let source = source_of(&self.sources, address)?;
        let (image, problems) = (source.image, &mut self.problems);
        let variables = source.variables.get_or_init(|| {
            let found = with_file(image, self.taken_ms, variables);
            let why = match found {
                Ok(found) if !found.is_empty() => return found,
                Ok(_) => "the file has no symbols; build it without `strip`".into(),
                Err(why) => why,
            };
            problems.push(format!("no names of static variables: {why}: {}", image.path));
            Vec::new()
        });
        let offset = address - image.base;
        let at = variables.partition_point(|variable| variable.from <= offset).checked_sub(1)?;
        Some(&variables[at]).filter(|found| offset < found.to).map(|found| demangled(&found.symbol))
    }

    fn find(&mut self, address: u64) -> Code {
        let Some(source) = source_of(&self.sources, address) else {
            return Code { address, place: format!("{address:#x}"), functions: Vec::new() };
        };
        let image = source.image;
        let problems = &mut self.problems;
        let file = source.file.get_or_init(|| match open(image, self.taken_ms) {
            Ok(file) => Some(file),
            Err(why) => {
                problems.push(format!("no names of functions: {why}: {}", image.path));
                None
            }
        });
        let name = image.path.rsplit('/').next().unwrap_or_default();
        let offset = address - image.base;
        // The call is before the address to which it returns.
        let functions = file.as_ref().map_or_else(Vec::new, |(loader, base)| {
            functions(loader, base.wrapping_add(offset).wrapping_sub(1))
        });
        Code { address, place: format!("{name}+{offset:#x}"), functions }
    }
}

/// The image that begins last before an address.
fn source_of<'s, 'a>(sources: &'s [Source<'a>], address: u64) -> Option<&'s Source<'a>> {
    let at = sources.partition_point(|source| source.image.base <= address);
    at.checked_sub(1).map(|at| &sources[at])
}

/// What `read` finds in the file of an image, if that is the one that ran.
fn with_file<T>(
    image: &Image,
    taken_ms: u64,
    read: impl for<'c> FnOnce(&object::File<'c, &'c ReadCache<File>>) -> T,
) -> Result<T, String> {
    let file = File::open(&image.path).map_err(|error| format!("the file cannot be read ({error})"))?;
    let changed = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let cache = ReadCache::new(file);
    let parsed = object::File::parse(&cache).map_err(|error| format!("the file cannot be read ({error})"))?;
    if image.build_id.is_empty() {
        let changed_ms =
            changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_millis());
        if taken_ms > 0 && changed_ms > u128::from(taken_ms) {
            return Err("the file has no build id and is newer than the snapshot".into());
        }
    } else {
        let id = parsed.build_id().ok().flatten().unwrap_or_default();
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        if !id.eq_ignore_ascii_case(&image.build_id) {
            return Err(format!(
                "the file is another build ({id}) than the one that ran ({})",
                image.build_id
            ));
        }
    }
    Ok(read(&parsed))
}

/// The address that a file gives its first page: those of a snapshot count from where that is mapped.
fn first_page<'c>(file: &object::File<'c, &'c ReadCache<File>>) -> u64 {
    file.segments().map(|segment| segment.address()).min().unwrap_or(0) & !0xfff
}

/// The file of an image, if it is the one that ran, and the address that it gives its first page.
fn open(image: &Image, taken_ms: u64) -> Result<(Loader, u64), String> {
    let (base, has_names) = with_file(image, taken_ms, |file| (first_page(file), has_names(file)))?;
    if !has_names {
        return Err("the file has no symbols; build it without `strip`".into());
    }
    let loader = Loader::new(&image.path).map_err(|error| format!("the file cannot be read ({error})"))?;
    Ok((loader, base))
}

/// Whether a file names functions of its own, be it in symbols or in debug information.
fn has_names<'c>(file: &object::File<'c, &'c ReadCache<File>>) -> bool {
    let mut symbols = file.symbols().chain(file.dynamic_symbols());
    file.section_by_name(".debug_info").is_some()
        || symbols.any(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
}

/// The static variables of a file, ascending.
fn variables<'c>(file: &object::File<'c, &'c ReadCache<File>>) -> Vec<Variable> {
    let base = first_page(file);
    let symbols = file.symbols().chain(file.dynamic_symbols());
    let mut variables: Vec<Variable> = symbols
        .filter(|symbol| symbol.kind() == SymbolKind::Data && symbol.is_definition())
        .filter_map(|symbol| {
            let from = symbol.address().checked_sub(base)?;
            let to = from.checked_add(symbol.size())?;
            Some(Variable { from, to, symbol: symbol.name().ok()?.to_owned() })
        })
        .collect();
    // A library's own come twice.
    variables.sort_by(|a, b| (a.from, a.to, &a.symbol).cmp(&(b.from, b.to, &b.symbol)));
    variables.dedup_by_key(|variable| variable.from);
    variables
}

fn functions(loader: &Loader, probe: u64) -> Vec<Function> {
    let mut functions = Vec::new();
    if let Ok(mut frames) = loader.find_frames(probe) {
        while let Ok(Some(frame)) = frames.next() {
            let Some(name) = frame.function.as_ref().and_then(|name| name.raw_name().ok()) else { continue };
            let (file, line) = frame
                .location
                .map_or(("", 0), |location| (location.file.unwrap_or_default(), location.line.unwrap_or(0)));
            functions.push(Function { name: demangled(&name), file: file.into(), line });
        }
    }
    if let Some(symbol) = loader.find_symbol(probe) {
        match functions.last_mut() {
            // The debug information may know no more than the last part of the path.
            Some(outermost) if !outermost.name.contains("::") => outermost.name = demangled(symbol),
            Some(_) => {}
            None => functions.push(Function { name: demangled(symbol), file: String::new(), line: 0 }),
        }
    }
    functions
}

/// A symbol's name as its language writes it: Rust's two ways, and C++'s.
fn demangled(symbol: &str) -> String {
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        return format!("{name:#}");
    }
    let cpp = cpp_demangle::Symbol::new(symbol).ok().and_then(|name| name.demangle().ok());
    cpp.unwrap_or_else(|| symbol.to_owned())
}

/// Whether a function is the way from a collection to the allocator: the same
/// in every stack.
pub(crate) fn is_allocators(name: &str) -> bool {
    const OURS: &[&str] = &[
        "tracking_alloc::",
        "backtrace::",
        "__rustc::__r",
        "__rust_",
        "__rg_",
        "alloc::alloc::",
        "alloc::raw_vec::",
        "std::sys::alloc::",
        // C++'s, where its blocks are tracked too.
        "operator new",
        "std::__new_allocator<",
        "__gnu_cxx::new_allocator<",
        "std::allocator_traits<",
    ];
    const C: &[&str] = &[
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "posix_memalign",
        "aligned_alloc",
        "memalign",
        "valloc",
        "pvalloc",
    ];
    let path = name.trim_start_matches(['<', '&']);
    OURS.iter().any(|prefix| path.starts_with(prefix)) || C.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn here() -> u64 {
        std::hint::black_box(here as fn() -> u64 as usize as u64 + 1)
    }

    /// This test's own file, which is mapped where the kernel says.
    fn this_program() -> Image {
        let path = std::fs::canonicalize(std::env::current_exe().unwrap()).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.ends_with(path.to_str().unwrap())).unwrap();
        let base = u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
        Image { path: path.to_str().unwrap().into(), base, build_id: String::new() }
    }

    #[test]
    fn functions_of_this_program_are_found() {
        let images = [this_program()];
        let mut addresses = Addresses::new(&images, 0);
        let code = addresses.code(here() + 1);
        assert!(code.name().ends_with("addresses::tests::here"), "{code:?}");
        assert!(code.place.contains("+0x"));
        assert_eq!(addresses.code(16).name(), "0x10");
        assert!(addresses.into_problems().is_empty());
        // Another build.
        let other = [Image { build_id: "00ff".into(), ..images[0].clone() }];
        let mut addresses = Addresses::new(&other, 0);
        assert_eq!(addresses.code(here()).functions, []);
        assert!(addresses.code(here() + 1).name().contains("+0x"));
        let problems = addresses.into_problems();
        assert!(problems.len() == 1 && problems[0].contains("another build"), "said once: {problems:?}");
    }

    /// A program that was built with `strip`: addresses are all there is, and why is said once.
    #[test]
    fn a_file_without_names_says_so() {
        let whole = this_program();
        let stripped = std::env::temp_dir().join(format!("heap-inspector-{}-stripped", std::process::id()));
        let strip = std::process::Command::new("strip").arg("-o").arg(&stripped).arg(&whole.path).status();
        assert!(strip.expect("binutils are there, for the linker").success());
        let images = [Image { path: stripped.to_str().unwrap().into(), ..whole }];
        let mut addresses = Addresses::new(&images, 0);
        assert!(addresses.code(here()).name().contains("-stripped+0x"));
        assert_eq!(addresses.code(here() + 1).functions, []);
        let problems = addresses.into_problems();
        std::fs::remove_file(&stripped).unwrap();
        assert!(problems.len() == 1 && problems[0].contains("without `strip`"), "{problems:?}");
    }

    #[test]
    fn names_of_both_manglings_are_read() {
        let v0 = "_RINvNtCs1234_7mycrate3foo3barTNtB2_4ItemhEE";
        assert_eq!(demangled(v0), "mycrate::foo::bar::<(mycrate::foo::Item, u8)>");
        let legacy = "_ZN7mycrate3foo3bar17h05af221e174051e9E";
        assert_eq!(demangled(legacy), "mycrate::foo::bar", "without the hash");
        assert_eq!(demangled("malloc"), "malloc");
    }

    #[test]
    fn static_variables_of_this_program_are_found() {
        static WORDS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(7);
        let images = [this_program()];
        let mut addresses = Addresses::new(&images, 0);
        let at = &raw const WORDS as usize as u64;
        let name = addresses.variable(at + 4).expect("a symbol");
        assert!(name.ends_with("static_variables_of_this_program_are_found::WORDS"), "{name}");
        assert_ne!(addresses.variable(at + 8).as_ref(), Some(&name), "it ends there");
        assert_eq!(addresses.variable(16), None);
        assert!(addresses.into_problems().is_empty());
        let other = [Image { build_id: "00ff".into(), ..images[0].clone() }];
        let mut addresses = Addresses::new(&other, 0);
        assert_eq!((addresses.variable(at), addresses.variable(at + 4)), (None, None));
        let problems = addresses.into_problems();
        assert!(problems.len() == 1 && problems[0].contains("no names of static variables"), "{problems:?}");
    }

    #[test]
    fn names_are_those_of_their_language() {
        for (symbol, name) in [
            ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
            ("_ZN7mycrate3foo17h0123456789abcdefE", "mycrate::foo"),
            ("_ZN5boxes4fillERKSs", "boxes::fill(std::string const&)"),
            ("_Znwm", "operator new(unsigned long)"),
            ("main", "main"),
            ("_Zwhat", "_Zwhat"),
        ] {
            assert_eq!(demangled(symbol), name);
        }
    }

    #[test]
    fn the_allocators_functions_are_known() {
        for name in [
            "alloc::raw_vec::RawVecInner<A>::grow",
            "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
            "__rustc::__rust_alloc",
            "malloc",
            "operator new(unsigned long)",
        ] {
            assert!(is_allocators(name), "{name}");
        }
        for name in ["alloc::vec::Vec<T,A>::push", "my::alloc::alloc", "main", "malloc_file"] {
            assert!(!is_allocators(name), "{name}");
        }
    }
}
