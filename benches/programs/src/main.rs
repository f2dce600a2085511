//! Builds the programs on each allocator, runs them in interleaved rounds, and
//! prints one table.

use programs::{LOOK, PROGRAMS, inputs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HELP: &str = "\
usage: cargo xtask bench programs [--rounds N] [--scale N] [--no-instructions]

--rounds           processes per measurement (default 5)
--scale            inputs of so many percent (default 100); 5 % of that where instructions are counted
--no-instructions  without callgrind, which takes some minutes";

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

/// Slower than a hundredth of the others: it runs once.
const SLOW: &str = "dhat";

struct Options {
    rounds: usize,
    scale: usize,
    counts_instructions: bool,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { rounds: 5, scale: 100, counts_instructions: true };
    while let Some(argument) = arguments.next() {
        let mut number = || match arguments.next().unwrap_or_default().parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{argument} takes a positive number\n{HELP}")),
        };
        match argument.as_str() {
            "--rounds" => options.rounds = number()?,
            "--scale" => options.scale = number()?,
            "--no-instructions" => options.counts_instructions = false,
            _ => return Err(format!("`{argument}` is not known\n{HELP}")),
        }
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
fn run(mut command: Command, what: &str) -> Result<(Figures, String), String> {
    let begun = children_ns();
    let output = command.output().map_err(|error| format!("{what} cannot be run: {error}"))?;
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

fn command(
    folders: &(PathBuf, PathBuf),
    at: usize,
    program: &str,
    input: &str,
    is_counting: bool,
) -> Command {
    let (_, binary, environment) = ALLOCATORS[at];
    let path = if binary == "profiled" { &folders.1 } else { &folders.0 }.join(binary);
    let mut command = match is_counting {
        false => Command::new(path),
        true => {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(path);
            valgrind
        }
    };
    command.args([program, input]).env_remove("HEAP_TRACK").envs(environment.iter().copied());
    command
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
    input: &str,
    small: &str,
) -> Result<Vec<Row>, String> {
    let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); ALLOCATORS.len()];
    for round in 0..options.rounds {
        for (at, (name, binary, _)) in ALLOCATORS.iter().enumerate() {
            if round == 0 || *binary != SLOW {
                eprintln!("{program}, round {}: {name}", round + 1);
                rounds[at].push(run(command(folders, at, program, input, false), name)?.0);
            }
        }
    }
    let mut looks = vec![Figures::new(); ALLOCATORS.len()];
    for (at, (name, ..)) in ALLOCATORS.iter().enumerate().filter(|(_, (_, binary, _))| *binary == "tracked") {
        let mut looking = command(folders, at, program, input, false);
        looking.env(LOOK, "1");
        looks[at] = run(looking, name)?.0;
    }
    let mut looks = vec![Figures::new(); ALLOCATORS.len()];
    for (at, (name, ..)) in ALLOCATORS.iter().enumerate().filter(|(_, (_, binary, _))| *binary == "tracked") {
        let mut looking = command(folders, at, program, input, false);
        looking.env(LOOK, "1");
        looks[at] = run(looking, name)?.0;
    }
    let mut counts = vec![f64::NAN; ALLOCATORS.len()];
    if options.counts_instructions {
        for (at, (name, ..)) in ALLOCATORS.iter().enumerate().filter(|(at, _)| *at != 1) {
            eprintln!("{program}, instructions: {name}");
            let (_, said) = run(command(folders, at, program, small, true), name)?;
            let count = said.lines().find_map(|line| line.split_once("Collected : "));
            counts[at] = count.and_then(|(_, count)| count.trim().parse().ok()).unwrap_or(f64::NAN);
        }
    }
    let row = |at: usize| {
        let ratio = |figure: &str| {
            let pairs = rounds[at].iter().zip(&rounds[0]);
            median(pairs.map(|(this, bare)| this[figure] / bare[figure]).collect())
        };
        let look = &looks[at];
        let of_table =
            look.get("table").zip(look.get("blocks")).map_or(f64::NAN, |(table, blocks)| table / blocks);
        Row {
            cpu: ratio("cpu"),
            instructions: counts[at] / counts[0],
            peak: ratio("peak_kib"),
            table: of_table,
        }
    };
    Ok((0..ALLOCATORS.len()).map(row).collect())
}

fn cell(row: Row) -> String {
    let number = |number: f64, digits: usize| match number {
        number if number.is_nan() => "·".to_owned(),
        number if number >= 10.0 => format!("{number:.0}"),
        number => format!("{number:.digits$}"),
    };
    let (cpu, instructions, peak) = (number(row.cpu, 2), number(row.instructions, 3), number(row.peak, 2));
    match row.table.is_nan() {
        true => format!("{cpu} · {instructions} · {peak}"),
        false => format!("{cpu} · {instructions} · {peak} · {} B", number(row.table, 1)),
    }
}

fn benchmark(options: &Options) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| format!("own path is not known: {error}"))?;
    // …/<target>/release/programs
    let target = own.ancestors().nth(2).ok_or("no target folder")?.to_owned();
    eprintln!("building");
    let folders = build(&target)?;
    let (whole, small) =
        (inputs(&target, options.scale as f64)?, inputs(&target, options.scale as f64 * 0.05)?);
    let mut all = Vec::new();
    for program in PROGRAMS {
        all.push(measure(program, options, &folders, &whole[program], &small[program])?);
    }
    println!(
        "CPU time · instructions · peak RSS as ratios to bare jemalloc · bytes of table for each live block.\n"
    );
    println!("| | {} | CPU: mean | worst |", PROGRAMS.join(" | "));
    println!("|---|{}", "---|".repeat(PROGRAMS.len() + 2));
    for (at, (name, ..)) in ALLOCATORS.iter().enumerate().skip(1) {
        let cells: Vec<String> = all.iter().map(|rows| cell(rows[at])).collect();
        let cpu: Vec<f64> = all.iter().map(|rows| rows[at].cpu).collect();
        let mean = (cpu.iter().map(|ratio| ratio.ln()).sum::<f64>() / cpu.len() as f64).exp();
        let worst = cpu.iter().copied().fold(0.0, f64::max);
        println!("| {name} | {} | {mean:.2} | {worst:.2} |", cells.join(" | "));
    }
    let count: Vec<f64> = all.iter().map(|rows| rows[2].instructions).collect();
    let mean = (count.iter().map(|ratio| ratio.ln()).sum::<f64>() / count.len() as f64).exp();
    let worst = count.iter().copied().fold(0.0, f64::max);
    println!("\n*off* by instructions: mean {mean:.3}, worst {worst:.3}. {} rounds.", options.rounds);
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
