use heap_walk::Walk;

struct Foreign;

#[derive(Walk)]
#[walk(missing = opaque)]
struct Body<T> {
    blocks: Vec<T>,
    cache: Foreign,
}

#[derive(Walk)]
struct Outer {
    body: Body<Foreign>,
}

fn main() {}
