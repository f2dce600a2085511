//! `inspector-console`: the terminal view of a heap snapshot.
//!
//! Parses, loads, matches on the command, prints. The rows come from
//! heap-analysis; with `--json` they are printed as they are.

mod args;
mod commands;
mod table;

use args::{Args, By, Command, StacksBy};
use clap::Parser;
use heap_analysis::config::Config;
use heap_analysis::load::{load, LoadError};
use heap_analysis::type_sizes::{Completed, TypeSizes};
use heap_analysis::units::count;
use heap_analysis::{Analysis, Heap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The exit code of every error, as clap has it for wrong arguments.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(text) => match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever read us has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot write: {error}")),
        },
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    // Nothing is left to do where even this cannot be written.
    let _ = writeln!(io::stderr(), "inspector-console: {message}");
    ExitCode::from(FAILED)
}

fn run(args: &Args) -> Result<String, String> {
    let which = match args.snapshot {
        Some(0) => return Err("snapshots are numbered from 1: use `--snapshot 1` for the first".into()),
        Some(number) => Some(number - 1),
        None => None,
    };
    let mut loaded = load(&args.file, which, &mut |_| true).map_err(|error| {
        let hint = match &error {
            LoadError::Read(_) if !args.file.exists() => near_files(&args.file),
            _ => String::new(),
        };
        format!("{error}{hint}: {}", args.file.display())
    })?;
    let type_sizes = complete(&mut loaded.heap, &args.type_sizes)?;
    let program = loaded.heap.header().program.clone();
    let config =
        Config::find(&program, args.config.as_deref(), Path::new(".")).map_err(|error| error.to_string())?;
    let analysis = Analysis::new(Arc::new(loaded.heap), Arc::new(config), args.lens);
    let out =
        commands::Out { analysis: &analysis, is_json: args.json, type_sizes, width: table::terminal_width() };
    match args.command.as_ref().unwrap_or(&Command::Summary) {
        Command::Summary => Ok(commands::summary::run(&out, loaded.index, &loaded.snapshots)),
        Command::Roots => Ok(commands::roots::run(&out)),
        Command::Types { filter, sort, top, group } => {
            commands::types::run(&out, filter.as_deref().unwrap_or(""), sort, *top, *group)
        }
        Command::Type { name } => commands::type_detail::run(&out, name),
        Command::Owns { subject } => commands::owns::run(&out, subject),
        Command::Tree { node, depth, top } => commands::tree::run(&out, node.as_deref(), *depth, *top),
        Command::Path { node } => commands::path::run(&out, node),
        Command::Ledger => Ok(commands::ledger::run(&out)),
        Command::Stacks { by: StacksBy::Stack, top, full } => {
            Ok(commands::stacks::run(&out, false, *top, *full))
        }
        Command::Stacks { by: StacksBy::Tag, top, .. } => Ok(commands::stacks::by_tag(&out, false, *top)),
        Command::Memory => Ok(commands::memory::run(&out)),
        Command::Classes { top } => Ok(commands::pages::classes(&out, *top)),
        Command::Pages { top } => Ok(commands::pages::pages(&out, *top)),
        Command::Unclaimed { by: By::Stack, top, full } => Ok(commands::stacks::run(&out, true, *top, *full)),
        Command::Unclaimed { by: By::Tag, top, .. } => Ok(commands::stacks::by_tag(&out, true, *top)),
        Command::Unclaimed { by: By::Holder, top, .. } => Ok(commands::unclaimed::by_holder(&out, *top)),
        Command::Unclaimed { by: By::Size, top, .. } => Ok(commands::ledger::unclaimed_by_size(&out, *top)),
        Command::Keys { top } => Ok(commands::keys::run(&out, *top)),
        Command::Missing { top } => Ok(commands::missing::run(&out, *top)),
    }
}

/// Completes layouts from the compiler's output; says what was used of it.
fn complete(heap: &mut Heap, files: &[PathBuf]) -> Result<Option<String>, String> {
    let mut all = Completed::default();
    let mut problems = Vec::new();
    for path in files {
        // One file may hold the output of a whole build, with other lines in it.
        let text = std::fs::read(path)
            .map_err(|error| format!("type sizes cannot be read: {error}: {}", path.display()))?;
        let sizes = TypeSizes::parse(&String::from_utf8_lossy(&text));
        if sizes.types.is_empty() {
            return Err(format!(
                "holds no type sizes: write the output of `RUSTC_BOOTSTRAP=1 cargo rustc -- -Zprint-type-sizes` into it: {}",
                path.display()
            ));
        }
        all += sizes.complete(heap);
        problems.extend(sizes.problems.iter().map(|problem| format!("{}: {problem}\n", path.display())));
    }
    if files.is_empty() {
        return Ok(None);
    }
    let mut text = format!(
        "type sizes: {} of {} printed types found; {} variants got offsets, {} types fields, {} a size\n",
        count(all.found),
        count(all.printed),
        count(all.variants),
        count(all.fields),
        count(all.sizes)
    );
    if all.ambiguous + all.differing > 0 {
        text.push_str(&format!(
            "not used: {} types whose names may mean another, {} of another layout than printed\n",
            count(all.ambiguous),
            count(all.differing)
        ));
    }
    text.extend(problems);
    Ok(Some(text))
}

/// Names of snapshots beside a file that does not exist, as a hint.
fn near_files(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = folder.read_dir() else { return String::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".heapsnap"))
        .collect();
    names.sort();
    names.truncate(3);
    match names.is_empty() {
        true => String::new(),
        false => format!("; there is {}", names.join(", ")),
    }
}
