//! Checkpoints: which hits are chosen, and the snapshot of one.

use crate::directive::{self, Action, Directive, Hits};
use crate::exit;
use crate::holders::{self, Unclaimed, When};
use crate::images;
use crate::log::{bytes, line};
use crate::process::Mappings;
use crate::root::Held;
use crate::sink::Sink;
use crate::stacks::Stacks;
use crate::task;
use crate::walk::Walk;
use crate::walker::{Start, Walker};
use heap_snapshot::frame::FrameKind;
use heap_snapshot::live::{self, ToolScope};
use heap_snapshot::record::{AllocatorFigures, BlockCount, Footer, Header, NotSearched};
use heap_snapshot::write::Writer;
use std::cell::Cell;
use std::fs::OpenOptions;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Snapshots of one process without a range, unless `HEAP_WALK_MAX` says otherwise.
const MAX_SNAPSHOTS: u64 = 10;
/// A hit is walked for `@max` if it is heavier than the best so far by this part
/// of it: each doubling of a heap costs at most twelve walks.
const MAX_STEP: u64 = 16;
/// Hits whose labels `?` lists per checkpoint.
const HEAVIEST: usize = 5;

const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

/// A place in the program where a snapshot can be taken. Made by [`crate::checkpoint!`].
#[derive(Debug)]
pub struct Site {
    name: &'static str,
    state: AtomicU8,
    hits: AtomicU64,
    least: AtomicU64,
    most: AtomicU64,
    heaviest: Mutex<Vec<(u64, String)>>,
}

impl Site {
    /// A site of this name.
    pub const fn new(name: &'static str) -> Site {
        Site {
            name,
            state: AtomicU8::new(UNKNOWN),
            hits: AtomicU64::new(0),
            least: AtomicU64::new(u64::MAX),
            most: AtomicU64::new(0),
            heaviest: Mutex::new(Vec::new()),
        }
    }

    /// Whether `HEAP_WALK` names this site. One relaxed load, but for the first time.
    #[inline]
    pub fn is_selected(&'static self) -> bool {
        match self.state.load(Ordering::Relaxed) {
            OFF => false,
            ON => true,
            _ => self.register(),
        }
    }

    #[cold]
    fn register(&'static self) -> bool {
        let _tool = ToolScope::enter();
        let Some(engine) = engine() else {
            self.state.store(OFF, Ordering::Relaxed);
            return false;
        };
        let is_named = engine.is_query || engine.named(self.name).next().is_some();
        let state = if is_named { ON } else { OFF };
        if self.state.swap(state, Ordering::Relaxed) == UNKNOWN {
            lock(&engine.sites).push(self);
        }
        is_named
    }

