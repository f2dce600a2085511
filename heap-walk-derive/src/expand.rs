//! The impl, as tokens.
//!
//! Nothing clever is generated: the calls are those that a hand-written impl would make. All paths
//! are absolute, all names of ours start with `__`, and everything stands in an anonymous const,
//! so nothing meets a name of the user's. Calls about a field carry the place of the field's type,
//! because that is what a missing `impl Walk` is about.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned, ToTokens};
use syn::spanned::Spanned;
use syn::{DeriveInput, Type};

use crate::ast::{Data, Field, Input, Variant};
use crate::attr::Mode;
use crate::bound;
use crate::ctxt::Ctxt;
use crate::valid;
use crate::way::{self, Chosen, Entry};

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
    let items = match (&input.attrs.remote, &input.data) {
        (Some(_), _) => remote(input),
        (None, Data::Struct(_)) if input.attrs.has("transparent") => transparent(input),
        (None, _) => own(input),
    };
    let imports = way::imports(input);
    let krate = &input.krate;
    // Short, because they are named once or more a field.
    let short = quote! {
        use #krate::Walk as __Walk;
    };
    quote!(const _: () = { #short #imports #items };)
}

/// `impl Walk for Type`.
fn own(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let target = Target { ty: quote!(Self), pattern: quote!(Self), value: quote!(self), is_remote: false };
    let required = required(input);
    let walk = walk(input, &target);
    let labels = labels(input);
    let key = key(input);
    let (report, impl_key) = key.unzip();
    let is_leaf = match &input.data {
        Data::Struct(fields) if report.is_none() => is_leaf(input, fields),
        _ => None,
    };
    let name = input.attrs.rename.as_ref().map(|name| quote!(fn name() -> &'static str { #name }));
    // A type whose values alone know their size has no layout to describe.
    let described = input.tail().is_none().then(|| {
        let layout = layout(input, &target);
        let source = source(input);
        let required = input.repr.packed.map(|_| &required);
        quote! {
            fn shape(&self) -> &'static #krate::Shape {
                <Self as __Walk>::static_shape().0
            }
            #name
            fn describe(__d: &mut #krate::Describe<'_>) {
                #required
                #source
                #layout
            }
            #is_leaf
        }
    });
    let walk_elements = walk_elements(input);
    let item = implement(
        input,
        quote!(#krate::Walk),
        quote! {
            fn walk<'__a>(&'__a self, __w: &mut #krate::Walker<'__a>) {
                #required
                #report
                #labels
                #walk
            }
            #walk_elements
            #described
        },
    );
    quote!(#item #impl_key)
}

/// `impl Walk for Type` by that of its one field.
fn transparent(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let Some(Field { member, ty, ty_ends, .. }) = input.newtype() else { return TokenStream::new() };
    let walk = quote!(#krate::Walk);
    let value = reborrow(*ty_ends, quote!(__value));
    let span = input.attrs.span("transparent").unwrap_or_else(Span::call_site);
    let same_size = |this: TokenStream| {
        quote_spanned! {span=>
            ::core::assert!(
                ::core::mem::size_of::<#this>() == ::core::mem::size_of::<#ty>(),
                "`transparent` needs a type that is as large as its field",
            )
        }
    };
    // As early as the compiler knows.
    let (at_once, later) = match input.generics.params.is_empty() {
        _ if is_unsized(ty) => (None, None),
        true => {
            let assertion = same_size(input.ident.to_token_stream());
            (Some(quote!(const _: () = #assertion;)), None)
        }
        false => {
            let assertion = same_size(quote!(Self));
            (None, Some(quote!(const { #assertion })))
        }
    };
    let sized = (!is_unsized(ty)).then(|| {
        quote! {
            fn name() -> &'static str {
                <#ty as #walk>::name()
            }
            fn describe(__d: &mut #krate::Describe<'_>) {
                #later
                <#ty as #walk>::describe(__d)
            }
            #[inline]
            fn is_leaf() -> bool {
                <#ty as #walk>::is_leaf()
            }
        }
    });
    let item = implement(
        input,
        walk.clone(),
        quote! {
            #[inline]
            fn walk<'__a>(&'__a self, __w: &mut #krate::Walker<'__a>) {
                let Self { #member: __value, .. } = self;
                <#ty as #walk>::walk(#value, __w);
            }
            fn shape(&self) -> &'static #krate::Shape {
                <#ty as #walk>::shape(&self.#member)
            }
            #sized
        },
    );
    quote!(#at_once #item)
}

/// `impl WalkAs<foreign::Type> for Type`.
fn remote(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let Some(remote) = &input.attrs.remote else { return TokenStream::new() };
    // Patterns name it by an alias: they take no generic arguments, and where there is no such
    // type, the alias alone says so.
    let generics = bound::declared(input.generics);
    let (impl_generics, ..) = generics.split_for_impl();
    let span = remote.span();
    let target = Target {
        ty: remote.to_token_stream(),
        pattern: quote_spanned!(span=> __Remote),
        value: quote_spanned!(span=> __value),
        is_remote: true,
    };
    let alias = quote! {
        #[allow(dead_code, type_alias_bounds)]
        type __Remote #impl_generics = #remote;
    };
    let param = &target.value;
    let required = required(input);
    let walk = walk(input, &target);
    let labels = labels(input);
    let layout = layout(input, &target);
    let is_leaf = match &input.data {
        Data::Struct(fields) if !input.attrs.has("partial") => is_leaf(input, fields),
        _ => None,
    };
    let name = input.attrs.rename.as_ref().map(|name| quote!(fn name_as() -> &'static str { #name }));
    let item = implement(
        input,
        quote!(#krate::WalkAs<#remote>),
        quote! {
            fn walk_as<'__a>(#param: &'__a #remote, __w: &mut #krate::Walker<'__a>)
            where
                Self: '__a,
            {
                #required
                #labels
                #walk
            }
            fn shape_as(_: &#remote) -> &'static #krate::Shape {
                #krate::Shape::of::<#krate::As<#remote, Self>>()
            }
            #name
            fn describe_as(__d: &mut #krate::Describe<'_>) {
                #layout
            }
            #is_leaf
        },
    );
    let constructors = constructors(input);
    let complete = complete(input, &target);
    quote!(#alias #item #constructors #complete)
}

/// A function that constructs a foreign struct of all that its mirror names. If a field is
/// missing, the compiler says of an expression which one; of a pattern it would propose to leave
/// it out, in a place where nothing of the kind can be written.
fn complete(input: &Input<'_>, target: &Target) -> Option<TokenStream> {
    let Data::Struct(fields) = &input.data else { return None };
    if input.attrs.has("partial") {
        return None;
    }
    let (ty, pattern) = (&target.ty, &target.pattern);
    let (binding, members) = (fields.iter().map(|field| &field.binding), fields.iter().map(bind));
    let braces = braces(target, quote!(#(#members),*));
    let generics = bound::impl_generics(input);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    Some(quote! {
        #[allow(dead_code, deprecated, clippy::all, clippy::nursery, clippy::pedantic)]
        fn __complete #impl_generics () #where_clause {
            let _ = |#(#binding),*| -> #ty { #pattern #braces };
        }
    })
}

/// Functions that construct the mirror of a foreign type, lest it count as dead code.
fn constructors(input: &Input<'_>) -> TokenStream {
    let ident = input.ident;
    let generics = bound::declared(input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let construct = |path: TokenStream, fields: &[Field<'_>]| {
        let binding = fields.iter().map(|field| &field.binding);
        let types = fields.iter().map(|field| field.ty);
        let pattern = fields.iter().map(bind);
        let read = pattern.clone();
        quote! {
            #[allow(dead_code)]
            fn __construct #impl_generics (#(#binding: #types),*) -> #ident #ty_generics #where_clause {
                let __mirror: #ident #ty_generics = #path { #(#pattern),* };
                // Reads the fields.
                if let #path { #(#read),* } = &__mirror {}
                __mirror
            }
        }
    };
    let functions = match &input.data {
        Data::Struct(fields) => vec![construct(quote!(#ident), fields)],
        Data::Enum(variants) => variants
            .iter()
            .map(|variant| {
                let name = variant.ident;
                construct(quote!(#ident::#name), &variant.fields)
            })
            .collect(),
        Data::Union(_) => vec![],
    };
    quote!(#(const _: () = { #[allow(irrefutable_let_patterns, unused_variables)] #functions };)*)
}

/// What an impl is about: the type itself, or a foreign type that it mirrors.
struct Target {
    ty: TokenStream,
    /// The type's path as a pattern begins with it.
    pattern: TokenStream,
    /// The reference that is walked.
    value: TokenStream,
    is_remote: bool,
}

/// An impl of a trait with these items.
fn implement(input: &Input<'_>, what: TokenStream, items: TokenStream) -> TokenStream {
    let ident = input.ident;
    let generics = bound::impl_generics(input);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unreachable_code, clippy::all, clippy::nursery, clippy::pedantic)]
        impl #impl_generics #what for #ident #ty_generics #where_clause {
            #items
        }
    }
}

/// Where the type is defined.
fn source(input: &Input<'_>) -> TokenStream {
    // Cargo sets these for the crate that is compiled; other build systems may not.
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // File and line are those of the call: without the span, those of the derive attribute.
    let call = quote_spanned!(input.ident.span()=> source_here(#package, #version));
    quote!(__d.#call;)
}

/// A statement without effect that names the `Walk` of types which nothing else in `walk` names
/// as a path.
///
/// It makes a missing impl one message. The compiler checks each function by itself and would
/// report the same type once in `walk`, in `describe` and in `is_leaf`. Reports that are alike to
/// the letter are printed once, and those of paths `<Type as Walk>::...` are, while a call of a
/// generic function adds a remark about the function. Within a function, the compiler keeps the
/// first of the reports for one place.
fn required(input: &Input<'_>) -> Option<TokenStream> {
    let tail = input.tail().map(|tail| tail.ty);
    let functions: Vec<TokenStream> = input
        .fields()
        .filter_map(|field| {
            let ty = field.ty;
            match way::entry(input, field) {
                // Whether it is a leaf can be asked of what has a size.
                Entry::Walk if tail == Some(ty) => Some(quote!(<#ty as __Walk>::walk)),
                Entry::Walk if input.repr.packed.is_none() => None,
                Entry::Walk | Entry::Mode(Mode::Show) | Entry::Chosen(_, Chosen::Strictly) => {
                    Some(quote!(<#ty as __Walk>::is_leaf))
                }
                _ => None,
            }
        })
        .collect();
    (!functions.is_empty()).then(|| quote!(let _ = (#(#functions,)*);))
}

/// The impl that stands in for one that could not be generated.
fn stub(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let ident = input.ident;
    let generics = bound::declared(input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let walk = match &input.attrs.remote {
        None if input.attrs.has("remote") => return TokenStream::new(),
        None => quote! {
            impl #impl_generics #krate::Walk for #ident #ty_generics #where_clause {
                fn walk<'__a>(&'__a self, _: &mut #krate::Walker<'__a>) {}
            }
        },
        Some(remote) => quote! {
            impl #impl_generics #krate::WalkAs<#remote> for #ident #ty_generics #where_clause {
                fn walk_as<'__a>(_: &'__a #remote, _: &mut #krate::Walker<'__a>) where Self: '__a {}
            }
        },
    };
    quote!(const _: () = { #[automatically_derived] #walk };)
}

/// The report of a value that is a key, and the impl that says so.
fn key(input: &Input<'_>) -> Option<(TokenStream, TokenStream)> {
    let krate = &input.krate;
    let field = input.newtype().filter(|_| input.attrs.has("key"))?;
    let (member, ty) = (&field.member, field.ty);
    let table = match &input.attrs.table {
        Some(table) => quote!(#table),
        None => quote!(""),
    };
    let value = reborrow(field.ty_ends, quote!(__value));
    let item = implement(
        input,
        quote!(#krate::Key),
        quote! {
            #[inline]
            fn key(&self) -> u64 {
                let Self { #member: __value, .. } = self;
                <#ty as #krate::Key>::key(#value)
            }
        },
    );
    Some((quote!(__w.key_into(self, #table);), item))
}

/// The body of `walk`.
fn walk(input: &Input<'_>, target: &Target) -> Option<TokenStream> {
    let walk = match &input.data {
        // A key's field is the key.
        Data::Struct(_) if input.attrs.has("key") => None,
        Data::Struct(fields) if input.repr.packed.is_some() => walk_packed(input, fields),
        Data::Struct(fields) if input.tail().is_some() => Some(walk_unsized(input, fields)),
        Data::Struct(fields) => walk_struct(input, target, fields),
        Data::Enum(variants) => Some(walk_enum(input, target, variants)),
        Data::Union(_) => None,
    };
    let rest = input.attrs.has("partial").then(|| {
        let value = &target.value;
        let label = label(input, [String::new(), "..".to_owned(), String::new()]);
        quote!(__w.visit_opaque(#label, #value);)
    });
    match (rest, walk) {
        (None, None) => None,
        (rest, walk) => Some(quote!(#rest #walk)),
    }
}

fn walk_struct(input: &Input<'_>, target: &Target, fields: &[Field<'_>]) -> Option<TokenStream> {
    if !target.is_remote {
        return walk_own(input, fields);
    }
    let visits = fields.iter().filter_map(|field| visit(input, field, || field_label(input, field, "")));
    let value = &target.value;
    let bind = fields.iter().filter(|field| !matches!(field.attrs.mode(), Mode::Skip)).map(|field| {
        let (member, binding) = (&field.member, &field.binding);
        quote!(let #binding = &(*#value).#member;)
    });
    let checks = types_of(input, target, fields);
    Some(quote! {
        #(#bind)*
        #checks
        #(#visits)*
    })
}

fn walk_own(input: &Input<'_>, fields: &[Field<'_>]) -> Option<TokenStream> {
    let mut pattern = Vec::new();
    let mut visits = Vec::new();
    for field in fields {
        if let Entry::Walk = way::entry(input, field) {
            // The quickest to compile: it is what most fields have.
            let (member, ty, label) = (&field.member, field.ty, field_label(input, field, ""));
            visits.push(quote!(<#ty as __Walk>::walk_field(&self.#member, __w, #label);));
        } else if let Some(visit) = visit(input, field, || field_label(input, field, "")) {
            pattern.push(bind(field));
            visits.push(visit);
        }
    }
    let bind = (!pattern.is_empty()).then(|| quote!(let Self { #(#pattern,)* .. } = self;));
    (!visits.is_empty()).then(|| quote!(#bind #(#visits)*))
}

/// What stands in the braces of an expression. The compiler's words about a foreign type belong
/// where that type is named.
fn braces(target: &Target, inside: TokenStream) -> TokenStream {
    let mut group = Group::new(Delimiter::Brace, inside);
    if let Some(first) = target.pattern.clone().into_iter().next().filter(|_| target.is_remote) {
        group.set_span(first.span());
    }
    TokenTree::Group(group).into()
}

/// Statements by which the fields of a foreign type have the types that its mirror says.
fn types_of(input: &Input<'_>, target: &Target, fields: &[Field<'_>]) -> Option<TokenStream> {
    input.attrs.remote.as_ref().filter(|_| target.is_remote)?;
    let checks = fields.iter().filter(|field| !matches!(field.attrs.mode(), Mode::Skip)).map(|field| {
        let (ty, place) = (field.ty, reborrow(field.ty_ends, field.binding.to_token_stream()));
        let binding = &field.binding;
        quote!(let #binding: &#ty = #place;)
    });
    Some(quote!(#(#checks)*))
}

/// Fields of a packed struct can't be borrowed: copies are walked in their stead.
fn walk_packed(input: &Input<'_>, fields: &[Field<'_>]) -> Option<TokenStream> {
    let visits: Vec<_> = fields
        .iter()
        .filter_map(|field| {
            let (member, ty) = (&field.member, field.ty);
            let label = field_label(input, field, "");
            let copy = quote_spanned!(span(field)=> self.#member);
            match field.attrs.mode() {
                Mode::Skip => None,
                // The whole is scanned: what others claim is theirs.
                Mode::Opaque => Some(quote!(__w.visit_opaque(#label, self);)),
                _ => {
                    let krate = &input.krate;
                    let visit = quote_spanned!(span(field)=> visit);
                    Some(quote!((&&&#krate::probe::Packed::<#ty>::NEW).#visit(__w, #label, self, #copy);))
                }
            }
        })
        .collect();
    (!visits.is_empty()).then(|| quote!(#(#visits)*))
}

/// A value of which the compiler knows no size says how its own bytes divide.
fn walk_unsized(input: &Input<'_>, fields: &[Field<'_>]) -> TokenStream {
    let krate = &input.krate;
    let pattern = fields.iter().map(bind);
    let sizes = fields.iter().map(|field| {
        let binding = &field.binding;
        quote!(::core::mem::size_of_val(#binding))
    });
    let tail = fields.len() - 1;
    let parts = fields.iter().enumerate().map(|(i, field)| {
        let (binding, ty) = (&field.binding, field.ty);
        let divide = match way::entry(input, field) {
            Entry::Walk | Entry::Mode(Mode::Show) if i == tail => {
                let label = field_label(input, field, "");
                let place = reborrow(field.ty_ends, quote!(#binding));
                return Some(quote!(__w.visit_tail(#label, #place);));
            }
            Entry::Walk | Entry::Mode(Mode::Show) => {
                Some(quote!(__w.divide_part::<#ty, _>(::core::marker::PhantomData::<#krate::Same>);))
            }
            Entry::Mode(Mode::Opaque) if i == tail => {
                let label = field_label(input, field, "");
                return Some(quote!(__w.visit_opaque_tail(#label, #binding);));
            }
            Entry::Given(way) if i != tail => {
                Some(quote!(__w.divide_part::<#ty, _>(::core::marker::PhantomData::<#way>);))
            }
            Entry::Chosen(way, _) if i != tail => Some(quote!(__w.divide_part::<#ty, _>(#way);)),
            _ => None,
        };
        let visit = visit(input, field, || field_label(input, field, ""));
        Some(quote!(#divide #visit))
    });
    quote! {
        let Self { #(#pattern),* } = self;
        __w.divide_unsized(::core::mem::size_of_val(self), &[#(#sizes),*]);
        #(#parts)*
    }
}

fn walk_enum(input: &Input<'_>, target: &Target, variants: &[Variant<'_>]) -> TokenStream {
    let krate = &input.krate;
    let value = &target.value;
    let is_partial = input.attrs.has("partial");
    if variants.is_empty() && !is_partial {
        return quote!(match *#value {});
    }
    let shape = if target.is_remote {
        let ty = &target.ty;
        quote!(#krate::Shape::of::<#krate::As<#ty, Self>>())
    } else {
        quote!(<Self as __Walk>::static_shape().0)
    };
    if variants.iter().all(|variant| variant.fields.is_empty()) && !is_partial {
        let number = number(target, variants);
        return quote! {
            let __index = #number;
            __w.variant(#shape, __index);
        };
    }
    let arms = variants.iter().enumerate().map(|(index, variant)| arm(input, target, index as u32, variant));
    let rest = is_partial.then(|| {
        let ty = &target.ty;
        quote!(_ => __w.unknown_variant::<#ty>(),)
    });
    quote! {
        let __shape = #shape;
        match #value {
            #(#arms)*
            #rest
        }
    }
}

/// The number of a value's variant.
fn number(target: &Target, variants: &[Variant<'_>]) -> TokenStream {
    let (value, ty) = (&target.value, &target.pattern);
    let index = 0..variants.len() as u32;
    let variant = variants.iter().map(|variant| variant.ident);
    quote! {
        match #value {
            #(#ty::#variant { .. } => #index,)*
        }
    }
}

/// How values of an enum are visited that stand side by side. Those with nothing behind them are
/// only counted, without a branch for each variant.
fn walk_elements(input: &Input<'_>) -> Option<TokenStream> {
    let Data::Enum(variants) = &input.data else { return None };
    if variants.is_empty() || input.attrs.has("partial") {
        return None;
    }
    let krate = &input.krate;
    let are_leaves = are_leaves(input, variants.iter().flat_map(|variant| &variant.fields))?;
    let value = quote!(__value);
    let number =
        number(&Target { ty: quote!(Self), pattern: quote!(Self), value, is_remote: false }, variants);
    Some(quote! {
        fn walk_elements<'__a>(__elements: &'__a [Self], __w: &mut #krate::Walker<'__a>) {
            if #are_leaves {
                __w.count_elements(__elements, |__value| #number);
            } else {
                __w.each_element(__elements);
            }
        }
    })
}

/// The arm of one variant: counts it, says once where its fields lie, and walks them.
fn arm(input: &Input<'_>, target: &Target, index: u32, variant: &Variant<'_>) -> TokenStream {
    let (ident, ty) = (variant.ident, &target.pattern);
    if variant.fields.is_empty() {
        return quote!(#ty::#ident { .. } => { __w.variant(__shape, #index); });
    }
    let (value, place_ty) = (&target.value, &target.ty);
    let pattern = variant.fields.iter().map(bind);
    let binding = variant.fields.iter().map(|field| &field.binding);
    let rest = input.attrs.has("partial").then(|| quote!(, ..));
    let checks = types_of(input, target, &variant.fields);
    let variant_name = variant.name();
    let visits =
        variant.fields.iter().map(|field| visit(input, field, || field_label(input, field, &variant_name)));
    quote! {
        #ty::#ident { #(#pattern),* #rest } => {
            #checks
            if __w.variant(__shape, #index) {
                __w.variant_offsets(
                    __shape,
                    #index,
                    #value as *const #place_ty as usize,
                    &[#(#binding as *const _ as usize),*],
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

/// The label of a field; `variant` is empty in a struct.
fn field_label(input: &Input<'_>, field: &Field<'_>, variant: &str) -> TokenStream {
    let table = match field.attrs.mode() {
        Mode::Key(Some(table)) => table.value(),
        _ => String::new(),
    };
    label(input, [variant.to_owned(), field.name(), table])
}

/// The name of a reference to a label.
fn label(input: &Input<'_>, label: [String; 3]) -> TokenStream {
    let mut labels = input.labels.borrow_mut();
    labels.push(label);
    format_ident!("__l{}", labels.len() - 1).into_token_stream()
}

/// The statement that makes the labels which `label` named. They are one constant, because each is
/// a body for the compiler to check; and neither an item nor indexed, which would take it longer.
fn labels(input: &Input<'_>) -> Option<TokenStream> {
    let krate = &input.krate;
    let labels = input.labels.borrow();
    let names = (0..labels.len()).map(|i| format_ident!("__l{i}"));
    let table = if labels.iter().all(|[variant, _, table]| variant.is_empty() && table.is_empty()) {
        let names = labels.iter().map(|[_, name, _]| name);
        quote!(fields([#(#names),*]))
    } else {
        let labels = labels.iter().map(|label| quote!([#(#label),*]));
        quote!(table([#(#labels),*]))
    };
    (!labels.is_empty()).then(|| quote!(let [#(#names),*] = const { &#krate::Label::#table };))
}

/// The place of a field's type.
fn span(field: &Field<'_>) -> Span {
    field.ty_ends.1.unwrap_or(field.ty_ends.0)
}

/// A reference at the place of a type. Stable Rust can't make one place of two, but an expression
/// reaches from its first token to its last: a reborrow spans the whole of a field's type.
fn reborrow(ty_ends: (Span, Option<Span>), reference: TokenStream) -> TokenStream {
    match ty_ends {
        (first, Some(last)) => {
            let reborrow = quote_spanned!(first=> &*);
            let reference: TokenStream = at(reference, last);
            quote!(#reborrow #reference)
        }
        (only, None) => at(reference, only),
    }
}

/// The same tokens, as if they stood at `span`; hygiene stays as it is.
fn at(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// The call that walks one field, if any does. The field is bound as `bind` says.
fn visit(input: &Input<'_>, field: &Field<'_>, label: impl FnOnce() -> TokenStream) -> Option<TokenStream> {
    let krate = &input.krate;
    let binding = &field.binding;
    if matches!(field.attrs.mode(), Mode::Skip) {
        return None;
    }
    let label = label();
    let ty = field.ty;
    let place = || reborrow(field.ty_ends, quote!(#binding));
    let mode = match way::entry(input, field) {
        Entry::Walk => return Some(quote!(<#ty as __Walk>::walk_field(#binding, __w, #label);)),
        Entry::Given(way) => {
            let place = place();
            return Some(quote! {
                __w.visit_by(#label, #place, <#way as #krate::WalkAs<#ty>>::is_leaf_as, |__v, __w| {
                    <#way as #krate::WalkAs<#ty>>::walk_as(__v, __w)
                });
            });
        }
        Entry::Chosen(way, _) => {
            let place = place();
            return Some(quote!(__w.visit_as(#label, #place, #way);));
        }
        Entry::Mode(mode) => mode,
    };
    let place = place();
    let span_of = |path: &syn::ExprPath| {
        path.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span())
    };
    match mode {
        Mode::Opaque => Some(quote!(__w.visit_opaque(#label, #place);)),
        Mode::Show => Some(quote!(__w.show(#label, #place);)),
        Mode::Copy => Some(quote!(__w.visit_copy(#label, #place);)),
        Mode::With(path) => {
            // Called rather than passed on, so that a `Vec` may go to a function of slices.
            let with = quote_spanned!(span_of(path)=> |__v, __w| #path(__v, __w));
            Some(quote!(__w.visit_with(#label, #place, #with);))
        }
        Mode::Via(path, is_followed) => {
            let span = span_of(path);
            let via = if is_followed {
                quote_spanned!(span=> |__v| #krate::As::<_, #krate::Follow>::wrap(#path(__v)))
            } else {
                quote_spanned!(span=> |__v| #path(__v))
            };
            let visit = quote_spanned!(span=> visit_via);
            Some(quote!(__w.#visit(#label, #place, #via);))
        }
        _ => None,
    }
}

/// Whether a struct's values are leaves: all that is walked is, and nothing is treated specially.
fn is_leaf(input: &Input<'_>, fields: &[Field<'_>]) -> Option<TokenStream> {
    let is_leaf = are_leaves(input, fields)?;
    let name = if input.attrs.remote.is_some() { quote!(is_leaf_as) } else { quote!(is_leaf) };
    Some(quote! {
        // Asked about across crates, and answered at compile time if inlined.
        #[inline]
        fn #name() -> bool {
            #is_leaf
        }
    })
}

/// Whether no value of these fields has to be visited; `None` where one surely has.
fn are_leaves<'f>(input: &Input<'_>, fields: impl IntoIterator<Item = &'f Field<'f>>) -> Option<TokenStream> {
    let krate = &input.krate;
    let mut asked: Vec<String> = Vec::new();
    let mut questions: Vec<TokenStream> = Vec::new();
    for field in fields {
        let ty = field.ty;
        let question = match way::entry(input, field) {
            // `false`, as the trait has it.
            Entry::Walk if way::is_owner(ty) => return None,
            Entry::Walk => quote!(<#ty as __Walk>::is_leaf()),
            Entry::Given(way) => quote!(<#way as #krate::WalkAs<#ty>>::is_leaf_as()),
            Entry::Chosen(way, _) => quote!(#krate::probe::is_leaf::<#ty, _>(#way)),
            Entry::Mode(Mode::Skip) => continue,
            Entry::Mode(_) => return None,
        };
        // The same is asked once.
        let text = question.to_string();
        if !asked.contains(&text) {
            asked.push(text);
            questions.push(question);
        }
    }
    Some(if questions.is_empty() { quote!(true) } else { quote!(#(#questions)&&*) })
}

/// The call that describes the layout.
fn layout(input: &Input<'_>, target: &Target) -> TokenStream {
    match &input.data {
        Data::Struct(fields) => describe_struct(input, target, fields),
        Data::Enum(variants) => describe_enum(input, variants),
        Data::Union(_) => TokenStream::new(),
    }
}

fn describe_struct(input: &Input<'_>, target: &Target, fields: &[Field<'_>]) -> TokenStream {
    let ty = &target.ty;
    if !input.attrs.has("partial") && is_plain(input, fields) {
        let plain = fields.iter().map(|field| {
            let (member, shape) = (&field.member, shape_of(field));
            quote!((::core::mem::offset_of!(#ty, #member), #shape))
        });
        let names = names(fields);
        return quote!(__d.plain_structure(#names, &[#(#plain),*]););
    }
    let described = fields.iter().map(|field| {
        let member = &field.member;
        describe_field(input, field, Some(quote!(::core::mem::offset_of!(#ty, #member))))
    });
    if input.attrs.has("partial") {
        let types = fields.iter().map(|field| field.ty);
        return quote! {
            __d.partial_structure(&[#(#described),*], 0usize #(+ ::core::mem::size_of::<#types>())*);
        };
    }
    quote!(__d.structure(&[#(#described),*]);)
}

fn describe_enum(input: &Input<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let krate = &input.krate;
    let size = |variant: &Variant<'_>| {
        let types = variant.fields.iter().map(|field| field.ty);
        if input.repr.ordered {
            quote! {
                #krate::repr_c_size(
                    &[#((::core::mem::size_of::<#types>(), ::core::mem::align_of::<#types>())),*],
                )
            }
        } else if variant.fields.is_empty() {
            quote!(0)
        } else {
            quote!(::core::mem::size_of::<(#(#types,)*)>())
        }
    };
    let is_plain = |variant: &Variant<'_>| is_plain(input, &variant.fields) && !variant.name().contains(' ');
    if !input.attrs.has("partial") && variants.iter().all(is_plain) {
        let fields = || variants.iter().flat_map(|variant| &variant.fields);
        let variant_names: Vec<String> = variants.iter().map(Variant::name).collect();
        let (variant_names, names) = (variant_names.join(" "), names(fields()));
        let sizes = variants.iter().map(|variant| {
            let (size, len) = (size(variant), variant.fields.len());
            quote!((#size, #len))
        });
        let shapes = fields().map(shape_of);
        return quote!(__d.plain_enumeration(#variant_names, #names, &[#(#sizes),*], &[#(#shapes),*]););
    }
    let variants = variants.iter().map(|variant| {
        let (name, size) = (variant.name(), size(variant));
        let fields = variant.fields.iter().map(|field| describe_field(input, field, None));
        quote!(#krate::Variant::new(#name, #size, &[#(#fields),*]))
    });
    if input.attrs.has("partial") {
        return quote!(__d.partial_enumeration(&[#(#variants),*]););
    }
    quote!(__d.enumeration(&[#(#variants),*]);)
}

/// Whether all fields are walked by their `Walk`, as most are: a table is the quickest to compile.
fn is_plain(input: &Input<'_>, fields: &[Field<'_>]) -> bool {
    let is_plain = |field: &Field<'_>| {
        matches!(way::entry(input, field), Entry::Walk | Entry::Mode(Mode::Show))
            && !field.name().contains(' ')
    };
    input.repr.packed.is_none() && fields.iter().all(is_plain)
}

/// Names of such fields: one constant, because each has a lifetime for the compiler to check.
fn names<'f>(fields: impl IntoIterator<Item = &'f Field<'f>>) -> String {
    let names: Vec<String> = fields.into_iter().map(Field::name).collect();
    names.join(" ")
}

/// What gives the shape of such a field.
fn shape_of(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    quote!(<#ty as __Walk>::static_shape)
}

fn describe_field(input: &Input<'_>, field: &Field<'_>, offset: Option<TokenStream>) -> TokenStream {
    let krate = &input.krate;
    let (name, ty) = (field.name(), field.ty);
    let entry = way::entry(input, field);
    if let (Entry::Walk | Entry::Mode(Mode::Show), None) = (&entry, input.repr.packed) {
        return match offset {
            Some(offset) => quote!(#krate::Field::at(#name, #offset, <#ty as __Walk>::static_shape().0)),
            None => quote!(#krate::Field::of(#name, <#ty as __Walk>::static_shape().0)),
        };
    }
    let offset = match offset {
        Some(offset) => quote!(::core::option::Option::Some(#offset)),
        None => quote!(::core::option::Option::None),
    };
    let mode = match entry {
        Entry::Walk => return quote!(#krate::Field::packed::<#ty>(#name, #offset)),
        Entry::Given(way) => return quote!(<#way as #krate::WalkAs<#ty>>::field_as(#name, #offset)),
        Entry::Chosen(way, _) => {
            return quote!(#krate::Field::walked_as::<#ty, _>(#name, #offset, #way));
        }
        Entry::Mode(Mode::Skip) => "skip",
        Entry::Mode(Mode::Opaque) => "opaque",
        Entry::Mode(Mode::Copy) => "copy",
        Entry::Mode(Mode::Via(..)) => "via",
        Entry::Mode(_) => "with",
    };
    quote!(#krate::Field::unwalked::<#ty>(#name, #offset, #mode))
}

/// `[T]`, `str` or `dyn Trait`.
fn is_unsized(ty: &Type) -> bool {
    match crate::ast::peel(ty) {
        Type::Slice(_) | Type::TraitObject(_) => true,
        Type::Path(path) => path.qself.is_none() && path.path.is_ident("str"),
        _ => false,
    }
}
