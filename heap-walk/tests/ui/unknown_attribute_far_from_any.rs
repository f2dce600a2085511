use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(depth = 3)]
    arena: u32,
}

fn main() {}
