//! How long it takes to load and analyse a made-up heap: `cargo run --release -p
//! heap-analysis --example speed [NODES]` (a million by default).

use heap_analysis::load::{load_from, Progress};
use heap_analysis::{config::Config, demo, Analysis, Lens};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let nodes = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let file = demo::file(nodes);
    println!("file           {:>8.1} MB", file.len() as f64 / 1e6);
    let begun = Instant::now();
    let mut read = None;
    let loaded = load_from(&file[..], file.len() as u64, None, &mut |progress| {
        if matches!(progress, Progress::Phase(_)) {
            read.get_or_insert_with(|| begun.elapsed());
        }
        true
    })
    .expect("what was just written can be read");
    let load = begun.elapsed();
    println!("nodes          {:>8}", loaded.heap.node_count());
    println!("read           {:>8.1} ms", read.unwrap_or_default().as_secs_f64() * 1e3);
    println!("read and join  {:>8.1} ms", load.as_secs_f64() * 1e3);
    let time = |name: &str, work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        println!("{name:<14} {:>8.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    };
    let heap = Arc::new(loaded.heap);
    let mut analysis = None;
    time("analyse", &mut || {
        analysis = Some(Analysis::new(heap.clone(), Arc::new(Config::default()), Lens::default()));
    });
    let analysis = analysis.expect("just made");
    time("roots", &mut || assert!(!analysis.roots().is_empty()));
    time("ledger", &mut || assert!(analysis.ledger().closes));
    time("children", &mut || assert!(!analysis.children(analysis.roots()[0].node, 50).rows.is_empty()));
}
