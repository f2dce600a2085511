use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent)]
struct Pair(u32, String);

fn main() {}
