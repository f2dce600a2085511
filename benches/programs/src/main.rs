//! Builds the programs on each allocator, runs them in interleaved rounds, and
//! prints one table.

use programs::{LOOK, PROGRAMS, inputs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HELP: &str = "\
usage: cargo xtask bench programs [PROGRAM …] [--rounds N] [--scale N] [--no-instructions]

PROGRAM            json, syn, naga, threads; all of them if none is named
--rounds           processes per measurement (default 5)
--scale            inputs of so many percent (default 100); 5 % of that where instructions are counted, and for dhat
--no-instructions  without counting them, which takes some minutes";

/// Name, binary, environment.
const ALLOCATORS: [(&str, &str, &[(&str, &str)]); 9] = [
    ("jemalloc", "bare", &[]),
    ("jemalloc again: the noise", "bare", &[]),
    ("*off*", "tracked", &[("HEAP_TRACK", "off")]),
    ("*sizes*", "tracked", &[("HEAP_TRACK", "sizes")]),
    ("*tags*", "tracked", &[("HEAP_TRACK", "tags")]),
    ("*stacks:512K*", "tracked", &[("HEAP_TRACK", "stacks:512K")]),
    ("*stacks*", "tracked", &[("HEAP_TRACK", "stacks")]),
    ("jemalloc's profiler, 512 KiB", "profiled", &[("_RJEM_MALLOC_CONF", "prof:true,lg_prof_sample:19")]),
    ("dhat, over the system's", "dhat", &[]),
];

/// Takes ten to a hundred times as long as the others: it runs on the small input, and is compared there.
const SLOW: &str = "dhat";
/// Percent of the input that is the small one.
const SMALL: f64 = 5.0;

struct Options {
    programs: Vec<&'static str>,
    rounds: usize,
    scale: usize,
    counts_instructions: bool,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { programs: Vec::new(), rounds: 5, scale: 100, counts_instructions: true };
    while let Some(argument) = arguments.next() {
        let mut number = || match arguments.next().unwrap_or_default().parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{argument} takes a positive number\n{HELP}")),
        };
        match argument.as_str() {
            "--rounds" => options.rounds = number()?,
            "--scale" => options.scale = number()?,
            "--no-instructions" => options.counts_instructions = false,
            name => match PROGRAMS.iter().find(|program| **program == name) {
                Some(program) => options.programs.push(program),
                None => return Err(format!("`{name}` is not known\n{HELP}")),
            },
        }
    }
    if options.programs.is_empty() {
        options.programs = PROGRAMS.to_vec();
    }
    Ok(options)
}

/// Builds the binaries with frame pointers, those on jemalloc's profiler apart: the
/// feature would change jemalloc for all. Returns their folders.
fn build(target: &Path) -> Result<(PathBuf, PathBuf), String> {
    let build = |target: &Path, arguments: &[&str]| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .arg("--target-dir")
            .arg(target)
            .args(arguments)
            .env("RUSTFLAGS", "-C force-frame-pointers=yes")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .map_err(|error| format!("cargo cannot be run: {error}"))?;
        let built = status.success().then(|| target.join("release"));
        built.ok_or_else(|| "the programs cannot be built: see above".to_owned())
    };
    let plain = build(target, &["--bins"])?;
    let profiled = build(&target.join("profiled"), &["--features", "profiling", "--bin", "profiled"])?;
    Ok((plain, profiled))
}

/// Writes the inputs; returns what each program is given.
fn inputs(folder: &Path, percent: f64) -> Result<BTreeMap<&'static str, String>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let part = |whole: usize| (whole as f64 * percent / 100.0).ceil() as usize;
    let sources = inputs::sources(&root)?;
    let packages: Vec<&str> = sources.split("\n\n").collect();
    let few = packages.len().div_ceil(part(packages.len()).max(1));
    let sources = packages.into_iter().step_by(few.max(1)).collect::<Vec<_>>().join("\n\n");
    let mut inputs = BTreeMap::from([("threads", part(5000).to_string())]);
    for (program, text) in
        [("json", inputs::json(part(27 << 20))), ("syn", sources), ("naga", inputs::shader(part(1500)))]
    {
        let path = folder.join(format!("{program}-{percent}.txt"));
        std::fs::write(&path, text).map_err(|error| format!("{error}: {}", path.display()))?;
        inputs.insert(program, path.display().to_string());
    }
    Ok(inputs)
}