    /// A hit: takes a snapshot if a directive chooses it. Labels are made only then.
    #[cold]
    pub fn hit(&'static self, labels: &dyn Fn() -> Vec<(&'static str, String)>, roots: &[(&str, &dyn Walk)]) {
        let _tool = ToolScope::enter();
        let Some(engine) = engine() else { return };
        let Some(_in_walk) = InWalk::enter() else {
            engine.nested.fetch_add(1, Ordering::Relaxed);
            return;
        };
        // Labels, names of types and destructors of roots are the program's
        // code; what panics there ends the checkpoint, not the program.
        let hit = AssertUnwindSafe(|| self.hit_by(engine, labels, roots));
        if catch_unwind(hit).is_err() {
            line(&format!("{}: something panicked at this checkpoint; the program goes on", self.name));
        }
    }

    fn hit_by(
        &self,
        engine: &Engine,
        labels: &dyn Fn() -> Vec<(&'static str, String)>,
        roots: &[(&str, &dyn Walk)],
    ) {
        let labels: Vec<(String, String)> =
            labels().into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        if engine.is_query {
            self.note(&labels);
            return;
        }
        let Some(chosen) = engine.choose(self.name, &labels) else { return };
        match Busy::enter() {
            Some(_busy) => engine.take(self.name, &chosen, labels, roots),
            None => {
                engine.skipped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Notes a hit for `HEAP_WALK=?`.
    fn note(&self, labels: &[(String, String)]) {
        let live = live::installed().map_or(0, |blocks| blocks.figures().live);
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.least.fetch_min(live, Ordering::Relaxed);
        self.most.fetch_max(live, Ordering::Relaxed);
        let mut directive = self.name.to_owned();
        for (name, text) in labels {
            let is_bare = !text.contains([',', '[', ']', '=', '"']);
            // A quote cannot be written in a pattern or for the shell, but matched.
            let text = text.replace(['"', '\''], "?");
            directive += &if is_bare { format!("[{name}={text}]") } else { format!("[{name}=\"{text}\"]") };
        }
        let mut heaviest = lock(&self.heaviest);
        match heaviest.iter_mut().find(|(_, known)| *known == directive) {
            Some(known) => known.0 = known.0.max(live),
            None => heaviest.push((live, directive)),
        }
        heaviest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        heaviest.truncate(HEAVIEST);
    }
}

thread_local! {
    /// Whether this thread is walking: what is asked for from inside is ignored.
    static IN_WALK: Cell<bool> = const { Cell::new(false) };
}

/// The right of this thread to walk.
pub(crate) struct InWalk;

impl InWalk {
    /// `None` where it is walking already.
    pub(crate) fn enter() -> Option<InWalk> {
        (!IN_WALK.replace(true)).then(|| InWalk)
    }
}

impl Drop for InWalk {
    fn drop(&mut self) {
        IN_WALK.set(false);
    }
}

/// The process that is taking a snapshot, or 0. A process that is forked in the
/// middle of one inherits the number of its parent, which is not its own.
static BUSY: AtomicU32 = AtomicU32::new(0);

/// The right to take a snapshot: one at a time.
pub(crate) struct Busy;

impl Busy {
    pub(crate) fn enter() -> Option<Busy> {
        let process = std::process::id();
        let holder = match BUSY.compare_exchange(0, process, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Some(Busy),
            Err(holder) => holder,
        };
        let is_stale = holder != process;
        (is_stale && BUSY.compare_exchange(holder, process, Ordering::Acquire, Ordering::Relaxed).is_ok())
            .then(|| Busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.store(0, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A directive and what it has met.
struct Rule {
    directive: Directive,
    hits: AtomicU64,
    /// For `@max`: the heaviest hit so far.
    best: Mutex<Option<Heaviest>>,
}

/// The heaviest hit of an `@max` rule.
struct Heaviest {
    live: u64,
    /// What is said of it when the program ends.
    said: String,
    /// Its file, to be removed when a heavier hit is written; `None` if
    /// another rule asked for it too.
    file: Option<PathBuf>,
}

struct Engine {
    is_query: bool,
    rules: Vec<Rule>,
    directory: PathBuf,
    max_snapshots: u64,
    sites: Mutex<Vec<&'static Site>>,
    /// Process that read `HEAP_WALK`; one that it forks says nothing at its end.
    process: u32,
    /// Snapshots written, and hits that went without because there were enough.
    written: AtomicU64,
    beyond: AtomicU64,
    skipped: AtomicU64,
    nested: AtomicU64,
    failed: AtomicU64,
    has_warned_of_pause: AtomicBool,
}

/// A hit that is to be written.
struct Chosen<'e> {
    hit: u64,
    is_pause: bool,
    /// A rule without `@max` chose it: the file stays.
    is_kept: bool,
    /// A rule without a range chose it: it counts against `HEAP_WALK_MAX`.
    is_counted: bool,
    /// The `@max` rules that chose it.
    max: Vec<&'e Rule>,
    /// Live bytes, where an `@max` rule chose it.
    live: u64,
}

/// What `HEAP_WALK` asks for; `None` where it asks for nothing.
fn engine() -> Option<&'static Engine> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    ENGINE.get_or_init(Engine::from_env).as_ref()
}

impl Engine {
    fn from_env() -> Option<Engine> {
        let text = std::env::var_os("HEAP_WALK")?;
        let text = text.to_string_lossy();
        if text.trim().is_empty() {
            return None;
        }
        let is_query = text.trim() == "?";
        let (directives, errors) = if is_query { Default::default() } else { directive::parse(&text) };
        for error in errors {
            line(&format!("HEAP_WALK={text}: {error}; this item is left out"));
        }
        if directives.is_empty() && !is_query {
            return None;
        }
        let max = std::env::var("HEAP_WALK_MAX").ok();
        let max_snapshots = max.as_deref().map_or(Some(MAX_SNAPSHOTS), |max| max.parse().ok());
        if max_snapshots.is_none() {
            line(&format!(
                "HEAP_WALK_MAX={}: a number of snapshots is expected; {MAX_SNAPSHOTS} are written",
                max.unwrap_or_default()
            ));
        }
        exit::at_exit();
        let rule = |directive| Rule { directive, hits: AtomicU64::new(0), best: Mutex::default() };
        Some(Engine {
            is_query,
            rules: directives.into_iter().map(rule).collect(),
            directory: std::env::var_os("HEAP_WALK_DIR").map(PathBuf::from).unwrap_or_default(),
            max_snapshots: max_snapshots.unwrap_or(MAX_SNAPSHOTS),
            sites: Mutex::new(Vec::new()),
            process: std::process::id(),
            written: AtomicU64::new(0),
            beyond: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            nested: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            has_warned_of_pause: AtomicBool::new(false),
        })
    }

    fn named<'e, 'n>(&'e self, name: &'n str) -> impl Iterator<Item = &'e Rule> + use<'e, 'n> {
        self.rules.iter().filter(move |rule| directive::glob(&rule.directive.name, name))
    }

    /// Counts a hit for every rule that it matches; says whether one wants it.
    fn choose(&self, name: &str, labels: &[(String, String)]) -> Option<Chosen<'_>> {
        let mut chosen: Option<Chosen<'_>> = None;
        let mut live_bytes = None;
        for rule in self.named(name).filter(|rule| rule.directive.matches(labels)) {
            let hit = rule.hits.fetch_add(1, Ordering::Relaxed) + 1;
            let is_wanted = match rule.directive.hits {
                Hits::All => {
                    let has_room = self.written.load(Ordering::Relaxed) < self.max_snapshots;
                    self.beyond.fetch_add(u64::from(!has_room), Ordering::Relaxed);
                    has_room
                }
                Hits::Range(first, last) => (first..=last).contains(&hit),
                Hits::Max => {
                    let live = *live_bytes
                        .get_or_insert_with(|| live::installed().map_or(0, |blocks| blocks.figures().live));
                    // A heap that only grows would be walked at each hit.
                    lock(&rule.best).as_ref().is_none_or(|best| live > best.live + best.live / MAX_STEP)
                }
            };
            if is_wanted {
                let chosen = chosen.get_or_insert(Chosen {
                    hit,
                    is_pause: false,
                    is_kept: false,
                    is_counted: false,
                    max: Vec::new(),
                    live: 0,
                });
                chosen.is_pause |= rule.directive.action == Action::Pause;
                match rule.directive.hits {
                    Hits::Max => chosen.max.push(rule),
                    Hits::Range(..) => chosen.is_kept = true,
                    Hits::All => (chosen.is_kept, chosen.is_counted) = (true, true),
                }
            }
        }
        if let (Some(chosen), Some(live)) = (&mut chosen, live_bytes) {
            chosen.live = live;
        }
        chosen
    }

    fn take(
        &self,
        name: &str,
        chosen: &Chosen<'_>,
        labels: Vec<(String, String)>,
        roots: &[(&str, &dyn Walk)],
    ) {
        if chosen.is_pause && !self.has_warned_of_pause.swap(true, Ordering::Relaxed) {
            line("pausing comes with a later version: a file is written instead");
        }
        let begun = Instant::now();
        let shown_labels: String = labels.iter().map(|(name, text)| format!(", {name} {text}")).collect();
        let result = self.create(name, chosen.hit).and_then(|(file, path)| {
            let skipped = self.skipped.load(Ordering::Relaxed);
            let header = header(name, chosen.hit, labels);
            match write(Box::new(file), header, roots, skipped) {
                Ok(written) => Ok((path, written)),
                Err(error) => Err((path, error)),
            }
        });
        match result {
            Ok((path, written)) => {
                let said = format!(
                    "{name} hit {}{shown_labels}: {} nodes, {}, {} ms: {}",
                    chosen.hit,
                    written.nodes,
                    bytes(written.bytes),
                    begun.elapsed().as_millis(),
                    path.display()
                );
                for problem in &written.problems {
                    line(problem);
                }
                if chosen.is_kept {
                    self.written.fetch_add(u64::from(chosen.is_counted), Ordering::Relaxed);
                    line(&said);
                }
                for (at, rule) in chosen.max.iter().enumerate() {
                    // Rules that chose the same hits all along share a file; the first removes it.
                    let file = (at == 0 && !chosen.is_kept).then(|| path.clone());
                    let heaviest = Heaviest { live: chosen.live, said: said.clone(), file };
                    let lighter = lock(&rule.best).replace(heaviest);
                    if let Some(file) = lighter.and_then(|lighter| lighter.file) {
                        let _ = std::fs::remove_file(file);
                    }
                }
            }
            Err((path, error)) => {
                // Said once; a full disk would fill the log too.
                self.written.fetch_add(u64::from(chosen.is_counted), Ordering::Relaxed);
                if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    line(&format!(
                        "{name} hit {} cannot be written: {error}; the program goes on: {}",
                        chosen.hit,
                        path.display()
                    ));
                }
            }
        }
    }

    /// A file that was not there before.
    fn create(&self, name: &str, hit: u64) -> Result<(std::fs::File, PathBuf), (PathBuf, io::Error)> {
        let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
        let name: String = name.chars().map(plain).collect();
        let stem = format!("{}.{}.{name}.{hit}", program(), std::process::id());
        let mut path = self.directory.join(format!("{stem}.heapsnap"));
        for again in 1.. {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && again < 1000 => {
                    path = self.directory.join(format!("{stem}-{again}.heapsnap"));
                }
                Err(error) => return Err((path, error)),
            }
        }
        unreachable!("the loop returns")
    }
}

fn program() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "program".into())
}

