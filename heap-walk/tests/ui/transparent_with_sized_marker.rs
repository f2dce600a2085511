use heap_walk::Walk;

struct Large([u8; 16]);

#[derive(Walk)]
#[walk(transparent)]
struct Wrapper(u32, #[walk(skip)] Large);

fn describe(d: &mut heap_walk::Describe<'_>) {
    Wrapper::describe(d);
}

fn main() {}
