use heap_walk::Walk;

#[derive(Walk)]
#[walk(key)]
enum Id {
    A,
}

fn main() {}
