//! Command line of the borrow checker; see the package's README.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use borrowck::arena::Arena;
use borrowck::borrowck::check_function;
use borrowck::gcx::GlobalCtxt;
use borrowck::generate::{self, Request};
use borrowck::source::{self, CrateFacts, FactSource};
use heap_walk::checkpoint;

#[cfg(feature = "heap-walk")]
#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// Checked when nothing else is asked for: polonius' own dependency, so its source is at hand.
const DEFAULT_PACKAGE: &str = "datafrog";

const USAGE: &str = "\
usage: borrowck [--crate NAME] [--manifest PATH] [--keep-facts DIR] [--functions N] [--pack FILE]
       borrowck --facts DIR [--functions N] [--pack FILE]

  --crate NAME      check this package, a dependency of the manifest
  --manifest PATH   check the package of this Cargo.toml (default: datafrog, a dependency of ours)
  --facts DIR       check facts that are there already, a folder per function
  --keep-facts DIR  leave the facts in this folder, which must be empty
  --functions N     check the first N functions only
  --pack FILE       write the facts into one file";

#[derive(Debug, Default)]
struct Options {
    request: Request,
    facts: Option<PathBuf>,
    functions: Option<usize>,
    pack: Option<PathBuf>,
}

fn main() -> ExitCode {
    generate::run_as_wrapper();
    let result = match parse_args(env::args().skip(1)) {
        Ok(Some(options)) => run(options),
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(problem) => Err(format!("{problem}\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("borrowck: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// `None` when help is asked for.
fn parse_args(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--crate" => options.request.package = Some(value()?),
            "--manifest" => options.request.manifest = Some(value()?.into()),
            "--keep-facts" => options.request.keep = Some(value()?.into()),
            "--facts" => options.facts = Some(value()?.into()),
            "--pack" => options.pack = Some(value()?.into()),
            "--functions" => {
                let number = value()?;
                let number = number.parse();
                options.functions = Some(number.map_err(|_| "--functions needs a number".to_owned())?);
            }
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    if options.facts.is_some() && options.request != Request::default() {
        return Err("--facts goes with neither --crate, --manifest nor --keep-facts".to_owned());
    }
    Ok(Some(options))
}

fn run(options: Options) -> Result<(), String> {
    let started = Instant::now();
    let mut source = facts(&options)?;
    if let Some(count) = options.functions {
        source.truncate(count);
    }
    if let Some(file) = &options.pack {
        let functions = source.crates.iter().flat_map(|krate| &krate.functions);
        fs::write(file, source::pack(functions))
            .map_err(|error| format!("the pack can't be written, {error}: {}", file.display()))?;
    }
    let generated = started.elapsed();

    let started = Instant::now();
    let arena = Arena::default();
    let gcx = GlobalCtxt::new(&arena);
    let names = source.names();
    for krate in &mut source.crates {
        gcx.add_sources(gcx.crate_num(&krate.name), std::mem::take(&mut krate.files));
    }
    // The text lies in this frame, out of reach of the checkpoints after each function.
    heap_walk::with_root("source", &source, || check(&gcx, &arena, &source))?;
    drop(source);
    let checked = started.elapsed();
    checkpoint!("end", gcx = &gcx, gcx.arena = &arena);

    for (def, result) in gcx.results() {
        for diag in &result.diags {
            println!("{} at {:?}: {}", gcx.def_path(def), diag.location, diag.message);
        }
    }
    let sums = gcx.statistics();
    println!(
        "{}: {} functions, {} facts, {} points, {} regions, {} loans (live at {} points)",
        names, sums.functions, sums.facts, sums.points, sums.regions, sums.loans, sums.live_loans
    );
    let counts = gcx.error_counts();
    let kinds: Vec<String> = counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    match kinds.as_slice() {
        [] => println!("no errors"),
        kinds => println!("{} errors: {}", sums.errors, kinds.join(", ")),
    }
    println!("facts in {:.1} s, checked in {:.1} s", generated.as_secs_f64(), checked.as_secs_f64());
    Ok(())
}

fn check<'tcx>(gcx: &GlobalCtxt<'tcx>, arena: &'tcx Arena<'tcx>, source: &FactSource) -> Result<(), String> {
    for CrateFacts { name, functions, .. } in &source.crates {
        let krate = gcx.crate_num(name);
        for function in functions {
            let parsed = function.parse().map_err(|error| error.to_string())?;
            check_function(gcx, arena, krate, parsed)?;
        }
    }
    Ok(())
}

/// The facts asked for, or the committed ones when rustc can't write the default ones.
fn facts(options: &Options) -> Result<FactSource, String> {
    if let Some(dir) = &options.facts {
        let source = FactSource::read(dir)
            .map_err(|error| format!("facts can't be read, {error}: {}", dir.display()))?;
        if source.crates.is_empty() {
            return Err(format!("no folder with a cfg_edge.facts: {}", dir.display()));
        }
        return Ok(source);
    }
    let mut request = options.request.clone();
    let is_default = request.package.is_none() && request.manifest.is_none();
    if is_default {
        request.package = Some(DEFAULT_PACKAGE.to_owned());
    }
    match generate::generate(&request) {
        Ok((source, warning)) => {
            if let Some(warning) = warning {
                eprintln!("borrowck: {warning}");
            }
            Ok(source)
        }
        Err(generate::Error::Unavailable(reason)) => Ok(fall_back(&reason)),
        Err(generate::Error::Failed(reason)) if is_default => Ok(fall_back(&reason)),
        Err(generate::Error::Failed(reason)) => Err(format!("no facts: {reason}")),
    }
}

fn fall_back(reason: &str) -> FactSource {
    eprintln!("borrowck: the installed rustc emits no facts ({reason}); using the committed ones");
    FactSource::fallback()
}
