//! An operator changes a gateway that runs: by its real listener, with real files.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Background, document, err, out, program, site_without_webex};
use crate::reload::replace;

const OPERATOR: &str = "operator-operator-operator";
const VIEWER: &str = "viewer-viewer-viewer";

struct World {
    site: tempfile::TempDir,
    gateway: Background,
    admin: String,
}

/// A file that only its owner may read.
fn put(site: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = site.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn world() -> World {
    let site = site_without_webex();
    put(site.path(), "operator", OPERATOR);
    put(site.path(), "viewer", VIEWER);
    let typed = "admin: {listen: '127.0.0.1:0'";
    let more = ", operator_token: {file: ./operator}, viewer_token: {file: ./viewer}";
    let yaml = site.path().join("gateway.yaml");
    replace(&yaml, |text| text.replace(typed, &format!("{typed}{more}")));
    let mut gateway = Background::start(site.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let admin =
        format!("http://{}", ready.pointer("/fields/admin").and_then(Value::as_str).unwrap());
    World { site, gateway, admin }
}

impl World {
    fn edit(&self, from: &str, to: &str) {
        replace(&self.site.path().join("gateway.yaml"), |text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        });
    }

    fn run(&self, arguments: &[&str]) -> Output {
        program(self.site.path(), arguments).env("BOTWARDEN_ADMIN", &self.admin).output().unwrap()
    }

    fn run_with(&self, token: &str, arguments: &[&str]) -> Output {
        put(self.site.path(), "shown", token);
        self.run(&[arguments, &["--token-file", "./shown"]].concat())
    }

    fn hash(&self) -> Value {
        document(&self.run_with(VIEWER, &["status", "--json"]))
            .pointer("/config/hash")
            .unwrap()
            .clone()
    }
}

#[test]
fn a_reload_tells_the_operator_what_came_of_it_and_each_has_a_record() {
    let world = world();
    let before = world.hash();
    world.edit("drain_grace: 0s", "drain_grace: 0s, drain_timeout: 9s");
    let done = world.run_with(OPERATOR, &["reload"]);
    assert_eq!((done.status.code(), err(&done)), (Some(0), String::new()));
    let after = world.hash();
    let arrow = format!("config {} → {}\n", before.as_str().unwrap(), after.as_str().unwrap());
    assert_eq!(out(&done), arrow);

    world.edit("policy:", "polcy:");
    world.edit("path: /webhooks/helpdesk", "path: webhooks");
    let refused = world.run_with(OPERATOR, &["reload"]);
    assert_eq!(refused.status.code(), Some(78), "{}", err(&refused));
    let page = out(&refused);
    for words in
        ["error[E014]", "did you mean `policy`?", "error[E041]", "./gateway.yaml:3:1", "3 errors"]
    {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(err(&refused).contains("the old configuration stays in force"), "{}", err(&refused));
    assert_eq!(world.hash(), after);
    let (exit, records) = world.gateway.end();
    assert_eq!(exit, Some(0));
    let records: Vec<Value> =
        records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["started", "reloaded", "reload_failed", "draining", "stopped"]);
    assert_eq!(records[0]["config_hash"], before);
    let turned = (&records[1]["old_config_hash"], &records[1]["config_hash"]);
    assert_eq!(turned, (&before, &after));
    assert_eq!((&records[2]["config_hash"], records[2]["problems"].as_u64()), (&after, Some(3)));
    assert_eq!(records[4]["expired"], 0);
}

#[test]
fn keys_that_wait_for_a_restart_are_told_by_their_whole_names() {
    let world = world();
    world.edit("drain_grace: 0s", "drain_grace: 0s, body_limit: 1KiB");
    world.edit("admin: {listen: '127.0.0.1:0'", "admin: {listen: '127.0.0.1:1'");
    world.edit(", viewer_token: {file: ./viewer}", "");
    let more = "telemetry: {traceparent: drop, otlp_endpoint: 'http://127.0.0.1:1'}\n\
                decision_log: {chain: false}\nlog: {format: text}\n";
    replace(&world.site.path().join("gateway.yaml"), |text| text + more);
    let waiting = [
        "server.body_limit",
        "admin.listen",
        "log.format",
        "admin.viewer_token",
        "telemetry.otlp_endpoint",
        "telemetry.traceparent",
        "decision_log.chain",
    ];
    let told = document(&world.run_with(OPERATOR, &["reload", "--json"]));
    assert_eq!(told["restart"], json!(waiting), "{told}");
    let page = out(&world.run_with(OPERATOR, &["reload"]));
    assert!(page.contains("\nadmin.viewer_token waits for a restart\n"), "{page}");
    assert_eq!(world.run_with(VIEWER, &["status"]).status.code(), Some(0), "until then");
    assert_eq!(world.gateway.terminate(), Some(0));
}

#[test]
fn tokens_and_names_of_the_listener_follow_the_configuration() {
    let world = world();
    put(world.site.path(), "operator", "another-operator-another");
    let done = world.run_with(OPERATOR, &["reload", "--json"]);
    assert_eq!((done.status.code(), &document(&done)["restart"]), (Some(0), &json!([])));
    assert_eq!(world.run_with(OPERATOR, &["reload"]).status.code(), Some(77), "the old one");
    let done = world.run_with("another-operator-another", &["reload"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    world.edit("admin: {", "admin: {allowed_hosts: [elsewhere.example], ");
    world.edit("operator_token: {file: ./operator}, ", "");
    assert_eq!(world.run_with("another-operator-another", &["reload"]).status.code(), Some(0));
    let named = world.run_with(VIEWER, &["status"]);
    assert_eq!(named.status.code(), Some(77), "{}", err(&named));
    assert!(err(&named).contains("421"), "{}", err(&named));
    assert_eq!(world.gateway.terminate(), Some(0));
}
