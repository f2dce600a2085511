use heap_walk::Walk;

#[derive(Walk)]
struct Body<#[walk(skip)] T> {
    arena: T,
}

fn main() {}
