//! A snapshot of the data, to a file and to nowhere, a report of it, and the one
//! number that mem_dbg and get-size2 give, in turns on the same data in the same process.

use crate::clock;
use crate::data::{self, Forest};
use crate::mem_size;
use crate::meter::Meter;
use crate::protocol::{median, tell};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;

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
    let mut rounds: [Vec<f64>; 7] = Default::default();
    let mut bytes = (0, 0);
    for round in 0..ROUNDS {
        let file = take(&forest, File::create(&path)?)?;
        // The kernel's map of the process is read between the walk and the table, and is part of neither.
        let maps = time(|| std::fs::read("/proc/self/smaps"));
        let sink = take(&forest, io::sink())?;
        let mem_dbg = time(|| mem_size::size(black_box(&forest)));
        let get_size = time(|| get_size2::heap_size(black_box(&forest)));
        let measure = time(|| heap_walk::measure(black_box(&forest)));
        let table = file.rest_ns.saturating_sub(maps);
        let times = [file.walk_ns, table, sink.walk_ns, mem_dbg, get_size, measure, maps];
        if round > 0 {
            for (times, ns) in rounds.iter_mut().zip(times) {
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
    let [walk, table, sink, mem_dbg, get_size, measure, maps] = rounds.map(median);
    tell("blocks", walked);
    tell("live", live);
    tell("walk_ns", walk / walked);
    tell("sink_ns", sink / walked);
    tell("table_ns", table / live);
    tell("maps_ns", maps / live);
    tell("mem_dbg_ns", mem_dbg / walked);
    tell("get_size_ns", get_size / walked);
    tell("measure_ns", measure / walked);
    tell("walk_bytes", bytes.0 as f64 / walked);
    tell("table_bytes", bytes.1 as f64 / live);
    Ok(())
}

fn time<R>(work: impl FnOnce() -> R) -> u64 {
    let begun = clock::thread_ns();
    black_box(work());
    clock::thread_ns() - begun
}

/// Blocks that allocative is shown: its tree has an entry for each path of
/// types, so in a recursive type it grows with the depth, and millions of
/// blocks would take gigabytes.
const PATHS: usize = 50_000;

/// allocative over the same kind of data, less of it: the only peer that gives a structure.
pub fn structure() {
    let forest = data::fresh(PATHS);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(time(|| {
            let mut builder = allocative::FlameGraphBuilder::default();
            builder.visit_root(black_box(&forest));
            builder.finish_and_write_flame_graph()
        }) as f64);
    }
    let blocks = heap_walk::measure(&forest).blocks;
    tell("allocative_ns", median(times) / blocks as f64);
}

/// What the walk needs beside the heap that is walked: bytes per block of
/// boxes, and what is more for as many shared blocks of which both handles are met.
///
/// # Errors
///
/// None: nothing is written.
pub fn scratch() -> io::Result<()> {
    const BLOCKS: usize = 1 << 20;
    let boxes: Vec<Box<[u64; 3]>> = (0..BLOCKS).map(|at| Box::new([at as u64; 3])).collect();
    let owned = tool_bytes(&boxes)?;
    drop(boxes);
    let handles: Vec<Arc<u64>> = (0..BLOCKS).map(|at| Arc::new(at as u64)).collect();
    let shared = tool_bytes(&(handles.clone(), handles))?;
    tell("scratch_owned", owned as f64 / BLOCKS as f64);
    tell("scratch_shared", shared.saturating_sub(owned) as f64 / BLOCKS as f64);
    Ok(())
}

fn tool_bytes(value: &dyn heap_walk::Walk) -> io::Result<u64> {
    let (meter, measured) = Meter::new(io::sink());
    heap_walk::snapshot(meter.sampling(), &[("value", value)])?;
    Ok(measured.get().tool_bytes)
}

/// What an enum value costs that lies in a block with others.
///
/// # Errors
///
/// None: nothing is written.
pub fn inline() -> io::Result<()> {
    const VALUES: usize = 10_000_000;
    let values = data::inline(VALUES);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (meter, measured) = Meter::new(io::sink());
        let begun = clock::thread_ns();
        heap_walk::snapshot(meter, &[("values", &values)])?;
        times.push((measured.get().walk_ended_ns - begun) as f64);
    }
    tell("inline_ns", median(times) / VALUES as f64);
    Ok(())
}
