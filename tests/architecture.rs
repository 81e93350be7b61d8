//! The order of the rooms, who may name which crate, and how large a file may be: read from the sources.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "tests may fail loudly, and cut their own sources at characters they have just found"
)]

#[path = "architecture/supply.rs"]
mod supply;

use std::fs;
use std::path::{Path, PathBuf};

/// A module names only modules to its left.
const ORDER: [&str; 16] = [
    "gate",
    "config",
    "report",
    "rt",
    "telemetry",
    "webex",
    "membership",
    "inbox",
    "forward",
    "flow",
    "ingress",
    "audit",
    "upkeep",
    "admin",
    "simulator",
    "cli",
];

/// Crates with an owner, and where they may be named: a module, or a path below `src`. Others, such as `serde` and
/// `tokio`, may be named where they are needed, but see [`the_core_does_nothing_but_think`].
const OWNERS: &[(&str, &[&str])] = &[
    ("arc_swap", &["flow"]),
    ("aws_lc_rs", &["gate", "config/check/tls.rs", "ingress", "webex/trust.rs"]),
    ("base16ct", &["gate", "report", "audit", "simulator", "cli"]),
    ("base64", &["gate", "config", "simulator"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("csv", &["cli"]),
    ("futures_util", &["rt", "ingress", "audit", "cli"]),
    ("getrandom", &["cli"]),
    ("hmac", &["gate", "simulator"]),
    ("http_body_util", &["rt", "ingress", "forward", "admin", "simulator", "cli"]),
    ("humantime", &["config", "cli"]),
    ("hyper", &["rt", "ingress", "forward", "admin", "simulator", "cli/demo", "cli/wire.rs"]),
    ("hyper_rustls", &["forward", "simulator"]),
    ("hyper_util", &["ingress", "forward", "admin", "simulator", "cli/demo", "cli/wire.rs"]),
    ("indicatif", &["cli"]),
    ("listenfd", &["ingress"]),
    ("moka", &["membership"]),
    ("prometheus_client", &["report"]),
    ("reqwest", &["webex", "telemetry"]),
    ("rustix", &["config", "report", "rt", "cli"]),
    ("rustls", &["config", "ingress", "forward", "webex", "simulator"]),
    ("rustls_pki_types", &["gate"]),
    ("rustls_platform_verifier", &["webex"]),
    ("schemars", &["config"]),
    ("serde_yaml", &["config", "simulator"]),
    ("sha1", &["gate", "simulator"]),
    ("strsim", &["config"]),
    ("subtle", &["gate"]),
    ("tempfile", &["cli"]),
    ("tokio_rustls", &["ingress"]),
    ("tower_service", &["forward"]),
    ("tracing_subscriber", &["config", "cli"]),
    ("zeroize", &["gate"]),
];

/// What the simulator shares with the product: the runtime, and nothing that it is there to check.
const SHARED_WITH_SIMULATOR: [&str; 2] = ["simulator", "rt"];

/// A file that is longer holds more than one thing.
const LONGEST_FILE: usize = 400;

/// A source file: where it is below `src`, and its text without comments.
struct Source {
    path: String,
    code: String,
    lines: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let code: Vec<_> = text.lines().map(without_comment).collect();
        let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        Self { path, code: code.join("\n"), lines: text.lines().count() }
    }

    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.trim_end_matches(".rs")
    }

    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap();
        self.path.contains("/tests/")
            || name.ends_with("tests.rs")
            || ["fake.rs", "stub.rs"].contains(&name)
    }

    /// What is built into the product.
    fn product(&self) -> &str {
        let tests = self.code.find("#[cfg(test)]\nmod tests {");
        let tests = tests.or_else(|| self.code.find("#[cfg(test)]\npub(crate) mod tests {"));
        if self.is_test() { "" } else { &self.code[..tests.unwrap_or(self.code.len())] }
    }

    /// Modules of this crate that it names, by `crate::`.
    fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let is_word =
                self.code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if !is_word {
                found.extend(heads(&self.code[at + "crate::".len()..]));
            }
        }
        found
    }

    /// How often `super` must be said to leave the module, and what follows where it was said that often.
    fn climbs(&self) -> Vec<String> {
        let depth = self.path.trim_end_matches("/mod.rs").split('/').count();
        let chain = "super::".repeat(depth);
        let starts = self.code.match_indices(&chain).map(|(at, _)| &self.code[at + chain.len()..]);
        starts
            .map(word)
            .filter(|name| ORDER.contains(&name.as_str()) && name != self.module())
            .collect()
    }

    fn names_crate(&self, name: &str) -> bool {
        let whole = |at: usize| {
            !self.product()[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c))
        };
        let path = format!("{name}::");
        self.product().match_indices(&path).any(|(at, _)| whole(at))
    }
}

/// Comments are prose; strings with slashes in them are cut as well, which hides nothing that is looked for.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first words of a path, or of each path of a group.
fn heads(text: &str) -> Vec<String> {
    let Some(group) = text.strip_prefix('{') else {
        return vec![word(text)];
    };
    let (mut depth, mut heads, mut expected) = (0_i32, Vec::new(), true);
    for (at, letter) in group.char_indices() {
        match letter {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            _ if expected && !letter.is_whitespace() => {
                heads.push(word(&group[at..]));
                expected = false;
            }
            _ => {}
        }
    }
    heads
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    files(&root, &mut found);
    found.sort();
    assert!(!found.is_empty());
    found.iter().map(|path| Source::read(&root, path)).collect()
}

