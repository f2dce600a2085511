use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(skip, show)]
    arena: u32,
}

fn main() {}
