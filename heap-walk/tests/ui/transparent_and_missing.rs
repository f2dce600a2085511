use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent, missing = opaque)]
struct Only(Vec<u8>);

fn main() {}
