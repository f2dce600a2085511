//! The derive input as this crate sees it: what syn parsed, with attributes read and layout facts
//! noted.

use std::cell::{OnceCell, RefCell};

use proc_macro2::Span;
use quote::{format_ident, ToTokens};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{
    Data as SynData, DeriveInput, Generics, Ident, Index, LitStr, Member, Path, Type, TypeParamBound,
    WherePredicate,
};

use crate::attr::{self, ContainerAttrs, FieldAttrs};
use crate::ctxt::Ctxt;

/// A type that derives `Walk`.
pub(crate) struct Input<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) repr: Repr,
    pub(crate) attrs: ContainerAttrs,
    /// The path of heap_walk.
    pub(crate) krate: Path,
    pub(crate) data: Data<'a>,
    /// The labels that the expansion refers to: variant, field and table of keys.
    pub(crate) labels: RefCell<Vec<[String; 3]>>,
}

/// Its contents.
pub(crate) enum Data<'a> {
    Struct(Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
    /// Refused by validation; kept so that the attributes of such a type are still checked.
    Union(Span),
}

/// An enum's variant, in declaration order.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    rename: Option<LitStr>,
    pub(crate) fields: Vec<Field<'a>>,
}

/// A field of a struct or of a variant, in declaration order.
pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: FieldAttrs,
    /// The name that a pattern of ours gives the field. It stands at the last token of the
    /// field's type, as if the user had written it there.
    pub(crate) binding: Ident,
    /// Whether it is entered by its `Walk` and nothing else: known when it was asked once.
    pub(crate) is_walked: OnceCell<bool>,
    /// The places of the type's first token and, if there are more, of its last.
    pub(crate) ty_ends: (Span, Option<Span>),
}

/// What `#[repr(...)]` says, as far as it matters to the description of a layout.
#[derive(Default)]
pub(crate) struct Repr {
    /// `packed` or `packed(n)`: fields can't be borrowed.
    pub(crate) packed: Option<Span>,
    /// `C` or an integer: the fields of a variant keep their order.
    pub(crate) ordered: bool,
}

impl<'a> Input<'a> {
    /// Reads the input; mistakes go to `cx` and what they concern is left out.
    pub(crate) fn new(cx: &Ctxt, input: &'a DeriveInput) -> Self {
        attr::refuse_on_generics(cx, &input.generics);
        let attrs = ContainerAttrs::new(cx, &input.attrs);
        Self {
            ident: &input.ident,
            generics: &input.generics,
            repr: Repr::new(&input.attrs),
            krate: attrs.krate(),
            labels: RefCell::default(),
            attrs,
            data: match &input.data {
                SynData::Struct(data) => Data::Struct(fields(cx, &data.fields)),
                SynData::Enum(data) => Data::Enum(
                    data.variants
                        .iter()
                        .map(|variant| {
                            let rename = attr::variant_rename(cx, &variant.attrs);
                            Variant { ident: &variant.ident, rename, fields: fields(cx, &variant.fields) }
                        })
                        .collect(),
                ),
                SynData::Union(data) => Data::Union(data.union_token.span),
            },
        }
    }

    /// All fields, those of the variants included.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        let (own, variants) = match &self.data {
            Data::Struct(fields) => (fields.as_slice(), [].as_slice()),
            Data::Enum(variants) => ([].as_slice(), variants.as_slice()),
            Data::Union(_) => ([].as_slice(), [].as_slice()),
        };
        own.iter().chain(variants.iter().flat_map(|variant| &variant.fields))
    }

    /// The one field of a newtype: the only one that isn't known to have no size.
    pub(crate) fn newtype(&self) -> Option<&Field<'a>> {
        let Data::Struct(fields) = &self.data else { return None };
        let mut sized = fields.iter().filter(|field| !field.is_marker());
        sized.next().filter(|_| sized.next().is_none())
    }

    /// The last field of a struct whose values may have no size known beforehand.
    pub(crate) fn tail(&self) -> Option<&Field<'a>> {
        let Data::Struct(fields) = &self.data else { return None };
        let last = fields.last()?;
        let is_unsized = match peel(last.ty) {
            Type::Slice(_) | Type::TraitObject(_) => true,
            Type::Path(path) if path.qself.is_none() => path
                .path
                .get_ident()
                .is_some_and(|ident| ident == "str" || relaxed_params(self.generics).contains(&ident)),
            _ => false,
        };
        is_unsized.then_some(last)
    }
}

