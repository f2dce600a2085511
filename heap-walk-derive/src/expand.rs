//! The impl, as tokens.
//!
//! Nothing clever is generated: the calls are those that a hand-written impl would make. All paths
//! are absolute, all names of ours start with `__`, and everything stands in an anonymous const,
//! so nothing meets a name of the user's. Calls about a field carry the place of the field's type,
//! because that is what a missing `impl Walk` is about.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{DeriveInput, Type};

use crate::ast::{Data, Field, Input, Variant};
use crate::attr::Mode;
use crate::bound;
use crate::ctxt::Ctxt;
use crate::valid;

/// The expansion of `#[derive(Walk)]`.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    match syn::parse2(input) {
        Ok(input) => derive_input(&input),
        Err(error) => error.into_compile_error(),
    }
}

/// An input with mistakes gives one `compile_error!` each and an impl that does nothing, so that
/// the type's users don't get messages about a missing impl on top.
fn derive_input(input: &DeriveInput) -> TokenStream {
    let cx = Ctxt::new();
    let parsed = Input::new(&cx, input);
    valid::check(&cx, &parsed);
    match cx.finish() {
        Ok(()) => expand(&parsed),
        Err(errors) => {
            let stub = stub(&parsed);
            quote!(#errors #stub)
        }
    }
}

fn expand(input: &Input<'_>) -> TokenStream {
    let (walk, is_leaf, layout) = match &input.data {
        Data::Struct(fields) => (walk_struct(fields), is_leaf(fields), describe_struct(fields)),
        Data::Enum(variants) => {
            (Some(walk_enum(variants)), None, describe_enum(variants, input.repr.ordered))
        }
        Data::Union(_) => return TokenStream::new(),
    };
    let is_leaf = is_leaf.map(|is_leaf| {
        quote! {
            // Asked about across crates, and answered at compile time if inlined.
            #[inline]
            fn is_leaf() -> bool {
                #is_leaf
            }
        }
    });
    let ident = input.ident;
    let generics = bound::impl_generics(input);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let required = required(input);
    let (name, version) = (cargo_says("CARGO_PKG_NAME"), cargo_says("CARGO_PKG_VERSION"));
    // The type's own line: without the span it would be that of the derive attribute.
    let line = quote_spanned!(ident.span()=> ::core::line!());
    quote! {
        const _: () = {
            #[automatically_derived]
            #[allow(
                deprecated,
                unreachable_code,
                unreachable_patterns,
                clippy::all,
                clippy::nursery,
                clippy::pedantic
            )]
            impl #impl_generics ::heap_walk::Walk for #ident #ty_generics #where_clause {
                fn walk<'__a>(&'__a self, __w: &mut ::heap_walk::Walker<'__a>) {
                    #required
                    #walk
                }
                fn shape(&self) -> &'static ::heap_walk::Shape {
                    ::heap_walk::Shape::of::<Self>()
                }
                fn describe(__d: &mut ::heap_walk::Describe<'_>) {
                    #required
                    __d.source(#name, #version, ::core::file!(), #line);
                    #layout
                }
                #is_leaf
            }
        };
    }
}

/// An environment variable that cargo sets for the crate that is compiled; other build systems
/// may not.
fn cargo_says(variable: &str) -> TokenStream {
    quote! {
        match ::core::option_env!(#variable) {
            ::core::option::Option::Some(__text) => __text,
            ::core::option::Option::None => "",
        }
    }
}

/// A statement without effect that names each walked type's `Walk`.
///
/// It makes a missing impl one message. The compiler checks each function by itself and would
/// report the same type once in `walk`, in `describe` and in `is_leaf`, each time with a remark
/// about the function of ours that asked. Within a function, it keeps the first of the reports
/// for one place; and reports that are alike to the letter are printed once.
fn required(input: &Input<'_>) -> Option<TokenStream> {
    let types: Vec<&Type> = input
        .fields()
        .filter(|field| matches!(field.attrs.mode(), Mode::Walk | Mode::Show))
        .map(|field| field.ty)
        .filter(|ty| !is_primitive(ty))
        .collect();
    (!types.is_empty()).then(|| quote!(let _ = (#(<#types as ::heap_walk::Walk>::is_leaf,)*);))
}

/// A type whose impl can't be missing. (One that a user named so may lack it, and gets the
/// message more than once.)
fn is_primitive(ty: &Type) -> bool {
    const NAMES: [&str; 18] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize", "str", "String",
    ];
    match ty {
        Type::Path(path) => path.path.get_ident().is_some_and(|ident| NAMES.iter().any(|name| ident == name)),
        _ => false,
    }
}

/// The impl that stands in for one that could not be generated.
fn stub(input: &Input<'_>) -> TokenStream {
    let ident = input.ident;
    let generics = bound::declared(input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #impl_generics ::heap_walk::Walk for #ident #ty_generics #where_clause {
                fn walk<'__a>(&'__a self, _: &mut ::heap_walk::Walker<'__a>) {}
            }
        };
    }
}

