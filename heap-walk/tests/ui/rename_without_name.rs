use heap_walk::Walk;

#[derive(Walk)]
enum Kind {
    #[walk(rename)]
    A,
}

fn main() {}
