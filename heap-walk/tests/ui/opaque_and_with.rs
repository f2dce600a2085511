use heap_walk::Walk;

fn walk_arena<'a>(_: &'a u32, _: &mut heap_walk::Walker<'a>) {}

#[derive(Walk)]
enum Body {
    Built {
        #[walk(opaque, with = walk_arena)]
        arena: u32,
    },
}

fn main() {}
