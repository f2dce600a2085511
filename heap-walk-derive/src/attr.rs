//! `#[walk(...)]`: what each attribute looks like, where it may stand, and the words for one that
//! is wrong by itself. Rules between attributes are in `valid`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    parse_quote, token, Attribute, Expr, ExprPath, GenericParam, Generics, Ident, Lit, LitStr, Meta, Path,
    Token, Type, TypePath, WherePredicate,
};

use crate::ctxt::Ctxt;

/// What is done with a field.
#[derive(Clone, Copy)]
pub(crate) enum Mode<'a> {
    /// No attribute: entered by its `Walk`.
    Walk,
    Skip,
    Opaque,
    Show,
    Copy,
    With(&'a ExprPath),
    /// Entered as the way says.
    As(&'a Type),
    /// What its references lead to is entered.
    Follow,
    /// Entered through what a function makes of it; what that refers to is entered as well.
    Via(&'a ExprPath, IsFollowed),
    /// A key into a table, which may have a name.
    Key(Option<&'a LitStr>),
    /// Entered by its `Walk` if it has one, else opaque.
    Missing,
}

pub(crate) type IsFollowed = bool;

/// The attributes of a field, each with the place it was written at.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// Those that say what is done with the field, in the order written. All but `via` and
    /// `follow` exclude each other.
    pub(crate) given: Vec<(&'static str, Span)>,
    pub(crate) rename: Option<LitStr>,
    path: Option<ExprPath>,
    way: Option<Type>,
    table: Option<LitStr>,
}

/// The attributes of a type.
#[derive(Default)]
pub(crate) struct ContainerAttrs {
    /// `bound = "..."`: the where-predicates that replace the generated ones.
    pub(crate) bound: Option<Vec<WherePredicate>>,
    /// `crate = path`: where heap_walk is found.
    krate: Option<Path>,
    pub(crate) rename: Option<LitStr>,
    /// `remote = "path"`: the foreign type that this one mirrors.
    pub(crate) remote: Option<TypePath>,
    /// Of `key = "..."`: the name of the table.
    pub(crate) table: Option<LitStr>,
    /// All that were written, in that order.
    given: Vec<(&'static str, Span)>,
}

/// Those that say what is done with a field.
const MODES: [&str; 10] = ["skip", "opaque", "show", "copy", "with", "as", "via", "key", "follow", "missing"];
const FIELD: [&str; 11] =
    ["skip", "opaque", "show", "copy", "with", "as", "via", "key", "follow", "missing", "rename"];
const VARIANT: [&str; 1] = ["rename"];
const CONTAINER: [&str; 8] =
    ["bound", "crate", "key", "missing", "partial", "remote", "rename", "transparent"];
const FIELD_USAGE: &str = "`#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]`, \
                           `#[walk(key)]`, `#[walk(follow)]`, `#[walk(with = path)]`, \
                           `#[walk(via = path)]`, `#[walk(as = Type)]`, `#[walk(missing = opaque)]` or \
                           `#[walk(rename = \"name\")]`";
const VARIANT_USAGE: &str = "`#[walk(rename = \"name\")]`";
const CONTAINER_USAGE: &str = "`#[walk(missing = opaque)]`, `#[walk(bound = \"T: Walk\")]`, \
                               `#[walk(key)]`, `#[walk(transparent)]`, `#[walk(rename = \"name\")]`, \
                               `#[walk(remote = \"foreign::Type\")]` or `#[walk(crate = path)]`";

impl FieldAttrs {
    pub(crate) fn new(cx: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut read = Self::default();
        let mut renamed = false;
        for item in items(cx, attrs, FIELD_USAGE) {
            let Some(known) = known(cx, &item, "field", &FIELD, FIELD_USAGE) else { continue };
            let again = match known {
                "rename" => std::mem::replace(&mut renamed, true),
                _ => read.given.iter().any(|(given, _)| *given == known),
            };
            if again {
                cx.error_on(&item.name, format_args!("`{known}` is given twice; remove one"));
                continue;
            }
            match known {
                "rename" => read.rename = rename(cx, &item),
                "with" => read.path = function(cx, &item, "with", WITH),
                "via" => read.path = function(cx, &item, "via", VIA),
                "as" => read.way = way(cx, &item),
                "key" => read.table = table(cx, &item),
                "missing" => missing(cx, &item),
                _ => no_value(cx, &item, known),
            }
            if MODES.contains(&known) {
                read.given.push((known, item.name.span()));
            }
        }
        read
    }

    /// The mode of a field that passed validation.
    pub(crate) fn mode(&self) -> Mode<'_> {
        let has = |name: &str| self.given.iter().any(|(given, _)| *given == name);
        match (self.given.first(), &self.path, &self.way) {
            (Some(("skip", _)), ..) => Mode::Skip,
            (Some(("opaque", _)), ..) => Mode::Opaque,
            (Some(("show", _)), ..) => Mode::Show,
            (Some(("copy", _)), ..) => Mode::Copy,
            (Some(("key", _)), ..) => Mode::Key(self.table.as_ref()),
            (Some(("missing", _)), ..) => Mode::Missing,
            (Some(("as", _)), _, Some(way)) => Mode::As(way),
            (Some(("with", _)), Some(path), _) => Mode::With(path),
            (Some(_), Some(path), _) if has("via") => Mode::Via(path, has("follow")),
            (Some(("follow", _)), ..) => Mode::Follow,
            _ => Mode::Walk,
        }
    }
}

impl ContainerAttrs {
    pub(crate) fn new(cx: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut read = Self::default();
        for item in items(cx, attrs, CONTAINER_USAGE) {
            let Some(known) = known(cx, &item, "type", &CONTAINER, CONTAINER_USAGE) else { continue };
            if read.span(known).is_some() {
                let fix = if known == "bound" { "join the two strings" } else { "remove one" };
                cx.error_on(&item.name, format_args!("`{known}` is given twice; {fix}"));
                continue;
            }
            read.given.push((known, item.name.span()));
            match known {
                "bound" => read.bound = bound(cx, &item),
                "crate" => read.krate = krate(cx, &item),
                "key" => read.table = table(cx, &item),
                "missing" => missing(cx, &item),
                "remote" => read.remote = remote(cx, &item),
                "rename" => read.rename = rename(cx, &item),
                _ => no_value(cx, &item, known),
            }
        }
        read
    }

    /// Where an attribute was written, if it was.
    pub(crate) fn span(&self, name: &str) -> Option<Span> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, span)| *span)
    }

    /// Whether an attribute was written.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.span(name).is_some()
    }

    /// The path of heap_walk.
    pub(crate) fn krate(&self) -> Path {
        self.krate.clone().unwrap_or_else(|| parse_quote!(::heap_walk))
    }
}