/// CPU time of all processes that this one started and waited for, nanoseconds.
#[expect(unsafe_code, reason = "calls getrusage")]
fn children_ns() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` has room for the result, and is read if the call succeeded.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()), 0, "getrusage failed");
        usage.assume_init()
    };
    let ns = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}

type Figures = BTreeMap<String, f64>;

/// Runs a program once and returns its figures: those that it prints, and `cpu`.
fn run(mut command: impl std::borrow::BorrowMut<Command>, what: &str) -> Result<(Figures, String), String> {
    let begun = children_ns();
    let output = command.borrow_mut().output().map_err(|error| format!("{what} cannot be run: {error}"))?;
    let cpu = children_ns() - begun;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{what} failed: {said}"));
    }
    let line = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    let mut figures: Figures = String::from_utf8_lossy(&output.stdout).lines().filter_map(line).collect();
    figures.insert("cpu".into(), cpu);
    Ok((figures, said))
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => numbers[len / 2],
        len => (numbers[len / 2 - 1] + numbers[len / 2]) / 2.0,
    }
}

fn command(folders: &(PathBuf, PathBuf), at: usize, program: &str, input: &str) -> Command {
    let (_, binary, environment) = ALLOCATORS[at];
    let path = if binary == "profiled" { &folders.1 } else { &folders.0 }.join(binary);
    let mut command = Command::new(path);
    command.args([program, input]).env_remove("HEAP_TRACK").envs(environment.iter().copied());
    command
}

/// The same under valgrind, which counts instructions.
fn counting(command: &Command) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    valgrind.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => valgrind.env(name, value),
            None => valgrind.env_remove(name),
        };
    }
    valgrind
}

/// Of one program on one allocator, against bare jemalloc; medians over rounds.
#[derive(Clone, Copy)]
struct Row {
    cpu: f64,
    instructions: f64,
    peak: f64,
    table: f64,
}

fn measure(
    program: &str,
    options: &Options,
    folders: &(PathBuf, PathBuf),
    whole: &str,
    small: &str,
) -> Result<Vec<Row>, String> {
    // Of each round its figures by allocator; bare jemalloc on the small input comes last.
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        let mut figures = Vec::new();
        for (at, (name, binary, _)) in ALLOCATORS.iter().enumerate() {
            let input = if *binary == SLOW { small } else { whole };
            figures.push(run(command(folders, at, program, input), name)?.0);
        }
        figures.push(run(command(folders, 0, program, small), "jemalloc")?.0);
        let cpu = figures[0]["cpu"] / 1e9;
        eprintln!("{program}: round {} of {}, jemalloc {cpu:.2} s", round + 1, options.rounds);
        rounds.push(figures);
    }
    let row = |at: usize| -> Result<Row, String> {
        let (name, binary, _) = ALLOCATORS[at];
        let base = if binary == SLOW { ALLOCATORS.len() } else { 0 };
        let ratio = |figure: &str| {
            median(rounds.iter().map(|round| round[at][figure] / round[base][figure]).collect())
        };
        let mut table = f64::NAN;
        if binary == "tracked" {
            let mut looking = command(folders, at, program, whole);
            let look = run(looking.env(LOOK, "1"), name)?.0;
            table =
                look.get("table").zip(look.get("blocks")).map_or(f64::NAN, |(table, blocks)| table / blocks);
        }
        Ok(Row { cpu: ratio("cpu"), instructions: f64::NAN, peak: ratio("peak_kib"), table })
    };
    let mut rows = (0..ALLOCATORS.len()).map(row).collect::<Result<Vec<_>, _>>()?;
    if options.counts_instructions {
        let mut bare = f64::NAN;
        for (at, (name, binary, _)) in ALLOCATORS.iter().enumerate() {
            if at == 1 || *binary == SLOW {
                continue;
            }

            let (_, said) = run(&mut counting(&command(folders, at, program, small)), name)?;
            let count = said
                .lines()
                .find_map(|line| line.split_once("refs:")?.1.trim().replace(',', "").parse().ok());
            let count = count.ok_or_else(|| format!("valgrind gave no count of instructions: {said}"))?;
            if at == 0 {
                bare = count;
            }
            rows[at].instructions = count / bare;
            eprintln!("{program}: {name}: {:.1} million instructions", count / 1e6);
        }
    }
    Ok(rows)
}

fn cell(row: Row) -> String {
    let number = |number: f64, digits: usize| match number {
        number if number.is_nan() => "–".to_owned(),
        number if number >= 10.0 => format!("{number:.0}"),
        number => format!("{number:.digits$}"),
    };
    let (cpu, instructions, peak) = (number(row.cpu, 2), number(row.instructions, 3), number(row.peak, 2));
    match row.table.is_nan() {
        true => format!("{cpu} · {instructions} · {peak}"),
        false => format!("{cpu} · {instructions} · {peak} · {} B", number(row.table, 1)),
    }
}

/// Geometric mean and maximum of ratios.
fn mean_and_worst(ratios: impl Iterator<Item = f64>) -> (f64, f64) {
    let ratios: Vec<f64> = ratios.collect();
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    (mean, ratios.into_iter().fold(f64::NAN, f64::max))
}

/// The date, what kind of machine this is, and how busy it is.
fn machine() -> String {
    let first = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned()
    };
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = first("/proc/loadavg", "");
    format!(
        "{}, {cores} cores ({}), {}, load {}",
        said("date", &["-u", "+%F"]),
        first("/proc/cpuinfo", "model name"),
        said("rustc", &["--version"]).split(" (").next().unwrap_or_default(),
        load.split(' ').next().unwrap_or_default(),
    )
}

fn benchmark(options: &Options) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| format!("own path is not known: {error}"))?;
    // …/<target>/release/programs
    let target = own.ancestors().nth(2).ok_or("no target folder")?.to_owned();
    eprintln!("building");
    let folders = build(&target)?;
    let machine = machine();
    let scale = options.scale as f64;
    let (whole, small) = (inputs(&target, scale)?, inputs(&target, scale * SMALL / 100.0)?);
    let mut all = Vec::new();
    for program in &options.programs {
        all.push(measure(program, options, &folders, &whole[program], &small[program])?);
    }
    println!("{machine} before; {} rounds.\n", options.rounds);
    println!(
        "CPU time · instructions · peak RSS, each against bare jemalloc · the table's bytes for each live block. \
         Instructions are counted on {SMALL} % of the input; dhat runs on that, and is compared there by time and memory.\n"
    );
    println!("| | {} | CPU: mean | worst | instructions: mean | worst |", options.programs.join(" | "));
    println!("|---|{}", "---|".repeat(options.programs.len() + 4));
    for (at, (name, ..)) in ALLOCATORS.iter().enumerate().skip(1) {
        let cells: Vec<String> = all.iter().map(|rows| cell(rows[at])).collect();
        let (cpu, cpu_worst) = mean_and_worst(all.iter().map(|rows| rows[at].cpu));
        let (count, count_worst) = mean_and_worst(all.iter().map(|rows| rows[at].instructions));
        let counts = match count.is_nan() {
            true => "– | –".to_owned(),
            false => format!("{count:.3} | {count_worst:.3}"),
        };
        println!("| {name} | {} | {cpu:.2} | {cpu_worst:.2} | {counts} |", cells.join(" | "));
    }
    Ok(())
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| benchmark(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("programs: {error}");
            ExitCode::FAILURE
        }
    }
}
