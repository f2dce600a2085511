use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent)]
struct Wrapper(#[walk(opaque)] u32);

fn main() {}
