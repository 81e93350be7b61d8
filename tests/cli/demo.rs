//! The demo.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use crate::harness::{Background, document, err, out, run};

#[test]
fn the_demo_comes_out_as_expected() {
    let output = run(&["demo", "--once"]);
    let page = out(&output);
    assert_eq!(output.status.code(), Some(0), "{page}\n{}", err(&output));
    assert!(page.contains("10 of 10 as expected.\n"), "{page}");
    assert!(page.ends_with("The audit found the rooms with outsiders.\n"), "{page}");
    assert!(!page.contains('\u{1b}') && err(&output).is_empty(), "{page}");
    for (verdict, lines) in
        [("ALLOW ", 6), ("DENY ", 3), ("REJECT ", 1), ("WAIT ", 1), ("SKIP ", 1)]
    {
        let shown = page.lines().filter(|line| line.matches(verdict).count() == 2).count();
        assert_eq!(shown, lines, "{verdict}\n{page}");
    }
}

#[test]
fn the_demo_for_machines() {
    let document = document(&run(&["demo", "--once", "--json"]));
    assert_eq!(document["schema"], "botwarden/demo/1");
    assert_eq!((&document["as_expected"], &document["total"]), (&json!(10), &json!(10)));
    let slow = &document["scenes"][6]["events"][0];
    assert!(slow["took_s"].as_f64().unwrap() >= 2.0, "Webex asked for 2 s: {slow}");
    let guest = &document["scenes"][1]["events"][0];
    assert_eq!((&guest["got"], &guest["reason"]), (&json!("deny"), &json!("outside_org")));
    assert_eq!(guest["bot_answered"], false);
}

#[test]
fn the_demo_shows_an_audit_with_its_table() {
    let page = out(&run(&["demo", "--once"]));
    let row = |title: &str| page.lines().find(|line| line.starts_with(title)).unwrap().to_owned();
    assert!(row("ROOM").contains("OUTSIDERS"), "{page}");
    assert!(row("Partners").contains("5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22"), "{page}");
    assert!(
        row("Helpdesk").contains("consumer") && row("Helpdesk").contains("would hide"),
        "{page}"
    );
    assert!(page.contains("6 rooms: 4 clean, 2 with outsiders, 0 unknown"), "{page}");
    let rooms = &document(&run(&["demo", "--once", "--json"]))["rooms"];
    assert_eq!(rooms["as_expected"], true);
    assert_eq!(rooms["audit"]["bots"][0]["counts"]["outsiders"], 2);
}

#[test]
fn the_demo_stays_until_it_is_stopped() {
    let mut demo = Background::start(Path::new("."), &["demo", "--color", "always"]);
    let line = Background::line(&mut demo.out, "ALLOW");
    assert!(line.contains("\u{1b}["), "{line}");
    Background::line(&mut demo.out, "10 of 10");
    Background::line(&mut demo.err, "Ctrl-C");
    let join = Background::line(&mut demo.err, "control/join");
    let address = join.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let body = r#"{"room":"staff","person":"tom"}"#;
    let mut control = std::net::TcpStream::connect(address).unwrap();
    write!(
        control,
        "POST /control/join HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let record = Background::line(&mut demo.out, "memberships.created");
    assert!(record.contains("DENY") && record.contains("outside_org"), "{record}");
    assert_eq!(demo.terminate(), Some(0));
}
