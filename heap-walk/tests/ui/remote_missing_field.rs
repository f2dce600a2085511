use heap_walk::Walk;

mod foreign {
    pub struct Point {
        pub x: f64,
        pub y: f64,
    }
    pub struct Hidden {
        pub x: f64,
        y: f64,
    }
    pub enum Kind {
        A,
        B(u8),
    }
}


#[derive(Walk)]
#[walk(remote = "foreign::Point")]
struct PointDef {
    x: f64,
}

fn main() {}
