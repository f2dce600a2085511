//! The compiler itself, with the inspector in it: copied, annotated, built, run
//! on a crate, and its heap looked at. `docs/rustc.md` is the manual.

use crate::look::{self, Window};
use crate::system::{self, cargo, ensure_build_tools, has, root, target};
use crate::Done;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The release that the facts are about.
const RELEASE: &str = "1.96.0";
/// The one that builds it.
const STAGE0: &str = "1.95.0";
const PACKAGES: [&str; 5] =
    ["rust-web-src", "rustc-web", "libstd-rust-web-dev", "libstd-rust-web-1.96", "libllvm22"];
/// What a first build takes on disk, in GiB, packages and some room for a second included.
const SPACE: u64 = 8;

const HELP: &str = "\
cargo xtask rustc [OPTIONS] CRATE [-- ARGUMENTS OF CARGO CHECK]
    CRATE             folder of the crate to compile, with its Cargo.toml
    --source FOLDER   rustc's source; else /usr/src/rustc-1.96.0, else what --get fetched
    --packages FOLDER where the packaged compiler's `usr` lies; else /, else what --get fetched
    --in FOLDER       where all of it happens; else rustc in the target folder
    --get             fetch the packages from Debian first (137 MB), without installing them
    --identical       compile CRATE with and without the inspector, and compare what comes out
HEAP_WALK chooses the checkpoints; after_borrowck@max if unset.";

/// What was asked for, and where things are.
struct Job {
    source: PathBuf,
    /// The packaged compiler's `usr`.
    packaged: PathBuf,
    folder: PathBuf,
    krate: PathBuf,
    arguments: Vec<String>,
    wants_packages: bool,
    is_comparison: bool,
}

pub(crate) fn run(arguments: &[&str]) -> Done {
    let job = Job::parse(arguments)?;
    if job.wants_packages {
        job.get().map_err(step("getting the packages"))?;
    }
    job.check().map_err(step("looking for what is needed"))?;
    ensure_build_tools()?;
    job.annotate().map_err(step("annotating the source"))?;
    let is_on = job.is_on().map_err(step("reading the configuration"))?;
    job.build(is_on).map_err(step("building the compiler"))?;
    job.dispatcher().map_err(step("writing the dispatcher"))?;
    if job.is_comparison {
        return job.compare().map_err(step("comparing"));
    }
    if !is_on {
        job.compile("checked", &[]).map_err(step("compiling the crate"))?;
        println!("The inspector is off (build.heap_inspector in {}).", job.configuration().display());
        return Ok(());
    }
    system::run(&mut cargo(&["build", "--release", "-p", "inspector-console"]))?;
    let window = Window::build()?;
    let snapshot = job.snapshot().map_err(step("compiling the crate")).and_then(|snapshot| {
        let commands: [&[&str]; 5] =
            [&["summary"], &["roots"], &["types", "--top", "20"], &["owns", "mbcx"], &["ledger"]];
        look::tables(&snapshot, &commands)?;
        Ok(snapshot)
    });
    window.open(snapshot)
}

/// Names the step that failed.
fn step(name: &'static str) -> impl Fn(String) -> String {
    move |error| format!("{name}: {error}")
}

fn fail(path: &Path) -> impl Fn(std::io::Error) -> String + '_ {
    move |error| format!("{error}: {}", path.display())
}

fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))
}

