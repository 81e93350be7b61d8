//! A running process reads its configuration again.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Background, SECRET, site_without_webex};

fn hang_up(gateway: &Background) {
    let process = gateway.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
}

fn line(gateway: &mut Background, with: &str) -> Value {
    serde_json::from_str(&Background::line(&mut gateway.err, with)).unwrap()
}

/// As Kubernetes and careful editors do it: at once, under the same name.
fn replace(path: &Path, change: impl FnOnce(String) -> String) {
    let text = change(fs::read_to_string(path).unwrap());
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::metadata(path).unwrap().permissions()).unwrap();
    fs::rename(&new, path).unwrap();
}

#[test]
fn a_hangup_reloads_and_a_bad_file_leaves_the_old_one_in_force_and_says_so() {
    let site = site_without_webex();
    let yaml = site.path().join("gateway.yaml");
    let mut gateway = Background::start(site.path(), &["run"]);
    line(&mut gateway, "ready for webhooks");
    replace(&yaml, |text| text + "log: {level: debug}\n");
    hang_up(&gateway);
    let first = line(&mut gateway, "\"reloaded\"");
    assert_ne!(first["fields"]["old"], first["fields"]["config"]);
    replace(&yaml, |text| text.replace("policy:", "polcy:"));
    hang_up(&gateway);
    let mistake = line(&mut gateway, "E014");
    assert!(mistake["fields"]["message"].as_str().unwrap().contains("did you mean `policy`?"));
    line(&mut gateway, "what was in force stays");
    replace(&yaml, |text| text.replace("polcy:", "policy:"));
    hang_up(&gateway);
    let last = line(&mut gateway, "\"reloaded\"");
    assert_eq!(last["fields"]["old"], first["fields"]["config"]);
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_secret_that_changes_is_taken_without_being_asked_and_shown_nowhere() {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run"]);
    line(&mut gateway, "ready for webhooks");
    replace(&site.path().join("secret"), |_| format!("another-{SECRET}"));
    let exchanged = line(&mut gateway, "exchanged");
    assert_eq!(exchanged["fields"]["keys"], "bots.helpdesk.webhook_secret");
    assert!(!exchanged.to_string().contains(SECRET));
    let reloaded = line(&mut gateway, "\"reloaded\"");
    assert_eq!(reloaded["fields"]["old"], reloaded["fields"]["config"], "the same file");
    assert!(!reloaded.to_string().contains(SECRET));
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn with_watch_the_file_itself_is_enough() {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run", "--watch"]);
    line(&mut gateway, "ready for webhooks");
    replace(&site.path().join("gateway.yaml"), |text| text + "# the same, with a remark\n");
    let reloaded = line(&mut gateway, "\"reloaded\"");
    assert_ne!(reloaded["fields"]["old"], reloaded["fields"]["config"]);
    assert_eq!(gateway.terminate(), Some(0));
}
