use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(rename = "a", rename = "b")]
    blocks: Vec<u32>,
}

fn main() {}