impl Job {
    fn parse(arguments: &[&str]) -> Result<Job, String> {
        let (mut source, mut packages, mut folder, mut krate) = (None, None, None, None);
        let (mut wants_packages, mut is_comparison) = (false, false);
        let mut rest = arguments.iter();
        while let Some(&argument) = rest.next() {
            let mut path = |to: &mut Option<PathBuf>| match rest.next() {
                Some(path) => {
                    *to = Some(PathBuf::from(path));
                    Ok(())
                }
                None => Err(format!("{argument} needs a folder\n{HELP}")),
            };
            match argument {
                "--source" => path(&mut source)?,
                "--packages" => path(&mut packages)?,
                "--in" => path(&mut folder)?,
                "--get" => wants_packages = true,
                "--identical" => is_comparison = true,
                "--" => break,
                _ if argument.starts_with('-') || krate.is_some() => {
                    return Err(format!("what is `{argument}`?\n{HELP}"))
                }
                _ => krate = Some(PathBuf::from(argument)),
            }
        }
        let krate = krate.ok_or_else(|| format!("which crate shall it compile?\n{HELP}"))?;
        let absolute = |path: PathBuf| std::path::absolute(&path).map_err(fail(&path));
        let folder = absolute(folder.unwrap_or_else(|| target().join("rustc")))?;
        let fetched = folder.join("packages/usr");
        let source = source.unwrap_or_else(|| {
            let installed = PathBuf::from(format!("/usr/src/rustc-{RELEASE}"));
            let fetched = fetched.join(format!("src/rustc-{RELEASE}"));
            if fetched.exists() || wants_packages {
                fetched
            } else {
                installed
            }
        });
        let packaged = match packages {
            Some(packages) if packages.join("usr/bin/rustc").exists() => packages.join("usr"),
            Some(packages) => packages,
            None if fetched.exists() || wants_packages => fetched,
            None => PathBuf::from("/usr"),
        };
        Ok(Job {
            source: absolute(source)?,
            packaged: absolute(packaged)?,
            folder,
            krate: absolute(krate)?,
            arguments: rest.map(|&argument| argument.to_owned()).collect(),
            wants_packages,
            is_comparison,
        })
    }

    /// Fetches and unpacks the packages, which cannot be installed beside rustup.
    fn get(&self) -> Done {
        let (debs, packages) = (self.folder.join("debs"), self.folder.join("packages"));
        if packages.join("usr/bin/rustc").exists() && self.source.exists() {
            return Ok(());
        }
        if !has("apt-get") || !has("dpkg-deb") {
            return Err(format!(
                "this needs Debian's apt-get and dpkg-deb; elsewhere unpack its packages {} yourself and say --source and --packages",
                PACKAGES.join(", ")
            ));
        }
        fs::create_dir_all(&debs).map_err(fail(&debs))?;
        let mut download = Command::new("apt-get");
        system::run(download.arg("download").args(PACKAGES).current_dir(&debs)).map_err(|error| {
            format!(
                "{error}; `sudo apt-get update` may help. They are in Debian 12 with its security updates"
            )
        })?;
        for entry in fs::read_dir(&debs).map_err(fail(&debs))?.flatten() {
            system::run(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(&packages))?;
        }
        Ok(())
    }

    /// Everything that must be there, before anything takes time.
    fn check(&self) -> Done {
        let how = format!(
            "either say `--get`, or get the packages {} of Debian 12 (security): \
             `apt-get download` them, unpack each with `dpkg-deb -x`, and say --source and --packages",
            PACKAGES.join(", ")
        );
        let version = fs::read_to_string(self.source.join("src/version")).unwrap_or_default();
        if version.trim() != RELEASE {
            return Err(match version.trim() {
                "" => format!("there is no source of rustc {RELEASE} in {}; {how}", self.source.display()),
                other => {
                    let source = self.source.display();
                    format!("{source} is rustc {other}, and the facts are about {RELEASE}: {how}")
                }
            });
        }
        if !self.packaged_version()?.starts_with(&format!("rustc {RELEASE}")) {
            return Err(format!(
                "there is no packaged rustc {RELEASE} in {}; {how}",
                self.packaged.display()
            ));
        }
        if !self.krate.join("Cargo.toml").exists() {
            return Err(format!(
                "there is no Cargo.toml in {}: say the folder of a crate",
                self.krate.display()
            ));
        }
        let stage0 = output(self.stage0("rustc").arg("--version")).map(|output| output.stdout);
        if !String::from_utf8_lossy(&stage0.unwrap_or_default()).starts_with("rustc 1.95.") {
            return Err(format!("rustc {STAGE0} is needed to build it: `rustup toolchain install {STAGE0}`"));
        }
        if self.binary().exists() {
            eprintln!("built before; only what changed since is built again");
            return Ok(());
        }
        eprintln!(
            "This builds the compiler: about 12 minutes of CPU time the first time, 1.5 GB of memory for each core in\n\
             use, {SPACE} GB on disk in {}. After a change in rustc_borrowck it takes some ten seconds, after one in\n\
             rustc_index, rustc_arena or heap-walk nearly as long as the first time.",
            self.folder.display()
        );
        fs::create_dir_all(&self.folder).map_err(fail(&self.folder))?;
        let free = output(Command::new("df").args(["-Pk"]).arg(&self.folder))?;
        let free = String::from_utf8_lossy(&free.stdout).into_owned();
        let free = free.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
        match free {
            Some(free) if free < SPACE << 20 => Err(format!(
                "only {} GB are free in {}: make room, or choose another folder with --in",
                free >> 20,
                self.folder.display()
            )),
            _ => Ok(()),
        }
    }

