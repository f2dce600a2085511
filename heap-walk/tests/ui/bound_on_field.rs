use heap_walk::Walk;

#[derive(Walk)]
struct Body<T> {
    #[walk(bound = "T: Walk")]
    arena: T,
}

fn main() {}
