use heap_walk::Walk;

#[derive(Walk)]
#[repr(C, packed)]
struct Header {
    kind: u8,
    len: u32,
}

fn main() {}