/// The header of a snapshot that is being taken, but for the epoch.
pub(crate) fn header(checkpoint: &str, hit: u64, labels: Vec<(String, String)>) -> Header {
    Header {
        program: program(),
        checkpoint: checkpoint.into(),
        hit,
        labels,
        pid: std::process::id(),
        unix_ms: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        epoch: 0,
        pointer_size: size_of::<usize>() as u8,
        tracked: live::installed().is_some(),
    }
}

/// What was written.
pub(crate) struct Written {
    pub(crate) nodes: u64,
    pub(crate) bytes: u64,
    pub(crate) problems: Vec<String>,
}

/// Writes a snapshot: walks from the roots, then lists the live blocks. What
/// this allocates is the tool's own, given that the caller entered a tool scope.
pub(crate) fn write(
    out: Box<dyn io::Write>,
    mut header: Header,
    roots: &[(&str, &dyn Walk)],
    skipped: u64,
) -> io::Result<Written> {
    let live = live::installed();
    let held = Held::take();
    let (epoch, epoch_exhausted) = live.map_or((0, false), |live| live.begin());
    let ended = EndTraffic(live);
    header.epoch = epoch;
    let mut writer = Writer::new(out, header.pid, thread());
    writer.header(&header);

    let walk_begun = Instant::now();
    let (sink, mut summary) = held.with_starts(|registered| {
        let mut starts: Vec<Start<'_>> = roots
            .iter()
            .map(|(name, value)| Start { name: (*name).to_owned(), origin: "argument", value: *value })
            .collect();
        starts.extend(registered);
        let mut walker = Walker::new(Sink::File(writer), epoch);
        walker.set_registered(held.blocks());
        walker.set_tasks(task::registered());
        walker.run(&starts)
    });
    let Sink::File(mut writer) = sink else { unreachable!("a walk keeps its sink") };
    let walk_ns = nanoseconds(walk_begun);

    let mut mappings = Mappings::read(live.map(|live| live as _));
    let blocks_begun = Instant::now();
    let mut tool = BlockCount::default();
    let mut stacks = live.and_then(Stacks::new);
    let when = When::read(&mut summary.problems);
    let marks = summary.marks.take().filter(|_| live.is_some() && when != When::Never);
    let mut unclaimed = marks.map(|marks| Unclaimed::new(marks, epoch));
    if let Some(live) = live {
        live.for_each(&mut |block| {
            mappings.block(block.addr);
            if block.is_tool {
                tool.blocks += 1;
                tool.bytes += block.usable;
                return;
            }
            if let Some(unclaimed) = &mut unclaimed {
                unclaimed.block(&block);
            }
            if let Some(stacks) = &mut stacks {
                stacks.block(&block, &mut writer);
            } else {
                writer.block(&block);
            }
        });
    }
    if let Some(stacks) = &stacks {
        writer.stack_figures(&stacks.figures);
        writer.list(FrameKind::TAGS, &stacks.tags());
        writer.list(FrameKind::IMAGES, &images::of(&stacks.addresses));
    }
    // The caller's frame, if its roots stand there.
    let values = roots.iter().map(|(_, value)| std::ptr::from_ref(*value).cast::<u8>() as usize as u64);
    let callers: Vec<u64> = values.chain([roots.as_ptr() as usize as u64]).collect();
    let blocks_ns = nanoseconds(blocks_begun);
    let scan = match unclaimed.zip(live) {
        Some((unclaimed, live)) => {
            holders::search(unclaimed, when, live, &mut mappings, &callers, &mut writer)
        }
        None if live.is_some() => Err(NotSearched::OFF),
        None => Err(NotSearched::UNKNOWN),
    };
    let memory = mappings.memory();
    let resident = memory.map_or_else(rss, |memory| memory.total());
    let figures = live.map(|live| {
        let figures = live.figures();
        // The allocator asks the kernel which pages are there, and pages of zeros count.
        let table = memory.map_or(figures.table, |memory| memory.table);
        AllocatorFigures { rss: resident, table, ..figures }
    });
    let size_classes = live.map_or_else(Vec::new, |live| live.size_classes());
    let traffic = ended.end();
    if let Some(figures) = &figures {
        writer.allocator(figures);
    }
    if let Some(memory) = &memory {
        writer.process_memory(memory);
    }
    writer.list(FrameKind::SIZE_CLASSES, &size_classes);
    if let Ok(scan) = &scan {
        writer.pointer_scan(scan);
    }
    let mut footer = Footer {
        nodes: writer.next_node(),
        edges: writer.edge_count(),
        blocks: writer.block_count(),
        quiescent: live.is_some() && traffic.born.blocks == 0 && traffic.freed.blocks == 0,
        born: traffic.born,
        freed: traffic.freed,
        tool,
        unknown_frees: live.map_or(0, |live| live.unknown_frees()),
        epoch_exhausted,
        unreadable: summary.unreadable,
        guards: summary.guards,
        longest_hold_ns: u64::try_from(summary.longest_hold.as_nanos()).unwrap_or(u64::MAX),
        walk_ns,
        blocks_ns,
        skipped,
        not_searched: scan.err().unwrap_or(NotSearched::UNKNOWN).0,
        problems: summary.problems,
    };
    if epoch_exhausted {
        footer.problems.push(
            "more checkpoints than birth epochs: new and surviving blocks are no longer told apart".into(),
        );
    }
    writer.footer(&footer);
    let (nodes, bytes) = (footer.nodes, writer.written());
    writer.finish()?;
    Ok(Written { nodes, bytes, problems: footer.problems })
}

