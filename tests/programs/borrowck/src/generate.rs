//! Lets the installed rustc write the facts of a crate.
//!
//! `cargo check` runs with this very program as its `RUSTC_WRAPPER`. For the crates that cargo was
//! asked to check the wrapper adds the flags that make rustc write facts, which stable accepts with
//! `RUSTC_BOOTSTRAP=1`; dependencies are compiled as ever. Cargo works in a folder of its own below
//! the system's temporary folder, so nothing of an earlier build is fresh and nothing is left.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use heap_walk::Walk;

use crate::source::{FactSource, PACKAGE_FILE};

/// Tells a child that it is the wrapper, and where facts go.
const WRAP_DIR: &str = "BORROWCK_WRAP_DIR";

/// Cargo's mark on the crates that it was asked to check.
const PRIMARY: &str = "CARGO_PRIMARY_PACKAGE";

/// What to check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Walk)]
pub struct Request {
    /// A package among the manifest's dependencies; the manifest's own package without it.
    pub package: Option<String>,
    /// The manifest; that of this program without it.
    pub manifest: Option<PathBuf>,
    /// Where facts stay; a temporary folder without it.
    pub keep: Option<PathBuf>,
}

/// Why there are no facts.
#[derive(Debug, Walk)]
pub enum Error {
    /// The installed compiler doesn't write facts, or there is none.
    Unavailable(String),
    /// Cargo couldn't check what was asked for.
    Failed(String),
}

/// Checks the requested package and reads its facts. Returns with them a warning for the user, when
/// the package doesn't compile but facts were written nevertheless.
///
/// # Errors
///
/// See [`Error`]; folders that can't be written count as failed.
pub fn generate(request: &Request) -> Result<(FactSource, Option<String>), Error> {
    probe()?;
    let scratch = Scratch::new().map_err(failed)?;
    let facts = request.keep.clone().unwrap_or_else(|| scratch.0.join("facts"));
    fs::create_dir_all(&facts).map_err(failed)?;
    if fs::read_dir(&facts).map_err(failed)?.next().is_some() {
        return Err(Error::Failed(format!("the folder is not empty: {}", facts.display())));
    }
    let facts = facts.canonicalize().map_err(failed)?;

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    cargo.args(["check", "--quiet", "--manifest-path"]);
    cargo.arg(request.manifest.clone().unwrap_or_else(own));
    cargo.arg("--target-dir").arg(scratch.0.join("target"));
    if let Some(package) = &request.package {
        cargo.args(["--package", package]);
    }
    cargo.env("RUSTC_WRAPPER", env::current_exe().map_err(failed)?).env(WRAP_DIR, &facts);
    // The children are not the program under observation, nor marked by a cargo around this one.
    for name in ["HEAP_WALK", "HEAP_WALK_DIR", "HEAP_WALK_LOG", "HEAP_WALK_MAX", PRIMARY] {
        cargo.env_remove(name);
    }
    let output = cargo.output().map_err(|error| Error::Unavailable(format!("no cargo: {error}")))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    let said = messages.lines().find(|line| line.starts_with("error")).unwrap_or("it says nothing");

    let source = FactSource::read(&facts).map_err(failed)?;
    match (source.crates.is_empty(), output.status.success()) {
        (false, true) => Ok((source, None)),
        (false, false) => {
            let warning = format!("{} doesn't compile: {said}", source.names());
            Ok((source, Some(warning)))
        }
        (true, false) => Err(Error::Failed(said.to_owned())),
        (true, true) => Err(Error::Failed("rustc wrote no facts".to_owned())),
    }
}

/// Runs the compiler if this process was started as its wrapper; never returns then.
pub fn run_as_wrapper() {
    let Some(dir) = env::var_os(WRAP_DIR) else { return };
    let mut args = env::args_os().skip(1);
    let Some(rustc) = args.next() else { return };
    let args: Vec<OsString> = args.collect();
    let mut command = Command::new(rustc);
    command.args(&args);
    if let Some(name) = crate_to_check(&args) {
        let dir = Path::new(&dir).join(name);
        let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        // Without this file the sources aren't shown; the facts are what counts.
        let _ = fs::create_dir_all(&dir).and_then(|()| fs::write(dir.join(PACKAGE_FILE), root));
        let mut flag = OsString::from("-Znll-facts-dir=");
        flag.push(dir);
        command.arg("-Znll-facts").arg(flag).env("RUSTC_BOOTSTRAP", "1");
    }
    match command.status() {
        Ok(status) => process::exit(status.code().unwrap_or(1)),
        Err(error) => {
            eprintln!("borrowck: the compiler doesn't start: {error}");
            process::exit(1);
        }
    }
}

/// The name of the crate that a compiler's arguments are about, if its facts are wanted: one that
/// cargo was asked for, and not a build script. A binary may have its library's name, and gets another.
fn crate_to_check(args: &[OsString]) -> Option<String> {
    env::var_os(PRIMARY)?;
    let after = |flag: &str| args.iter().skip_while(|arg| *arg != flag).nth(1)?.to_str();
    let name = after("--crate-name")?;
    if name.starts_with("build_script_") || name == "___" {
        return None;
    }
    let suffix = if after("--crate-type") == Some("bin") { "-bin" } else { "" };
    Some(format!("{name}{suffix}"))
}

/// Asks the compiler whether it would write facts at all.
fn probe() -> Result<(), Error> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["-Znll-facts", "--print", "sysroot"]).env("RUSTC_BOOTSTRAP", "1");
    let output = rustc.output().map_err(|error| Error::Unavailable(format!("no rustc: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    Err(Error::Unavailable(messages.lines().next().unwrap_or("rustc failed").to_owned()))
}

fn failed(error: io::Error) -> Error {
    Error::Failed(error.to_string())
}

/// A folder that is removed when the value is dropped.
#[derive(Debug, Walk)]
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Scratch> {
        let path = env::temp_dir().join(format!("borrowck-{}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Scratch(path.canonicalize()?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
