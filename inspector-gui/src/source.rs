//! What is open: a file or the sample, loaded off the drawing thread, with
//! progress, and abandoned on request.

use crate::sample;
use heap_analysis::config::{Config, FILE_NAME};
use heap_analysis::load::{self, LoadError, Loaded, Progress, SnapshotInfo};
use heap_analysis::preview::Preview;
use heap_analysis::{Analysis, Lens};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Where a snapshot comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The snapshot that comes with the inspector.
    Sample,
}

impl Origin {
    /// Short name: of the file without its directory.
    pub fn name(&self) -> String {
        match self {
            Origin::File(path) => path
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into()),
            Origin::Sample => sample::NAME.into(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => path.display().fmt(f),
            Origin::Sample => f.write_str(sample::NAME),
        }
    }
}

/// What to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Where it is.
    pub origin: Origin,
    /// Which snapshot of the file, from 0; without it the last one.
    pub which: Option<usize>,
    /// Type config to use instead of the one found by the program's name.
    pub config: Option<PathBuf>,
    /// Where [`heap_analysis::config::FILE_NAME`] is looked for.
    pub directory: PathBuf,
}

/// An open snapshot.
#[derive(Clone, Debug)]
pub struct Document {
    /// What was asked for.
    pub request: Request,
    /// The answers.
    pub analysis: Arc<Analysis>,
    /// All snapshots of the file.
    pub snapshots: Vec<SnapshotInfo>,
    /// The one that is open.
    pub index: usize,
    /// Why the type config could not be used, if it could not.
    pub config_error: Option<String>,
    /// The file of the type config, where it is one.
    pub config_file: Option<PathBuf>,
}

/// Why nothing could be opened, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What was asked for.
    pub request: Request,
    /// What went wrong.
    pub what: String,
    /// What helps.
    pub fix: &'static str,
}

/// How far loading is.
#[derive(Clone, PartialEq, Debug)]
pub struct Stage {
    /// What is being done.
    pub what: &'static str,
    /// How much of it is done, from 0 to 1, where that is known.
    pub done: Option<f32>,
}

/// What is known of a snapshot that is on its way. It only ever grows, and nothing in it changes.
#[derive(Clone, Default, Debug)]
pub struct SoFar {
    /// Once the file has been read.
    pub preview: Option<Arc<Preview>>,
    /// Once nodes are joined with blocks: what is worked out by then can be asked for, the rest has to be waited for.
    pub analysis: Option<Arc<Analysis>>,
}

/// What the thread that loads has to say.
enum News {
    /// What it does now.
    Stage(Stage),
    /// The file has been read.
    Read(Arc<Preview>),
    /// Nodes are joined with blocks.
    Begun(Arc<Analysis>),
}

/// How loading ended.
#[derive(Debug)]
pub enum Outcome {
    /// It is open.
    Opened(Box<Document>),
    /// It could not be opened.
    Failed(Failure),
}

/// A file on its way.
///
/// Dropping it tells the thread to stop: at once while it reads, else as soon
/// as it asks. What it finds by then is dropped.
#[derive(Debug)]
pub struct Loading {
    request: Request,
    state: Arc<Mutex<(Stage, SoFar)>>,
    is_cancelled: Arc<AtomicBool>,
    result: mpsc::Receiver<Outcome>,
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

/// Progress wakes the window no more often than this.
const TICK: Duration = Duration::from_millis(50);

impl Loading {
    /// Starts a thread that loads `request` and wakes `ctx` when there is news.
    pub fn start(request: Request, ctx: &egui::Context) -> Loading {
        let begun = (Stage { what: "opening", done: None }, SoFar::default());
        let state = Arc::new(Mutex::new(begun));
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let (sender, result) = mpsc::sync_channel(1);
        let run = {
            let (request, ctx) = (request.clone(), ctx.clone());
            let (state, is_cancelled) = (Arc::clone(&state), Arc::clone(&is_cancelled));
            move || {
                let mut last = Instant::now();
                let mut tell = |news: News| {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    let is_tick = matches!(&news, News::Stage(stage) if stage.done.is_some());
                    match news {
                        News::Stage(stage) => state.0 = stage,
                        News::Read(preview) => state.1.preview = Some(preview),
                        News::Begun(analysis) => state.1.analysis = Some(analysis),
                    }
                    if !is_tick || last.elapsed() >= TICK {
                        last = Instant::now();
                        ctx.request_repaint();
                    }
                    !is_cancelled.load(Ordering::Relaxed)
                };
                if let Some(outcome) = open(&request, &mut tell) {
                    // Nobody listens any more where it was cancelled.
                    let _ = sender.send(outcome);
                }
                drop(sender);
                ctx.request_repaint();
            }
        };
        // Where no thread can be started the channel is closed, and polling says so.
        let _ = thread::Builder::new().name("load".into()).spawn(run);
        Loading { request, state, is_cancelled, result }
    }