/// Ends the counting of traffic, also when something panics.
struct EndTraffic(Option<&'static dyn live::LiveBlocks>);

impl EndTraffic {
    fn end(mut self) -> live::Traffic {
        self.0.take().map_or_else(Default::default, |live| live.end())
    }
}

impl Drop for EndTraffic {
    fn drop(&mut self) {
        if let Some(live) = self.0 {
            live.end();
        }
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The number of this thread within the process. The library shows it only as text.
fn thread() -> u64 {
    let text = format!("{:?}", std::thread::current().id());
    text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

/// The process's resident set in bytes, or 0.
fn rss() -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

/// Says at the end of the program what there is to say.
pub(crate) fn report() {
    let _tool = ToolScope::enter();
    let Some(engine) = engine() else { return };
    if engine.process != std::process::id() {
        return;
    }
    let sites = lock(&engine.sites);
    let mut names: Vec<&str> = sites.iter().map(|site| site.name).collect();
    names.sort_unstable();
    names.dedup();
    if engine.is_query {
        report_query(&sites);
    }
    for rule in &engine.rules {
        let Directive { name, filters, hits, .. } = &rule.directive;
        let met = rule.hits.load(Ordering::Relaxed);
        let is_named = names.iter().any(|met| directive::glob(name, met));
        if met == 0 && is_named && !filters.is_empty() {
            line(&format!("checkpoint `{name}` was hit, but never with labels that match"));
        } else if !is_named {
            let known = match names.is_empty() {
                true => "no checkpoint was reached".to_owned(),
                false => format!("there are: {}", names.join(", ")),
            };
            let near = directive::nearest(name, names.iter().copied());
            let near = near.map_or(String::new(), |near| format!(" (is it `{near}`?)"));
            line(&format!("no checkpoint is named `{name}`{near}; {known}"));
        } else if let Hits::Range(first, _) = hits {
            if met < *first {
                line(&format!("checkpoint `{name}` was hit {met} times, and hit {first} was asked for"));
            }
        }
        if let Some(best) = &*lock(&rule.best) {
            line(&format!("of {met} hits the heaviest, but for 1/{MAX_STEP} at most: {}", best.said));
        }
    }
    for (count, what) in [
        (&engine.beyond, "hits were not written: a process writes at most HEAP_WALK_MAX snapshots"),
        (&engine.skipped, "checkpoints were skipped because another thread was at one"),
        (&engine.failed, "snapshots could not be written"),
        (&engine.nested, "hits were ignored because they came from inside a checkpoint"),
    ] {
        let count = count.load(Ordering::Relaxed);
        if count > 0 {
            line(&format!("{count} {what}"));
        }
    }
}

fn report_query(sites: &[&'static Site]) {
    let mut sites = sites.to_vec();
    sites.sort_by_key(|site| site.name);
    if sites.is_empty() {
        line("no checkpoint was reached");
    }
    for same in sites.chunk_by(|a, b| a.name == b.name) {
        let sum = |of: fn(&Site) -> &AtomicU64| same.iter().map(move |site| of(site).load(Ordering::Relaxed));
        let hits: u64 = sum(|site| &site.hits).sum();
        let least = sum(|site| &site.least).min().unwrap_or(0);
        let most = sum(|site| &site.most).max().unwrap_or(0);
        let live = match live::installed() {
            Some(_) => format!("{} to {} live", bytes(least), bytes(most)),
            None => "live bytes unknown: the program has no tracking allocator".into(),
        };
        line(&format!("{}: {hits} hits, {live}", same[0].name));
        let mut heaviest: Vec<(u64, String)> =
            same.iter().flat_map(|site| lock(&site.heaviest).clone()).collect();
        heaviest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for (live, directive) in heaviest.iter().take(HEAVIEST) {
            line(&format!("  {:>10}  HEAP_WALK='{directive}'", bytes(*live)));
        }
    }
}
