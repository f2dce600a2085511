//! Builds the measuring binaries, runs them in interleaved rounds and prints the table.

use benches::allocate::CASES;
use benches::protocol::{self, median, Numbers};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const HELP: &str = "\
usage: cargo run --release --manifest-path benches/Cargo.toml -- [compile] [BLOCKS] [--rounds N]

compile   only what the derive costs a build
BLOCKS    blocks that are walked, about (default 5000000)
--rounds  processes per measurement (default 3)";

struct Options {
    blocks: usize,
    rounds: usize,
    is_compile: bool,
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { blocks: 5_000_000, rounds: 3, is_compile: false };
    let mut arguments = arguments;
    let number = |text: &str| match text.replace('_', "").parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("`{text}` is not a positive number\n{HELP}")),
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => options.rounds = number(&arguments.next().unwrap_or_default())?,
            "compile" => options.is_compile = true,
            _ => options.blocks = number(&argument)?,
        }
    }
    Ok(options)
}

/// Builds the sibling binaries: `cargo run` builds only the one it runs.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--bins", "--manifest-path"])
        .arg(manifest)
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !status.success() {
        return Err("the measuring binaries cannot be built: see above".into());
    }
    let own = std::env::current_exe().map_err(|error| format!("own path is not known: {error}"))?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn measure(folder: &Path, binary: &str, arguments: &[&str]) -> Result<Numbers, String> {
    let path = folder.join(binary);
    let output = Command::new(&path)
        .args(arguments)
        .env_remove("HEAP_WALK")
        // The search for holders is no part of the table's time.
        .env("HEAP_WALK_HOLDERS", "off")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", path.display()))?;
    if !output.status.success() {
        return Err(format!("{binary} {} failed: see above", arguments.join(" ")));
    }
    protocol::read(&String::from_utf8_lossy(&output.stdout))
        .map_err(|line| format!("{binary} {} said `{line}`, which is no measurement", arguments.join(" ")))
}

/// One measurement's numbers of all rounds.
#[derive(Default)]
struct Series(Vec<Numbers>);

impl Series {
    fn median(&self, name: &str) -> f64 {
        median(self.0.iter().filter_map(|numbers| numbers.get(name).copied()).collect())
    }

    /// How far apart the rounds are: largest over smallest.
    fn spread(&self, name: &str) -> f64 {
        let values = self.0.iter().filter_map(|numbers| numbers.get(name).copied());
        let (least, most) = values.fold((f64::MAX, 0.0f64), |(l, m), v| (l.min(v), m.max(v)));
        if least > 0.0 {
            most / least
        } else {
            1.0
        }
    }
}

/// Which class of machine the figures are of: never its name.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |line| line.trim_start_matches(['\t', ' ', ':']));
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output()
        .ok()
        .map_or_else(String::new, |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    format!("{cores} cores, {model}, {} {}, {rustc}", std::env::consts::OS, std::env::consts::ARCH)
}

