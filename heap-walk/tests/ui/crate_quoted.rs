use heap_walk::Walk;

#[derive(Walk)]
#[walk(crate = "heap_walk")]
struct Body {
    blocks: Vec<u32>,
}

fn main() {}
