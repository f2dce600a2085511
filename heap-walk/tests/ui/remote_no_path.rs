use heap_walk::Walk;

#[derive(Walk)]
#[walk(remote = "foreign Point")]
struct PointDef {
    x: f64,
}

fn main() {}
