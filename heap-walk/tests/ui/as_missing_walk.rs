use heap_walk::Walk;

struct Foreign;

#[derive(Walk)]
struct Body {
    #[walk(as = (_, _))]
    blocks: (u32, Foreign),
}

fn main() {}
