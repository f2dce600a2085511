//! Cases of this group, judged by the allocator.

use end_to_end::judge::Judge;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

fn main() {
    Judge::run("sharing", &[], &[], |judge| judge.check("Vec", || vec![1u8]));
}
