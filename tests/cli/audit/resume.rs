//! Interrupted, and taken up again.

use std::process::{Output, Stdio};

use botwarden::simulator::{Fault, Misbehaviour};
use serde_json::Value;

use super::site::{Site, Webex, discreet, ends, interrupt, until};
use crate::harness::{document, err, out, program};

const ROOMS: usize = 12;

/// Clean rooms, but for the first.
fn world() -> String {
    let member = |number| if number == 0 { "tom" } else { "bob" };
    let room = |number| {
        format!("  r{number}: {{title: R, members: [ann, {}, helpdesk]}}\n", member(number))
    };
    format!("rooms:\n{}", (0..ROOMS).map(room).collect::<String>())
}

/// One call at a time.
fn site(webex: &Webex) -> Site {
    let site = Site::new(webex);
    let one = site.read("gateway.yaml").replace("webex: {", "webex: {max_in_flight: 1, ");
    site.write("gateway.yaml", &one);
    site
}

/// Half of the rooms are read, and no answer comes about the next: then it is interrupted.
fn interrupted(webex: &Webex, site: &Site, more: &[&str], signal: &str) -> Output {
    let held = format!("roomId={}", webex.id("r6"));
    webex.control.fault(Fault::new(Misbehaviour::HoldsAnswer).asking(&held));
    webex.control.clear_log();
    let mut command = program(site.path(), &Site::arguments(more));
    let audit = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("half of the rooms are read", || webex.readings(&webex.id("r6")) > 0);
    interrupt(&audit, signal);
    let output = audit.wait_with_output().unwrap();
    webex.control.clear_faults();
    discreet(&output);
    output
}

/// Rooms of a document, by whether they are clean.
fn rooms(json: &Value, state: &str) -> Vec<String> {
    let rows = json.pointer("/bots/0/rows").and_then(Value::as_array).unwrap().iter();
    let word = |row: &Value, name| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let rows = rows.filter(|row| word(row, "state").as_deref() == Some(state));
    rows.map(|row| word(row, "room_id").unwrap()).collect()
}

#[test]
fn what_was_clean_is_not_read_again_after_an_interruption() {
    let webex = Webex::with(&world());
    let site = site(&webex);
    let first = interrupted(&webex, &site, &["--json"], "-INT");
    ends(&first, 130);
    assert!(err(&first).contains("--resume"), "{}", err(&first));
    let json = document(&first);
    let bot = &json["bots"][0];
    assert_eq!((bot["outcome"].as_str(), bot["rooms"].as_u64()), (Some("interrupted"), Some(12)));
    let (clean, dirty) = (rooms(&json, "clean"), rooms(&json, "outsiders"));
    assert!(!clean.is_empty() && clean.len() < ROOMS, "{json}");

    webex.control.clear_log();
    let second = site.audit(&["--resume", "--json"]);
    ends(&second, 1);
    let json = document(&second);
    assert_eq!(json["bots"][0]["rows"].as_array().unwrap().len(), ROOMS);
    assert_eq!(json["bots"][0]["resumed"], clean.len());
    for room in &clean {
        assert_eq!(webex.readings(room), 0, "read again");
    }
    for room in &dirty {
        assert_eq!(webex.readings(room), 1, "what is not clean is always read");
    }
    let left = std::fs::read_dir(site.path().join("state")).unwrap().count();
    assert_eq!(left, 0, "a complete audit leaves nothing to go on with");
}

#[test]
fn an_interruption_tells_what_was_found_so_far() {
    let webex = Webex::with(&world());
    let site = site(&webex);
    let text = interrupted(&webex, &site, &[], "-TERM");
    ends(&text, 130);
    let page = out(&text);
    let told = page.lines().find(|line| line.starts_with("helpdesk: interrupted: ")).unwrap();
    assert!(told.contains(" of 12 rooms; read now: "), "{page}");
    let lines = interrupted(&webex, &site, &["-o", "jsonl"], "-INT");
    ends(&lines, 130);
    let count = out(&lines).lines().count();
    assert!((1..ROOMS).contains(&count), "{}", out(&lines));
    assert!(err(&lines).contains("interrupted: "), "{}", err(&lines));
}

#[test]
fn another_configuration_or_no_wish_to_resume_reads_everything() {
    let webex = Webex::with(&world());
    let site = site(&webex);
    ends(&interrupted(&webex, &site, &[], "-INT"), 130);
    let other = site.read("gateway.yaml").replace("timeout: 2s", "timeout: 3s");
    site.write("gateway.yaml", &other);
    let resumed = document(&site.audit(&["--resume", "--json"]));
    assert_eq!(resumed["bots"][0]["resumed"], 0);

    ends(&interrupted(&webex, &site, &[], "-INT"), 130);
    let anew = document(&site.audit(&["--json"]));
    assert_eq!(anew["bots"][0]["resumed"], 0);
}

#[test]
fn the_state_holds_no_address_and_nothing_about_outsiders() {
    let webex = Webex::with(&world());
    let site = site(&webex);
    ends(&interrupted(&webex, &site, &["--with-emails"], "-INT"), 130);
    let state = site.read("state/audit-helpdesk.jsonl");
    assert!(state.lines().count() > 1, "{state}");
    assert!(!state.contains('@') && !state.contains("outsiders\""), "{state}");
}

#[test]
fn no_link_that_stands_in_the_way_of_the_state_is_followed() {
    let webex = Webex::with(&world());
    let site = site(&webex);
    std::fs::create_dir(site.path().join("state")).unwrap();
    site.write("victim", "precious");
    for name in ["audit-helpdesk.new", "audit-helpdesk.jsonl"] {
        let link = site.path().join("state").join(name);
        std::os::unix::fs::symlink(site.path().join("victim"), link).unwrap();
    }
    ends(&interrupted(&webex, &site, &[], "-INT"), 130);
    assert_eq!(site.read("victim"), "precious");
    assert!(site.read("state/audit-helpdesk.jsonl").contains("audit-state"));
}