fn run() -> Result<(), String> {
    let options = options(std::env::args().skip(1))?;
    if options.is_compile {
        println!("{}", machine());
        return compile(options.rounds);
    }
    let folder = build()?;
    let blocks = options.blocks.to_string();
    let plan: [(&str, &[&str]); 9] = [
        ("bare", &[]),
        ("tracked", &["allocate"]),
        ("tracked", &["lookup"]),
        ("tracked", &["walk", &blocks]),
        ("tracked", &["aged", &blocks]),
        ("tracked", &["structure"]),
        ("tracked", &["scratch"]),
        ("tracked", &["inline"]),
        ("tracked", &["idle"]),
    ];
    let mut series: [Series; 9] = Default::default();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for ((binary, arguments), series) in plan.iter().zip(&mut series) {
            series.0.push(measure(&folder, binary, arguments)?);
        }
    }
    let [bare, tracked, lookup, fresh, aged, structure, scratch, inline, idle] = series;

    println!("{}", machine());
    println!("medians of {} processes each, interleaved; CPU time\n", options.rounds);

    println!(
        "{:<52}{:>10}{:>10}{:>8}{:>8}{:>8}",
        "allocate and free, ns", "jemalloc", "tracking", "more", "ratio", "spread"
    );
    for (name, text) in CASES {
        let (base, ours) = (bare.median(name), tracked.median(name));
        let spread = bare.spread(name).max(tracked.spread(name));
        println!(
            "{:<52}{base:>10.1}{ours:>10.1}{:>8.1}{:>8.2}{spread:>8.2}",
            format!("  {text}"),
            ours - base,
            ours / base
        );
    }

    println!("\n{:<52}{:>10}{:>34}", "lookup of an address inside, others allocating, ns", "", "spread");
    for (name, text) in benches::lookup::CASES {
        println!("{:<52}{:>10.1}{:>34.2}", format!("  {text}"), lookup.median(name), lookup.spread(name));
    }

    for (series, heap) in [(&fresh, "allocated in walk order"), (&aged, "aged heap")] {
        let of = |name: &str| series.median(name);
        let mem_dbg = of("mem_dbg_ns");
        println!(
            "\n{:<52}{:>10}{:>10}{:>8}{:>8}{:>8}",
            format!("walk, {:.0} blocks, {heap}", of("blocks")),
            "ns/block",
            "bytes",
            "",
            "ratio",
            "spread"
        );
        let row = |text: &str, name: &str, bytes: Option<&str>, is_walk: bool| {
            let ns = of(name);
            let bytes = bytes.map_or(String::new(), |bytes| format!("{:.1}", of(bytes)));
            let ratio = if is_walk { format!("{:.2}", ns / mem_dbg) } else { String::new() };
            println!("  {text:<50}{ns:>10.1}{bytes:>10}{:>8}{ratio:>8}{:>8.2}", "", series.spread(name));
        };
        row("mem_dbg, FOLLOW_RCS and CAPACITY: one number", "mem_dbg_ns", None, true);
        row("get-size2: one number", "get_size_ns", None, true);
        row("heap_walk::measure: a report", "measure_ns", None, true);
        row("walk and its records, to nowhere", "sink_ns", None, true);
        row("walk and its records, to a file", "walk_ns", Some("walk_bytes"), true);
        row("block table to the file, per live block", "table_ns", Some("table_bytes"), false);
        row("the kernel's map of the process before it, per live block", "maps_ns", None, false);
    }

    println!();
    for (text, series, name, unit) in [
        ("allocative, as flamegraph text, per block (50,000)", &structure, "allocative_ns", "ns"),
        ("inline enum value, beyond its block", &inline, "inline_ns", "ns"),
        ("the walk's own memory, per block of 24 bytes", &scratch, "scratch_owned", "bytes"),
        ("the same, more if it is shared", &scratch, "scratch_shared", "bytes"),
    ] {
        println!("{text:<52}{:>10.2} {unit}", series.median(name));
    }
    println!("{:<52}{:>10.2} ns", "checkpoint! with HEAP_WALK unset", idle.median("checkpoint_ns"));
    println!();
    compile(options.rounds)
}

fn compile(rounds: usize) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| format!("own path is not known: {error}"))?;
    let rows = benches::compile::run(own.parent().unwrap_or(Path::new(".")), rounds)?;
    println!(
        "{:<48}{:>10}{:>10}{:>10}{:>10}",
        format!("{} types, CPU seconds", benches::compile::TYPES),
        "check",
        "build",
        "edited:",
        ""
    );
    for row in rows {
        let [check, build, check_again, build_again] = row.seconds;
        println!("  {:<46}{check:>10.2}{build:>10.2}{check_again:>10.2}{build_again:>10.2}", row.text);
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("benches: {message}");
            ExitCode::FAILURE
        }
    }
}
