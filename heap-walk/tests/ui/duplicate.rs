use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(skip)]
    #[walk(skip)]
    arena: u32,
}

fn main() {}
