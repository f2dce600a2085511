use heap_walk::Walk;

#[derive(Walk)]
struct Body<T> {
    #[walk(missing = opaque)]
    blocks: Vec<T>,
}

fn main() {}
