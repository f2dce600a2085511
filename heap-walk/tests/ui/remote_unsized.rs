use heap_walk::Walk;

mod foreign {
    pub struct Tail {
        pub len: usize,
        pub tail: [String],
    }
}

#[derive(Walk)]
#[walk(remote = "foreign::Tail")]
struct TailDef {
    len: usize,
    tail: [String],
}

fn main() {}
