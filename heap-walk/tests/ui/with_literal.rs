use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(with = 7)]
    arena: u32,
}

fn main() {}