    fn libraries(&self) -> PathBuf {
        self.packaged.join("lib/x86_64-linux-gnu")
    }

    fn packaged_version(&self) -> Result<String, String> {
        let mut rustc = Command::new(self.packaged.join("bin/rustc"));
        let found = output(rustc.arg("--version").env("LD_LIBRARY_PATH", self.libraries()));
        Ok(found.map(|found| String::from_utf8_lossy(&found.stdout).into_owned()).unwrap_or_default())
    }

    /// A command of the toolchain that builds the compiler.
    fn stage0(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if has("rustup") {
            command.env("RUSTUP_TOOLCHAIN", STAGE0);
        }
        // What cargo sets for us is not for another workspace.
        for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "RUSTC"] {
            command.env_remove(name);
        }
        command
    }

    fn tree(&self) -> PathBuf {
        self.folder.join("src")
    }

    fn binary(&self) -> PathBuf {
        self.folder.join("target/quick/rustc-main")
    }

    fn configuration(&self) -> PathBuf {
        self.tree().join("bootstrap.toml")
    }

    fn annotate(&self) -> Done {
        let facts = root().join("rustc-config/compiler/facts.toml");
        let mut annotate = cargo(&["run", "--quiet", "-p", "annotate", "--"]);
        system::run(annotate.arg(&facts).arg(&self.source).arg(self.tree()).arg(root())).map_err(|error| {
            format!("{error}; facts that don't hold are named above, and stand in {}", facts.display())
        })
    }

    /// Whether the configuration of the copy wants the inspector. It is written if it isn't there.
    fn is_on(&self) -> Result<bool, String> {
        let path = self.configuration();
        if !path.exists() {
            let text = "# `false` leaves everything of the inspector out of the build.\n\
                        [build]\nheap_inspector = true\n";
            fs::write(&path, text).map_err(fail(&path))?;
        }
        let text = fs::read_to_string(&path).map_err(fail(&path))?;
        setting(&text).map_err(|what| format!("{what}: {}", path.display()))
    }

    fn build(&self, is_on: bool) -> Done {
        let version = self.packaged_version()?;
        let mut build = self.stage0("cargo");
        build.args(["build", "--profile", "quick", "-p", "rustc-main"]).current_dir(self.tree());
        if is_on {
            build.args(["--features", "heap_inspector"]);
        }
        build
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "--cfg=bootstrap")
            // The same version text as the packaged compiler's, whose standard library is read.
            .env("CFG_VERSION", version.trim().trim_start_matches("rustc "))
            .env("CFG_RELEASE", RELEASE)
            .env("CFG_RELEASE_CHANNEL", "stable")
            .env("CFG_COMPILER_HOST_TRIPLE", "x86_64-unknown-linux-gnu")
            .env("CFG_LIBDIR_RELATIVE", "lib")
            .env("RUSTC_INSTALL_BINDIR", "bin");
        without_warnings(&mut build).map_err(|error| {
            format!(
                "{error}; if the first error is in a line of ours, see {}",
                root().join("rustc-config/compiler").display()
            )
        })
    }

    /// A `rustc` for cargo: metadata comes from the compiler that we built, and
    /// all that needs code from the packaged one. Only the crate itself is looked at.
    fn dispatcher(&self) -> Done {
        let path = self.folder.join("rustc");
        let text = format!(
            "#!/bin/sh\n\
             ours=no\n\
             for argument in \"$@\"; do\n\
             \x20   case $argument in\n\
             \x20       --emit=*link*) ours=no; break ;;\n\
             \x20       --emit=*metadata*) ours=yes ;;\n\
             \x20   esac\n\
             done\n\
             [ \"$CARGO_PRIMARY_PACKAGE\" ] && [ $ours = yes ] || unset HEAP_WALK\n\
             if [ $ours = yes ]; then\n\
             \x20   # As a release: no unstable features, unless they are asked for.\n\
             \x20   RUSTC_BOOTSTRAP=${{RUSTC_BOOTSTRAP:--1}} exec '{}' --sysroot '{}' \"$@\"\n\
             fi\n\
             LD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
            self.binary().display(),
            self.packaged.display(),
            self.libraries().display(),
            self.packaged.join("bin/rustc").display(),
        );
        fs::write(&path, text).map_err(fail(&path))?;
        system::run(Command::new("chmod").arg("+x").arg(&path))
    }

    /// Compiles the crate anew, with the crates it needs, into a folder of its own.
    fn compile(&self, into: &str, environment: &[(&str, &str)]) -> Result<Output, String> {
        let checked = self.folder.join(into);
        if checked.exists() {
            fs::remove_dir_all(&checked).map_err(fail(&checked))?;
        }
        let mut check = self.stage0("cargo");
        check
            .args(["check", "--quiet"])
            .args(&self.arguments)
            .current_dir(&self.krate)
            .env("RUSTC", self.folder.join("rustc"))
            .env("CARGO_TARGET_DIR", &checked)
            .env_remove("RUSTFLAGS");
        for (name, value) in environment {
            if value.is_empty() {
                check.env_remove(name);
            } else {
                check.env(name, value);
            }
        }
        let shown: String = environment.iter().fold(String::new(), |mut shown, (name, value)| {
            if !value.is_empty() {
                let _ = write!(shown, "{name}={value} ");
            }
            shown
        });
        eprintln!("\n$ {shown}cargo check ({})", self.krate.display());
        output(&mut check)
    }

    fn snapshot(&self) -> Result<PathBuf, String> {
        let snapshots = self.folder.join("snapshots");
        fs::create_dir_all(&snapshots).map_err(fail(&snapshots))?;
        let before = look::snapshots(&snapshots);
        let asked = std::env::var("HEAP_WALK").unwrap_or_default();
        let walk = if asked.is_empty() { "after_borrowck@max" } else { &asked };
        let folder = snapshots.display().to_string();
        let done = self.compile("checked", &[("HEAP_WALK", walk), ("HEAP_WALK_DIR", &folder)])?;
        eprint!("{}", String::from_utf8_lossy(&done.stderr));
        let mut found = look::snapshots(&snapshots);
        found.retain(|path| !before.contains(path));
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |data| data.len());
        found.into_iter().max_by_key(size).ok_or_else(|| match done.status.success() {
            true => format!(
                "no snapshot was written to {folder}: HEAP_WALK={walk} matches no checkpoint that the crate reaches; \
                 HEAP_WALK=? lists them"
            ),
            false => format!("cargo check failed ({}): its messages are above", done.status),
        })
    }

    /// Compiles the crate without and with walks, and compares messages and metadata.
    fn compare(&self) -> Done {
        let log = self.folder.join("walks.log");
        let snapshots = self.folder.join("compared");
        let _ = fs::remove_dir_all(&snapshots);
        fs::create_dir_all(&snapshots).map_err(fail(&snapshots))?;
        let _ = fs::remove_file(&log);
        let (log_path, folder) = (log.display().to_string(), snapshots.display().to_string());
        let mut sides = Vec::new();
        for walk in ["", "after_borrowck@1..20"] {
            let environment = [("HEAP_WALK", walk), ("HEAP_WALK_DIR", &folder), ("HEAP_WALK_LOG", &log_path)];
            let done = self.compile("checked", &environment)?;
            if !done.status.success() {
                eprint!("{}", String::from_utf8_lossy(&done.stderr));
                eprintln!("(the crate has errors: only messages are compared)");
            }
            sides.push((metadata(&self.folder.join("checked"))?, done.stderr));
        }
        let (with, without) = (&sides[1], &sides[0]);
        let count = look::snapshots(&snapshots).len();
        if count == 0 {
            return Err(format!("nothing was walked: see {log_path}"));
        }
        if without.1 != with.1 {
            return Err(format!(
                "messages differ:\n{}\n---- with walks ----\n{}",
                String::from_utf8_lossy(&without.1),
                String::from_utf8_lossy(&with.1)
            ));
        }
        for ((name, a), (_, b)) in without.0.iter().zip(&with.0) {
            if a != b {
                return Err(format!("metadata differ: {name}"));
            }
        }
        if without.0.len() != with.0.len() {
            return Err("not the same files of metadata were written".into());
        }
        println!(
            "identical: {} bytes of messages, {} files of metadata with {} bytes, over {count} walks",
            with.1.len(),
            with.0.len(),
            with.0.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
        );
        Ok(())
    }
}