/// The new name of a variant, the only thing that a variant says of itself.
pub(crate) fn variant_rename(cx: &Ctxt, attrs: &[Attribute]) -> Option<LitStr> {
    let mut name = None;
    for item in items(cx, attrs, VARIANT_USAGE) {
        if known(cx, &item, "variant", &VARIANT, VARIANT_USAGE).is_none() {
            continue;
        }
        if name.is_some() {
            cx.error_on(&item.name, "`rename` is given twice; remove one");
        } else {
            name = rename(cx, &item);
        }
    }
    name
}

/// A generic parameter takes no attributes of ours.
pub(crate) fn refuse_on_generics(cx: &Ctxt, generics: &Generics) {
    for param in &generics.params {
        let attrs = match param {
            GenericParam::Lifetime(param) => &param.attrs,
            GenericParam::Type(param) => &param.attrs,
            GenericParam::Const(param) => &param.attrs,
        };
        for attr in walk_attrs(attrs) {
            cx.error_on(
                attr,
                "a generic parameter takes no walk attributes; put `#[walk(bound = \"...\")]` on \
                 the type",
            );
        }
    }
}

/// One entry of the list in `#[walk(...)]`.
struct Item {
    name: Ident,
    value: Value,
}

enum Value {
    /// `name`
    None,
    /// `name =`, with nothing behind it.
    Missing(Token![=]),
    /// `name = value`
    Expr(Token![=], Expr),
    /// `as = Type`
    Type(Token![=], Type),
    /// `name(...)`
    List(TokenStream),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if let Ok(lit) = input.fork().parse::<Lit>() {
            let message = match &lit {
                Lit::Str(text) if FIELD.contains(&text.value().as_str()) => {
                    format!("attribute names take no quotes; write `#[walk({})]`", text.value())
                }
                _ => format!("expected the name of a walk attribute, found a literal; write {FIELD_USAGE}"),
            };
            return Err(syn::Error::new(lit.span(), message));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            let eq = input.parse()?;
            if input.is_empty() || input.peek(Token![,]) {
                Value::Missing(eq)
            } else if name == "as" {
                Value::Type(eq, input.parse()?)
            } else {
                Value::Expr(eq, input.parse()?)
            }
        } else if input.peek(token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::List(content.parse()?)
        } else {
            Value::None
        };
        Ok(Self { name, value })
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        match &self.value {
            Value::None => {}
            Value::Missing(eq) => eq.to_tokens(tokens),
            Value::Expr(eq, expr) => {
                eq.to_tokens(tokens);
                expr.to_tokens(tokens);
            }
            Value::Type(eq, ty) => {
                eq.to_tokens(tokens);
                ty.to_tokens(tokens);
            }
            Value::List(list) => list.to_tokens(tokens),
        }
    }
}

