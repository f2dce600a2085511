use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(as)]
    blocks: Vec<u32>,
}

fn main() {}
