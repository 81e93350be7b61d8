//! `webhooks rotate-secret`, with gateways that run.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Background, SECRET, document, err, out, reserved_port};
use crate::webhooks::{GATEWAY, MESSAGES, OTHERS, Site, code};

/// A gateway that runs, and where it listens.
fn gateway(site: &Site) -> (Background, String) {
    let mut gateway = Background::start(site.directory.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let listen = ready.pointer("/fields/listen").and_then(Value::as_str).unwrap();
    (gateway, format!("http://{listen}/"))
}

impl Site {
    /// Something happens, and the gateway takes what Webex tells of it.
    fn an_event_is_taken(&self) {
        let before = self.control.deliveries().len();
        self.control.post("ann", "staff", "/hello").unwrap();
        assert!(self.runtime.block_on(self.control.wait_idle(Duration::from_secs(30))));
        let deliveries = self.control.deliveries();
        let statuses: Vec<_> = deliveries.iter().skip(before).map(|one| one.status).collect();
        assert_eq!(statuses, [Some(200)]);
    }
}

#[test]
fn a_secret_is_replaced_without_losing_an_event() {
    let site = Site::open();
    let here = format!("127.0.0.1:{}", reserved_port());
    // There is no bot, so that events are kept to the end.
    site.edit(
        "127.0.0.1:0', drain_grace: 0s",
        &format!("{here}', drain_grace: 0s, drain_timeout: 1s"),
    );
    site.edit("https://bots.example.com", &format!("http://{here}"));
    let rotate = ["webhooks", "rotate-secret", "helpdesk", "--yes"];
    assert_eq!(code(&site.run(&["sync", "--yes"])), Some(0));
    let others = ("meetings", "started");
    site.register("elsewhere", "https://elsewhere.example/", others, Some(OTHERS));
    let writes = site.writes();
    let (old, _) = gateway(&site);
    site.an_event_is_taken();

    let made = site.run(&rotate);
    assert_eq!(code(&made), Some(0), "{}", err(&made));
    let both = "webhook_secret: [{file: ./secret}, {file: ./secret.next}]";
    assert!(out(&made).contains(both), "{}", out(&made));
    let fresh = std::fs::read_to_string(site.path("secret.next")).unwrap();
    assert_eq!(code(&site.run(&rotate)), Some(0));
    assert_eq!(std::fs::read_to_string(site.path("secret.next")).unwrap(), fresh, "made once");

    site.edit("webhook_secret: {file: ./secret}", both);
    let early = site.run(&rotate);
    assert_eq!(code(&early), Some(1), "{}", err(&early));
    assert!(err(&early).contains("does not accept the new secret"), "{}", err(&early));
    assert_eq!(old.terminate(), Some(0));
    let gone = site.run(&rotate);
    assert_eq!(code(&gone), Some(69), "{}", err(&gone));
    let (accepting, _) = gateway(&site);
    let unasked = site.run(&rotate[..3]);
    assert_eq!(code(&unasked), Some(2), "{}", err(&unasked));
    assert_eq!(site.writes(), writes, "no webhook carries what no gateway accepts");

    site.an_event_is_taken();
    let before = site.control.webhooks();
    let moved = site.run(&rotate);
    assert_eq!(code(&moved), Some(0), "{}{}", out(&moved), err(&moved));
    assert!(out(&moved).contains("The old secret may go after 20"), "{}", out(&moved));
    assert!(out(&moved).contains("webhook_secret: {file: ./secret.next}"), "{}", out(&moved));
    assert_eq!(site.control.webhooks(), before, "names and targets stay");
    for (name, secret) in site.secrets() {
        let wanted = if name == "elsewhere" { OTHERS } else { fresh.as_str() };
        assert_eq!(secret.as_deref(), Some(wanted), "{name}");
    }
    site.an_event_is_taken();

    let writes = site.writes();
    let again = site.run(&rotate);
    assert_eq!(code(&again), Some(0), "{}", err(&again));
    assert!(out(&again).contains("helpdesk: done, "), "{}", out(&again));
    let told = document(&site.run(&["webhooks", "rotate-secret", "helpdesk", "--json"]));
    assert_eq!((&told["done"], &told["moved"]), (&json!(true), &json!([])), "{told}");
    assert_eq!(code(&site.run(&["webhooks", "list"])), Some(0), "the new one is accepted");
    assert_eq!(site.writes(), writes);
    site.edit(both, "webhook_secret: {file: ./secret.next}");
    assert_eq!(accepting.terminate(), Some(0));
    let (_new, _) = gateway(&site);
    site.an_event_is_taken();
    assert_eq!(code(&site.run(&["webhooks", "list"])), Some(0), "the old one may go");
}

#[test]
fn two_secrets_in_the_wrong_order_are_told_and_no_webhook_gets_the_old_one_back() {
    let site = Site::open();
    site.register("botwarden:helpdesk", GATEWAY, MESSAGES, Some(SECRET));
    assert_eq!(code(&site.run(&["webhooks", "rotate-secret", "helpdesk"])), Some(0));
    let backwards = "webhook_secret: [{file: ./secret.next}, {file: ./secret}]";
    site.edit("webhook_secret: {file: ./secret}", backwards);
    let rotate = ["webhooks", "rotate-secret", "helpdesk", "--yes", "--no-canary"];
    let refused = site.run(&rotate);
    assert_eq!((code(&refused), out(&refused)), (Some(78), String::new()), "{}", err(&refused));
    assert!(err(&refused).contains("turn them around"), "{}", err(&refused));
    let right = "webhook_secret: [{file: ./secret}, {file: ./secret.next}]";
    site.edit(backwards, right);
    let moved = site.run(&rotate);
    assert_eq!((code(&moved), site.writes()), (Some(0), 1), "{}", err(&moved));
    site.edit(right, backwards);
    assert_eq!((code(&site.run(&rotate)), site.writes()), (Some(78), 1), "it stays the new one");

    std::fs::rename(site.path("secret.next"), site.path("fresh")).unwrap();
    site.edit(backwards, "webhook_secret: [{file: ./fresh}, {file: ./secret}]");
    let fresh = site.path("fresh").metadata().unwrap().modified().unwrap();
    let old = std::fs::File::options().write(true).open(site.path("secret")).unwrap();
    old.set_modified(fresh - Duration::from_hours(24)).unwrap();
    let older = site.run(&rotate);
    assert_eq!((code(&older), site.writes()), (Some(78), 1), "{}", err(&older));
    assert!(err(&older).contains("is older than that of the first"), "{}", err(&older));
}

#[test]
fn somebody_who_takes_everything_proves_nothing() {
    let site = Site::open();
    site.register("botwarden:helpdesk", GATEWAY, MESSAGES, Some(SECRET));
    assert_eq!(code(&site.run(&["webhooks", "rotate-secret", "helpdesk"])), Some(0));
    let list =
        "webhook_secret: [{file: ./secret}, {file: ./secret.next}], webhooks: {manage: none}";
    site.edit("webhook_secret: {file: ./secret}", list);
    site.edit("bot: helpdesk, ", "bot: helpdesk, unverified: 200, ");
    let (_gateway, door) = gateway(&site);
    let rotate = ["webhooks", "rotate-secret", "helpdesk", "--yes"];
    let unproved = site.run(&[&rotate[..], &["--gateway", &door]].concat());
    assert_eq!(code(&unproved), Some(1), "{}", err(&unproved));
    assert!(err(&unproved).contains("proves nothing"), "{}", err(&unproved));
    assert_eq!(site.writes(), 0);
    let told = site.run(&[&rotate[..], &["--no-canary"]].concat());
    assert_eq!(code(&told), Some(0), "{}", err(&told));
    assert_eq!(site.writes(), 1);
}

/// A Webex, or what stands before it, that answers yes to every change and makes none.
fn nodding(listed: &Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("http://{}/v1", listener.local_addr().unwrap());
    let listed = listed.to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
            stream.read_line(&mut first).unwrap();
            while stream.read_line(&mut line).unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            let body = if first.starts_with("GET ") { listed.as_str() } else { "{}" };
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    api
}

#[test]
fn a_change_that_webex_does_not_show_is_not_done() {
    let webhook = json!({
        "id": "w", "name": "botwarden:helpdesk", "targetUrl": GATEWAY, "resource": "messages", "event": "created",
        "secret": SECRET, "status": "active", "ownedBy": "creator",
    });
    let site = Site::open();
    assert_eq!(code(&site.run(&["webhooks", "rotate-secret", "helpdesk"])), Some(0));
    site.edit(
        "webhook_secret: {file: ./secret}",
        "webhook_secret: [{file: ./secret}, {file: ./secret.next}]",
    );
    site.edit(&site.api(), &nodding(&json!({"items": [webhook]})));
    let rotate = ["webhooks", "rotate-secret", "helpdesk", "--yes", "--no-canary"];
    let told = site.run(&rotate);
    assert_eq!(code(&told), Some(1), "{}{}", out(&told), err(&told));
    let page = out(&told);
    assert!(
        page.contains("FAILED   botwarden:helpdesk") && page.contains("lists another"),
        "{page}"
    );
    assert!(page.contains("1 of 1 webhook without the new secret"), "{page}");
    assert!(!page.contains("may go"), "{page}");
    let told = document(&site.run(&[&rotate[..], &["--json"]].concat()));
    let claims = (&told["done"], &told["without"], &told["old_may_go_after"]);
    assert_eq!(claims, (&json!(false), &json!(1), &Value::Null), "{told}");
}
