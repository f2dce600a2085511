use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent, key)]
struct Local(u32);

fn main() {}
