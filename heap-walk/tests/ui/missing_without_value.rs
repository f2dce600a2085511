use heap_walk::Walk;

#[derive(Walk)]
#[walk(missing)]
struct Body {
    blocks: Vec<u32>,
}

fn main() {}
