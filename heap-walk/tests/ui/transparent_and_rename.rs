use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent, rename = "Other")]
struct Wrapper(u32);

fn main() {}
