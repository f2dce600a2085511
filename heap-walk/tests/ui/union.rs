use heap_walk::Walk;

#[derive(Walk)]
union Bits {
    int: u32,
    float: f32,
}

fn main() {}
