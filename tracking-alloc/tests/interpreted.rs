//! All that can become of a block, in several threads: so little of it that an interpreter (Miri)
//! goes through it too, which knows what memory belongs to whom. Over the system's allocator,
//! which Miri brings along.
//!
//! Its own `main`, so that no harness allocates beside it.

#![allow(unsafe_code, reason = "calls the allocator as collections do")]

use heap_snapshot::live::ToolScope;
use heap_snapshot::record::LiveBlock;
use std::alloc::{Layout, System};
use std::sync::mpsc;
use tracking_alloc::{blocks, TrackingAlloc};

#[global_allocator]
static ALLOC: TrackingAlloc<System> = TrackingAlloc::over(System);

/// Of sizes and alignments that each way of the table has.
const LAYOUTS: [(usize, usize); 10] = [
    (1, 1),
    (8, 8),
    (16, 16),
    (24, 8),
    (1000, 4),
    (14_336, 16),
    (14_337, 1),
    (40, 64),
    (3, 1 << 16),
    (40_000, 4096),
];

struct Block(*mut u8, Layout);

// SAFETY: a block of its own.
unsafe impl Send for Block {}

impl Block {
    fn new((size, align): (usize, usize), is_zeroed: bool) -> Block {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // SAFETY: the size is not 0, and what is written is within it.
        unsafe {
            let ptr = if is_zeroed { std::alloc::alloc_zeroed(layout) } else { std::alloc::alloc(layout) };
            assert!(!is_zeroed || (ptr.read(), ptr.add(size - 1).read()) == (0, 0));
            ptr.write(7);
            ptr.add(size - 1).write(7);
            Block(ptr, layout)
        }
    }

    fn resize(&mut self, size: usize) {
        // SAFETY: allocated with this layout; the size is not 0. The first byte was written.
        unsafe {
            self.0 = std::alloc::realloc(self.0, self.1, size);
            assert_eq!(self.0.read(), 7);
            self.0.add(size - 1).write(7);
        }
        self.1 = Layout::from_size_align(size, self.1.align()).expect("a layout");
    }

    fn judge(&self) {
        let (addr, size) = (self.0 as u64, self.1.size() as u64);
        for at in [0, size / 2, size - 1] {
            let found: LiveBlock = blocks().lookup(addr + at).expect("live");
            assert_eq!((found.addr, found.requested, 1 << found.align_log2), (addr, size, self.1.align()));
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated, or resized, with this layout.
        unsafe { std::alloc::dealloc(self.0, self.1) };
    }
}

fn main() {
    let (send, receive) = mpsc::channel::<Vec<Block>>();
    let threads = [false, true].map(|is_zeroed| {
        let send = send.clone();
        std::thread::spawn(move || {
            let mut made: Vec<Block> = LAYOUTS.iter().map(|layout| Block::new(*layout, is_zeroed)).collect();
            for (at, block) in made.iter_mut().enumerate() {
                block.judge();
                block.resize(1 + at * 5);
                block.judge();
                block.resize(3000 - at * 3);
            }
            send.send(made).expect("main listens");
        })
    });
    drop(send);
    let (number, _) = blocks().begin();
    assert_eq!(number, 1);
    let tool = {
        let _scope = ToolScope::enter();
        Block::new((100, 8), false)
    };
    // Others allocate meanwhile.
    let mut met = 0;
    blocks().for_each(&mut |block| met += usize::from(block.requested > 0));
    assert!(met > 0);
    let made: Vec<Vec<Block>> = receive.into_iter().collect();
    blocks().end();
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    for block in made.iter().flatten() {
        block.judge();
    }
    assert!(blocks().lookup(tool.0 as u64).expect("live").is_tool);
    let ours: Vec<u64> = made.iter().flatten().map(|block| block.0 as u64).collect();
    let mut count = 0;
    blocks().for_each(&mut |block| count += usize::from(ours.contains(&block.addr)));
    assert_eq!(count, 2 * LAYOUTS.len());
    drop((made, tool));
    assert!(ours.iter().all(|addr| blocks().lookup(*addr).is_none()));
    assert_eq!(blocks().unknown_frees(), 0);
    println!("test interpreted ... ok\n1 passed, 0 failed");
}
