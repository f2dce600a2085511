//! The derive input as this crate sees it: what syn parsed, with attributes read and layout facts
//! noted.

use proc_macro2::Span;
use quote::{format_ident, ToTokens};
use syn::ext::IdentExt;
use syn::{Data as SynData, DeriveInput, Generics, Ident, Index, Member, Type};

use crate::attr::{self, ContainerAttrs, FieldAttrs};
use crate::ctxt::Ctxt;

/// A type that derives `Walk`.
pub(crate) struct Input<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) repr: Repr,
    pub(crate) attrs: ContainerAttrs,
    pub(crate) data: Data<'a>,
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
        Self {
            ident: &input.ident,
            generics: &input.generics,
            repr: Repr::new(&input.attrs),
            attrs: ContainerAttrs::new(cx, &input.attrs),
            data: match &input.data {
                SynData::Struct(data) => Data::Struct(fields(cx, &data.fields)),
                SynData::Enum(data) => Data::Enum(
                    data.variants
                        .iter()
                        .map(|variant| {
                            attr::refuse_on_variant(cx, &variant.attrs);
                            Variant { ident: &variant.ident, fields: fields(cx, &variant.fields) }
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
}

impl Field<'_> {
    /// The name users know the field by: `a`, or `0` in a tuple.
    pub(crate) fn name(&self) -> String {
        match &self.member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        }
    }
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
