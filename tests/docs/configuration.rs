//! docs/configuration.md: every key, from the schema of `gateway.yaml`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

use crate::words::{default, kind};

/// In the order in which a person fills them in; sections that are not named follow, from A to Z.
const ORDER: [&str; 10] =
    ["version", "orgs", "policy", "bots", "routes", "webex", "cache", "inbox", "server", "ops"];

const HEAD: &str = "# Configuration

Every key of `gateway.yaml`, made from the schema that `botwarden schema` prints and that editors take from
`gateway.schema.json`. The smallest useful file is [`gateway.yaml`](../gateway.yaml); everything else has a default.
`botwarden check` tells every mistake at once, with line and column. A key that is not listed here is an error.

`<name>` is a name of your own. Times are written `250ms`, `30s`, `10m`, `1d`; sizes `64KiB`, `1MiB`.

## Secrets

A secret is never in the file. It is one of

* `{file: /run/secrets/helpdesk_token}`: a file; one newline at its end is cut off;
* `{env: HELPDESK_TOKEN}`: an environment variable;
* `{credential: helpdesk_token}`: a file in `$CREDENTIALS_DIRECTORY`, as systemd passes them.

";

const TABLE: &str = "| key | type | default | |\n|---|---|---|---|\n";

/// One row of a table.
struct Row {
    key: String,
    kind: String,
    default: String,
    text: String,
}

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn page(schema: &Value, environment: &str) -> String {
    let sections = schema["properties"].as_object().unwrap();
    let mut page = String::from(HEAD);
    for name in ordered(sections) {
        section(&mut page, name, &sections[name], required(schema, name));
    }
    page + environment
}

fn ordered(sections: &Map<String, Value>) -> Vec<&str> {
    let known = ORDER.into_iter().filter(|name| sections.contains_key(*name));
    let others = sections.keys().map(String::as_str).filter(|name| !ORDER.contains(name));
    known.chain(others).collect()
}

fn section(page: &mut String, name: &str, schema: &Value, need: Need) {
    let mut rows = Vec::new();
    below(name, schema, &mut rows);
    write!(page, "## `{name}`\n\n").unwrap();
    if rows.is_empty() {
        rows.push(row(name, schema, need));
    } else {
        write!(page, "{}\n\n", description(schema)).unwrap();
    }
    writeln!(page, "{TABLE}{}", rows.iter().map(line).collect::<String>()).unwrap();
}

/// Whether a key must be there.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    May,
    Must,
}

fn required(parent: &Value, name: &str) -> Need {
    let names = parent["required"].as_array();
    let must = names.is_some_and(|names| names.iter().any(|one| one == name));
    if must { Need::Must } else { Need::May }
}

/// The rows of everything below a key, whichever form of it has keys.
fn below(path: &str, schema: &Value, rows: &mut Vec<Row>) {
    for (name, key) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        rows.push(row(&path, key, required(schema, name)));
        below(&path, key, rows);
    }
    let named = &schema["additionalProperties"];
    if named.is_object() {
        let path = format!("{path}.<name>");
        if !description(named).is_empty() && named["properties"].is_null() {
            rows.push(row(&path, named, Need::May));
        }
        below(&path, named, rows);
    }
    if !crate::words::is_secret(schema) {
        for form in ["anyOf", "oneOf"].iter().filter_map(|word| schema[*word].as_array()).flatten()
        {
            below(path, form, rows);
        }
    }
}

fn row(path: &str, schema: &Value, need: Need) -> Row {
    let default = match need {
        Need::Must => "required".to_owned(),
        Need::May => default(schema),
    };
    Row { key: path.to_owned(), kind: kind(schema), default, text: description(schema) }
}

fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
    let examples = schema["examples"].as_array().into_iter().flatten();
    examples.fold(text, |text, example| format!("{text} Example: `{example}`."))
}

fn line(row: &Row) -> String {
    let Row { key, kind, default, text } = row;
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{key}` | {} | {} | {} |\n", cell(kind), cell(default), cell(text))
}

#[test]
fn the_page_of_keys_is_up_to_date() {
    crate::current("configuration.md", &page(&schema(), crate::environment::PAGE));
}

#[test]
fn every_key_of_the_schema_says_what_it_is_for() {
    fn look(path: &str, schema: &Value, silent: &mut Vec<String>) {
        for (name, key) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if description(key).is_empty() {
                silent.push(path.clone());
            }
            look(&path, key, silent);
        }
        let inner = ["additionalProperties", "items"].map(|word| &schema[word]);
        for inner in inner.into_iter().filter(|inner| inner.is_object()) {
            look(path, inner, silent);
        }
        for form in ["anyOf", "oneOf"].iter().filter_map(|word| schema[*word].as_array()).flatten()
        {
            look(path, form, silent);
        }
    }
    let mut silent = Vec::new();
    look("", &schema(), &mut silent);
    assert!(silent.is_empty(), "{silent:?}");
}
