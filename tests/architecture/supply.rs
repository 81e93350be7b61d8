//! Where the code comes from that is built into the product: see `docs/supply-chain.md`.

use std::fs;
use std::path::{Path, PathBuf};

use super::none;

/// Folders of the repository that hold nothing of ours.
const NOT_OURS: [&str; 4] = [".git", "target", "node_modules", ".venv"];

/// Pairs of crates whose names differ by one letter, and which are both meant.
const TWINS: [(&str, &str); 2] = [("dtoa", "itoa"), ("sha1", "sha2")];

/// Commands of cargo that build, and would quietly take newer crates than those of the lock file.
const BUILDS: [&str; 8] = ["build", "run", "test", "clippy", "doc", "install", "rustc", "bench"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository.
fn ours() -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![root().to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_file() {
                found.push(path);
            } else if path.is_dir() && !path.is_symlink() && !NOT_OURS.contains(&name) {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The files with this name, and where they are in the repository.
fn all(name: &str) -> Vec<(String, String)> {
    let same = |path: &PathBuf| path.file_name().is_some_and(|last| last == name);
    let found: Vec<_> = ours().into_iter().filter(same).collect();
    found.iter().map(|path| (below(path), fs::read_to_string(path).unwrap())).collect()
}

fn below(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The value of a line `key = "value"`.
fn value<'text>(package: &'text str, key: &str) -> Option<&'text str> {
    let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
    line.strip_suffix('"')
}

#[test]
fn nothing_of_ours_runs_while_the_product_is_built() {
    let mut wrong: Vec<_> = ours().iter().map(|path| below(path)).collect();
    wrong.retain(|path| path.contains(".cargo/config"));
    for (path, text) in all("Cargo.toml") {
        let script = path.replace("Cargo.toml", "build.rs");
        wrong.extend(root().join(&script).exists().then_some(script));
        for word in
            ["\nbuild =", "\nlinks =", "proc-macro = true", "\n[patch", "\n[replace", "git = "]
        {
            if text.contains(word) {
                wrong.push(format!("{path} has `{}`", word.trim()));
            }
        }
    }
    none(&wrong);
}

/// What a program may do to the memory of its process is the compiler's to say.
#[test]
fn no_code_of_the_product_is_unsafe() {
    let lints = read("Cargo.toml");
    assert!(
        lints.contains("\n[lints.rust]\nunsafe_code = \"forbid\"\n"),
        "`forbid` has no exceptions"
    );
}

/// Each crate is named with the digest of what was looked at, and all come from one place.
#[test]
fn every_crate_is_of_the_one_registry_and_has_its_digest() {
    let manifests = all("Cargo.toml");
    let own = |name: &str| manifests.iter().any(|(_, text)| value(text, "name") == Some(name));
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, text) in all("Cargo.lock") {
        for package in text.split("\n[[package]]\n").skip(1) {
            let name = value(package, "name").unwrap();
            let foreign = value(package, "source")
                == Some("registry+https://github.com/rust-lang/crates.io-index")
                && value(package, "checksum").is_some_and(|digest| digest.len() == 64);
            let local = value(package, "source").is_none() && own(name);
            if !foreign && !local {
                wrong.push(format!(
                    "{path}: {name} is neither ours nor of crates.io with its digest"
                ));
            }
            seen += 1;
        }
    }
    assert!(seen > 200, "the lock file is read");
    none(&wrong);
}

/// A new crate whose name is nearly that of one that is here may be somebody's trap.
#[test]
fn crates_with_nearly_the_same_name_are_both_meant() {
    let lock = read("Cargo.lock");
    let mut names: Vec<_> =
        lock.split("\n[[package]]\n").filter_map(|text| value(text, "name")).collect();
    names.dedup();
    let same = |name: &str| name.replace('_', "-");
    let near = |one: &str, two: &str| strsim::damerau_levenshtein(&same(one), &same(two)) < 2;
    let mut pairs = Vec::new();
    for (at, one) in names.iter().enumerate() {
        let later = names.iter().skip(at + 1).filter(|two| near(one, two));
        pairs.extend(later.map(|two| (*one, *two)));
    }
    assert_eq!(pairs, TWINS);
}

#[test]
fn builds_take_the_crates_of_the_lock_file() {
    let script = |path: &String| {
        let shell = path.rsplit_once('.').is_some_and(|(_, end)| end == "sh");
        shell || path == ".ci/run" || path.contains("/Dockerfile")
    };
    let paths: Vec<_> = ours().iter().map(|path| below(path)).filter(script).collect();
    assert!(paths.len() > 5, "the scripts are found");
    let mut wrong = Vec::new();
    for path in paths {
        let text = read(&path);
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let loose = lines.filter(|line| builds(line) && !line.contains("--locked"));
        wrong.extend(loose.map(|line| format!("{path}: {}", line.trim())));
    }
    for (path, text) in all("README.md") {
        let loose = text.lines().filter(|line| line.contains("cargo install"));
        let loose = loose.filter(|line| !line.contains("--locked"));
        wrong.extend(loose.map(|line| format!("{path}: {line}: without the lock file")));
    }
    none(&wrong);
}

fn builds(line: &str) -> bool {
    let asks = |start: &str, word: &str| {
        let command = format!("{start} {word} ");
        line.split(&command).skip(1).any(|arguments| !arguments.starts_with("--version"))
    };
    BUILDS.iter().any(|word| asks("cargo", word) || asks("cargo auditable", word))
}

/// `cargo deny` lets no other crate run a script while the product is built; the document says why these may.
#[test]
fn crates_with_build_scripts_are_those_that_the_document_explains() {
    let rules = read(".deny.toml");
    let listed = rules.split("allow-build-scripts = [").nth(1).unwrap().split(']').next().unwrap();
    let allowed: Vec<_> = listed.split('"').skip(1).step_by(2).collect();
    let page = read("docs/supply-chain.md");
    let table = page.split("\n## Build scripts\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let firsts = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let mut told: Vec<_> =
        firsts.flat_map(|cell| cell.split('`')).filter(|word| !["", ", "].contains(word)).collect();
    told.sort_unstable();
    assert_eq!(told, allowed);
}
