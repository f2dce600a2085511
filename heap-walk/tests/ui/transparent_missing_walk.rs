use heap_walk::Walk;

struct Foreign;

#[derive(Walk)]
#[walk(transparent)]
struct Wrapper(Vec<Foreign>);

fn main() {}
