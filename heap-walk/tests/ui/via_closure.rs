use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(via = |bits| bits)]
    blocks: usize,
}

fn main() {}
