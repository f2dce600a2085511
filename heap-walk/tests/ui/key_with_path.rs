use heap_walk::Walk;

#[derive(Walk)]
struct Edge {
    #[walk(key = Body::locals)]
    from: usize,
}

fn main() {}
