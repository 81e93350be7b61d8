//! Simulator, gateway, `check`, `explain` and `send` against each other.

use std::net::TcpListener;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::harness::{Background, SECRET, document, err, observe, out, program, run, run_in, site};

/// The simulator, and what it says about its world.
fn simulator() -> (Background, Value) {
    let arguments = ["simulate", "--listen", "127.0.0.1:0", "--json"];
    let mut simulator = Background::start(Path::new("."), &arguments);
    let mut documents = serde_json::Deserializer::from_reader(&mut simulator.out);
    let world = serde::Deserialize::deserialize(&mut documents).unwrap();
    (simulator, world)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

fn body(world: &Value, room: &str) -> String {
    let id = |person: &str| text(world, &format!("/people/{person}/id")).to_owned();
    let room = text(world, &format!("/rooms/{room}/id"));
    let created = jiff::Timestamp::now().to_string();
    let data = json!({"id": "m", "roomId": room, "personId": id("ann"), "created": created});
    let (creator, actor) = (id("helpdesk"), id("ann"));
    json!({"resource": "messages", "event": "created", "createdBy": creator, "actorId": actor, "data": data})
        .to_string()
}

/// As records show it.
fn uuid_of(id: &str) -> String {
    let uri = STANDARD_NO_PAD.decode(id).unwrap();
    String::from_utf8(uri).unwrap().rsplit_once('/').unwrap().1.to_owned()
}

pub(crate) fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

#[test]
fn the_simulated_world_is_there_for_people_too() {
    let arguments = ["simulate", "--listen", "127.0.0.1:0"];
    let mut simulator = Background::start(Path::new("."), &arguments);
    let api = Background::line(&mut simulator.out, "api ");
    assert!(api.contains("http://127.0.0.1:") && !api.contains(":0/"), "{api}");
    assert!(Background::line(&mut simulator.out, "PERSON ").contains("  ID  "));
    let ann = Background::line(&mut simulator.out, "Ann ");
    let id = ann.split_whitespace().find(|word| word.starts_with("Y2lz")).unwrap();
    assert!(STANDARD_NO_PAD.decode(id).unwrap().starts_with(b"ciscospark://us/PEOPLE/"), "{ann}");
    assert!(Background::line(&mut simulator.out, "helpdesk").contains("sim-token-helpdesk"));
    Background::line(&mut simulator.err, "Ctrl-C");
    assert_eq!(simulator.terminate(), Some(0));
    let missing = run(&["simulate", "--world", "nowhere.yaml"]);
    assert_eq!(missing.status.code(), Some(77));
}

#[test]
fn a_large_world_is_simulated_to_its_last_room() {
    let directory = tempfile::tempdir().unwrap();
    // What comes first is valid without what comes last, as it is where a file is cut off at the end of a line.
    let people = "people: {ann: {name: A, email: a@b.c, org: o}}\norgs: {o: consumer}\n";
    let filling = "# another line\n".repeat(100_000);
    let room = "rooms: {last: {title: Last, members: [ann]}}\n";
    std::fs::write(directory.path().join("world.yaml"), [people, &filling, room].concat()).unwrap();
    let arguments = ["simulate", "--world", "world.yaml", "--listen", "127.0.0.1:0", "--json"];
    let mut simulator = Background::start(directory.path(), &arguments);
    let mut documents = serde_json::Deserializer::from_reader(&mut simulator.out);
    let world: Value = serde::Deserialize::deserialize(&mut documents).unwrap();
    assert_eq!(text(&world, "/rooms/last/title"), "Last");
}

#[test]
fn check_looks_at_token_and_upstream() {
    let (_simulator, world) = simulator();
    let bot = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}/", bot.local_addr().unwrap());
    let site = site(text(&world, "/api"), &upstream);
    let good = run_in(site.path(), &["check"]);
    assert_eq!(good.status.code(), Some(0), "{}", out(&good));
    assert!(out(&good).contains("accepts connections") && err(&good).is_empty());
    drop(bot);
    let down = run_in(site.path(), &["check"]);
    assert_eq!(down.status.code(), Some(1), "{}", out(&down));
    std::fs::write(site.path().join("token"), "another-token-than-the-bot's").unwrap();
    let refused = run_in(site.path(), &["check"]);
    assert_eq!(refused.status.code(), Some(77), "{}", out(&refused));
    assert!(!out(&refused).contains("another-token"));
}

