//! Every config that comes along is read by the analysis without complaint, and
//! is the one that is found.

use heap_analysis::config::{Config, FILE_NAME};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_config_is_valid() {
    let mut names = HashSet::new();
    for (name, text) in rustc_config::BUILT_IN {
        assert!(names.insert(name), "two configs for `{name}`");
        let config = Config::parse(text, name).unwrap();
        assert!(config.notes.is_empty(), "{name}: {:?}", config.notes);
    }
}

#[test]
fn every_file_is_built_in() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").read_dir().unwrap();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(rustc_config::built_in(name), Some(text.as_str()), "{name} is not in `BUILT_IN`");
    }
}

#[test]
fn a_program_finds_its_config() {
    let empty = folder("empty");
    let origin = |program, explicit: Option<&Path>, dir: &Path| {
        Config::find(program, explicit, dir).map(|config| config.origin).map_err(|error| error.to_string())
    };
    assert_eq!(origin("borrowck", None, &empty).unwrap(), "built in for `borrowck`");
    assert_eq!(origin("other", None, &empty).unwrap(), "none");

    let beside = folder("beside");
    let file = beside.join(FILE_NAME);
    std::fs::write(&file, "hide = [\"a::*\"]\n").unwrap();
    assert_eq!(origin("other", None, &beside).unwrap(), file.display().to_string());
    // The built-in one goes before the file, and what was asked for before both.
    assert_eq!(origin("borrowck", None, &beside).unwrap(), "built in for `borrowck`");
    assert_eq!(origin("borrowck", Some(&file), &empty).unwrap(), file.display().to_string());

    let missing = origin("other", Some(Path::new("no-such.toml")), &beside).unwrap_err();
    assert!(missing.starts_with("type config no-such.toml: cannot be read"), "{missing}");
    std::fs::write(&file, "hide = 3\n").unwrap();
    let wrong = origin("other", None, &beside).unwrap_err();
    assert!(wrong.contains("line 1"), "{wrong}");
}