    /// What is being loaded.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// What is known of it by now.
    pub fn so_far(&self) -> SoFar {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// How it ended, once it has.
    pub fn poll(&self) -> Option<Outcome> {
        match self.result.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Outcome::Failed(Failure {
                request: self.request.clone(),
                what: "the thread that loads it ended without a result".into(),
                fix: "this is an error of the inspector: please report it with the file",
            })),
        }
    }
}

/// Loads and analyses. `None` where `tell` said to stop.
fn open(request: &Request, tell: &mut dyn FnMut(News) -> bool) -> Option<Outcome> {
    let mut progress = |progress: Progress| match progress {
        Progress::Reading { read, total } => tell(News::Stage(Stage {
            what: "reading",
            done: (total > 0).then(|| (read as f64 / total as f64).min(1.0) as f32),
        })),
        Progress::Read(preview) => tell(News::Read(preview)),
        Progress::Phase(what) => tell(News::Stage(Stage { what, done: None })),
    };
    let loaded = match &request.origin {
        Origin::File(path) => load::load(path, request.which, &mut progress),
        Origin::Sample => {
            let bytes = sample::bytes();
            load::load_from(&bytes[..], bytes.len() as u64, request.which, &mut progress)
        }
    };
    let Loaded { heap, index, snapshots } = match loaded {
        Ok(loaded) => loaded,
        Err(LoadError::Cancelled) => return None,
        Err(error) => return Some(Outcome::Failed(failure(request, &error))),
    };
    let (found, config_file) = config(request, &heap.header().program);
    let (config, config_error) = match found {
        Ok(config) => (config, None),
        Err(error) => {
            let error = format!("{error}; the snapshot is shown without a type config");
            (Config::parse("", "none").unwrap_or_default(), Some(error))
        }
    };
    let mut stage = |what| tell(News::Stage(Stage { what, done: None }));
    if !stage("adding up types") {
        return None;
    }
    let analysis = Arc::new(Analysis::begin(Arc::new(heap), Arc::new(config), Lens::default()));
    if !tell(News::Begun(Arc::clone(&analysis))) {
        return None;
    }
    let mut stage = |what| tell(News::Stage(Stage { what, done: None }));
    if !work_out(&analysis, &mut stage) {
        return None;
    }
    Some(Outcome::Opened(Box::new(Document {
        request: request.clone(),
        analysis,
        snapshots,
        index,
        config_error,
        config_file,
    })))
}

/// The type config of a program, and its file, where it is one.
fn config(request: &Request, program: &str) -> (Result<Config, String>, Option<PathBuf>) {
    let found = Config::find(program, request.config.as_deref(), &request.directory);
    let beside = request.directory.join(FILE_NAME);
    let file = match (&request.config, &found) {
        (Some(path), _) => Some(path.clone()),
        (None, Ok(config)) if config.origin == beside.display().to_string() => Some(beside),
        (None, Err(_)) => Some(beside),
        (None, Ok(_)) => None,
    };
    (found.map_err(|error| error.to_string()), file)
}

/// Works out what the panes ask for in their first frame, which is not the time for it. `tell` is told what is done
/// and says whether to go on; so does this.
fn work_out(analysis: &Analysis, tell: &mut dyn FnMut(&'static str) -> bool) -> bool {
    if !tell("finding what goes with what, and closing the ledger") {
        return false;
    }
    thread::scope(|scope| {
        // It needs no dominators.
        scope.spawn(|| analysis.ledger());
        analysis.dominators();
        if !tell("measuring roots and types") {
            return false;
        }
        scope.spawn(|| analysis.types());
        analysis.roots();
        analysis.summary();
        true
    })
}

/// What is to be worked out anew of an open snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Again {
    /// Everything, under another lens.
    Lens(Lens),
    /// How types are named, hidden and grouped: by this config, or else by the one that is found
    /// by the program's name. The number tells attempts apart.
    Config(Option<PathBuf>, u32),
}

/// The same heap, worked out anew. Takes as long as opening it, less the reading. Where the config
/// cannot be used the document stays as it was, and says so.
pub fn again(document: &Document, again: &Again) -> Document {
    let analysis = &document.analysis;
    let mut document = document.clone();
    let (new_config, lens) = match again {
        Again::Lens(lens) => (Arc::clone(analysis.config()), *lens),
        Again::Config(path, _) => {
            let request = Request { config: path.clone(), ..document.request.clone() };
            let (found, file) = config(&request, &analysis.heap().header().program);
            document.config_file = file;
            match found {
                Ok(config) => {
                    (document.request, document.config_error) = (request, None);
                    (Arc::new(config), analysis.lens())
                }
                Err(error) => {
                    document.config_error = Some(format!("{error}; what the config said before is shown"));
                    return document;
                }
            }
        }
    };
    let analysis = Analysis::begin(Arc::clone(analysis.heap()), new_config, lens);
    work_out(&analysis, &mut |_| true);
    document.analysis = Arc::new(analysis);
    document
}

