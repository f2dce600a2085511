use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk]
    arena: u32,
}

fn main() {}