fn walk_struct(fields: &[Field<'_>]) -> Option<TokenStream> {
    let walked = fields.iter().filter(|field| !matches!(field.attrs.mode(), Mode::Skip));
    let (pattern, visits): (Vec<_>, Vec<_>) = walked
        .map(|field| {
            let name = field.name();
            (bind(field), visit(field, quote!(::heap_walk::Label::field(#name))))
        })
        .unzip();
    (!visits.is_empty()).then(|| {
        quote! {
            let Self { #(#pattern,)* .. } = self;
            #(#visits)*
        }
    })
}

fn walk_enum(variants: &[Variant<'_>]) -> TokenStream {
    if variants.is_empty() {
        return quote!(match *self {});
    }
    if variants.iter().all(|variant| variant.fields.is_empty()) {
        let index = 0..variants.len() as u32;
        let variant = variants.iter().map(|variant| variant.ident);
        return quote! {
            let __index = match self {
                #(Self::#variant { .. } => #index,)*
            };
            __w.variant(::heap_walk::Shape::of::<Self>(), __index);
        };
    }
    let arms = variants.iter().zip(0..).map(|(variant, index)| walk_variant(index, variant));
    quote! {
        let __shape = ::heap_walk::Shape::of::<Self>();
        match self {
            #(#arms)*
        }
    }
}

/// The arm of one variant: counts it, says once where its fields lie, and walks them.
fn walk_variant(index: u32, variant: &Variant<'_>) -> TokenStream {
    let ident = variant.ident;
    if variant.fields.is_empty() {
        return quote!(Self::#ident { .. } => { __w.variant(__shape, #index); });
    }
    let pattern = variant.fields.iter().map(bind);
    let binding = variant.fields.iter().map(|field| &field.binding);
    let variant_name = ident.unraw().to_string();
    let visits = variant.fields.iter().map(|field| {
        let name = field.name();
        visit(field, quote!(::heap_walk::Label::variant_field(#variant_name, #name)))
    });
    quote! {
        Self::#ident { #(#pattern),* } => {
            if __w.variant(__shape, #index) {
                __w.variant_offsets(
                    __shape,
                    #index,
                    self as *const Self as usize,
                    &[#(#binding as *const _ as *const () as usize),*],
                );
            }
            #(#visits)*
        }
    }
}

/// `member: binding`, as in a pattern.
fn bind(field: &Field<'_>) -> TokenStream {
    let (member, binding) = (&field.member, &field.binding);
    quote!(#member: #binding)
}

/// The call that walks one field, if any does. The field is bound as `bind` says.
fn visit(field: &Field<'_>, label: TokenStream) -> Option<TokenStream> {
    let binding = &field.binding;
    // Stable Rust can't make one place of two, but an expression reaches from its first token to
    // its last: a reborrow spans the whole of a field's type.
    let place = match field.ty_ends {
        (first, Some(_)) => {
            let reborrow = quote_spanned!(first=> &*);
            quote!(#reborrow #binding)
        }
        (_, None) => quote!(#binding),
    };
    let label = quote!(const { &#label });
    match field.attrs.mode() {
        Mode::Walk => Some(quote!(__w.visit(#label, #place);)),
        Mode::Skip => None,
        Mode::Opaque => Some(quote!(__w.visit_opaque(#label, #place);)),
        Mode::Show => Some(quote!(__w.show(#label, #place);)),
        Mode::Copy => Some(quote!(__w.visit_copy(#label, #place);)),
        Mode::With(path) => {
            // Called rather than passed on, so that a `Vec` may go to a function of slices.
            let span = path.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
            let with = quote_spanned!(span=> |__v, __w| #path(__v, __w));
            Some(quote!(__w.visit_with(#label, #place, #with);))
        }
    }
}

/// Whether a struct's values are leaves: all that is walked is, and nothing is treated specially.
fn is_leaf(fields: &[Field<'_>]) -> Option<TokenStream> {
    let mut types: Vec<&Type> = Vec::new();
    for field in fields {
        match field.attrs.mode() {
            // The same type is asked once.
            Mode::Walk if types.contains(&field.ty) => {}
            Mode::Walk => types.push(field.ty),
            Mode::Skip => {}
            // `false`, as the trait has it.
            Mode::Opaque | Mode::Show | Mode::Copy | Mode::With(_) => return None,
        }
    }
    if types.is_empty() {
        return Some(quote!(true));
    }
    Some(quote!(#(<#types as ::heap_walk::Walk>::is_leaf())&&*))
}

fn describe_struct(fields: &[Field<'_>]) -> TokenStream {
    let fields = fields.iter().map(|field| {
        let member = &field.member;
        describe_field(field, quote!(::core::option::Option::Some(::core::mem::offset_of!(Self, #member))))
    });
    quote!(__d.structure(&[#(#fields),*]);)
}

fn describe_enum(variants: &[Variant<'_>], ordered: bool) -> TokenStream {
    let variants = variants.iter().map(|variant| {
        let name = variant.ident.unraw().to_string();
        let types = variant.fields.iter().map(|field| field.ty);
        let size = if ordered {
            quote! {
                ::heap_walk::repr_c_size(
                    &[#((::core::mem::size_of::<#types>(), ::core::mem::align_of::<#types>())),*],
                )
            }
        } else if variant.fields.is_empty() {
            quote!(0)
        } else {
            quote!(::core::mem::size_of::<(#(#types,)*)>())
        };
        let fields =
            variant.fields.iter().map(|field| describe_field(field, quote!(::core::option::Option::None)));
        quote!(::heap_walk::Variant::new(#name, #size, &[#(#fields),*]))
    });
    quote!(__d.enumeration(&[#(#variants),*]);)
}

fn describe_field(field: &Field<'_>, offset: TokenStream) -> TokenStream {
    let (name, ty) = (field.name(), field.ty);
    let mode = match field.attrs.mode() {
        Mode::Walk | Mode::Show => {
            return quote!(::heap_walk::Field::walked::<#ty>(#name, #offset));
        }
        Mode::Skip => "skip",
        Mode::Opaque => "opaque",
        Mode::Copy => "copy",
        Mode::With(_) => "with",
    };
    quote!(::heap_walk::Field::unwalked::<#ty>(#name, #offset, #mode))
}
