use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent = true)]
struct Wrapper(u32);

fn main() {}
