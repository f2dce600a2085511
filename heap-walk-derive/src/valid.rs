//! Rules across attributes and declarations, one function each.

use syn::Type;

use crate::ast::{self, Data, Field, Input};
use crate::ctxt::Ctxt;

/// Checks every rule; mistakes go to `cx`.
pub(crate) fn check(cx: &Ctxt, input: &Input<'_>) {
    no_union(cx, input);
    not_packed(cx, input);
    no_unsized_tail(cx, input);
    for field in input.fields() {
        one_mode(cx, field);
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

/// Fields of a packed struct can't be borrowed, and a walk reaches everything by borrowing.
fn not_packed(cx: &Ctxt, input: &Input<'_>) {
    if let Some(span) = input.repr.packed {
        cx.error_at(
            span,
            format_args!(
                "`Walk` can't be derived for a packed struct, whose fields can't be borrowed; put \
                 `#[walk(opaque)]` on the fields of type `{0}`, or write `impl Walk for {0}`",
                input.ident
            ),
        );
    }
}

/// A layout is described once a type, so a type has one size. A parameter that may be unsized
/// gets a bound instead (see `bound`).
fn no_unsized_tail(cx: &Ctxt, input: &Input<'_>) {
    let Data::Struct(fields) = &input.data else { return };
    let Some(last) = fields.last() else { return };
    let is_unsized = match ast::peel(last.ty) {
        Type::Slice(_) | Type::TraitObject(_) => true,
        Type::Path(path) => path.qself.is_none() && path.path.is_ident("str"),
        _ => false,
    };
    if is_unsized {
        cx.error_on(
            last.ty,
            format_args!(
                "`Walk` can't be derived for a struct without a size; write `impl Walk for {}`",
                input.ident
            ),
        );
    }
}

/// Each of `skip`, `opaque`, `show`, `copy` and `with` says all of what is done with a field.
fn one_mode(cx: &Ctxt, field: &Field<'_>) {
    let [(first, _), others @ ..] = field.attrs.given.as_slice() else { return };
    for (other, span) in others {
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
        _ => "`with` leaves it to a function",
    }
}
