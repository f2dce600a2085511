//! Rules across attributes and declarations, one function each.

use crate::ast::{Data, Field, Input};
use crate::bound;
use crate::ctxt::Ctxt;
use crate::way;

/// Checks every rule; mistakes go to `cx`.
pub(crate) fn check(cx: &Ctxt, input: &Input<'_>) {
    no_union(cx, input);
    one_kind(cx, input);
    newtype(cx, input);
    partial_remote(cx, input);
    sized_remote(cx, input);
    for field in input.fields() {
        one_mode(cx, field);
        copied_if_packed(cx, input, field);
        followed(cx, field);
        concrete_if_missing(cx, input, field);
    }
}

/// Which field of a union is live is nobody's knowledge but the program's.
fn no_union(cx: &Ctxt, input: &Input<'_>) {
    if let Data::Union(span) = input.data {
        cx.error_at(
            span,
            format_args!(
                "`Walk` can't be derived for a union, which doesn't say which field is live; put \
                 `#[walk(opaque)]` on the fields of type `{0}`, or write `impl Walk for {0}`",
                input.ident
            ),
        );
    }
}

/// `transparent`, `key` and `remote` each say all of what a type is to the walk.
fn one_kind(cx: &Ctxt, input: &Input<'_>) {
    const EXCLUDED: [(&str, &str, &str); 6] = [
        ("transparent", "key", "a transparent type is what its field is; put `key` on that one's type"),
        ("transparent", "remote", "a transparent type has a `Walk`, the mirror of a foreign type has none"),
        ("transparent", "rename", "a transparent type has its field's name"),
        ("transparent", "missing", "a transparent type has one field, which must have a `Walk`"),
        ("remote", "key", "put `key` on the fields that have the foreign type"),
        ("key", "missing", "a key's one field is a number or a key"),
    ];
    for (one, other, reason) in EXCLUDED {
        if let (true, Some(span)) = (input.attrs.has(one), input.attrs.span(other)) {
            cx.error_at(span, format_args!("`{one}` and `{other}` exclude each other: {reason}"));
        }
    }
    if let (Some(span), true) = (input.repr.packed, input.attrs.has("remote")) {
        cx.error_at(
            span,
            "a packed foreign type can't be mirrored, since its fields can't be borrowed; put \
             `#[walk(opaque)]` on the fields that have it",
        );
    }
}

/// `transparent` and `key` are about a newtype's one field, which takes no attribute.
fn newtype(cx: &Ctxt, input: &Input<'_>) {
    for name in ["transparent", "key"] {
        let Some(span) = input.attrs.span(name) else { continue };
        if matches!(input.data, Data::Union(_)) {
            continue;
        }
        match input.newtype() {
            None => cx.error_at(
                span,
                format_args!(
                    "`{name}` needs a struct with one field; others may be `PhantomData`, or have no \
                     size and `#[walk(skip)]`"
                ),
            ),
            Some(field) => {
                if let Some((given, span)) = field.attrs.given.first() {
                    cx.error_at(
                        *span,
                        format_args!("`{given}` has no effect in a type with `{name}`; remove one of them"),
                    );
                }
            }
        }
    }
}

/// Only of a foreign type some fields may be left out.
fn partial_remote(cx: &Ctxt, input: &Input<'_>) {
    if let (Some(span), false) = (input.attrs.span("partial"), input.attrs.has("remote")) {
        cx.error_at(
            span,
            "`partial` says that a foreign type has more fields or variants; it needs \
             `remote = \"foreign::Type\"`",
        );
    }
}

/// A way is chosen by types that have a size.
fn sized_remote(cx: &Ctxt, input: &Input<'_>) {
    if let (true, Some(tail)) = (input.attrs.has("remote"), input.tail()) {
        cx.error_on(
            tail.ty,
            "a foreign type that may have no size can't be mirrored; put `#[walk(with = path)]` or \
             `#[walk(opaque)]` on the fields that lead to it",
        );
    }
}

/// Fields of a packed struct can't be borrowed: they are copied, or not walked.
fn copied_if_packed(cx: &Ctxt, input: &Input<'_>, field: &Field<'_>) {
    if input.repr.packed.is_none() {
        return;
    }
    for (given, span) in &field.attrs.given {
        if !["skip", "opaque", "missing"].contains(given) {
            cx.error_at(
                *span,
                format_args!(
                    "`{given}` needs a reference to the field, and those of a packed struct can't be \
                     borrowed; remove it, or write `#[walk(opaque)]`"
                ),
            );
        }
    }
}

/// What is followed is found in the field's type as it is written.
fn followed(cx: &Ctxt, field: &Field<'_>) {
    let has = |name: &str| field.attrs.given.iter().any(|(given, _)| *given == name);
    if has("follow") && !has("via") && !way::has_references(field.ty) {
        cx.error_on(
            field.ty,
            "`follow` finds no reference in this type, only in `&T` and in containers of the standard \
             library; spell it out as in `#[walk(as = Container<heap_walk::Follow>)]`",
        );
    }
}

/// Whether a type parameter will have a `Walk` is nothing to choose by.
fn concrete_if_missing(cx: &Ctxt, input: &Input<'_>, field: &Field<'_>) {
    let is_missing = field.attrs.given.iter().any(|(given, _)| *given == "missing");
    if is_missing && !bound::is_concrete(field.ty, input.generics) {
        cx.error_on(
            field.ty,
            "`missing = opaque` needs a type without the struct's type parameters, which are bounded by \
             `Walk`; write `#[walk(opaque)]`, or remove it",
        );
    }
}

/// Each of these says all of what is done with a field; only what `via` gives may be followed.
fn one_mode(cx: &Ctxt, field: &Field<'_>) {
    let [(first, _), others @ ..] = field.attrs.given.as_slice() else { return };
    for (other, span) in others {
        if ["via", "follow"].contains(first) && ["via", "follow"].contains(other) {
            continue;
        }
        cx.error_at(
            *span,
            format_args!(
                "`{first}` and `{other}` exclude each other: {}, {}; keep one",
                meaning(first),
                meaning(other)
            ),
        );
    }
}

fn meaning(attribute: &str) -> &'static str {
    match attribute {
        "skip" => "`skip` doesn't look at the field",
        "opaque" => "`opaque` only scans its bytes",
        "show" => "`show` records its value and walks it",
        "copy" => "`copy` walks a copy of a cell's value",
        "as" => "`as` walks it in a way of its own",
        "via" => "`via` walks what a function finds in it",
        "key" => "`key` takes it for a number",
        "follow" => "`follow` enters what it refers to",
        "missing" => "`missing` walks it if it has a `Walk`",
        _ => "`with` leaves it to a function",
    }
}
