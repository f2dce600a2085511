use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(via = a, with = b)]
    blocks: u32,
}

fn main() {}