/// Every file of a room; `lib.rs` and `main.rs` are the doors.
fn rooms() -> Vec<Source> {
    let doors = ["lib.rs", "main.rs"];
    below("src").into_iter().filter(|source| !doors.contains(&source.path.as_str())).collect()
}

fn place(module: &str) -> usize {
    ORDER
        .iter()
        .position(|name| *name == module)
        .unwrap_or_else(|| panic!("`{module}` has no place in the order"))
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_module_names_only_modules_to_its_left() {
    let mut wrong = Vec::new();
    for source in rooms() {
        let own = place(source.module());
        for name in source.names().into_iter().chain(source.climbs()) {
            let later = ORDER.iter().position(|module| *module == name).is_none_or(|at| at > own);
            if later {
                wrong.push(format!("src/{} names crate::{name}", source.path));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_simulator_shares_nothing_with_what_it_checks() {
    let mut wrong = Vec::new();
    for source in rooms().iter().filter(|source| source.module() == "simulator") {
        let foreign = |name: &String| !SHARED_WITH_SIMULATOR.contains(&name.as_str());
        let names = source.names().into_iter().filter(foreign);
        wrong.extend(names.map(|name| format!("src/{} names crate::{name}", source.path)));
    }
    none(&wrong);
}

#[test]
fn crates_are_named_by_their_owners_only() {
    let mut wrong = Vec::new();
    for source in rooms() {
        for (name, owners) in OWNERS {
            let inside = |owner: &&str| source.module() == *owner || source.path.starts_with(owner);
            if source.names_crate(name) && !owners.iter().any(inside) {
                wrong.push(format!("src/{} names {name}, of {}", source.path, owners.join(", ")));
            }
        }
    }
    none(&wrong);
}

/// An owner who does not use a crate any more is taken off the list.
#[test]
fn every_owner_uses_what_it_owns() {
    let sources = rooms();
    let mut wrong = Vec::new();
    for (name, owners) in OWNERS {
        for owner in *owners {
            let inside =
                |source: &&Source| source.module() == *owner || source.path.starts_with(owner);
            let used = sources
                .iter()
                .filter(inside)
                .any(|source| source.names_crate(name) || uses_derive(source, name));
            if !used {
                wrong.push(format!("{owner} does not name {name}"));
            }
        }
    }
    none(&wrong);
}

fn uses_derive(source: &Source, name: &str) -> bool {
    source.product().contains(&format!("use {name}::"))
}

#[test]
fn the_core_does_nothing_but_think() {
    let banned = [
        "tokio",
        "tracing",
        "Instant::now",
        "SystemTime::now",
        "std::fs",
        "std::env",
        "std::thread",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "println!",
        "eprintln!",
        "async fn",
        ".await",
    ];
    let mut wrong = Vec::new();
    for source in rooms().iter().filter(|source| source.module() == "gate") {
        let named = banned.iter().filter(|word| source.product().contains(**word));
        wrong.extend(named.map(|word| format!("src/{} names {word}", source.path)));
    }
    none(&wrong);
}

/// The time that a comparison takes must not say how much was right.
#[test]
fn signatures_are_compared_in_constant_time() {
    let sources = rooms();
    let signature = sources.iter().find(|source| source.path == "gate/signature.rs").unwrap();
    let code = signature.product();
    assert_eq!(code.matches(".ct_eq(").count(), 1, "one comparison, and it is that of subtle");
    assert_eq!(code.matches(".finalize()").count(), 2, "the other signature is made in `sign`");
    assert!(
        code.contains(".finalize().into_bytes().as_slice().ct_eq(given)"),
        "with nothing in between"
    );
    for word in [
        "== given",
        "given ==",
        "!= given",
        "given !=",
        "eq_ignore_ascii_case",
        "starts_with",
        "verify_slice",
    ] {
        assert!(!code.contains(word), "{word}");
    }
    let elsewhere = sources
        .iter()
        .filter(|source| source.path != signature.path && source.module() != "simulator");
    for source in elsewhere {
        let code = source.product();
        assert!(!code.contains("Hmac<Sha1>"), "src/{} makes signatures of its own", source.path);
        let signs = code.contains(".sign(") && !source.path.starts_with("cli/");
        assert!(!signs, "src/{} could tell a stranger the right signature", source.path);
    }
}

#[test]
fn modules_are_declared_in_order() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    assert_eq!(declared.collect::<Vec<_>>(), ORDER);
}

#[test]
fn no_file_is_longer_than_anybody_reads() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests"] {
        let long = below(folder).into_iter().filter(|source| source.lines > LONGEST_FILE);
        wrong
            .extend(long.map(|source| format!("{folder}/{}: {} lines", source.path, source.lines)));
    }
    none(&wrong);
}

#[test]
fn nobody_opens_a_door_past_the_lints() {
    let mut wrong = Vec::new();
    for source in rooms() {
        if source.product().contains("allow(") && source.product().contains("#[allow(") {
            wrong.push(format!("src/{}: `expect` states a reason and goes away", source.path));
        }
    }
    none(&wrong);
}
