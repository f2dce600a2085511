use heap_walk::Walk;

struct Foreign;

#[derive(Walk)]
struct Body {
    blocks: Vec<u32>,
    cache: Vec<Foreign>,
}

fn main() {}
