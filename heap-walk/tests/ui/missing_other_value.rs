use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(missing = skip)]
    blocks: Vec<u32>,
}

fn main() {}
