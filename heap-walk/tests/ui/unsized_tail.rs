use heap_walk::Walk;

#[derive(Walk)]
struct List {
    len: usize,
    items: [u32],
}

fn main() {}
