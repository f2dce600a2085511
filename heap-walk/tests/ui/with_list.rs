use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(with(walk_arena))]
    arena: u32,
}

fn main() {}
