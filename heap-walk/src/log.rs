//! Our lines: one prefix, to `HEAP_WALK_LOG` or to standard error.

use std::fs::OpenOptions;
use std::io::Write;

/// Prints one line. A failure to do so is nobody's problem.
pub(crate) fn line(text: &str) {
    let line = format!("heap-walk: {text}\n");
    let file = std::env::var_os("HEAP_WALK_LOG")
        .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    let _ = match file {
        Some(mut file) => file.write_all(line.as_bytes()),
        None => std::io::stderr().write_all(line.as_bytes()),
    };
}

/// Bytes as people read them.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}