#[test]
fn explain_judges_rooms_and_events_as_the_gateway_does() {
    let (_simulator, world) = simulator();
    let site = site(text(&world, "/api"), "http://127.0.0.1:2/");
    let explain = |arguments: &[&str]| {
        run_in(site.path(), &[&["explain", "--route", "helpdesk"], arguments].concat())
    };
    let clean = explain(&["--room", text(&world, "/rooms/staff/id")]);
    assert_eq!(clean.status.code(), Some(0), "{}", out(&clean));
    let guests = explain(&["--room", text(&world, "/rooms/partners/id")]);
    let page = out(&guests);
    assert_eq!(guests.status.code(), Some(1), "{page}");
    for words in ["Tom Contoso", "NOT in allowed_orgs", "this bot, left out", "DENY", "rule 18"] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let uuid = uuid_of(text(&world, "/rooms/partners/id"));
    let bare = explain(&["--room", &uuid]);
    let page = out(&bare);
    assert!(page.contains("Tom Contoso") && page.contains("asked as Y2lz"), "{page}");
    assert!(page.contains("a room of another region may need its full id"), "{page}");
    let unknown = explain(&["--room", "946e4f40-d002-11e9-9ccb-a7e5bdebafb3", "--json"]);
    assert_eq!(document(&unknown)["reason"], "room_unknown");

    let yaml = site.path().join("gateway.yaml");
    let enforcing = std::fs::read(&yaml).unwrap();
    let day = observe(&yaml);
    let observed = explain(&["--room", text(&world, "/rooms/partners/id")]);
    let told = format!("mode observe until {day} 00:00 UTC");
    assert!(out(&observed).contains(&told), "{}", out(&observed));
    std::fs::write(&yaml, enforcing).unwrap();

    let event = body(&world, "staff");
    std::fs::write(site.path().join("event.json"), &event).unwrap();
    let right = explain(&["--event", "event.json", "--signature", &signature(&event)]);
    assert_eq!(right.status.code(), Some(0), "{}", out(&right));
    let bytes = format!("signature  matches, body is {} bytes", event.len());
    assert!(out(&right).contains(&bytes), "{}", out(&right));
    let wrong = explain(&["--event", "event.json", "--signature", &"0".repeat(40)]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(out(&wrong).contains("does not match"), "{}", out(&wrong));
    assert!(!out(&wrong).contains(&signature(&event)), "what would be right is nobody's business");
    assert_eq!(explain(&["--event", "event.json"]).status.code(), Some(0));
    let long_ago =
        explain(&["--event", "event.json", "--received", "2036-01-01T00:00:00Z", "--json"]);
    assert_eq!(document(&long_ago)["reason"], "event_too_old");
    std::fs::write(site.path().join("event.json"), "{}").unwrap();
    let malformed = explain(&["--event", "event.json", "--json"]);
    assert_eq!(document(&malformed)["reason"], "malformed");
}

#[test]
fn what_is_sent_is_decided_by_the_gateway() {
    let (_simulator, world) = simulator();
    let site = site(text(&world, "/api"), "http://127.0.0.1:2/");
    let mut gateway = Background::start(site.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let (listen, ops) = (text(&ready, "/fields/listen"), text(&ready, "/fields/ops"));
    let url = format!("http://{listen}/webhooks/helpdesk");
    let posted = |more: &[&str]| {
        let room = text(&world, "/rooms/partners/id");
        let first = ["send", "messages.created", "--route", "helpdesk", "--room", room];
        run_in(site.path(), &[&first[..], &["--url", &url], more].concat())
    };
    let sent = posted(&["--repeat", "2", "--json"]);
    assert_eq!(sent.status.code(), Some(0), "{}{}", out(&sent), err(&sent));
    assert_eq!(document(&sent)["answers"].as_array().unwrap().len(), 2);
    let denied = Background::line(&mut gateway.out, "outside_org");
    assert!(denied.contains("\"verdict\":\"deny\""), "{denied}");
    let digest = text(&document(&sent), "/body_sha256").to_owned();
    assert!(denied.contains(&digest), "{denied}");
    let uuid = uuid_of(text(&world, "/rooms/partners/id"));
    let sent = posted(&["--id", "m2", "--person", &uuid]);
    assert!(out(&sent).contains("signed, ") && out(&sent).contains("body_sha256 "));
    assert!(out(&sent).contains("200 means kept"), "{}", out(&sent));
    let event = ["send", "messages.created", "--route", "helpdesk", "--url", &url];
    let bare = run_in(site.path(), &[&event[..], &["--room", &uuid]].concat());
    assert!(err(&bare).contains("asked as Y2lz"), "{}", err(&bare));
    for _ in 0..2 {
        Background::line(&mut gateway.out, "outside_org");
    }
    let typo = ["send", "messages.craeted", "--route", "helpdesk", "--url", &url];
    let typo = run_in(site.path(), &typo);
    assert!(err(&typo).contains("messages have: created, deleted, updated"), "{}", err(&typo));
    for forged in ["--bad-signature", "--no-signature"] {
        let sent = posted(&[forged]);
        assert_eq!(sent.status.code(), Some(1), "{}", out(&sent));
        assert!(out(&sent).contains("403"), "{}", out(&sent));
        let wrong = out(&sent).contains("signed with a wrong secret");
        assert_eq!(wrong, forged == "--bad-signature", "{}", out(&sent));
    }
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let mut command = program(site.path(), arguments);
        assert!(command.env("BOTWARDEN_OPS_LISTEN", ops).status().unwrap().success());
    }
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn the_example_in_the_help_of_send_is_allowed() {
    let (_simulator, world) = simulator();
    let site = site(text(&world, "/api"), "http://127.0.0.1:2/");
    let mut gateway = Background::start(site.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let url = format!("http://{}/webhooks/helpdesk", text(&ready, "/fields/listen"));
    let (room, ann) = (text(&world, "/rooms/staff/id"), text(&world, "/people/ann/id"));
    let event = ["send", "messages.created", "--route", "helpdesk", "--url", &url];
    let sent = run_in(site.path(), &[&event[..], &["--room", room, "--person", ann]].concat());
    assert_eq!(sent.status.code(), Some(0), "{}", err(&sent));
    Background::line(&mut gateway.out, "\"verdict\":\"allow\"");
    // Killed: nobody takes the event, and a stop would wait for that.
}
