use heap_walk::Walk;

#[derive(Walk)]
struct Body {
    #[walk(skpi)]
    arena: u32,
    #[walk(with)]
    cache: u32,
}

fn main() {}
