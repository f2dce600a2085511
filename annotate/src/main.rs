//! `annotate FACTS SOURCE COPY HOME`: makes COPY the tree SOURCE with FACTS in it.
//!
//! Files of ours are looked for beside FACTS; HOME stands for `{home}` in manifests.

use annotate::{apply, Error, Facts};
use std::path::Path;
use std::process::ExitCode;

fn run(arguments: &[String]) -> Result<(), Error> {
    let [facts, source, copy, home] = arguments else {
        return Err(Error("usage: annotate FACTS SOURCE COPY HOME".into()));
    };
    let path = Path::new(facts);
    let text = std::fs::read_to_string(path).map_err(|error| Error(format!("{error}: {facts}")))?;
    let facts = Facts::parse(&text).map_err(|error| Error(format!("{facts}: {error}")))?;
    let ours = path.parent().unwrap_or(Path::new("."));
    let applied = apply(Path::new(source), Path::new(copy), &facts, ours, home)?;
    for (path, report) in applied.reports.iter().filter(|(path, _)| applied.written.contains(path)) {
        println!("{path}: {report}");
    }
    if applied.copied {
        println!("copied to {copy}");
    }
    println!("{}; {} files written", applied.total(), applied.written.len());
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("annotate: {error}");
            ExitCode::FAILURE
        }
    }
}
