use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(with = "arena::walk")]
    arena: u32,
}

fn main() {}
