use heap_walk::Walk;

#[derive(Walk)]
#[walk(key, missing = opaque)]
struct Local(u32);

fn main() {}
