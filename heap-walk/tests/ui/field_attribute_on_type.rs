use heap_walk::Walk;

#[derive(Walk)]
#[walk(skip)]
struct Body {
    arena: u32,
}

fn main() {}
