//! How much of a line may be shown: nothing from the first thing on that may be a secret.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value as Schema;

use super::lines::lines;
use super::path::{Path, Step};
use super::problem::{Place, is_content, similar};
use super::schema::schema;
use super::tree::{self, Key, Node, Value};

/// For each line, how many characters of it may be shown.
pub(super) struct Veil {
    hidden_from: Vec<Place>,
    all: bool,
}

impl Veil {
    /// Reads the text once more. Where it is not YAML, nobody knows what is a secret, and all is hidden.
    pub(super) fn over(text: &str) -> Self {
        let Ok((root, _)) = tree::read(text) else {
            return Self { hidden_from: Vec::new(), all: true };
        };
        let mut marks = Vec::new();
        let lines: Vec<_> = lines(text).collect();
        walk(&root, &Path::default(), &lines, &mut marks);
        marks.sort_by_key(|(place, _)| *place);
        Self { hidden_from: hidden(&marks, &lines), all: false }
    }

    /// How many characters of a line may be shown.
    pub(super) fn visible(&self, line: usize) -> usize {
        if self.all {
            return 0;
        }
        let on_line = self.hidden_from.iter().filter(|place| place.line == line);
        let columns = on_line.map(|place| place.column.saturating_sub(1));
        columns.min().unwrap_or(usize::MAX)
    }
}

/// From each delicate mark to the end of its line, and all of the lines up to the next mark: the end of a value is not
/// known, and it may go over many lines.
fn hidden(marks: &[(Place, bool)], lines: &[&str]) -> Vec<Place> {
    let end = Place { line: lines.len() + 1, column: 1 };
    let next = marks.iter().skip(1).map(|(place, _)| *place).chain([end]);
    let mut hidden = Vec::new();
    let anchors: Vec<_> = lines.iter().map(|line| first_anchor(line)).collect();
    for ((place, _), next) in marks.iter().zip(next).filter(|((_, delicate), _)| *delicate) {
        let last = next.line - usize::from(begins(next, lines));
        hidden.push(with_anchor(*place, &anchors));
        hidden.extend((place.line + 1..=last).map(|line| Place { line, column: 1 }));
    }
    hidden
}

/// An anchor or a tag stands before its value and in no tree; it is hidden together with the value.
fn with_anchor(place: Place, anchors: &[usize]) -> Place {
    let first = place.line.checked_sub(1).and_then(|line| anchors.get(line));
    Place { column: place.column.min(first.copied().unwrap_or(usize::MAX)), ..place }
}

/// The first column of a line where one may stand. Looked for once a line, which may have thousands of values.
fn first_anchor(line: &str) -> usize {
    line.chars().position(|c| matches!(c, '&' | '!')).map_or(usize::MAX, |at| at + 1)
}

/// Whether nothing stands before a place on its line.
fn begins(place: Place, lines: &[&str]) -> bool {
    let line = place.line.checked_sub(1).and_then(|line| lines.get(line));
    let before = |line: &&str| {
        let mut before = line.chars().take(place.column.saturating_sub(1));
        before.all(|c| matches!(c, ' ' | '-'))
    };
    line.is_none_or(before)
}

/// The places of all keys and scalars, and whether they are delicate.
fn walk(node: &Node, path: &Path, lines: &[&str], marks: &mut Vec<(Place, bool)>) {
    match &node.value {
        Value::List(items) => {
            for (number, item) in items {
                walk(item, &path.item(*number), lines, marks);
            }
        }
        Value::Map(entries) if names_file(entries, path, lines) => {
            let places = entries.iter().flat_map(|(key, value)| [key.place, value.place]);
            marks.extend(places.map(|place| (place, false)));
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                let meant = meant(&key.text, path);
                let odd = path.is_delicate() || !path.may_tell(&key.text);
                marks.push((key.place, odd || (path.is_beside_secrets() && meant.is_none())));
                // What speaks of a secret by itself is not taken for a key that holds none, such as `key_file`.
                let meant = meant.filter(|_| !is_telling(&key.text)).unwrap_or(&key.text);
                walk(value, &path.then(Step::Key(meant.into())), lines, marks);
            }
        }
        Value::Text(text) => marks.push((node.place, is_delicate(text, path))),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Whole(_) => {
            marks.push((node.place, is_delicate("", path)));
        }
    }
}

/// Whether a secret's place holds nothing but `{file: PATH}`. Problems quote such a path, so it may be seen.
fn names_file(entries: &[(Key, Node)], path: &Path, lines: &[&str]) -> bool {
    const LONGEST: usize = 60;
    let [(key, Node { value: Value::Text(text), place })] = entries else { return false };
    let is_path = ["/", "./", "../"].iter().any(|start| text.starts_with(start))
        && text.len() <= LONGEST
        && !text.contains(char::is_whitespace);
    // An anchor or a tag would be shown with it, and stands in no tree.
    let line = place.line.checked_sub(1).and_then(|line| lines.get(line));
    let is_bare = line.is_some_and(|line| !line.contains(['&', '!']));
    &*key.text == "file" && is_path && is_bare && path.secret().as_ref() == Some(path)
}

