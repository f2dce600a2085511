//! Measurements on the tracking allocator: `allocate`, `lookup`, `walk BLOCKS`, `aged BLOCKS`,
//! `structure`, `scratch`, `inline` or `idle`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let blocks = arguments.get(1).and_then(|blocks| blocks.parse().ok()).unwrap_or(1_000_000);
    let done = match arguments.first().map(String::as_str) {
        Some("allocate") => {
            benches::allocate::run();
            Ok(())
        }
        Some("lookup") => {
            benches::lookup::run();
            Ok(())
        }
        Some("walk") => benches::walk::run(blocks, false),
        Some("aged") => benches::walk::run(blocks, true),
        Some("structure") => {
            benches::walk::structure();
            Ok(())
        }
        Some("scratch") => benches::walk::scratch(),
        Some("inline") => benches::walk::inline(),
        Some("idle") => {
            benches::idle::run();
            Ok(())
        }
        _ => {
            eprintln!(
                "tracked: name a measurement: allocate, lookup, walk, aged, structure, scratch, inline or idle"
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracked: {error}");
            ExitCode::FAILURE
        }
    }
}
