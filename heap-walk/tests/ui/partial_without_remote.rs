use heap_walk::Walk;

#[derive(Walk)]
#[walk(partial)]
struct Body {
    blocks: Vec<u32>,
}

fn main() {}
