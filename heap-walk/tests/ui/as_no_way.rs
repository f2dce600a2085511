use heap_walk::Walk;

struct Foreign;
struct NoWay;

#[derive(Walk)]
struct Body {
    #[walk(as = Vec<NoWay>)]
    blocks: Vec<Foreign>,
}

fn main() {}
