use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(rename = "a")]
    arena: u32,
}

fn main() {}
