use heap_walk::Walk;

#[derive(Walk)]
#[walk(bound(T))]
struct Body<T> {
    arena: T,
}

fn main() {}
