//! A snapshot of the data, to a file and to nowhere, and mem_dbg's one number
//! for it, in turns on the same data in the same process.

use crate::clock;
use crate::data::{self, Forest};
use crate::mem_size;
use crate::meter::Meter;
use crate::protocol::{median, tell};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};

/// Rounds over the same data; the first warms up.
const ROUNDS: usize = 4;

/// Times of one snapshot, nanoseconds of CPU, and its bytes.
struct Taken {
    walk_ns: u64,
    rest_ns: u64,
    walk_bytes: u64,
    block_bytes: u64,
}

fn take(forest: &Forest, out: impl Write + 'static) -> io::Result<Taken> {
    let (meter, measured) = Meter::new(out);
    let begun = clock::thread_ns();
    heap_walk::snapshot(meter, &[("forest", forest)])?;
    let ended = clock::thread_ns();
    let measured = measured.get();
    Ok(Taken {
        walk_ns: measured.walk_ended_ns - begun,
        rest_ns: ended - measured.walk_ended_ns,
        walk_bytes: measured.walk_bytes,
        block_bytes: measured.block_bytes,
    })
}

/// Runs the measurement on about `blocks` blocks.
///
/// # Errors
///
/// Those of the temporary file.
pub fn run(blocks: usize, is_aged: bool) -> io::Result<()> {
    let forest = if is_aged { data::aged(blocks) } else { data::fresh(blocks) };
    let path = std::env::temp_dir().join(format!("benches-{}.heapsnap", std::process::id()));
    let mut rounds: [Vec<f64>; 4] = Default::default();
    let mut bytes = (0, 0);
    let mut size = 0;
    for round in 0..ROUNDS {
        let file = take(&forest, File::create(&path)?)?;
        let sink = take(&forest, io::sink())?;
        let begun = clock::thread_ns();
        size = black_box(mem_size::size(black_box(&forest)));
        let mem_dbg = clock::thread_ns() - begun;
        if round > 0 {
            for (times, ns) in rounds.iter_mut().zip([file.walk_ns, file.rest_ns, sink.walk_ns, mem_dbg]) {
                times.push(ns as f64);
            }
        }
        bytes = (file.walk_bytes, file.block_bytes);
    }
    let read = heap_snapshot::read::read(io::BufReader::new(File::open(&path)?), |_| true);
    std::fs::remove_file(&path)?;
    let file = read.map_err(|error| io::Error::other(error.to_string()))?;
    let footer = file.snapshots.first().and_then(|snapshot| snapshot.footer.clone());
    let footer = footer.ok_or_else(|| io::Error::other("the snapshot has no footer"))?;
    // Nodes but for the root are blocks, each met once.
    let walked = (footer.nodes - 1) as f64;
    let live = footer.blocks as f64;
    let [walk, table, sink, mem_dbg] = rounds.map(median);
    tell("blocks", walked);
    tell("live", live);
    tell("walk_ns", walk / walked);
    tell("sink_ns", sink / walked);
    tell("table_ns", table / live);
    tell("mem_dbg_ns", mem_dbg / walked);
    tell("walk_bytes", bytes.0 as f64 / walked);
    tell("table_bytes", bytes.1 as f64 / live);
    tell("mem_dbg_mib", size as f64 / f64::from(1 << 20));
    Ok(())
}
