//! `#[walk(...)]`: what each attribute looks like, where it may stand, and the words for one that
//! is wrong by itself. Rules between attributes are in `valid`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    token, Attribute, Expr, ExprPath, GenericParam, Generics, Ident, Lit, LitStr, Meta, Token, WherePredicate,
};

use crate::ctxt::Ctxt;

/// What is done with a field.
pub(crate) enum Mode<'a> {
    /// No attribute: entered by its `Walk`.
    Walk,
    Skip,
    Opaque,
    Show,
    Copy,
    With(&'a ExprPath),
}

/// The attributes of a field, each with the place it was written at.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// `skip`, `opaque`, `show`, `copy` and `with`, in the order written. More than one is refused.
    pub(crate) given: Vec<(&'static str, Span)>,
    with: Option<ExprPath>,
}

/// The attributes of a type.
#[derive(Default)]
pub(crate) struct ContainerAttrs {
    /// `bound = "..."`: the where-predicates that replace the generated ones.
    pub(crate) bound: Option<Vec<WherePredicate>>,
}

const FIELD: [&str; 5] = ["skip", "opaque", "show", "copy", "with"];
const CONTAINER: [&str; 1] = ["bound"];
const FIELD_USAGE: &str =
    "`#[walk(skip)]`, `#[walk(opaque)]`, `#[walk(show)]`, `#[walk(copy)]` or `#[walk(with = path)]`";
const CONTAINER_USAGE: &str = "`#[walk(bound = \"T: Walk\")]`";

impl FieldAttrs {
    pub(crate) fn new(cx: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut read = Self::default();
        for item in items(cx, attrs, FIELD_USAGE) {
            let name = item.name.to_string();
            let Some(&known) = FIELD.iter().find(|known| **known == name) else {
                refuse_unknown(cx, &item, "field", &FIELD, FIELD_USAGE);
                continue;
            };
            if read.given.iter().any(|(given, _)| *given == known) {
                cx.error_on(&item.name, format_args!("`{known}` is given twice; remove one"));
                continue;
            }
            if known == "with" {
                read.with = with(cx, &item);
            } else if !matches!(item.value, Value::None) {
                cx.error_on(&item, format_args!("`{known}` takes no value; write `#[walk({known})]`"));
            }
            read.given.push((known, item.name.span()));
        }
        read
    }

    /// The mode of a field that passed validation.
    pub(crate) fn mode(&self) -> Mode<'_> {
        match (self.given.first(), &self.with) {
            (Some(("skip", _)), _) => Mode::Skip,
            (Some(("opaque", _)), _) => Mode::Opaque,
            (Some(("show", _)), _) => Mode::Show,
            (Some(("copy", _)), _) => Mode::Copy,
            (_, Some(path)) => Mode::With(path),
            (_, None) => Mode::Walk,
        }
    }
}

impl ContainerAttrs {
    pub(crate) fn new(cx: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut read = Self::default();
        let mut seen = false;
        for item in items(cx, attrs, CONTAINER_USAGE) {
            if item.name != "bound" {
                refuse_unknown(cx, &item, "type", &CONTAINER, CONTAINER_USAGE);
            } else if seen {
                cx.error_on(&item.name, "`bound` is given twice; join the two strings");
            } else {
                seen = true;
                read.bound = bound(cx, &item);
            }
        }
        read
    }
}

/// A variant takes no attributes of ours.
pub(crate) fn refuse_on_variant(cx: &Ctxt, attrs: &[Attribute]) {
    for attr in walk_attrs(attrs) {
        cx.error_on(attr, "a variant takes no walk attributes; put them on the variant's fields");
    }
}

/// Neither does a generic parameter.
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

/// `with = path`.
fn with(cx: &Ctxt, item: &Item) -> Option<ExprPath> {
    let expr = match &item.value {
        Value::Expr(_, expr) => expr,
        Value::None | Value::Missing(_) => {
            cx.error_on(item, "`with` needs a function; write `#[walk(with = path)]`");
            return None;
        }
        Value::List(_) => {
            cx.error_on(item, "`with` takes a function after `=`; write `#[walk(with = path)]`");
            return None;
        }
    };
    match peel(expr) {
        Expr::Path(path) => return Some(path.clone()),
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) if text.parse::<ExprPath>().is_ok() => cx.error_on(
                text,
                format_args!("`with` takes a path, not a string; write `#[walk(with = {})]`", text.value()),
            ),
            _ => cx.error_on(lit, "`with` takes the path of a function, not a literal"),
        },
        other => cx.error_on(
            other,
            "`with` takes the path of a function; give `fn name<'a>(value: &'a Field, walker: \
             &mut Walker<'a>)` a name and write `#[walk(with = name)]`",
        ),
    }
    None
}

/// `bound = "T: Walk, U: Walk"`.
fn bound(cx: &Ctxt, item: &Item) -> Option<Vec<WherePredicate>> {
    if let Value::Expr(_, expr) = &item.value {
        if let Some(text) = string(peel(expr)) {
            let parser = Punctuated::<WherePredicate, Token![,]>::parse_terminated;
            return match text.parse_with(parser) {
                Ok(predicates) => Some(predicates.into_iter().collect()),
                Err(error) => {
                    cx.error_at(text.span(), format_args!("`bound` is no list of where-predicates: {error}"));
                    None
                }
            };
        }
    }
    cx.error_on(item, format_args!("`bound` takes where-predicates in a string; write {CONTAINER_USAGE}"));
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

/// The error for a name that `place` doesn't take: it belongs elsewhere, or is misspelt, or is
/// none of ours.
fn refuse_unknown(cx: &Ctxt, item: &Item, place: &str, known: &[&str], usage: &str) {
    let name = item.name.to_string();
    if FIELD.contains(&name.as_str()) {
        cx.error_on(&item.name, format_args!("`{name}` belongs on a field, not on a {place}"));
    } else if CONTAINER.contains(&name.as_str()) {
        cx.error_on(&item.name, format_args!("`{name}` belongs on the type, not on a {place}"));
    } else if let Some(near) = nearest(&name, known) {
        cx.error_on(&item.name, format_args!("unknown walk attribute `{name}`; did you mean `{near}`?"));
    } else {
        cx.error_on(&item.name, format_args!("unknown walk attribute `{name}`; a {place} takes {usage}"));
    }
}

/// The known name that takes fewest edits, if it takes no more than two and fewer than half of
/// the letters.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|&known| (edits(name, known), known))
        .min()
        .filter(|&(edits, known)| edits <= 2 && edits * 2 <= known.len())
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
            ("follow", None),
            ("s", None),
        ] {
            assert_eq!(nearest(typed, &FIELD), expected, "{typed}");
        }
    }
}
