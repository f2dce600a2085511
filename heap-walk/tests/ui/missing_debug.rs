use heap_walk::Walk;

#[derive(Walk)]
struct DefId(u32);

#[derive(Walk)]
struct Body {
    #[walk(show)]
    source: DefId,
}

fn main() {}