const TOPS: &[&str] = &[
    "version",
    "orgs",
    "server",
    "ops",
    "log",
    "decision_log",
    "webex",
    "policy",
    "cache",
    "inbox",
    "routes",
];

const UPSTREAM: &[&str] =
    &["url", "connect_timeout", "timeout", "max_in_flight", "retry", "pass_signature"];

const TELLING: &[&str] =
    &["auth", "bearer", "cred", "header", "key", "pass", "secret", "sign", "token"];

/// Every key of the schema, wherever it belongs.
static KEYS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut keys = BTreeSet::new();
    gather(&schema(), &mut keys);
    keys
});

fn gather(schema: &Schema, keys: &mut BTreeSet<String>) {
    let own = schema.get("properties").and_then(Schema::as_object);
    keys.extend(own.into_iter().flat_map(|own| own.keys().cloned()));
    let members = schema.as_object().into_iter().flat_map(|all| all.values());
    members.chain(schema.as_array().into_iter().flatten()).for_each(|part| gather(part, keys));
}

/// The key that a word in this place stands for, also misspelled. A word that is none may have a secret in it, where a space
/// or a colon is missing.
fn meant<'a>(word: &'a str, path: &Path) -> Option<&'a str> {
    let free = path.has_names() || path.steps().last() == Some(&Step::Key("resources".into()));
    if free || KEYS.contains(word) {
        return Some(word);
    }
    // Nothing else can be similar; there may be thousands of words.
    let near = |key: &&str| key.len().abs_diff(word.len()) <= 3;
    similar(word, KEYS.iter().map(String::as_str).filter(near))
}

fn is_telling(key: &str) -> bool {
    TELLING.iter().any(|word| key.contains(word))
}

/// Known keys with such a word in them.
const HARMLESS: &[&str] = &["header_timeout", "key_file", "pass_signature", "signature_only"];

/// What is known under a bot and holds no secret.
const OF_BOTS: &[&[&str]] = &[
    &["webhooks", "manage"],
    &["webhooks", "events"],
    &["webhooks", "every"],
    &["audit", "every"],
    &["audit", "at"],
    &["audit", "requests_per_second"],
    &["audit", "reports", "dir"],
    &["audit", "reports", "keep"],
    &["audit", "leave_rooms_with_outsiders"],
    &["audit", "max_leave"],
    &["audit", "farewell", "text"],
    &["audit", "farewell", "at_most_every"],
];

/// What is known of the listener for operators and holds no secret.
const OF_ADMIN: &[&str] = &["listen", "allow_plain_http", "allowed_hosts"];

/// A value that is or may be a secret: in its place, elsewhere under a bot, under a key that nobody knows and that may be a
/// misspelled one, a password or a query in a URL, or no URL in the place of one.
fn is_delicate(text: &str, path: &Path) -> bool {
    let keys = || {
        path.steps().iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.to_lowercase()),
            Step::Item(_) => None,
        })
    };
    let known = match keys().collect::<Vec<_>>().as_slice() {
        [bots, _, rest @ ..] if bots == "bots" => OF_BOTS.iter().any(|known| *known == rest),
        [admin, key, ..] if admin == "admin" => OF_ADMIN.contains(&&**key),
        [top, ..] => TOPS.contains(&&**top),
        [] => false,
    };
    let telling = |key: String| {
        let word = is_telling(&key);
        let like = similar(&key, ["token", "webhook_secret", "secret"]).is_some();
        (word || like) && !HARMLESS.contains(&&*key)
    };
    let strange = match keys().collect::<Vec<_>>().as_slice() {
        [_, _, upstream, key, ..] if upstream == "upstream" => !UPSTREAM.contains(&&**key),
        [top, _, rest @ ..] if ["orgs", "bots", "routes"].contains(&&**top) => has_unknown(rest),
        keys => has_unknown(keys),
    };
    let calls = keys().next().is_some_and(|top| top == "webex");
    let password = text.contains('@') && (calls || text.contains(':'));
    let query = text.contains(['?', '#']) && text.contains("://");
    let upstream = keys().nth(2).is_some_and(|key| key == "upstream");
    let url = keys().nth(3).is_none_or(|key| key == "url");
    let malformed = upstream && url && !is_address(text);
    let content = keys().next_back().is_some_and(|key| key.ends_with("file")) && is_content(text);
    let place = path.is_delicate() || !known || strange || keys().any(telling);
    place || password || query || malformed || content
}

/// Whether there is a word among them that is no key; resources have names of their own.
fn has_unknown(keys: &[String]) -> bool {
    keys.iter().take_while(|key| *key != "resources").any(|key| !KEYS.contains(key))
}

/// Whether it looks like where a bot may be, and not like something else that was put in its place.
fn is_address(text: &str) -> bool {
    let begins = text.starts_with("unix:") || text.contains("://");
    text.is_empty() || (begins && !text.contains(char::is_whitespace))
}
