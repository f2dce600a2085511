//! Ways: how a field's type is walked where that isn't simply by its `Walk`.
//!
//! A way is a type that implements heap_walk's `WalkAs` for the type that it walks. Ways of
//! containers are spelled like the containers, so that one for a field is made of the field's type
//! by replacing what stands in it. What is generated takes a way as a value of `PhantomData`,
//! because that can be chosen by a method's resolution: of several traits with a method of the
//! same name the compiler takes the first that is implemented at all (see heap_walk's `probe`).

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, ToTokens};
use syn::{Path, PathArguments, Type, TypePath};

use crate::ast::{self, Field, Input};
use crate::attr::Mode;
use crate::bound;

/// Containers whose ways are known, and by which references are found.
const CONTAINERS: [&str; 13] = [
    "Arc", "BTreeMap", "BTreeSet", "Box", "HashMap", "HashSet", "Mutex", "Option", "Rc", "RefCell", "RwLock",
    "Vec", "VecDeque",
];

/// How a field is entered.
pub(crate) enum Entry<'f> {
    /// By its `Walk`.
    Walk,
    /// By a way that the user chose: the type.
    Given(TokenStream),
    /// By a way that the compiler chooses: an expression that gives a `PhantomData` of it.
    Chosen(TokenStream, Chosen),
    /// As its mode says.
    Mode(Mode<'f>),
}

/// Among which ways the compiler chooses.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Chosen {
    /// Those that need the type's `Walk`.
    Strictly,
    /// Also those that do without.
    Leniently,
}

/// How a field is entered, with what its type says of itself taken into account.
pub(crate) fn entry<'f>(input: &Input<'_>, field: &'f Field<'_>) -> Entry<'f> {
    // Asked of each field several times, and mostly the answer.
    if field.is_walked.get() == Some(&true) {
        return Entry::Walk;
    }
    let entry = find_entry(input, field);
    field.is_walked.get_or_init(|| matches!(entry, Entry::Walk));
    entry
}

