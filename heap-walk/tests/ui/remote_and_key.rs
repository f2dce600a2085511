use heap_walk::Walk;

#[derive(Walk)]
#[walk(remote = "foreign::Id", key)]
struct Id(u32);

fn main() {}
