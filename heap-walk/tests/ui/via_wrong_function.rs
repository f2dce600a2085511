use heap_walk::Walk;

fn text(_: &u64) -> &'static str {
    "text"
}

#[derive(Walk)]
struct Body {
    #[walk(via = text)]
    blocks: u32,
}

fn main() {}