/// Looks whether a file changes, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    changes: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
}

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);

impl Watch {
    /// Wakes the window whenever the file at `path` has changed.
    pub fn start(path: PathBuf, ctx: &egui::Context) -> Watch {
        let (changes, is_over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let run = {
            let (path, ctx) = (path.clone(), ctx.clone());
            let (changes, is_over) = (Arc::clone(&changes), Arc::clone(&is_over));
            move || {
                let mut last = stamp(&path);
                while !is_over.load(Ordering::Relaxed) {
                    thread::sleep(LOOK);
                    let now = stamp(&path);
                    // Editors write a new file and put it in the place of the old one: for a
                    // moment there is none.
                    if now.is_some() && now != last {
                        last = now;
                        changes.fetch_add(1, Ordering::Relaxed);
                        ctx.request_repaint();
                    }
                }
            }
        };
        // Where no thread can be started the file is read anew on request only.
        let _ = thread::Builder::new().name("watch".into()).spawn(run);
        Watch { path, changes, is_over }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has changed since this was asked last.
    pub fn has_changed(&self) -> bool {
        self.changes.swap(0, Ordering::Relaxed) > 0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// What changes with a file.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn failure(request: &Request, error: &LoadError) -> Failure {
    let path = match &request.origin {
        Origin::File(path) => path.as_path(),
        Origin::Sample => Path::new(""),
    };
    let fix = if path.is_dir() {
        "choose a .heapsnap file in this directory"
    } else if matches!(request.origin, Origin::File(_)) && !path.exists() {
        "check the path; programs write snapshots to HEAP_WALK_DIR, or else to the directory they run in"
    } else {
        match error {
            LoadError::NoSuchSnapshot { found: 0, .. } => "run the program again, up to the end of a checkpoint",
            LoadError::NoSuchSnapshot { .. } => "open it without a number for its last snapshot",
            _ => "snapshots are the .heapsnap files that a program writes when it runs with HEAP_WALK=<checkpoint>",
        }
    };
    Failure { request: request.clone(), what: error.to_string(), fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Request {
        Request { origin: Origin::Sample, which: None, config: None, directory: PathBuf::new() }
    }

    #[test]
    fn progress_is_told_in_order() {
        let mut stages = Vec::new();
        let mut seen = Vec::new();
        let outcome = open(&sample(), &mut |news| {
            match news {
                News::Stage(stage) => stages.push(stage),
                News::Read(preview) => seen.push(("read", preview.nodes > 0, stages.len())),
                News::Begun(analysis) => seen.push(("begun", !analysis.has_retained(), stages.len())),
            }
            true
        });
        let Some(Outcome::Opened(document)) = outcome else { panic!("the sample opens") };
        assert!(document.analysis.has_retained() && document.analysis.ledger_so_far().is_some());
        let read: Vec<f32> = stages.iter().filter_map(|stage| stage.done).collect();
        assert!(!read.is_empty() && read.is_sorted() && read.iter().all(|done| (0.0..=1.0).contains(done)));
        assert_eq!(stages.last().map(|stage| stage.what), Some("measuring roots and types"));
        // What is known is told when it is: after reading, and after joining and adding up.
        let at = |what| stages.iter().position(|stage| stage.what == what).unwrap();
        let begun = stages.len() - 2;
        assert_eq!(seen, [("read", true, at("joining nodes with blocks")), ("begun", true, begun)]);
    }

    /// Stopped at any of its questions, it stops, and nothing is opened.
    #[test]
    fn loading_stops_when_told() {
        let mut count = 0;
        open(&sample(), &mut |_| {
            count += 1;
            true
        });
        for allowed in 0..count {
            let mut asked = 0;
            let outcome = open(&sample(), &mut |_| {
                asked += 1;
                asked <= allowed
            });
            assert!(outcome.is_none(), "went on after {allowed} of {count} questions");
            assert_eq!(asked, allowed + 1);
        }
    }

    #[test]
    fn errors_name_what_helps() {
        let request = |path: &Path| Request { origin: Origin::File(path.into()), ..sample() };
        let fix = |path: &Path| match open(&request(path), &mut |_| true) {
            Some(Outcome::Failed(failure)) => failure.fix,
            outcome => panic!("{path:?} gives {outcome:?}"),
        };
        assert!(fix(Path::new("/nowhere/at-all")).contains("check the path"));
        assert!(fix(&std::env::temp_dir()).contains("choose a .heapsnap file"));
        assert!(fix(Path::new("/dev/null")).contains("HEAP_WALK"));
        let which = Some(7);
        match open(&Request { which, ..sample() }, &mut |_| true) {
            Some(Outcome::Failed(failure)) => assert!(failure.fix.contains("without a number")),
            outcome => panic!("{outcome:?}"),
        }
    }
}
