use heap_walk::Walk;

mod foreign {
    pub struct Hidden {
        pub x: f64,
        y: f64,
    }
}

#[derive(Walk)]
#[walk(remote = "foreign::Hidden")]
struct HiddenDef {
    x: f64,
    y: f64,
}

fn main() {}
