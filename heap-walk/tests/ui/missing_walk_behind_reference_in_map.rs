use heap_walk::Walk;

use std::collections::HashMap;

struct Foreign;

#[derive(Walk)]
struct Body<'a> {
    cache: HashMap<Foreign, &'a str>,
}

fn main() {}
