//! Functions for a borrow checker whose facts are committed beside them, for machines whose rustc
//! emits none. The last ones are wrong on purpose: each is rejected, so the crate doesn't compile.
//!
//! After a change, in the folder of the borrow checker:
//! `cargo run -- --manifest facts-fallback/Cargo.toml --pack facts-fallback/facts.pack`

use std::collections::HashMap;

/// A list that owns its rest.
pub enum List {
    /// The end.
    Nil,
    /// An element and the rest.
    Cons(u32, Box<List>),
}

/// The longer of two strings.
pub fn longest<'a>(a: &'a str, b: &'a str) -> &'a str {
    if a.len() < b.len() { b } else { a }
}

/// Adds up a list.
pub fn sum(mut list: &List) -> u32 {
    let mut total = 0;
    while let List::Cons(value, rest) = list {
        total += value;
        list = rest;
    }
    total
}

/// Appends at the end, through a cursor that is reborrowed on the way.
pub fn append(list: &mut List, value: u32) {
    let mut cursor = list;
    while let List::Cons(_, rest) = cursor {
        cursor = rest;
    }
    *cursor = List::Cons(value, Box::new(List::Nil));
}

/// Counts words; keys borrow from the text.
pub fn count_words(text: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

/// Moves parts out of a pair, one of them on one way only.
pub fn take_parts(pair: (String, Vec<String>), which: bool) -> String {
    let (first, rest) = pair;
    if which {
        return first;
    }
    let mut joined = String::new();
    for part in rest {
        joined.push_str(&part);
    }
    joined
}

/// Borrows two disjoint fields at once.
pub fn swap_ends(pair: &mut (Vec<u8>, Vec<u8>)) {
    let left = &mut pair.0;
    let right = &mut pair.1;
    std::mem::swap(left, right);
    if let (Some(first), Some(last)) = (left.first_mut(), right.last_mut()) {
        std::mem::swap(first, last);
    }
}

/// Iterates with a closure that captures by reference.
pub fn offsets(values: &[i64], base: i64) -> Vec<i64> {
    let mut seen = 0;
    let shifted = values.iter().map(|value| {
        seen += 1;
        value - base
    });
    let mut result: Vec<i64> = shifted.collect();
    result.push(seen);
    result
}

/// Binary search, for a graph with loops and early returns.
pub fn position(sorted: &[u32], wanted: u32) -> Option<usize> {
    let (mut low, mut high) = (0, sorted.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match sorted[middle].cmp(&wanted) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle),
        }
    }
    None
}

/// Accepted by polonius, rejected by today's rustc: the loan is live on one way only.
pub fn get_or_insert(map: &mut HashMap<u32, String>, key: u32) -> &mut String {
    if let Some(value) = map.get_mut(&key) {
        return value;
    }
    map.insert(key, String::new());
    map.get_mut(&key).unwrap()
}

/// Rejected: the vector is pushed to while an element is borrowed.
pub fn push_while_borrowed(values: &mut Vec<u32>) -> u32 {
    let first = &values[0];
    values.push(1);
    *first
}

/// Rejected: the string is used after it was moved.
pub fn use_after_move(text: String) -> usize {
    let other = text;
    text.len() + other.len()
}

/// Rejected: the signature doesn't say that `'b` outlives `'a`.
pub fn undeclared<'a, 'b>(_: &'a str, b: &'b str) -> &'a str {
    b
}
