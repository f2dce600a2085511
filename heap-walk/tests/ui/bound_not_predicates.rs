use heap_walk::Walk;

#[derive(Walk)]
#[walk(bound = "T Walk")]
struct Body<T> {
    arena: T,
}

fn main() {}
