use heap_walk::Walk;

#[derive(Walk)]
#[walk(remote = "<Vec<u8> as IntoIterator>::IntoIter")]
struct BytesDef {
    len: usize,
}

fn main() {}
