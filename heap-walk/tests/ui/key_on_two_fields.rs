use heap_walk::Walk;

#[derive(Walk)]
#[walk(key)]
struct Pair(u32, u32);

fn main() {}
