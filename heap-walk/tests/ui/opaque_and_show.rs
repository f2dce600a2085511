use heap_walk::Walk;

#[derive(Walk)]
struct Body(#[walk(opaque, show)] u32);

fn main() {}
