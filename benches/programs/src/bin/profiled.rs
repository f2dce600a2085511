//! On bare jemalloc, built with its sampling profiler.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    programs::main(|| None);
}
