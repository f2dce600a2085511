use heap_walk::Walk;

fn walk_arena<'a>(_: &'a u64, _: &mut heap_walk::Walker<'a>) {}

#[derive(Walk)]
struct Body {
    #[walk(with = walk_arena)]
    arena: u32,
}

fn main() {}
