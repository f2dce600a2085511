//! What a `checkpoint!` costs while `HEAP_WALK` is unset.

use crate::clock;
use crate::protocol::tell;
use heap_walk::checkpoint;
use std::hint::black_box;

const COUNT: u64 = 100_000_000;

/// Tells nanoseconds per checkpoint, beyond those of the loop around it.
pub fn run() {
    let data = vec![1u32; 16];
    let begun = clock::thread_ns();
    for at in 0..COUNT {
        black_box(at);
    }
    let empty = clock::thread_ns();
    for at in 0..COUNT {
        black_box(at);
        checkpoint!("idle", data = &data; at = at);
    }
    let ended = clock::thread_ns();
    let both = (ended - empty) as f64 - (empty - begun) as f64;
    tell("checkpoint_ns", both.max(0.0) / COUNT as f64);
}
