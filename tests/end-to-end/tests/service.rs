//! A threaded service, observed while it is under load and when it is idle,
//! without and with heap-walk's features for the foreign crates in its types:
//! nothing waits for anything, and every block is claimed typed, raw, or listed.

use end_to_end::folder;
use heap_analysis::config::Config;
use heap_analysis::ledger::{Class, Ledger};
use heap_analysis::{load, Analysis, Lens};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Runs of each build.
const RUNS: usize = 5;
/// The program takes seconds; when it takes this long it is stuck.
const STUCK: Duration = Duration::from_secs(300);
/// Looks that a run takes under load.
const LOOKS: usize = 4;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Build {
    /// `missing = opaque` and nothing else.
    Opaque,
    /// With a feature of heap-walk for each foreign crate.
    Typed,
}

/// The service, built in this test's profile and kept apart from the other build of it.
fn service(build: Build) -> &'static Path {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    // Both builds leave their program at the same place.
    static BUILDING: Mutex<()> = Mutex::new(());
    BUILT[build as usize].get_or_init(|| {
        let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        // …/<profile>/deps/<this test>
        let test = std::env::current_exe().expect("the path of this test");
        let profile = test.ancestors().nth(2).expect("the profile's folder").to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "service"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.env("CARGO_TARGET_DIR", profile.parent().expect("the target folder"));
        if profile.file_name().is_some_and(|profile| profile == "release") {
            cargo.arg("--release");
        }
        if build == Build::Typed {
            cargo.args(["--features", "typed"]);
        }
        assert!(cargo.status().expect("cargo").success(), "service cannot be built");
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("service-{build:?}"));
        std::fs::copy(profile.join("service"), &kept).expect("a copy");
        kept
    })
}

/// Runs the service with this `HEAP_WALK`; what it printed, and what it said on standard error.
fn run(build: Build, walk: Option<&str>, directory: &Path) -> (String, String) {
    run_in_mode("sizes", build, walk, directory)
}