fn walk_attrs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("walk"))
}

/// The entries of all `#[walk(...)]` lists; `usage` tells what could have been written.
fn items(cx: &Ctxt, attrs: &[Attribute], usage: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for attr in walk_attrs(attrs) {
        match &attr.meta {
            Meta::Path(_) => {
                cx.error_on(attr, format_args!("`#[walk]` alone says nothing; write {usage}"));
            }
            Meta::NameValue(_) => {
                cx.error_on(attr, format_args!("`walk` takes a list in parentheses; write {usage}"));
            }
            Meta::List(list) if list.tokens.is_empty() => {
                cx.error_on(attr, format_args!("`#[walk()]` says nothing; write {usage}"));
            }
            Meta::List(_) => match attr.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) {
                Ok(list) => items.extend(list),
                Err(error) => cx.add(error),
            },
        }
    }
    items
}

/// What `with` and `via` are given.
const WITH: &str = "fn name<'a>(value: &'a Field, walker: &mut Walker<'a>)";
const VIA: &str = "fn name<'a>(value: &'a Field) -> Inside";

/// `with = path` and `via = path`.
fn function(cx: &Ctxt, item: &Item, name: &str, signature: &str) -> Option<ExprPath> {
    let expr = match &item.value {
        Value::Expr(_, expr) => expr,
        Value::None | Value::Missing(_) | Value::Type(..) => {
            cx.error_on(item, format_args!("`{name}` needs a function; write `#[walk({name} = path)]`"));
            return None;
        }
        Value::List(_) => {
            cx.error_on(
                item,
                format_args!("`{name}` takes a function after `=`; write `#[walk({name} = path)]`"),
            );
            return None;
        }
    };
    match peel(expr) {
        Expr::Path(path) => return Some(path.clone()),
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) if text.parse::<ExprPath>().is_ok() => cx.error_on(
                text,
                format_args!(
                    "`{name}` takes a path, not a string; write `#[walk({name} = {})]`",
                    text.value()
                ),
            ),
            _ => cx.error_on(lit, format_args!("`{name}` takes the path of a function, not a literal")),
        },
        other => cx.error_on(
            other,
            format_args!(
                "`{name}` takes the path of a function; give `{signature}` a name and write \
                 `#[walk({name} = name)]`"
            ),
        ),
    }
    None
}

/// `as = Type`.
fn way(cx: &Ctxt, item: &Item) -> Option<Type> {
    match &item.value {
        Value::Type(_, ty) => Some(ty.clone()),
        _ => {
            cx.error_on(item, "`as` takes a type; write `#[walk(as = Vec<PointDef>)]`");
            None
        }
    }
}

/// `key` and `key = "Table::path"`.
fn table(cx: &Ctxt, item: &Item) -> Option<LitStr> {
    match &item.value {
        Value::None => return None,
        Value::Expr(_, expr) => {
            if let Some(text) = string(peel(expr)) {
                return Some(text.clone());
            }
        }
        _ => {}
    }
    cx.error_on(
        item,
        "`key` stands alone or names its table in a string; write `#[walk(key = \"Body::local_decls\")]`",
    );
    None
}

/// `missing = opaque`.
fn missing(cx: &Ctxt, item: &Item) {
    let is_opaque = match &item.value {
        Value::Expr(_, expr) => matches!(peel(expr), Expr::Path(path) if path.path.is_ident("opaque")),
        _ => false,
    };
    if !is_opaque {
        cx.error_on(item, "`missing` takes one value; write `#[walk(missing = opaque)]`");
    }
}

/// `rename = "name"`.
fn rename(cx: &Ctxt, item: &Item) -> Option<LitStr> {
    if let Value::Expr(_, expr) = &item.value {
        if let Some(text) = string(peel(expr)).filter(|text| !text.value().is_empty()) {
            return Some(text.clone());
        }
    }
    cx.error_on(item, "`rename` takes a name in a string; write `#[walk(rename = \"name\")]`");
    None
}

