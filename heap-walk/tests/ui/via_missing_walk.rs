use heap_walk::Walk;

struct Foreign;

fn inside(_: &u32) -> heap_walk::Owned<'_, Foreign> {
    heap_walk::Owned(&Foreign)
}

#[derive(Walk)]
struct Body {
    #[walk(via = inside)]
    blocks: u32,
}

fn main() {}