/// The same with this `HEAP_TRACK`.
fn run_in_mode(mode: &str, build: Build, walk: Option<&str>, directory: &Path) -> (String, String) {
    let mut command = Command::new(service(build));
    command.env("HEAP_TRACK", mode);
    command.env_remove("HEAP_WALK").env("HEAP_WALK_DIR", directory).current_dir(directory);
    command.envs(walk.map(|walk| ("HEAP_WALK", walk)));
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the service starts");
    // It prints less than a pipe holds.
    let begun = Instant::now();
    while child.try_wait().expect("the service can be waited for").is_none() {
        if begun.elapsed() > STUCK {
            child.kill().expect("the service can be ended");
            let output = child.wait_with_output().expect("its output");
            panic!("{build:?}, {walk:?}: the service is stuck: {output:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("its output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{build:?}, {walk:?}: {printed}{said}");
    (printed, said)
}

/// The snapshots in a folder of a checkpoint.
fn snapshots(directory: &Path, checkpoint: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains(&format!(".{checkpoint}.")))
        .collect();
    paths.sort();
    paths
}

fn analyse(path: &Path) -> Analysis {
    let loaded = load::load(path, None, &mut |_| true).expect("a snapshot");
    assert_eq!(loaded.heap.problems(), [] as [String; 0]);
    Analysis::new(Arc::new(loaded.heap), Arc::new(Config::default()), Lens::default())
}

/// What holds of every ledger, whatever other threads did meanwhile.
fn assert_adds_up(ledger: &Ledger, what: &str) {
    assert!(ledger.is_tracked, "{what}");
    let classes: u64 = ledger.classes.iter().map(|row| row.bytes).sum();
    assert_eq!(classes, ledger.population.bytes, "{what}: each block is in one class");
    let classes: u64 = ledger.classes.iter().map(|row| row.blocks).sum();
    assert_eq!(classes, ledger.population.blocks, "{what}: each block is in one class");
    let covered: u64 = ledger.coverage.iter().map(|row| row.bytes).sum();
    assert_eq!(covered, ledger.population.bytes, "{what}");
    assert_eq!(ledger.waterfall.total, ledger.population.bytes, "{what}");
    assert_eq!(ledger.claimed_twice, [], "{what}");
    assert_eq!(ledger.mismatches, [], "{what}");
    let unclaimed = ledger.classes.iter().find(|row| row.class == Class::Unclaimed).expect("a row");
    let listed: u64 = ledger.unclaimed.iter().map(|row| row.bytes).sum();
    assert_eq!(listed, unclaimed.bytes, "{what}: what is unclaimed is listed");
}

/// Share of the population's bytes that is covered in one of these ways.
fn share(ledger: &Ledger, names: &[&str]) -> f64 {
    let covered = ledger.coverage.iter().filter(|row| names.contains(&row.name.as_str()));
    covered.map(|row| row.bytes).sum::<u64>() as f64 / ledger.population.bytes as f64
}

fn show(analysis: &Analysis, what: &str) {
    let ledger = analysis.ledger();
    let footer = analysis.heap().footer().expect("a whole snapshot");
    let covered: Vec<String> =
        ledger.coverage.iter().map(|row| format!("{} {} in {}", row.name, row.bytes, row.blocks)).collect();
    println!(
        "{what}: {} bytes: {}; held {} us at most, {} unreadable",
        ledger.population.bytes,
        covered.join(", "),
        footer.longest_hold_ns / 1000,
        footer.unreadable
    );
}

fn under_load(build: Build) {
    for run_ in 0..RUNS {
        let directory = folder(&format!("service-{build:?}-{run_}"));
        let walk = if run_ == 0 { "under_load,idle" } else { "under_load@max,idle" };
        let (printed, _) = run(build, Some(walk), &directory);
        assert!(printed.contains("9600 requests of 8 clients answered, 0 errors"), "{printed}");

        let paths = snapshots(&directory, "under_load");
        assert_eq!(paths.len(), if run_ == 0 { LOOKS } else { 1 }, "{paths:?}");
        for path in paths {
            let what = format!("{build:?}, {}", path.display());
            let analysis = analyse(&path);
            let ledger = analysis.ledger();
            show(&analysis, &what);
            assert_adds_up(ledger, &what);
            assert_eq!(ledger.is_quiescent, Some(false), "{what}: there was load");
            let footer = analysis.heap().footer().expect("a whole snapshot");
            assert!(footer.born.blocks > 0 && footer.freed.blocks > 0, "{what}: {footer:?}");
            let difference = ledger.difference.expect("the allocator's figure").unsigned_abs();
            let traffic = footer.born.bytes + footer.freed.bytes;
            assert!(difference <= traffic, "{what}: {difference} bytes, and {traffic} moved meanwhile");
            assert_locks_are_listed(&analysis, build, &what);
        }
        let paths = snapshots(&directory, "idle");
        assert_eq!(paths.len(), 1, "{paths:?}");
        assert_idle(&analyse(&paths[0]), build);
    }
}

/// What could not be entered is there, with its reason. One lock always is: it
/// is held as long as the service runs.
fn assert_locks_are_listed(analysis: &Analysis, build: Build, what: &str) {
    let summary = analysis.summary();
    let footer = summary.footer.as_ref().expect("a whole snapshot");
    let listed: u64 = summary.unreadable.iter().map(|row| row.count).sum();
    assert_eq!(listed, footer.unreadable, "{what}: {:?}", summary.unreadable);
    for row in &summary.unreadable {
        assert!(["locked", "borrowed", "is being polled"].contains(&row.reason.as_str()), "{what}: {row:?}");
    }
    if build == Build::Typed {
        let lease = summary.unreadable.iter().find(|row| row.type_name.contains("Lease"));
        assert_eq!(lease.map(|row| row.reason.as_str()), Some("locked"), "{what}: {:?}", summary.unreadable);
        assert!(footer.guards > 0 && footer.longest_hold_ns > 0, "{what}: {footer:?}");
    }
}

/// Nobody works any more: the ledger closes, but for what is printed.
fn assert_idle(analysis: &Analysis, build: Build) {
    let what = format!("{build:?}, idle");
    let ledger = analysis.ledger();
    show(analysis, &what);
    assert_adds_up(ledger, &what);
    assert_locks_are_listed(analysis, build, &what);
    assert_eq!(ledger.is_quiescent, Some(true), "{what}");
    assert_eq!(ledger.difference, Some(0), "{what}: {:?}", ledger.verdict);
    assert_eq!(ledger.moved_count, 0, "{what}: {:?}", ledger.moved);
    assert!(ledger.closes, "{what}: {:?}", ledger.verdict);
    let typed = share(ledger, &["typed"]);
    let claimed = share(ledger, &["typed", "opaque", "raw", "weak-pinned"]);
    println!("{what}: {:.2} % typed, {:.2} % claimed", 100.0 * typed, 100.0 * claimed);
    let (least_typed, least_claimed) = match build {
        Build::Opaque => (0.005, 0.995),
        Build::Typed => (0.95, 0.995),
    };
    assert!(typed >= least_typed, "{what}: {typed}: {:#?}", ledger.coverage);
    assert!(claimed >= least_claimed, "{what}: {claimed}: {:#?}", ledger.unclaimed);
}

#[test]
fn a_service_under_load_without_a_feature_for_its_crates() {
    under_load(Build::Opaque);
}

#[test]
fn a_service_under_load_with_its_crates_features() {
    under_load(Build::Typed);
}

/// Each task is a root with its line; its tag is on what it allocates, whatever worker polls it;
/// and while it waits, what only it holds is its own.
fn tasks(build: Build) {
    let directory = folder(&format!("service-tasks-{build:?}"));
    let (printed, _) = run_in_mode("tags", build, Some("under_load,idle"), &directory);
    assert!(printed.contains("9600 requests of 8 clients answered, 0 errors"), "{printed}");
    let paths = snapshots(&directory, "under_load");
    assert_eq!(paths.len(), LOOKS, "{paths:?}");
    let (mut waited, mut holders) = (0, 0);
    for path in paths {
        let what = format!("{build:?}, {}", path.display());
        let analysis = analyse(&path);
        assert_adds_up(analysis.ledger(), &what);
        assert_locks_are_listed(&analysis, build, &what);
        let mut of_clients = [0, 0];
        for row in analysis.roots().iter().filter(|row| row.origin == "task") {
            let (name, _) = row.name.split_once('#').expect("a number");
            let file = match name {
                "client" => "main.rs",
                "connection" | "accept" => "server.rs",
                "compact" | "audit" => "state.rs",
                _ => panic!("{what}: {row:?}"),
            };
            let source = row.source.as_deref().unwrap_or_default();
            assert!(source.contains(&format!("service/src/{file}:")), "{what}: {row:?}");
            assert_eq!(row.name_for, None, "{what}: what leads to all tasks does not own them");
            of_clients[0] += usize::from(name == "client");
            of_clients[1] += usize::from(name == "connection");
            let node = analysis.node(row.node).expect("a root is a node");
            if node.unreadable.is_empty() {
                waited += 1;
                holders += usize::from(row.sizes.alone > analysis.heap().shallow(row.node));
            }
        }
        assert!(of_clients.iter().all(|count| (1..=8).contains(count)), "{what}: {of_clients:?}");
        let tags = analysis.tags(false);
        assert!(tags.problems.is_empty(), "{what}: {:?}", tags.problems);
        assert!(tags.rows.iter().any(|row| row.tags == ["connection"] && row.bytes > 0), "{what}: {tags:?}");
    }
    println!("{build:?}: {waited} tasks waited, {holders} of them held what is nobody else's");
    assert!(waited > 0 && holders > 0, "{build:?}: {waited} waited, {holders} held something");

    let analysis = analyse(&snapshots(&directory, "idle")[0]);
    assert_idle(&analysis, build);
    let names: Vec<&str> = analysis
        .roots()
        .iter()
        .filter(|row| row.origin == "task" && row.name_for.is_none())
        .filter_map(|row| row.name.split_once('#').map(|(name, _)| name))
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(["accept", "audit", "compact"].iter().all(|name| names.contains(name)), "{names:?}");
    // The service's data was made by connections, each polled by four workers in turn.
    let tags = analysis.tags(false);
    let of = |name: &[&str]| tags.rows.iter().find(|row| row.tags == name).map_or(0, |row| row.bytes);
    assert!(of(&["connection"]) > tags.total / 10 * 8, "{:?}", tags.rows);
    assert!(of(&[]) < tags.total / 10, "{:?}", tags.rows);
}

#[test]
fn tasks_are_roots_without_a_feature_for_the_services_crates() {
    tasks(Build::Opaque);
}

#[test]
fn tasks_are_roots_with_the_services_crates_features() {
    tasks(Build::Typed);
}

#[test]
fn the_output_is_the_same_whether_or_not_a_checkpoint_is_chosen() {
    let directory = folder("service-output");
    let (expected, said) = run(Build::Opaque, None, &directory);
    assert_eq!(said, "");
    for build in [Build::Opaque, Build::Typed] {
        for walk in [None, Some("?"), Some("nothing"), Some("under_load@2,idle")] {
            let (printed, _) = run(build, walk, &directory);
            assert_eq!(printed, expected, "{build:?}, {walk:?}");
        }
    }
    assert_eq!(snapshots(&directory, "idle").len(), 2);
}
