use heap_walk::Walk;

#[derive(Walk)]
struct Edge {
    #[walk(key = "Body::locals")]
    from: String,
}

fn main() {}
