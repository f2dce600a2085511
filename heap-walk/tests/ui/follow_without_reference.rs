use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(follow)]
    blocks: Vec<u32>,
}

fn main() {}
