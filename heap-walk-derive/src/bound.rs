//! The where-clause of a generated impl.
//!
//! Bounds go on what a walk instantiates and nothing more: on type parameters and on projections
//! (`I::Ty`, `<T as Tr>::X`) that walked fields own. Not on whole field types: the impls of two
//! types that hold each other would then each wait for the other's proof. Not on what stands only
//! behind a reference, a pointer or a marker: such a value is an address to a walk, and asking for
//! its `Walk` would never end where the pointee's type grows (`Tree<T>` with a `&Tree<(T, T)>`).

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
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
    let krate = &input.krate;
    let mut owned =
        Owned { params: &params, used: vec![false; params.len()], projections: vec![], is_followed: false };
    // What is asked of a parameter beside `Walk`, where it is a field's whole type.
    let mut shown = vec![false; params.len()];
    let mut copied = vec![false; params.len()];
    let mut keys = vec![false; params.len()];
    for field in input.fields() {
        let mode = field.attrs.mode();
        match mode {
            Mode::Walk | Mode::Copy | Mode::Show | Mode::Missing => owned.visit(field.ty),
            Mode::As(way) => owned.visit_by(way, field.ty),
            Mode::Follow => {
                owned.is_followed = true;
                owned.visit(field.ty);
                owned.is_followed = false;
            }
            Mode::Key(_) | Mode::Skip | Mode::Opaque | Mode::With(_) | Mode::Via(..) => {}
        }
        // Other types answer for themselves: the call asks for what it needs.
        let Type::Path(path) = ast::peel(field.ty) else { continue };
        let Some(i) = path.path.get_ident().and_then(|ident| owned.position(ident)) else { continue };
        let is_key = matches!(mode, Mode::Key(_)) || input.attrs.has("key");
        shown[i] |= matches!(mode, Mode::Show);
        keys[i] |= is_key && !matches!(mode, Mode::Skip);
        copied[i] |= input.repr.packed.is_some() && matches!(mode, Mode::Walk | Mode::Key(_));
    }
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for (i, param) in params.iter().enumerate() {
        let mut bounds: Vec<TypeParamBound> = Vec::new();
        if owned.used[i] {
            bounds.push(parse_quote!(#krate::Walk));
        }
        if shown[i] {
            bounds.push(parse_quote!(::core::fmt::Debug));
        }
        if keys[i] {
            bounds.push(parse_quote!(#krate::Key));
        }
        if copied[i] {
            bounds.push(parse_quote!(::core::marker::Copy));
        }
        if !bounds.is_empty() {
            predicates.push(parse_quote!(#param: #(#bounds)+*));
        }
    }
    for projection in owned.projections {
        predicates.push(parse_quote!(#projection: #krate::Walk));
    }
    predicates
}

/// A struct that ends in a type made of a `?Sized` parameter is walked where it has a size. (One
/// that ends in the parameter itself needs none.)
fn sized_tail(input: &Input<'_>) -> Option<WherePredicate> {
    let Data::Struct(fields) = &input.data else { return None };
    let tail = fields.last()?.ty;
    let relaxed = ast::relaxed_params(input.generics);
    let is_sized = input.tail().is_none() || input.attrs.has("transparent");
    (is_sized && mentions(tail.to_token_stream(), &relaxed))
        .then(|| parse_quote!(#tail: ::core::marker::Sized))
}

/// Whether the type is the same whatever the parameters of `generics` stand for, lifetimes and
/// constants aside.
pub(crate) fn is_concrete(ty: &Type, generics: &Generics) -> bool {
    let this = Ident::new("Self", Span::call_site());
    let mut names: Vec<&Ident> = generics.type_params().map(|param| &param.ident).collect();
    if names.is_empty() {
        return true;
    }
    names.push(&this);
    !mentions(ty.to_token_stream(), &names)
}

/// What of the type's parameters the walked fields own.
struct Owned<'a> {
    params: &'a [&'a Ident],
    /// A flag per parameter.
    used: Vec<bool>,
    projections: Vec<TypePath>,
    /// What references lead to counts as owned.
    is_followed: bool,
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
            Type::Reference(reference) if self.is_followed => self.visit(&reference.elem),
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

    /// As `visit`, for a type that is walked in a given way: what the way leaves to the type's
    /// own `Walk` counts, and what it is itself generic over.
    fn visit_by(&mut self, way: &Type, ty: &Type) {
        match (ast::peel(way), ast::peel(ty)) {
            (Type::Infer(_), ty) => self.visit(ty),
            (Type::Array(way), Type::Array(ty)) => self.visit_by(&way.elem, &ty.elem),
            (Type::Slice(way), Type::Slice(ty)) => self.visit_by(&way.elem, &ty.elem),
            (Type::Tuple(way), Type::Tuple(ty)) if way.elems.len() == ty.elems.len() => {
                way.elems.iter().zip(&ty.elems).for_each(|(way, ty)| self.visit_by(way, ty));
            }
            (Type::Path(way), Type::Path(ty)) => {
                let last = |path: &TypePath| path.path.segments.last().cloned();
                let (Some(way), Some(ty)) = (last(way), last(ty)) else { return };
                let (ways, types) = (type_args(&way.arguments), type_args(&ty.arguments));
                if way.ident == ty.ident && ways.len() <= types.len() {
                    ways.iter().zip(types).for_each(|(way, ty)| self.visit_by(way, ty));
                } else {
                    ways.iter().for_each(|way| self.visit(way));
                }
            }
            (way, _) => self.visit(way),
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
            type_args(&segment.arguments)
                .into_iter()
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

/// The types among generic arguments.
pub(crate) fn type_args(arguments: &PathArguments) -> Vec<&Type> {
    let PathArguments::AngleBracketed(args) = arguments else { return Vec::new() };
    args.args
        .iter()
        .filter_map(|arg| match arg {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect()
}

/// Hash tables are walked whatever their hasher is: it is inline bytes to them.
pub(crate) fn is_hasher(container: &Ident, argument: usize) -> bool {
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
