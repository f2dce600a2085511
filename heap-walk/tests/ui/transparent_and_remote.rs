use heap_walk::Walk;

mod foreign {
    pub struct Meters(pub f64);
}

#[derive(Walk)]
#[walk(transparent, remote = "foreign::Meters")]
struct MetersDef(f64);

fn main() {}
