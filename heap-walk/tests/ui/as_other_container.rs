use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(as = Option<_>)]
    blocks: Vec<u32>,
}

fn main() {}
