//! Names of types as the compiler prints them, taken apart: into paths and
//! what stands between them. Lifetimes are left out, since some printers give
//! them and some do not.

/// A piece of a type's name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Token<'a> {
    /// Segments of a path, a keyword, a number or a `{closure}`.
    Path(Vec<&'a str>),
    /// Punctuation.
    Mark(char),
}

/// Stands for a lifetime until it is left out.
const LIFETIME: Token<'static> = Token::Mark('\0');

/// Takes a name apart. Whatever the text is: the pieces are in its order. O(length).
pub(crate) fn tokens(name: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut rest = name;
    // Whether the next segment belongs to the last path.
    let mut is_joined = false;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '{' => braces(rest),
            '\'' => lifetime(rest),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(end);
        match first {
            ' ' => {}
            ':' if after.starts_with(':') => {
                if !matches!(tokens.last(), Some(Token::Path(_))) {
                    tokens.push(Token::Path(vec![""]));
                }
                is_joined = true;
                rest = &after[1..];
                continue;
            }
            '\'' if end > 1 => tokens.push(LIFETIME),
            _ if first == '{' || is_word(first) => match tokens.last_mut() {
                Some(Token::Path(segments)) if is_joined => segments.push(piece),
                _ => tokens.push(Token::Path(vec![piece])),
            },
            mark => tokens.push(Token::Mark(mark)),
        }
        is_joined = false;
        rest = after;
    }
    without_lifetimes(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '#' | '@')
}

/// Length of a piece in braces, with braces in it.
fn braces(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Length of a lifetime with its quote; 1 where the quote begins a character.
fn lifetime(text: &str) -> usize {
    let name = &text[1..];
    let end = name.find(|c| !is_word(c)).unwrap_or(name.len());
    if end == 0 || name[end..].starts_with('\'') {
        1
    } else {
        1 + end
    }
}

/// Leaves out lifetimes, and what stood around them: commas, `+`, empty lists, `for`.
fn without_lifetimes(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut out: Vec<Token<'_>> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token == LIFETIME {
            if matches!(out.last(), Some(Token::Mark('+'))) {
                out.pop();
            } else {
                tokens.next_if_eq(&Token::Mark(','));
                if matches!(out.last(), Some(Token::Mark('<')))
                    && tokens.next_if_eq(&Token::Mark('>')).is_some()
                {
                    out.pop();
                    if matches!(out.last(), Some(Token::Path(path)) if path == &["for"]) {
                        out.pop();
                    }
                }
            }
        } else {
            out.push(token);
        }
    }
    out
}

/// The crate of a path, `core` and `alloc` as `std`, which exports what is theirs.
pub(crate) fn krate<'a>(path: &[&'a str]) -> &'a str {
    match path.first().copied().unwrap_or("") {
        "core" | "alloc" | "std" => "std",
        other => other,
    }
}

/// The text of pieces, as people write it.
pub(crate) fn text(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Path(segments) => {
                if matches!(at.checked_sub(1).map(|at| &tokens[at]), Some(Token::Path(_))) {
                    out.push(' ');
                }
                out.push_str(&segments.join("::"));
            }
            Token::Mark(mark @ (',' | ';')) => {
                out.push(*mark);
                out.push(' ');
            }
            Token::Mark('+') => out.push_str(" + "),
            Token::Mark('=') => out.push_str(" = "),
            Token::Mark(mark) => out.push(*mark),
        }
    }
    out.replace("->", " -> ")
}

/// Position after the list in `<…>` that begins at `from`; `from` where none does.
pub(crate) fn after_list(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Mark('<' | '(' | '[') => depth += 1,
            // The arrow of a function's result closes nothing.
            Token::Mark('>') if at > 0 && tokens[at - 1] == Token::Mark('-') => {}
            Token::Mark('>' | ')' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return if at == from { from } else { at + 1 };
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(text(&tokens(name)), expected, "{name}");
    }

    #[test]
    fn names_come_back_without_lifetimes() {
        check("alloc::vec::Vec<app::Item>", "alloc::vec::Vec<app::Item>");
        check("app::Ref<'_>", "app::Ref");
        check("app::Ref<'a, T>", "app::Ref<T>");
        check("&'a mut app::Ref<'_, '_, u8>", "&mut app::Ref<u8>");
        check("dyn core::fmt::Debug + '_", "dyn core::fmt::Debug");
        check("Box<dyn for<'a> Fn(&'a str) -> u8 + Send>", "Box<dyn Fn(&str) -> u8 + Send>");
        check("[app::Item; 4]", "[app::Item; 4]");
        check("(u8, u16)", "(u8, u16)");
        check("<app::T as app::Trait>::Out", "<app::T as app::Trait>::Out");
        check("app::main::{{closure}}", "app::main::{{closure}}");
        check("{closure@src/main.rs:1:2: 3:4}", "{closure@src/main.rs:1:2: 3:4}");
        check("app::Flag<'x'>", "app::Flag<'x'>");
    }

    #[test]
    fn lists_end_where_they_were_opened() {
        let tokens = tokens("A<B<fn(u8) -> u8>, C>::D");
        assert_eq!(after_list(&tokens, 1), tokens.len() - 1);
        assert_eq!(after_list(&tokens, 0), 0);
    }

    #[test]
    fn nonsense_ends() {
        for name in ["", "<", ">>", "{", "'", "::", "a::", "::<'a", "for<'a>", "é::ü", ",'a,", "a:b"] {
            let _ = text(&tokens(name));
            let _ = after_list(&tokens(name), 0);
        }
    }
}
