//! On the tracking allocator; `HEAP_TRACK` says how much it keeps.

#[global_allocator]
static ALLOCATOR: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

fn main() {
    programs::main(|| {
        let mut count = 0;
        tracking_alloc::blocks().for_each(&mut |_| count += 1);
        (count > 0).then(|| (count, tracking_alloc::blocks().figures().table))
    });
}
