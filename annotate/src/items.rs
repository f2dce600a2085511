//! Where things stand in a Rust source: types, their fields, bodies of functions.
//!
//! The source is read as trees of tokens. Items are known by their keyword and
//! name wherever they stand, in modules, functions and macros; of types nothing
//! is understood but where one ends.

use crate::facts::Error;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::ops::Range;

/// A struct, an enum or a union.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) name: String,
    /// Behind its attributes, before its visibility.
    pub(crate) at: usize,
    pub(crate) fields: Vec<Part>,
    pub(crate) variants: Vec<Variant>,
}

/// A variant of an enum.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) part: Part,
    pub(crate) fields: Vec<Part>,
}

/// A name, and the place behind its attributes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) at: usize,
}

/// A function with a body.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Tokens of the body, in one row.
    pub(crate) body: Vec<Word>,
}

/// A token, or one of the brackets around others.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) at: Range<usize>,
}

/// What stands in a source.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) types: Vec<Type>,
    pub(crate) functions: Vec<Function>,
    /// All of its tokens, in one row.
    pub(crate) words: Vec<Word>,
}

impl Items {
    /// Reads a source.
    pub(crate) fn parse(source: &str) -> Result<Items, Error> {
        let stream: TokenStream = source.parse().map_err(|error: proc_macro2::LexError| {
            let start = error.span().start();
            Error(format!("line {}: no Rust tokens: {error}", start.line))
        })?;
        let mut items = Items::default();
        flatten(stream.clone(), &mut items.words);
        items.collect(stream);
        Ok(items)
    }

    fn collect(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for at in 0..tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.collect(group.stream()),
                TokenTree::Ident(keyword) => {
                    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { continue };
                    let name = name.to_string();
                    if keyword == "struct" || keyword == "enum" || keyword == "union" {
                        self.types.push(type_at(&tokens, at, name, keyword == "enum"));
                    } else if keyword == "fn" {
                        if let Some(body) = body_of(&tokens[at + 2..]) {
                            let mut words = Vec::new();
                            flatten(body.stream(), &mut words);
                            self.functions.push(Function { name, body: words });
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// All tokens of `text` in one row.
pub(crate) fn words(text: &str) -> Result<Vec<Word>, Error> {
    let stream: TokenStream = text.parse().map_err(|_| Error(format!("no Rust tokens: `{text}`")))?;
    let mut words = Vec::new();
    flatten(stream, &mut words);
    Ok(words)
}

fn flatten(stream: TokenStream, words: &mut Vec<Word>) {
    for token in stream {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                words.push(Word { text: open.into(), at: group.span_open().byte_range() });
                flatten(group.stream(), words);
                words.push(Word { text: close.into(), at: group.span_close().byte_range() });
            }
            other => words.push(Word { text: other.to_string(), at: other.span().byte_range() }),
        }
    }
}

fn start(token: &TokenTree) -> usize {
    token.span().byte_range().start
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

fn is_ident(token: Option<&TokenTree>, text: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == text)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// The position behind generic parameters, if there are any at `at`.
fn skip_angles(tokens: &[TokenTree], mut at: usize) -> usize {
    if !is_punct(tokens.get(at), '<') {
        return at;
    }
    let mut depth = 0;
    while at < tokens.len() {
        depth += angle(tokens, at);
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// What a token adds to the number of open angle brackets.
fn angle(tokens: &[TokenTree], at: usize) -> i32 {
    if is_punct(tokens.get(at), '<') {
        return 1;
    }
    let is_arrow = at > 0 && (is_punct(tokens.get(at - 1), '-') || is_punct(tokens.get(at - 1), '='));
    -i32::from(is_punct(tokens.get(at), '>') && !is_arrow)
}

/// The type whose keyword is at `at`.
fn type_at(tokens: &[TokenTree], at: usize, name: String, is_enum: bool) -> Type {
    // Back over `pub` and `pub(…)`.
    let mut first = at;
    if at > 0 && is_ident(tokens.get(at - 1), "pub") {
        first = at - 1;
    } else if at > 1
        && group(tokens.get(at - 1), Delimiter::Parenthesis).is_some()
        && is_ident(tokens.get(at - 2), "pub")
    {
        first = at - 2;
    }
    let mut found = Type { name, at: start(&tokens[first]), fields: Vec::new(), variants: Vec::new() };
    let behind = skip_angles(tokens, at + 2);
    if let Some(tuple) = group(tokens.get(behind), Delimiter::Parenthesis) {
        found.fields = fields(tuple);
        return found;
    }
    for token in tokens.iter().skip(behind) {
        if is_punct(Some(token), ';') {
            break;
        }
        if let Some(braces) = group(Some(token), Delimiter::Brace) {
            if is_enum {
                found.variants = variants(braces);
            } else {
                found.fields = fields(braces);
            }
            break;
        }
    }
    found
}

/// Behind attributes.
fn skip_attributes(tokens: &[TokenTree], mut at: usize) -> usize {
    while is_punct(tokens.get(at), '#') && group(tokens.get(at + 1), Delimiter::Bracket).is_some() {
        at += 2;
    }
    at
}

/// Fields, of braces by name, of parentheses by number.
fn fields(list: &Group) -> Vec<Part> {
    let tokens: Vec<TokenTree> = list.stream().into_iter().collect();
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        at = skip_attributes(&tokens, at);
        let Some(first) = tokens.get(at) else { return fields };
        let mut name_at = at;
        if is_ident(tokens.get(name_at), "pub") {
            name_at += 1;
            if group(tokens.get(name_at), Delimiter::Parenthesis).is_some() {
                name_at += 1;
            }
        }
        let name = match (list.delimiter(), tokens.get(name_at)) {
            (Delimiter::Brace, Some(TokenTree::Ident(ident))) => ident.to_string(),
            _ => fields.len().to_string(),
        };
        fields.push(Part { name, at: start(first) });
        at = behind_comma(&tokens, at);
    }
}

fn variants(list: &Group) -> Vec<Variant> {
    let tokens: Vec<TokenTree> = list.stream().into_iter().collect();
    let mut variants = Vec::new();
    let mut at = 0;
    loop {
        at = skip_attributes(&tokens, at);
        let Some(first) = tokens.get(at) else { return variants };
        let inside = match tokens.get(at + 1) {
            Some(TokenTree::Group(group)) => fields(group),
            _ => Vec::new(),
        };
        // Fields are in brackets; what stands outside of them may be a shift.
        at = tokens[at..]
            .iter()
            .position(|token| is_punct(Some(token), ','))
            .map_or(tokens.len(), |comma| at + comma + 1);
        variants.push(Variant { part: Part { name: first.to_string(), at: start(first) }, fields: inside });
    }
}

/// Behind the next comma that is in no angle brackets.
fn behind_comma(tokens: &[TokenTree], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        depth += angle(tokens, at);
        at += 1;
        if depth <= 0 && is_punct(tokens.get(at - 1), ',') {
            break;
        }
    }
    at
}

/// The body of a function whose name stands before `tokens`; `None` where it is only declared.
fn body_of(tokens: &[TokenTree]) -> Option<&Group> {
    for token in tokens {
        if is_punct(Some(token), ';') {
            return None;
        }
        if let Some(body) = group(Some(token), Delimiter::Brace) {
            return Some(body);
        }
    }
    None
}
