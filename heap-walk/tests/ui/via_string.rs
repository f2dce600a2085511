use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(via = "Body::blocks")]
    blocks: usize,
}

fn main() {}
