use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(skpi)]
    arena: u32,
}

fn main() {}
