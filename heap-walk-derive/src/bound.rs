//! The where-clause of a generated impl.
//!
//! Bounds go on what a walk instantiates and nothing more: on type parameters and on projections
//! (`I::Ty`, `<T as Tr>::X`) that walked fields own. Not on whole field types: the impls of two
//! types that hold each other would then each wait for the other's proof. Not on what stands only
//! behind a reference, a pointer or a marker: such a value is an address to a walk, and asking for
//! its `Walk` would never end where the pointee's type grows (`Tree<T>` with a `&Tree<(T, T)>`).

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{
    parse_quote, GenericArgument, GenericParam, Generics, Ident, PathArguments, Type, TypeParamBound,
    TypePath, WherePredicate,
};

use crate::ast::{self, Data, Input};
use crate::attr::Mode;

/// The generics of the impl: the type's own without attributes, and the bounds that walking needs.
pub(crate) fn impl_generics(input: &Input<'_>) -> Generics {
    let mut generics = declared(input.generics);
    let predicates = match &input.attrs.bound {
        Some(predicates) => predicates.clone(),
        None => needed(input),
    };
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    if let Some(sized) = sized_tail(input) {
        generics.make_where_clause().predicates.push(sized);
    }
    generics
}

/// The type's own generics, without the attributes of its parameters: a helper attribute of
/// another derive means nothing on our impl. (Defaults are left out by `split_for_impl`.)
pub(crate) fn declared(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        match param {
            GenericParam::Lifetime(param) => param.attrs.clear(),
            GenericParam::Type(param) => param.attrs.clear(),
            GenericParam::Const(param) => param.attrs.clear(),
        }
    }
    generics
}

fn needed(input: &Input<'_>) -> Vec<WherePredicate> {
    let params: Vec<&Ident> = input.generics.type_params().map(|param| &param.ident).collect();
    if params.is_empty() {
        return Vec::new();
    }
    let mut owned = Owned { params: &params, used: vec![false; params.len()], projections: vec![] };
    let mut shown = vec![false; params.len()];
    for field in input.fields() {
        match field.attrs.mode() {
            Mode::Walk | Mode::Copy => owned.visit(field.ty),
            Mode::Show => {
                owned.visit(field.ty);
                // Other types answer for themselves: the call that shows them asks for `Debug`.
                if let Type::Path(path) = ast::peel(field.ty) {
                    if let Some(i) = path.path.get_ident().and_then(|ident| owned.position(ident)) {
                        shown[i] = true;
                    }
                }
            }
            Mode::Skip | Mode::Opaque | Mode::With(_) => {}
        }
    }
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for (i, param) in params.iter().enumerate() {
        match (owned.used[i], shown[i]) {
            (true, true) => {
                predicates.push(parse_quote!(#param: ::heap_walk::Walk + ::core::fmt::Debug));
            }
            (true, false) => predicates.push(parse_quote!(#param: ::heap_walk::Walk)),
            (false, _) => {}
        }
    }
    for projection in owned.projections {
        predicates.push(parse_quote!(#projection: ::heap_walk::Walk));
    }
    predicates
}

/// A struct that ends in a `?Sized` parameter is walked where it has a size.
fn sized_tail(input: &Input<'_>) -> Option<WherePredicate> {
    let Data::Struct(fields) = &input.data else { return None };
    let tail = fields.last()?.ty;
    let relaxed = relaxed_params(input.generics);
    mentions(tail.to_token_stream(), &relaxed).then(|| parse_quote!(#tail: ::core::marker::Sized))
}

/// The parameters declared `?Sized`.
fn relaxed_params(generics: &Generics) -> Vec<&Ident> {
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

/// What of the type's parameters the walked fields own.
struct Owned<'a> {
    params: &'a [&'a Ident],
    /// A flag per parameter.
    used: Vec<bool>,
    projections: Vec<TypePath>,
}

impl Owned<'_> {
    fn position(&self, ident: &Ident) -> Option<usize> {
        self.params.iter().position(|param| *param == ident)
    }

    fn visit(&mut self, ty: &Type) {
        match ty {
            Type::Array(array) => self.visit(&array.elem),
            Type::Slice(slice) => self.visit(&slice.elem),
            Type::Group(group) => self.visit(&group.elem),
            Type::Paren(paren) => self.visit(&paren.elem),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| self.visit(elem)),
            Type::Path(path) => self.visit_path(path),
            // A macro's expansion is not ours to see: what it is given counts as owned.
            Type::Macro(mac) => {
                for (i, param) in self.params.iter().enumerate() {
                    self.used[i] |= mentions(mac.mac.tokens.clone(), &[param]);
                }
            }
            // References, pointers and functions own nothing; what a trait object owns is the
            // business of its concrete type.
            _ => {}
        }
    }

    fn visit_path(&mut self, ty: &TypePath) {
        let segments = &ty.path.segments;
        if let Some(qself) = &ty.qself {
            // `<T as Tr>::X`; one without parameters is known to the compiler as it is.
            let of_self = mentions(qself.ty.to_token_stream(), &[&Ident::new("Self", Span::call_site())]);
            if of_self || mentions(ty.to_token_stream(), self.params) {
                self.project(ty);
            }
            return;
        }
        if let (None, Some(i)) = (ty.path.leading_colon, self.position(&segments[0].ident)) {
            if segments.len() == 1 {
                self.used[i] = true;
            } else {
                self.project(ty);
            }
            return;
        }
        let last = &segments[segments.len() - 1];
        if last.ident == "PhantomData" {
            return;
        }
        for segment in segments {
            let PathArguments::AngleBracketed(args) = &segment.arguments else { continue };
            let types = args.args.iter().filter_map(|arg| match arg {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            types
                .enumerate()
                .filter(|(i, _)| !is_hasher(&segment.ident, *i))
                .for_each(|(_, ty)| self.visit(ty));
        }
    }

    fn project(&mut self, ty: &TypePath) {
        if !self.projections.contains(ty) {
            self.projections.push(ty.clone());
        }
    }
}

/// Hash tables are walked whatever their hasher is: it is inline bytes to them.
fn is_hasher(container: &Ident, argument: usize) -> bool {
    (container == "HashMap" && argument == 2) || (container == "HashSet" && argument == 1)
}

/// Whether any of `names` occurs in `tokens`, lifetimes aside.
fn mentions(tokens: TokenStream, names: &[&Ident]) -> bool {
    let mut after_quote = false;
    tokens.into_iter().any(|token| {
        let is_lifetime = std::mem::take(&mut after_quote);
        match token {
            TokenTree::Ident(ident) => !is_lifetime && names.iter().any(|name| ident == **name),
            TokenTree::Group(group) => mentions(group.stream(), names),
            TokenTree::Punct(punct) => {
                after_quote = punct.as_char() == '\'';
                false
            }
            TokenTree::Literal(_) => false,
        }
    })
}
