use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(with = |arena, walker| {})]
    arena: u32,
}

fn main() {}
