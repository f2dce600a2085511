use heap_walk::Walk;

#[derive(Walk)]
enum Body {
    #[walk(skip)]
    Built(u32),
}

fn main() {}
