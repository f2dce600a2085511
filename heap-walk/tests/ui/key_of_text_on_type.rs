use heap_walk::Walk;

#[derive(Walk)]
#[walk(key)]
struct Name(String);

fn main() {}
