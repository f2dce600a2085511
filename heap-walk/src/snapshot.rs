//! A snapshot on request, without `HEAP_WALK`.

use crate::checkpoint::{header, write, Busy, InWalk};
use crate::walk::Walk;
use heap_snapshot::live::ToolScope;
use std::io;

/// Walks from `roots` and writes a snapshot to `out`. For programs that choose
/// their own moment, and for tests.
///
/// ```
/// let names = vec![String::from("a"), String::from("b")];
/// let file = std::env::temp_dir().join(format!("snapshot-doc-{}.heapsnap", std::process::id()));
/// heap_walk::snapshot(std::fs::File::create(&file)?, &[("names", &names)])?;
/// # std::fs::remove_file(file)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Those of `out`; what was written until then is a readable file. `WouldBlock`
/// while another snapshot of this process is being taken, for there is one at a
/// time, and inside an impl of `Walk`.
pub fn snapshot(out: impl io::Write + 'static, roots: &[(&str, &dyn Walk)]) -> io::Result<()> {
    let _tool = ToolScope::enter();
    let is_taken = |why| io::Error::new(io::ErrorKind::WouldBlock, why);
    let _in_walk = InWalk::enter().ok_or_else(|| is_taken("this is called from an impl of `Walk`"))?;
    let _busy = Busy::enter().ok_or_else(|| is_taken("another snapshot of this process is being taken"))?;
    write(Box::new(out), header("snapshot", 1, Vec::new()), roots, 0).map(|_| ())
}