/// Runs cargo and leaves out warnings: those of the compiler's source are not
/// ours, and cargo repeats them each time.
fn without_warnings(command: &mut Command) -> Done {
    eprintln!("\n$ cargo build (the compiler)");
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    let mut is_warning = false;
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()) {
        let line = line.map_err(|error| format!("cargo was lost: {error}"))?;
        // A warning ends with an empty line, or where cargo says something: that begins at the edge or in column 3.
        let is_said = line.starts_with("error") || line.trim_start().starts_with(char::is_uppercase);
        is_warning = line.starts_with("warning") || is_warning && !line.is_empty() && !is_said;
        if !is_warning && !line.is_empty() {
            eprintln!("{line}");
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo build failed ({status})")),
        Err(error) => Err(format!("cargo was lost: {error}")),
    }
}

/// `heap_inspector` of the table `build`; on if it says nothing.
fn setting(text: &str) -> Result<bool, String> {
    let mut is_build = false;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            is_build = line == "[build]";
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.trim() == "build.heap_inspector" || is_build && key.trim() == "heap_inspector" {
            return match value.trim() {
                "true" => Ok(true),
                "false" => Ok(false),
                other => Err(format!("build.heap_inspector is `{other}`: say true or false")),
            };
        }
    }
    Ok(true)
}

/// Names and contents of the metadata below a folder, by name.
fn metadata(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(fail(&folder))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rmeta") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                found.push((name, fs::read(&path).map_err(fail(&path))?));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_found_where_it_may_stand() {
        for (text, expected) in [
            ("", Ok(true)),
            ("[build]\nheap_inspector = false # off\n", Ok(false)),
            ("[build]\n#heap_inspector = false\n", Ok(true)),
            ("[rust]\nheap_inspector = false\n[build]\nheap_inspector=true", Ok(true)),
            ("build.heap_inspector = false", Ok(false)),
        ] {
            assert_eq!(setting(text), expected, "{text}");
        }
        assert!(setting("[build]\nheap_inspector = 1").unwrap_err().contains("true or false"));
    }
}
