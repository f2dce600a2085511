//! A small HTTP service and the clients that load it, in one process; see the
//! package's README.
//!
//! It is written as such services are: state in an `Arc`, locks and channels of
//! several crates, handlers behind `dyn`. Of heap-walk there are only the
//! derives, the roots, the tags of the tasks and the two checkpoints.

mod cache;
mod client;
mod compaction;
mod handlers;
mod metrics;
mod router;
mod server;
mod session;
mod state;
mod store;
mod wire;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

use heap_walk::{checkpoint, register_arc, TagFuture, Walk};
use tokio::runtime::{Builder, Runtime};

use crate::client::{Client, Report};
use crate::server::Server;
use crate::state::State;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

const WORKERS: usize = 4;
const CLIENTS: usize = 8;
/// How often the heap is looked at while the service is busy.
const LOOKS: usize = 4;

/// The process, as `main` holds it.
#[derive(Walk)]
#[walk(missing = opaque)]
struct Process {
    state: Arc<State>,
    runtime: Runtime,
    reports: Vec<Report>,
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(errors) => {
            eprintln!("service: {errors} requests went wrong");
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("service: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Number of requests that were not answered as expected.
fn run() -> Result<usize, String> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("worker")
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let state = State::new(runtime.handle().clone());
    register_arc("state", &state);
    let server = runtime
        .block_on(Server::start(&state))
        .map_err(|error| format!("the loopback interface can't be listened to: {error}"))?;

    // Clients knock here after each quarter of their work; whoever looks at the heap counts.
    let (knock, knocks) = mpsc::channel();
    let looking = Arc::new(AtomicUsize::new(LOOKS));
    let observer = {
        let looking = Arc::clone(&looking);
        thread::spawn(move || observe(&knocks, &looking))
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let knock = (number == 0).then(|| knock.clone());
            let client = Client::new(number, server.address(), knock, Arc::clone(&looking));
            runtime.spawn(client.run().tagged("client"))
        })
        .collect();
    drop(knock);
    let mut reports = Vec::with_capacity(CLIENTS);
    for client in clients {
        let report = runtime.block_on(client).map_err(|error| format!("a client failed: {error}"))?;
        reports.push(report.map_err(|error| format!("a client lost its connection: {error}"))?);
    }
    observer.join().map_err(|_| "the observer failed".to_owned())?;
    runtime.block_on(server.drain());
    settle(&runtime);

    let process = Process { state, runtime, reports };
    checkpoint!("idle", process = &process; sessions = process.state.sessions.len());

    let Process { state, runtime, reports } = process;
    let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    let errors = sum(|report| report.errors);
    println!(
        "{} requests of {CLIENTS} clients answered, {errors} errors; {} documents, {} sessions, {} edges",
        sum(|report| report.answered),
        state.store.by_slug.len(),
        state.sessions.len(),
        state.store.edges(),
    );
    runtime.block_on(server.stop());
    drop(state);
    Ok(errors)
}

/// Waits until all workers are parked: until then they may still put away what they worked with.
fn settle(runtime: &Runtime) {
    let metrics = runtime.metrics();
    let parked = || -> Vec<u64> { (0..WORKERS).map(|at| metrics.worker_park_unpark_count(at)).collect() };
    let mut before = parked();
    loop {
        thread::sleep(Duration::from_millis(10));
        let now = parked();
        // Odd after parking, even after waking up.
        if now == before && now.iter().all(|count| count % 2 == 1) {
            return;
        }
        before = now;
    }
}

/// What the observer noted.
#[derive(Walk, Default)]
struct Diary {
    looks: Vec<String>,
}

/// Looks at the heap at each knock, in a thread of its own, while the load goes on.
fn observe(knocks: &mpsc::Receiver<usize>, looking: &AtomicUsize) {
    let mut diary = Diary::default();
    for answered in knocks.iter().take(LOOKS) {
        diary.looks.push(format!("after {answered} requests of the first client"));
        checkpoint!("under_load", diary = &diary; answered = answered);
        looking.fetch_sub(1, Ordering::Release);
    }
}
