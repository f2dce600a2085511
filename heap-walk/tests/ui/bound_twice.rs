use heap_walk::Walk;

#[derive(Walk)]
#[walk(bound = "T: Walk", bound = "U: Walk")]
struct Body<T, U> {
    arena: T,
    cache: U,
}

fn main() {}
