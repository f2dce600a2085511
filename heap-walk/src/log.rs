//! Our lines: one prefix, to `HEAP_WALK_LOG` or to standard error.
//!
//! Not through `std::io::stderr`: its lock may be held by a thread that waits
//! for the one at the checkpoint.

#![expect(unsafe_code, reason = "writes to the file descriptor of standard error")]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

/// Prints one line. A failure to do so is nobody's problem.
pub(crate) fn line(text: &str) {
    let line = format!("heap-walk: {text}\n");
    let file = std::env::var_os("HEAP_WALK_LOG")
        .and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    let _ = match file {
        Some(mut file) => file.write_all(line.as_bytes()),
        None => {
            // SAFETY: descriptor 2 is standard error's for the life of the
            // process (or closed, and writing fails); it is not closed here.
            let mut stderr = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
            stderr.write_all(line.as_bytes())
        }
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