impl Variant<'_> {
    /// The name users know the variant by.
    pub(crate) fn name(&self) -> String {
        match &self.rename {
            Some(text) => text.value(),
            None => self.ident.unraw().to_string(),
        }
    }
}

impl Field<'_> {
    /// The name users know the field by: `a`, or `0` in a tuple.
    pub(crate) fn name(&self) -> String {
        match (&self.attrs.rename, &self.member) {
            (Some(text), _) => text.value(),
            (None, Member::Named(ident)) => ident.unraw().to_string(),
            (None, Member::Unnamed(index)) => index.index.to_string(),
        }
    }

    /// Whether it is known to take no room: `PhantomData`, `()`, or skipped.
    fn is_marker(&self) -> bool {
        let is_marker = match peel(self.ty) {
            Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
            Type::Tuple(tuple) => tuple.elems.is_empty(),
            _ => false,
        };
        is_marker || matches!(self.attrs.mode(), attr::Mode::Skip)
    }
}

/// The parameters declared `?Sized`.
pub(crate) fn relaxed_params(generics: &Generics) -> Vec<&Ident> {
    fn is_relaxed(bounds: &Punctuated<TypeParamBound, syn::Token![+]>) -> bool {
        bounds.iter().any(|bound| {
            matches!(bound, TypeParamBound::Trait(bound)
                if matches!(bound.modifier, syn::TraitBoundModifier::Maybe(_)))
        })
    }
    let in_where = |param: &Ident| {
        generics.where_clause.iter().flat_map(|clause| &clause.predicates).any(|predicate| {
            matches!(predicate, WherePredicate::Type(predicate)
                if is_relaxed(&predicate.bounds)
                    && matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(param)))
        })
    };
    generics
        .type_params()
        .filter(|param| is_relaxed(&param.bounds) || in_where(&param.ident))
        .map(|param| &param.ident)
        .collect()
}

fn fields<'a>(cx: &Ctxt, fields: &'a syn::Fields) -> Vec<Field<'a>> {
    fields
        .iter()
        .enumerate()
        .map(|(i, field)| {
            let ty_ends = ends(&field.ty);
            Field {
                member: match &field.ident {
                    Some(ident) => Member::Named(ident.clone()),
                    None => Member::Unnamed(Index::from(i)),
                },
                ty: &field.ty,
                attrs: FieldAttrs::new(cx, &field.attrs),
                binding: format_ident!("__f{}", i, span = ty_ends.1.unwrap_or(ty_ends.0)),
                is_walked: OnceCell::new(),
                ty_ends,
            }
        })
        .collect()
}

fn ends(ty: &Type) -> (Span, Option<Span>) {
    let mut tokens = ty.to_token_stream().into_iter().map(|token| token.span());
    let first = tokens.next().unwrap_or_else(Span::call_site);
    (first, tokens.last())
}

impl Repr {
    fn new(attrs: &[syn::Attribute]) -> Self {
        let mut repr = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
            // rustc has its own words for a malformed `repr`; what could be read counts.
            let _ = attr.parse_nested_meta(|meta| {
                let Some(ident) = meta.path.get_ident() else { return Ok(()) };
                match ident.to_string().as_str() {
                    "packed" => repr.packed = Some(ident.span()),
                    "C" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
                    | "i128" | "isize" => repr.ordered = true,
                    _ => {}
                }
                if meta.input.peek(syn::token::Paren) {
                    let content;
                    syn::parenthesized!(content in meta.input);
                    content.parse::<proc_macro2::TokenStream>()?;
                }
                Ok(())
            });
        }
        repr
    }
}

/// The type inside parentheses and the invisible groups of `macro_rules!`.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}
