use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(1)]
    arena: u32,
}

fn main() {}
