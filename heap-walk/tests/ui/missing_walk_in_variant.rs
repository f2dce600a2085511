use heap_walk::Walk;

struct Foreign;

#[derive(Walk)]
enum Body {
    Empty,
    Cached(u32, Foreign),
}

fn main() {}
