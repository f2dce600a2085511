//! `HEAP_TRACK`: what each value does, seen from a process started with it.

#![allow(unsafe_code, reason = "calls the allocator as collections do")]

use heap_snapshot::live;
use std::process::{Command, Output};
use tracking_alloc::TrackingAlloc;

#[global_allocator]
static ALLOC: TrackingAlloc = TrackingAlloc::new();

/// What a child does: allocates, resizes and frees in all sizes, then says whether there is a table.
fn child() {
    let mut kept: Vec<Vec<u8>> = (0..2000_usize).map(|at| vec![at as u8; at * 37 % 20_000]).collect();
    kept.iter_mut().step_by(3).for_each(|vec| vec.extend_from_slice(&[1; 5000]));
    kept.truncate(1000);
    let name = kept[7].as_ptr() as u64;
    let is_found = live::installed().is_some_and(|blocks| blocks.lookup(name).is_some());
    // Both are no more than nothing, where there is no table.
    let _tool = live::ToolScope::enter();
    tracking_alloc::blocks().begin();
    tracking_alloc::blocks().end();
    println!("table {}, found {is_found}", live::installed().is_some());
}

fn with(value: Option<&str>) -> (String, String) {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.arg("child").env_remove("HEAP_TRACK");
    if let Some(value) = value {
        command.env("HEAP_TRACK", value);
    }
    let Output { status, stdout, stderr } = command.output().expect("this test, started again");
    assert!(status.success(), "{value:?}: {status}, {}", String::from_utf8_lossy(&stderr));
    (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("child") {
        return child();
    }
    let tracked = "table true, found true\n";
    for value in [None, Some(""), Some("sizes"), Some("tags")] {
        assert_eq!(with(value), (tracked.into(), String::new()), "{value:?}");
    }
    assert_eq!(with(Some("off")), ("table false, found false\n".into(), String::new()));
    let long = "x".repeat(1000);
    for wrong in ["on", "stacks:", &long] {
        let (out, said) = with(Some(wrong));
        assert_eq!(out, tracked, "{wrong}: the default goes on");
        let shown = &wrong[..wrong.len().min(256)];
        let line = format!("heap-walk: HEAP_TRACK={shown}: it takes off, sizes, tags, stacks or stacks:512K");
        assert!(said.starts_with(&line) && said.ends_with("sizes is used\n"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    println!("test modes ... ok\n1 passed, 0 failed");
}
