use heap_walk::Walk;

#[derive(Walk)]
#[repr(packed)]
struct Header {
    #[walk(show)]
    kind: u8,
}

fn main() {}
