//! Any text as `gateway.yaml`: it is read in bounded time, twice the same; every mistake has a place; and no secret is
//! ever repeated, neither one that was read from a file nor one that somebody wrote into the text.
//!
//! Input: how the text comes about (one byte), and the text or what makes it.
#![no_main]

#[path = "gateway_yaml/text.rs"]
mod text;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use botwarden::config::{Code, Problem, Source, load, reach, render};
use botwarden_fuzz::sample;
use libfuzzer_sys::fuzz_target;

use text::{PLANTED, Text};

/// Part of each secret that is read from somewhere.
const READ: &str = "hunter3-hunter3";

fuzz_target!(|input: &[u8]| {
    let Some((how, input)) = input.split_first() else { return };
    let text = Text::new(*how, input);
    let desk = Desk::new();
    let seen = seen(&text.bytes, &desk);
    assert_eq!(
        pieces(&seen),
        pieces(&self::seen(&text.bytes, &desk)),
        "read twice, and not the same"
    );
    assert!(!seen.contains(READ), "a secret from a file was repeated:\n{seen}");
    assert!(
        !text.is_planted || !seen.contains(PLANTED),
        "a secret in the text was repeated:\n{seen}"
    );
});

/// In an order of its own: sets have none.
fn pieces(seen: &str) -> Vec<&str> {
    let mut pieces: Vec<_> = seen.split([',', '{', '}']).map(str::trim).collect();
    pieces.sort_unstable();
    pieces
}

/// All that anybody could see of a load.
fn seen(bytes: &[u8], desk: &Desk) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut seen, problems) = match load(bytes, desk, sample::noon().wall) {
        Ok((config, warnings)) => {
            assert!(!warnings.iter().any(Problem::is_error));
            (format!("{config:?}"), warnings)
        }
        Err(problems) => {
            assert!(problems.iter().any(Problem::is_error), "refused without a reason");
            (String::new(), problems)
        }
    };
    for problem in &problems {
        check_place(problem, &text);
    }
    seen += &format!("{problems:?}{}", serde_json::to_string(&problems).unwrap());
    for colour in [false, true] {
        seen += &render(&problems, "gateway.yaml", &text, colour);
    }
    if let Some(reach) = reach(bytes, desk) {
        seen += &format!("{reach:?}");
    }
    seen
}

fn check_place(problem: &Problem, text: &str) {
    let whole_file = [Code::TooLarge, Code::NotUtf8, Code::TooMany].contains(&problem.code);
    let Some(place) = problem.place else {
        assert!(whole_file || !problem.path.is_empty(), "no place: {problem:?}");
        return;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Every sign that ends a line in YAML 1.1; a `\r\n` counts twice, which allows a little more.
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    assert!((1..=lines + 1).contains(&place.line), "beyond the file: {problem:?}");
    assert!(
        place.column >= 1 && place.column <= text.chars().count() + 2,
        "beyond its line: {problem:?}"
    );
}

/// Files and variables with secrets in them.
struct Desk(BTreeMap<&'static str, String>);

impl Desk {
    fn new() -> Self {
        let names = [
            "token",
            "webhook_secret",
            "spare",
            "S0",
            "S1",
            "S2",
            "S3",
            "S4",
            "S5",
            "S6",
            "S7",
            "S8",
        ];
        Self(names.map(|name| (name, format!("{name}-{READ}"))).into())
    }
}

impl Source for Desk {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let name = path.strip_prefix("/run").ok().and_then(Path::to_str);
        let secret = name.and_then(|name| self.0.get(name));
        secret
            .map(|secret| secret.clone().into_bytes())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn readable_by_others(&self, path: &Path) -> bool {
        path.ends_with("spare")
    }
}
