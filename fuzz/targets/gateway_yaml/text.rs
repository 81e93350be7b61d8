//! Texts that are nearly right, from bytes that are not.

use std::sync::LazyLock;

use serde_json::Value;

/// A secret that somebody wrote into the text.
pub(crate) const PLANTED: &str = "hunter2-hunter2";

/// A configuration with nearly everything in it; `@` is in the place of a secret.
const FULL: &str = include_str!("full.yaml");

/// The place of a planted secret, until all changes are made: no word has this sign, as some have `@`.
const OPEN: &str = "\u{e000}";

/// Values beside the words of the schema.
const VALUES: &[&str] = &[
    "true",
    "null",
    "~",
    "0",
    "1",
    "-1",
    "1.5",
    "99999999999999999999",
    "10s",
    "1h30m",
    "2weeks",
    "64KiB",
    "[]",
    "{}",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "|",
    ">",
    "&a",
    "*a",
    "!t",
    "<<",
    "?",
    "---",
    "...",
    "#",
    "*",
    "@",
    "%",
    "\t",
    "http://127.0.0.1:5000/",
    "unix:/run/bot.sock",
    "https://me:me@example.com/?q=1",
    "127.0.0.1:8080",
    "[::1]:8081",
    "systemd",
    "consumer",
    "0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11",
    "example",
    "helpdesk",
    "/webhooks/x",
    "{file: /run/token}",
    "{file: /run/webhook_secret}",
    "{file: /run/spare}",
    "{env: S0}",
    "{env: S1}",
    "{file: /none}",
    "2027-03-01",
    "\u{feff}",
    "\u{202e}",
    "\u{85}",
    "é",
];

/// In the place of a secret.
const SECRETS: &[&str] = &[
    "hunter2-hunter2",
    "\"hunter2-hunter2\"",
    "'hunter2-hunter2'",
    "{value: hunter2-hunter2}",
    "[hunter2-hunter2]",
    "{file: hunter2-hunter2}",
    "{env: hunter2-hunter2}",
    "{credential: hunter2-hunter2}",
    "{hunter2-hunter2: x}",
    "!hunter2-hunter2 x",
    "&hunter2-hunter2 x",
    "{file: /none, env: hunter2-hunter2}",
    "{file: /none} # hunter2-hunter2",
    "|\n      hunter2-hunter2\n      hunter2-hunter2",
    "\n      hunter2-hunter2",
    "\n      - hunter2-hunter2",
];

/// Every key and word of the schema, and the values.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut words: Vec<String> = VALUES.iter().copied().map(String::from).collect();
    gather(&botwarden::config::schema(), &mut words);
    let values = VALUES.len();
    words[values..].sort();
    words.dedup();
    words
});

fn gather(schema: &Value, words: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(keys)) = map.get("properties") {
                words.extend(keys.keys().cloned());
            }
            if let Some(Value::Array(names)) = map.get("enum") {
                words.extend(names.iter().filter_map(Value::as_str).map(String::from));
            }
            map.values().for_each(|part| gather(part, words));
        }
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, words)),
        _ => {}
    }
}

/// A text to be read.
pub(crate) struct Text {
    /// The text.
    pub(crate) bytes: Vec<u8>,
    /// Whether a secret stands where one belongs, and must not be repeated.
    pub(crate) is_planted: bool,
}

impl Text {
    /// The bytes themselves; or the whole configuration with changes: one in each five bytes, with a secret in it or
    /// without.
    pub(crate) fn new(how: u8, input: &[u8]) -> Self {
        match how % 3 {
            0 => Self { bytes: input.to_vec(), is_planted: false },
            1 => Self { bytes: changed(&full(None), input, "").into_bytes(), is_planted: false },
            _ => planted(input),
        }
    }
}

/// A secret in one of the places for them. Its line, and the keys above it, stay as they are: a secret under another key
/// would be no secret.
fn planted(input: &[u8]) -> Text {
    let [place, form, input @ ..] = input else {
        return Text { bytes: Vec::new(), is_planted: false };
    };
    let secret = SECRETS[usize::from(*form) % SECRETS.len()];
    let text = changed(&full(Some(usize::from(*place))), input, OPEN).replace(OPEN, secret);
    Text { bytes: text.into_bytes(), is_planted: true }
}

/// The whole configuration with references in the places of secrets, except one.
fn full(open: Option<usize>) -> String {
    let places = FULL.matches('@').count();
    let reference = |at| {
        if open.is_some_and(|open| open % places == at) {
            OPEN.to_owned()
        } else {
            format!("{{env: S{at}}}")
        }
    };
    let pieces = FULL.split('@').enumerate();
    pieces
        .map(
            |(at, piece)| {
                if at < places { piece.to_owned() + &reference(at) } else { piece.to_owned() }
            },
        )
        .collect()
}

/// Changes to lines. Those with `kept` in them stay, and all that they are indented under.
fn changed(text: &str, changes: &[u8], kept: &str) -> String {
    let mut lines: Vec<(String, bool)> = Vec::new();
    let all: Vec<&str> = text.lines().collect();
    for (at, line) in all.iter().enumerate() {
        let holds = !kept.is_empty() && (line.contains(kept) || is_above(&all, at, kept));
        lines.push(((*line).to_owned(), holds));
    }
    for change in changes.chunks_exact(5) {
        let [line, column, action, word, indent] = *change else { continue };
        apply(
            &mut lines,
            usize::from(line),
            usize::from(column),
            action,
            &word_of(word, action),
            indent,
        );
    }
    lines.into_iter().map(|(line, _)| line + "\n").collect()
}

/// Whether what is kept stands below this line, further to the right.
fn is_above(lines: &[&str], at: usize, kept: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let below = lines[at + 1..].iter().take_while(|line| indent(line) > indent(lines[at]));
    below.clone().any(|line| line.contains(kept))
}

fn word_of(word: u8, action: u8) -> String {
    let at = usize::from(word) + 256 * usize::from(action >> 6);
    WORDS[at % WORDS.len()].clone()
}

fn apply(
    lines: &mut Vec<(String, bool)>,
    line: usize,
    column: usize,
    action: u8,
    word: &str,
    indent: u8,
) {
    let at = line % (lines.len() + 1);
    let indented = |text: String| (" ".repeat(usize::from(indent % 12)) + &text, false);
    let fixed = lines.get(at).is_none_or(|(_, fixed)| *fixed);
    let within = |text: &str| {
        let column = column % (text.len() + 1);
        (0..=column).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    };
    match action % 8 {
        0 => lines.insert(at, indented(word.to_owned())),
        1 => lines.insert(at, indented(format!("{word}:"))),
        2 => lines.insert(at, indented(format!("{word}: {}", WORDS[column % WORDS.len()]))),
        3 => lines.insert(at, indented(format!("- {word}"))),
        4 if !fixed => drop(lines.remove(at)),
        5 if !fixed => {
            let at_column = within(&lines[at].0);
            lines[at].0.insert_str(at_column, word);
        }
        6 if !fixed => {
            let at_column = within(&lines[at].0);
            lines[at].0.truncate(at_column);
            lines[at].0 += word;
        }
        7 if !fixed => {
            let copy = lines[at].clone();
            lines.insert(at, copy);
        }
        _ => {}
    }
}
