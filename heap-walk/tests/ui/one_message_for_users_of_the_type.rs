use heap_walk::Walk;

// What holds a `Body` gets no message about its missing impl on top.

#[derive(Walk)]
struct Body {
    #[walk(skpi)]
    arena: u32,
}

#[derive(Walk)]
struct Program {
    bodies: Vec<Body>,
}

fn main() {}
