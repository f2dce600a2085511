use heap_walk::Walk;

#[derive(Walk)]
#[walk(transparent)]
enum Either {
    A(u32),
}

fn main() {}
