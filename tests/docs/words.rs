//! A schema in words: what kind of value it takes, and what it is when nothing is said.

use serde_json::Value;

/// Patterns that have a name among people. Others are texts.
const PATTERNS: [(&str, &str); 7] = [
    ("[a-zµ]", "time"),
    ("KiB", "size"),
    ("\\d{4}-\\d{2}-\\d{2}", "date, `2026-12-31`"),
    ("2[0-3]):", "time of day, `\"03:00\"`"),
    (":\\d+$", "address and port"),
    ("attachmentActions", "event, `messages.created`"),
    ("^\\.{0,2}/", "path"),
];

/// One of the three ways to name a secret.
pub(crate) fn is_secret(schema: &Value) -> bool {
    let forms = schema["oneOf"].as_array();
    let names = ["file", "env", "credential"];
    let refers = |form: &Value| names.iter().any(|name| !form["properties"][*name].is_null());
    forms.is_some_and(|forms| forms.iter().all(refers))
}

pub(crate) fn kind(schema: &Value) -> String {
    if is_secret(schema) {
        return "[secret](#secrets)".to_owned();
    }
    if let Some(values) = schema["enum"].as_array() {
        return one_of(values.iter().filter(|value| !value.is_null()).map(code));
    }
    if !schema["const"].is_null() {
        return code(&schema["const"]);
    }
    let forms = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    match forms {
        Some(forms) => one_of(forms.iter().filter(|form| form["type"] != "null").map(kind)),
        None => typed(schema),
    }
}

/// Of several types, the first that is not null; the default says whether null may be.
fn typed(schema: &Value) -> String {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(kind) => vec![kind.as_str()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    match kinds.iter().find(|kind| **kind != "null") {
        Some(&"array") => format!("list of {}", kind(&schema["items"])),
        Some(&"boolean") => "`true`, `false`".to_owned(),
        Some(&"integer" | &"number") => "number".to_owned(),
        Some(&"object") if schema["properties"].is_null() => "by name".to_owned(),
        Some(&"object") => "keys".to_owned(),
        _ => text(schema),
    }
}

fn text(schema: &Value) -> String {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let known = PATTERNS.iter().find(|(part, _)| pattern.contains(part));
    known.map_or("text", |(_, word)| word).to_owned()
}

fn one_of(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" or ")
}

/// Of keys that have defaults of their own, those are told there.
pub(crate) fn default(schema: &Value) -> String {
    match schema.get("default") {
        None => String::new(),
        Some(Value::Object(_)) if !schema["properties"].is_null() => String::new(),
        Some(Value::Object(keys)) if keys.is_empty() => "none".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(Value::Null) => "`null`".to_owned(),
        Some(value) => code(value),
    }
}

/// As it is written in YAML.
fn code(value: &Value) -> String {
    match value {
        // Else YAML 1.1 reads a number with the base sixty.
        Value::String(text) if text.contains(':') && text.len() == 5 => format!("`\"{text}\"`"),
        Value::String(text) => format!("`{text}`"),
        Value::Object(keys) => {
            let pairs = keys.iter().map(|(key, value)| format!("{key}: {}", bare(value)));
            format!("`{{{}}}`", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("`[{}]`", items.iter().map(bare).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
