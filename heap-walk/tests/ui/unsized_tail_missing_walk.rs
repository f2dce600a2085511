use heap_walk::Walk;

trait Behave {}

#[derive(Walk)]
struct Tail {
    len: usize,
    behave: dyn Behave,
}

fn main() {}