/// `crate = path`.
fn krate(cx: &Ctxt, item: &Item) -> Option<Path> {
    if let Value::Expr(_, expr) = &item.value {
        if let Expr::Path(path) = peel(expr) {
            if path.qself.is_none() {
                return Some(path.path.clone());
            }
        }
    }
    cx.error_on(
        item,
        "`crate` takes the path of heap_walk, not quoted; write `#[walk(crate = reexported::heap_walk)]`",
    );
    None
}

/// `remote = "foreign::Type<T>"`.
fn remote(cx: &Ctxt, item: &Item) -> Option<TypePath> {
    if let Value::Expr(_, expr) = &item.value {
        if let Some(text) = string(peel(expr)) {
            return match text.parse::<TypePath>() {
                Ok(path) if path.qself.is_none() => Some(path),
                Ok(_) => {
                    cx.error_on(
                        text,
                        "`remote` takes the path of the type itself, not a projection; write the type \
                         that it stands for",
                    );
                    None
                }
                Err(error) => {
                    cx.error_at(
                        text.span(),
                        format_args!(
                            "`remote` is no path of a type: {error}; write \
                             `#[walk(remote = \"foreign::Type\")]`"
                        ),
                    );
                    None
                }
            };
        }
    }
    cx.error_on(
        item,
        "`remote` takes the path of a type in a string; write `#[walk(remote = \"foreign::Type\")]`",
    );
    None
}

fn no_value(cx: &Ctxt, item: &Item, name: &str) {
    if !matches!(item.value, Value::None) {
        cx.error_on(item, format_args!("`{name}` takes no value; write `#[walk({name})]`"));
    }
}

/// `bound = "T: Walk, U: Walk"`.
fn bound(cx: &Ctxt, item: &Item) -> Option<Vec<WherePredicate>> {
    if let Value::Expr(_, expr) = &item.value {
        if let Some(text) = string(peel(expr)) {
            let parser = Punctuated::<WherePredicate, Token![,]>::parse_terminated;
            return match text.parse_with(parser) {
                Ok(predicates) => Some(predicates.into_iter().collect()),
                Err(error) => {
                    cx.error_at(
                        text.span(),
                        format_args!(
                            "`bound` is no list of where-predicates: {error}; write \
                             `#[walk(bound = \"T: Walk\")]`"
                        ),
                    );
                    None
                }
            };
        }
    }
    cx.error_on(item, "`bound` takes where-predicates in a string; write `#[walk(bound = \"T: Walk\")]`");
    None
}

fn string(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The expression inside the invisible group that `macro_rules!` puts around a fragment.
fn peel(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

/// The name as one that `place` takes, or the error for one that it doesn't: it belongs elsewhere,
/// or is misspelt, or is none of ours.
fn known(cx: &Ctxt, item: &Item, place: &str, known: &[&'static str], usage: &str) -> Option<&'static str> {
    let name = item.name.to_string();
    if let Some(known) = known.iter().find(|known| **known == name) {
        return Some(known);
    }
    if FIELD.contains(&name.as_str()) {
        cx.error_on(&item.name, format_args!("`{name}` belongs on a field, not on a {place}"));
    } else if CONTAINER.contains(&name.as_str()) {
        cx.error_on(&item.name, format_args!("`{name}` belongs on the type, not on a {place}"));
    } else if let Some(near) = nearest(&name, known) {
        cx.error_on(&item.name, format_args!("unknown walk attribute `{name}`; did you mean `{near}`?"));
    } else {
        cx.error_on(&item.name, format_args!("unknown walk attribute `{name}`; a {place} takes {usage}"));
    }
    None
}

/// The known name that takes fewest edits, if it takes no more than two and fewer than half of
/// the letters.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|&known| (edits(name, known), known))
        .min()
        .filter(|&(edits, known)| edits <= 2 && edits * 2 <= known.len() && edits < name.len())
        .map(|(_, known)| known)
}

/// Edits from `a` to `b`: insert, delete, replace, or swap neighbours (optimal string alignment;
/// the lengths multiplied).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_forgives_typing_errors_only() {
        for (typed, expected) in [
            ("skpi", Some("skip")),
            ("skipp", Some("skip")),
            ("opaqe", Some("opaque")),
            ("shows", Some("show")),
            ("wiht", Some("with")),
            ("ignore", None),
            ("folow", Some("follow")),
            ("deep", None),
            ("s", None),
        ] {
            assert_eq!(nearest(typed, &FIELD), expected, "{typed}");
        }
    }
}
