use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(skip = true)]
    arena: u32,
}

fn main() {}
