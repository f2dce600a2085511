use heap_walk::Walk;

struct Foreign;

#[derive(Walk)]
struct Body<'a> {
    #[walk(follow)]
    blocks: Vec<&'a Foreign>,
}

fn main() {}
