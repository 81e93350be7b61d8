use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn written() -> String {
    serde_json::to_string_pretty(&schema()).unwrap() + "\n"
}

/// To write it anew: `UPDATE_SCHEMA=1 cargo nextest run the_schema_in_the_repository_is_current`
#[test]
fn the_schema_in_the_repository_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("gateway.schema.json");
    if Machine.var("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, written()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), written());
}

#[test]
fn every_key_has_a_description_and_a_default_or_is_required() {
    let mut keys = 0;
    walk(&schema(), "", &mut keys);
    assert!(keys > 70, "{keys}");
}

fn walk(schema: &Value, path: &str, keys: &mut usize) {
    let none = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&none);
    for (name, key) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let description = key["description"].as_str().unwrap_or_default();
        assert!(description.len() > 4 && !description.ends_with('`'), "{path}: {description}");
        let optional = path.contains(".policy.") || key.get("default").is_some();
        assert!(optional || required.iter().any(|r| r == name), "{path}");
        *keys += 1;
        walk(key, &path, keys);
    }
    for inner in ["additionalProperties", "items"] {
        walk_inner(&schema[inner], path, keys);
    }
    for inner in ["anyOf", "oneOf"] {
        for case in schema[inner].as_array().into_iter().flatten() {
            walk_inner(case, path, keys);
        }
    }
}

fn walk_inner(schema: &Value, path: &str, keys: &mut usize) {
    if schema.is_object() {
        walk(schema, path, keys);
    }
}

/// As much of draft 07 as the schema uses; an unknown keyword fails the test.
fn accepts(schema: &Value, value: &Value) -> bool {
    let Some(rules) = schema.as_object() else {
        return schema.as_bool().unwrap();
    };
    let all = |cases: &Value| {
        cases.as_array().unwrap().iter().filter(|case| accepts(case, value)).count()
    };
    rules.iter().all(|(rule, want)| match rule.as_str() {
        // `pattern` would need an engine for regular expressions; `properties` is read below
        "$schema" | "default" | "description" | "format" | "pattern" | "properties" | "title" => {
            true
        }
        "type" => is_of(want, value),
        "const" => value == want,
        "enum" => want.as_array().unwrap().contains(value),
        "anyOf" => all(want) > 0,
        "oneOf" => all(want) == 1,
        "minimum" => value.as_f64().is_none_or(|value| value >= want.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|value| value <= want.as_f64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.len() >= number(want)),
        "minItems" => value.as_array().is_none_or(|items| items.len() >= number(want)),
        "items" => {
            value.as_array().is_none_or(|items| items.iter().all(|item| accepts(want, item)))
        }
        "required" => value.as_object().is_none_or(|map| {
            want.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| {
                accepts(rules.get("properties").and_then(|p| p.get(key)).unwrap_or(want), value)
            })
        }),
        other => panic!("{other}"),
    })
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("{other}"),
    };
    match kinds.as_array() {
        Some(kinds) => kinds.iter().any(is),
        None => is(kinds),
    }
}

/// Where more about the bot fits in.
const BOTS: &str = "bots:\n  helpdesk:\n";

#[test]
fn the_schema_takes_what_the_gateway_takes_and_refuses_what_it_refuses() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let value = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
    assert!(accepts(&schema, &value(EXAMPLE)));
    assert!(accepts(&schema, &value(full::FULL)));
    for (old, new) in [
        ("version: 1", "version: 2"),
        ("    upstream:", "    upsteam:"),
        ("{file: /run/secrets/helpdesk_token}", "hunter2"),
        ("{file: /run/secrets/helpdesk_token}", "{file: a, env: b}"),
        ("allowed_orgs: [example]", "allowed_orgs: []"),
        ("  allowed_orgs: [example]\n", "  allowed_orgs: [example]\n  mode: off\n"),
        (
            "  allowed_orgs: [example]\n",
            "  allowed_orgs: [example]\n  resources: {a: signature_only}\n",
        ),
        ("  allowed_orgs: [example]\n", "  allowed_orgs: [example]\n  resources: {a: {}}\n"),
        ("    bot: helpdesk\n", "    bot: helpdesk\n    unverified: 404\n"),
        ("    bot: helpdesk\n", ""),
        ("    bot: helpdesk\n", "    bot: helpdesk\n    events: messages.created\n"),
        (BOTS, "bots:\n  helpdesk:\n    webhooks: {manage: yes}\n"),
        (BOTS, "bots:\n  helpdesk:\n    webhooks: {evry: 10m}\n"),
        (BOTS, "bots:\n  helpdesk:\n    audit: {leave_rooms_with_outsiders: always}\n"),
        (BOTS, "bots:\n  helpdesk:\n    audit: {reports: {keep: 30d}}\n"),
        (BOTS, "bots:\n  helpdesk:\n    audit: {farewell: {text: \"\"}}\n"),
        (
            "  allowed_orgs: [example]\n",
            "  allowed_orgs: [example]\n  on_deny: {notify: everybody}\n",
        ),
    ] {
        assert!(!accepts(&schema, &value(&exchanged(old, new))), "{new}");
    }
}

#[test]
fn the_defaults_in_the_schema_are_those_of_the_gateway() {
    let schema = schema();
    let mut text = EXAMPLE.to_owned();
    for section in ["server", "ops", "admin", "log", "webex", "cache", "inbox"] {
        text += &format!("{section}: {}\n", schema["properties"][section]["default"]);
    }
    let policy = &schema["properties"]["policy"]["properties"];
    let orgs = "  allowed_orgs: [example]\n";
    let on_deny = format!("{orgs}  on_deny: {}\n", policy["on_deny"]["default"]);
    text = text.replace(orgs, &on_deny);
    let bot = &schema["properties"]["bots"]["additionalProperties"]["properties"];
    let (webhooks, audit) = (&bot["webhooks"]["default"], &bot["audit"]["default"]);
    text = text.replace(BOTS, &format!("{BOTS}    webhooks: {webhooks}\n    audit: {audit}\n"));
    let show =
        |text: &str| format!("{:?}", loaded(text).0).replace(&*loaded(text).0.fingerprint, "");
    assert_eq!(show(&text), show(EXAMPLE));
}
