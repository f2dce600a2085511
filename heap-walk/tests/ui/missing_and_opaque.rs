use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(missing = opaque, opaque)]
    blocks: Vec<u32>,
}

fn main() {}