fn find_entry<'f>(input: &Input<'_>, field: &'f Field<'_>) -> Entry<'f> {
    let krate = &input.krate;
    let ty = field.ty;
    let mode = field.attrs.mode();
    match mode {
        Mode::As(way) => Entry::Given(infer_same(way.to_token_stream(), krate)),
        Mode::Key(_) => Entry::Given(in_place_of(field, quote!(#krate::AsKey))),
        Mode::Follow => match of_references(ty, &quote!(#krate::Follow), krate) {
            Some(way) => Entry::Given(in_place_of(field, way)),
            None => Entry::Walk,
        },
        Mode::Opaque if input.repr.packed.is_none() && is_owner_of_dyn(ty) => {
            Entry::Given(quote!(#krate::probe::OpaqueOwner))
        }
        Mode::Walk | Mode::Missing => {
            let is_tail = input.tail().is_some_and(|tail| std::ptr::eq(tail, field));
            if is_tail
                || input.repr.packed.is_some()
                || is_primitive(ty)
                || !bound::is_concrete(ty, input.generics)
            {
                return Entry::Walk;
            }
            let way = of_references(ty, &quote!(#krate::FollowInArena), krate);
            if matches!(mode, Mode::Missing) || input.attrs.has("missing") {
                let way = way.unwrap_or_else(|| quote!(#krate::Same));
                let expr = quote!((&&&&#krate::probe::Lenient::<#ty, #way>::NEW).way());
                Entry::Chosen(expr, Chosen::Leniently)
            } else if let Some(way) = way {
                let expr = quote!((&&&#krate::probe::Strict::<#ty, #way>::NEW).way());
                Entry::Chosen(expr, Chosen::Strictly)
            } else {
                Entry::Walk
            }
        }
        mode => Entry::Mode(mode),
    }
}

/// The imports by which the methods of the probes are found, if any field needs them.
pub(crate) fn imports(input: &Input<'_>) -> Option<TokenStream> {
    let krate = &input.krate;
    let mut names = Vec::new();
    for field in input.fields() {
        match way_of(input, field) {
            Some(Chosen::Strictly) => names.extend(["Following", "Walking", "Otherwise"]),
            Some(Chosen::Leniently) => names.extend(["Following", "Walking", "Owning", "Otherwise"]),
            _ => {}
        }
    }
    let is_packed = input.repr.packed.is_some();
    names.extend(is_packed.then_some(["Borrowed", "Copied", "Unknown"]).into_iter().flatten());
    names.sort_unstable();
    names.dedup();
    let names = names.into_iter().map(|name| Ident::new(name, Span::call_site()));
    let uses: Vec<_> = names.map(|name| quote!(use #krate::probe::#name as _;)).collect();
    (!uses.is_empty()).then(|| quote!(#(#uses)*))
}

fn way_of(input: &Input<'_>, field: &Field<'_>) -> Option<Chosen> {
    match entry(input, field) {
        Entry::Chosen(_, chosen) => Some(chosen),
        _ => None,
    }
}

/// The way in which every reference in `ty` is followed; `None` where none is found.
pub(crate) fn of_references(ty: &Type, follow: &TokenStream, krate: &Path) -> Option<TokenStream> {
    let of = |ty: &Type| of_references(ty, follow, krate);
    let all = |types: Vec<&Type>| -> Option<Vec<TokenStream>> {
        let ways: Vec<_> = types.into_iter().map(of).collect();
        let is_any = ways.iter().any(Option::is_some);
        is_any.then(|| ways.into_iter().map(|way| way.unwrap_or_else(|| quote!(#krate::Same))).collect())
    };
    match ast::peel(ty) {
        Type::Reference(_) => Some(follow.clone()),
        Type::Slice(slice) => of(&slice.elem).map(|way| quote!([#way])),
        Type::Array(array) => {
            let len = &array.len;
            of(&array.elem).map(|way| quote!([#way; #len]))
        }
        Type::Tuple(tuple) if (2..=4).contains(&tuple.elems.len()) => {
            all(tuple.elems.iter().collect()).map(|ways| quote!((#(#ways),*)))
        }
        Type::Path(TypePath { qself: None, path }) => {
            let last = path.segments.last()?;
            if !is_one_of(&last.ident, &CONTAINERS) {
                return None;
            }
            let types = bound::type_args(&last.arguments).into_iter().enumerate();
            let owned = types.filter(|(i, _)| !bound::is_hasher(&last.ident, *i)).map(|(_, ty)| ty);
            let ways = all(owned.collect())?;
            let mut container = path.clone();
            container.segments.last_mut()?.arguments = PathArguments::None;
            Some(quote!(#container<#(#ways),*>))
        }
        _ => None,
    }
}

/// The way as if the user had written it where the field's type stands.
fn in_place_of(field: &Field<'_>, way: TokenStream) -> TokenStream {
    let (first, last) = field.ty_ends;
    way.into_iter()
        .enumerate()
        .map(|(i, mut token)| {
            let place = if i == 0 { first } else { last.unwrap_or(first) };
            token.set_span(place);
            token
        })
        .collect()
}

/// Whether `of_references` finds any.
pub(crate) fn has_references(ty: &Type) -> bool {
    of_references(ty, &TokenStream::new(), &syn::parse_quote!(heap_walk)).is_some()
}

/// `_` stands for the type's own `Walk`.
fn infer_same(way: TokenStream, krate: &Path) -> TokenStream {
    way.into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "_" => quote!(#krate::Same),
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), infer_same(group.stream(), krate));
                inside.set_span(group.span());
                TokenTree::Group(inside).into()
            }
            token => token.into(),
        })
        .collect()
}

/// `Box<dyn Trait>`, `Rc<dyn Trait>` or `Arc<dyn Trait>`.
fn is_owner_of_dyn(ty: &Type) -> bool {
    let Type::Path(TypePath { qself: None, path }) = ast::peel(ty) else { return false };
    path.segments.last().is_some_and(|last| {
        is_one_of(&last.ident, &["Arc", "Box", "Rc"])
            && bound::type_args(&last.arguments)
                .first()
                .is_some_and(|inside| matches!(ast::peel(inside), Type::TraitObject(_)))
    })
}

/// A type of the language, whose impl can't be missing. (One that a user named so may lack it, and
/// gets the message more than once.)
pub(crate) fn is_primitive(ty: &Type) -> bool {
    const NAMES: [&str; 18] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize", "str", "String",
    ];
    match ast::peel(ty) {
        Type::Array(array) => is_primitive(&array.elem),
        Type::Path(path) => path.path.get_ident().is_some_and(|ident| is_one_of(ident, &NAMES)),
        _ => false,
    }
}

/// By its name one of the standard library that is no leaf. (One that a user named so may be one,
/// and is visited in vain.)
pub(crate) fn is_owner(ty: &Type) -> bool {
    let Type::Path(TypePath { qself: None, path }) = ast::peel(ty) else { return false };
    path.segments.last().is_some_and(|last| last.ident == "String" || is_one_of(&last.ident, &CONTAINERS))
}

fn is_one_of(ident: &Ident, names: &[&str]) -> bool {
    // Once: for each comparison the text is made anew.
    let ident = ident.to_string();
    names.contains(&ident.as_str())
}
