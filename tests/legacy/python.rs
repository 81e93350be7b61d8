//! Where Python and the bots' libraries are; or the loud word that they are not.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const HOW: &str = "run `bash tests/legacy/setup.sh` (needs Python 3.11 and a package index), \
                   or set BOTWARDEN_LEGACY_PYTHON to a Python that has tests/legacy/requirements.txt installed";

/// The interpreter, or nothing after having said so.
pub(crate) fn find(test: &str) -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("BOTWARDEN_LEGACY_PYTHON") {
        return Some(PathBuf::from(python));
    }
    let venv = target().join("legacy-venv");
    // The stamp is written last: an environment that is half made is none.
    if venv.join("installed.txt").is_file() {
        return Some(venv.join("bin/python"));
    }
    skipped(test, &format!("there is no {}; {HOW}", venv.display()));
    None
}

/// Past the test runner's capture, and in a file for who runs all tests: a test that did not run must be seen.
fn skipped(test: &str, why: &str) {
    let line = format!("SKIPPED: legacy::{test}: {why}\n");
    // Not `eprint!`: the test harness would capture that.
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    let file = target().join("skipped.txt");
    let said = fs::read_to_string(&file).unwrap_or_default();
    if !said.contains(&line) {
        // One write of a short line: the tests run side by side.
        let mut file = fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// A place in the repository.
pub(crate) fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
