use heap_walk::Walk;

#[derive(Walk)]
#[walk(bonud = "")]
struct Body {
    arena: u32,
}

fn main() {}
