use heap_walk::Walk;

#[derive(Walk)]
#[repr(C, packed)]
struct Header {
    kind: u8,
    name: String,
}

fn main() {}
